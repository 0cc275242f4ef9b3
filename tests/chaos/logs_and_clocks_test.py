"""Disks that are full, files that may not grow, and clocks that jump: what
the machine does to a gateway that is otherwise well."""
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import Gateway, backend, conf, wait_for  # noqa: E402

from client import WHOLE, ask  # noqa: E402
from place import chat, hold  # noqa: E402
from upstream import Upstream  # noqa: E402

HOUR = 3600
# CLOCK_REALTIME is off by what a file says, at once and for everybody
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long
jumped(void)
{
	char text[32] = "0";
	int fd = open(getenv("CLOCK_JUMP"), O_RDONLY);
	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '0';
		close(fd);
	}
	return atol(text);
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, clock, t);
	if (clock == CLOCK_REALTIME)
		t->tv_sec += jumped();
	return rc;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *to)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (to != NULL)
		*to = now.tv_sec;
	return now.tv_sec;
}
"""


class LogsAndClocks(unittest.TestCase):
    def setUp(self):
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)
        self.go_on = asyncio.Event()
        self.far = Upstream(self.script, "one")
        self.run_(self.far.start())
        self.addCleanup(lambda: self.run_(self.far.stop()))

    def run_(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    async def script(self, call):
        await hold(call, self.go_on)

    def gateway(self, settings, **kw):
        row = backend("one", self.far.port, 'probe_interval = "0s";')
        g = Gateway("workers = 2;\n" + settings + conf([row]), **kw)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def ask(self, g, n=1, **members):
        async def all_of_them():
            return await asyncio.gather(
                *(ask(g.port, chat(i % 2 == 0, **members))
                  for i in range(n)))
        return self.run_(all_of_them())

    # --- logs ---

    def test_a_full_stderr_costs_lines_and_no_answers(self):
        with open("/dev/full", "wb") as full:
            g = self.gateway('access_log = "stderr"; log_level = "debug";\n',
                             stderr=full)
        self.assertEqual({s.kind for s in self.ask(g, 50)}, {WHOLE})
        for name in ("pointsman_log_dropped_total",
                     "pointsman_access_log_dropped_total"):
            wait_for(lambda name=name: g.metric(name) > 0, what=name)

    def test_a_file_that_may_not_grow_ends_nobody(self):
        """The system sends SIGXFSZ, which is deadly where nobody asks."""
        with tempfile.TemporaryDirectory(prefix="pointsman-chaos-") as d:
            path = os.path.join(d, "access.log")
            g = self.gateway(f'access_log = "{path}"; log_level = "debug";\n')
            self.ask(g, 4)
            wait_for(lambda: os.path.getsize(path) > 0, what="the log")
            most = 1000 + max(os.path.getsize(path),
                              os.path.getsize(g.log_path))
            resource.prlimit(g.process.pid, resource.RLIMIT_FSIZE,
                             (most, most))
            self.assertEqual({s.kind for s in self.ask(g, 50)}, {WHOLE})
            for name in ("pointsman_log_dropped_total",
                         "pointsman_access_log_dropped_total"):
                wait_for(lambda name=name: g.metric(name) > 0, what=name)
            self.assertLessEqual(os.path.getsize(path), most)
            self.assertIsNone(g.process.poll())

    # --- clocks ---

    def shim(self, folder):
        source = os.path.join(folder, "jump.c")
        with open(source, "w", encoding="ascii") as f:
            f.write(SHIM)
        library = os.path.join(folder, "jump.so")
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1",
                        "-o", library, source], check=True)
        return library

    def test_a_clock_that_jumps_is_felt_by_nobody(self):
        folder = tempfile.TemporaryDirectory(prefix="pointsman-chaos-")
        self.addCleanup(folder.cleanup)
        self.offset = os.path.join(folder.name, "offset")
        self.jump(0)
        log = os.path.join(folder.name, "access.log")
        g = self.gateway(
            f'access_log = "{log}"; deadline = "20s"; '
            'timeouts = { connect = "5s"; ttft = "15s"; gap = "15s"; '
            'total = "19s"; };\n',
            env={"LD_PRELOAD": self.shim(folder.name),
                 "CLOCK_JUMP": self.offset,
                 "ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0"})

        async def play():
            for offset in (HOUR, -HOUR, 24 * HOUR, 0):
                await self.streams_over(g, offset)

        self.run_(play())
        with open(log, encoding="utf-8") as f:
            days = {line[5:15] for line in f}
        self.assertGreater(len(days), 1, "no jump was seen at all")
        self.assertLess(g.metric("pointsman_uptime_seconds"), HOUR)

    async def streams_over(self, g, offset):
        """Streams that are open during a jump, and requests after it."""
        self.go_on.clear()
        before = len(self.far.calls)
        open_ = [asyncio.ensure_future(ask(g.port, chat(user="hold")))
                 for _ in range(10)]
        while len(self.far.calls) < before + 10:
            await asyncio.sleep(0.01)
        self.jump(offset)
        began = time.monotonic()
        seen = await asyncio.gather(*(ask(g.port, chat(i % 2 == 0))
                                      for i in range(10)))
        await asyncio.sleep(0.5)  # several ticks of every timer
        self.go_on.set()
        seen += await asyncio.gather(*open_)
        self.assertEqual({s.kind for s in seen}, {WHOLE}, offset)
        self.assertLess(time.monotonic() - began, 15)

    def jump(self, seconds):
        with open(self.offset + ".new", "w", encoding="ascii") as f:
            f.write(str(seconds))
        os.rename(self.offset + ".new", self.offset)


if __name__ == "__main__":
    unittest.main()
