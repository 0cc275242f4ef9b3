"""The usage ledger: what it says against what the backends counted, and what a
kill leaves of it."""
import contextlib
import csv
import http.client
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend, chat,  # noqa: E402
                     conf, free_port, http_json, stay_within_a_day,
                     wait_for)

KEYS = {"acme": "acme-key-0123456789", "zeta": "zeta-key-0123456789"}
ENV = {"ACME_KEY": KEYS["acme"], "ZETA_KEY": KEYS["zeta"]}
TENANTS = ('slo = ( { name = "voice"; ttft = "20s"; percentile = 95; }, '
           '{ name = "never"; ttft = "1ms"; percentile = 95; } );\n'
           'tenants = ( { name = "acme"; keys = [ "env:ACME_KEY" ]; '
           'slo = "voice"; }, '
           '{ name = "zeta"; keys = [ "env:ZETA_KEY" ]; } );\n')


def bearer(tenant):
    return {"authorization": "Bearer " + KEYS[tenant]}


def ledger(folder, extra=""):
    path = os.path.join(folder, "usage.db")
    return path, f'ledger = "{path}";\n' + extra


def rows(path, what="*", where="1"):
    with sqlite3.connect(path) as db:
        out = db.execute(f"SELECT {what} FROM requests WHERE {where}")
        found = out.fetchall()
    db.close()
    return found


class Bed(unittest.TestCase):
    def setUp(self):
        # outlives the gateway's own folder
        place = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(place.cleanup)
        self.folder = place.name

    def fake(self, *options):
        fake = Fake(*options)
        self.addCleanup(fake.stop)
        return fake

    def start(self, text, **options):
        g = Gateway(text, env=ENV, **options)
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        return g

    def kill(self, g):
        g.process.kill()
        g.process.wait()
        g.process.stdout.close()
        g.log_file.close()
        g.folder.cleanup()

    def usage(self, g, *args, code=0):
        done = subprocess.run([POINTSMAN, "usage", "-c", g.path, *args],
                              capture_output=True, text=True, timeout=20,
                              env={**os.environ, **ENV})
        assert done.returncode == code, (args, done)
        return done.stdout if code == 0 else done.stderr

    def written(self, g, n):
        wait_for(lambda: f"pointsman_ledger_rows_total {n}\n" in g.metrics(),
                 what=f"{n} rows")


