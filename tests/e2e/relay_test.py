"""What a client sees is what the backend sent; what fails before the first
token is not seen at all; what fails after it is said out loud."""
import concurrent.futures
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import says  # noqa: E402
from harness import (Fake, Gateway, Stub, backend, chat, conf,  # noqa: E402
                     events, free_port, http_json, wait_for)

ALONE = "it wants to see work end within 50 ms"


def stream(gateway, body, headers=None):
    """(headers, raw body) of a streamed answer."""
    c = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    c.request("POST", "/v1/chat/completions", json.dumps(body),
              {"content-type": "application/json", **(headers or {})})
    r = c.getresponse()
    raw = r.read()
    c.close()
    return {k.lower(): v for k, v in r.getheaders()}, raw.decode()


class Relay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = Fake("--tokens", "20", "--rate", "2000-2000")
        cls.two = Fake("--tokens", "20", "--rate", "2000-2000")
        cls.gateway = Gateway(conf([
            backend("one", cls.one.port),
            backend("two", cls.two.port)]))

    @classmethod
    def tearDownClass(cls):
        code = cls.gateway.stop()
        cls.one.stop()
        cls.two.stop()
        assert code == 0, code

    def setUp(self):
        for fake in (self.one, self.two):
            fake.configure(fault="none", after=0)

    def call(self, name):
        return self.one.calls().get(name) or self.two.calls().get(name)

    def test_streamed_bytes_are_hash_equal(self):
        body = chat("m", stream=True, stream_options={"include_usage": True},
                    fake={"id": "hash1"})
        headers, raw = stream(self.gateway, body)
        self.assertEqual(headers["content-type"].split(";")[0],
                         "text/event-stream")
        sent = wait_for(lambda: self.call("hash1"), what="the call's end")
        self.assertEqual(hashlib.sha256(raw.encode()).hexdigest(),
                         sent["sha256"])

    def test_whole_bodies_are_hash_equal(self):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", fake={"id": "hash2"})),
                  {"content-type": "application/json"})
        raw = c.getresponse().read()
        c.close()
        sent = wait_for(lambda: self.call("hash2"), what="the call's end")
        self.assertEqual(hashlib.sha256(raw).hexdigest(), sent["sha256"])

    def test_headers_tell_who_answered(self):
        headers, _ = stream(self.gateway, chat("m", stream=True))
        self.assertIn(headers["x-pointsman-backend"], ("one", "two"))
        self.assertEqual(headers["x-pointsman-model"], "fake-model")
        self.assertEqual(headers["x-pointsman-attempts"], "1")
        self.assertRegex(headers["x-request-id"], "^req_[0-9a-f]{24}$")
        self.assertIn("route;dur=", headers["server-timing"])

    def unseen(self, fault, streamed):
        two = Fake("--tokens", "5")
        one = Fake("--fault", fault, "--tokens",
                   "0" if fault == "no_finish" else "5")
        g = Gateway(conf([backend(name, fake.port, 'probe_interval = "0s";')
                          for name, fake in (("one", one), ("two", two))]))
        for process in (one.process, two.process, g.process):
            self.addCleanup(process.kill)
        # Pinned nowhere, so the order is the router's: ask until the bad one
        # has been tried.
        for _ in range(20):
            status, headers, body = g.chat(chat("m", stream=streamed))
            self.assertEqual(status, 200, body)
            self.assertEqual(headers["x-pointsman-backend"], "two")
            if headers["x-pointsman-attempts"] == "2":
                break
        else:
            self.fail("the bad backend was never tried")
        self.assertEqual(g.stop(), 0)

    def test_every_fault_before_the_first_token_is_unseen(self):
        faults = ["reset", "close", "empty", "html", "error_200", "500",
                  "502", "503", "529", "429", "401", "403", "404", "498"]
        cases = [(f, streamed) for f in faults for streamed in (True, False)]
        cases += [("error_first", True), ("no_finish", True)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for case, done in [(c, pool.submit(self.unseen, *c))
                               for c in cases]:
                with self.subTest(case):
                    done.result()

    def test_cut_after_commit_ends_in_an_error_event(self):
        for fault in ("cut", "cut_reset", "cut_inside", "bad_chunk",
                      "error_later"):
            with self.subTest(fault=fault):
                for fake in (self.one, self.two):
                    fake.configure(fault=fault, after=3)
                # so slowly that the first have gone out when it breaks
                headers, raw = stream(self.gateway, chat(
                    "m", stream=True, fake={"itl_ms": 80}))
                data = events(raw)
                self.assertNotIn("[DONE]", data)
                error = json.loads(data[-1])["error"]
                self.assertEqual(set(error),
                                 {"message", "type", "param", "code"})
                self.assertEqual(error["code"], "upstream_failed")
                words = [json.loads(d)["choices"][0]["delta"].get("content")
                         for d in data[:-1]]
                words = [w.strip() for w in words if w]
                if fault == "cut_reset":
                    # A reset may overtake what was sent before it.
                    self.assertEqual(words, ["word0", "word1",
                                             "word2"][:len(words)])
                else:
                    self.assertEqual(words, ["word0", "word1", "word2"])

    def test_missing_done_is_supplied(self):
        for fake in (self.one, self.two):
            fake.configure(fault="no_done")
        _, raw = stream(self.gateway, chat("m", stream=True))
        self.assertEqual(events(raw)[-1], "[DONE]")

    def test_a_finish_without_tokens_from_all_is_the_answer(self):
        for fake in (self.one, self.two):
            fake.configure(fault="no_tokens")
        status, headers, raw = self.gateway.chat(chat("m", stream=True))
        self.assertEqual(status, 200)
        self.assertEqual(headers["x-pointsman-attempts"], "2")
        self.assertEqual(events(raw)[-1], "[DONE]")


class Deadlines(unittest.TestCase):
    def gateway(self, fault, timeouts, **script):
        bad = Fake("--fault", fault, "--tokens", "5")
        bad.configure(after=2)
        self.addCleanup(bad.stop)
        g = Gateway(conf([backend(
            "bad", bad.port,
            f"probe_interval = \"0s\"; timeouts = {{ {timeouts} }};")]))
        self.addCleanup(g.stop)
        return g

    def test_ttft(self):
        for fault in ("hang", "headers"):
            g = self.gateway(fault, 'ttft = "200ms";')
            began = time.monotonic()
            status, _, body = g.chat(chat("m", stream=True))
            self.assertEqual(status, 504, body)
            self.assertLess(time.monotonic() - began, 3)
            self.assertIn("ttft_timeout", body["error"]["message"])

    def test_gap(self):
        g = self.gateway("stall", 'gap = "200ms";')
        _, raw = stream(g, chat("m", stream=True))
        self.assertIn("gap_timeout", events(raw)[-1])

    def test_total(self):
        g = self.gateway("hang", 'ttft = "300ms"; total = "300ms"; '
                                 'connect = "100ms"; gap = "100ms";')
        status, _, body = g.chat(chat("m"))
        self.assertEqual(status, 504, body)

    def test_what_came_while_we_were_stopped_is_not_late(self):
        fake = Fake("--tokens", "5", "--ttft", "300-300")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend(
            "one", fake.port, 'timeouts = { ttft = "600ms"; total = "600ms"; '
                              'connect = "100ms"; gap = "100ms"; };')]))
        self.addCleanup(g.stop)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = [pool.submit(g.chat, chat("m")) for _ in range(3)]
            wait_for(lambda: fake.stats()["requests"] == 3)
            g.send_signal(signal.SIGSTOP)
            time.sleep(0.8)
            g.send_signal(signal.SIGCONT)
        self.assertEqual([a.result()[0] for a in answers], [200, 200, 200])
        self.assertEqual(g.backends()["one"]["servings"][0]["faults"], {})


