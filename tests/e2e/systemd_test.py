"""What systemd does to a service: hands it a socket, hears how it stands."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, as_systemd, backend,  # noqa: E402
                     chat, conf, free_port, http_json)


READY = "READY=1\nSTATUS=config_version "


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-unit-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.fake = Fake("--tokens", "3")
        self.addCleanup(self.fake.stop)
        self.port = free_port()
        self.path = os.path.join(self.folder, "gateway.conf")
        self.write("127.0.0.1", self.port)
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notices.close)
        self.notices.bind(os.path.join(self.folder, "notify"))
        self.notices.settimeout(20)

    def write(self, address, port):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(f'listen = {{ address = "{address}"; port = {port}; }};\n'
                    f'admin = {{ path = "{self.folder}/admin"; }};\n'
                    + conf([backend("one", self.fake.port)]))

    def start(self, fd, name="listen"):
        process = subprocess.Popen(
            as_systemd(fd, name, POINTSMAN, "serve", "-c", self.path),
            pass_fds=[fd], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "NOTIFY_SOCKET": self.folder + "/notify"})
        self.addCleanup(process.stderr.close)
        return process

    def assert_serves(self, listener, name):
        process = self.start(listener.fileno(), name)
        try:
            self.assertEqual(self.hear(), READY + "1")
            self.assertEqual(self.ask(), 200)
        finally:
            process.terminate()
            self.assertEqual(process.wait(20), 0)

    def hear(self):
        return self.notices.recv(4096).decode()

    def reload(self, process):
        process.send_signal(signal.SIGHUP)
        self.assertRegex(self.hear(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
        return self.hear()

    def socket(self):
        s = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(s.close)
        return s

    def ask(self):
        return http_json(self.port, "POST", "/v1/chat/completions",
                         chat("m"))[0]

    def test_a_socket_handed_over_and_how_it_stands(self):
        listener = self.socket()
        # comes before anybody is there, and waits in the backlog
        early = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(early.close)
        process = self.start(listener.fileno())
        try:
            self.assertEqual(self.hear(), READY + "1")
            early.settimeout(10)
            early.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n"
                          b"\r\n")
            self.assertTrue(early.recv(100).startswith(b"HTTP/1.1 200"))
            self.assertEqual(self.ask(), 200)
            self.assertEqual(self.reload(process), READY + "2")
            with open(self.path, "a", encoding="utf-8") as f:
                f.write("workers = -1;\n")
            self.assertRegex(
                self.reload(process), f"^{READY}2, a reload was refused: "
                rf"{self.path}:\d+: workers: want .*, got -1$")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(self.hear(), "STOPPING=1")
        finally:
            process.terminate()
            self.assertEqual(process.wait(20), 0, process.stderr.read())
        self.write("127.0.0.1", self.port)
        # the socket is still systemd's: the next one takes it over
        self.assert_serves(listener, "pointsman.socket")

    def test_another_socket_than_the_file_says_is_refused(self):
        listener = self.socket()
        self.write("127.0.0.1", self.port + 1)
        process = self.start(listener.fileno())
        self.assertEqual(process.wait(20), 1)
        self.assertIn(f"want the socket that listen says, 127.0.0.1 port "
                      f"{self.port + 1}, got 127.0.0.1 port {self.port}",
                      process.stderr.read())

    def test_a_socket_that_does_not_listen_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", self.port))
            process = self.start(other.fileno())
            self.assertEqual(process.wait(20), 1)
        self.assertIn("want a socket that listens for listen",
                      process.stderr.read())

    def test_a_socket_of_another_name_is_left_alone(self):
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        self.assert_serves(other, "metrics")


if __name__ == "__main__":
    unittest.main()
