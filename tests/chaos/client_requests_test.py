"""A request that is not as it should be is refused in words, or its connection
closed; no upstream hears of it."""
import asyncio
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from client_case import LIMIT, ClientCase, drip  # noqa: E402
from place import (CHAT, chat, read_all, read_answer,  # noqa: E402
                   request, status_of)

SMUGGLED = {
    "two lengths": "Content-Length: 4\r\nContent-Length: 40\r\n",
    "a length and chunks":
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    "chunks and a length":
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    "an unknown coding": "Transfer-Encoding: xchunked\r\n",
    "a coding before chunks": "Transfer-Encoding: gzip, chunked\r\n",
    "a length with a sign": "Content-Length: +4\r\n",
    "a negative length": "Content-Length: -4\r\n",
    "a length in hexadecimal": "Content-Length: 0x4\r\n",
    "a list of lengths": "Content-Length: 4, 4\r\n",
    "a length that overflows": "Content-Length: 99999999999999999999999\r\n",
}


class ClientRequests(ClientCase):
    # --- requests that are not as they should be ---

    def test_pipelined_requests_are_answered_in_order(self):
        async def go():
            reader, writer = await self.place.connect()
            writer.write(request(CHAT, chat(False))
                         + request(CHAT, chat(True))
                         + request(CHAT, {**chat(), "model": "nobody"}))
            first = await read_answer(reader, {})
            second = await read_answer(reader, {})
            third = await read_answer(reader, {})
            self.assertEqual([first[0], second[0], third[0]],
                             [200, 200, 404])
            self.assertIn(b"chat.completion\"", first[2])
            self.assertIn(b"[DONE]", second[2])
            writer.close()
        self.run_(go())

    def test_a_body_slower_than_its_deadline_is_refused(self):
        async def go():
            reader, writer = await self.place.connect()
            writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n"
                         "content-length: 1000\r\n\r\n{".encode())
            began = time.monotonic()
            sender = asyncio.ensure_future(drip(writer, b" ", 0.1))
            raw = await read_all(reader, 15)
            sender.cancel()
            self.assertIn(status_of(raw), (0, 408))
            self.assertLess(time.monotonic() - began, 10)
            self.assertEqual(self.calls, [])
            writer.close()
        self.run_(go())

    def test_a_length_that_is_a_lie_harms_nobody_else(self):
        async def go():
            whole = request(CHAT, chat())
            n = len(json.dumps(chat()))
            for lie, statuses in ((n - 5, (400,)), (n + 5, (0, 408))):
                reader, writer = await self.place.connect()
                writer.write(whole.replace(
                    f"content-length: {n}".encode(),
                    f"content-length: {lie}".encode()))
                raw = await read_all(reader, 15)
                self.assertIn(status_of(raw), statuses)
                writer.close()
            self.assertEqual(self.calls, [])
        self.run_(go())

    def test_framing_with_two_readings_is_refused_and_the_end(self):
        async def go(lines):
            reader, writer = await self.place.connect()
            writer.write((f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n"
                          f"{lines}\r\n").encode() + b"0\r\n\r\n"
                         + request(CHAT, chat()))
            status, _, _ = await asyncio.wait_for(read_answer(reader, {}), 15)
            self.assertIn(status, (400, 413))
            # libmicrohttpd 0.9.75 repeats the head of a refusal of its own
            rest = await read_all(reader, 15)
            self.assertNotIn(b"HTTP/1.1 2", rest)
            self.assertEqual(self.calls, [])
            writer.close()
        for name, lines in SMUGGLED.items():
            with self.subTest(name):
                self.calls.clear()
                self.run_(go(lines))

    def test_floods_of_headers_are_refused(self):
        async def go(lines):
            reader, writer = await self.place.connect()
            writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n"
                         .encode())
            try:
                for _ in range(200):
                    writer.write(lines)
                    await writer.drain()
            except ConnectionError:
                pass
            raw = await read_all(reader, 15)
            self.assertIn(status_of(raw), (0, 400, 413, 431), raw[:100])
            self.assertEqual(self.calls, [])
            writer.close()
        for name, lines in (("long", b"x: " + b"y" * 4000 + b"\r\n"),
                            ("many", b"x: y\r\n" * 100),
                            ("endless", b"z" * 4000)):
            with self.subTest(name):
                self.calls.clear()
                self.run_(go(lines))

    def test_deep_and_huge_json_is_refused_in_words(self):
        deep = b'{"model":"m","messages":' + b"[" * 200_000
        closed = deep + b"]" * 200_000 + b"}"
        bodies = {
            "deep": (deep, (400,)),
            "deep and closed": (closed, (400,)),
            "huge": (b'{"model":"' + b"m" * (2 * LIMIT) + b'"}', (413,)),
            "empty": (b"", (400,)),
            "an array": (b"[" * 1000, (400,)),
            "not UTF-8": (b'{"model":"\xff\xfe","messages":[]}', (400, 404)),
            "a model twice": (b'{"model":"m","model":"n","messages":[]}',
                              (400,)),
        }

        async def go(body, statuses):
            reader, writer = await self.place.connect()
            writer.write(request(CHAT, body))
            status, _, data = await asyncio.wait_for(
                read_answer(reader, {}), 15)
            self.assertIn(status, statuses)
            self.assertEqual(set(json.loads(data)["error"]),
                             {"message", "type", "param", "code"})
            self.assertEqual(self.calls, [])
            writer.close()
        for name, (body, statuses) in bodies.items():
            with self.subTest(name):
                self.calls.clear()
                self.run_(go(body, statuses))


if __name__ == "__main__":
    unittest.main()
