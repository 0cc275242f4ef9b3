"""Whatever an operator does to the gateway, or a machine to both, each client
gets its whole answer or is told, and the gateway does not go down with it."""
import asyncio
import os
import resource
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import FAKELLM, Gateway, conf, http_json, wait_for  # noqa: E402

from client import (  # noqa: E402
    BROKEN, ERROR, WHOLE, Closed, Seen, request)
from place import CHAT, Place, chat  # noqa: E402
from stage import replace_file  # noqa: E402

STREAMS = int(os.environ.get("CHAOS_STREAMS", "500"))
RELOADS = int(os.environ.get("CHAOS_RELOADS", "200"))
DRAIN = 4
BAD = ("backends = (", "nonsense = 5;", "queue_limit = -1;", "")


class OperatorFaults(unittest.TestCase):
    def place(self, settings="", **scripts):
        """Answers at once, unless there are scripts."""
        place = Place(scripts or {"one": lambda call: call.answer()},
                      "workers = 2;\nlog_level = \"info\";\n" + settings)
        self.addCleanup(place.stop)
        return place

    # --- the end ---

    def test_at_sigterm_streams_finish_or_are_told(self):
        go_on = asyncio.Event()
        begun = []

        async def script(call):
            await call.begin(3)
            begun.append(call)
            if len(begun) % 2:
                await call.gone()
                return
            await go_on.wait()
            for i in range(3, 6):
                await call.event(call.token(i))
            await call.finish()
            await call.done()

        place = self.place(f'drain_timeout = "{DRAIN}s";\n', one=script)
        g = place.gateway

        async def play():
            asks = [asyncio.ensure_future(place.ask())
                    for _ in range(STREAMS)]
            await place.until(lambda: len(begun) == STREAMS, 30, "all to run")
            g.send_signal(signal.SIGTERM)
            began = time.monotonic()
            await asyncio.to_thread(wait_for, lambda: not accepts(g), 5,
                                    "no more to be taken")
            self.assertIsNone(g.process.poll())
            go_on.set()
            seen = await asyncio.gather(*asks)
            return seen, time.monotonic() - began

        seen, took = place.run(play())
        whole = [s for s in seen if s.kind == WHOLE]
        told = [s for s in seen if s.kind == BROKEN]
        self.assertEqual((len(whole), len(told)),
                         (STREAMS // 2, STREAMS - STREAMS // 2))
        self.assertEqual({s.error["code"] for s in told}, {"shutting_down"})
        self.assertLess(took, DRAIN + 6)
        self.assertEqual(g.process.wait(10), 0)

    # --- reloads ---

    def test_reloads_good_and_bad_are_felt_by_nobody(self):
        place = self.place()
        g = place.gateway
        with open(g.path, encoding="utf-8") as f:
            good = f.read()

        async def reloads():
            for i in range(RELOADS):
                text = (BAD[i // 2 % len(BAD)] if i % 2
                        else good + f"queue_limit = {100 + i};\n")
                replace_file(g.path, text)
                g.send_signal(signal.SIGHUP)
                await place.until(lambda i=i: told(g) > i, 10, "the reload")

        async def traffic(over):
            seen = []
            while not over.done():
                seen += await asyncio.gather(
                    *(place.ask(chat(i % 2 == 0)) for i in range(6)))
            return seen

        async def play():
            over = asyncio.ensure_future(reloads())
            seen = await traffic(over)
            await over
            return seen

        seen = place.run(play())
        self.assertEqual({s.kind for s in seen}, {WHOLE})
        self.assertEqual(g.status()["config_version"], 1 + RELOADS // 2)

    # --- what runs out ---

    def test_without_descriptors_those_it_has_are_served(self):
        place = self.place()
        g = place.gateway

        async def play():
            kept = await place.connect()
            open_now = place.descriptors()
            resource.prlimit(g.process.pid, resource.RLIMIT_NOFILE,
                             (open_now + 20, open_now + 20))
            crowd = [await place.connect() for _ in range(100)]
            tries = [asyncio.ensure_future(place.ask(patience=20))
                     for _ in range(10)]
            await asyncio.sleep(0.5)
            self.assertIsNone(g.process.poll())
            for _, writer in [*crowd, kept]:
                writer.close()
            return await asyncio.gather(*tries, return_exceptions=True)

        seen = place.run(play())
        for s in seen:  # an error is an answer; a connection may be closed
            self.assertIsInstance(s, (Seen, Closed), s)

        def is_served():  # once it has seen that the crowd is gone
            try:
                return place.run(place.ask()).kind == WHOLE
            except Closed:
                return False
        wait_for(is_served)

    def test_a_full_disk_costs_lines_of_the_log_and_no_answers(self):
        place = Place({"one": lambda call: call.answer()},
                      'workers = 2;\n', log="/dev/full")
        self.addCleanup(place.stop)

        async def play():
            return await asyncio.gather(*(place.ask() for _ in range(50)))

        self.assertEqual({s.kind for s in place.run(play())}, {WHOLE})
        wait_for(lambda: place.gateway.metric(
            "pointsman_access_log_dropped_total") > 0, what="lost lines")

    # --- children ---

    def test_a_child_that_is_killed_ends_its_streams_and_comes_back(self):
        command = (f'{{ name = "child"; adapter = "vllm"; command = '
                   f'[ "{FAKELLM}", "--port", "{{port}}", "--model", '
                   f'"fake-model", "--rate", "20-20", "--tokens", "2000" ]; '
                   f'probe_interval = "200ms"; }}')
        g = Gateway('workers = 2;\naccess_log = "off";\n' + conf([command]))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        pid = wait_for(lambda: child_of(g.process.pid), what="the child")
        wait_for(lambda: serves(g), 20, "the child to serve")

        async def play():
            begun = [asyncio.Event() for _ in range(10)]
            asks = [asyncio.ensure_future(raw_stream(g.port, b))
                    for b in begun]
            for b in begun:
                await asyncio.wait_for(b.wait(), 30)
            os.kill(pid, signal.SIGKILL)
            return await asyncio.gather(*asks)

        for raw in asyncio.run(play()):
            self.assertIn(b'"code":"upstream_failed"', raw)
            self.assertNotIn(b"[DONE]", raw)
            self.assertTrue(raw.endswith(b"0\r\n\r\n"))
        wait_for(lambda: child_of(g.process.pid) not in (None, pid), 20,
                 "another child")
        wait_for(lambda: serves(g), 20, "it to serve")
        self.assertEqual(g.stop(), 0)
        self.assertIsNone(child_of(g.process.pid))

    # --- upstreams that go and come ---

    def test_a_death_and_a_return_in_a_burst_cost_no_whole_answer(self):
        place = self.place(cheap=paced, dear=paced)
        cheap = place.upstreams["cheap"]

        async def burst(n):
            room = asyncio.Semaphore(20)

            async def one():
                async with room:
                    return await place.ask()
            return await asyncio.gather(*(one() for _ in range(n)))

        async def play():
            first = asyncio.ensure_future(burst(150))
            await place.until(lambda: len(cheap.calls) > 40, 20, "a burst")
            await cheap.stop()
            seen = await first
            again = asyncio.ensure_future(burst(150))
            await asyncio.sleep(0.2)
            await cheap.start(cheap.port)
            seen += await again
            # the breaker that opened for it closes again
            end = time.monotonic() + 40
            pinned = {**chat(), "model": "m:cheap"}
            while (await place.ask(pinned)).kind != WHOLE:
                self.assertLess(time.monotonic(), end, "it is never used")
                await asyncio.sleep(0.2)
            return seen

        seen = place.run(play())
        self.assertEqual({s.kind for s in seen} - {WHOLE, BROKEN}, set())
        broken = [s for s in seen if s.kind == BROKEN]
        self.assertLessEqual(len(broken), 20)  # those under way at its death
        self.assertEqual({s.source for s in broken} - {"cheap"}, set())
        self.assertIn("dear", {s.source for s in seen})

    def test_all_down_is_said_and_all_back_is_noticed(self):
        place = self.place()
        one = place.upstreams["one"]

        async def play():
            self.assertEqual((await place.ask()).kind, WHOLE)
            await one.stop()
            for _ in range(5):
                seen = await place.ask()
                self.assertEqual(seen.kind, ERROR)
                self.assertIn(seen.status, (502, 503))
                self.assertLess(seen.took, 5)
            await one.start(one.port)
            end = time.monotonic() + 40
            while (await place.ask()).kind != WHOLE:
                self.assertLess(time.monotonic(), end, "it never comes back")
                await asyncio.sleep(0.2)

        place.run(play())


async def paced(call):
    await call.begin()
    for i in range(6):
        await call.event(call.token(i))
        await asyncio.sleep(0.01)
    await call.finish()
    await call.done()


async def raw_stream(port, begun):
    """All bytes of a stream, to its end; begun once it has a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(CHAT, chat()))
    raw = b""
    while not raw.endswith(b"0\r\n\r\n"):
        data = await asyncio.wait_for(reader.read(65536), 30)
        if not data:
            break
        raw += data
        if b"word" in raw:
            begun.set()
    writer.close()
    return raw


def serves(g):
    try:
        with socket.create_connection(("127.0.0.1", g.port), 5) as s:
            s.sendall(request(CHAT, chat()))
            return b" 200 OK" in s.recv(4096)
    except OSError:
        return False


def child_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            found = f.read().split()
    except FileNotFoundError:
        return None
    return int(found[0]) if found else None


def accepts(g):
    try:
        return http_json(g.port, "GET", "/v1/models", timeout=1)[0] == 200
    except OSError:
        return False


def told(g):
    """How many reloads the log speaks of, good and bad."""
    return sum(" reload" in line for line in g.log().splitlines())


if __name__ == "__main__":
    unittest.main()
