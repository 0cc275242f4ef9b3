"""Limits of tenants and keys: who is let through, what is told, what returns.

For ten minutes instead of seconds, on a quiet machine:

    LIMITS_SECONDS=600 python3 tests/e2e/limits_test.py Rate
"""
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub, backend,  # noqa: E402
                     chat, conf, http_json, stay_within_a_day, wait_for)

SECONDS = float(os.environ.get("LIMITS_SECONDS", "5"))
CLIENTS = 50


def tenants(limits="", key_limits=""):
    return ('workers = 2;\n'
            'tenants = ( { name = "acme"; keys = [ "env:KEY_A", "env:KEY_B" ];'
            f' limits = {{ {limits} }}; key_limits = {{ {key_limits} }}; }},'
            ' { name = "other"; keys = [ "env:KEY_C" ]; } );\n')


def key(name="a"):
    return {"authorization": f"Bearer secret-{name}"}


class Limited(unittest.TestCase):
    """A gateway with one quick backend; starts with the test's limits."""

    def begin(self, limits="", key_limits="", extra="", adapter="vllm"):
        self.fake = Fake("--tokens", "10")
        self.addCleanup(self.fake.stop)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        self.gateway = Gateway(
            conf([backend("one", self.fake.port, 'probe_interval = "0s";',
                          adapter)],
                 tenants(limits, key_limits) + extra),
            env={"KEY_A": "secret-a", "KEY_B": "secret-b",
                 "KEY_C": "secret-c"})
        self.addCleanup(self.gateway.process.kill)
        self.served = self.fake.stats()["requests"]

    def end(self):
        self.assertEqual(self.gateway.stop(), 0)

    def ask(self, who="a", headers=None, **members):
        return self.gateway.chat(
            chat("m", **{"max_tokens": 10, **members}),
            {**key(who), **(headers or {})})

    def reached(self):
        return self.fake.stats()["requests"] - self.served