class Ledger(Bed):
    def test_what_was_just_asked_is_there(self):
        one = self.fake("--tokens", "2")
        _, line = ledger(self.folder, TENANTS)
        g = self.start(conf([backend("one", one.port)], line))
        for n in 1, 2, 3:
            self.assertEqual(g.chat(chat("m"), bearer("acme"))[0], 200)
            total = json.loads(self.usage(g, "--json"))["total"]
            self.assertEqual(total["requests"], n)

    def test_sums_are_what_the_backends_counted(self):
        one = self.fake("--tokens", "5")
        two = self.fake("--tokens", "7")
        # no questions of the gateway's own are among them
        path, line = ledger(self.folder, TENANTS + "probe_budget = 0;\n")
        g = self.start(conf(
            [backend("one", one.port), backend("two", two.port),
             backend("dead", free_port())], line,
            serve='{ backend = "dead"; model = "x"; quality = 9; }, '
                  '{ backend = "one"; model = "fake-model"; }, '
                  '{ backend = "two"; model = "fake-model"; }'))
        prompts = {"acme": 0, "zeta": 0}
        answers = {"acme": 0, "zeta": 0}
        count = {"acme": 0, "zeta": 0}
        lock = threading.Lock()

        def call(tenant, stream, n):
            for i in range(n):
                body = chat("m", stream=stream)
                if stream:
                    body["stream_options"] = {"include_usage": True}
                body["messages"][0]["content"] = "word " * (i + 1)
                status, _, answer = g.chat(body, bearer(tenant))
                assert status == 200, (status, answer)
                if stream:
                    last = [e for e in answer.split("\n")
                            if '"usage":{' in e][-1]
                    answer = json.loads(last[len("data: "):])
                with lock:
                    count[tenant] += 1
                    prompts[tenant] += answer["usage"]["prompt_tokens"]
                    answers[tenant] += answer["usage"]["completion_tokens"]

        callers = [threading.Thread(target=call, args=a) for a in
                   (("acme", True, 30), ("acme", False, 30),
                    ("zeta", True, 20), ("zeta", False, 10))]
        for c in callers:
            c.start()
        for c in callers:
            c.join()
        assert count == {"acme": 60, "zeta": 30}, count
        self.written(g, 90)

        # what the backends sent, what the clients read, what the ledger says
        sent = one.stats()["tokens"] + two.stats()["tokens"]
        assert sent == sum(answers.values())
        doc = json.loads(self.usage(g, "--by", "tenant", "--json"))
        for row in doc["rows"]:
            tenant = row["tenant"]
            assert row["requests"] == row["ok"] == count[tenant], row
            assert row["tokens_in"] == prompts[tenant], (row, prompts)
            assert row["tokens_out"] == answers[tenant], (row, answers)
            cost = (prompts[tenant] + answers[tenant]) / 1e6
            assert abs(row["cost_usd"] - cost) < 1e-12, row
            assert row["estimated"] == row["unpriced"] == 0, row
        assert doc["total"]["tokens_out"] == sent
        by = {r["backend"]: r for r in json.loads(
            self.usage(g, "--by", "backend", "--json"))["rows"]}
        for name, fake in (("one", one), ("two", two)):
            stats = fake.stats()
            assert by.get(name, {"requests": 0})["requests"] == \
                stats["requests"], (by, stats)
            assert by.get(name, {"tokens_out": 0})["tokens_out"] == \
                stats["tokens"], (by, stats)

        assert g.stop() == 0
        assert not os.path.exists(path + "-wal"), "closed, not left behind"
        alone = subprocess.run(
            [POINTSMAN, "usage", "--file", path, "--by", "tenant", "--json"],
            capture_output=True, text=True, timeout=20)
        assert json.loads(alone.stdout)["rows"] == doc["rows"], alone
        key, = {r[0] for r in rows(path, "key", "tenant = 'acme'")}
        assert key == "ACME_KEY", key
        with open(path, "rb") as f:
            text = f.read()
        for secret in ("word word", *KEYS.values()):
            assert secret.encode() not in text, secret

    def test_what_missed_and_what_was_refused(self):
        fake = self.fake("--tokens", "3", "--ttft", "30-40")
        path, line = ledger(self.folder, TENANTS)
        g = self.start(conf([backend("one", fake.port)], line))
        for slo in ("never", "voice", "voice"):
            _, headers, _ = g.chat(chat("m", stream=True),
                                   {**bearer("acme"), "x-slo-class": slo})
        stranger = g.chat(chat("m"), {"authorization": "Bearer nobody's"})
        assert stranger[0] == 401, stranger
        g.chat(chat("nobody"), bearer("acme"))
        self.written(g, 4)
        receipt = headers["x-pointsman-receipt"]
        assert rows(path, "slo, slo_met, missed",
                    f"receipt = '{receipt}'") == [("voice", 1, None)]
        assert rows(path, "slo_met, missed", "slo = 'never'") == \
            [(0, "ttft")]
        assert rows(path, "cost_usd, attempts, status, backend",
                    "result = 'refused'") == [(0.0, 0, 404, None)]

        table = list(csv.DictReader(io.StringIO(
            self.usage(g, "--by", "slo,result", "--csv"))))
        assert [(r["slo"], r["result"], r["requests"]) for r in table] == [
            ("voice", "ok", "2"), ("never", "ok", "1"),
            ("-", "refused", "1")], table
        assert table[0]["attainment"] == "1"
        assert float(table[0]["cost_usd_per_met"]) == \
            float(table[0]["cost_usd"]) / 2
        assert table[1]["cost_usd_per_met"] == "", table[1]
        assert self.usage(g, "--by", "model").splitlines()[-1] \
            .startswith("total")
        assert "unknown \"prompt\"" in self.usage(g, "--by", "prompt", code=2)
        assert "want a span" in self.usage(g, "--since", "then", code=2)
        status, headers, _ = http_json(
            g.admin, "GET", "/admin/v1/usage?by=day&format=csv")
        assert status == 200 and headers["content-type"].startswith(
            "text/csv"), headers

    def explain(self, g, ident, *options, code=0):
        done = subprocess.run(
            [POINTSMAN, "explain", ident, "-c", g.path, *options],
            env={**os.environ, **ENV}, capture_output=True, text=True,
            timeout=20)
        self.assertEqual(done.returncode, code, done)
        return done.stdout or done.stderr

    def test_a_receipt_that_is_gone_leaves_a_row(self):
        fake = self.fake("--tokens", "3", "--ttft", "30-40")
        path, line = ledger(self.folder, TENANTS + "receipts = 1;\n")
        g = self.start(conf([backend("one", fake.port)], line))
        _, first, _ = g.chat(chat("m", stream=True), {
            **bearer("acme"), "x-slo-class": "never"})
        for _ in range(2):
            g.chat(chat("m"), bearer("zeta"))
        self.written(g, 3)
        where = f"/admin/v1/usage/{first['x-pointsman-receipt']}"
        status, _, row = http_json(g.admin, "GET", where)
        self.assertEqual(status, 200, row)
        self.assertEqual(
            [row[n] for n in ("tenant", "backend", "result", "status",
                              "slo_met", "missed", "tokens_out")],
            ["acme", "one", "ok", 200, 0, "ttft", 3])
        said = self.explain(g, first["x-request-id"])
        self.assertIn(first["x-pointsman-receipt"], said)
        self.assertRegex(said.splitlines()[0], r" ended [-0-9]{10}T[:.0-9]+Z$")
        for words in ("acme (key ACME_KEY)", "missed (ttft)", "no receipt"):
            self.assertIn(words, said)
        raw = json.loads(self.explain(g, first["x-request-id"], "--json"))
        self.assertEqual(raw, {"ledger": row})
        for bad in ("rcpt_" + 24 * "0", "x", "rcpt_" + 23 * "0"):
            status, _, body = http_json(
                g.admin, "GET", "/admin/v1/usage/" + bad)
            self.assertEqual((status, body["error"]["code"]),
                             (404, "row_not_found"))
        said = self.explain(g, "rcpt_" + 24 * "0", code=1)
        self.assertIn("no such receipt", said)
        self.assertIn("no row of the ledger", said)

    def test_what_was_asked_is_played_again_on_paper(self):
        # longer than the millisecond to which a row's time is known
        one = self.fake("--tokens", "5", "--ttft", "5-5")
        path, line = ledger(self.folder, TENANTS)
        g = self.start(conf([backend("one", one.port)], line))
        for tenant, slo, n in (("acme", None, 4), ("acme", "never", 2),
                               ("zeta", None, 3)):
            more = {"x-slo-class": slo} if slo else {}
            for _ in range(n):
                assert g.chat(chat("m"), {**bearer(tenant), **more})[0] == 200
        assert g.chat({"model": "m"}, bearer("acme"))[0] == 400
        self.written(g, 10)
        trace = os.path.join(self.folder, "trace.csv")
        text = self.usage(g, "--trace")
        assert text == self.usage(g, "--trace", "--file", path)
        with open(trace, "w") as f:
            f.write(text)
        said = list(csv.DictReader(io.StringIO(text)))
        assert [(r["Tenant"], r["Model"], r["Class"]) for r in said] == (
            4 * [("acme", "m", "voice")] + 2 * [("acme", "m", "never")] +
            3 * [("zeta", "m", "default")]), said
        assert {r["GeneratedTokens"] for r in said} == {"5"}, said

        def simulate(config, code=0):
            done = subprocess.run(
                [POINTSMAN, "simulate", "--config", config, "--trace", trace,
                 "--json"], capture_output=True, text=True,
                timeout=20, env={**os.environ, **ENV})
            assert done.returncode == code, done
            return done.stdout if code == 0 else done.stderr

        doc = json.loads(simulate(g.path))
        assert doc["requests"] == 9, doc
        # 1 ms is nothing a backend could keep to
        assert abs(doc["classes"]["standard"]["attainment"] - 7 / 9) < 1e-9
        # another gateway's, which has not these tenants
        other = os.path.join(self.folder, "other.conf")
        with open(g.path) as f, open(other, "w") as to:
            to.write(f.read().replace('"zeta"', '"theta"'))
        assert 'trace.csv:8: no tenant "zeta" in ' in simulate(other, 2)
        assert "want one of" in self.usage(g, "--trace", "--csv", code=2)
        assert "want no --by" in self.usage(g, "--trace", "--by", "key",
                                            code=2)
        assert self.usage(g, "--trace", "--since", "1s", "--until",
                          "2020-01-01", code=2)

    def test_a_trace_that_nobody_reads_holds_nothing_up(self):
        path, line = ledger(self.folder)
        g = self.start(conf([backend("one", self.fake("--tokens", "1").port)],
                            line))
        subprocess.run(
            [POINTSMAN, "loadtest", "--url", f"http://127.0.0.1:{g.port}/v1",
             "--model", "m", "--rate", "400", "--requests", "2000",
             "--prompt-tokens", "5", "--max-tokens", "1"],
            capture_output=True, check=True, timeout=60)
        self.written(g, 2000)
        pager = subprocess.Popen([POINTSMAN, "usage", "--trace", "--file",
                                  path], stdout=subprocess.PIPE)
        try:
            # more than a pipe holds: it cannot end
            assert pager.stdout.read(10) == b"TIMESTAMP,"
            with contextlib.closing(sqlite3.connect(path)) as db:
                busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert busy[0] == 0, busy
            assert pager.poll() is None
            assert len(pager.stdout.read().splitlines()) == 2001
            assert pager.wait(10) == 0
        finally:
            pager.kill()
            pager.stdout.close()
            pager.wait()
        done = subprocess.run(
            [POINTSMAN, "usage", "--trace", "--file", path, "--until", "2d",
             "--since", "3d"], capture_output=True, text=True, timeout=10)
        assert (done.returncode, done.stdout.count("\n")) == (0, 1), done
        assert "nobody has asked for anything" in done.stderr, done

    def test_without_one_there_is_nothing_to_ask(self):
        fake = self.fake("--tokens", "3")
        g = self.start(conf([backend("one", fake.port)]))
        status, _, body = http_json(g.admin, "GET", "/admin/v1/usage")
        assert (status, body["error"]["code"]) == (404, "ledger_off"), body
        assert "pointsman_ledger_rows_total " not in g.metrics()

    @staticmethod
    def due(ended, now):
        """Those that had a second to be written; none before there are
        enough to tell."""
        due = {r for r, at in list(ended.items()) if at < now - 1}
        return due if len(due) > 20 else set()

    def run_until(self, number):
        """Requests until the gateway is killed; when each had ended."""
        fake = self.fake("--tokens", "2")
        path, line = ledger(self.folder)
        g = self.start(conf([backend("one", fake.port)], line))
        ended, lock = {}, threading.Lock()

        def call():
            while True:
                try:
                    status, headers, _ = g.chat(chat("m"), timeout=5)
                except (OSError, ValueError,
                        http.client.HTTPException):
                    return
                if status != 200:
                    return
                with lock:
                    ended[headers["x-pointsman-receipt"]] = time.monotonic()

        callers = [threading.Thread(target=call) for _ in range(3)]
        for c in callers:
            c.start()
        wait_for(lambda: self.due(ended, time.monotonic()), 60,
                 "twenty to be due")
        killed = time.monotonic()
        if number == signal.SIGTERM:
            assert g.stop() == 0
        else:
            self.kill(g)
        for c in callers:
            c.join()
        return path, killed, ended

    def test_a_kill_loses_a_second_at_most(self):
        path, killed, ended = self.run_until(signal.SIGKILL)
        kept = {r[0] for r in rows(path, "receipt")}
        due = self.due(ended, killed)
        assert due
        assert not due - kept, (len(due - kept), len(due))
        with sqlite3.connect(path) as db:
            whole = db.execute("PRAGMA integrity_check").fetchone()
            spent = db.execute("SELECT sum(requests) FROM spent").fetchone()
        db.close()
        assert whole == ("ok",), whole
        assert spent == (len(kept),), spent

        # and it goes on from there
        fake = self.fake("--tokens", "2")
        g = self.start(conf([backend("one", fake.port)],
                            ledger(self.folder)[1]))
        assert g.chat(chat("m"))[0] == 200
        assert g.stop() == 0
        assert len(rows(path)) == len(kept) + 1

    def test_an_end_in_peace_loses_nothing(self):
        path, _, ended = self.run_until(signal.SIGTERM)
        kept = {r[0] for r in rows(path, "receipt")}
        assert len(ended) > 20
        assert not set(ended) - kept, len(set(ended) - kept)

    def test_a_budget_is_not_new_after_a_kill(self):
        stay_within_a_day()
        fake = self.fake("--tokens", "3")
        path, line = ledger(self.folder)
        tenants = TENANTS.replace(
            'slo = "voice"; }', 'limits = { daily_budget = 0.00002; }; }')
        assert tenants != TENANTS
        text = conf([backend("one", fake.port)], tenants)
        g = self.start(text + line)
        ask = chat("m")
        ask["messages"][0]["content"] = "word " * 100
        statuses = [g.chat(ask, bearer("acme"))[0] for _ in range(3)]
        assert statuses == [200, 429, 429], statuses
        self.written(g, 3)
        self.kill(g)

        g = self.start(text + line)
        assert g.chat(ask, bearer("acme"))[0] == 429
        assert g.chat(ask, bearer("zeta"))[0] == 200
        g.stop()
        g = self.start(text)  # without the ledger nobody remembers
        assert g.chat(ask, bearer("acme"))[0] == 200

    def test_a_file_that_is_no_ledger_is_refused(self):
        path, line = ledger(self.folder)
        with open(path, "w", encoding="utf-8") as f:
            f.write("not a database " * 100)
        g = Gateway(conf([backend("one", free_port())], line), wait=False)
        self.assertEqual(g.process.wait(20), 1)
        assert f"pointsman: ledger: {path}: file is not a database" in \
            g.log(), g.log()
        g.stop()


if __name__ == "__main__":
    unittest.main()
