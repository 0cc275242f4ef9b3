"""Bad input gets a clear answer in the right shape; nothing is smuggled; the
others do not notice."""
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, ROOT, Fake, Gateway, backend,  # noqa: E402
                     chat, conf, free_port, wait_for)


class Bed(unittest.TestCase):
    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--tokens", "3")
        cls.gateway = Gateway(conf([backend("one", cls.fake.port)],
                                   cls.extra))

    @classmethod
    def tearDownClass(cls):
        assert cls.gateway.stop() == 0
        cls.fake.stop()

    def raw(self, data, wait=5):
        """Everything that comes back for these bytes."""
        s = socket.create_connection(("127.0.0.1", self.gateway.port), wait)
        s.sendall(data)
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
                if b"\r\n\r\n" in got and self.complete(got):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        s.close()
        return got

    @staticmethod
    def complete(got):
        head, _, body = got.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return len(body) >= int(line.split(b":")[1])
        return False

    def assert_error(self, answer, status, code=None, param=None):
        got, headers, body = answer
        self.assertEqual(got, status, body)
        self.assertEqual(set(body["error"]),
                         {"message", "type", "param", "code"})
        self.assertIn("x-request-id", headers)
        if code is not None:
            self.assertEqual(body["error"]["code"], code)
        if param is not None:
            self.assertEqual(body["error"]["param"], param)


class Bodies(Bed):
    def test_broken_json_says_where(self):
        answer = self.gateway.chat(b'{"model": "m",\n "messages": [}')
        self.assert_error(answer, 400, "invalid_json")
        self.assertIn("line 2", answer[2]["error"]["message"])

    def test_nul_and_invalid_utf8(self):
        for bad in (b'{"model":"m\x00"}', b'{"model":"\xff\xfe"}', b"\x00"):
            self.assert_error(self.gateway.chat(bad), 400, "invalid_json")

    def test_wrong_types_name_the_member(self):
        for member, value in (("model", 5), ("messages", "x"),
                              ("stream", "yes"), ("max_tokens", "many")):
            body = chat("m")
            body[member] = value
            self.assert_error(self.gateway.chat(body), 400, None, member)

    def test_not_an_object_and_empty(self):
        for bad in (b"[]", b"5", b"", b"{}"):
            self.assertEqual(self.gateway.chat(bad)[0], 400, bad)

    def test_twice_the_same_member(self):
        self.assert_error(
            self.gateway.chat(b'{"model":"m","model":"x","messages":[{}]}'),
            400)

    def test_no_model_and_no_default(self):
        self.assert_error(self.gateway.chat(chat()), 400)

    def test_unknown_model(self):
        self.assert_error(self.gateway.chat(chat("nope")), 404,
                          "model_not_found", "model")

    def test_unknown_paths(self):
        answer = self.gateway.post("/chat/completions", chat("m"))
        self.assert_error(answer, 404)
        self.assertIn("/v1", answer[2]["error"]["message"])
        answer = self.gateway.get("/v1/chat/completions")
        self.assert_error(answer, 405)
        self.assertEqual(answer[1]["allow"], "POST, OPTIONS")
        answer = self.gateway.post("/v1/models", {})
        self.assert_error(answer, 405)
        self.assertEqual(answer[1]["allow"], "GET, HEAD, OPTIONS")
        self.assert_error(self.gateway.post("/v1/nothing", {}), 404)

    def test_bad_slo_headers(self):
        for name, value in (("x-slo-ttft-ms", "fast"), ("x-slo-class", "no")):
            answer = self.gateway.chat(chat("m"), {name: value})
            self.assert_error(answer, 400)
            self.assertIn(name, answer[2]["error"]["message"])

    def test_unknown_members_pass(self):
        body = chat("m", fake={"id": "pass"}, something={"new": [1, 2.50]})
        self.assertEqual(self.gateway.chat(body)[0], 200)

    def test_65_mib_is_a_413_that_can_be_read(self):
        size = 65 << 20
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=60)
        c.request("POST", "/v1/chat/completions", b"a" * size,
                  {"content-type": "application/json"})
        r = c.getresponse()
        body = json.loads(r.read())
        c.close()
        self.assertEqual(r.status, 413)
        self.assertEqual(set(body["error"]),
                         {"message", "type", "param", "code"})

    def test_65_mib_in_chunks(self):
        def blocks():
            for _ in range(65):
                yield b"a" * (1 << 20)

        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=60)
        c.request("POST", "/v1/chat/completions", blocks(),
                  {"content-type": "application/json"}, encode_chunked=True)
        self.assertEqual(c.getresponse().status, 413)
        c.close()


