"""Two backends behind a gateway; what the first one says is the test's own,
byte by byte."""
import http.client
import json
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, backend, chat, conf  # noqa: E402

DONE = "data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 64, "total_tokens": 67}


def chunk(index=0, text=None, finish=None):
    delta = {} if text is None else {"content": text}
    return "data: " + json.dumps({"choices": [
        {"index": index, "delta": delta, "finish_reason": finish}]}) + "\n\n"


def counted():
    return "data: " + json.dumps({"choices": [], "usage": USAGE}) + "\n\n"


def whole(text, finish="stop", usage=USAGE):
    return json.dumps({"object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": finish, "message": {
            "role": "assistant", "content": text}}], "usage": usage})


class Says(Stub):
    """A backend that says what `reply` is: status, type, body; and what is in
    `headers`."""

    def __init__(self):
        self.calls, self.reply, self.asked = 0, None, b""
        self.headers = {}
        self.delay = 0
        super().__init__(self.answer)

    def answer(self, request):
        self.asked = request.body
        self.calls += 1
        time.sleep(self.delay)
        status, kind, body = self.reply
        return status, {"content-type": kind, **self.headers}, body


class Bed(unittest.TestCase):
    name, serve = "m", None

    def setUp(self):
        self.one, self.two = Says(), Says()
        self.begun = threading.Event()  # the answer, as its client sees it
        quiet = 'probe_interval = "0s";'
        self.gateway = Gateway(conf(
            [backend("one", self.one.port, quiet, "openai"),
             backend("two", self.two.port, quiet, "openai").replace(
                 "output = 1.0", "output = 2.0")],
            serve=self.serve, model=self.name))
        self.two.reply = 200, "application/json", whole("from two")

    def tearDown(self):
        self.assertEqual(self.gateway.stop(), 0)
        self.one.stop()
        self.two.stop()

    def ask(self, status, kind, text, **members):
        """What comes when the first backend says so: status, headers, text."""
        self.one.reply = status, kind, text
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=30)
        path = members.pop("path", "/v1/chat/completions")
        body = json.dumps(chat(members.pop("model", "m"), **members))
        self.begun.clear()
        c.request("POST", path, body, {"content-type": "application/json"})
        r = c.getresponse()
        self.begun.set()
        got = r.status, r.headers, r.read().decode()
        c.close()
        return got

    def stream(self, *parts, **members):
        return self.ask(200, "text/event-stream", "".join(parts),
                        stream=True, **members)

    def error(self, text):
        return json.loads(text)["error"]
