"""Memory does not grow with the requests served: neither with what is lost
track of, nor with what is kept by name.

Counted, not timed. AddressSanitizer is told to keep nothing that was freed, so
that any build can be measured.
"""
import json
import os
import re
import socket
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, backend, chat, conf, wait_for  # noqa: E402

ALONE = "it counts descriptors and memory under load"
WARM, ALL = 4000, 20000
CONNECTIONS = 16
GROWTH = 1.05
FORGETFUL = ("quarantine_size_mb=0:thread_local_quarantine_size_kb=0:"
             "detect_leaks=0")


class Client:
    """A keep-alive connection that asks, reads, and asks again."""

    LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 30)

    def ask(self, path, body):
        data = json.dumps(body).encode()
        self.sock.sendall(
            b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: "
            b"application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (path, len(data), data))
        got = b""
        while not self.whole(got):
            part = self.sock.recv(65536)
            assert part, got
            got += part
        return int(got[9:12]), got

    def whole(self, got):
        head, end, body = got.partition(b"\r\n\r\n")
        if not end:
            return False
        if m := self.LENGTH.search(head):
            return len(body) >= int(m[1])
        return body.endswith(b"0\r\n\r\n")


class Leak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--tokens", "4")
        cls.gateway = Gateway(conf([backend("one", cls.fake.port)],
                                   'workers = 2; access_log = "off"; '
                                   'log_level = "error";\n'),
                              env={"ASAN_OPTIONS": FORGETFUL})
        cls.clients = [Client(cls.gateway.port) for _ in range(CONNECTIONS)]

    @classmethod
    def tearDownClass(cls):
        for c in cls.clients:
            c.sock.close()
        assert cls.gateway.stop() == 0
        cls.fake.stop()

    def request(self, client, i):
        """Every kind in turn; the last two are of strangers, whose names must
        not be kept."""
        kind = i % 10
        if kind < 4:
            status, got = client.ask(b"/v1/chat/completions",
                                     chat("m", stream=True))
            self.assertIn(b"[DONE]", got)
        elif kind < 7:
            status, _ = client.ask(b"/v1/chat/completions", chat("m"))
        elif kind < 8:
            status, _ = client.ask(b"/v1/embeddings",
                                   {"model": "m", "input": ["a", "b"]})
        elif kind < 9:
            status, _ = client.ask(b"/v1/chat/completions",
                                   chat(f"stranger-{i}"))
            return self.assertEqual(status, 404)
        else:
            status, _ = client.ask(b"/v1/nothing/%d" % i, {})
            return self.assertEqual(status, 404)
        return self.assertEqual(status, 200)

    def serve(self, first, last):
        """Those requests, over all connections, each in a closed loop."""
        failed = []

        def loop(n):
            try:
                for i in range(first + n, last, CONNECTIONS):
                    self.request(self.clients[n], i)
            except BaseException as e:
                failed.append(e)

        threads = [threading.Thread(target=loop, args=(n,))
                   for n in range(CONNECTIONS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise failed[0]
        wait_for(lambda: self.gateway.status()["requests"] == 0)

    def resident(self):
        with open(f"/proc/{self.gateway.process.pid}/status",
                  encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s*(\d+) kB", f.read())[1])

    def test_memory_does_not_grow_with_requests(self):
        self.serve(0, WARM)
        before = self.resident()
        self.serve(WARM, ALL)
        after = self.resident()
        print(f"leak: {before} KiB after {WARM} requests, {after} KiB after "
              f"{ALL}", file=sys.stderr)
        self.assertLess(after, before * GROWTH)


if __name__ == "__main__":
    unittest.main()
