"""The audit log: who changed what, and whether anybody can hide it."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend, conf,  # noqa: E402
                     http_json, wait_for)

KEYS = ('admin_keys = ( { key = "env:AUDIT_TEST_READ"; role = "read"; '
        'name = "eyes"; }, { key = "env:AUDIT_TEST_CI"; role = "operate"; '
        'name = "ci"; }, "env:AUDIT_TEST_ADMIN" );\n')
EXTRA = ('tenants = ( { name = "t"; keys = [ "env:AUDIT_TEST_TENANT" ]; } );\n'
         'keys_file = "keys.json";\naudit_log = "audit.jsonl";\n')
ENV = {"AUDIT_TEST_READ": "reader-key", "AUDIT_TEST_CI": "ci-key",
       "AUDIT_TEST_ADMIN": "admin-key", "AUDIT_TEST_TENANT": "tenant-key"}


class Audit(unittest.TestCase):
    def start(self, extra=EXTRA + KEYS):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)], "") + extra, env=ENV)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        self.path = os.path.join(g.folder.name, "audit.jsonl")
        return g

    def ask(self, g, method, path, key=None, **headers):
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return http_json(g.admin, method, path, headers=headers)

    def lines(self):
        with open(self.path, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def verify(self, *argv):
        return subprocess.run([POINTSMAN, "audit", "verify", *argv],
                              capture_output=True, text=True, timeout=20)

    def test_a_line_without_end_is_not_read_to_its_end(self):
        p = subprocess.Popen([POINTSMAN, "audit", "verify", "/dev/stdin"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, bufsize=0)
        self.addCleanup(p.kill)
        try:
            p.stdin.write(400000 * b"x")
        except BrokenPipeError:
            pass  # it had enough
        self.assertEqual(p.wait(10), 1)
        self.assertIn(b"/dev/stdin:1: want a line of the audit log, got "
                      b"something else", p.stderr.read())
        for pipe in (p.stdin, p.stdout, p.stderr):
            pipe.close()

    def test_each_act_is_a_line(self):
        g = self.start()
        for method, path, key, status in (
                ("POST", "/admin/v1/reload", "ci-key", 200),
                ("POST", "/admin/v1/drill?fail=one&for=60s", "ci-key", 200),
                ("POST", "/admin/v1/drill?fail=one", "admin-key", 409),
                ("DELETE", "/admin/v1/drill", "ci-key", 200),
                ("POST", "/admin/v1/keys?tenant=t&name=n", "admin-key", 200),
                ("DELETE", "/admin/v1/keys?tenant=t&name=n", "admin-key",
                 200),
                ("POST", "/admin/v1/reload", "reader-key", 403)):
            self.assertEqual(self.ask(g, method, path, key)[0], status)
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: len(self.lines()) == 8, 20, "the signal's line")
        self.assertEqual(
            [(x["who"], x["act"], x["target"], x["result"])
             for x in self.lines()],
            [("ci", "reload", "", 200),
             ("ci", "beginDrill", "fail=one&for=60s", 200),
             ("AUDIT_TEST_ADMIN", "beginDrill", "fail=one", 409),
             ("ci", "stopDrill", "", 200),
             ("AUDIT_TEST_ADMIN", "addKey", "tenant=t&name=n", 200),
             ("AUDIT_TEST_ADMIN", "revokeKey", "tenant=t&name=n", 200),
             ("eyes", "reload", "", 403),
             ("SIGHUP", "reload", "", 200)])
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        r = self.verify(self.path)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("8 lines", r.stdout)
        last = self.lines()[-1]["hash"]
        self.assertIn(last, r.stdout)
        # once it is on the disk
        wait_for(lambda: f"hash={last}" in g.log(), what="the log's line")
        self.assertEqual(
            self.verify(self.path, "--last", last).returncode, 0)

    def test_who_only_looks_or_has_no_key_leaves_no_line(self):
        g = self.start()
        self.ask(g, "GET", "/admin/v1/drill", "reader-key")
        self.ask(g, "GET", "/metrics", "admin-key")
        self.ask(g, "POST", "/admin/v1/reload", "wrong")
        self.ask(g, "POST", "/admin/v1/reload")
        self.assertEqual(self.lines(), [])

    def test_without_admin_keys_there_is_no_name(self):
        g = self.start(EXTRA)
        self.assertEqual(self.ask(g, "POST", "/admin/v1/reload")[0], 200)
        self.assertEqual(self.ask(g, "POST", "/admin/v1/reload",
                                  host="evil.example")[0], 403)
        self.assertEqual([x["who"] for x in self.lines()], [None])

    def test_the_chain_goes_on_after_a_restart_and_edits_are_found(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "audit.jsonl")
        extra = EXTRA.replace("audit.jsonl", path) + KEYS
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        for method, what in (("POST", "reload"), ("DELETE", "drill")):
            g = Gateway(conf([backend("one", fake.port)], "") + extra, env=ENV)
            self.ask(g, method, f"/admin/v1/{what}", "ci-key")
            self.assertEqual(g.stop(), 0)
        self.path = path
        self.assertEqual([x["n"] for x in self.lines()], [1, 2])
        self.assertEqual(self.verify(self.path).returncode, 0)
        with open(self.path, encoding="utf-8") as f:
            text = f.read()
        for spoilt, line in ((text.replace('"ci"', '"me"', 1), 1),
                             (text.replace('"result":404', '"result":200'), 2),
                             (text.split("\n", 1)[1], 1),
                             (text[:-1], 2)):
            self.assertNotEqual(spoilt, text)
            with open(self.path, "w", encoding="utf-8") as f:
                f.write(spoilt)
            r = self.verify(self.path)
            self.assertEqual(r.returncode, 1, r.stdout)
            self.assertIn(f"{self.path}:{line}: want", r.stderr)
        # what was cut off at the end is found by the hash in the log
        last = json.loads(text.splitlines()[-1])["hash"]
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text.split("\n", 1)[0] + "\n")
        self.assertEqual(self.verify(self.path).returncode, 0)
        self.assertEqual(self.verify(self.path, "--last", last).returncode, 1)
        for argv in ((), ("verify",), ("verify", "a", "b"), ("mend", "a")):
            r = subprocess.run([POINTSMAN, "audit", *argv],
                               capture_output=True, text=True, timeout=20)
            self.assertEqual(r.returncode, 2, argv)
            self.assertIn("usage", r.stderr)
        self.assertEqual(self.verify(self.path + ".no").returncode, 1)

    def test_a_long_query_hides_nothing(self):
        g = self.start()
        long = "x=" + 4500 * "%ff"
        self.assertEqual(
            self.ask(g, "POST", f"/admin/v1/drill?{long}", "ci-key")[0], 400)
        with socket.create_connection(("127.0.0.1", g.admin), 10) as s:
            s.sendall(b"POST /admin/v1/reload?" + 13500 * b"\xff" +
                      b" HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n"
                      b"authorization: Bearer ci-key\r\n\r\n")
            status = s.recv(4096).split()[1]
        if status == b"200":  # where such bytes are let in at all
            self.assertEqual(self.lines()[-1]["act"], "reload")
        done = self.ask(g, "GET", "/admin/v1/status", "ci-key")[2]
        self.assertEqual(done["config_version"] - 1, len(
            [x for x in self.lines() if x["act"] == "reload"]))

    def test_a_second_process_does_not_break_the_chain(self):
        g = self.start()
        self.assertEqual(
            self.ask(g, "POST", "/admin/v1/reload", "ci-key")[0], 200)
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        other = Gateway(conf([backend("one", fake.port)], "") + KEYS +
                        EXTRA.replace("audit.jsonl", self.path), env=ENV)
        status, _, body = self.ask(
            other, "POST", "/admin/v1/reload", "ci-key")
        self.assertEqual(status, 503)
        self.assertIn("another process writes", body["error"]["message"])
        self.assertEqual(other.stop(), 0)
        self.assertEqual(self.verify(self.path).returncode, 0)

    def test_what_cannot_be_written_is_not_done(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        rows = conf([backend("one", fake.port)], "") + EXTRA.replace(
            "audit.jsonl", "there/audit.jsonl")
        g = Gateway(rows, env=ENV)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        self.path = os.path.join(g.folder.name, "there", "audit.jsonl")
        self.assertIn("cannot open the audit log", g.log())
        status, _, body = self.ask(g, "POST", "/admin/v1/reload")
        self.assertEqual((status, body["error"]["code"]), (503, "audit_log"))
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload" in g.log(), 10, "what came of the signal")
        self.assertIn("reload_failed reason=audit_log kept=1", g.log())
        self.assertEqual(
            self.ask(g, "GET", "/admin/v1/status")[2]["config_version"], 1)
        # who only looks, and who is served, does not notice
        self.assertEqual(g.chat(
            {"model": "m", "messages": [{"role": "user", "content": "x"}]},
            {"authorization": "Bearer tenant-key"})[0], 200)
        os.mkdir(os.path.dirname(self.path))
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("half a li")
        status, _, body = self.ask(g, "POST", "/admin/v1/reload")
        self.assertEqual(status, 503)
        self.assertIn(f"{self.path}:1: want", body["error"]["message"])
        os.rename(self.path, self.path + ".spoilt")
        self.assertEqual(self.ask(g, "POST", "/admin/v1/reload")[0], 200)
        self.assertEqual(len(self.lines()), 1)


if __name__ == "__main__":
    unittest.main()
