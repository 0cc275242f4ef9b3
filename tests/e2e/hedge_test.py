"""A premium request whose backend is late gets a second attempt elsewhere. The
client sees one answer, from whichever is first; the other ends at once."""
import concurrent.futures
import http.client
import json
import os
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, chat, events, http_json,  # noqa: E402
                     samples, total, wait_for)

ALONE = "it measures which backend is first"
SLO = ('slo = ( { name = "voice"; ttft = "400ms"; percentile = 95; '
       'priority = "premium"; }, { name = "plain"; '
       'ttft = "400ms"; percentile = 95; priority = "standard"; } );\n')

FAST = {"ttft_low_ms": 20, "ttft_high_ms": 30, "fault": "none"}
WARM_UP = 60  # requests: what hedges may spend grows with them


def fleet(one, two):
    """Two backends that fail for different reasons."""
    return ('backends = ( { name = "one"; adapter = "vllm"; '
            f'url = "http://127.0.0.1:{one.port}/v1"; hardware = "gpu"; '
            'price = { input = 1.0; output = 1.0; }; '
            'probe_interval = "0s"; },\n'
            '{ name = "two"; adapter = "vllm"; hardware = "wafer"; '
            f'url = "http://127.0.0.1:{two.port}/v1"; '
            'price = { input = 2.0; output = 2.0; }; '
            'probe_interval = "0s"; } );\n'
            'models = ( { name = "m"; serve = ( '
            '{ backend = "one"; model = "fake-model"; }, '
            '{ backend = "two"; model = "fake-model"; } ); } );\n' + SLO)


class Answer:
    """A chat completion, read as it comes."""

    def __init__(self, gateway, body, headers):
        c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        c.request("POST", "/v1/chat/completions", json.dumps(body),
                  {"content-type": "application/json", **headers})
        r = c.getresponse()
        line = raw = r.readline()
        while b"word0" not in line and line:
            line = r.readline()
            raw += line
        self.first = time.monotonic()
        self.raw = (raw + r.read()).decode()
        self.status = r.status
        self.headers = {k.lower(): v for k, v in r.getheaders()}
        self.backend = self.headers.get("x-pointsman-backend")
        self.attempts = self.headers["x-pointsman-attempts"]
        c.close()


