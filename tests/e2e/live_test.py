"""The live feed of the operators' page: what it says is what /metrics says,
and whoever reads it costs nobody anything."""
import concurrent.futures
import http.client
import json
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from feed import CLASSES, EYES, TENANTS, Bed, Feed  # noqa: E402
from harness import (ROOT, Gateway, backend, chat, conf,  # noqa: E402
                     free_port, http_json, samples, wait_for)

VIEWERS = 16


class Numbers(Bed):
    def sample(self, metrics, name, **labels):
        """The sum of all samples with those labels; None: there are none."""
        found = [v for have, v in metrics.get(name, [])
                 if all(have.get(k) == v for k, v in labels.items())]
        return sum(found) if found else None

    def check_serving(self, metrics, s):
        where = {"model": s["model"], "backend": s["backend"],
                 "upstream": s["upstream_model"]}
        same = [(s["in_flight"], "pointsman_in_flight", {}),
                (s["waiting"], "pointsman_waiting", {}),
                (s["usable"], "pointsman_serving_usable", {}),
                (s["warm"], "pointsman_serving_warm", {}),
                (s["attempts_total"], "pointsman_attempts_total", {})]
        for phase in ("ttft", "itl"):
            for q in ("50", "95", "99"):
                v = s[phase][f"p{q}_ms"]
                same.append((None if v is None else v / 1e3,
                             "pointsman_latency_seconds",
                             {"phase": phase,
                              "quantile": f"0.{q}".rstrip("0")}))
        for value, name, more in same:
            have = self.sample(metrics, name, **where, **more)
            if value is None or have is None:
                self.assertIn(value, (None, 0), (name, more, have))
            else:
                self.assertAlmostEqual(have, value, 9, (name, more))

    def check_slo(self, metrics, s):
        who = {"tenant": s["tenant"], "slo": s["slo"]}
        for value, name in (
                (s["met_total"], "pointsman_slo_met_total"),
                (s["missed_total"], "pointsman_slo_missed_total"),
                (s["target"], "pointsman_slo_target_ratio"),
                (s["budget_left"], "pointsman_slo_error_budget_ratio")):
            self.assertAlmostEqual(
                self.sample(metrics, name, **who), value, 8, name)
        for window, w in s["windows"].items():
            for value, name in (
                    (w["attainment"], "pointsman_slo_attainment_ratio"),
                    (w["burn"], "pointsman_slo_burn_rate")):
                self.assertAlmostEqual(
                    self.sample(metrics, name, **who, window=window),
                    value, 7, (name, window))

    def check(self, metrics, now):
        for s in now["servings"]:
            self.check_serving(metrics, s)
        for s in now["slos"]:
            self.check_slo(metrics, s)
        self.assertEqual(len(now["slos"]),
                         len(metrics["pointsman_slo_met_total"]))
        self.assertEqual(now["slo_5m"]["rows"], len(now["slos"]))
        for name in ("met", "missed"):
            self.assertEqual(now["slo_5m"][name], sum(
                s["windows"]["5m"][name] for s in now["slos"]))
        for o in now["objectives"]:
            who = {"model": o["model"], "tenant": o["tenant"]}
            self.assertEqual(
                self.sample(metrics, "pointsman_requests_total",
                            slo=o["slo"], **who), o["requests_total"])
        self.assertAlmostEqual(
            self.sample(metrics, "pointsman_cost_usd_total"),
            now["cost"]["total_usd"], 8)
        for t in now["traffic"]:
            self.assertEqual(
                self.sample(metrics, "pointsman_requests_total",
                            slo=t["slo"]), t["requests_total"])
        for name, gauge in (("requests", "open_requests"),
                            ("connections", "open_connections"),
                            ("queued", "queue_length")):
            self.assertEqual(self.sample(metrics, "pointsman_" + gauge),
                             now[name], name)

    def test_they_are_those_of_metrics(self):
        fakes = {"one": self.fake("--ttft", "5-20"),
                 "two": self.fake("--ttft", "100-300")}
        g = self.start(fakes, TENANTS)
        f = self.feed(g)
        for i in range(60):
            key = ("acme-key", "other-key")[i % 3 == 0]
            headers = {"authorization": f"Bearer {key}"}
            if i % 5 == 0:
                headers["x-slo-class"] = "relaxed"
            # some of what misses is to count, too
            model = "m:two" if i % 4 == 0 and key == "acme-key" else "m"
            self.assertEqual(
                g.chat(chat(model, stream=i % 2 == 0), headers)[0], 200)
        wait_for(lambda: g.status()["connections"] == 0,
                 what="clients to be gone")
        self.assertEqual(f.next("history")["objectives"], [])
        # a slice of the last minute may end, or a probe come, in between
        for chance in range(4):
            now = f.next("now")
            while now["receipts_written"] < 60 or now["connections"] > 0:
                now = f.next("now")
            metrics = samples(g.metrics())
            try:
                self.check(metrics, now)
                break
            except AssertionError:
                if chance == 3:
                    raise
        self.assertEqual({o["tenant"] for o in now["objectives"]},
                         {"acme", "other"})
        self.assertEqual(sum(o["requests_total"] for o in now["objectives"]),
                         60)
        self.assertGreater(now["cost"]["total_usd"], 0)

    def test_more_tenants_than_rows_are_told_of_worst_first(self):
        fast, slow = self.fake("--ttft", "1-2"), self.fake(
            "--ttft", "2500-2600")
        names = [f"t{i:03}" for i in range(120)]
        env = {n.upper(): f"key-{n}" for n in names}
        # those who miss are the last by name
        tenants = ", ".join(
            f'{{ name = "{n}"; keys = [ "env:{n.upper()}" ]; backends = '
            f'[ "{"slow" if n >= "t115" else "fast"}" ]; }}' for n in names)
        g = Gateway(conf([backend("fast", fast.port),
                          backend("slow", slow.port)],
                         CLASSES.replace("150ms", "2s") +
                         f"tenants = ( {tenants} );\n"), env=env)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))

        def ask(name):
            return g.chat(chat("m", stream=True), {
                "authorization": f"Bearer key-{name}"})[0]

        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            self.assertEqual(set(pool.map(ask, names)), {200})
        # an answer is out before it is told of
        now = self.feed(g).until(
            lambda now: now["slo_5m"]["asked"] == len(names))
        self.assertEqual(len(now["slos"]), 100)
        self.assertEqual({s["tenant"] for s in now["slos"][:5]},
                         set(names[115:]))
        self.assertEqual(now["slo_5m"], {
            "rows": 120, "asked": 120, "below": 5, "met": 115, "missed": 5})

    def test_history_has_what_was(self):
        g = self.start({"one": self.fake("--ttft", "5-20")})
        f = self.feed(g)
        first = f.next("history")
        self.assertEqual((first["n"], first["servings"]), (0, []))
        self.assertEqual(first["front"], {"scheme": "http", "port": g.port})
        self.assertTrue(first["open"])
        self.assertEqual(first["models"], ["m"])
        self.assertEqual(
            [(c["name"], c["priority"], c["ttft_ms"], c["total_ms"],
              c["default"]) for c in first["classes"]],
            [("quick", "premium", 150.0, None, True),
             ("relaxed", "batch", None, 60000.0, False)])
        for _ in range(7):
            self.assertEqual(g.chat(chat("m", stream=True))[0], 200)
        # they may have been asked in two steps
        attempts = 0
        while attempts < 7:
            step = f.next("step")
            self.assertEqual(step["n"], 1)
            self.assertEqual(step["first_ms"] % 5000,
                             first["first_ms"] % 5000)
            row = step["servings"][0]["steps"]
            self.assertEqual(row["state"], ["ok"])
            attempts += row["attempts"][0]
        self.assertEqual(attempts, 7)
        self.assertNotEqual(step["objectives"], [])
        # whoever comes now is told the same
        late = self.feed(g).next("history")
        for row in late["objectives"][0], late["traffic"][0]:
            self.assertEqual(sum(filter(None, row["steps"]["requests"])), 7)
        self.assertIn(step["first_ms"], range(
            late["first_ms"], late["first_ms"] + late["n"] * 5000, 5000))
        self.assertEqual(len(late["receipts"]), 7)
        self.assertEqual(late["receipts"][0]["missed"], [])
        now = f.next("now")
        self.assertGreater(now["traffic"][0]["requests_per_s"], 0)
        self.assertGreater(now["cost"]["per_hour_usd"], 0)

    def members(self, value):
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name
                yield from self.members(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from self.members(inner)

    def test_what_is_said_is_documented(self):
        g = self.start({"one": self.fake("--ttft", "200-210")}, TENANTS)
        f = self.feed(g)
        headers = {"authorization": "Bearer acme-key"}
        self.assertEqual(g.chat(chat("m", stream=True), headers)[0], 200)
        said = set(self.members(f.next("history")))
        said |= set(self.members(f.next("step")))
        said |= set(self.members(f.until(lambda n: n["objectives"])))
        lines = http_json(g.admin, "GET", "/admin/v1/receipts")[2]
        said -= set(self.members(lines["receipts"])) - {"ttft_ms", "key"}
        with open(os.path.join(ROOT, "docs/live-feed.md"),
                  encoding="utf-8") as doc:
            tables = "".join(line for line in doc if line[0] == "|")
        named = set(re.findall(r"`(\w+)`", tables)) | {"scheme", "port"}
        self.assertGreater(len(said), 100)
        self.assertEqual(said - named, set())
        # and nothing that there is not
        lists = [line for line in tables.split("\n")
                 if re.match(r"\| `\w+(`, `\w+)*` \|", line)]
        first = set(re.findall(r"`(\w+)`", " ".join(
            line.split("|")[1] for line in lists)))
        causes = {"ttft", "itl", "total", "failed", "out", "queue",
                  "refused", "other", "history", "now", "step"}
        self.assertEqual(first - said - causes - {
            "model", "tenant", "backend", "upstream_model", "slo"}, set())

    def test_an_event_a_second(self):
        g = self.start({"one": self.fake()})
        f = self.feed(g)
        times = [f.next("now")["time_ms"] for _ in range(6)]
        # the first two are of the same moment, about
        for a, b in zip(times[1:], times[2:]):
            self.assertGreater(b - a, 400)
            self.assertLess(b - a, 3000)


class Blame(Bed):
    def objective(self, now, tenant="-"):
        return next((o for o in now["objectives"] if o["tenant"] == tenant),
                    None)

    def check_sums(self, o):
        self.assertEqual(sum(b["misses"] for b in o["blame"]),
                         o["windows"]["5m"]["missed"])

    def test_a_slow_backend_is_named(self):
        fast, slow = self.fake(), self.fake("--ttft", "300-310")
        g = self.start({"fast": fast, "slow": slow}, "")
        f = self.feed(g)
        before = time.time() * 1000
        for _ in range(8):
            self.assertEqual(
                g.chat(chat("m:slow", stream=True))[0], 200)
        now = f.until(lambda n: self.objective(n) is not None and
                      self.objective(n)["since_ms"] is not None and
                      self.objective(n)["missed_total"] == 8)
        o = self.objective(now)
        self.check_sums(o)
        self.assertEqual(
            [(b["backend"], b["cause"], b["detail"], b["misses"], b["share"])
             for b in o["blame"]], [("slow", "ttft", None, 8, 1.0)])
        # a step's beginning is at most a step before
        self.assertGreater(o["since_ms"], before - 6000)
        self.assertLess(o["since_ms"], time.time() * 1000)
        self.assertEqual(o["target"], 0.95)
        self.assertLess(o["budget_left"], 0)
        self.assertGreater(o["cost_per_hour_usd"], 0)
        self.assertIsNone(o["cost_per_hour_before_usd"])
        self.assertEqual(now["objectives"][0], o)
        lines = http_json(g.admin, "GET", "/admin/v1/receipts")[2]
        self.assertFalse(lines["receipts"][0]["slo_met"])
        self.assertEqual(
            self.feed(g).next("history")["receipts"][0]["missed"], ["ttft"])

    def test_who_stands_in_is_not_to_blame(self):
        fast, slow = self.fake(), self.fake("--ttft", "300-310")
        g = self.start({"fast": fast, "slow": slow}, "")
        f = self.feed(g)
        for model in ["m:slow"] * 3 + ["m"] * 12:
            self.assertEqual(g.chat(chat(model, stream=True))[0], 200)
        before = self.objective(f.until(
            lambda n: (self.objective(n) or {}).get("requests_total") == 15))
        fast.stop()
        for _ in range(8):
            self.assertEqual(g.chat(chat("m", stream=True))[0], 200)
        o = self.objective(f.until(
            lambda n: self.objective(n)["requests_total"] == 23))
        self.check_sums(o)
        said = {(b["backend"], b["cause"], b["detail"]): b["misses"]
                for b in o["blame"]}
        self.assertEqual(said.pop(("slow", "ttft", None)), 3, o["blame"])
        self.assertEqual(
            {(backend, detail) for backend, _, detail in said},
            {("fast", "refused")}, o["blame"])
        self.assertEqual(sum(said.values()), 8)
        self.assertEqual(before["missed_total"], 3)
        self.assertEqual(g.metric("pointsman_slo_blamed_total",
                                  backend="fast"), 8)

    def test_a_failing_backend_is_named(self):
        one = self.fake("--fault", "500")
        g = self.start({"one": one})
        f = self.feed(g)
        codes = [g.chat(chat("m", stream=True))[0] for _ in range(6)]
        self.assertTrue(all(c >= 500 for c in codes), codes)
        now = f.until(lambda n: self.objective(n) is not None and
                      self.objective(n)["missed_total"] == 6)
        o = self.objective(now)
        self.check_sums(o)
        top = o["blame"][0]
        self.assertEqual((top["backend"], top["cause"], top["detail"]),
                         ("one", "failed", "server_error"))
        # what the open breaker turned away is its doing as well
        for b in o["blame"]:
            self.assertEqual(b["backend"], "one", o["blame"])
            self.assertIn(b["cause"], ("failed", "refused"))

    def test_a_wait_is_nobodys(self):
        # the third in the line is late by its wait, not by its answer
        one = self.fake("--ttft", "60-60", "--slots", "1")
        g = Gateway(conf([backend("one", one.port, "slots = 1;")], CLASSES))
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        f = self.feed(g)
        for _ in range(3):
            at_once = [http.client.HTTPConnection("127.0.0.1", g.port)
                       for _ in range(4)]
            for c in at_once:
                c.request("POST", "/v1/chat/completions",
                          json.dumps(chat("m", stream=True)),
                          {"content-type": "application/json"})
            for c in at_once:
                c.getresponse().read()
                c.close()
        now = f.until(lambda n: self.objective(n) is not None and
                      self.objective(n)["requests_total"] == 12)
        o = self.objective(now)
        self.check_sums(o)
        self.assertIn("queue", [b["cause"] for b in o["blame"]])
        queue = next(b for b in o["blame"] if b["cause"] == "queue")
        self.assertIsNone(queue["backend"])


class Viewers(Bed):
    def test_no_more_than_there_is_room_for(self):
        g = self.start({"one": self.fake()})
        feeds = [self.feed(g) for _ in range(VIEWERS)]
        for f in feeds:
            self.assertEqual(f.status, 200)
            self.assertEqual(f.event()[0], "history")
        status, _, body = http_json(g.admin, "GET", "/admin/v1/live")
        self.assertEqual((status, body["error"]["code"]),
                         (503, "too_many_viewers"))
        feeds.pop().close()

        def let_in():
            f = self.feed(g)
            return f.status == 200
        wait_for(let_in, what="the place of one that left")
        for f in feeds:
            self.assertEqual(f.next("now")["config_version"], 1)

    def test_a_role_is_enough(self):
        g = self.start({"one": self.fake()}, TENANTS + EYES)
        for key in (None, "wrong", "acme-key"):
            status, _, body = http_json(
                g.admin, "GET", "/admin/v1/live",
                headers={} if key is None else
                {"authorization": f"Bearer {key}"})
            self.assertEqual((status, body["error"]["code"]),
                             (401, "invalid_admin_key"))
        f = self.feed(g, "eyes-key")
        self.assertEqual(f.status, 200)
        self.assertEqual(f.answer.getheader("content-type"),
                         "text/event-stream")
        self.assertFalse(f.next("history")["open"])
        for path in ("/", "/page/page.js"):
            self.assertEqual(http_json(g.admin, "GET", path)[0], 200)
        self.assertEqual(http_json(g.admin, "POST", "/")[0], 401)

    def test_a_reload_ends_it_cleanly(self):
        g = self.start({"one": self.fake()})
        f = self.feed(g)
        f.next("now")
        self.assertEqual(
            http_json(g.admin, "POST", "/admin/v1/reload")[0], 200)
        while f.event() is not None:
            pass
        again = self.feed(g)
        self.assertEqual(again.next("history")["config_version"], 2)

    def test_it_delays_no_end(self):
        rows = conf([backend("one", self.fake().port)], CLASSES)
        g = Gateway(rows + 'drain_timeout = "60s";\n')
        feeds = [self.feed(g) for _ in range(3)]
        feeds[0].next("now")
        began = time.monotonic()
        self.assertEqual(g.stop(), 0)
        self.assertLess(time.monotonic() - began, 15)
        with self.assertRaises((http.client.HTTPException, OSError,
                                TypeError)):
            while True:
                feeds[0].next("now")

    def test_who_never_reads_is_cut_off(self):
        one = self.fake()
        tenants = ", ".join(
            f'{{ name = "tenant-{i:03}"; keys = [ "env:LIVE_T{i}" ]; }}'
            for i in range(90))
        keys = {f"LIVE_T{i}": f"tenant-key-{i}" for i in range(90)}
        port = free_port()
        path = os.path.join(os.path.realpath("/tmp"), f"pm-live-{port}.sock")
        g = Gateway(conf([backend("one", one.port)],
                         CLASSES + f"tenants = ( {tenants} );\n"),
                    env=keys, wait=False,
                    listen='listen = { address = "127.0.0.1"; port = '
                           f'{port}; }};\nadmin = {{ path = "{path}"; }};\n')
        g.port = port
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))

        def answers():
            try:
                return http_json(port, "GET", "/v1/models")[0] == 401
            except OSError:
                return False
        wait_for(answers, 20, "the gateway to be ready")
        for key in keys.values():
            self.assertEqual(g.chat(
                chat("m"), {"authorization": f"Bearer {key}"})[0], 200)
        # a Unix socket holds some 200 KB; there are some 100 KB a second
        idle, reader = Feed(0, path=path), Feed(0, path=path)
        self.addCleanup(idle.close)
        self.addCleanup(reader.close)
        wait_for(lambda: "viewer_closed reason=not_reading" in g.log(), 60,
                 "the idle one to be cut off")
        now = reader.until(lambda n: True)
        self.assertEqual(len(now["objectives"]), 90)
        self.assertEqual(
            g.chat(chat("m"), {"authorization": "Bearer tenant-key-1"})[0],
            200)
        with self.assertRaises((http.client.HTTPException, OSError,
                                TypeError, AssertionError)):
            for _ in range(200):
                idle.event()[0]


if __name__ == "__main__":
    unittest.main()
