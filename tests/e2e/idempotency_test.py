"""Requests of one Idempotency-Key at the same time: one of them works."""
import http.client
import json
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     http_json, wait_for)


class Meanwhile(unittest.TestCase):
    extra = "workers = 2;\n"

    def setUp(self):
        self.fake = Fake("--tokens", "3")
        self.addCleanup(self.fake.stop)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        self.conf = conf(
            [backend("one", self.fake.port, 'probe_interval = "0s";')],
            self.extra)
        self.gateway = Gateway(self.conf)
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

    def test_who_waits_gets_it_though_it_is_not_kept(self):
        self.slow(1000)
        before = self.requests()
        asked = [self.begin("k") for _ in range(6)]
        wait_for(lambda: self.requests() > before
                 and self.gateway.status()["requests"] == 6,
                 what="all to be there")
        self.gateway.write(self.conf + 'idempotency = { window = "0s"; };\n')
        http_json(self.gateway.admin, "POST", "/admin/v1/reload")
        for t, _ in asked:
            t.join()
        self.assertEqual({out[0][0] for _, out in asked}, {200})
        self.assertEqual(self.requests() - before, 1)
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_replay_is_free_and_no_evidence(self):
        slo = {"x-slo-total-ms": "60000"}
        for _ in range(3):
            headers = self.ask("k", headers=slo)[1]
        self.assertIn("x-pointsman-idempotent-replay", headers)
        receipt = http_json(self.gateway.admin, "GET", "/admin/v1/receipts/"
                            + headers["x-pointsman-receipt"])[2]
        self.assertEqual(receipt["outcome"]["cost_usd"], 0)
        self.assertIsNone(receipt["outcome"]["slo_met"])
        self.assertRegex(self.gateway.metrics(),
                         r"\npointsman_slo_met_total\{[^}]*\} 1\n")
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_long_body_is_one_request(self):
        text = "x" * (1 << 20)  # more than is digested in one go
        before = self.requests()
        replays = ["x-pointsman-idempotent-replay" in self.ask("k", text)[1]
                   for _ in range(2)]
        self.assertEqual(replays, [False, True])
        self.assertEqual(self.ask("k", text[:-1] + "y")[0], 409)
        self.assertEqual(self.requests() - before, 1)
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

    test_who_waits_gets_it_though_it_is_not_kept = None
    test_a_replay_is_free_and_no_evidence = None
    test_a_long_body_is_one_request = None
    test_another_body_is_refused_meanwhile = None
    test_when_the_first_leaves_another_does_it = None
    test_who_waits_keeps_its_own_deadline = None


if __name__ == "__main__":
    unittest.main()