class Framing(Bed):
    BODY = json.dumps(chat("m", fake={"id": "smuggled"})).encode()

    def post(self, headers, body):
        return (b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                + headers + b"\r\n" + body)

    def refused(self, headers, body):
        before = self.fake.stats()["requests"]
        got = self.raw(self.post(headers, body), 3)
        self.assertTrue(got == b"" or got.startswith(b"HTTP/1.1 4")
                        or got.startswith(b"HTTP/1.1 501"), got[:200])
        time.sleep(0.05)
        self.assertEqual(self.fake.stats()["requests"], before)

    def test_two_content_lengths(self):
        n = str(len(self.BODY)).encode()
        self.refused(b"content-length: " + n + b"\r\ncontent-length: 5\r\n",
                     self.BODY)
        self.refused(b"content-length: 5\r\ncontent-length: " + n + b"\r\n",
                     self.BODY)

    def test_length_with_chunked(self):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.BODY), self.BODY)
        self.refused(b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
                     chunked)

    def test_unknown_coding(self):
        self.refused(b"transfer-encoding: xchunked\r\n", b"0\r\n\r\n")
        self.refused(b"transfer-encoding: gzip, chunked\r\n", b"0\r\n\r\n")

    def test_a_second_request_hidden_in_a_body_stays_a_body(self):
        hidden = self.post(b"content-length: %d\r\n" % len(self.BODY),
                           self.BODY)
        before = self.fake.stats()["requests"]
        self.raw(self.post(b"content-length: 3\r\ncontent-length: %d\r\n"
                           % len(hidden), hidden), 2)
        self.assertEqual(self.fake.stats()["requests"], before)

    def test_keep_alive_and_pipelining(self):
        one = self.post(b"content-length: %d\r\n" % len(self.BODY), self.BODY)
        s = socket.create_connection(("127.0.0.1", self.gateway.port), 5)
        s.sendall(one * 3)
        got = b""
        while got.count(b"finish_reason") < 3:
            chunk = s.recv(65536)
            self.assertTrue(chunk, got)
            got += chunk
        s.close()
        self.assertEqual(got.count(b"HTTP/1.1 200"), 3)

    def test_chunked_upload(self):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.BODY), self.BODY)
        got = self.raw(self.post(b"transfer-encoding: chunked\r\n", chunked))
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got[:100])


class Slow(Bed):
    extra = 'header_timeout = "500ms"; body_timeout = "500ms";\n'

    def closed_within(self, s, seconds):
        s.settimeout(seconds)
        try:
            while s.recv(4096):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def test_dripping_headers_and_bodies_are_closed(self):
        for data in (b"POST /v1/chat/completions HTTP/1.1\r\nhost: local",
                     b"POST /v1/chat/completions HTTP/1.1\r\n"
                     b"host: localhost\r\ncontent-length: 100\r\n\r\n{"):
            s = socket.create_connection(("127.0.0.1", self.gateway.port))
            s.sendall(data)
            self.assertTrue(self.closed_within(s, 5), data)
            s.close()
        wait_for(lambda: "result=client_gone reason=request_timeout"
                 in self.gateway.log(), what="its line")

    def test_a_thousand_idle_connections_bother_nobody(self):
        idle = [socket.create_connection(("127.0.0.1", self.gateway.port))
                for _ in range(1000)]
        self.assertEqual(self.gateway.chat(chat("m"))[0], 200)
        for s in idle:
            s.close()
        wait_for(lambda: self.gateway.status()["connections"] < 10,
                 what="connections to be let go")


