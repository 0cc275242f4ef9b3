"""What an operator can find out of a request once it is over: its receipt,
`explain`, and what observing tells of a policy before it is switched on."""
import errno
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, chat, conf,  # noqa: E402
                     free_port, http_json, wait_for)

CLASSES = ('slo = ( { name = "voice"; ttft = "2s"; itl = "1s"; '
           'percentile = 95; priority = "premium"; }, '
           '{ name = "never"; ttft = "1ms"; percentile = 95; '
           'priority = "standard"; } );\n')
SECRET = "the cat sat on the mat, quoth she"


def backend(name, port, price, extra=""):
    return (f'{{ name = "{name}"; adapter = "vllm"; {extra} '
            f'url = "http://127.0.0.1:{port}/v1"; '
            f'price = {{ input = {price}; output = {price}; }}; }}')


def command(*args, code=0):
    done = subprocess.run([POINTSMAN, *args], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == code, (args, done)
    return done.stdout, done.stderr


class Commands(unittest.TestCase):
    def test_quantiles_of_no_sample_are_not_shown(self):
        def phase(n):
            return {"p50_ms": 1.0, "p95_ms": 777.7, "p99_ms": 888.8, "n": n}

        class Admin(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"policy": "slo", "since_s": 1, "groups": [{
                    "model": "m", "tenant": "a", "slo": {"class": "c"},
                    "measured": {"requests": 1, "ttft": phase(0),
                                 "itl": phase(0)},
                    "could_hold": [{"backend": "gone", "ttft": phase(0.4),
                                    "itl": phase(0.4)}],
                    "predicted": {}}]}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Admin) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            said, _ = command("slo", "suggest", "--admin",
                              f"http://127.0.0.1:{server.server_port}")
            thread.join()
        for row in ("as served", "gone"):
            cells = next(line for line in said.split("\n")
                         if line.strip().startswith(row))
            self.assertRegex(cells, row + r"( +-){5} +0  ")
        self.assertIn("nothing measured of late", said)

    def test_who_asks_the_usual_place_is_told_of_the_file(self):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", 7071))  # and nobody listens
            except OSError as e:
                if e.errno == errno.EADDRINUSE:
                    self.skipTest("a gateway is there")
                raise
            self.assertIn("-c gateway.conf", command("drill", code=1)[1])


