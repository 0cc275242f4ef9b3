"""What the tests of clients share: a gateway, an upstream that does what a
client asks of it, and that both are well after each test."""
import asyncio
import json
import unittest

from client import WHOLE
from place import Place, chat

LIMIT = 1 << 20
SETTINGS = f"""
workers = 2;
body_limit = "{LIMIT}B";
header_limit = "16KiB";
header_timeout = "2s";
body_timeout = "1s";
idle_timeout = "3s";
client_stall = "4s";
deadline = "30s";
timeouts = {{ connect = "5s"; ttft = "20s"; gap = "20s"; total = "25s"; }};
log_level = "error";
"""


async def script(call):
    """What the client wants is in its request: `behave`."""
    want = json.loads(call.body).get("behave", "answer")
    call.want = want
    if want == "answer":
        await call.answer()
        return
    if want in ("stream", "long"):
        await call.begin(3)
    elif want == "role":
        await call.begin()
    elif want == "headers":
        await call.write(b"HTTP/1.1 200 OK\r\ncontent-type: "
                         b"application/json\r\ncontent-length: 100\r\n\r\n")
    if want != "long" or not await flood(call):
        await call.gone()


async def flood(call):
    """16 MB of comments and the rest of an answer. False: the peer left."""
    comment = (b": " + b"." * 4000 + b"\n\n") * 8
    for _ in range(512):
        if not await call.chunk(comment):
            return False
    await call.event(call.token(3))
    await call.event(call.token(4))
    await call.event(call.token(5))
    await call.finish()
    await call.done()
    call.finished = True
    return True


class ClientCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = Place({"one": script}, SETTINGS)
        cls.calls = cls.place.upstreams["one"].calls

    @classmethod
    def tearDownClass(cls):
        cls.place.stop()

    def setUp(self):
        self.calls.clear()

    def run_(self, coroutine):
        async def whole():
            await coroutine
            await self.place.at_rest()
            seen = await self.place.ask(chat())
            self.assertEqual(seen.kind, WHOLE)
        self.place.run(whole())


async def drip(writer, data, seconds):
    while not writer.transport.is_closing():
        writer.write(data)
        await asyncio.sleep(seconds)
