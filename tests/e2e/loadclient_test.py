"""The load client of the benchmarks: what it must count, and what it cannot
begin."""
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import POINTSMAN, Fake  # noqa: E402

LOADCLIENT = os.path.join(os.path.dirname(os.path.realpath(POINTSMAN)),
                          "loadclient")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def run(port, *options, **how):
    return subprocess.run(
        [LOADCLIENT, "--url", f"http://127.0.0.1:{port}", *options],
        capture_output=True, timeout=60, check=False, **how)


@unittest.skipUnless(os.path.exists(LOADCLIENT),
                     "wants loadclient beside pointsman: make vtc")
class LoadClient(unittest.TestCase):
    def test_what_was_due_is_sent_however_late(self):
        fake = Fake("--ttft", "20")
        self.addCleanup(fake.stop)
        counts, late = [], []
        for limit in ("1000", "1"):
            done = json.loads(run(fake.port, "--rate", "100", "--seconds", "1",
                                  "--limit", limit).stdout)
            self.assertEqual(done["errors"], 0)
            counts.append(done["count"])
            late.append(done["late_us"]["max"])
        self.assertEqual(counts[0], counts[1])
        self.assertGreater(late[1], 500e3)

    def test_a_second_answer_is_no_answer(self):
        def serve():
            for _ in range(2):
                peer, _ = listener.accept()
                with peer:
                    peer.recv(1 << 16)
                    peer.sendall(OK + OK)
                    peer.recv(1 << 16)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10)  # of an answer in two parts one is good
            thread = threading.Thread(target=serve)
            thread.start()
            done = run(listener.getsockname()[1], "--requests", "2")
            thread.join()
        said = json.loads(done.stdout)
        self.assertEqual((said["count"], said["errors_broken"]), (0, 2))
        self.assertEqual(done.returncode, 1)

    def test_a_body_is_as_long_as_asked_for(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        size = (64 << 20) + 1
        done = run(fake.port, "--requests", "1", "--bytes", str(size))
        self.assertEqual(json.loads(done.stdout)["count"], 1)

    def test_without_descriptors_it_says_so(self):
        done = run(9, "--requests", "1", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (8, 8)))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(b"too many open files", done.stderr)


if __name__ == "__main__":
    unittest.main()
