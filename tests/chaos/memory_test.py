"""max_memory: what is new is shed before it would be exceeded, what is under
way goes on, and once there is room again nobody is shed."""
import asyncio
import os
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import wait_for  # noqa: E402

from client import ERROR, WHOLE, read_answer, request  # noqa: E402
from place import CHAT, Place, chat  # noqa: E402

MB = 1 << 20
BODY = 24 * MB
ROOM = 120 * MB  # beyond what it uses at rest: for three or four of them
SANITIZED = 1.3  # its shadow, and both copies while a buffer grows
SETTINGS = """
workers = 2;
body_limit = "64MiB";
body_timeout = "60s";
body_limit_total = "1GiB";
log_level = "info";
"""


class MaxMemory(unittest.TestCase):
    def setUp(self):
        self.go_on = asyncio.Event()
        self.place = Place({"one": self.script}, SETTINGS)
        self.addCleanup(self.place.stop)
        for _ in range(20):
            self.place.run(self.place.ask())
        self.bound()

    async def script(self, call):
        """A stream that asks for it waits in the middle."""
        if b'"hold"' not in call.body:
            await call.answer()
            return
        await call.begin(3)
        await self.go_on.wait()
        for i in range(3, 6):
            await call.event(call.token(i))
        await call.finish()
        await call.done()

    def bound(self):
        """Sets the limit, to what is used now and some room."""
        g = self.place.gateway
        self.limit = int(self.place.resident_mb() * MB + ROOM)
        with open(g.path, encoding="utf-8") as f:
            text = f.read()
        with open(g.path, "w", encoding="utf-8") as f:
            f.write(text + f'max_memory = "{self.limit}B";\n')
        g.send_signal(signal.SIGHUP)
        wait_for(lambda: self.place.gateway.metric(
            "pointsman_memory_limit_bytes") == self.limit, what="the limit")

    def peak(self):
        pid = self.place.gateway.process.pid
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s*(\d+)", f.read())[1]) * 1024

    async def upload(self, announced=True):
        """Sends all of a large body but for its end."""
        reader, writer = await self.place.connect()
        body = b'{"model": "m", "messages": [{"role": "user", "content": "'
        body += b"x" * (BODY - len(body) - 4) + b'"}]}'
        head = request(CHAT, body).partition(b"\r\n\r\n")[0]
        if not announced:
            head = re.sub(rb"content-length: \d+",
                          b"transfer-encoding: chunked", head)
        writer.write(head + b"\r\n\r\n")
        await writer.drain()
        if announced:
            writer.write(body[:-1])
        else:
            for i in range(0, len(body), MB):
                part = body[i:i + MB]
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
        await writer.drain()
        return reader, writer, b"}" if announced else b"0\r\n\r\n"

    async def crowd(self, announced):
        """Eight uploads at once: (how many were answered, how many shed)."""
        ups = await asyncio.gather(*(self.upload(announced)
                                     for _ in range(8)))
        for _, writer, rest in ups:
            writer.write(rest)
        statuses = []
        for reader, writer, _ in ups:
            status, headers, body = await asyncio.wait_for(
                read_answer(reader, {}), 60)
            statuses.append(status)
            if status == 503:
                self.assertIn(b'"code":"overloaded"', body)
                self.assertIn(b'"type":"server_error"', body)
                self.assertGreaterEqual(int(headers["retry-after"]), 1)
            writer.close()
        self.assertEqual(set(statuses) - {200, 503}, set())
        return statuses.count(200), statuses.count(503)

    def judge(self, announced):
        async def play():
            streams = [asyncio.ensure_future(self.place.ask(
                {**chat(), "user": "hold"})) for _ in range(20)]
            calls = self.place.upstreams["one"].calls
            await self.place.until(lambda: sum(
                b'"hold"' in c.body for c in calls) == 20, what="streams")
            served, shed = await self.crowd(announced)
            self.go_on.set()
            seen = await asyncio.gather(*streams)
            self.assertEqual({s.kind for s in seen}, {WHOLE})
            return served, shed

        served, shed = self.place.run(play())
        if announced:  # else all may find out together that it is not enough
            self.assertGreaterEqual(served, 1)
        self.assertGreaterEqual(shed, 2)
        self.assertEqual(self.place.gateway.metric(
            "pointsman_memory_shed_total"), shed)
        sanitized = "asan" in os.environ.get("POINTSMAN", "")
        self.assertLess(self.peak(),
                        self.limit * (SANITIZED if sanitized else 1))
        self.place.run(self.recovers())

    async def recovers(self):
        """What was freed counts as free again."""
        async def served():
            return (await self.place.ask()).kind != ERROR
        for _ in range(100):
            if await served():
                break
            await asyncio.sleep(0.1)
        self.assertEqual((await self.crowd(True))[0] >= 1, True)

    def test_announced_bodies_are_shed_before_they_come(self):
        self.judge(True)

    def test_unannounced_bodies_are_shed_as_they_come(self):
        self.judge(False)


if __name__ == "__main__":
    unittest.main()