class ClientGone(unittest.TestCase):
    """A client that leaves is gone at the backend within 50 ms."""

    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--tokens", "1000", "--rate", "20-20")
        cls.gateway = Gateway(conf([backend("one", cls.fake.port)]))

    @classmethod
    def tearDownClass(cls):
        assert cls.gateway.stop() == 0
        cls.fake.stop()

    def leave(self, name, **members):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", fake={"id": name, **members.pop(
                      "script", {})}, **members)),
                  {"content-type": "application/json"})
        wait_for(lambda: self.fake.stats()["running"] > 0,
                 what="the backend to have it")
        left = time.monotonic()
        c.close()
        call = wait_for(lambda: self.fake.calls().get(name),
                        what="the backend to notice")
        self.assertTrue(call["cancelled"])
        self.assertLess(call["gone_us"] / 1e6 - left, 0.05)

    def test_before_the_first_byte_of_a_whole_answer(self):
        self.leave("gone1")

    def test_before_the_first_token(self):
        self.leave("gone2", stream=True, script={"ttft_ms": 10000})

    def test_mid_stream(self):
        name = "gone3"
        s = socket.create_connection(("127.0.0.1", self.gateway.port))
        body = json.dumps(chat("m", stream=True, fake={"id": name})).encode()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                  b"content-type: application/json\r\ncontent-length: "
                  + str(len(body)).encode() + b"\r\n\r\n" + body)
        data = b""
        while b"word2" not in data:
            data += s.recv(4096)
        left = time.monotonic()
        s.close()
        call = wait_for(lambda: self.fake.calls().get(name),
                        what="the backend to notice")
        self.assertTrue(call["cancelled"])
        self.assertLess(call["gone_us"] / 1e6 - left, 0.05)


