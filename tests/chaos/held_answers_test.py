"""max_memory: long answers, held until they are whole, count as well."""
import asyncio
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import memory_test  # noqa: E402

from client import read_answer, read_head, request  # noqa: E402
from place import CHAT, chat  # noqa: E402

N = 8
PIECE = 256 << 10  # what asyncio keeps it copies again and again


class HeldAnswers(memory_test.MaxMemory):
    test_announced_bodies_are_shed_before_they_come = None
    test_unannounced_bodies_are_shed_as_they_come = None

    async def script(self, call):
        """Of a long answer all but the end, until it may end."""
        if b'"long"' not in call.body:
            await call.answer()
            return
        doc = call.document()
        doc["choices"][0]["message"]["content"] = "x" * memory_test.BODY
        data = json.dumps(doc).encode()
        await call.write(b"HTTP/1.1 200 OK\r\n"
                         b"content-type: application/json\r\n"
                         b"content-length: %d\r\n\r\n" % len(data))
        for i in range(0, len(data) - 1, PIECE):
            await call.write(data[i:min(i + PIECE, len(data) - 1)])
            await call.writer.drain()
        await self.go_on.wait()
        await call.write(data[-1:])

    async def begin(self, headers=None):
        reader, writer = await self.place.connect()
        body = json.dumps({**chat(stream=False), "user": "long"}).encode()
        writer.write(request(CHAT, body, headers))
        return reader, writer

    async def ask_for_long(self, headers=None):
        reader, writer = await self.begin(headers)
        status, headers, answer = await asyncio.wait_for(
            read_answer(reader, {}), 60)
        writer.close()
        return status, headers, answer

    async def read_late(self, opened):
        """The bodies, once the heads of all have come."""
        heads = [await asyncio.wait_for(read_head(reader), 60)
                 for reader, _ in opened]
        answers = []
        for (reader, writer), (status, headers) in zip(opened, heads):
            answers.append((status, headers, await reader.readexactly(
                int(headers["content-length"]))))
            writer.close()
        return answers

    def test_what_is_held_for_clients_is_bounded(self):
        async def play():
            asked = [asyncio.ensure_future(self.ask_for_long())
                     for _ in range(N)]
            try:
                await self.place.until(lambda: any(a.done() for a in asked),
                                       60, "one to be shed")
            finally:
                self.go_on.set()
                answers = await asyncio.gather(*asked)
            return answers

        self.judge_answers(self.place.run(play()))

    def test_so_is_what_is_given_again(self):
        key = {"idempotency-key": "k"}

        async def play():
            self.go_on.set()
            status, _, first = await self.ask_for_long(key)
            self.assertEqual(status, 200)
            answers = await self.read_late(
                [await self.begin(key) for _ in range(N)])
            for status, headers, body in answers:
                self.assertEqual("x-pointsman-idempotent-replay" in headers,
                                 status == 200)
                self.assertEqual(body == first, status == 200)
            return answers

        answers = self.place.run(play())
        self.assertIn(503, [a[0] for a in answers])
        self.judge_answers(answers)

    def judge_answers(self, answers):
        statuses = [a[0] for a in answers]
        shed = statuses.count(503)
        # all may find out together that it is not enough
        self.assertEqual(set(statuses) | {200}, {200, 503})
        sanitized = "asan" in os.environ.get("POINTSMAN", "")
        self.assertLess(self.peak(), self.limit
                        * (memory_test.SANITIZED if sanitized else 1))
        for status, headers, body in answers:
            if status == 503:
                self.assertIn(b'"code":"overloaded"', body)
                self.assertGreaterEqual(int(headers["retry-after"]), 1)
        self.assertGreaterEqual(
            self.place.gateway.metric("pointsman_memory_shed_total"), shed)
        self.place.run(self.recovers())


if __name__ == "__main__":
    unittest.main()
