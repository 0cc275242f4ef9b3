"""pointsman loadtest, against the gateway and against a backend alone."""
import csv
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub, backend,  # noqa: E402
                     conf, free_port, stream_of, wait_for)

ALONE = "it measures latencies"
SLO = ('slo = ( { name = "voice"; ttft = "2s"; itl = "1s"; percentile = 99; '
       'priority = "premium"; } );\n')
TENANTS = ('tenants = ( { name = "acme"; keys = [ "env:ACME_KEY" ]; }, '
           '{ name = "slow"; keys = [ "env:SLOW_KEY" ]; } );\n')
KEYS = {"ACME_KEY": "sk-acme", "SLOW_KEY": "sk-slow"}


def start(port, *options, **kinds):
    env = dict(os.environ, **KEYS)
    return subprocess.Popen(
        [POINTSMAN, "loadtest", "--url", f"http://127.0.0.1:{port}/v1",
         "--prompt-tokens", "50", *options],
        env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        **kinds)


def loadtest(port, *options):
    """(exit code, stdout, stderr)"""
    p = start(port, *options)
    out, err = p.communicate(timeout=60)
    return p.returncode, out, err


class ThroughTheGateway(unittest.TestCase):
    def setUp(self):
        self.fake = Fake("--ttft", "40-40", "--rate", "100-100",
                         "--tokens", "12")
        self.addCleanup(self.fake.stop)
        self.gateway = Gateway(
            conf([backend("one", self.fake.port)], SLO + TENANTS), env=KEYS)

    def test_two_tenants_are_measured_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "requests.csv")
            code, out, err = loadtest(
                self.gateway.port, "--model", "m", "--rate", "60",
                "--requests", "200", "--json", "--requests-out", path,
                "--price", "one=1/10", "--class",
                "name=talk,share=30,key=env:ACME_KEY,slo=voice,ttft=2s,"
                "itl=1s,priority=premium,percentile=90", "--class",
                "name=bulk,share=70,key=env:SLOW_KEY,total=30s,"
                "priority=batch")
            with open(path, encoding="utf-8") as f:
                rows = list(csv.DictReader(f))
        self.assertEqual(code, 0, err)
        self.assertEqual(self.gateway.stop(), 0)
        doc = json.loads(out)
        self.assertEqual(doc["scenario"], "loadtest")
        self.assertEqual(doc["requests"], 200)
        talk, bulk = doc["named"]["talk"], doc["named"]["bulk"]
        self.assertEqual(talk["requests"] + bulk["requests"], 200)
        self.assertEqual(doc["classes"]["premium"], talk)
        self.assertEqual(doc["classes"]["batch"], bulk)
        self.assertIsNone(doc["classes"]["standard"]["attainment"])
        self.assertTrue(30 <= talk["requests"] <= 90, talk)
        for c in (talk, bulk):
            self.assertEqual(c["attainment"], 1)
            # fakellm: 40 ms, then 11 gaps of 10 ms; sanitizers take time
            self.assertTrue(38 <= c["ttft_ms"]["p50"] <= 80, c)
            self.assertTrue(9.5 <= c["itl_ms"]["p50"] <= 12, c)
            self.assertTrue(145 <= c["total_ms"]["p50"] <= 220, c)
            self.assertGreater(c["cost_per_met"], 12 * 10 / 1e6)
        self.assertIsNone(doc["hedges"])
        self.assertEqual(len(rows), 200)
        self.assertEqual({r["backend"] for r in rows}, {"one"})
        self.assertEqual({r["tokens"] for r in rows}, {"12"})
        self.assertEqual(sum(r["class"] == "talk" for r in rows),
                         talk["requests"])
        for r in rows:
            self.assertEqual((r["ok"], r["met"], r["status"]),
                             ("1", "1", "200"))
        for secret in KEYS.values():
            self.assertNotIn(secret, out + err)

    def test_a_wrong_key_is_a_bad_result_and_says_why(self):
        code, out, err = loadtest(self.gateway.port, "--model", "m",
                                  "--rate", "50", "--requests", "3")
        self.assertEqual(code, 1)
        self.assertIn("status 401: 3", err)
        self.assertIn("invalid_api_key", err)
        self.assertIn("times in ms", out)
        self.assertEqual(self.gateway.stop(), 0)


