"""Who may reach what: the admin listener's keys and names, an open gateway's
names, and the unit file."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, ROOT, Fake, Gateway, backend,  # noqa: E402
                     chat, conf, free_port, http_json, wait_for)

# not loopback by its looks, and yet nobody else reaches it
MAPPED = "::ffff:127.0.0.1"


class Admin(unittest.TestCase):
    EXTRA = ('tenants = ( { name = "t"; keys = [ "env:ADMIN_TEST_TENANT" ]; '
             '} );\n')
    KEYS = 'admin_keys = [ "env:ADMIN_TEST_A", "env:ADMIN_TEST_B" ];\n'
    ENV = {"ADMIN_TEST_TENANT": "tenant-key", "ADMIN_TEST_A": "admin-key-a",
           "ADMIN_TEST_B": "admin-key-b"}
    PATHS = ("/metrics", "/admin/v1/status", "/admin/v1/backends",
             "/admin/v1/config", "/admin/v1/receipts", "/admin/v1/receipts/x",
             "/admin/v1/slo", "/admin/v1/drill", "/nothing", "/page")
    OPEN = ("/healthz", "/readyz", "/", "/page/page.js")

    def start(self, extra):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        self.conf = conf([backend("one", fake.port)], "")
        g = Gateway(self.conf + extra, env=self.ENV)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def get(self, g, path, key=None, method="GET", **headers):
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return http_json(g.admin, method, path, headers=headers)

    def test_with_keys_it_wants_one(self):
        g = self.start(self.EXTRA + self.KEYS)
        for path in self.PATHS:
            for key in (None, "", "wrong", "tenant-key"):
                status, headers, body = self.get(g, path, key)
                self.assertEqual((status, headers["www-authenticate"]),
                                 (401, "Bearer"), (path, key))
                self.assertEqual(body["error"]["code"], "invalid_admin_key")
            for key in ("admin-key-a", "admin-key-b"):
                self.assertNotEqual(self.get(g, path, key)[0], 401)
            # the name that it is called by says nothing then
            self.assertNotEqual(
                self.get(g, path, "admin-key-a", host="x.example")[0], 403)
        for method, path in (("POST", "/admin/v1/reload"),
                             ("POST", "/admin/v1/drill?fail=one"),
                             ("DELETE", "/admin/v1/drill")):
            self.assertEqual(self.get(g, path, "wrong", method)[0], 401)
            self.assertEqual(
                self.get(g, path, "admin-key-a", method,
                         origin="http://evil.example")[0], 403)
        self.assertIsNone(
            self.get(g, "/admin/v1/drill", "admin-key-a")[2]["drill"])
        for path in self.OPEN:
            self.assertEqual(self.get(g, path)[0], 200)
        # nor is an operator a tenant
        self.assertEqual(g.chat(chat("m"), {
            "authorization": "Bearer admin-key-a"})[0], 401)
        self.assertEqual(g.chat(chat("m"), {
            "authorization": "Bearer tenant-key"})[0], 200)

    def test_commands_take_the_key_from_the_environment(self):
        g = self.start(self.EXTRA + self.KEYS)
        where = ("--admin", f"http://127.0.0.1:{g.admin}")
        for argv in (("top", "--once"), ("slo", "suggest"), ("drill",)):
            for key, code, words in (
                    (None, 1, "POINTSMAN_ADMIN_KEY"), ("wrong", 1, "none of"),
                    ("a b", 1, "not shown"), ("admin-key-b", 0, "")):
                env = {**os.environ, **self.ENV}
                if key is not None:
                    env["POINTSMAN_ADMIN_KEY"] = key
                r = subprocess.run([POINTSMAN, *argv, *where], env=env,
                                   capture_output=True, text=True, timeout=20)
                self.assertEqual(r.returncode, code, r.stderr)
                self.assertIn(words, r.stderr)

    def test_without_keys_only_local_names_are_answered(self):
        for extra in ("", self.EXTRA):
            g = self.start(extra)
            for path in self.PATHS + self.OPEN:
                for host in ("evil.example", f"evil.example:{g.admin}",
                             "127.0.0.1.evil.example", "localhost.evil"):
                    status, _, body = self.get(g, path, host=host)
                    self.assertEqual(
                        (status, body["error"]["code"]),
                        (403, "host_not_allowed"), (path, host))
                self.assertNotEqual(
                    self.get(g, path, host=f"localhost:{g.admin}")[0], 403)

    def test_a_page_of_another_site_takes_no_places(self):
        g = self.start("")
        for path in ("/admin/v1/live", "/admin/v1/usage", "/metrics"):
            for mode, dest in (("no-cors", "empty"), ("no-cors", "image"),
                               ("navigate", "iframe")):
                status, _, body = self.get(g, path, **{
                    "sec-fetch-site": "cross-site", "sec-fetch-mode": mode,
                    "sec-fetch-dest": dest})
                self.assertEqual((status, body["error"]["code"]),
                                 (403, "origin_not_allowed"), (path, dest))
        for path, site, dest in (
                ("/metrics", "cross-site", "document"),  # a link
                ("/metrics", "same-origin", "empty"),
                ("/metrics", "none", "document"),
                ("/", "cross-site", "document"),
                ("/healthz", "cross-site", "empty")):
            self.assertEqual(self.get(g, path, **{
                "sec-fetch-site": site, "sec-fetch-dest": dest})[0], 200)

    def test_a_reload_may_not_drop_the_last_key_where_strangers_reach(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        rows = conf([backend("one", fake.port)], "") + self.EXTRA
        port = free_port()
        g = Gateway(
            rows + self.KEYS, env=self.ENV, wait=False,
            listen='listen = {{ address = "127.0.0.1"; port = {0}; }};\n'
                   'admin = {{ address = "{2}"; port = {1}; }};\n'
                   .format(free_port(), port, MAPPED))
        g.admin = port
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        wait_for(g.ready, 20, "the gateway to be ready")

        def reload():
            return self.get(g, "/admin/v1/reload", "admin-key-a", "POST")

        def nobody_else():
            self.assertEqual(self.get(g, "/metrics")[0], 401)
            self.assertEqual(self.get(g, "/metrics", "admin-key-a")[0], 200)

        g.write(rows)  # the file says loopback no more than before
        status, _, body = reload()
        self.assertEqual(status, 400, body)
        self.assertIn("admin_keys", str(body))
        nobody_else()
        # nor by a file that would be good for a listener of its own
        g.listen = g.listen.replace(MAPPED, "127.0.0.1")
        g.write(rows)
        status, _, body = reload()
        self.assertEqual(status, 400, body)
        self.assertIn("admin_keys: want at least one, because the open "
                      f"listener, {MAPPED}, is not on loopback", str(body))
        nobody_else()
        g.write(rows + self.KEYS)
        self.assertEqual(reload()[0], 200)
        nobody_else()

    def test_a_reload_may_change_the_keys(self):
        g = self.start(self.KEYS)
        g.write(self.conf + self.KEYS.replace('"env:ADMIN_TEST_A", ', ""))
        self.assertEqual(
            self.get(g, "/admin/v1/reload", "admin-key-a", "POST")[0], 200)
        self.assertEqual(self.get(g, "/metrics", "admin-key-a")[0], 401)
        self.assertEqual(self.get(g, "/metrics", "admin-key-b")[0], 200)
        self.assertNotIn("needs_restart", g.log())


class Rebinding(unittest.TestCase):
    """A page whose name leads to 127.0.0.1 all of a sudden."""

    def test_it_gets_nothing_from_an_open_gateway(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)], ""))
        before = fake.stats()["requests"]
        for host in ("rebound.example", f"rebound.example:{g.port}",
                     f"127.0.0.1@rebound.example:{g.port}", "[::1].x"):
            for headers in ({}, {"origin": f"http://{host}"},
                            {"content-type": "text/plain"}):
                status, answer, body = g.chat(
                    chat("m"), {"host": host, **headers})
                self.assertEqual((status, body["error"]["code"]),
                                 (403, "host_not_allowed"), (host, headers))
                self.assertNotIn("access-control-allow-origin", answer)
        for origin in ("http://rebound.example", "null"):
            status, _, body = g.chat(chat("m"), {"origin": origin})
            self.assertEqual((status, body["error"]["code"]),
                             (403, "origin_not_allowed"))
        wait_for(lambda: g.status()["requests"] == 0)
        self.assertEqual(fake.stats()["requests"], before)
        self.assertEqual(g.chat(chat("m"))[0], 200)
        self.assertEqual(g.stop(), 0)


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
class Unit(unittest.TestCase):
    """The unit file, as far as that can be judged without being started."""

    def analyze(self, *argv):
        r = subprocess.run(["systemd-analyze", *argv], capture_output=True,
                           text=True, timeout=30)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        return r.stdout + r.stderr

    def test_it_is_sound_and_tight(self):
        with open(os.path.join(ROOT, "tools/pointsman.service"),
                  encoding="utf-8") as f:
            text = f.read()
        with tempfile.TemporaryDirectory(prefix="pointsman-test-") as folder:
            path = os.path.join(folder, "pointsman.service")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace("/usr/local/bin/pointsman", POINTSMAN))
            self.assertNotIn("pointsman.service:",
                             self.analyze("verify", "--man=no", path))
            # fails where the exposure is above 2.0 of 10
            self.analyze("security", "--offline=yes", "--no-pager",
                         "--threshold=20", path)


if __name__ == "__main__":
    unittest.main()