class Rate(Limited):
    """Three times the allowed rate, from many clients on two workers."""

    def client(self, until, every, count):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        body = json.dumps(chat("m", max_tokens=1))
        due = time.monotonic() + random.random() * every
        while due < until:
            time.sleep(max(0, due - time.monotonic()))
            c.request("POST", "/v1/chat/completions", body,
                      {"content-type": "application/json", **key("a")})
            r = c.getresponse()
            r.read()
            with self.lock:
                count[r.status] = count.get(r.status, 0) + 1
            due += every * random.uniform(0.5, 1.5)
        c.close()

    def test_three_times_the_rate(self):
        short = SECONDS < 300
        a_minute, burst = (6000, 0.05) if short else (600, 5)
        self.begin(f"requests_per_minute = {a_minute}; "
                   f'burst = "{int(burst * 1000)}ms";')
        self.lock, count = threading.Lock(), {}
        began = time.monotonic()
        every = CLIENTS / (3 * a_minute / 60)
        threads = [threading.Thread(
            target=self.client, args=(began + SECONDS, every, count))
            for _ in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        took = time.monotonic() - began
        allowed = a_minute / 60 * took
        print(f"limits: {count} in {took:.1f} s, "
              f"{100 * count[200] / allowed - 100:+.2f} % of the limit",
              file=sys.stderr)
        self.assertEqual(set(count), {200, 429})
        self.assertGreater(count[429], count[200])
        self.assertLessEqual(count[200], 1.01 * allowed + 1)
        # a busy machine may not even offer as much at every moment
        self.assertGreater(count[200], (0.7 if short else 0.99) * allowed)
        self.assertEqual(self.reached(), count[200])
        self.end()


class Told(Limited):
    def test_rate_of_requests(self):
        self.begin('requests_per_minute = 60; burst = "2s";')
        began = time.monotonic()
        first = self.ask()
        took = time.monotonic() - began
        self.assertEqual(first[0], 200)
        self.assertEqual(first[1]["x-ratelimit-limit-requests"], "60")
        self.assertEqual(first[1]["x-ratelimit-remaining-requests"], "1")
        reset = first[1]["x-ratelimit-reset-requests"]
        self.assertRegex(reset, "^[0-9]+ms$")
        self.assertTrue(1 - took <= int(reset[:-2]) / 1000 <= 1, reset)
        self.assertEqual(self.ask()[0], 200)
        status, headers, body = self.ask()
        self.assertEqual(status, 429)
        self.assertEqual(set(body["error"]),
                         {"message", "type", "param", "code"})
        self.assertEqual(body["error"]["type"], "requests")
        self.assertEqual(body["error"]["code"], "rate_limit_exceeded")
        self.assertIn("tenant acme", body["error"]["message"])
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")
        self.assertEqual(headers["retry-after"], "1")
        self.assertNotIn("x-should-retry", headers)
        time.sleep(int(headers["retry-after-ms"]) / 1000)
        self.assertEqual(self.ask()[0], 200)
        # others have their own, or none
        self.assertEqual(self.ask("c")[0], 200)
        self.assertNotIn("x-ratelimit-limit-requests", self.ask("c")[1])
        self.assertEqual(self.reached(), 5)
        self.end()

    def test_each_key_and_all_together(self):
        self.begin('requests_per_minute = 6; burst = "30s";',
                   'requests_per_minute = 6; burst = "20s";')
        self.assertEqual([self.ask("a")[0] for _ in range(3)],
                         [200, 200, 429])
        self.assertEqual([self.ask("b")[0] for _ in range(2)], [200, 429])
        status, _, body = self.ask("a")
        self.assertEqual(status, 429)
        self.assertIn("tenant acme", body["error"]["message"])
        self.end()

    def test_what_a_key_is_refused_costs_its_tenant_nothing(self):
        self.begin('requests_per_minute = 6; burst = "30s";',
                   'requests_per_minute = 6; burst = "10s";')
        for _ in range(20):
            self.ask("a")
        body = self.ask("a")[2]
        self.assertIn("key KEY_A", body["error"]["message"])
        self.assertEqual(self.ask("b")[0], 200)
        self.end()

    def test_what_no_backend_sees_is_told_as_not_taken(self):
        self.begin('requests_per_minute = 60; tokens_per_minute = 60000; '
                   'burst = "5s";')
        self.fake.stop()  # its breaker opens: 503 from then on
        wait_for(lambda: self.ask("c")[1]["x-pointsman-attempts"] == "0", 10)
        status, headers, _ = self.ask()
        self.assertEqual((status, headers["x-pointsman-attempts"]),
                         (503, "0"))
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "5")
        self.assertEqual(headers["x-ratelimit-remaining-tokens"], "5000")
        self.assertEqual(headers["x-ratelimit-reset-requests"], "0ms")
        self.end()

    def test_tokens_are_reserved_and_settled(self):
        self.begin('tokens_per_minute = 60000; burst = "60s";')
        headers = self.ask()[1]
        self.assertEqual(headers["x-ratelimit-limit-tokens"], "60000")
        left = int(headers["x-ratelimit-remaining-tokens"])
        for _ in range(5):
            usage = self.ask()[2]["usage"]
        used = 6 * usage["total_tokens"]
        left = int(self.ask()[1]["x-ratelimit-remaining-tokens"])
        # by now each has paid what it used, and this one its estimate
        self.assertLessEqual(60000 - left, used + 300)
        self.end()

    def test_as_much_is_reserved_as_any_backend_could_give(self):
        # few come back while an answer is awaited
        self.begin('tokens_per_minute = 3000; burst = "60s";')
        reserved = [
            3000 - int(self.ask(**lengths)[1]["x-ratelimit-remaining-tokens"])
            for lengths in ({"max_tokens": 1},
                            {"max_tokens": 1, "n_predict": 100000},
                            {"max_tokens": 1, "max_completion_tokens": -1})]
        self.assertLess(reserved[0], 20)
        self.assertGreater(min(reserved[1:]), 100)
        self.end()

    def test_tokens_run_out(self):
        self.begin('tokens_per_minute = 600; burst = "6s";')
        answers = [self.ask() for _ in range(30)]
        self.assertEqual(answers[0][0], 200)
        refused = [a for a in answers if a[0] == 429]
        self.assertTrue(refused)
        self.assertEqual(refused[0][2]["error"]["type"], "tokens")
        self.assertGreater(int(refused[0][1]["retry-after-ms"]), 0)
        status, headers, body = self.gateway.chat(
            {"model": "m", "messages": [
                {"role": "user", "content": "word " * 4000}]}, key())
        self.assertEqual(status, 429)
        self.assertEqual(headers["x-should-retry"], "false")
        self.assertIn("too large", body["error"]["message"])
        self.end()

    def test_budgets(self):
        stay_within_a_day()  # and no retry is worth its while
        # about 20 tokens at 1 USD a million: 2e-5 USD a request
        self.begin("daily_budget = 0.00005; soft = 0.3;")
        self.assertNotIn("x-pointsman-budget", self.ask()[1])
        statuses = []
        for _ in range(10):
            status, headers, body = self.ask()
            statuses.append(status)
            if status == 429:
                break
            soft = headers.get("x-pointsman-budget")
        self.assertEqual(soft, "soft")
        self.assertEqual(status, 429)
        self.assertEqual(body["error"]["type"], "insufficient_quota")
        self.assertEqual(body["error"]["code"], "insufficient_quota")
        self.assertEqual(headers["x-should-retry"], "false")
        self.assertLessEqual(int(headers["retry-after"]), 86400)
        self.assertEqual(self.reached(), statuses.count(200) + 1)
        self.assertIn("reason=soft", self.gateway.log())
        self.assertIn("reason=spent", self.gateway.log())
        # what costs nothing needs no budget
        status, _, body = http_json(
            self.gateway.port, "POST", "/v1/messages/count_tokens", chat("m"),
            key("a"))
        self.assertNotEqual(status, 429, body)
        # a reload forgives nothing
        self.gateway.send_signal(1)
        wait_for(lambda: self.gateway.status()["config_version"] == 2, 10)
        self.assertEqual(self.ask()[0], 429)
        self.assertEqual(self.ask("c")[0], 200)
        self.end()

    def test_who_hangs_up_before_the_end_has_paid(self):
        stay_within_a_day()
        self.begin("daily_budget = 1.0;", extra='ledger = "usage.db";\n')
        with socket.create_connection(
                ("127.0.0.1", self.gateway.port)) as s:
            body = json.dumps(chat("m", stream=True, fake={"itl_ms": 50}))
            s.sendall(("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost"
                       "\r\nauthorization: Bearer secret-a\r\n"
                       f"content-length: {len(body)}\r\n\r\n{body}").encode())
            seen = b""
            while seen.count(b"data: ") < 4:
                seen += s.recv(65536)
        wait_for(lambda: self.gateway.status()["requests"] == 0, 10)
        spent = self.spent()
        self.assertGreater(spent, 0)
        self.restart()
        self.assertAlmostEqual(self.spent(), spent, delta=1e-12)
        self.end()

    def test_who_will_not_wait_has_paid_for_the_prompt(self):
        stay_within_a_day()
        self.begin("daily_budget = 1.0;")
        body = chat("m", fake={"ttft_ms": 2000})
        body["messages"][0]["content"] = "word " * 4000
        self.assertEqual(self.gateway.chat(body, {
            "authorization": "Bearer secret-a",
            "x-stainless-timeout": "0.2"})[0], 504)
        self.assertAlmostEqual(self.spent(), 0.005, delta=1e-4)
        self.end()

    def spent(self):
        doc = http_json(self.gateway.admin, "GET", "/admin/v1/tenants")[2]
        return doc["tenants"][0]["spent_today_usd"]

    def restart(self):
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(20), 0)
        self.gateway.process.stdout.close()
        self.gateway.process = subprocess.Popen(
            [POINTSMAN, "serve", "-c", self.gateway.path],
            env={**os.environ, "KEY_A": "secret-a", "KEY_B": "secret-b",
                 "KEY_C": "secret-c"},
            stdout=subprocess.PIPE, stderr=self.gateway.log_file)
        self.addCleanup(self.gateway.process.kill)
        wait_for(self.gateway.ready, 20)

    def test_a_budget_outlives_a_restart(self):
        stay_within_a_day()
        self.begin("daily_budget = 0.00001;", extra='ledger = "usage.db";\n')
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.ask()[0], 429)
        self.restart()
        self.assertEqual(self.ask()[0], 429)
        self.assertEqual(self.ask("c")[0], 200)
        self.assertGreater(self.spent(), 1e-5)
        self.end()

    def test_too_long_an_answer_is_refused(self):
        self.begin("max_tokens = 50;")
        self.assertEqual(self.ask(max_tokens=50)[0], 200)
        for members, param in (
                ({"max_tokens": 51}, "max_tokens"),
                ({"max_tokens": 5, "max_completion_tokens": 51},
                 "max_completion_tokens"),
                ({"n_predict": 52, "max_tokens": 51}, "n_predict")):
            status, _, body = self.ask(**members)
            self.assertEqual((status, body["error"]["param"]), (400, param))
            self.assertIn(f" {param} asks for 5", body["error"]["message"])
        self.end()

    def test_who_says_no_length_gets_the_longest(self):
        self.begin("max_tokens = 4;")  # the backend would say ten
        for members in ({}, {"max_tokens": None}):
            answer = self.gateway.chat(chat("m", **members), key())[2]
            self.assertEqual(answer["usage"]["completion_tokens"], 4)
        self.end()


