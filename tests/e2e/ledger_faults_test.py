"""The usage ledger in a storm: each row beside what its backend says of it.

    LEDGER_SECONDS=20 python3 tests/e2e/ledger_faults_test.py
"""
import http.client
import json
import os
import random
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import backend, chat, conf  # noqa: E402
from ledger_test import Bed, ledger, rows  # noqa: E402

SECONDS = float(os.environ.get("LEDGER_SECONDS", "3"))  # of each storm


class Faults(Bed):
    """Backends fail, clients leave, and the process is killed."""

    LATER = ("cut", "cut_reset", "cut_inside", "error_later", "no_finish")
    AT_ONCE = ("500", "503", "reset", "close", "html", "cut", "error_first")

    def setUp(self):
        super().setUp()
        self.fakes = {n: self.fake("--ttft", "0-3", "--seed", str(i))
                      for i, n in enumerate(("one", "two", "three"))}
        self.path, line = ledger(self.folder)
        # a breaker would leave one of them without any call
        self.text = conf([backend(n, f.port, 'probe_interval = "0s";')
                          for n, f in self.fakes.items()], line)
        self.asked = {}  # by the id that backends keep: receipt, ended, usage
        self.over = False

    def client(self, g, name):
        rng, n = random.Random(name), 0
        while not self.over:
            n += 1
            who = f"{name}-{n}"
            try:
                self.request(g, who, rng)
            except (OSError, ValueError, http.client.HTTPException):
                continue  # it was killed, or the client has left

    def request(self, g, who, rng):
        script = {"id": who, "itl_ms": 0}
        if rng.random() < 0.05:  # more would open every breaker
            script |= {"fault": rng.choice(self.LATER),
                       "after": rng.randrange(1, 5)}
        leaves = rng.random() < 0.1
        body = chat("m", stream=rng.random() < 0.6 or leaves, fake=script,
                    max_tokens=rng.randrange(2, 40),
                    stream_options={"include_usage": True})
        if not body["stream"]:
            del body["stream_options"]
        if leaves:
            script["itl_ms"] = 20
        body["messages"][0]["content"] = "word " * rng.randrange(1, 200)
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
        try:
            c.request("POST", "/v1/chat/completions", json.dumps(body),
                      {"content-type": "application/json"})
            r = c.getresponse()
            receipt = r.getheader("x-pointsman-receipt")
            if r.status == 503:
                time.sleep(0.05)  # breakers are open for a while
            if leaves:
                r.read(10)
                return
            raw = r.read().decode()
        finally:
            c.close()
        found = re.findall(r'"usage":(\{[^{}]*\})', raw)
        self.asked[who] = (receipt, time.monotonic(),
                           json.loads(found[-1]) if found else None)

    def storm(self, g, seconds, end):
        self.over = False
        callers = [threading.Thread(target=self.client,
                                    args=(g, f"{end.__name__}{i}"))
                   for i in range(6)]
        for c in callers:
            c.start()
        weather, until = random.Random(7), time.monotonic() + seconds
        while time.monotonic() < until:
            self.fakes["three"].configure(fault=weather.choice(
                (*self.AT_ONCE, *len(self.AT_ONCE) * ["none"])))
            time.sleep(0.1)
        end(g)
        ended = time.monotonic()
        self.over = True
        for c in callers:
            c.join()
        return ended

    def whole_calls(self):
        """{(id, backend): tokens} of what the backends sent to its end."""
        return {(i, n): c["sent_tokens"]
                for n, f in self.fakes.items() for i, c in f.calls().items()
                if not c["cancelled"] and c["sent_tokens"] > 0}

    def compare(self, since):
        """Rows against calls, and whether those of before `since` are all
        there."""
        calls, sums = self.whole_calls(), {n: 0 for n in self.fakes}
        by_receipt = {v[0]: (k, v[2]) for k, v in self.asked.items()}
        answered = 0
        for receipt, name, out, into, result in rows(
                self.path, "receipt, backend, tokens_out, tokens_in, result",
                "result = 'ok'"):
            if receipt not in by_receipt:
                continue  # of a client that has left, or was cut off
            who, usage = by_receipt[receipt]
            answered += 1
            sums[name] += out
            self.assertEqual(out, calls[who, name], who)
            self.assertEqual((into, out), (usage["prompt_tokens"],
                                           usage["completion_tokens"]), who)
        kept = {r[0] for r in rows(self.path, "receipt")}
        lost = [who for who, (receipt, at, _) in self.asked.items()
                if receipt not in kept and at < since]
        self.assertEqual(lost, [])
        self.assertGreater(answered, 30)
        print(f"ledger: {len(kept)} rows, {answered} beside their calls, "
              f"{sum(sums.values())} tokens out", file=sys.stderr)

    def test_each_row_is_what_its_backend_counted(self):
        g = self.start(self.text)
        ended = self.storm(g, SECONDS, self.kill)
        self.compare(ended - 1)  # a second may be lost
        before = dict(self.asked)

        self.asked.clear()
        g = self.start(self.text)
        self.storm(g, SECONDS, lambda g: self.assertEqual(g.stop(), 0))
        self.compare(time.monotonic())  # nothing may
        self.asked.update(before)
        self.compare(ended - 1)


if __name__ == "__main__":
    unittest.main()
