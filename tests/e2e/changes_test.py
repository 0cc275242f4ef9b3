"""What operators change under load: the configuration, keys on either side, the
process itself. No request fails for it.

For a thousand of each, with the release build:

    CHANGES=1000 python3 tests/e2e/changes_test.py
"""
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from changes_load import Load  # noqa: E402
from harness import (POINTSMAN, Fake, Gateway, as_systemd,  # noqa: E402
                     backend, conf, free_port, http_json, wait_for)

ALONE = "it puts the gateway under load"
CHANGES = int(os.environ.get("CHANGES", "40"))
LOADCLIENT = os.path.join(os.path.dirname(os.path.realpath(POINTSMAN)),
                          "loadclient")


def digest(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def tenants(*keys):
    listed = ", ".join(f'"{digest(k)}"' for k in keys)
    return (f'workers = 2;\ntenants = ( {{ name = "acme"; keys = [ {listed} '
            f']; }}, {{ name = "base"; keys = [ "{digest("base")}" ]; }} );\n')


class Bed(unittest.TestCase):
    def setUp(self):
        self.fakes = [Fake("--tokens", "5", "--ttft", "0-2") for _ in range(3)]
        for f in self.fakes:
            self.addCleanup(f.stop)

    def rows(self, n=2, extra=""):
        """The first n backends; a change of price and slots is a change."""
        return [backend(f"b{i}", f.port, 'probe_interval = "0s"; ' + extra)
                for i, f in enumerate(self.fakes[:n])]

    def start(self, text):
        self.gateway = Gateway(text)
        self.addCleanup(self.gateway.process.kill)
        self.version = 1

    def reload(self, text=None):
        if text is not None:
            self.gateway.write(text)
        self.version += 1
        if self.version % 2:
            status, _, body = http_json(self.gateway.admin, "POST",
                                        "/admin/v1/reload")
            self.assertEqual(status, 200, body)
        else:
            self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: self.gateway.status()["config_version"]
                 == self.version, 20, "the reload")

    def base_load(self):
        """As many requests as it answers, from a program that is quick."""
        if not os.path.exists(LOADCLIENT):
            return None
        p = subprocess.Popen(
            [LOADCLIENT, "--url", f"http://127.0.0.1:{self.gateway.port}",
             "--key", "base", "--model", "m", "--connections", "16",
             "--seconds", "3600"], stdout=subprocess.PIPE)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.kill)
        return p

    def end(self, load, base, what, least=3 * CHANGES):
        """Nobody failed, of many."""
        count = load.done
        if base is not None:
            base.send_signal(signal.SIGINT)
            told = json.loads(base.communicate(timeout=60)[0])
            self.assertFalse(told.get("errors"), told)
            count += told["count"]
        print(f"changes: {what}, {count} requests, {len(load.failures)} "
              f"failed, {load.again} asked again", file=sys.stderr)
        self.assertEqual(load.failures, [])
        self.assertGreater(count, least)


class Reloads(Bed):
    def test_of_the_configuration(self):
        self.start(conf(self.rows(), tenants("k")))
        base = self.base_load()
        with Load(self.gateway.port, "k") as load:
            wait_for(lambda: load.done > 50, 20, "traffic")
            for i in range(CHANGES):
                self.reload(conf(
                    self.rows(2 + i % 2, f"slots = {8 + i % 5};"),
                    tenants("k", f"other-{i}")
                    + f'queue_limit = {1000 + i}; slo = ( {{ name = "s{i % 7}"'
                    '; ttft = "1s"; percentile = 95; } );\n'))
        self.end(load, base, f"{CHANGES} reloads")
        self.assertEqual(self.gateway.stop(), 0)


