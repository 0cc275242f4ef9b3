"""Backends taken out of use and back by an operator: nobody loses anything by
it, and it holds until the process ends."""
import json
import os
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend, chat,  # noqa: E402
                     conf, http_json, wait_for)

PATH = "/admin/v1/backends"
SLOTS = "slots = 8;"


class Bed(unittest.TestCase):
    """`main` is cheap and takes what it can, `spare` is dear."""

    def setUp(self):
        self.main, self.spare = Fake("--tokens", "3"), Fake("--tokens", "3")
        self.addCleanup(self.main.stop)
        self.addCleanup(self.spare.stop)
        self.gateway = Gateway(self.text())

    def tearDown(self):
        self.assertEqual(self.gateway.stop(), 0)

    def text(self, extra=""):
        # no questions of its own: what arrives is what clients asked
        return conf(
            [backend("main", self.main.port, SLOTS),
             backend("spare", self.spare.port, SLOTS).replace("1.0", "9.0")],
            'workers = 2;\nprobe_every = "0s";\n' + extra)

    def act(self, verb, query, status=200):
        got, _, body = http_json(
            self.gateway.admin, "POST", f"{PATH}/{verb}?{query}")
        self.assertEqual(got, status, body)
        return body["backend" if status == 200 else "error"]

    def run_command(self, *args, code=0):
        p = subprocess.run(
            [POINTSMAN, "backend", *args, "--admin",
             f"http://127.0.0.1:{self.gateway.admin}"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(p.returncode, code, p.stdout + p.stderr)
        return p.stdout if code == 0 else p.stderr

    def ask(self, **members):
        return self.gateway.chat(chat("m", **members))

    def went(self):
        status, headers, body = self.ask()
        self.assertEqual(status, 200, body)
        return headers["x-pointsman-backend"]

    def row(self, name="main"):
        return self.gateway.backends()[name]


class Load:
    """Clients that ask one thing after another, until told to stop."""

    def __init__(self, gateway, n):
        self.gateway, self.stopped = gateway, threading.Event()
        self.good, self.bad = 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i % 2 == 0,))
                        for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, stream):
        while not self.stopped.is_set():
            status, _, body = self.gateway.chat(chat("m", stream=stream))
            whole = status == 200 and (not stream or "[DONE]" in body)
            with self.lock:
                self.good += whole
                if not whole:
                    self.bad.append((status, body))

    def passed(self, n):
        until = self.good + n
        wait_for(lambda: self.good >= until or self.bad, 60, "answers")

    def stop(self):
        self.stopped.set()
        for t in self.threads:
            t.join()