class Open(Bed):
    extra = 'cors_origins = [ "https://app.example" ];\n'

    def test_only_local_hosts(self):
        for host, status in (("localhost", 200), ("127.0.0.1:99", 200),
                             ("[::1]", 200), ("evil.example", 403)):
            answer = self.gateway.get("/v1/models", {"host": host})
            self.assertEqual(answer[0], status, host)
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.admin)
        c.request("GET", "/admin/v1/status", headers={"host": "evil.example"})
        self.assertEqual(c.getresponse().status, 403)
        c.close()

    def test_cors_for_configured_origins_only(self):
        def preflight(origin):
            c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
            c.request("OPTIONS", "/v1/chat/completions", headers={
                "origin": origin, "access-control-request-method": "POST",
                "access-control-request-headers": "authorization, x-a"})
            r = c.getresponse()
            r.read()
            c.close()
            return r

        good = preflight("https://app.example")
        self.assertEqual(good.getheader("access-control-allow-origin"),
                         "https://app.example")
        self.assertEqual(good.getheader("access-control-allow-headers"),
                         "authorization, x-a")
        self.assertIsNone(preflight("https://evil.example").getheader(
            "access-control-allow-origin"))


class Empty(unittest.TestCase):
    def test_a_stream_without_a_token_is_judged_by_its_end(self):
        one = Fake("--ttft", "100-120", "--fault", "no_tokens")
        self.addCleanup(one.stop)
        g = Gateway(conf([backend("one", one.port)]))
        self.addCleanup(g.stop)
        for ms, met in (("20", "no"), ("20000", "yes")):
            self.assertEqual(g.chat(chat("m", stream=True), {
                "x-slo-ttft-ms": ms})[0], 200)
            wait_for(lambda: f"slo_met={met} " in g.log(), what="its line")


class Tenants(unittest.TestCase):
    def test_keys_boundaries_and_pins(self):
        one, two = Fake("--tokens", "2"), Fake("--tokens", "2")
        digest = subprocess.run(
            [POINTSMAN, "key", "hash"], input=b"hashed-key\n",
            capture_output=True, check=True).stdout.decode().strip()
        g = Gateway(
            conf([backend("one", one.port, 'region = "us";'),
                  backend("two", two.port, 'region = "eu";')],
                 'tenants = ( { name = "acme"; keys = [ "env:ACME_KEY", '
                 f'"{digest}" ]; regions = [ "eu" ]; }},\n'
                 '  { name = "free"; keys = [ "env:FREE_KEY" ]; '
                 'models = [ "other" ]; } );\n').replace(
                     'models = (', 'models = ( { name = "other"; serve = ( { '
                     'backend = "one"; model = "fake-model"; } ); },', 1),
            env={"ACME_KEY": "acme-key", "FREE_KEY": "free-key"})
        key = {"authorization": "Bearer acme-key"}
        status, headers, body = g.chat(chat("m"))
        self.assertEqual((status, body["error"]["code"]),
                         (401, "invalid_api_key"))
        self.assertEqual(headers["x-should-retry"], "false")
        self.assertEqual(g.chat(chat("m"), {
            "authorization": "Bearer wrong"})[0], 401)
        for k in ("acme-key", "hashed-key"):
            for _ in range(5):
                status, headers, _ = g.chat(
                    chat("m"), {"authorization": f"Bearer {k}"})
                self.assertEqual(status, 200)
                self.assertEqual(headers["x-pointsman-backend"], "two")
        self.assertEqual(g.chat(chat("m:two"), key)[0], 403)
        self.assertEqual(
            g.chat(chat("m"), {"authorization": "Bearer free-key"})[0], 404)
        self.assertNotIn("acme-key", g.log())
        two.stop()
        status, _, body = g.chat(chat("m"), key)
        self.assertGreaterEqual(status, 502, body)  # never over to `us`
        self.assertEqual(g.stop(), 0)
        one.stop()


