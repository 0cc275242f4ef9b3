"""Workers that stay awake after an event: for so long and no longer, from one
reload to the next, and what that took is told."""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, backend, chat, conf,  # noqa: E402
                     wait_for)

ALONE = "it measures what a turn costs"
SPAN = 0.05
ON = f'busy_poll = "{SPAN * 1000:.0f}ms";\n'


class BusyPoll(unittest.TestCase):
    def start(self, settings=""):
        self.fake = Fake("--tokens", "2")
        self.addCleanup(self.fake.stop)
        self.gateway = Gateway(self.conf(settings))
        self.addCleanup(self.gateway.process.kill)  # where a test fails

    def conf(self, settings):
        return conf([backend("one", self.fake.port,
                             'probe_interval = "0s";')],
                    "workers = 1;\n" + settings)

    def ask(self):
        self.assertEqual(self.gateway.chat(chat("m"))[0], 200)

    def spent(self):
        return self.gateway.metric("pointsman_busy_poll_seconds_total")

    def cpu(self):
        """Seconds of all its threads."""
        with open(f"/proc/{self.gateway.process.pid}/stat",
                  encoding="ascii") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reload(self, settings):
        before = self.version()
        self.gateway.write(self.conf(settings))
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: self.version() > before, what="the reload")

    def version(self):
        return self.gateway.metric("pointsman_config_version")

    def test_it_sleeps_unless_told(self):
        self.start()
        self.ask()
        self.assertEqual(self.spent(), 0)
        self.assertEqual(self.gateway.stop(), 0)

    def test_it_stays_awake_and_then_sleeps(self):
        self.start(ON)
        self.ask()
        wait_for(lambda: self.spent() >= SPAN, what="the span's end")
        time.sleep(2 * SPAN)  # the client's connection closes: an event
        before, cpu = self.spent(), self.cpu()
        time.sleep(1)
        self.assertEqual(self.spent(), before)
        self.assertLess(self.cpu() - cpu, 0.5)  # awake it would be 1
        self.assertEqual(self.gateway.stop(), 0)

    def test_a_reload_changes_it(self):
        self.start()
        self.ask()
        self.assertEqual(self.spent(), 0)
        self.reload(ON)
        self.ask()
        wait_for(lambda: self.spent() >= SPAN, what="the span's end")
        self.reload("")
        self.ask()
        time.sleep(2 * SPAN)
        before = self.spent()
        self.ask()
        time.sleep(2 * SPAN)
        self.assertEqual(self.spent(), before)
        self.assertEqual(self.gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
