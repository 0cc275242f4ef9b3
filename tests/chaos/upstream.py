"""An upstream that misbehaves byte by byte, from a script.

A script is a coroutine that gets a Call: one request, read whole, and the
connection that it came on. It writes what it likes, and ends the connection
as it likes; the Call remembers what was asked, when the peer left, and when
there was a reason to (`cause`), so that a test can say how long it took.
"""
import asyncio
import json
import os
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import free_port  # noqa: E402

PATIENCE = 30.0  # a script waits no longer for a peer that does not leave
TOKENS = 6
MARKS = TOKEN, DONE = "t0@", "[DONE]"
SSE = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
       b"transfer-encoding: chunked\r\n\r\n")
JSON = (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"transfer-encoding: chunked\r\n\r\n")


class Call:
    """One request, and the way back to who asked."""

    def __init__(self, name, reader, writer, path, headers, body):
        self.name = name
        self.reader, self.writer = reader, writer
        self.path, self.headers, self.body = path, headers, body
        try:
            self.streamed = bool(json.loads(body).get("stream"))
        except (ValueError, AttributeError):
            self.streamed = False
        self.began = time.monotonic()
        self.caused = None  # when there was a reason to leave
        self.left = None  # when the peer did
        self.ended = False  # by the script
        self.extra = b""  # what came after the request
        self.marks = {}  # what the client may have seen: events

    def cause(self, after=0.0):
        """The peer has a reason to leave now, or `after` a while."""
        self.caused = time.monotonic() + after

    def cancel_latency(self):
        if self.caused is None or self.left is None:
            return None
        return max(0.0, self.left - self.caused)

    # --- bytes ---

    async def write(self, data):
        """False: the peer is gone."""
        if self.writer.transport.is_closing():
            self.note_left()
            return False
        try:
            self.writer.write(data)
            await self.writer.drain()
            return True
        except OSError:
            self.note_left()
            return False

    async def chunk(self, data):
        return await self.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, doc):
        text = doc if isinstance(doc, str) else json.dumps(doc)
        return await self.chunk(b"data: " + text.encode() + b"\n\n")

    async def plain(self, status, body, *headers,
                    content_type="application/json"):
        """A whole answer of a stated length; the connection stays open."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} Status", f"content-type: {content_type}",
                f"content-length: {len(data)}", *headers]
        return await self.write("\r\n".join(head).encode() + b"\r\n\r\n"
                                + data)

    # --- an answer, and its parts ---

    def delta(self, delta, finish=None):
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1,
                "model": "up", "choices": [{"index": 0, "delta": delta,
                                            "finish_reason": finish}]}

    def token(self, i):
        return self.delta({"content": f"t{i}@{self.name} "})

    def document(self):
        text = "".join(f"t{i}@{self.name} " for i in range(TOKENS))
        return {"id": "c1", "object": "chat.completion", "created": 1,
                "model": "up", "choices": [{
                    "index": 0, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text}}],
                "usage": self.usage()}

    def usage(self):
        return {"prompt_tokens": 3, "completion_tokens": TOKENS,
                "total_tokens": 3 + TOKENS}

    def usage_chunk(self):
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1,
                "model": "up", "choices": [], "usage": self.usage()}

    async def begin(self, tokens=0, head=SSE):
        """A stream's head, the role-only chunk, and so many tokens."""
        await self.write(head)
        await self.event(self.delta({"role": "assistant", "content": ""}))
        for i in range(tokens):
            await self.event(self.token(i))

    async def finish(self, usage=True):
        await self.event(self.delta({}, "stop"))
        if usage:
            await self.event(self.usage_chunk())

    async def done(self):
        await self.event("[DONE]")
        await self.write(b"0\r\n\r\n")

    async def answer(self):
        """All of it, as it should be."""
        if not self.streamed:
            await self.plain(200, self.document())
            return
        await self.begin(TOKENS)
        await self.finish()
        await self.done()

    async def half(self):
        """About half of an answer, in chunks that are not closed. Of a stream
        the client has seen the first token then."""
        if self.streamed:
            await self.begin(TOKENS // 2)
            await self.shown()
        else:
            await self.write(JSON)
            text = json.dumps(self.document()).encode()
            await self.chunk(text[:len(text) // 2])

    async def shown(self, mark=TOKEN):
        """Waits until the client has seen a token, or that."""
        await asyncio.wait_for(self.marks[mark].wait(), PATIENCE)

    # --- endings ---

    def fin(self):
        self.ended = True
        self.writer.close()

    def rst(self):
        self.ended = True
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def note_left(self):
        if self.left is None:
            self.left = time.monotonic()

    async def left_within(self, seconds):
        """Whether the peer has left by then."""
        try:
            await asyncio.wait_for(self.hear(), seconds)
            self.note_left()
            return True
        except asyncio.TimeoutError:
            return False

    async def gone(self, patience=PATIENCE):
        """Waits for the peer to leave."""
        await self.left_within(patience)
        self.fin()

    async def hear(self):
        try:
            while data := await self.reader.read(65536):
                self.extra += data
        except OSError:
            pass


async def read_request(reader):
    """(path, headers, body), or None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    path = lines[0].split(" ")[1]
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.lower()] = value.strip()
    try:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return path, headers, body


async def accept(name, reader, writer):
    """The next request of a connection; None at its end."""
    request = await read_request(reader)
    return Call(name, reader, writer, *request) if request else None


async def accept_anything(name, reader, writer):
    """For what is no request at all."""
    data = await reader.read(65536)
    return Call(name, reader, writer, "", {}, data) if data else None


class Upstream:
    """Listens, and has a script play whatever comes."""

    def __init__(self, script, name, tls=None, accept=accept):
        self.script, self.name, self.tls = script, name, tls
        self.accept = accept
        self.calls, self.connections = [], 0
        self.marks = {m: asyncio.Event() for m in MARKS}  # by the client
        self.failed = []  # what a script raised: a bug of the test
        self.server = self.port = None
        self.tasks = set()

    async def start(self, port=0):
        self.port = port or self.port or free_port()
        self.server = await asyncio.start_server(
            self.serve, "127.0.0.1", self.port, ssl=self.tls,
            limit=1 << 20, backlog=512)
        return self

    async def stop(self):
        """The port is refused from now on, and whoever is there cut off."""
        if self.server is not None:
            self.server.close()
            self.server = None
        for t in list(self.tasks):
            t.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        self.connections += 1
        try:
            while call := await self.accept(self.name, reader, writer):
                call.marks = self.marks
                self.calls.append(call)
                await self.script(call)
                if call.ended:
                    return
        except (OSError, asyncio.CancelledError):
            pass
        except Exception as e:
            self.failed.append(e)
        finally:
            self.tasks.discard(task)
            writer.close()


def tls_context(cert, key, alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context