class Chains(unittest.TestCase):
    """Gateways whose backends are gateways."""

    def gateway(self, port, next_port, model):
        admin = free_port()
        g = Gateway(conf(
            [backend("next", next_port, 'probe_interval = "0s";')],
            serve=f'{{ backend = "next"; model = "{model}"; }}'),
            listen='listen = { address = "127.0.0.1"; '
                   f'port = {port}; }};\n'
                   'admin = { address = "127.0.0.1"; '
                   f'port = {admin}; }};\n', wait=False)
        g.port, g.admin = port, admin
        wait_for(g.ready, 20, "the gateway to be ready")
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def test_what_goes_in_circles_is_stopped(self):
        a, b = free_port(), free_port()
        one, two = self.gateway(a, b, "m"), self.gateway(b, a, "m")
        began = time.monotonic()
        status, _, body = one.chat(chat("m"))
        self.assertEqual((status, body["error"]["code"]),
                         (502, "all_backends_failed"))
        self.assertLess(time.monotonic() - began, 5)
        self.assertIn("status=508 reason=loop_detected",
                      one.log() + two.log())

    def test_a_row_of_them_is_none(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        port = fake.port
        for model in ("fake-model", "m", "m", "m", "m"):
            g = self.gateway(free_port(), port, model)
            port = g.port
        self.assertEqual(g.chat(chat("m"))[0], 200)


class Strangers(unittest.TestCase):
    def test_many_bad_keys_are_few_lines(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)],
                         'access_log = "off";\n'
                         'tenants = ( { name = "a"; '
                         'keys = [ "env:STRANGER_TEST_KEY" ]; } );\n'),
                    env={"STRANGER_TEST_KEY": "hunter2"})
        began = time.monotonic()
        for _ in range(100):
            self.assertEqual(g.chat(chat("m"))[0], 401)
        seconds = int(time.monotonic() - began) + 2  # begun ones count
        lines = g.log().count("status=401")
        self.assertGreater(lines, 0)
        self.assertLessEqual(lines, 10 * seconds)
        wait_for(lambda: (g.chat(chat("m")), "suppressed event=refuse lines="
                          in g.log())[1], what="the count of the others")
        self.assertEqual(g.stop(), 0)


class Configuration(unittest.TestCase):
    def check(self, path, **env):
        return subprocess.run([POINTSMAN, "check", "-c", path],
                              capture_output=True, text=True,
                              env={**os.environ, **env})

    def test_fifteen_mistakes_are_all_said(self):
        r = self.check(os.path.join(ROOT, "tests/conf/fifteen.conf"))
        self.assertEqual(r.returncode, 1)
        lines = [x for x in r.stderr.splitlines() if "fifteen.conf:" in x]
        self.assertGreaterEqual(len(lines), 15)
        for line in lines:
            self.assertRegex(line, r"fifteen\.conf:\d+: ")

    def test_the_shipped_file_is_good(self):
        r = self.check(os.path.join(ROOT, "gateway.conf"))
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_wrong_usage(self):
        for argv, said in (
                (["nonsense"], "nonsense"), ([], "usage: "),
                (["check", "--nonsense"], "--nonsense"),
                (["check", "my.conf"], 'want options only, got "my.conf"'),
                (["serve", "my.conf"], 'want options only, got "my.conf"'),
                (["key", "--nonsense"], "usage: "),
                (["audit", "--nonsense"], "usage: ")):
            r = subprocess.run([POINTSMAN, *argv], capture_output=True,
                               text=True)
            self.assertEqual(r.returncode, 2, argv)
            self.assertIn(said, r.stderr, argv)
            self.assertLessEqual(r.stderr.count("usage: "), 1, argv)

    def test_a_port_in_use(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            g = Gateway(conf([backend("one", 1)]), wait=False, listen=(
                f'listen = {{ address = "127.0.0.1"; port = {port}; }};\n'
                'admin = { address = "127.0.0.1"; port = '
                f'{free_port()}; }};\n'))
            self.assertEqual(g.process.wait(10), 1)
            self.assertIn(str(port), g.log())
            self.assertIn("in use", g.log())
            g.stop()


if __name__ == "__main__":
    unittest.main()
