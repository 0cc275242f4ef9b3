"""Which requests are sent to a backend over HTTP/2, where it speaks that."""
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Gateway, backend, chat, conf,  # noqa: E402
                     http_json, wait_for)


class Server:
    """Shakes hands, notes what was agreed upon, and hangs up."""

    def __init__(self, folder):
        key, certificate = folder + "/key.pem", folder + "/cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
             certificate, "-days", "2", "-subj", "/CN=localhost"],
            check=True, stderr=subprocess.DEVNULL)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.agreed = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c = self.listener.accept()[0]
                with self.context.wrap_socket(c, server_side=True) as s:
                    self.agreed.append(s.selected_alpn_protocol())
            except (OSError, ValueError):
                if self.listener.fileno() < 0:
                    return


class Http2(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-test-")
        self.addCleanup(folder.cleanup)
        self.server = Server(folder.name)
        self.addCleanup(self.server.listener.close)
        row = backend("one", self.server.port,
                      'probe_interval = "0s"; tls_insecure = true;', "openai")
        self.gateway = Gateway(conf([row.replace("http://", "https://")]))
        self.addCleanup(self.gateway.process.kill)

    def agreed(self, path, body):
        http_json(self.gateway.port, "POST", path, body)
        said = wait_for(lambda: self.server.agreed, what="a handshake")[0]
        self.assertEqual(self.gateway.stop(), 0)
        return said

    def test_text_is_asked_for_over_http2(self):
        self.assertEqual(self.agreed("/v1/chat/completions", chat("m")), "h2")

    def test_what_a_client_may_take_slowly_is_not(self):
        """libcurl would keep the end of it."""
        sound = {"model": "m", "input": "hi", "voice": "a"}
        self.assertNotEqual(self.agreed("/v1/audio/speech", sound), "h2")


if __name__ == "__main__":
    unittest.main()
