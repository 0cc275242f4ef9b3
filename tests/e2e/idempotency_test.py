"""Requests of one Idempotency-Key at the same time: one of them works."""
import http.client
import json
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, backend, chat, conf, wait_for  # noqa: E402


class Meanwhile(unittest.TestCase):
    extra = "workers = 2;\n"

    def setUp(self):
        self.fake = Fake("--tokens", "3")
        self.addCleanup(self.fake.stop)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        self.gateway = Gateway(conf(
            [backend("one", self.fake.port, 'probe_interval = "0s";')],
            self.extra))
        self.addCleanup(self.gateway.process.kill)  # where a test fails

    def slow(self, ttft_ms):
        self.fake.configure(ttft_low_ms=ttft_ms, ttft_high_ms=ttft_ms)

    def requests(self):
        return self.fake.stats()["requests"]

    @staticmethod
    def body(text="hello"):
        body = chat("m", max_tokens=3)
        body["messages"][0]["content"] = text
        return json.dumps(body).encode()

    def ask(self, key, text="hello", out=None, headers=None):
        answer = self.gateway.chat(
            self.body(text), {"idempotency-key": key, **(headers or {})})
        if out is not None:
            out.append(answer)
        return answer

    def begin(self, *args, **named):
        """In a thread of its own; what comes of it is added to the list."""
        out = []
        t = threading.Thread(target=self.ask, args=args,
                             kwargs={**named, "out": out})
        t.start()
        return t, out

    def test_all_get_the_one_answer(self):
        self.slow(500)
        before = self.requests()
        asked = [self.begin("k") for _ in range(24)]
        for t, _ in asked:
            t.join()
        answers = [out[0] for _, out in asked]
        self.assertEqual({a[0] for a in answers}, {200})
        self.assertEqual(len({str(a[2]) for a in answers}), 1)
        self.assertEqual(self.requests() - before, 1)
        replays = [a for a in answers
                   if "x-pointsman-idempotent-replay" in a[1]]
        self.assertEqual(len(replays), len(answers) - 1)
        self.assertIn("\npointsman_idempotent_replays_total 23\n",
                      self.gateway.metrics())
        self.assertEqual(self.gateway.stop(), 0)

    def test_another_body_is_refused_meanwhile(self):
        self.slow(1000)
        before = self.requests()
        first, out = self.begin("k")
        wait_for(lambda: self.requests() > before, what="the first at work")
        status, headers, body = self.ask("k", "something else")
        self.assertEqual(status, 409)
        self.assertEqual(headers["x-should-retry"], "false")
        self.assertEqual(body["error"]["code"], "idempotency_key_reused")
        self.assertEqual(out, [])  # which is still at work
        first.join()
        self.assertEqual(out[0][0], 200)
        self.assertEqual(self.gateway.stop(), 0)

    def test_when_the_first_leaves_another_does_it(self):
        self.slow(30000)
        before = self.requests()
        first = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        first.request("POST", "/v1/chat/completions", self.body(),
                      {"idempotency-key": "k"})
        wait_for(lambda: self.requests() > before, what="the first at work")
        self.slow(0)
        second, answer = self.begin("k")
        wait_for(lambda: self.gateway.status()["requests"] == 2,
                 what="the second to wait")
        self.assertEqual(self.requests(), before + 1)
        first.close()
        second.join()
        status, headers, _ = answer[0]
        self.assertEqual(status, 200)
        self.assertNotIn("x-pointsman-idempotent-replay", headers)
        self.assertEqual(self.requests(), before + 2)
        self.assertEqual(self.gateway.stop(), 0)

    def test_who_waits_keeps_its_own_deadline(self):
        self.slow(1500)
        before = self.requests()
        first, _ = self.begin("k")
        wait_for(lambda: self.requests() > before, what="the first at work")
        status, _, body = self.ask(
            "k", headers={"x-stainless-timeout": "0.3"})
        self.assertEqual(status, 504)
        self.assertEqual(body["error"]["code"], "deadline_exceeded")
        self.assertEqual(self.requests(), before + 1)
        first.join()
        self.assertEqual(self.gateway.stop(), 0)


class Off(Meanwhile):
    extra = 'idempotency = { window = "0s"; };\n'

    def test_all_get_the_one_answer(self):
        before = self.requests()
        for _ in range(2):
            status, headers, _ = self.ask("k")
            self.assertEqual(status, 200)
            self.assertNotIn("x-pointsman-idempotent-replay", headers)
        self.assertEqual(self.requests() - before, 2)
        self.assertEqual(self.gateway.stop(), 0)

    test_another_body_is_refused_meanwhile = None
    test_when_the_first_leaves_another_does_it = None
    test_who_waits_keeps_its_own_deadline = None


if __name__ == "__main__":
    unittest.main()