class OfABackend(unittest.TestCase):
    def fake(self, *options):
        f = Fake(*options)
        self.addCleanup(f.stop)
        return f

    def test_a_missed_percentile_is_a_bad_result(self):
        f = self.fake("--ttft", "60-60", "--tokens", "2")
        for ttft, want in (("20ms", 1), ("5s", 0)):
            code, out, err = loadtest(
                f.port, "--rate", "50", "--requests", "10", "--class",
                f"name=a,ttft={ttft},percentile=50,headers=no")
            self.assertEqual(code, want, err)
        self.assertIn("standard", out)

    def test_a_price_of_nobody_is_said(self):
        """A server that is no gateway of ours names no backend."""
        f = self.fake("--tokens", "2")
        for prices, words in ((["gpu=1/1"], ("--price gpu: is for no answer",
                                             "5 requests have no --price")),
                              (["*=1/1"], ()), (["*=1/1", "*=2/2"], ())):
            more = [w for price in prices for w in ("--price", price)]
            code, out, err = loadtest(f.port, "--rate", "50", "--requests",
                                      "5", *more)
            self.assertEqual(code, 0, err)
            for w in words:
                self.assertIn(w, err)
            self.assertEqual("price" in err, bool(words))

    def test_a_slow_server_does_not_slow_its_test(self):
        """One slot of 100 ms, asked every 20 ms: who waits, waited since it
        was due, and nobody is sent later for it."""
        f = self.fake("--slots", "1", "--ttft", "100-100", "--rate",
                      "1000-1000", "--tokens", "1")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "requests.csv")
            code, out, err = loadtest(f.port, "--rate", "50", "--requests",
                                      "30", "--json", "--requests-out", path)
            self.assertEqual(code, 0, err)
            with open(path, encoding="utf-8") as file:
                late = sorted(float(row["late_ms"])
                              for row in csv.DictReader(file))
        total = json.loads(out)["named"]["all"]["total_ms"]
        # the last of 30 waits for 29 others, less the time they arrived in
        self.assertGreater(total["p99"], 1500)
        # of those that wait for the server half are later than a second; a
        # stall of the machine makes a few late
        self.assertLess(late[15], 300, late)

    def test_waiting_for_a_place_counts_and_is_said(self):
        f = self.fake("--ttft", "50-50", "--rate", "1000-1000", "--tokens",
                      "1")
        code, out, err = loadtest(f.port, "--rate", "100", "--requests",
                                  "30", "--limit", "1", "--json")
        self.assertEqual(code, 0, err)
        self.assertGreater(
            json.loads(out)["named"]["all"]["ttft_ms"]["p99"], 800)
        self.assertIn("one in a hundred was sent", err)

    def test_lengths_come_from_a_trace(self):
        f = self.fake("--ttft", "1-1", "--rate", "1000-1000")
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace.csv")
            path = os.path.join(folder, "requests.csv")
            with open(trace, "w", encoding="utf-8") as out:
                out.write("TIMESTAMP,ContextTokens,GeneratedTokens\n"
                          "2023-11-16 18:00:00,10,3\n"
                          "2023-11-16 18:00:01,10,5\n"
                          "2023-11-16 18:00:02,10,7\n")
            code, _, err = loadtest(f.port, "--trace", trace, "--speed", "10",
                                    "--honour-lengths", "--requests-out", path)
            self.assertEqual(code, 0, err)
            with open(path, encoding="utf-8") as out:
                rows = list(csv.DictReader(out))
        self.assertEqual([r["tokens"] for r in rows], ["3", "5", "7"])
        self.assertEqual([float(r["due_ms"]) for r in rows], [0, 100, 200])

    def test_refusals_are_shed_and_broken_streams_failed(self):
        for fault, member, code in (("503", "shed", 1), ("cut", "failed", 1)):
            f = self.fake("--fault", fault, "--tokens", "5")
            got, out, err = loadtest(f.port, "--rate", "50", "--requests",
                                     "4", "--json")
            self.assertEqual(got, code, err)
            self.assertEqual(json.loads(out)["named"]["all"][member], 4)

    def test_the_first_flaw_is_named(self):
        said = {"choices": [{"delta": {"content": "one"}}]}
        wrong = {"error": {"message": "no"}}

        answers = []
        stub = Stub(lambda _: answers[-1])
        self.addCleanup(stub.stop)
        for answer, words in (
                ((404, {}, wrong), 'status 404: {"error"'),
                ((200, {}, said), 'status 200, no events: {"choices"'),
                (stream_of(said), "status 200, no finish_reason\n"),
                (stream_of(said, wrong),
                 "status 200, an error in the stream\n"),
                (stream_of(), "status 200, no token\n")):
            answers.append(answer)
            code, _, err = loadtest(stub.port, "--rate", "50", "--requests",
                                    "1")
            self.assertEqual(code, 1)
            self.assertIn("the first that was not whole: " + words, err)

    def test_what_never_answers_is_given_up(self):
        f = self.fake("--fault", "hang")
        code, out, _ = loadtest(f.port, "--rate", "50", "--requests", "3",
                                "--timeout", "300ms", "--json")
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["named"]["all"]["cancelled"], 3)

    def test_an_interrupt_still_reports(self):
        f = self.fake("--ttft", "1-1", "--tokens", "2")
        p = start(f.port, "--rate", "100", "--duration", "600s", "--json")
        wait_for(lambda: f.stats()["requests"] >= 20, what="requests")
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 0, err)
        self.assertGreaterEqual(json.loads(out)["requests"], 20)

    def test_the_second_interrupt_does_not_wait(self):
        f = self.fake("--fault", "hang")
        p = start(f.port, "--rate", "100", "--requests", "10", "--json")
        wait_for(lambda: f.stats()["requests"] >= 10, what="requests")
        p.send_signal(signal.SIGINT)
        p.send_signal(signal.SIGTERM)
        out, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 1, err)
        self.assertIn("10 were not waited for", err)
        self.assertEqual(json.loads(out)["requests"], 0)

    def test_who_waited_for_a_place_at_an_interrupt_is_said(self):
        """Of 20 that were due within 40 ms two have a place."""
        f = self.fake("--fault", "hang")
        p = start(f.port, "--rate", "500", "--requests", "20", "--limit", "2")
        wait_for(lambda: f.stats()["requests"] >= 2, what="requests")
        time.sleep(0.5)
        p.send_signal(signal.SIGINT)
        p.send_signal(signal.SIGTERM)
        _, err = p.communicate(timeout=20)
        self.assertEqual(p.returncode, 1, err)
        self.assertIn("18 were due, but not sent", err)
        self.assertIn("2 were not waited for", err)


