"""Sessions of the Realtime API for a soak: a backend that repeats what it is
told, and a client that knows what has to come back."""
import asyncio
import base64
import json
import os
import random

from client import BROKEN, WHOLE, Hung, Truncated, Wrong, read_head
from websocket import BINARY, CLOSE, TEXT, USAGE, accept_of, frame

LONGEST = 60.0  # seconds
PATIENCE = 20.0
SIZES = (0, 100, 1000, 20_000, 100_000)
ASK = json.dumps({"type": "response.create"})
DONE = json.dumps({"type": "response.done", "response": {"usage": USAGE}})
DIE = json.dumps({"type": "die"})
NORMAL, LOST = (1000).to_bytes(2, "big"), (1011).to_bytes(2, "big")
LETS_GO = "let go"


async def read_frame(reader):
    """(opcode, payload)"""
    first, n = await reader.readexactly(2)
    masked, n = n & 0x80, n & 0x7f
    if n >= 126:
        n = int.from_bytes(await reader.readexactly(2 if n == 126 else 8),
                           "big")
    key = await reader.readexactly(4) if masked else b""
    payload = await reader.readexactly(n)
    if masked and n > 0:
        pad = (key * (n // 4 + 1))[:n]
        payload = (int.from_bytes(payload, "big")
                   ^ int.from_bytes(pad, "big")).to_bytes(n, "big")
    return first & 0xf, payload


async def repeats(call):
    """The backend's script."""
    await call.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        b"connection: upgrade\r\nsec-websocket-accept: "
        + accept_of(call.headers["sec-websocket-key"]).encode() + b"\r\n\r\n")
    try:
        while (got := await read_frame(call.reader)) != (TEXT, DIE.encode()):
            opcode, payload = got
            if got == (TEXT, ASK.encode()):
                payload = DONE.encode()
            await call.write(frame(payload, opcode))
            if opcode == CLOSE:
                break
    except (asyncio.IncompleteReadError, OSError):
        pass
    call.fin()


class Session:
    """A client's end."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def begin(self, more):
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {"host": "localhost", "connection": "upgrade",
                 "upgrade": "websocket", "sec-websocket-version": "13",
                 "sec-websocket-key": key, **more}
        self.writer.write("\r\n".join(
            ["GET /v1/realtime?model=voice HTTP/1.1",
             *(f"{k}: {v}" for k, v in lines.items()), "", ""]).encode())
        status, headers = await within(read_head(self.reader))
        if status != 101 or \
                headers.get("sec-websocket-accept") != accept_of(key):
            raise Wrong(f"no session: {status} {headers}")

    async def tell(self, payload, opcode, answer):
        self.writer.write(frame(payload, opcode, mask=True))
        await within(self.writer.drain())
        if await within(read_frame(self.reader)) != answer:
            raise Wrong(f"another frame came back than of {payload[:40]!r}")

    async def talk(self):
        if random.random() < 0.3:
            await self.tell(ASK, TEXT, (TEXT, DONE.encode()))
            return
        payload = os.urandom(random.choice(SIZES))
        await self.tell(payload, BINARY, (BINARY, payload))

    async def end(self):
        if await within(self.reader.read()):
            raise Wrong("more after the close")


async def within(what):
    try:
        return await asyncio.wait_for(what, PATIENCE)
    except asyncio.TimeoutError:
        raise Hung(f"nothing after {PATIENCE} s") from None


async def closes(session):
    await session.tell(NORMAL, CLOSE, (CLOSE, NORMAL))
    await session.end()
    return WHOLE


async def leaves(session):
    """In the middle of a frame."""
    session.writer.write(frame(bytes(1000), BINARY, mask=True)[:500])
    session.writer.transport.abort()
    return LETS_GO


async def loses_its_backend(session):
    await session.tell(DIE, TEXT, (CLOSE, LOST))
    await session.end()
    return BROKEN


ENDINGS = {closes: 6, leaves: 3, loses_its_backend: 1}


async def play(port, over, headers):
    """One session, for as long as it likes, or until that event."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port,
                                                   limit=1 << 20)
    session, loop = Session(reader, writer), asyncio.get_running_loop()
    until = loop.time() + LONGEST * random.random() ** 8  # most are short
    try:
        await session.begin(headers)
        while loop.time() < until and not over.is_set():
            await session.talk()
            await asyncio.sleep(random.uniform(0, 0.3))
        ending, = random.choices(list(ENDINGS), ENDINGS.values())
        return await ending(session)
    except (asyncio.IncompleteReadError, OSError) as e:
        raise Truncated(f"cut off: {e!r}") from None
    finally:
        writer.close()