class Drain(Bed):
    def test_under_load_nobody_fails_and_nothing_new_arrives(self):
        for fake in self.main, self.spare:
            fake.configure(ttft_low_ms=5, ttft_high_ms=15)
        load = Load(self.gateway, 6)
        self.addCleanup(load.stop)
        load.passed(20)
        for _ in range(5):
            row = self.act("drain", "backend=main")
            self.assertEqual(row["servings"][0]["state"], "drained")
            self.run_command("drain", "main", "--wait")
            self.assertEqual(self.row()["in_flight"], 0)
            arrived = self.main.stats()["requests"]
            load.passed(20)
            self.assertEqual(self.main.stats()["requests"], arrived)
            row = self.act("enable", "backend=main")
            self.assertFalse(row["drained"])
            wait_for(lambda: self.main.stats()["requests"] > arrived,
                     20, "its traffic to be back")
        load.stop()
        self.assertEqual(load.bad, [])
        self.assertGreater(load.good, 100)

    def test_what_is_in_flight_ends_and_is_waited_for(self):
        self.main.configure(ttft_low_ms=700, ttft_high_ms=700)
        answers = []
        t = threading.Thread(
            target=lambda: answers.append(self.ask(stream=True)))
        t.start()
        wait_for(lambda: self.row()["in_flight"] == 1)
        self.assertEqual(
            self.act("drain", "backend=main")["in_flight"], 1)
        self.assertEqual(self.went(), "spare")
        out = self.run_command("drain", "main", "--wait")
        t.join()
        self.assertIn("drained", out)
        self.assertEqual(answers[0][0], 200)
        self.assertEqual(answers[0][1]["x-pointsman-backend"], "main")
        self.assertIn("[DONE]", answers[0][2])
        self.assertEqual(self.main.stats()["requests"], 1)

    def test_a_model_by_another_name_is_waited_for(self):
        self.gateway.write(self.text().replace(
            'name = "m";', 'name = "m"; aliases = [ "alias" ];'))
        http_json(self.gateway.admin, "POST", "/admin/v1/reload")
        self.main.configure(ttft_low_ms=700, ttft_high_ms=700)
        t = threading.Thread(target=self.ask)
        t.start()
        wait_for(lambda: self.row()["in_flight"] == 1)
        self.run_command("drain", "main", "--model", "alias", "--wait")
        self.assertEqual(self.row()["in_flight"], 0)
        t.join()

    def test_it_holds_over_a_reload_and_is_shown_everywhere(self):
        self.act("drain", "backend=main")
        status, _, _ = http_json(
            self.gateway.admin, "POST", "/admin/v1/reload")
        self.assertEqual(status, 200)
        self.assertEqual(self.went(), "spare")
        # another slot count, another backend
        self.gateway.write(self.text().replace("slots = 8", "slots = 9"))
        http_json(self.gateway.admin, "POST", "/admin/v1/reload")
        self.assertEqual(self.row()["slots"], 9)
        status, headers, _ = self.ask()
        self.assertEqual(headers["x-pointsman-backend"], "spare")
        self.assertTrue(self.row()["drained"])
        self.assertEqual(self.gateway.status()["drained_servings"], 1)
        self.assertIn("\npointsman_serving_weight{model=\"m\","
                      "backend=\"main\",upstream=\"fake-model\"} 0\n",
                      self.gateway.metrics())
        self.assertIn("\npointsman_serving_usable{model=\"m\","
                      "backend=\"main\",upstream=\"fake-model\"} 0\n",
                      self.gateway.metrics())
        receipt = wait_for(lambda: self.receipt(headers), 5, "its receipt")
        rows = {c["backend"]: c["verdict"]
                for c in receipt["plans"][0]["candidates"]}
        self.assertEqual(rows, {"main": "drained", "spare": "chosen"})
        self.assertIn("drained by an operator", self.explain(headers))
        for page in self.run_command("list"), self.top():
            self.assertRegex(page, r"main +m +drained")
        models = http_json(self.gateway.admin, "GET", "/admin/v1/models")[2]
        self.assertEqual([s["state"] for s in models["models"][0]["servings"]],
                         ["drained", "ok"])

    def receipt(self, headers):
        status, _, doc = http_json(
            self.gateway.admin, "GET",
            "/admin/v1/receipts/" + headers["x-pointsman-receipt"])
        return doc if status == 200 else None

    def explain(self, headers):
        return subprocess.run(
            [POINTSMAN, "explain", headers["x-pointsman-receipt"], "--admin",
             f"http://127.0.0.1:{self.gateway.admin}"],
            capture_output=True, text=True, timeout=30, check=True).stdout

    def top(self):
        return subprocess.run(
            [POINTSMAN, "top", "--once", "--admin",
             f"http://127.0.0.1:{self.gateway.admin}"],
            capture_output=True, text=True, timeout=30, check=True).stdout

    def test_a_share_given_back_ends_it(self):
        self.run_command("drain", "main")
        self.assertEqual(self.went(), "spare")
        self.assertRegex(self.run_command("weight", "main", "0.25"),
                         r"main +m +ok 25 % +0 +2")
        self.assertFalse(self.row()["drained"])
        self.assertEqual(self.went(), "main")
        self.run_command("weight", "main", "0")
        self.assertEqual(self.went(), "spare")
        self.run_command("weight", "main", "1")
        self.assertEqual(self.went(), "main")

    def test_the_last_one_needs_force(self):
        self.act("drain", "backend=spare")
        for verb, more in (("drain", ""), ("weight", "&weight=0"),
                           ("weight", "&weight=1e-17")):
            e = self.act(verb, "backend=main" + more, 409)
            self.assertEqual(e["code"], "last_serving")
            self.assertIn("model m would have no serving left that works; of "
                          "the others: spare (drained)", e["message"])
        self.assertIn("force", self.run_command("drain", "main", code=1))
        self.assertEqual(self.went(), "main")
        self.run_command("drain", "main", "--force")
        status, headers, body = self.ask()
        self.assertEqual((status, body["error"]["code"]),
                         (503, "backends_drained"))
        self.assertNotIn("retry-after", headers)
        # what is drained may be said again
        self.act("drain", "backend=main")
        self.act("enable", "backend=spare")
        self.assertEqual(self.went(), "spare")

    def test_one_that_is_down_is_no_other(self):
        self.spare.stop()
        status, _, _ = self.gateway.chat(chat("m:spare"))
        self.assertIn(status, (502, 503))  # a probe may have been there first
        # and one that was answered before may be heard of only now
        wait_for(lambda: self.row("spare")["servings"][0]["state"] in
                 ("breaker_open", "half_open"))
        e = self.act("drain", "backend=main", 409)
        self.assertRegex(e["message"], r"spare \((breaker|half)_open\)")
        # that its time is over does not mean that it is back; a probe opens
        # it again
        wait_for(lambda: "spare (half_open)" in self.act(
            "drain", "backend=main", 409)["message"], what="a half-open one")

    def test_who_waits_for_a_drained_one_is_told(self):
        self.main.configure(ttft_low_ms=1500, ttft_high_ms=1500)
        self.act("weight", "backend=main&weight=0.125")
        answers = []

        def ask(model):
            answers.append((model, self.gateway.chat(chat(model))))
        threads = [threading.Thread(target=ask, args=("m:main",))
                   for _ in range(2)]
        for t in threads:
            t.start()
        wait_for(lambda: self.gateway.status()["queued"] == 1)
        self.act("drain", "backend=main")
        for t in threads:
            t.join()
        self.assertEqual(sorted(a[1][0] for a in answers), [200, 503])
        self.assertEqual(self.main.stats()["requests"], 1)