class Receipts(unittest.TestCase):
    def start(self, backends, extra=""):
        g = Gateway(conf(backends, CLASSES + extra))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        return g

    def fake(self, *options):
        fake = Fake("--tokens", "3", *options)
        self.addCleanup(fake.stop)
        return fake

    def admin(self, g, path):
        return http_json(g.admin, "GET", path)

    def receipt(self, g, headers):
        path = "/admin/v1/receipts/" + headers["x-pointsman-receipt"]
        wait_for(lambda: self.admin(g, path)[0] == 200, what="the receipt")
        return self.admin(g, path)[2]

    def ask(self, g, slo="voice", **members):
        return g.chat(chat("m", stream=True, **members),
                      {"x-slo-class": slo})

    def test_an_answer_names_its_receipt(self):
        g = self.start([backend("one", self.fake().port, 1.0),
                        backend("two", self.fake().port, 5.0)])
        status, headers, _ = self.ask(g, max_tokens=77)
        self.assertEqual(status, 200)
        r = self.receipt(g, headers)
        self.assertEqual(r["id"], headers["x-pointsman-receipt"])
        self.assertEqual(r["slo"]["class"], "voice")
        self.assertEqual(r["slo"]["ttft_ms"], 2000)
        self.assertTrue(r["facts"]["stream"])
        self.assertEqual(r["facts"]["max_tokens"], 77)
        self.assertEqual(r["plans_made"], 1)
        plan = r["plans"][0]
        self.assertEqual(plan["kind"], "go")
        self.assertEqual(plan["backend"], headers["x-pointsman-backend"])
        rows = {c["backend"]: c for c in plan["candidates"]}
        self.assertEqual(set(rows), {"one", "two"})
        self.assertEqual(rows[plan["backend"]]["verdict"], "chosen")
        self.assertGreater(rows["two"]["price_usd"], rows["one"]["price_usd"])
        for row in rows.values():
            self.assertLessEqual(0, row["confidence"])
            self.assertLessEqual(row["confidence"], 1)
        out = r["outcome"]
        self.assertEqual(out["result"], "ok")
        self.assertTrue(out["slo_met"])
        self.assertEqual(out["missed"], [])
        self.assertEqual(len(out["attempts"]), 1)
        self.assertGreater(out["phases"]["ttft_ms"], 0)
        self.assertGreater(out["cost_usd"], 0)
        self.assertIn(plan["backend"], r["why"])
        # by the request's id as well
        path = "/admin/v1/receipts/" + headers["x-request-id"]
        self.assertEqual(self.admin(g, path)[2]["id"], r["id"])
        self.assertEqual(g.stop(), 0)

    def test_a_failover_lists_every_attempt(self):
        # its probes are well, so that the first request goes there; where
        # the policy observes the order is the file's
        g = self.start([backend("bad", self.fake("--fault", "500").port, 1.0),
                        backend("there", self.fake().port, 5.0)],
                       'policy = "observe";\n')
        status, headers, _ = self.ask(g)
        self.assertEqual((status, headers["x-pointsman-attempts"]),
                         (200, "2"))
        r = self.receipt(g, headers)
        first, second = r["outcome"]["attempts"]
        self.assertEqual((first["backend"], first["fault"]),
                         ("bad", "server_error"))
        self.assertEqual((second["backend"], second["fault"]),
                         ("there", None))
        self.assertLessEqual(first["began_ms"], first["ended_ms"])
        self.assertLessEqual(first["ended_ms"], second["ended_ms"])
        self.assertEqual([p["backend"] for p in r["plans"]],
                         ["bad", "there"])
        rows = {c["backend"]: c for c in r["plans"][1]["candidates"]}
        self.assertEqual(rows["bad"]["verdict"], "tried")
        self.assertIn("bad failed (server_error), then", r["why"])

        said, _ = command("explain", r["id"], "--admin",
                          f"http://127.0.0.1:{g.admin}")
        for words in ("bad", "there", "attempt 1: server_error, status 500",
                      "attempt 2: first token", "slo      met",
                      "why      bad failed (server_error)"):
            self.assertIn(words, said)
        self.assertLess(said.index("attempt 1: server"),
                        said.index("attempt 2: sent"))
        self.assertEqual(g.stop(), 0)

    def test_each_that_was_out_says_why_and_until_when(self):
        keyless = "RECEIPTS_TEST_UNSET"
        g = self.start(
            [backend("down", free_port(), 0.1),
             backend("keyed", self.fake("--fault", "401").port, 0.2),
             backend("resting", self.fake("--fault", "429").port, 0.3),
             backend("held", self.fake().port, 0.4),
             backend("small", self.fake().port, 0.5),
             backend("off", 1, 0.6, f'api_key = "env:{keyless}";'),
             backend("well", self.fake().port, 9.0)],
            'policy = "observe";\n')
        where = ["--admin", f"http://127.0.0.1:{g.admin}"]
        command("backend", "drain", "held", *where)
        wanted = {"down": "breaker_open", "keyed": "key_rejected",
                  "resting": "answered_429", "held": "drained",
                  "small": None, "off": "off", "well": None}
        r, causes, found = None, None, {}

        def all_are_out():
            """The first request tries three of them; and so may any that
            comes when a breaker's time is up."""
            nonlocal r, causes
            r = self.receipt(g, self.ask(g)[1])
            causes = {c["backend"]: c["cause"]
                      for c in r["plans"][0]["candidates"]}
            found.update({b: c and c["kind"] for b, c in causes.items()})
            return found == wanted

        wait_for(all_are_out, what=found)
        self.assertEqual(causes["down"]["fault"], "refused")
        self.assertRegex(causes["down"]["text"],
                         r"its breaker is open \(refused\), for [\d.]+ s, "
                         r"[\d.]+ s to go")
        self.assertLess(causes["down"]["since"], r["time"])
        self.assertGreater(causes["down"]["until"], r["time"])
        self.assertIsNone(causes["held"]["until"])
        texts = ("its breaker is open (refused), for ",
                 "its key is refused, for ",
                 "it answered 429, full or unpaid, ",
                 "an operator has drained it, for ")

        def are_said(*words):
            """Now: their times may have been up since."""
            self.ask(g)
            said = command(*words, *where)[0]
            return all(text in said for text in texts)

        said = command("explain", r["id"], *where)[0]
        for text in texts:
            self.assertIn(text, said)
        for words in ("backend", "list"), ("top", "--once"):
            wait_for(lambda w=words: are_said(*w), what=words)
        self.assertIn(keyless, command("backend", "list", *where)[0])
        self.assertEqual(g.stop(), 0)

    def test_a_miss_says_by_how_much(self):
        g = self.start([backend("one", self.fake("--ttft", "50").port, 1.0)])
        _, headers, _ = self.ask(g, slo="never")
        out = self.receipt(g, headers)["outcome"]
        self.assertIs(out["slo_met"], False)
        self.assertEqual(len(out["missed"]), 1)
        miss = out["missed"][0]
        self.assertEqual(miss["term"], "ttft")
        self.assertAlmostEqual(miss["by_ms"], miss["took_ms"] - 1, places=3)
        self.assertGreater(miss["by_ms"], 40)
        self.ask(g)  # this one is met
        listed = wait_for(
            lambda: (lambda d: d if d["written"] == 2 else None)(
                self.admin(g, "/admin/v1/receipts")[2]), what="both")
        self.assertEqual(len(listed["receipts"]), 2)
        missed = self.admin(g, "/admin/v1/receipts?missed=1")[2]["receipts"]
        self.assertEqual([m["id"] for m in missed],
                         [headers["x-pointsman-receipt"]])
        self.assertEqual(
            self.admin(g, "/admin/v1/receipts?limit=1")[2]["receipts"],
            listed["receipts"][:1])
        self.assertEqual(
            self.admin(g, "/admin/v1/receipts?tenant=x")[2]["receipts"], [])
        for bad in ("limit=0", "limit=x", "missed=yes", "colour=red",
                    "before=0", "before=-1", "before="):
            status, _, body = self.admin(g, "/admin/v1/receipts?" + bad)
            self.assertEqual((status, body["error"]["code"]),
                             (400, "invalid_query"), bad)
        self.assertEqual(g.stop(), 0)

    def test_a_page_says_where_the_next_begins(self):
        g = self.start([backend("one", self.fake().port, 1.0)],
                       "receipts = 6;\nworkers = 1;\n")
        ids = [self.ask(g)[1]["x-pointsman-receipt"] for _ in range(7)]

        def page(query):
            doc = self.admin(g, "/admin/v1/receipts?limit=2" + query)[2]
            return [r["id"] for r in doc["receipts"]], doc["next"]

        wait_for(lambda: page("")[0] == ids[:4:-1], what="all seven")
        seen, following = page("")
        ids.append(self.ask(g)[1]["x-pointsman-receipt"])  # shifts no page
        wait_for(lambda: page("")[0] == ids[:5:-1], what="one more")
        while following is not None:
            some, following = page(f"&before={following}")
            seen += some
        self.assertEqual(seen, ids[6:1:-1])
        self.assertEqual(len(seen), 5)
        full = self.admin(g, "/admin/v1/receipts?limit=6")[2]
        self.assertEqual((len(full["receipts"]), full["next"]), (6, None))
        last = self.admin(g, "/admin/v1/receipts?limit=1&before=4")[2]
        self.assertEqual(len(last["receipts"]), 1)
        self.assertIsNone(last["next"])
        self.assertEqual(page("&before=1"), ([], None))
        self.assertEqual(page("&before=99"), ([], None))
        self.assertEqual(page("&tenant=x"), ([], None))
        self.assertEqual(g.stop(), 0)

    def test_only_the_last_are_kept(self):
        g = self.start([backend("one", self.fake().port, 1.0)],
                       "receipts = 3;\nworkers = 1;\n")
        ids = [self.ask(g)[1]["x-pointsman-receipt"] for _ in range(5)]
        listed = wait_for(
            lambda: (lambda d: d if d["written"] == 5 else None)(
                self.admin(g, "/admin/v1/receipts?limit=1000")[2]),
            what="all five")
        self.assertEqual([r["id"] for r in listed["receipts"]],
                         ids[:1:-1])
        for i, rid in enumerate(ids):
            status, _, body = self.admin(g, "/admin/v1/receipts/" + rid)
            self.assertEqual(status, 200 if i >= 2 else 404)
        _, err = command("explain", ids[0], "-c", g.path, code=1)
        self.assertIn("no such receipt", err)
        self.assertEqual(g.stop(), 0)

    def test_a_wait_is_a_plan_of_its_own(self):
        fake = self.fake("--ttft", "150", "--slots", "1")
        g = self.start([backend("one", fake.port, 1.0, "slots = 1;")])
        headers = []
        threads = [threading.Thread(
            target=lambda: headers.append(self.ask(g)[1])) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        waited = [r for r in (self.receipt(g, h) for h in headers)
                  if r["plans"][0]["kind"] == "wait"]
        self.assertGreater(len(waited), 0)
        for r in waited:
            self.assertEqual(r["plans"][0]["backend"], None)
            self.assertEqual(r["plans"][-1]["kind"], "go")
            self.assertGreater(r["outcome"]["phases"]["queue_ms"], 0)
            rows = r["plans"][0]["candidates"] or []
            self.assertNotIn("chosen", [c["verdict"] for c in rows])
            self.assertEqual(r["plans"][-1]["candidates"][0]["verdict"],
                             "chosen")
        said, _ = command("explain", waited[0]["id"], "-c", g.path)
        self.assertIn("plan: wait (queued)", said)
        self.assertEqual(g.stop(), 0)

    def test_unknown_ids_are_a_shaped_404(self):
        g = self.start([backend("one", self.fake().port, 1.0)])
        for rid in ("rcpt_000000000000000000000000", "x", "%2e%2e"):
            status, _, body = self.admin(g, "/admin/v1/receipts/" + rid)
            self.assertEqual(status, 404)
            self.assertEqual(body["error"]["code"], "receipt_not_found")
        status, _, _ = http_json(g.admin, "POST", "/admin/v1/receipts/x", {})
        self.assertEqual(status, 405)
        command("explain", code=2)
        command("explain", "../status", code=2)
        _, err = command("explain", "rcpt_1", "--admin",
                         f"http://127.0.0.1:{free_port()}", code=1)
        self.assertIn("no gateway answers", err)
        self.assertEqual(g.stop(), 0)

    def test_no_prompt_and_no_key_is_in_it(self):
        fake = self.fake()
        g = Gateway(conf([backend("one", fake.port, 1.0)],
                         CLASSES + 'tenants = ( { name = "acme"; '
                         'keys = [ "env:RECEIPT_TEST_KEY" ]; } );\n'),
                    env={"RECEIPT_TEST_KEY": "sk-hunter2hunter2"})
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        body = chat("m", stream=True)
        body["messages"][0]["content"] = SECRET
        status, headers, answer = g.chat(
            body, {"authorization": "Bearer sk-hunter2hunter2",
                   "x-slo-class": "voice"})
        self.assertEqual(status, 200, answer)
        self.receipt(g, headers)
        where = ["--admin", f"http://127.0.0.1:{g.admin}"]
        texts = [json.dumps(self.admin(g, p)[2]) for p in (
            "/admin/v1/receipts", "/admin/v1/slo",
            "/admin/v1/receipts/" + headers["x-pointsman-receipt"])]
        texts += [command("explain", headers["x-request-id"], *where)[0],
                  command("slo", "suggest", *where)[0]]
        for text in texts:
            self.assertIn("acme", text)
            for secret in (SECRET, "the cat", "hunter2"):
                self.assertNotIn(secret, text)
        # a stranger neither gets one nor pushes another out
        status, headers, _ = g.chat(chat("m"), {"authorization": "Bearer x"})
        self.assertEqual(status, 401)
        self.assertNotIn("x-pointsman-receipt", headers)
        self.assertEqual(self.admin(g, "/admin/v1/receipts")[2]["written"], 1)
        self.assertEqual(g.stop(), 0)

    def test_refusals_have_one_too(self):
        g = self.start([backend("bad", self.fake("--fault", "500").port,
                                1.0)])
        status, headers, _ = self.ask(g)
        self.assertEqual(status, 502)
        r = self.receipt(g, headers)
        self.assertEqual(r["outcome"]["result"], "error")
        self.assertEqual(r["outcome"]["status"], 502)
        self.assertIs(r["outcome"]["slo_met"], False)
        self.assertIn("bad failed (server_error)", r["why"])
        status, headers, _ = g.chat(chat("nosuch"))
        self.assertEqual(status, 404)
        r = self.receipt(g, headers)
        self.assertEqual((r["plans"], r["outcome"]["attempts"]), ([], []))
        self.assertIn("model_not_found", r["why"])
        command("explain", r["id"], "-c", g.path)
        self.assertEqual(g.stop(), 0)

    def test_json_answers_and_json_output(self):
        g = self.start([backend("one", self.fake().port, 1.0)])
        _, headers, _ = g.chat(chat("m"))
        r = self.receipt(g, headers)
        self.assertFalse(r["facts"]["stream"])
        self.assertIsNone(r["outcome"]["slo_met"])  # no class, no targets
        said, _ = command("explain", r["id"], "-c", g.path, "--json")
        self.assertEqual(json.loads(said), r)
        self.assertEqual(g.stop(), 0)

    def test_they_can_be_off(self):
        g = self.start([backend("one", self.fake().port, 1.0)],
                       "receipts = 0;\n")
        status, headers, _ = self.ask(g)
        self.assertEqual(status, 200)
        self.assertNotIn("x-pointsman-receipt", headers)
        for path in ("/admin/v1/receipts", "/admin/v1/receipts/x",
                     "/admin/v1/slo"):
            status, _, body = self.admin(g, path)
            self.assertEqual((status, body["error"]["code"]),
                             (404, "receipts_off"))
        self.assertEqual(g.stop(), 0)

    def test_names_outlive_the_configuration(self):
        one, two = self.fake(), self.fake()
        g = self.start([backend("one", one.port, 1.0)])
        _, headers, _ = self.ask(g)
        self.receipt(g, headers)
        g.write(conf([backend("two", two.port, 1.0)], CLASSES))
        self.assertEqual(
            http_json(g.admin, "POST", "/admin/v1/reload", {})[0], 200)
        r = self.receipt(g, headers)
        self.assertEqual(r["plans"][0]["backend"], "one")
        self.assertEqual(g.stop(), 0)


class Observe(unittest.TestCase):
    def start(self, policy):
        self.dear = Fake("--tokens", "3")
        self.cheap = Fake("--tokens", "3")
        self.addCleanup(self.dear.stop)
        self.addCleanup(self.cheap.stop)
        g = Gateway(conf(
            [backend("dear", self.dear.port, 50.0),
             backend("cheap", self.cheap.port, 1.0)],
            CLASSES + f'default_slo = "voice";\npolicy = "{policy}";\n'))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        return g

    def group(self, g, n):
        def enough():
            groups = http_json(g.admin, "GET", "/admin/v1/slo")[2]["groups"]
            done = groups and groups[0]["measured"]["requests"] == n
            return groups[0] if done else None
        return wait_for(enough, what="all requests in the book")

    def test_the_file_serves_and_the_engine_is_noted(self):
        g = self.start("observe")
        for _ in range(30):
            status, headers, _ = g.chat(chat("m", stream=True))
            self.assertEqual((status, headers["x-pointsman-backend"]),
                             (200, "dear"))
        group = self.group(g, 30)
        self.assertEqual(group["measured"]["met"], 30)
        engine = group["predicted"]["engine"]
        self.assertEqual(engine["same_choice"] + engine["other_choice"]
                         + engine["no_choice"], 30)
        # both are far from the targets' limits: the cheap one is the choice
        self.assertGreater(engine["other_choice"], 0)
        self.assertLess(engine["price_usd_of_engine"],
                        engine["price_usd_of_used"])
        path = "/admin/v1/receipts/" + headers["x-pointsman-receipt"]
        r = http_json(g.admin, "GET", path)[2]
        self.assertEqual(r["policy"], "observe")
        self.assertEqual(r["plans"][0]["backend"], "dear")
        self.assertIn("policy observe used dear", r["why"])

        prices = {o["backend"]: o["price_usd_per_request"]
                  for o in group["could_hold"]}
        self.assertAlmostEqual(prices["dear"] / prices["cheap"], 50)
        said, _ = command("slo", "suggest", "-c", g.path)
        for words in ("policy observe", "m for -, class voice", "measured",
                      "predicted", "cheap", "dear", "both predicted"):
            self.assertIn(words, said)
        self.assertEqual(json.loads(
            command("slo", "suggest", "-c", g.path, "--json")[0])["policy"],
            "observe")
        for words, said in (
                (("advise",), 'want "suggest", got "advise"'),
                ((), 'want "suggest", got nothing'),
                (("suggest", "x"),
                 'want nothing after "suggest", got "x"')):
            self.assertIn(said, command("slo", *words, code=2)[1])
        self.assertEqual(g.stop(), 0)

    def test_a_failover_goes_on_in_the_order_of_the_file(self):
        g = self.start("observe")
        self.dear.stop()
        status, headers, _ = g.chat(chat("m", stream=True))
        self.assertEqual((status, headers["x-pointsman-backend"]),
                         (200, "cheap"))
        self.assertEqual(g.stop(), 0)

    def test_it_is_there_under_the_engine_too(self):
        g = self.start("slo")
        for _ in range(10):
            self.assertEqual(g.chat(chat("m", stream=True))[0], 200)
        group = self.group(g, 10)
        self.assertEqual(group["predicted"]["engine"]["same_choice"], 10)
        calibration = group["predicted"]["calibration"]
        self.assertEqual(calibration["n"], 10)
        self.assertEqual(calibration["measured_met"], 1.0)
        self.assertEqual(g.stop(), 0)


if __name__ == "__main__":
    unittest.main()