class TenantKeys(Bed):
    def test_in_the_configuration(self):
        self.start(conf(self.rows(), tenants("key-0")))
        base = self.base_load()
        with Load(self.gateway.port, "key-0") as load:
            for i in range(1, CHANGES // 2 + 1):
                old, new = f"key-{i - 1}", f"key-{i}"
                self.reload(conf(self.rows(), tenants(old, new)))
                load.key = new
                wait_for(load.settled, 20, "clients with the new key")
                self.reload(conf(self.rows(), tenants(new)))
        self.end(load, base, f"{CHANGES // 2} new keys of a tenant")
        status, _, _ = self.gateway.get("/v1/models", {
            "authorization": "Bearer key-0"})
        self.assertEqual(status, 401)
        self.assertEqual(self.gateway.stop(), 0)

    def act(self, method, name):
        status, _, body = http_json(
            self.gateway.admin, method,
            f"/admin/v1/keys?tenant=acme&name={name}")
        self.assertIn(status, (200, 201, 204), body)
        return body

    def test_at_run_time(self):
        self.start(conf(self.rows(), tenants("k")
                        + 'keys_file = "keys.json";\n'))
        base = self.base_load()
        with Load(self.gateway.port, "k") as load:
            for i in range(CHANGES):
                load.key = self.act("POST", f"key-{i}")["key"]
                wait_for(load.settled, 20, "clients with the new key")
                if i > 0:
                    self.act("DELETE", f"key-{i - 1}")
        self.end(load, base, f"{CHANGES} keys made, used and revoked")
        self.assertEqual(self.gateway.stop(), 0)


class ProviderKeys(Bed):
    def test_of_a_backend(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "key")

        def put(key):
            with open(path + ".new", "w", encoding="ascii") as f:
                f.write(key)
            os.replace(path + ".new", path)

        def accept(*keys):
            for f in self.fakes:
                f.configure(keys=" ".join(keys))

        put("p-0")
        accept("p-0")
        self.start(conf(self.rows(2, f'api_key = "file:{path}";'),
                        tenants("k")))
        with Load(self.gateway.port, "k") as load:
            for i in range(1, CHANGES // 2 + 1):
                put(f"p-{i}")
                accept(f"p-{i - 1}", f"p-{i}")
                self.reload()
                # what had begun goes on with the key that it began with
                mark = list(load.begun)
                wait_for(lambda m=mark: load.beyond(m), 30,
                         "requests with the new key")
                accept(f"p-{i}")
        self.end(load, None, f"{CHANGES // 2} new keys of a backend")
        self.assertNotIn("attempt_failed", self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)


class Ends(Bed):
    """The process ends, under load."""

    def launch(self):
        """As systemd does, with the socket that outlives the process."""
        log = open(os.path.join(self.folder, "log"), "ab")
        self.addCleanup(log.close)
        p = subprocess.Popen(
            as_systemd(self.listener.fileno(), "listen",
                       POINTSMAN, "serve", "-c", self.path),
            stdout=log, stderr=log, pass_fds=[self.listener.fileno()])
        self.addCleanup(p.kill)
        return p

    def ready(self):
        try:
            return http_json(self.admin, "GET", "/readyz", timeout=1)[0] == 200
        except OSError:
            return False

    def test_with_a_socket_that_stays(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        self.folder, self.admin = folder.name, free_port()
        self.path = os.path.join(self.folder, "gateway.conf")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.addCleanup(self.listener.close)
        port = self.listener.getsockname()[1]
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(f'listen = {{ address = "127.0.0.1"; port = {port}; }};\n'
                    'admin = { address = "127.0.0.1"; port = '
                    f'{self.admin}; }};\n' + conf(self.rows(), tenants("k")))
        process = self.launch()
        wait_for(self.ready, 20, "the gateway")
        with Load(port, "k") as load:
            for _ in range(max(3, CHANGES // 20)):
                mark = list(load.begun)
                wait_for(lambda m=mark: load.beyond(m), 30, "traffic")
                process.terminate()
                self.assertEqual(process.wait(60), 0)
                process = self.launch()
                wait_for(self.ready, 20, "the next one")
        self.end(load, None, f"{max(3, CHANGES // 20)} restarts")
        process.terminate()
        self.assertEqual(process.wait(60), 0)
        self.assertEqual(load.refused, 0)

    def test_without_one(self):
        """Nobody is told nothing: all that was taken in is answered, all else
        is refused and may be sent elsewhere."""
        for _ in range(max(3, CHANGES // 20)):
            self.start(conf(self.rows(), tenants("k")))
            with Load(self.gateway.port, "k") as load:
                wait_for(lambda n=load: n.done > 200, 30, "traffic")
                self.assertEqual(self.gateway.stop(), 0)
                wait_for(lambda n=load: n.refused > 50, 30, "refusals")
            self.end(load, None, "one end", 200)


if __name__ == "__main__":
    unittest.main()
