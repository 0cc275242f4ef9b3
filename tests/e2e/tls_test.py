"""TLS from clients: versions, certificates of clients as tenants, and a
certificate that changes under load without a failed request.

    TLS_CHANGES=1000 python3 tests/e2e/tls_test.py NewCertificate
"""
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend,  # noqa: E402
                     chat, conf, events, wait_for)

ALONE = "it puts the gateway under load"
CHANGES = int(os.environ.get("TLS_CHANGES", "5"))


class Authority:
    """Makes certificates with the openssl command, in a folder of its own."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", f"/CN={name}", "-keyout", self.path(name, "key"),
                 "-out", self.path(name, "pem"))

    def path(self, name, kind):
        return os.path.join(self.folder, f"{name}.{kind}")

    @staticmethod
    def run(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True,
                       timeout=60)

    def issue(self, name, extensions, cn="test", serial=None):
        """(certificate, key) of that name, as files."""
        text = self.path(name, "ext")
        with open(text, "w", encoding="utf-8") as f:
            f.write(extensions)
        self.run("req", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={cn}",
                 "-keyout", self.path(name, "key"),
                 "-out", self.path(name, "csr"))
        self.run("x509", "-req", "-in", self.path(name, "csr"),
                 "-CA", self.path(self.name, "pem"),
                 "-CAkey", self.path(self.name, "key"),
                 *(["-set_serial", str(serial)] if serial else
                   ["-CAcreateserial"]),
                 "-days", "30", "-extfile", text,
                 "-out", self.path(name, "pem"))
        return self.path(name, "pem"), self.path(name, "key")

    def server(self, name, serial):
        return self.issue(name, "subjectAltName=IP:127.0.0.1,DNS:localhost\n"
                          "extendedKeyUsage=serverAuth\n", serial=serial)

    def client(self, name, names, usage="clientAuth", cn="test"):
        return self.issue(name, f"{names}\nextendedKeyUsage={usage}\n", cn=cn)


class Bed(unittest.TestCase):
    tls = ""
    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="pointsman-tls-")
        cls.ca = Authority(cls.temporary.name)
        cls.prepare()
        cls.certificate, cls.key = cls.ca.server("server", serial=1001)
        cls.fake = Fake("--tokens", "3")
        cls.addClassCleanup(cls.fake.stop)
        cls.gateway = cls.start()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def start(cls):
        return Gateway(cls.configuration(), env={"KEY_A": "key-of-a"})

    @classmethod
    def configuration(cls, tls=None):
        return conf(
            [backend("one", cls.fake.port)],
            f'tls = {{ certificate = "{cls.certificate}"; '
            f'key = "{cls.key}"; {cls.tls if tls is None else tls} }};\n'
            + cls.extra)

    @classmethod
    def tearDownClass(cls):
        code = cls.gateway.stop()
        cls.fake.stop()
        cls.temporary.cleanup()
        assert code == 0

    def context(self, client=None, **options):
        context = ssl.create_default_context(
            cafile=self.ca.path("ca", "pem"))
        if client is not None:
            context.load_cert_chain(*client)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    def connect(self, client=None, **options):
        c = http.client.HTTPSConnection(
            "127.0.0.1", self.gateway.port, timeout=20,
            context=self.context(client, **options))
        self.addCleanup(c.close)
        return c

    def ask(self, connection, body=None, key=None):
        """(status, parsed body), on a connection that stays open."""
        headers = {"content-type": "application/json"}
        if key is not None:
            headers["authorization"] = "Bearer " + key
        connection.request("POST", "/v1/chat/completions",
                           json.dumps(body or chat("m")), headers)
        answer = connection.getresponse()
        raw = answer.read()
        return answer.status, (raw.decode() if (body or {}).get("stream")
                               else json.loads(raw))

    def serial(self):
        """Of the certificate that a new connection sees."""
        with socket.create_connection(("127.0.0.1", self.gateway.port),
                                      10) as plain:
            with self.context().wrap_socket(
                    plain, server_hostname="localhost") as s:
                return int(s.getpeercert()["serialNumber"], 16)

    def reload(self, version):
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: f"config_version {version}" in self.gateway.metrics()
                 or f"config_version={version}" in self.gateway.log()
                 or None, 10, "the reload")


class Listener(Bed):
    def test_whole_and_streamed_on_one_connection(self):
        c = self.connect()
        for _ in range(3):
            status, body = self.ask(c)
            self.assertEqual(status, 200, body)
            status, text = self.ask(c, chat("m", stream=True))
            self.assertEqual(status, 200)
            self.assertEqual(events(text)[-1], "[DONE]")

    def test_a_large_body_and_answer(self):
        c = self.connect()
        body = chat("m")
        body["messages"][0]["content"] = "long " * 200_000
        self.assertEqual(self.ask(c, body)[0], 200)

    def test_curl(self):
        done = subprocess.run(
            ["curl", "-sS", "--cacert", self.ca.path("ca", "pem"),
             "-H", "content-type: application/json",
             "-d", json.dumps(chat("m", stream=True)),
             f"https://localhost:{self.gateway.port}/v1/chat/completions"],
            capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(events(done.stdout)[-1], "[DONE]")

    def test_when_certificates_expire_is_known(self):
        """Of its own, and of a backend, which here is the gateway: the CA is
        as old as the certificate, and made before it."""
        def expires(name):
            text = subprocess.run(
                ["openssl", "x509", "-in", self.ca.path(name, "pem"),
                 "-noout", "-enddate"], check=True, capture_output=True,
                text=True, timeout=20).stdout.strip()
            return ssl.cert_time_to_seconds(text.partition("=")[2])

        self.assertIn("pointsman_certificate_expiry_timestamp_seconds "
                      f"{expires('server'):.0f}\n", self.gateway.metrics())
        inner = (f'{{ name = "inner"; adapter = "vllm"; '
                 f'url = "https://localhost:{self.gateway.port}/v1"; '
                 f'ca_file = "{self.ca.path("ca", "pem")}"; }}')
        g = Gateway(conf([inner],
                         serve='{ backend = "inner"; model = "m"; }'))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        status, _, body = g.chat(chat("m"))
        self.assertEqual(status, 200, body)
        self.assertIn(
            'pointsman_backend_certificate_expiry_timestamp_seconds{'
            'model="m",backend="inner",upstream="m"} '
            f"{expires('ca'):.0f}\n", g.metrics())
        self.assertIsNotNone(
            g.backends()["inner"].get("certified_until"))
        self.assertNotIn("pointsman_certificate_", g.metrics())
        self.assertEqual(g.stop(), 0)

    def test_ask(self):
        """The file has the certificate; an address alone, nothing."""
        url = f"https://127.0.0.1:{self.gateway.port}/v1"
        for where, code, said in (
                (["-c", self.gateway.path], 0, "-- one ("),
                (["-u", url, "--ca", self.ca.path("ca", "pem")], 0,
                 "-- one ("),
                (["-u", url], 1, "tls: SSL certificate problem"),
                (["-u", url], 1, "--ca FILE")):
            done = subprocess.run(
                [POINTSMAN, "ask", *where, "-m", "m", "hi"],
                capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, code, done)
            self.assertIn(said, done.stdout + done.stderr)

    def test_1_2_is_welcome(self):
        c = self.connect(maximum_version=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(self.ask(c)[0], 200)

    def test_plain_http_gets_nothing(self):
        with self.assertRaises((OSError, http.client.HTTPException)):
            self.gateway.chat(chat("m"), timeout=10)
        self.assertEqual(self.ask(self.connect())[0], 200)

    def test_a_handshake_that_stalls_costs_next_to_nothing(self):
        for begun in (b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"):
            s = socket.create_connection(("127.0.0.1", self.gateway.port), 10)
            self.addCleanup(s.close)
            s.sendall(begun)
        self.assertEqual(self.ask(self.connect())[0], 200)
        # on a busy machine whoever wants a core gets as much of it as we do
        before, began = self.spent(), time.thread_time()
        while time.thread_time() < began + 0.6:
            pass
        self.assertLess(self.spent() - before, 0.2)
        body = chat("m")
        body["messages"][0]["content"] = "long " * 200_000
        self.assertEqual(self.ask(self.connect(), body)[0], 200)

    def spent(self):
        """Seconds of processor time that the gateway has used."""
        with open(f"/proc/{self.gateway.process.pid}/stat",
                  encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_a_client_that_leaves_cancels_its_upstream(self):
        c = self.connect()
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True, fake={
                      "id": "left", "ttft_ms": 8000})),
                  {"content-type": "application/json"})
        wait_for(lambda: self.fake.stats()["running"] > 0, 5,
                 "the backend to have it")
        c.sock.shutdown(socket.SHUT_RDWR)
        call = wait_for(lambda: self.fake.calls().get("left"), 4,
                        "the upstream to be let go")
        self.assertTrue(call["cancelled"])


class NewCertificate(Bed):
    extra = 'idle_timeout = "1h";\n'

    def test_it_changes_without_a_failed_request(self):
        self.assertEqual(self.serial(), 1001)
        held = self.connect()
        self.assertEqual(self.ask(held)[0], 200)
        stop, failures, count = threading.Event(), [], [0]

        def load():
            c = self.connect()
            while not stop.is_set():
                try:
                    status = self.ask(c)[0]
                    count[0] += 1
                    if status != 200:
                        failures.append(status)
                    if count[0] % 5 == 0:
                        c.close()
                        c = self.connect()
                except (OSError, http.client.HTTPException) as e:
                    failures.append(repr(e))
            c.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for t in threads:
            t.start()
        try:
            for version in range(2, CHANGES + 2):
                pair = self.ca.server(f"new{version}", serial=1000 + version)
                for new, old in zip(pair, (self.certificate, self.key)):
                    os.replace(new, old)
                self.reload(version)
                wait_for(lambda v=version: self.serial() == 1000 + v, 10,
                         "the new certificate")
            wait_for(lambda: count[0] > 100, 20, "traffic")
        finally:
            stop.set()
            for t in threads:
                t.join()
        print(f"tls: {CHANGES} certificates, {count[0]} requests, "
              f"{len(failures)} failed", file=sys.stderr)
        self.assertEqual(failures, [])
        self.assertEqual(self.ask(held)[0], 200)
        with open(self.key, "w", encoding="utf-8") as f:
            f.write("no key\n")
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload_failed" in self.gateway.log(), 10)
        self.assertIn("tls.key: want a private key", self.gateway.log())
        self.assertEqual(self.serial(), 1001 + CHANGES)


class Clients(Bed):
    extra = ('tenants = ( { name = "a"; keys = [ "env:KEY_A" ]; }, '
             '{ name = "b"; certificates = [ "b.example", '
             '"spiffe://acme/b" ]; }, '
             '{ name = "c"; certificates = [ "sha256:%s" ]; } );\n')

    @classmethod
    def prepare(cls):
        cls.b = cls.ca.client("b", "subjectAltName=DNS:b.example")
        cls.spiffe = cls.ca.client("s", "subjectAltName=URI:spiffe://acme/b")
        cls.c = cls.ca.client("c", "subjectAltName=DNS:whatever")
        cls.nobody = cls.ca.client("nobody", "subjectAltName=DNS:x.example")
        cls.server_only = cls.ca.client(
            "so", "subjectAltName=DNS:b.example", usage="serverAuth")
        other = Authority(cls.temporary.name, "other")
        cls.foreign = other.client("f", "subjectAltName=DNS:b.example")
        with open(cls.c[0], encoding="ascii") as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        cls.print = hashlib.sha256(der).hexdigest()
        cls.liar = cls.ca.client("liar",
                                 f"subjectAltName=DNS:sha256:{cls.print}")
        cls.extra = cls.extra % cls.print.upper()
        cls.tls = f'client_ca = "{cls.ca.path("ca", "pem")}";'

    def tenant(self, status, client, key=None):
        got, body = self.ask(self.connect(client), key=key)
        self.assertEqual(got, status, body)

    def test_a_certificate_is_a_tenant(self):
        for client in (self.b, self.spiffe, self.c):
            self.tenant(200, client)
            self.tenant(200, client, "not-needed")
        lines = wait_for(lambda: self.gateway.log().count("tenant=c ") and
                         self.gateway.log(), 5, "the access log")
        self.assertIn("tenant=b ", lines)

    def test_a_key_does_without(self):
        self.tenant(200, None, "key-of-a")
        self.tenant(200, self.nobody, "key-of-a")

    def test_others_are_refused(self):
        for client in (None, self.nobody, self.foreign, self.server_only,
                       self.liar):
            self.tenant(401, client)
            self.tenant(401, client, "wrong")


class Required(Bed):
    extra = 'tenants = ( { name = "a"; keys = [ "env:KEY_A" ]; } );\n'

    @classmethod
    def prepare(cls):
        cls.client = cls.ca.client("client", "subjectAltName=DNS:any")
        cls.tls = (f'client_ca = "{cls.ca.path("ca", "pem")}"; '
                   'require_client = true; min_version = "1.3";')

    def test_a_key_alone_is_not_enough(self):
        status, body = self.ask(self.connect(), key="key-of-a")
        self.assertEqual(status, 401)
        self.assertEqual(body["error"]["code"], "certificate_required")
        self.assertEqual(self.ask(self.connect(self.client))[0], 401)
        c = self.connect(self.client)
        self.assertEqual(self.ask(c, key="key-of-a")[0], 200)

    def test_1_2_is_refused(self):
        with self.assertRaises((ssl.SSLError, OSError)):
            self.ask(self.connect(
                self.client, maximum_version=ssl.TLSVersion.TLSv1_2))


class Mistakes(unittest.TestCase):
    def test_they_are_named(self):
        with tempfile.TemporaryDirectory() as folder:
            ca = Authority(folder)
            good, key = ca.server("good", serial=5)
            other = ca.server("other", serial=6)[1]
            broken = os.path.join(folder, "broken.pem")
            with open(good, encoding="ascii") as f:
                text = f.read()
            with open(broken, "w", encoding="ascii") as f:
                f.write(text + "-----BEGIN CERTIFICATE-----\nMIIBbroken\n"
                        "-----END CERTIFICATE-----\n")
            odd = [os.path.join(folder, "odd." + kind)
                   for kind in ("pem", "key")]
            ca.run("req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:secp256k1", "-nodes", "-subj", "/CN=odd",
                   "-out", odd[0], "-keyout", odd[1])
            for tls, want in (
                    (f'certificate = "{good}";', "tls: want certificate and "
                     "key, got one of two"),
                    (f'certificate = "{good}"; key = "{other}";',
                     "tls.key: want the private key of the certificate"),
                    (f'certificate = "{key}"; key = "{key}";',
                     "tls.certificate: want a certificate in PEM"),
                    (f'certificate = "{good}"; key = "{good}";',
                     "tls.key: want a private key"),
                    (f'certificate = "/none"; key = "{key}";',
                     "tls.certificate: want a PEM file"),
                    (f'certificate = "{good}"; key = "{key}"; '
                     'min_version = "1.1";', "tls.min_version: want"),
                    (f'certificate = "{broken}"; key = "{key}";',
                     "tls.certificate: want certificates in PEM, got a "
                     "broken"),
                    (f'certificate = "{odd[0]}"; key = "{odd[1]}";',
                     "tls.certificate: want a chain and a key that TLS can"),
                    (f'certificate = "{good}"; key = "{key}"; '
                     f'client_ca = "{broken}";',
                     "tls.client_ca: want certificates in PEM, got a broken"),
                    (f'certificate = "{good}"; key = "{key}"; '
                     "require_client = true;", "want client_ca")):
                path = os.path.join(folder, "gateway.conf")
                with open(path, "w", encoding="utf-8") as f:
                    f.write(conf([backend("one", 9)],
                                 f"tls = {{ {tls} }};\n"))
                done = subprocess.run([POINTSMAN, "check", "-c", path],
                                      capture_output=True, text=True,
                                      timeout=30)
                self.assertEqual(done.returncode, 1, tls)
                self.assertIn(want, done.stderr)


if __name__ == "__main__":
    unittest.main()