class Weight(Bed):
    def test_half_of_it_takes_half_as_many(self):
        for fake in self.main, self.spare:
            fake.configure(ttft_low_ms=400, ttft_high_ms=400)
        for weight, most in ("0.5", 4), ("1", 8):
            row = self.act("weight", f"backend=main&weight={weight}")
            self.assertEqual(row["servings"][0]["ceiling"], most)
            self.assertEqual(self.seen_at_most(20), most)
        self.act("weight", "backend=main&weight=0.25&model=m")
        self.assertEqual(self.seen_at_most(20), 2)
        self.assertRegex(self.run_command("list"), r"main +m +ok 25 % +0 +2")
        self.act("enable", "backend=main&model=m")
        self.assertEqual(self.row()["servings"][0]["ceiling"], 8)

    def seen_at_most(self, n):
        """In flight there while so many at a time want to go there."""
        threads = [threading.Thread(
            target=self.gateway.chat, args=(chat("m:main"),))
            for _ in range(n)]
        most = 0
        for t in threads:
            t.start()
        while any(t.is_alive() for t in threads):
            most = max(most, self.row()["in_flight"])
        for t in threads:
            t.join()
        return most

    def test_what_is_wrong_is_said(self):
        for verb, query, words in (
                ("drain", "", "the name of a backend in backend"),
                ("drain", "backend=none", 'no backend is called "none"'),
                ("drain", "backend=main&model=none", 'no model is called "none"'),
                ("drain", "backend=main&weight=1", 'got "weight"'),
                ("drain", "backend=main&force=yes", "true or false"),
                ("enable", "backend=main&force=true", 'got "force"'),
                ("weight", "backend=main", "0..1 in weight"),
                ("weight", "backend=main&weight=nan", "0..1 in weight"),
                ("weight", "backend=main&weight=1.5", "0..1 in weight")):
            self.assertIn(words, self.act(verb, query, 400)["message"])
        self.gateway.write(self.text().replace(SLOTS, ""))
        http_json(self.gateway.admin, "POST", "/admin/v1/reload")
        e = self.act("weight", "backend=main&weight=0.5", 409)
        self.assertEqual(e["code"], "no_capacity_known")
        for args in ((), ("list", "main"), ("drain",), ("weight", "main"),
                     ("enable", "main", "--wait"), ("rest", "main")):
            self.assertIn("usage", self.run_command(*args, code=2))
        self.run_command("drain", "none", code=2)
        out = json.loads(self.run_command("enable", "main", "--json"))
        self.assertEqual(out["weight"], 1)


if __name__ == "__main__":
    unittest.main()
