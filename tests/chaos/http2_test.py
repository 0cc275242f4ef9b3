"""HTTP/2, with several streams at once: who leaves is heard of at once, though
nobody says a word, and the others go on."""
import asyncio
import os
import ssl
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import Gateway, wait_for  # noqa: E402

from certs import Authority  # noqa: E402
from client import WHOLE, ask, request  # noqa: E402
from http2 import (ACK, DATA, END_STREAM, HEADERS, PREFACE,  # noqa: E402
                   RST_STREAM, SETTINGS, Call2, frame, read_frame)
from place import CHAT, chat  # noqa: E402
from upstream import TOKENS, tls_context  # noqa: E402

HEARD = 0.5  # generous: the machine of a test is busy
SETTINGS_ = """
workers = 1;
access_log = "off";
backends = ( {{ name = "one"; adapter = "vllm"; ca_file = "{ca}";
	url = "https://localhost:{port}/v1"; probe_interval = "0s";
	price = {{ input = 1; output = 1; }}; slots = 64; }} );
models = ( {{ name = "m"; serve = ( {{ backend = "one"; }} ); }} );
"""


class Upstream2:
    """Begins each stream with a token, and waits to be told to go on."""

    def __init__(self, context):
        self.context = context
        self.streams = []  # (connection, Call2)
        self.left = {}  # (connection, stream) -> when
        self.go_on = asyncio.Event()
        self.connections = 0
        self.serving = set()

    async def start(self):
        self.server = await asyncio.start_server(
            self.serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        """Whoever used it has left."""
        self.server.close()
        await asyncio.gather(*self.serving, return_exceptions=True)

    async def serve(self, reader, writer):
        self.connections += 1
        self.serving.add(asyncio.current_task())
        mine, tasks, open_ = self.connections, [], set()
        try:
            assert await reader.readexactly(len(PREFACE)) == PREFACE
            writer.write(frame(SETTINGS, 0, 0))
            while True:
                kind, flags, stream, _ = await read_frame(reader)
                if kind == SETTINGS and not flags & ACK:
                    writer.write(frame(SETTINGS, ACK, 0))
                elif kind == RST_STREAM:
                    self.note_left(mine, open_, [stream])
                elif kind in (DATA, HEADERS) and flags & END_STREAM:
                    call = Call2("one", reader, writer, "/", {}, b"{}")
                    call.stream, call.streamed = stream, True
                    self.streams.append((mine, call))
                    open_.add(stream)
                    tasks.append(asyncio.ensure_future(
                        self.play(call, open_)))
        except (asyncio.IncompleteReadError, OSError, ssl.SSLError):
            pass
        self.note_left(mine, open_, list(open_))
        for t in tasks:
            t.cancel()
        writer.close()

    def note_left(self, connection, open_, streams):
        """Those that were still to be answered."""
        for stream in streams:
            if stream in open_:
                open_.remove(stream)
                self.left[connection, stream] = time.monotonic()

    async def play(self, call, open_):
        await call.begin(1)
        await self.go_on.wait()
        if call.stream not in open_:
            return
        open_.remove(call.stream)
        for i in range(1, TOKENS):
            await call.event(call.token(i))
        await call.finish()
        await call.done()


class Http2(unittest.TestCase):
    def setUp(self):
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)
        folder = tempfile.TemporaryDirectory(prefix="pointsman-chaos-")
        self.addCleanup(folder.cleanup)
        authority = Authority(folder.name)
        self.far = Upstream2(tls_context(*authority.issue("two"), alpn=["h2"]))
        self.loop.run_until_complete(self.far.start())
        self.addCleanup(lambda: self.loop.run_until_complete(self.far.stop()))
        self.gateway = Gateway(SETTINGS_.format(ca=authority.file,
                                                port=self.far.port))
        self.addCleanup(lambda: self.assertEqual(self.gateway.stop(), 0))

    async def begin(self):
        """A stream that has had its first token."""
        reader, writer = await asyncio.open_connection("127.0.0.1",
                                                       self.gateway.port)
        writer.write(request(CHAT, chat()))
        await asyncio.wait_for(reader.readuntil(b"t0@one"), 20)
        return reader, writer

    async def until(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end, "it is never heard of")
            await asyncio.sleep(0.002)

    def test_who_leaves_is_heard_of_at_once_and_others_go_on(self):
        far = self.far

        async def play():
            first = await self.begin()
            others = [await self.begin() for _ in range(2)]
            mine, call = far.streams[0]
            left = time.monotonic()
            first[1].close()
            await self.until(lambda: far.left)
            self.assertEqual(list(far.left), [(mine, call.stream)])
            self.assertLess(far.left[mine, call.stream] - left, HEARD)
            far.go_on.set()
            for reader, writer in others:
                rest = await asyncio.wait_for(
                    reader.readuntil(b"0\r\n\r\n"), 20)
                self.assertIn(b"[DONE]", rest)
                self.assertIn(b"t5@one", rest)
                writer.close()
            self.assertEqual((await ask(self.gateway.port, chat())).kind,
                             WHOLE)

        self.loop.run_until_complete(play())
        wait_for(lambda: self.gateway.status()["requests"] == 0,
                 what="the gateway to be idle")


if __name__ == "__main__":
    unittest.main()