class Tls(unittest.TestCase):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.server.paths.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for delta, finish in (("a", "null"), ("b", '"stop"')):
                self.wfile.write(
                    f'data: {{"choices":[{{"delta":{{"content":"{delta}"}},'
                    f'"finish_reason":{finish}}}]}}\n\n'.encode())

        def log_message(self, *_):
            pass

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cert = os.path.join(folder.name, "cert.pem")
        key = os.path.join(folder.name, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
             "-out", self.cert], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, key)
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), self.Answer)
        self.server.paths = []
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def run_it(self, *options):
        p = subprocess.run(
            [POINTSMAN, "loadtest", "--url",
             f"https://127.0.0.1:{self.server.server_port}/some/base/v1",
             "--rate", "50", "--requests", "5", "--json", *options],
            text=True, capture_output=True, timeout=60)
        return p.returncode, p.stdout, p.stderr

    def test_https_and_a_base_path(self):
        code, out, err = self.run_it("--ca", self.cert)
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["named"]["all"]["met"], 5)
        self.assertEqual(set(self.server.paths),
                         {"/some/base/v1/chat/completions"})

    def test_a_stranger_is_not_trusted(self):
        code, _, err = self.run_it()
        self.assertEqual(code, 1)
        self.assertIn("tls: 5", err)
        self.assertEqual(self.server.paths, [])


class Misuse(unittest.TestCase):
    def test_it_says_what_is_wrong(self):
        for options, complaint in (
                ((), "--rate or --trace"),
                (("--rate", "5"), "--duration or --requests"),
                (("--trace", "/no/such", "--speed", "2"), "/no/such"),
                (("--rate", "5", "--requests", "1", "--class",
                  "name=a,ttft=soon"), "--class: ttft: want a time"),
                (("--rate", "5", "--requests", "1", "--requests-out",
                  "/no/such/file"), "/no/such/file")):
            code, out, err = loadtest(free_port(), *options)
            self.assertEqual((code, out), (2, ""), options)
            self.assertIn(complaint, err)

    def test_nobody_there(self):
        code, out, err = loadtest(free_port(), "--rate", "50",
                                  "--requests", "2")
        self.assertEqual(code, 1)
        self.assertIn("refused: 2", err)


if __name__ == "__main__":
    unittest.main()
