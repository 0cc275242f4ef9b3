"""Vectors in the encoding that was asked for, where a reply has many, and what
is asked in a long body: others are served meanwhile."""
import array
import base64
import http.client
import json
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Gateway, Stub, backend, conf,  # noqa: E402
                     wait_for)

ALONE = "it measures how long others wait"
VECTORS, SIZE = 512, 1536


def vector(i):
    return array.array("f", ((i * 31 + k) % 1999 / 1999 - 0.5
                             for k in range(SIZE)))


def reply(encode):
    return json.dumps({"object": "list", "data": [
        {"object": "embedding", "index": i, "embedding": encode(vector(i))}
        for i in range(VECTORS)]})


def as_base64(v):
    return base64.b64encode(v.tobytes()).decode()


class Long(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # whatever it is asked for, it answers in the other encoding
        cls.replies = {"base64": reply(list), "float": reply(as_base64)}

    def setUp(self):
        self.asked, self.same = 0, False
        self.stub = Stub(self.answer)
        self.addCleanup(self.stub.stop)
        self.gateway = Gateway(
            conf([backend("one", self.stub.port, 'probe_interval = "0s";',
                          "openai")], "workers = 1;\n"))
        self.addCleanup(self.gateway.process.kill)  # where a test fails

    def answer(self, request):
        self.asked += 1
        asked = json.loads(request.body)["encoding_format"]
        if self.same:
            asked = {"base64": "float", "float": "base64"}[asked]
        return (200, {"content-type": "application/json"},
                self.replies[asked])

    def body(self, encoding):
        return {"model": "m", "input": ["x"] * VECTORS,
                "encoding_format": encoding}

    def post(self, body, out):
        """What is read is not parsed here: none of the time is ours."""
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=120)
        c.request("POST", "/v1/embeddings", body,
                  {"content-type": "application/json"})
        answer = c.getresponse()
        out += [answer.status, answer.read()]
        c.close()

    def send(self, body):
        """(status, what is answered, how long it took, the longest that
        another waited for an answer of the only worker meanwhile)"""
        out, waits = [], []
        began = time.monotonic()
        t = threading.Thread(target=self.post, args=(body, out))
        t.start()
        other = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                           timeout=120)
        while t.is_alive():
            before = time.monotonic()
            other.request("GET", "/v1/models")
            other.getresponse().read()
            waits.append(time.monotonic() - before)
        took = time.monotonic() - began
        other.close()
        return *out, took, max(waits)

    def ask(self, encoding):
        """(vectors, took, waited)"""
        status, said, *times = self.send(json.dumps(self.body(encoding)))
        self.assertEqual(status, 200, said[:500])
        return [e["embedding"] for e in json.loads(said)["data"]], *times

    def test_as_base64(self):
        got, took, wait = self.ask("base64")
        self.assertEqual(got, [as_base64(vector(i)) for i in range(VECTORS)])
        self.assertLess(wait, took / 3)
        self.assertEqual(self.gateway.stop(), 0)

    def test_as_lists(self):
        got, took, wait = self.ask("float")
        self.assertEqual([array.array("f", v) for v in got],
                         [vector(i) for i in range(VECTORS)])
        self.assertLess(wait, took / 3)
        self.assertEqual(self.gateway.stop(), 0)

    def test_as_they_came(self):
        self.same = True
        got, took, wait = self.ask("float")
        self.assertEqual([array.array("f", v) for v in got],
                         [vector(i) for i in range(VECTORS)])
        self.assertLess(wait, took / 3)
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_long_question(self):
        values = [[[1, 2], {"a": None}]] * 400_000
        text = json.dumps({"model": "unknown", "input": "x", "y": values})
        shares = []
        # it is short: one look may be at another process
        for body, status, message in 3 * [
                (text, 404, '"unknown"'),
                (text[:-2] + " \n]]", 400,
                 "byte 9200043: expected ',' or '}'")]:
            got, said, took, wait = self.send(body)
            self.assertEqual(got, status)
            self.assertIn(message, json.loads(said)["error"]["message"])
            shares.append(wait / took)
        self.assertLess(min(shares[0::2]), 1 / 3)
        self.assertLess(min(shares[1::2]), 1 / 3)
        self.assertEqual(self.gateway.stop(), 0)

    def converts(self):
        """The backend's part is over, and its place free."""
        one, = self.gateway.backends()["one"]["servings"]
        return (self.asked and one["in_flight"] == 0
                and self.gateway.status()["requests"] == 1)

    def test_who_leaves_in_the_middle_leaves_nothing_behind(self):
        raw = json.dumps(self.body("float")).encode()
        with socket.create_connection(
                ("127.0.0.1", self.gateway.port)) as s:
            s.sendall(b"POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\n"
                      b"content-type: application/json\r\ncontent-length: "
                      + str(len(raw)).encode() + b"\r\n\r\n" + raw)
            wait_for(self.converts, 20, "the conversion")
        wait_for(lambda: self.gateway.status()["requests"] == 0,
                 what="the end")
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