class Hedge(unittest.TestCase):
    def setUp(self):
        options = ("--tokens", "4", "--rate", "1000-1000")
        self.fakes = {"one": Fake(*options), "two": Fake(*options)}
        for fake in self.fakes.values():
            fake.configure(**FAST)
            self.addCleanup(fake.stop)

    def start(self, slo="voice", rest=""):
        """A gateway that has learnt of both; the name of the backend that it
        uses, and of the other."""
        self.gateway = Gateway(fleet(*self.fakes.values()) + rest)
        self.addCleanup(self.gateway.process.kill)  # where a test fails
        self.slo = slo
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.ask, ["warm"] * WARM_UP))
        used = self.ask("warm").backend
        # of the other it learns by a question of its own
        wait_for(lambda: all(f.stats()["finished"] > 0 and
                             f.stats()["running"] == 0
                             for f in self.fakes.values()),
                 what="both to be known")
        return used, "two" if used == "one" else "one"

    def ask(self, name, headers=None):
        return Answer(self.gateway,
                      chat("m", stream=True, fake={"id": name}),
                      {"x-slo-class": self.slo, **(headers or {})})

    def ask_hedged(self, name, headers=None):
        a = self.ask(name, headers)
        self.assertIn(" hedge id=" + a.headers["x-request-id"],
                      self.gateway.log())
        return a

    def slow(self, name, ttft_ms, fault="none"):
        self.fakes[name].configure(ttft_low_ms=ttft_ms, ttft_high_ms=ttft_ms,
                                   fault=fault)

    def gone(self, backend, name):
        """When that backend noticed that it had been given up."""
        call = wait_for(lambda: self.fakes[backend].calls().get(name),
                        what="the backend to notice")
        self.assertTrue(call["cancelled"])
        return call["gone_us"] / 1e6

    def line(self, answer):
        """The access log's, as a dictionary."""
        name = "id=" + answer.headers["x-request-id"]
        text = wait_for(
            lambda: [t for t in self.gateway.log().splitlines()
                     if name in t and " result=" in t], what="the log line")[0]
        return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', text))

    def receipt(self, answer):
        return http_json(
            self.gateway.admin, "GET",
            "/admin/v1/receipts/" + answer.headers["x-pointsman-receipt"])[2]

    def charged(self):
        return http_json(self.gateway.admin, "GET",
                         "/admin/v1/usage")[2]["total"]["charged_usd"]

    def test_who_waits_for_neither_pays_for_both(self):
        used, other = self.start(rest='ledger = "ledger.db";\n')
        for name in (used, other):
            self.fakes[name].configure(fault="hang")
        before = self.charged()
        status, headers, _ = self.gateway.chat(
            chat("m", stream=True),
            {"x-slo-class": "voice", "x-stainless-timeout": "1"})
        self.assertEqual(status, 504)
        self.assertEqual(headers["x-pointsman-attempts"], "2")
        # for a prompt of 2 tokens, at 1 and at 2 USD a million
        self.assertAlmostEqual(self.charged() - before, 6e-6, 9)

    def test_a_late_backend_is_outrun(self):
        used, other = self.start()
        before = samples(self.gateway.metrics())
        self.slow(used, 5000)
        a = self.ask_hedged("late")
        self.assertEqual(a.status, 200)
        self.assertEqual(a.backend, other)
        self.assertEqual(a.attempts, "2")
        self.assertEqual(events(a.raw)[-1], "[DONE]")
        self.assertEqual(a.raw.count("word0"), 1)
        self.assertLess(self.gone(used, "late") - a.first, 0.05)
        line = self.line(a)
        self.assertEqual(line["attempts"], "2")
        self.assertEqual(line["backend"], other)
        self.assertEqual(line["reason"], "hedge")
        plan = self.receipt(a)["plans"][-1]
        self.assertTrue(plan["hedge"])
        self.assertEqual({c["backend"]: c["verdict"]
                          for c in plan["candidates"]},
                         {used: "late", other: "chosen"})
        # The prompt was read twice.
        price = {"one": 1e-6, "two": 2e-6}
        self.assertAlmostEqual(
            float(line["cost"]),
            price[other] * (int(line["tokens_in"]) + int(line["tokens_out"])) +
            price[used] * int(line["tokens_in"]), places=9)
        after = samples(self.gateway.metrics())
        for name, labels, want in (
                ("pointsman_hedges_total", {"backend": other}, 1),
                ("pointsman_hedges_total", {"backend": used}, 0),
                ("pointsman_attempts_total",
                 {"backend": used, "fault": "outrun"}, 1),
                ("pointsman_retries_total", {"model": "m"}, 0)):
            self.assertEqual(total(after, name, **labels) -
                             total(before, name, **labels), want,
                             (name, labels))
        self.assertEqual(self.gateway.stop(), 0)

    def ask_whole(self, name):
        """What is not streamed."""
        body = chat("m", fake={"id": name}, max_tokens=4)
        status, headers, raw = self.gateway.chat(
            body, {"x-slo-class": self.slo})
        return status, headers, raw, time.monotonic()

    def test_a_whole_answer_that_does_not_come_is_outrun(self):
        used, other = self.start()
        for _ in range(20):  # how long answers are
            self.ask_whole("usual")
        self.slow(used, 9000)
        status, headers, raw, at = self.ask_whole("whole")
        self.assertEqual(status, 200, raw)
        self.assertEqual(headers["x-pointsman-backend"], other)
        self.assertEqual(headers["x-pointsman-attempts"], "2")
        self.assertLess(self.gone(used, "whole") - at, 0.05)
        self.assertIn(" hedge id=" + headers["x-request-id"],
                      self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_first_may_still_win(self):
        used, other = self.start()
        self.slow(used, 700)
        self.slow(other, 5000)
        a = self.ask_hedged("first")
        self.assertEqual((a.status, a.backend, a.attempts), (200, used, "2"))
        self.assertLess(self.gone(other, "first") - a.first, 0.05)
        self.assertNotEqual(self.line(a)["reason"], "hedge")
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_hedge_that_fails_costs_nothing(self):
        used, other = self.start()
        self.slow(used, 700)
        self.fakes[other].configure(fault="500")
        a = self.ask_hedged("alone")
        self.assertEqual((a.status, a.backend, a.attempts), (200, used, "2"))
        self.assertIn(f"attempt_failed id={a.headers['x-request-id']} "
                      f"backend={other} ", self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_hedge_goes_on_when_the_first_fails(self):
        used, other = self.start()
        self.slow(used, 500, fault="error_first")
        self.slow(other, 700)
        a = self.ask_hedged("left")
        self.assertEqual((a.status, a.backend, a.attempts), (200, other, "2"))
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_last_to_fail_speaks(self):
        used, other = self.start()
        self.slow(used, 500, fault="error_first")
        self.slow(other, 700, fault="error_first")
        a = self.ask_hedged("both")
        self.assertEqual((a.status, a.attempts), (502, "2"))
        self.assertIn("all_backends_failed", a.raw)
        self.assertIn(f"the last one, {other}", a.raw)
        self.assertEqual(self.gateway.stop(), 0)

    def test_neither_is_tried_twice(self):
        used, other = self.start()
        self.slow(used, 700, fault="error_first")
        self.fakes[other].configure(fault="500")
        a = self.ask_hedged("once")
        self.assertEqual((a.status, a.attempts), (502, "2"))
        self.assertIn(f"the last one, {used}", a.raw)
        self.assertEqual(self.gateway.stop(), 0)

    def test_the_deadline_ends_both(self):
        used, other = self.start()
        self.slow(used, 9000)
        self.slow(other, 9000)
        a = self.ask_hedged("deadline", {"x-stainless-timeout": "1"})
        self.assertEqual((a.status, a.attempts), (504, "2"))
        for name in (used, other):
            self.assertLess(self.gone(name, "deadline") - a.first, 0.05)
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_client_that_leaves_ends_both(self):
        used, other = self.start()
        self.slow(used, 9000)
        self.slow(other, 9000)
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True, fake={"id": "left"})),
                  {"content-type": "application/json", "x-slo-class": "voice"})
        for fake in self.fakes.values():
            wait_for(lambda f=fake: f.stats()["running"] > 0,
                     what="both to have it")
        left = time.monotonic()
        c.close()
        for name in (used, other):
            self.assertLess(self.gone(name, "left") - left, 0.05)
        self.assertEqual(self.gateway.stop(), 0)

    def test_only_premium_is_hedged(self):
        used, _ = self.start("plain")
        self.slow("one", 700)
        self.slow("two", 700)
        a = self.ask("plain")
        self.assertEqual((a.status, a.attempts), (200, "1"))
        self.assertNotIn(" hedge id=", self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_hedges_under_load_leave_nothing_behind(self):
        used, other = self.start()
        self.fakes[used].configure(ttft_low_ms=10, ttft_high_ms=400)
        bad = []

        def client(n):
            for i in range(15):
                a = self.ask(f"load{n}.{i}")
                if a.status != 200 or events(a.raw)[-1] != "[DONE]" or \
                        a.raw.count("word0") != 1:
                    bad.append((a.status, a.raw))

        threads = [threading.Thread(target=client, args=(n,))
                   for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(bad, [])
        self.assertIn(" hedge id=", self.gateway.log())
        wait_for(lambda: all(s["in_flight"] == 0
                             for b in self.gateway.backends().values()
                             for s in b["servings"]),
                 what="every place to be given back")
        wait_for(lambda: all(f.stats()["running"] == 0
                             for f in self.fakes.values()),
                 what="the backends to be idle")
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
