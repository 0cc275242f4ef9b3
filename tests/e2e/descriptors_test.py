"""So few open files are allowed that not even the event loops come to be: it
says so and ends, whatever was to be opened next. And standard input, output or
errors are closed: nothing else gets their numbers. And a crowd of clients takes
none that others need."""
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend,  # noqa: E402
                     chat, conf, free_port, http_json, wait_for)

FEWEST = 4  # with less no shared library can be loaded
MOST = 60  # enough for anything


def answers(admin):
    try:
        return http_json(admin, "GET", "/admin/v1/status")[2]["ready"]
    except OSError:
        return False


def limited(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


class Descriptors(unittest.TestCase):
    # a search for leaks wants descriptors of its own
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

    def begin(self, n, *command):
        p = subprocess.Popen(
            [POINTSMAN, *command], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.env, preexec_fn=limited(n))
        self.addCleanup(p.kill)
        return p

    def end(self, n, p):
        """Its code and what it said; never a crash."""
        out, err = p.communicate(timeout=30)
        said = (out + err).decode(errors="replace")
        for bad in ("Sanitizer", "runtime error", "Assertion"):
            self.assertNotIn(bad, said, n)
        self.assertGreaterEqual(p.returncode, 0, f"{n}: {said}")
        return p.returncode, said

    def test_serve(self):
        loops = 0
        for n in range(FEWEST, MOST):
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
                f.write(f'listen = {{ port = {free_port()}; }};\n'
                        f'admin = {{ port = {free_port()}; }};\n'
                        + conf([backend("one", 9)], "workers = 2;\n"))
                f.flush()
                p = self.begin(n, "serve", "-c", f.name)
                started = p.stdout.readline() != b""
            if started:
                p.terminate()
            code, said = self.end(n, p)
            if started:
                self.assertEqual(code, 0, f"{n}: {said}")
                self.assertGreater(loops, 1)
                return
            self.assertEqual(code, 1, f"{n}: {said}")
            self.assertRegex(said, "pointsman: .*oo many open files", n)
            loops += "no event loop" in said
        self.fail("it never started")

    def run_out(self, *command):
        """None of it succeeds; how often there was no loop."""
        loops = 0
        for n in range(FEWEST, FEWEST + 10):
            code, said = self.end(n, self.begin(n, *command))
            self.assertGreater(code, 0, f"{n}: {said}")
            if "no event loop" in said:
                self.assertIn("too many open files", said)
                loops += 1
        return loops

    def test_check(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(conf([backend("one", 9)]))
            f.flush()
            self.assertGreater(
                self.run_out("check", "--live", "-c", f.name), 0)

    def test_ask(self):
        self.assertGreater(
            self.run_out("ask", "--url", "http://127.0.0.1:9", "hello"), 0)

    def test_loadtest(self):
        self.assertGreater(
            self.run_out("loadtest", "--url", "http://127.0.0.1:9", "--model",
                         "m", "--rate", "9", "--requests", "1"), 0)


class Standard(unittest.TestCase):
    """As a daemon's parent, or `>&-`, leaves them."""

    def begin(self, closed, *command):
        def close():
            for fd in closed:
                os.close(fd)

        p = subprocess.Popen(
            [POINTSMAN, *command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=close)
        self.addCleanup(p.kill)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        return p

    def test_serve(self):
        for closed in ([0], [1], [2], [0, 1, 2]):
            with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
                admin = free_port()
                f.write(f'listen = {{ port = {free_port()}; }};\n'
                        f'admin = {{ port = {admin}; }};\n'
                        + conf([backend("one", 9)]))
                f.flush()
                p = self.begin(closed, "serve", "-c", f.name)
                wait_for(lambda: answers(admin), 20, closed)
                for fd in closed:
                    self.assertEqual(os.readlink(f"/proc/{p.pid}/fd/{fd}"),
                                     "/dev/null")
                p.terminate()
                self.assertEqual(p.wait(timeout=30), 0, closed)

    def test_what_cannot_be_said_is_not_good(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(conf([backend("one", 9)]))
            f.flush()
            for closed, code in (([0], 0), ([1], 1), ([2], 0), ([0, 1, 2], 1)):
                p = self.begin(closed, "check", "-c", f.name)
                self.assertEqual(p.wait(timeout=30), code, closed)


class Crowd(unittest.TestCase):
    def test_who_only_connects_takes_none_that_others_need(self):
        fake = Fake("--tokens", "3")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)], "workers = 2;\n"))
        self.addCleanup(g.process.kill)
        resource.prlimit(g.process.pid, resource.RLIMIT_NOFILE, (160, 160))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: g.status()["config_version"] == 2, 10, "the reload")
        crowd = [socket.create_connection(("127.0.0.1", g.port), 10)
                 for _ in range(200)]
        for s in crowd[:10]:  # who was let in is served
            self.assertEqual(self.ask(s, g), 200)
        self.assertTrue(g.answers())
        # and who comes now, as others have been silent for long
        wait_for(lambda: self.is_served(g), 10, "room for somebody new")
        self.assertIn("level=warn connection_ended reason=connection_limit",
                      g.log())
        for s in crowd:
            s.close()
        self.assertEqual(g.stop(), 0)

    def test_who_has_no_key_takes_none_that_others_need(self):
        fake = Fake("--tokens", "3")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)],
                         'max_connections = 4; workers = 1; tenants = '
                         '( { name = "t"; keys = [ "env:TK" ]; } );\n'),
                    env={"TK": "tenant-key-123"})
        self.addCleanup(g.process.kill)
        crowd = [socket.create_connection(("127.0.0.1", g.port), 10)
                 for _ in range(4)]
        for s in crowd:  # and no body
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\n"
                      b"Host: a\r\nContent-Length: 100\r\n\r\n")
        wait_for(lambda: g.status()["requests"] == 4, 10, "their heads")
        self.assertEqual(
            http_json(g.port, "GET", "/v1/models", headers={
                "authorization": "Bearer tenant-key-123"})[0], 200)
        wait_for(lambda: "result=client_gone reason=connection_limit"
                 in g.log(), 10, "the line of who was ended")
        for s in crowd:
            s.close()
        self.assertEqual(g.stop(), 0)

    def ask(self, s, g):
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=10)
        c.sock = s
        c.request("POST", "/v1/chat/completions", json.dumps(chat("m")))
        r = c.getresponse()
        r.read()
        return r.status

    def is_served(self, g):
        try:
            return g.chat(chat("m"))[0] == 200
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    unittest.main()
