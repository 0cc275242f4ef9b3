"""Prometheus itself reads what the gateway says, judges its alerts, and answers
every query of the dashboard."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness

TOOLS = os.path.join(harness.ROOT, "build/tools/prometheus/usr/bin")
RULES = os.path.join(harness.ROOT, "tools/prometheus")
GRAFANA = os.path.join(harness.ROOT, "tools/grafana")
TRAFFIC_SECONDS = 6
WINDOW = "10s"

CONF = """
slo = (
  { name = "voice"; ttft = "1ms"; percentile = 95; },
  { name = "batch"; total = "60s"; percentile = 95; priority = "batch"; }
);
default_slo = "batch";
"""


def find(program):
    path = os.path.join(TOOLS, program)
    return path if os.path.exists(path) else shutil.which(program)


def promtool(*arguments, text=None):
    """(exit code, all that it says)"""
    p = subprocess.run([find("promtool"), *arguments], input=text, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       check=False, cwd=RULES)
    return p.returncode, p.stdout


class Server:
    """A Prometheus that scrapes one gateway each second, on loopback."""

    def __init__(self, target):
        self.port = harness.free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-prom-")
        with open(os.path.join(RULES, "prometheus.yml"), encoding="utf-8") as f:
            conf = f.read()
        for old, new in (("127.0.0.1:7071", f"127.0.0.1:{target}"),
                         ("15s", "1s"),
                         ("- alerts.yml", f"- {RULES}/alerts.yml")):
            assert old in conf, old
            conf = conf.replace(old, new)
        path = os.path.join(self.folder.name, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(conf)
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        self.process = subprocess.Popen(
            [find("prometheus"), f"--config.file={path}",
             f"--storage.tsdb.path={self.folder.name}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log, cwd=self.folder.name)
        harness.wait_for(self.ready, 30, "prometheus")

    def ready(self):
        assert self.process.poll() is None, "prometheus has ended"
        try:
            return harness.http_json(self.port, "GET", "/-/ready")[0] == 200
        except OSError:
            return False

    def get(self, path):
        status, _, doc = harness.http_json(self.port, "GET", "/api/v1/" + path)
        assert status == 200, doc
        return doc["data"]

    def query(self, expr):
        return self.get("query?query=" + urllib.parse.quote(expr))["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        self.folder.cleanup()


def queries():
    """All of the dashboard: of its panels, and of its variables."""
    with open(os.path.join(GRAFANA, "pointsman.json"), encoding="utf-8") as f:
        doc = json.load(f)
    found = [t["expr"] for p in doc["panels"] for t in p.get("targets", [])]
    assert len(found) > 30, found
    for v in doc["templating"]["list"]:
        if v["type"] == "query":
            m = re.fullmatch(r"label_values\((\w+), (\w+)\)", v["query"])
            found.append(f'{m[1]}{{{m[2]}!=""}}')
    return found


def unanswered(server):
    empty = []
    for q in queries():
        q = (q.replace("$__rate_interval", WINDOW)
             .replace(":15s]", ":1s]")  # as often as it scrapes
             .replace("$tenant", ".*").replace("$model", ".*"))
        assert "$" not in q, q
        rows = server.query(q)
        if not rows or all(r["value"][1] == "NaN" for r in rows):
            empty.append(q)
    return empty


class Made(unittest.TestCase):
    """What programs have written is what they would write now."""

    def test_the_dashboard_and_the_page_have_not_drifted(self):
        for made, by in (
                ("tools/grafana/pointsman.json",
                 "tools/grafana/make_dashboard.py"),
                ("docs/observability.md", "tools/observability-page")):
            text = subprocess.run([sys.executable, by], check=True,
                                  cwd=harness.ROOT,
                                  stdout=subprocess.PIPE).stdout
            with open(os.path.join(harness.ROOT, made), "rb") as f:
                self.assertEqual(f.read(), text, f"{made}: run make docs")


@unittest.skipUnless(find("promtool") and find("prometheus"),
                     "no prometheus: run tools/bootstrap test")
class Prometheus(unittest.TestCase):
    maxDiff = None

    def gateway(self):
        self.fast = harness.Fake("--ttft", "5-10", "--rate", "500-900")
        self.other = harness.Fake("--ttft", "5-10", "--rate", "500-900")
        self.addCleanup(self.fast.stop)
        self.addCleanup(self.other.stop)
        fast = harness.backend("fast", self.fast.port, "slots = 8;")
        g = harness.Gateway(CONF + harness.conf(
            [fast.replace("= 1.0", "= 0.1"),  # what is cheaper is used
             harness.backend("other", self.other.port, "slots = 8;")]))
        self.addCleanup(g.folder.cleanup)
        self.addCleanup(g.process.kill)
        return g

    def say(self, g, slo):
        status, _, _ = g.chat(
            harness.chat("m", stream=True, max_tokens=10),
            {"x-slo-class": slo})
        self.assertEqual(status, 200)

    def traffic(self, g, seconds):
        """Two classes at once; the backend that is used dies on the way."""
        end = time.monotonic() + seconds

        def talk(slo):
            while time.monotonic() < end:
                self.say(g, slo)
                time.sleep(0.02)

        threads = [threading.Thread(target=talk, args=(slo,))
                   for slo in ("voice", "batch")]
        for t in threads:
            t.start()
        time.sleep(seconds / 2)
        self.fast.stop()
        for t in threads:
            t.join()

    def test_rules_are_sound_and_alerts_do_as_they_should(self):
        for arguments in (("check", "rules", "alerts.yml"),
                          ("check", "config", "prometheus.yml"),
                          ("test", "rules", "alerts_test.yml")):
            code, said = promtool(*arguments)
            self.assertEqual(code, 0, said)

    def test_the_page_is_as_promtool_wants_it(self):
        g = self.gateway()
        self.say(g, "voice")
        code, said = promtool("check", "metrics", text=g.metrics())
        self.assertEqual((code, said), (0, ""))
        self.assertEqual(g.stop(), 0)

    def test_of_what_is_off_no_weight_is_told(self):
        g = harness.Gateway(harness.conf(
            [harness.backend("on", 1, 'probe_interval = "0s";'),
             harness.backend("off", 1, 'api_key = "env:NOT_SET_AT_ALL";')]))
        self.addCleanup(g.folder.cleanup)
        self.addCleanup(g.process.kill)
        seen = {name: re.findall(rf'pointsman_serving_{name}{{.*backend='
                                 r'"(\w+)".*} (\S+)', g.metrics())
                for name in ("usable", "weight")}
        self.assertEqual(seen, {"usable": [("on", "1"), ("off", "0")],
                                "weight": [("on", "1")]})
        self.assertEqual(g.stop(), 0)

    def test_every_query_of_the_dashboard_is_answered(self):
        g = self.gateway()
        server = Server(g.admin)
        self.addCleanup(server.stop)
        # it looks for targets once in five seconds
        harness.wait_for(lambda: server.query("up == 1"), 30, "a scrape")
        self.traffic(g, TRAFFIC_SECONDS)
        self.assertEqual(unanswered(server), [], server.query("up"))
        self.rules_are_healthy(server)
        self.assertEqual(g.stop(), 0)

    def rules_are_healthy(self, server):
        for group in server.get("rules")["groups"]:
            for rule in group["rules"]:
                self.assertEqual(rule["health"], "ok", rule)
        for window in ("5m", "15m", "1h", "6h", "3d"):
            self.assertTrue(
                server.query(f"pointsman:slo_misses:ratio_rate{window}"))
        # what the alerts compute of counters, the gateway says as well
        (burn,) = server.query(
            'pointsman:slo_misses:ratio_rate1h{slo="voice"}'
            ' / on (tenant, slo) pointsman:slo_budget:ratio')
        (said,) = server.query(
            'pointsman_slo_burn_rate{slo="voice",window="1h"}')
        self.assertAlmostEqual(float(burn["value"][1]),
                               float(said["value"][1]), delta=2)


@unittest.skipUnless(find("prometheus") and os.environ.get("DEMO"),
                     "half a minute: DEMO=1 asks for it")
class Demo(unittest.TestCase):
    """The same, of the demonstration's hardware and traffic. How many slots
    its two APIs have is not known, as of real ones: so there is no sum."""

    UNKNOWN = ['pointsman_model_slots{model=~".*",state="warm"}']

    def test_every_query_is_answered_of_the_demo(self):
        demo = subprocess.Popen(
            [sys.executable, os.path.join(harness.ROOT, "bench/demo"),
             "--quick"], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "POINTSMAN": harness.POINTSMAN,
                 "FAKELLM": harness.FAKELLM})
        self.addCleanup(demo.kill)
        server, empty = None, None
        for line in demo.stdout:
            if "configuration:" in line:
                with open(line.split()[-1], encoding="utf-8") as f:
                    port = re.search(r"admin .*port = (\d+)", f.read())[1]
                server = Server(port)
                self.addCleanup(server.stop)
            elif "act three" in line:
                empty = unanswered(server)
        demo.stdout.close()
        self.assertEqual(demo.wait(60), 0)
        self.assertEqual(empty, self.UNKNOWN)


if __name__ == "__main__":
    unittest.main()