class Sent(unittest.TestCase):
    """What a backend is sent of the lengths that a client asks for."""

    def setUp(self):
        self.bodies = []
        stub = Stub(self.answer)
        self.addCleanup(stub.stop)
        self.gateway = Gateway(
            conf([backend("one", stub.port, 'probe_interval = "0s";',
                          "llamacpp")], tenants("max_tokens = 60;")),
            env={"KEY_A": "secret-a", "KEY_B": "secret-b",
                 "KEY_C": "secret-c"})
        self.addCleanup(self.gateway.process.kill)

    def answer(self, request):
        self.bodies.append(request.body)
        return 200, {}, {"choices": [
            {"index": 0, "finish_reason": "stop",
             "message": {"role": "assistant", "content": "hello"}}]}

    def send(self, lengths, who="a"):
        """The lengths that went on to the backend; or the status."""
        head = '{"model": "fake-model", "messages": [{"role": "user", ' \
               '"content": "hi"}]'
        self.bodies.clear()
        status, _, _ = self.gateway.chat(
            (head.replace("fake-model", "m") + lengths + "}").encode(),
            key(who))
        if status != 200:
            self.assertEqual(self.bodies, [])
            return status
        got = self.bodies[0].decode()
        self.assertTrue(got.startswith(head) and got.endswith("}"), got)
        return got[len(head):-1]

    def test_nothing_goes_beyond_the_cap(self):
        for lengths, want in (
                (', "max_tokens": 1, "n_predict": 100000', 400),
                (', "n_predict": 1, "n_predict": 61', 400),
                (', "n_predict": 61', 400),
                (', "n_predict": 60', ', "n_predict": 60,"max_tokens":60'),
                (', "n_predict": -1', ', "n_predict": 60,"max_tokens":60'),
                (', "max_tokens": -1', ', "max_tokens": 60'),
                (', "max_completion_tokens": -1', ', "max_tokens": 60'),
                (', "max_completion_tokens": 50', ', "max_tokens": 50'),
                (', "max_completion_tokens": 50, "n_predict": 40',
                 ', "max_tokens": 50, "n_predict": 40'),
                (', "max_tokens": null, "max_completion_tokens": 50',
                 ', "max_completion_tokens": null, "max_tokens": 50'),
                (', "max_tokens": 50, "max_completion_tokens": -1',
                 ', "max_tokens": 50, "max_completion_tokens": 50'),
                (', "max_tokens": 50', ', "max_tokens": 50')):
            self.assertEqual(self.send(lengths), want, lengths)
        self.assertEqual(self.gateway.stop(), 0)

    def test_without_a_cap_nothing_is_touched(self):
        for lengths in (', "max_tokens": 1, "n_predict": 100000',
                        ', "n_predict": -1',
                        ', "max_tokens": 50, "max_completion_tokens": -1',
                        ', "max_tokens": 0', ""):
            self.assertEqual(self.send(lengths, "c"), lengths)
        self.assertEqual(self.gateway.stop(), 0)


