"""TLS on the admin listener: operators, subcommands, a new certificate."""
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import POINTSMAN, Gateway, http_json, wait_for  # noqa: E402
from tls_test import Bed as TlsBed  # noqa: E402


class Guarded(Gateway):
    """Its admin listener speaks TLS."""
    context = None

    def write(self, conf):
        self.listen = (
            f'listen = {{ address = "127.0.0.1"; port = {self.port}; }};\n'
            f'admin = {{ port = {self.admin}; tls = true; }};\n')
        super().write(conf)

    def answers(self):
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, path, key=None, context=None):
        c = http.client.HTTPSConnection("127.0.0.1", self.admin, timeout=10,
                                        context=context or self.context)
        try:
            c.request("GET", path, headers={"authorization": f"Bearer {key}"}
                      if key else {})
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()


class AdminTls(TlsBed):
    extra = 'admin_keys = [ "env:KEY_O" ];\n'
    tls = "require_client = true;"

    @classmethod
    def prepare(cls):
        cls.tls += f' client_ca = "{cls.ca.path("ca", "pem")}";'

    @classmethod
    def start(cls):
        Guarded.context = ssl.create_default_context(
            cafile=cls.ca.path("ca", "pem"))
        return Guarded(cls.configuration(), env={"KEY_O": "key-of-o"})

    def command(self, *more, **env):
        return subprocess.run(
            [POINTSMAN, "backend", "list", *more], capture_output=True,
            text=True, timeout=30,
            env={**os.environ, "POINTSMAN_ADMIN_KEY": "key-of-o", **env})

    def test_operators_come_by_their_keys_alone(self):
        self.assertEqual(self.gateway.ask("/healthz")[0], 200)
        self.assertEqual(self.gateway.ask("/metrics")[0], 401)
        status, text = self.gateway.ask("/metrics", "key-of-o")
        self.assertEqual(status, 200)
        self.assertIn("pointsman_certificate_expiry_timestamp_seconds", text)

    def test_plain_http_gets_nothing(self):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.admin,
                                       timeout=10)
        self.addCleanup(c.close)
        with self.assertRaises((OSError, http.client.HTTPException)):
            c.request("GET", "/healthz")
            c.getresponse()

    def test_a_reload_turns_it_off_and_on(self):
        def write(tls):
            with open(self.gateway.path, encoding="utf-8") as f:
                text = f.read()
            with open(self.gateway.path, "w", encoding="utf-8") as f:
                f.write(re.sub("tls = (true|false); }", f"tls = {tls}; }}",
                               text))

        def reload(connection):
            connection.request("POST", "/admin/v1/reload", headers={
                "authorization": "Bearer key-of-o"})
            answer = json.loads(connection.getresponse().read())
            connection.close()
            self.assertEqual(answer["needs_restart"], [], answer)

        port = self.gateway.admin
        write("false")
        reload(http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=10, context=Guarded.context))
        self.assertEqual(http_json(port, "GET", "/healthz")[0], 200)
        write("true")
        reload(http.client.HTTPConnection("127.0.0.1", port, timeout=10))
        self.assertEqual(self.gateway.ask("/healthz")[0], 200)

    def test_commands_trust_the_files_key_or_an_authority(self):
        """KEY_O is not set for them, and they cannot read tls.key."""
        url = f"https://127.0.0.1:{self.gateway.admin}"
        os.rename(self.key, self.key + ".away")
        done = self.command("-c", self.gateway.path)
        os.rename(self.key + ".away", self.key)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("one", done.stdout)
        done = self.command("--admin", url)
        self.assertEqual(done.returncode, 1)
        self.assertIn("$POINTSMAN_ADMIN_CA", done.stderr)
        done = self.command("--admin", url.replace("https", "http"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("wants https://", done.stderr)
        done = self.command("--admin", url,
                            POINTSMAN_ADMIN_CA=self.ca.path("ca", "pem"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def slow_way(self, seconds):
        """A port that leads there; of what comes back the first is late."""
        def carry(of, to, pause):
            while data := of.recv(65536):
                time.sleep(pause)
                pause = 0
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)

        def serve():
            client = near.accept()[0]
            far = socket.create_connection(("127.0.0.1", self.gateway.admin))
            with client, far:
                back = threading.Thread(
                    target=carry, args=(far, client, seconds))
                back.start()
                carry(client, far, 0)
                back.join()

        near = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(near.close)
        way = threading.Thread(target=serve, daemon=True)
        way.start()
        self.addCleanup(way.join, 10)
        return near.getsockname()[1]

    def test_a_handshake_may_take_its_time(self):
        done = self.command("--admin",
                            f"https://127.0.0.1:{self.slow_way(1.2)}",
                            POINTSMAN_ADMIN_CA=self.ca.path("ca", "pem"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_somebody_else_at_the_address_is_told_nothing(self):
        """By a certificate of the same authority, for the same name."""
        pem, key = self.ca.server("impostor", serial=7)
        path = os.path.join(self.temporary.name, "impostor.conf")
        with open(self.gateway.path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(self.certificate, pem).replace(
                self.key, key))
        done = self.command("-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("$POINTSMAN_ADMIN_CA", done.stderr)

    def test_a_reload_brings_the_new_certificate(self):
        old = self.command("-c", self.gateway.path)
        self.assertEqual(old.returncode, 0, old.stderr)
        for new, now in zip(self.ca.server("next", serial=9),
                            (self.certificate, self.key)):
            os.replace(new, now)
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: self.command("-c", self.gateway.path).returncode == 0,
                 10, "the new certificate")

    def test_it_needs_a_certificate(self):
        path = os.path.join(self.temporary.name, "plain.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write("admin = { tls = true; };\n")
        done = subprocess.run([POINTSMAN, "check", "-c", path],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("admin.tls: want tls.certificate and tls.key for it",
                      done.stderr)


if __name__ == "__main__":
    unittest.main()
