"""Answers of backends that are long, packed, or without an end."""
import base64
import gzip
import json
import os
import random
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import Gateway, backend, chat, conf, events  # noqa: E402
from says import DONE, Bed, Says, chunk, whole  # noqa: E402


class Images(Bed):
    """An image in base64 is an event of some megabytes."""
    B64 = base64.b64encode(random.randbytes(3 << 20)).decode()

    def expect_whole(self, *parts, **members):
        status, headers, text = self.stream(*parts, **members)
        self.assertEqual(status, 200, text[:500])
        self.assertEqual(headers["x-pointsman-backend"], "one")
        self.assertTrue(text == "".join(parts), "not as it came")

    def test_of_a_chat(self):
        image = "data: " + json.dumps({"choices": [
            {"index": 0, "delta": {"role": "assistant", "images": [
                {"type": "image_url", "image_url": {
                    "url": "data:image/png;base64," + self.B64}}]}}]}) + "\n\n"
        self.expect_whole(image, chunk(text="there"), image, image,
                          chunk(finish="stop"), DONE)

    def test_of_a_response(self):
        def event(kind, **members):
            return f"event: response.{kind}\ndata: " + json.dumps(
                {"type": f"response.{kind}", **members}) + "\n\n"

        item = {"type": "image_generation_call", "id": "i", "status": "done"}
        self.expect_whole(
            event("created", response={"status": "in_progress"}),
            event("output_item.added", item=item),
            *[event("image_generation_call.partial_image",
                    partial_image_b64=self.B64) for _ in range(3)],
            event("output_item.done", item={**item, "result": self.B64}),
            event("completed", response={
                "status": "completed", "usage": {
                    "input_tokens": 3, "output_tokens": 4},
                "output": [{**item, "result": self.B64}]}),
            path="/v1/responses", messages=None, input="paint")

    def test_what_has_no_end_is_none(self):
        status, _, text = self.stream(
            chunk(text="a"), chunk(text="b" * (17 << 20)))
        self.assertEqual(status, 200)
        self.assertIn("(too_large)", self.error(events(text)[-1])["message"])


class Packed(Bed):
    """Answers that are packed, though we ask for them as they are."""

    def setUp(self):
        super().setUp()
        self.one.headers = {"content-encoding": "gzip"}

    def ask(self, status, kind, text, **members):
        return super().ask(status, kind, gzip.compress(text.encode()),
                           **members)

    def test_an_answer_is_unpacked(self):
        status, headers, text = self.ask(200, "application/json",
                                         whole("long " * 100_000))
        self.assertEqual((status, text), (200, whole("long " * 100_000)))
        self.assertEqual(headers["x-pointsman-backend"], "one")
        self.assertIsNone(headers["content-encoding"])

    def test_a_stream_is_unpacked(self):
        parts = (chunk(text="a") * 1000, chunk(finish="stop"), DONE)
        status, headers, text = self.stream(*parts)
        self.assertEqual((status, text), (200, "".join(parts)))
        self.assertEqual(headers["x-pointsman-backend"], "one")

    def test_an_error_says_what_it_is(self):
        said = {"message": "too long", "type": "invalid_request_error",
                "param": "messages", "code": "context_length_exceeded"}
        self.two.reply = (400, "application/json",
                          json.dumps({"error": {**said, "message": "same"}}))
        status, _, text = self.ask(400, "application/json",
                                   json.dumps({"error": said}))
        self.assertEqual((status, self.error(text)["code"]),
                         (400, "context_length_exceeded"))
        self.assertEqual(self.two.calls, 1, "it was not known for one")
        self.two.reply = 500, "application/json", "{}"
        said = {**said, "message": "never this", "code": "odd"}
        _, _, text = self.ask(400, "application/json",
                              json.dumps({"error": said}))
        self.assertEqual(self.error(text), said)

    def test_a_bomb_is_left_as_it_is(self):
        """Of 24 KB, 24 MB: a thousand times what came."""
        said = "x\n\n" * 8_000_000 + chunk(text="a") + \
            chunk(finish="stop") + DONE
        self.two.reply = (200, "text/event-stream",
                          chunk(text="b") + chunk(finish="stop") + DONE)
        status, headers, _ = self.stream(said)
        self.assertEqual((status, headers["x-pointsman-backend"]),
                         (200, "two"))
        self.assertIn("backend=one reason=too_large", self.gateway.log())

    def test_what_cannot_be_unpacked(self):
        """An answer is none; an error has its status all the same."""
        for coding, status, kind, reason in (
                ("gzip", 200, "application/json", "framing status=200"),
                ("snappy", 200, "text/event-stream", "framing status=200"),
                ("snappy", 429, "text/html", "rate_limited status=429")):
            self.one.headers = {"content-encoding": coding}
            _, headers, text = Bed.ask(
                self, status, kind, "not what it says to be")
            self.assertEqual((headers["x-pointsman-backend"], text),
                             ("two", whole("from two")))
            self.assertIn(f"backend=one reason={reason}", self.gateway.log())


class Endless:
    """A backend whose every answer is an error that never ends."""

    HEAD = (b"HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\n"
            b"transfer-encoding: chunked\r\n\r\n")

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.left = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        c = self.listener.accept()[0]
        with c:
            c.recv(65536)
            try:
                c.sendall(self.HEAD)
                while True:
                    c.sendall(b"1000\r\n" + 4096 * b"x" + b"\r\n")
            except OSError:
                self.left.set()

    def stop(self):
        self.listener.close()


class EndlessError(unittest.TestCase):
    def test_its_beginning_is_enough(self):
        """It is a server's error, tried elsewhere at once; not a timeout."""
        one, two = Endless(), Says()
        self.addCleanup(one.stop)
        self.addCleanup(two.stop)
        two.reply = 200, "application/json", whole("from two")
        quiet = 'probe_interval = "0s";'
        gateway = Gateway(conf(
            [backend("one", one.port, quiet + 'timeouts = { total = "3s"; };'),
             backend("two", two.port, quiet).replace(
                 "output = 1.0", "output = 2.0")]))
        self.addCleanup(gateway.process.kill)
        status, headers, _ = gateway.chat(chat("m"))
        self.assertEqual((status, headers["x-pointsman-backend"],
                          headers["x-pointsman-attempts"]), (200, "two", "2"))
        self.assertTrue(one.left.wait(10))
        self.assertIn("backend=one reason=server_error status=500 ",
                      gateway.log())
        self.assertEqual(gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
