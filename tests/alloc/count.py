"""How often our own code allocates: for a request, and for a chunk.

Counted by the allocator of alloc.c, which is told to fail none. The release
flavour: a sanitized one keeps no memory for the next request.
"""
import http.client
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from alloc_test import Control  # noqa: E402
from harness import Fake, Gateway, backend, chat, conf  # noqa: E402

NEVER = 1 << 62
REQUESTS = 500
SHORT, LONG = 100, 2100  # tokens of a stream, a chunk each
A_REQUEST = 9  # at most; the last of the single digits
NOISE = 20  # what probes and ticks may take meanwhile


class Count(unittest.TestCase):
    def setUp(self):
        self.fake = Fake("--rate", "5000-5000")
        self.addCleanup(self.fake.stop)
        self.control = Control()
        self.gateway = Gateway(
            conf([backend("one", self.fake.port)], "workers = 1;\n"),
            self.control.env)
        self.addCleanup(self.gateway.stop)
        self.client = http.client.HTTPConnection(
            "127.0.0.1", self.gateway.port, timeout=60)
        self.addCleanup(self.client.close)

    def ask(self, **members):
        """The answer's size."""
        self.client.request("POST", "/v1/chat/completions",
                            json.dumps(chat("m", **members)),
                            {"content-type": "application/json"})
        answer = self.client.getresponse()
        body = answer.read()
        self.assertEqual(answer.status, 200, body)
        return len(body)

    def count(self, act):
        self.control.arm(NEVER)
        act()
        return self.control.count()

    def repeat(self, times, **members):
        for _ in range(times):
            self.ask(**members)

    def test_a_request(self):
        self.repeat(100, max_tokens=3)
        n = self.count(lambda: self.repeat(REQUESTS, max_tokens=3))
        print(f"allocations of our own: {n / REQUESTS:.2f} per request")
        self.assertGreater(n, 0)
        self.assertLessEqual(n, A_REQUEST * REQUESTS + NOISE)

    def test_a_chunk(self):
        self.repeat(3, max_tokens=LONG, stream=True)
        few = self.count(lambda: self.ask(max_tokens=SHORT, stream=True))
        many = self.count(lambda: self.ask(max_tokens=LONG, stream=True))
        print(f"allocations of our own: {few} for {SHORT} chunks, {many} for "
              f"{LONG}")
        self.assertLessEqual(many, few + NOISE)


if __name__ == "__main__":
    unittest.main()
