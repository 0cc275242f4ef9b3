"""Keys that are made, used, narrowed and revoked while the gateway runs."""
import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub, backend,  # noqa: E402
                     chat, conf, http_json, stay_within_a_day, wait_for)

EXTRA = ('workers = 2;\nkeys_file = "keys.json";\n'
         'tenants = ( { name = "acme"; }, '
         '{ name = "other"; keys = [ "env:KEY_C" ]; } );\n')


LONG = 60 * "x"


class Keys(unittest.TestCase):
    def setUp(self):
        self.fake = Fake("--tokens", "3")
        self.addCleanup(self.fake.stop)
        self.fake.configure(ttft_low_ms=0, ttft_high_ms=0)
        b = backend("one", self.fake.port, 'probe_interval = "0s";')
        text = conf([b], EXTRA).replace(
            "models = (", 'models = ( { name = "big"; serve = ( { backend = '
            '"one"; model = "fake-model"; } ); }, { name = "' + LONG +
            '"; serve = ( { backend = "one"; model = "fake-model"; } ); }, ')
        self.gateway = Gateway(text, env={"KEY_C": "secret-c"})
        self.addCleanup(self.gateway.process.kill)
        self.file = os.path.join(self.gateway.folder.name, "keys.json")

    def key(self, *args, good=True):
        p = subprocess.run(
            [POINTSMAN, "key", *args, "--admin",
             f"http://127.0.0.1:{self.gateway.admin}"],
            capture_output=True, text=True, timeout=20)
        self.assertEqual(p.returncode == 0, good, p.stderr)
        return p.stdout.strip() if good else p.stderr

    def add(self, name, *args, **named):
        return self.key(
            "add", "--tenant", "acme", "--name", name, *args, **named)

    def ask(self, key, model="m", **members):
        return self.gateway.chat(
            chat(model, **members), {"authorization": f"Bearer {key}"})

    def test_a_key_that_cannot_be_shown_is_taken_back(self):
        where = f"http://127.0.0.1:{self.gateway.admin}"
        for more in ((), ("--json",)):
            with open("/dev/full", "w", encoding="utf-8") as full:
                p = subprocess.run(
                    [POINTSMAN, "key", "add", "--tenant", "acme", "--name",
                     "lost", "--expires", "30d", "--admin", where, *more],
                    stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
            self.assertEqual(p.returncode, 1)
            self.assertIn("not shown: No space left on device", p.stderr)
            self.assertIn("it is revoked again", p.stderr)
            self.assertNotRegex(self.key("list"), r"lost .* yes ")
        reader, writer = os.pipe()
        os.close(reader)
        p = subprocess.run(
            [POINTSMAN, "key", "add", "--tenant", "acme", "--name", "lost",
             "--admin", where], stdout=writer, stderr=subprocess.PIPE,
            text=True, timeout=20)
        os.close(writer)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn("it is revoked again", p.stderr)
        self.assertEqual(self.ask(self.add("lost"))[0], 200)

    def test_made_used_revoked(self):
        key = self.add("ci")
        self.assertRegex(key, "^sk-pm-[0-9a-f]{48}$")
        self.assertEqual(self.ask(key)[0], 200)
        self.assertEqual(self.ask(key[:-1] + "x")[0], 401)
        with open(self.file, encoding="utf-8") as f:
            text = f.read()
        self.assertNotIn(key, text)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertIn("own", self.add("ci", good=False))
        listed = self.key("list", "--tenant", "acme")
        self.assertIn("ci", listed)
        self.assertNotIn(key, listed)
        self.assertNotIn("KEY_C", listed)
        self.assertIn("KEY_C", self.key("list"))
        self.key("revoke", "--tenant", "acme", "--name", "ci")
        self.assertEqual(self.ask(key)[0], 401)
        self.key("revoke", "--tenant", "acme", "--name", "ci", good=False)
        # the name is free again
        again = self.add("ci")
        self.assertEqual(self.ask(again)[0], 200)
        self.assertNotIn(key, self.gateway.log())
        self.assertNotIn(again, self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)

    def test_they_outlive_a_restart_and_a_reload(self):
        good, bad = self.add("good"), self.add("bad")
        self.key("revoke", "--tenant", "acme", "--name", "bad")
        self.gateway.send_signal(1)
        wait_for(lambda: self.gateway.status()["config_version"] == 2, 10)
        self.assertEqual(self.ask(good)[0], 200)
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(20), 0)
        self.gateway.process.stdout.close()
        self.gateway.process = subprocess.Popen(
            [POINTSMAN, "serve", "-c", self.gateway.path],
            env={**os.environ, "KEY_C": "secret-c"},
            stdout=subprocess.PIPE, stderr=self.gateway.log_file)
        self.addCleanup(self.gateway.process.kill)
        wait_for(self.gateway.ready, 20)
        self.assertEqual(self.ask(good)[0], 200)
        self.assertEqual(self.ask(bad)[0], 401)
        self.assertEqual(self.gateway.stop(), 0)

    def test_narrower_than_its_tenant(self):
        self.assertIn("want a whole number of 1..1000000 in concurrent, got "
                      '"2.5"', self.add("half", "--concurrent", "2.5",
                                        good=False))
        key = self.add("narrow", "--models", "big",
                       "--requests-per-minute", "1")
        models = http_json(self.gateway.port, "GET", "/v1/models", None,
                           {"authorization": f"Bearer {key}"})[2]
        self.assertEqual([m["id"] for m in models["data"]], ["big"])
        status, _, body = self.ask(key, "m")
        self.assertEqual(status, 404)
        self.assertEqual(body["error"]["code"], "model_not_found")
        self.assertEqual(self.ask(key, "big")[0], 200)
        status, _, body = self.ask(key, "big")
        self.assertEqual(status, 429)
        self.assertIn("key narrow", body["error"]["message"])
        self.assertEqual(self.ask("secret-c")[0], 200)
        self.assertEqual(self.gateway.stop(), 0)

    def test_no_limit_is_lost_behind_a_long_list(self):
        self.add("much", "--models", ",".join(60 * [LONG]),
                 "--daily-budget", "2", "--monthly-budget", "3")
        keys = json.loads(self.key("list", "--tenant", "acme", "--json"))
        self.assertEqual(keys["keys"][0]["limits"],
                         {"daily_budget": 2.0, "monthly_budget": 3.0})
        self.assertIn("too long", self.add(
            "more", "--models", ",".join(200 * [LONG]), good=False))
        self.assertIn("4096", self.add(
            "more", "--models", ",".join(80 * [LONG]), good=False))
        self.assertEqual(self.gateway.stop(), 0)

    def test_expires(self):
        # no command: how long one takes to end is not known
        key = http_json(
            self.gateway.admin, "POST",
            "/admin/v1/keys?tenant=acme&name=brief&expires=2s")[2]["key"]
        self.assertEqual(self.ask(key)[0], 200)
        wait_for(lambda: self.ask(key)[0] == 401, what="its end")
        self.assertIn(" no ", self.key("list", "--tenant", "acme"))
        self.assertEqual(self.gateway.stop(), 0)

    def test_what_is_wrong_is_said(self):
        for args, words in (
                (("--models", "none"), "names of models"),
                (("--expires", "soon"), "a duration"),
                (("--requests-per-minute", "-1"), "requests_per_minute")):
            self.assertIn(words, self.add("x", *args, good=False))
        self.assertIn("tenant", self.key(
            "add", "--tenant", "nobody", "--name", "x", good=False))
        self.assertEqual(http_json(
            self.gateway.admin, "POST",
            "/admin/v1/keys?tenant=acme&name=x%00y")[0], 400)
        # nobody can say which was meant
        status, _, body = http_json(
            self.gateway.admin, "POST", "/admin/v1/keys?tenant=acme&name=two"
            "&models=m,big&models=m")
        self.assertEqual((status, body["error"]["message"]), (
            400, 'want each parameter once, got a second "models"'))
        # what cannot be written is not made
        os.mkdir(self.file + ".new")
        self.assertIn("cannot write", self.add("x", good=False))
        self.assertNotIn("x ", self.key("list", "--tenant", "acme"))
        os.rmdir(self.file + ".new")
        self.add("x")
        doc = http_json(self.gateway.admin, "GET", "/admin/v1/tenants")[2]
        self.assertEqual([t["tenant"] for t in doc["tenants"]],
                         ["acme", "other"])
        self.assertEqual(self.gateway.stop(), 0)

    def test_what_would_be_passed_over_is_refused(self):
        self.add("ci")
        self.assertIn("want a whole number of 1..4294967295 in max_tokens",
                      self.add("x", "--max-tokens", "4294967296", good=False))
        one = ["--tenant", "acme", "--name", "ci"]
        self.assertIn('want tenant and name in the query, got "expires"',
                      self.key("revoke", *one, "--expires", "1d", good=False))
        self.assertIn('want tenant in the query, got "name"',
                      self.key("list", "--name", "ci", good=False))
        self.key("revoke", *one)
        self.assertEqual(self.gateway.stop(), 0)

    def test_revoked_also_after_a_reload_without_the_setting(self):
        key = self.add("ci")
        with open(self.gateway.path, encoding="utf-8") as f:
            text = f.read()
        for old, new in (('keys_file = "keys.json";\n', ""),
                         ('{ name = "acme"; }, ',
                          '{ name = "acme"; keys = [ "env:KEY_C" ]; }, '),
                         ('{ name = "other"; keys = [ "env:KEY_C" ]; }',
                          '{ name = "other"; keys = [ "sha256:'
                          + 64 * "0" + '" ]; }')):
            self.assertIn(old, text)
            text = text.replace(old, new)
        with open(self.gateway.path, "w", encoding="utf-8") as f:
            f.write(text)
        self.assertEqual(http_json(
            self.gateway.admin, "POST", "/admin/v1/reload")[0], 200)
        self.assertEqual(self.ask(key)[0], 200)
        self.assertIn("ci", self.key("list", "--tenant", "acme"))
        self.key("revoke", "--tenant", "acme", "--name", "ci")
        self.assertEqual(self.ask(key)[0], 401)
        with open(self.file, encoding="utf-8") as f:
            self.assertEqual(json.load(f)["keys"], [])
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_name_in_the_configuration_is_taken(self):
        path = "/admin/v1/keys?tenant=other&name=KEY_C"
        status, _, body = http_json(self.gateway.admin, "POST", path)
        self.assertEqual(status, 409)
        self.assertEqual(body["error"]["code"], "key_exists")
        self.assertIn("gateway.conf", self.key(
            "add", "--tenant", "other", "--name", "KEY_C", good=False))
        self.add("KEY_C")  # another tenant's
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_name_goes_on_with_what_was_spent(self):
        stay_within_a_day()
        key = self.add("ci", "--daily-budget", "0.000001")
        self.assertEqual(self.ask(key)[0], 200)
        self.assertEqual(self.ask(key)[0], 429)
        self.key("revoke", "--tenant", "acme", "--name", "ci")
        key = self.add("ci", "--daily-budget", "0.000001")
        status, _, body = self.ask(key)
        self.assertEqual(status, 429)
        self.assertEqual(body["error"]["code"], "insufficient_quota")
        self.assertEqual(self.ask(self.add("ci2"))[0], 200)
        self.assertEqual(self.gateway.stop(), 0)

    def test_what_nobody_counts_is_not_shown_as_nothing(self):
        self.add("ci")
        rows = {line.split()[1]: line.split() for line in
                self.key("list").splitlines()[1:]}
        self.assertEqual(rows["KEY_C"][-2:], ["-", "-"])
        self.assertEqual(rows["ci"][-2:], ["0.000000", "0.000000"])
        self.assertEqual(self.gateway.stop(), 0)

    def other_gateway(self, **options):
        with open(self.gateway.path, encoding="utf-8") as f:
            text = f.read()[len(self.gateway.listen):]
        g = Gateway(text.replace('"keys.json"', f'"{self.file}"'),
                    env={"KEY_C": "secret-c"}, **options)
        self.addCleanup(g.process.kill)
        return g

    def hold(self):
        """In the backend's place one that answers when it is told to: when it
        was asked, and when it may."""
        begun, go = threading.Event(), threading.Event()

        def answer(_request):
            begun.set()
            go.wait(20)
            return 200, {}, {"choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": "hello"}}]}

        self.fake.stop()
        stub = Stub(answer, self.fake.port)
        self.addCleanup(stub.stop)
        self.addCleanup(go.set)
        return begun, go

    def test_one_gateway_at_a_time(self):
        key = self.add("ci")
        other = self.other_gateway(wait=False)
        self.assertEqual(other.process.wait(20), 1)
        self.assertIn(f"keys_file: cannot lock {self.file}: another gateway "
                      "writes to it", other.log())
        # one that still drains is in nobody's way, and changes nothing
        begun, go = self.hold()
        answer = []
        waits = threading.Thread(
            target=lambda: answer.append(self.ask(key)[0]))
        waits.start()
        self.assertTrue(begun.wait(10))
        self.gateway.send_signal(15)
        wait_for(lambda: "drain open=1" in self.gateway.log(), 10)
        other = self.other_gateway()
        self.assertIsNone(self.gateway.process.poll())
        self.assertEqual(http_json(
            self.gateway.admin, "DELETE",
            "/admin/v1/keys?tenant=acme&name=ci")[0], 503)
        self.assertEqual(http_json(
            other.admin, "DELETE",
            "/admin/v1/keys?tenant=acme&name=ci")[0], 200)
        go.set()
        waits.join()
        self.assertEqual(answer, [200])
        with open(self.file, encoding="utf-8") as f:
            self.assertEqual(json.load(f)["keys"], [])
        self.assertEqual(other.stop(), 0)
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_folder_is_no_file(self):
        self.assertEqual(self.gateway.stop(), 0)
        with tempfile.TemporaryDirectory() as folder:
            self.file = os.path.join(folder, "keys")
            os.mkdir(self.file)
            b = backend("one", self.fake.port)
            g = Gateway(conf([b], EXTRA.replace("keys.json", self.file)),
                        env={"KEY_C": "secret-c"}, wait=False)
            self.assertEqual(g.process.wait(20), 1)
            self.assertIn(f"keys_file: {self.file}: cannot read: Is a "
                          "directory", g.log())

    def test_a_broken_file_is_refused_at_start(self):
        self.assertEqual(self.gateway.stop(), 0)
        for text, words in (
                ("{", "keys.json: want JSON"),
                ('{"version": 2}', '"version": 1'),
                (json.dumps({"version": 1, "keys": [
                    {"tenant": "acme", "name": "a", "sha256": "0"}]}),
                 "keys[0].sha256"),
                # what is misread would be a key for ever, or without limits
                (self.file_with(expires="2026-12-01"), "keys[0].expires"),
                (self.file_with(expires=-1), "keys[0].expires"),
                (self.file_with(sha256=hashlib.sha256().hexdigest()),
                 "that of nothing"),
                (self.file_with(limits=[]), "keys[0].limits"),
                (self.file_with(limits={"rpm": 1}), "keys[0].limits")):
            g = self.broken(text)
            self.assertIn(words, g)

    @staticmethod
    def file_with(**members):
        return json.dumps({"version": 1, "keys": [
            {"tenant": "acme", "name": "a", "sha256": 64 * "0", **members}]})

    def broken(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "gateway.conf")
            b = backend("one", self.fake.port, 'probe_interval = "0s";')
            with open(path, "w", encoding="utf-8") as f:
                f.write(self.gateway.listen + conf([b], EXTRA))
            with open(os.path.join(folder, "keys.json"), "w",
                      encoding="utf-8") as f:
                f.write(text)
            p = subprocess.run(
                [POINTSMAN, "serve", "-c", path], capture_output=True,
                text=True, timeout=20,
                env={**os.environ, "KEY_C": "secret-c",
                     "ASAN_OPTIONS": "detect_leaks=0"})
            self.assertEqual(p.returncode, 1)
            return p.stderr


if __name__ == "__main__":
    unittest.main()
