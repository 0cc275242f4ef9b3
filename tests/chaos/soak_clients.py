"""Clients that do not do as they should, for a soak: each is a coroutine that
plays one and says what came of it, or raises Wrong."""
import asyncio
import json
import random

from cases import PROMPT
from client import (ERROR, WHOLE, Hung, Truncated, Wrong, judge, read_answer,
                    request)
from client_case import drip
from client_requests_test import SMUGGLED
from soak_stage import BODY_LIMIT, signed

CHAT = "/v1/chat/completions"
GONE = "let go"  # its connection was closed, and nothing looked whole
PATIENCE = 40.0
CROWD = 100
END = b"0\r\n\r\n"
CLIENTS = []


def client(play):
    CLIENTS.append(play)
    return play


class Line:
    """A connection of one."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, model, stream, **members):
        body = {"model": model, "messages": PROMPT, "stream": stream,
                **members}
        self.writer.write(request(CHAT, body, signed()))

    def begin(self, lines):
        self.writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n"
                          f"{lines}".encode())

    async def answer(self):
        return await within(read_answer(self.reader, {}))

    async def rest(self):
        """What comes until the far end closes."""
        try:
            return await within(self.reader.read(-1))
        except ConnectionError:
            return b""

    async def refused(self, *statuses):
        """Its connection ends, with an answer of such a status; 0: none."""
        raw = await self.rest()
        status = int(raw[9:12]) if raw.startswith(b"HTTP/1.1 ") else 0
        if status not in statuses or b"HTTP/1.1 2" in raw:
            raise Wrong(f"{status}, not one of {statuses}: {raw[:200]!r}")
        return ERROR if status else GONE


async def within(what):
    try:
        return await asyncio.wait_for(what, PATIENCE)
    except asyncio.TimeoutError:
        raise Hung(f"nothing after {PATIENCE} s") from None


async def play(what, port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port,
                                                   limit=1 << 20)
    try:
        return await what(Line(reader, writer))
    except asyncio.IncompleteReadError as e:
        raise Truncated(f"cut off: {e!r}") from None
    finally:
        writer.close()


# --- how they read ---

@client
async def half_closes(line):
    line.send("hedged", True)
    line.writer.write_eof()
    await line.rest()
    return GONE


@client
async def never_reads(line):
    line.send("long", True)
    line.writer.transport.pause_reading()
    await asyncio.sleep(16)  # longer than client_stall
    line.writer.transport.resume_reading()
    raw = await line.rest()
    if b"[DONE]" in raw or raw.endswith(END):
        raise Truncated("a stream that was given up, and looks whole")
    return GONE


@client
async def reads_slowly(line):
    line.send("long", True)
    for _ in range(20):  # slower than it comes, faster than a stall
        await within(line.reader.read(4096))
        await asyncio.sleep(0.1)
    raw = b""
    while not raw.endswith(END):
        data = await within(line.reader.read(1 << 16))
        if not data:
            raise Truncated(f"cut off: {raw[-200:]!r}")
        raw = (raw + data)[-4096:]
    if b"[DONE]" not in raw:
        raise Truncated(f"no [DONE]: {raw!r}")
    return WHOLE


@client
async def reads_a_byte_at_a_time(line):
    line.send("good", True)
    copy, raw = asyncio.StreamReader(), b""
    answer = asyncio.ensure_future(read_answer(copy, {}))
    try:
        while not answer.done():
            byte = await within(line.reader.readexactly(1))
            raw += byte
            copy.feed_data(byte)
            await asyncio.sleep(0.001)
    except Hung:
        answer.cancel()
        raise Hung(f"nothing more after {raw!r}") from None
    return judge(*await answer, True).kind


# --- how they ask ---

@client
async def drips_its_head(line):
    line.begin("x: ")
    sender = asyncio.ensure_future(drip(line.writer, b"x", 0.2))
    try:
        return await line.refused(0, 408)
    finally:
        sender.cancel()


@client
async def drips_its_body(line):
    line.begin("content-length: 1000\r\n\r\n{")
    sender = asyncio.ensure_future(drip(line.writer, b" ", 0.1))
    try:
        return await line.refused(0, 401, 408)
    finally:
        sender.cancel()


@client
async def lies_about_its_length(line):
    body = json.dumps({"model": "good", "messages": PROMPT}).encode()
    n, lie = len(body), random.choice((-5, 5))
    line.writer.write(request(CHAT, body, signed()).replace(
        f"content-length: {n}".encode(),
        f"content-length: {n + lie}".encode()))
    return await line.refused(*((400,) if lie < 0 else (0, 408)))


@client
async def has_two_readings(line):
    line.begin(random.choice(list(SMUGGLED.values())) + "\r\n0\r\n\r\n")
    line.send("good", False)
    return await line.refused(400, 413)


@client
async def floods_with_headers(line):
    line.begin("")
    field = random.choice((b"x: " + b"y" * 4000 + b"\r\n", b"x: y\r\n" * 100,
                           b"z" * 4000))
    try:
        for _ in range(200):
            line.writer.write(field)
            await line.writer.drain()
    except ConnectionError:
        pass
    return await line.refused(0, 400, 413, 431)


@client
async def sends_what_is_no_request(line):
    deep = b'{"model":"good","messages":' + b"[" * 200_000
    body, status = random.choice((
        (deep, 400), (b"", 400), (b"[" * 1000, 400),
        (b'{"model":"good","model":"good","messages":[]}', 400),
        (json.dumps({"model": "nobody", "messages": PROMPT}).encode(), 404),
        (b'{"model":"' + b"m" * (2 * BODY_LIMIT) + b'"}', 413)))
    line.writer.write(request(CHAT, body, signed()))
    got, headers, data = await line.answer()
    if got != status:
        raise Wrong(f"{got}, not {status}, to {body[:60]!r}")
    return judge(got, headers, data, False).kind


@client
async def has_no_key(line):
    line.writer.write(request(CHAT, {"model": "good", "messages": PROMPT},
                              {"authorization": "Bearer of-nobody"}))
    got, headers, data = await line.answer()
    if got != 401:
        raise Wrong(f"{got}, not 401")
    return judge(got, headers, data, False).kind


@client
async def asks_before_it_is_answered(line):
    streamed = [random.random() < 0.5 for _ in range(3)]
    for s in streamed:
        line.send("good", s)
    kinds = {judge(*await line.answer(), s).kind for s in streamed}
    if kinds != {WHOLE}:
        raise Wrong(f"pipelined, and of three answers some are {kinds}")
    return WHOLE


@client
async def comes_with_a_crowd(line):
    port = line.writer.get_extra_info("peername")[1]
    crowd = await asyncio.gather(*(
        asyncio.open_connection("127.0.0.1", port) for _ in range(CROWD)))
    line.send("good", True)
    seen = judge(*await line.answer(), True)
    for _, writer in crowd:
        writer.close()
    return seen.kind
