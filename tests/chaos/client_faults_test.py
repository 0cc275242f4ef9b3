"""Wherever a client leaves and however it reads, others are served, the work
done for it ends at once, and nothing of it is left over."""
import asyncio
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import wait_for  # noqa: E402

from client import WHOLE  # noqa: E402
from client_case import SETTINGS, ClientCase, drip, script  # noqa: E402
from place import CHAT, Place, chat, read_all, request, status_of  # noqa: E402

LEFT = 0.5  # to hear of a client that left: generous, for a busy machine
CROWD = int(os.environ.get("CHAOS_CROWD", "1500"))
LORISES = int(os.environ.get("CHAOS_LORISES", "500"))


class ClientFaults(ClientCase):
    # --- leaving ---

    async def leave(self, body, wait_for_text, abort):
        """Seconds from the leaving of a client to its upstream's knowing."""
        reader, writer = await self.place.send(body)
        call = await self.place.until(
            lambda: self.calls and self.calls[-1], what="the upstream")
        if wait_for_text:
            await reader.readuntil(wait_for_text)
        left = time.monotonic()
        if abort:
            writer.transport.abort()
        else:
            writer.close()
        await self.place.until(lambda: call.left, what="the cancellation")
        return call.left - left

    def test_the_upstream_hears_at_once_that_a_client_left(self):
        states = (("silent", None), ("headers", None), ("role", None),
                  ("stream", b"t2@one"), ("long", b"t2@one"))
        for behave, text in states:
            for stream in (True, False):
                if not stream and behave not in ("silent", "headers"):
                    continue
                for abort in (True, False):
                    with self.subTest(behave, stream=stream, abort=abort):
                        self.calls.clear()

                        async def go():
                            took = await self.leave(
                                chat(stream, behave=behave), text, abort)
                            self.assertLess(took, LEFT)
                        self.run_(go())

    def test_a_client_that_half_closes_counts_as_gone(self):
        async def go():
            _, writer = await self.place.send(chat(behave="silent"))
            call = await self.place.until(
                lambda: self.calls and self.calls[-1], what="the upstream")
            left = time.monotonic()
            writer.write_eof()
            await self.place.until(lambda: call.left, what="the end")
            self.assertLess(call.left - left, LEFT)
            writer.close()
        self.run_(go())

    def test_leaving_within_headers_or_body_bothers_nobody(self):
        async def go():
            whole = request(CHAT, chat())
            for n in (0, 1, 10, 60, len(whole) - 30, len(whole) - 1):
                _, writer = await self.place.connect()
                writer.write(whole[:n])
                await writer.drain()
                writer.close()
            await self.place.at_rest()
            self.assertEqual(self.calls, [])
        self.run_(go())

    def test_a_client_that_leaves_the_queue_is_out_of_it(self):
        place = Place({"one": script}, SETTINGS, slots=1)
        self.addCleanup(place.stop)
        calls = place.upstreams["one"].calls

        def waiting():
            return place.gateway.metric("pointsman_queue_length")

        async def go():
            _, first = await place.send(chat(behave="silent"))
            await place.until(lambda: calls, what="the place to be taken")
            _, second = await place.send(chat())
            await asyncio.to_thread(wait_for, lambda: waiting() == 1, 5)
            second.close()
            await asyncio.to_thread(wait_for, lambda: waiting() == 0, 5)
            first.close()
            self.assertEqual((await place.ask()).kind, WHOLE)
            self.assertEqual(len(calls), 2)
        place.run(go())

    # --- reading ---

    def test_a_client_that_never_reads_is_let_go(self):
        async def go():
            reader, writer = await self.place.send(chat(behave="long"))
            writer.transport.pause_reading()
            call = await self.place.until(
                lambda: self.calls and self.calls[-1], what="the upstream")
            await self.place.until(lambda: call.left or call.ended, 15,
                                   "the cancellation")
            self.assertFalse(hasattr(call, "finished"))
            writer.transport.resume_reading()
            raw = await read_all(reader)
            self.assertNotIn(b"[DONE]", raw)
            self.assertFalse(raw.endswith(b"0\r\n\r\n"))
            writer.close()
        self.run_(go())

    def test_a_client_that_reads_a_byte_at_a_time_gets_all_of_it(self):
        async def go():
            reader, writer = await self.place.send(chat())
            raw = b""
            began = time.monotonic()
            while not raw.endswith(b"[DONE]\n\n"):  # chunked or not
                byte = await asyncio.wait_for(reader.read(1), 5)
                self.assertTrue(byte, f"it ended: {raw!r}")
                raw += byte
                if time.monotonic() - began < 3:
                    await asyncio.sleep(0.05)
            writer.close()
        self.run_(go())

    def test_a_slow_reader_holds_its_upstream_back_and_loses_nothing(self):
        async def go():
            reader, writer = await self.place.send(chat(behave="long"))
            before = self.place.resident_mb()
            await reader.readuntil(b"t2@one")
            for _ in range(20):  # slower than it comes, faster than a stall
                await reader.read(4096)
                await asyncio.sleep(0.1)
            self.assertLess(self.place.resident_mb() - before, 8)
            raw = b""
            while not raw.endswith(b"0\r\n\r\n"):
                raw = (raw + await reader.read(1 << 16))[-4096:]
            self.assertIn(b"[DONE]", raw)
            writer.close()
        self.run_(go())

    # --- crowds ---

    def test_a_crowd_of_connections_is_served_and_let_go(self):
        async def go():
            before = self.place.descriptors()
            crowd = await asyncio.gather(
                *(self.place.connect() for _ in range(CROWD)))
            began = time.monotonic()
            seen = await asyncio.gather(
                *(self.place.ask(chat()) for _ in range(20)))
            self.assertLess(time.monotonic() - began, 10)
            self.assertEqual({s.kind for s in seen}, {WHOLE})
            for _, writer in crowd:
                writer.close()
            await self.place.until(
                lambda: self.place.descriptors() <= before + CROWD / 8, 20,
                "the connections to be closed")
        self.run_(go())

    def test_slow_lorises_are_cut_off_and_slow_nobody_down(self):
        async def go():
            herd = await asyncio.gather(
                *(self.place.connect() for _ in range(LORISES)))
            for _, writer in herd:
                writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: ".encode())
            drips = [asyncio.ensure_future(drip(w, b"x", 0.3))
                     for _, w in herd]
            took = []
            for _ in range(20):
                seen = await self.place.ask(chat())
                self.assertEqual(seen.kind, WHOLE)
                took.append(seen.took)
            ends = await asyncio.gather(
                *(read_all(r, 20) for r, _ in herd))
            for d in drips:
                d.cancel()
            self.assertEqual({status_of(e) for e in ends} - {0, 408}, set())
            self.assertLess(sorted(took)[18], 1.0)
            for _, writer in herd:
                writer.close()
        self.run_(go())


if __name__ == "__main__":
    unittest.main()