class SlowReader(unittest.TestCase):
    """A client that stops reading is no slowness of the backend."""

    TOKENS, RATE, STALL = 3000, 2000, 4
    SLO = ('slo = ( { name = "whole"; itl = "100ms"; total = "3500ms"; '
           'percentile = 50; priority = "standard"; } );\n'
           'default_slo = "whole";\n')

    def setUp(self):
        self.fake = Fake("--ttft", "1-1", "--tokens", str(self.TOKENS),
                         "--rate", f"{self.RATE}-{self.RATE}")
        self.addCleanup(self.fake.stop)
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        # of a TCP connection on loopback the kernel keeps megabytes: too much
        # for a pause to be felt
        self.path = os.path.join(folder.name, "gw.sock")
        admin = free_port()
        self.gateway = Gateway(
            conf([backend("one", self.fake.port)], self.SLO), wait=False,
            listen=f'listen = {{ path = "{self.path}"; }};\n'
                   f'admin = {{ port = {admin}; }};\n')
        self.gateway.admin = admin
        self.addCleanup(self.gateway.stop)
        wait_for(self.gateway.ready, 20, "the gateway to be ready")

    def learned_itl(self):
        """What the router goes by, once it has heard of both."""
        doc = http_json(self.gateway.admin, "GET", "/admin/v1/slo")[2]
        itl = doc["groups"][0]["could_hold"][0]["itl"]
        return itl if itl["n"] > 1 else None

    def access_line(self, n):
        lines = [line for line in self.gateway.log().splitlines()
                 if " ttft_ms=" in line]
        return lines[n] if len(lines) > n else None

    def value(self, line, key):
        found = re.search(rf" {key}=([0-9.]+)", line)
        return float(found.group(1)) if found else 0.0

    def read(self, stall):
        """A whole answer, in two goes."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        s.connect(self.path)
        body = json.dumps(chat("m", stream=True)).encode()
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                  b"content-type: application/json\r\ncontent-length: "
                  + str(len(body)).encode() + b"\r\n\r\n" + body)
        tail = s.recv(1024)
        time.sleep(stall)  # this is what is tested
        while b"[DONE]" not in tail:
            data = s.recv(65536)
            self.assertNotEqual(data, b"")
            tail = tail[-16:] + data
        s.close()

    def test_its_pauses_are_nobodys_fault(self):
        self.read(0)
        line = wait_for(lambda: self.access_line(0), what="the access line")
        self.assertLess(self.value(line, "stalled_ms"), 1000)
        self.read(self.STALL)
        line = wait_for(lambda: self.access_line(1), what="the access line")
        self.assertGreater(self.value(line, "total_ms"), 1000 * self.STALL)
        self.assertGreater(self.value(line, "stalled_ms"), 1000)
        self.assertIn("slo_met=yes", line)
        # less than its tokens' time with the pause among them
        most = 0.8 * 1000 * self.STALL / self.TOKENS
        self.assertLess(self.value(line, "itl_ms"), most)
        learned = wait_for(self.learned_itl, what="the router to learn")
        self.assertLess(learned["p99_ms"], most)


class Flood(unittest.TestCase):
    """Backends that are faster than the gateway, and clients who keep up."""
    STREAMS = 3

    def test_who_is_fast_keeps_nobody_waiting(self):
        def answer(request):
            if b"stream" not in request.body:
                return (200, {"content-type": "application/json"},
                        says.whole("hi"))
            return 200, {"content-type": "text/event-stream"}, flood()

        def flood():
            yield says.chunk(text="a")
            while True:
                yield b":\n\n" * 40000

        stub = Stub(answer)
        self.addCleanup(stub.stop)
        g = Gateway(conf([backend("one", stub.port)], "workers = 1;"))
        readers = [self.read(g) for _ in range(self.STREAMS)]
        began = time.monotonic()
        status, _, _ = g.chat(chat("m"))
        took = time.monotonic() - began
        for s in readers:
            s.close()
        self.assertEqual(g.stop(), 0)
        self.assertEqual(status, 200)
        self.assertLess(took, 0.4)

    def read(self, gateway):
        """Until the socket is closed, once the stream is well under way."""
        under_way = threading.Event()
        s = socket.create_connection(("127.0.0.1", gateway.port))
        body = json.dumps(chat("m", stream=True))
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                  b"content-type: application/json\r\n"
                  b"content-length: %d\r\n\r\n%s"
                  % (len(body), body.encode()))

        def drain():
            n, room = 0, bytearray(1 << 20)
            while (got := s.recv_into(room)) > 0:
                n += got
                if n > 1 << 20:
                    under_way.set()

        threading.Thread(target=drain, daemon=True).start()
        self.assertTrue(under_way.wait(10))
        return s


class Telemetry(unittest.TestCase):
    def test_p95_ttft_is_what_clients_measured(self):
        fake = Fake("--ttft", "60-200", "--rate", "500-500", "--tokens", "3")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)]))
        measured, lock = [], threading.Lock()

        def client():
            for _ in range(25):
                c = http.client.HTTPConnection("127.0.0.1", g.port)
                began = time.monotonic()
                c.request("POST", "/v1/chat/completions",
                          json.dumps(chat("m", stream=True)),
                          {"content-type": "application/json"})
                r = c.getresponse()
                line = r.readline()
                while b"word0" not in line:
                    line = r.readline()
                took = time.monotonic() - began
                r.read()
                c.close()
                with lock:
                    measured.append(took * 1e3)

        threads = [threading.Thread(target=client) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        measured.sort()
        p95 = measured[int(len(measured) * 0.95)]
        seen = g.backends()["one"]["servings"][0]["latency"]["ttft"]["p95_ms"]
        self.assertEqual(g.stop(), 0)
        self.assertLess(abs(seen - p95) / p95, 0.05, (seen, p95))


if __name__ == "__main__":
    unittest.main()
