"""What the gateway stands on is not what it was: pipes where there were files,
and a start that fails half way."""
import os
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     free_port, http_json, wait_for)


class Pipes(unittest.TestCase):
    """Whoever opens or reads one waits for who writes, mostly for ever."""

    def setUp(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        self.text = conf([backend("one", fake.port)])

    def test_a_configuration_that_nobody_writes_is_given_up(self):
        g = Gateway(self.text)
        os.unlink(g.path)
        os.mkfifo(g.path)
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: "reload_failed" in g.log(), 15, "the end of it")
        self.assertIn("it is a pipe", g.log())
        self.assertEqual(g.chat(chat("m"))[0], 200)

        def writer():
            with open(g.path, "w", encoding="utf-8") as f:
                f.write(g.listen)
                f.flush()
                time.sleep(0.1)
                f.write(self.text)
        t = threading.Thread(target=writer)
        t.start()
        self.assertEqual(
            http_json(g.admin, "POST", "/admin/v1/reload")[0], 200)
        t.join()
        self.assertEqual(g.status()["config_version"], 2)
        self.assertEqual(g.stop(), 0)

    def test_an_audit_log_is_a_file_or_nothing_is_done(self):
        for reads in (False, True):
            with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
                pipe = os.path.join(folder, "audit.jsonl")
                os.mkfifo(pipe)
                reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) \
                    if reads else -1
                g = Gateway(self.text + f'audit_log = "{pipe}";\n')
                self.assertIn("it is no file", g.log())
                self.assertEqual(g.chat(chat("m"))[0], 200)
                self.assertEqual(http_json(
                    g.admin, "POST", "/admin/v1/reload")[0], 503)
                self.assertEqual(g.stop(), 0)
                if reads:
                    os.close(reader)


class Output(unittest.TestCase):
    def test_nobody_reads_it_and_the_start_goes_on(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.set_blocking(writing, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writing, bytes(1024))
        os.set_blocking(writing, True)
        g = Gateway(conf([backend("one", free_port())]), stdout=writing)
        os.close(writing)
        self.assertEqual(g.stop(), 0)


class Children(unittest.TestCase):
    def test_one_that_never_stops_talking_fills_no_disk(self):
        row = ('{ name = "kid"; adapter = "vllm"; command = [ "/bin/sh", '
               '"-c", "exec yes noise >&2", "{port}" ]; }')
        g = Gateway(conf([row]))
        began = time.monotonic()
        wait_for(lambda: "suppressed event=child lines=" in g.log())
        lines = g.log().count('text="noise"')
        self.assertLess(lines, 1000 * (time.monotonic() - began + 3))
        self.assertGreaterEqual(lines, 1000)
        self.assertEqual(g.stop(), 0)

    def test_a_start_that_fails_leaves_none_behind(self):
        with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
            keys, mark = (os.path.join(folder, n) for n in ("keys", "mark"))
            with open(keys, "w", encoding="ascii") as f:
                f.write("not JSON")
            row = ('{ name = "kid"; adapter = "vllm"; command = [ "/bin/sh", '
                   f'"-c", "echo $$ > {mark}; exec sleep 60", '
                   '"{port}" ]; }')
            g = Gateway(conf([row, backend("one", free_port())],
                             f'keys_file = "{keys}";\n'), wait=False)
            self.addCleanup(self.end, mark)
            self.assertEqual(g.process.wait(20), 1, g.log())
            self.assertIn("want JSON", g.log())
            self.assertFalse("event=start" in g.log())
            self.assertEqual(g.stop(), 1)

    @staticmethod
    def end(mark):
        if os.path.exists(mark):
            with open(mark, encoding="ascii") as f:
                os.kill(int(f.read()), signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