class Returned(Limited):
    """Whatever becomes of requests, their places come back."""

    def assert_all_places(self, n):
        """As many as may be under way at a time are, and no more."""
        self.fake.configure(ttft_low_ms=700, ttft_high_ms=700)
        out = []
        threads = [threading.Thread(
            target=lambda: out.append(self.ask()[0])) for _ in range(n + 2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        self.assertEqual(sorted(out), n * [200] + 2 * [429])

    def leave_early(self):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True)),
                  {"content-type": "application/json", **key()})
        time.sleep(0.02)
        c.close()

    def test_after_every_kind_of_end(self):
        self.begin("concurrent = 3;", extra="heartbeat = \"100ms\";\n")
        self.assert_all_places(3)
        self.fake.configure(ttft_low_ms=300, ttft_high_ms=300)
        for _ in range(3):
            self.leave_early()
        wait_for(lambda: self.gateway.status()["requests"] == 0, 10)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(self.ask(max_tokens="x")[0], 400)
        self.assertEqual(self.gateway.chat(b"{", key())[0], 400)
        self.assertEqual(self.gateway.chat(chat("none"), key())[0], 404)
        self.assertEqual(self.ask(stream=True)[0], 200)
        for fault in ("500", "429", "400", "cut", "reset", "html", "short",
                      "cut_inside", "no_tokens", "error_later", "no_finish"):
            self.fail_with(fault)
        wait_for(lambda: self.ask()[0] == 200, 40)
        self.assert_all_places(3)
        self.end()

    def asks_in_anothers_place(self):
        """While that one is heard of to have left, a moment later."""
        other = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        other.request("POST", "/v1/chat/completions",
                      json.dumps(chat("m", stream=True)),
                      {"content-type": "application/json", **key()})
        wait_for(lambda: self.gateway.status()["requests"] == 1)
        leaves = threading.Timer(0.005, other.close)
        leaves.start()
        status = self.ask(fake={"ttft_ms": 0})[0]
        leaves.join()
        return status

    def test_who_interrupts_has_the_place_at_once(self):
        self.begin("concurrent = 1;")
        self.fake.configure(ttft_low_ms=20000, ttft_high_ms=20000)
        wait_for(lambda: self.asks_in_anothers_place() == 200, 10)
        self.end()

    def fail_with(self, fault):
        self.fake.configure(fault=fault)
        for stream in (False, True):
            self.ask(stream=stream)
        self.fake.configure(fault="none")

    def test_with_the_backend_gone(self):
        self.begin("concurrent = 3; requests_per_minute = 60;"
                   ' tokens_per_minute = 600; burst = "60s";')
        self.fake.stop()
        for _ in range(12):
            self.assertIn(self.ask()[0], (429, 502, 503))
        self.fake.start()
        wait_for(lambda: self.ask()[0] == 200, 20)
        self.assert_all_places(3)
        self.end()


if __name__ == "__main__":
    unittest.main()
