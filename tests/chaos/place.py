"""A gateway and its scripted upstreams, for tests of one fault at a time, and
raw connections to it."""
import asyncio
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import Gateway, conf, wait_for  # noqa: E402

from cases import PROMPT  # noqa: E402
from client import ask, read_answer, request  # noqa: E402
from relay import Relay  # noqa: E402
from upstream import Upstream  # noqa: E402

# what was freed is given back, so that memory can be measured
FORGETFUL = ("detect_leaks=1:quarantine_size_mb=0:"
             "thread_local_quarantine_size_kb=0")
CHAT = "/v1/chat/completions"


def chat(stream=True, **members):
    return {"model": "m", "messages": PROMPT, "stream": stream, **members}


def backend(name, port, price, slots):
    return (f'{{ name = "{name}"; adapter = "vllm"; '
            f'url = "http://127.0.0.1:{port}/v1"; probe_interval = "0s"; '
            f'price = {{ input = {price}; output = {price}; }}; '
            f'slots = {slots}; }}')


async def hold(call, go_on):
    """A stream that asks for it waits in the middle."""
    if b'"hold"' not in call.body:
        await call.answer()
        return
    await call.begin(3)
    await go_on.wait()
    for i in range(3, 6):
        await call.event(call.token(i))
    await call.finish()
    await call.done()


class Place:
    """Runs coroutines of a test to their end, in a loop of its own."""

    def __init__(self, scripts, settings="", log="off", slots=4096,
                 behind=None):
        self.loop = asyncio.new_event_loop()
        self.upstreams, self.relays = {}, []
        rows = []
        # the cheapest come first: those that are behind a relay
        for name, settings_ in (behind or {}).items():
            far = self.upstream(lambda call: call.answer(), name)
            relay = self.run(Relay(far, **settings_).start())
            self.relays.append(relay)
            rows.append(backend(name, relay.port, 1.0, slots))
        for i, (name, script) in enumerate(scripts.items()):
            u = self.upstream(script, name)
            rows.append(backend(name, u.port, 2.0 + i, slots))
        # core_dumps: else /proc/PID/fd is for root to read
        self.gateway = Gateway(settings + f'access_log = "{log}";\n'
                               + "core_dumps = true;\n" + conf(rows),
                               {"ASAN_OPTIONS": FORGETFUL})
        self.port = self.gateway.port

    def upstream(self, script, name):
        u = self.upstreams[name] = self.run(Upstream(script, name).start())
        return u

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def stop(self):
        code = self.gateway.stop()
        assert code == 0, code
        for r in self.relays:
            self.run(r.stop())
        for u in self.upstreams.values():
            self.run(u.stop())
            assert not u.failed, u.failed
        self.loop.close()

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port,
                                             limit=1 << 20)

    async def send(self, body, headers=None):
        reader, writer = await self.connect()
        writer.write(request(CHAT, body, headers))
        return reader, writer

    async def ask(self, body=None, **kw):
        return await ask(self.port, body or chat(), **kw)

    async def until(self, condition, seconds=10.0, what="condition"):
        """Polls while the loop goes on."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"timed out waiting for {what}"
            await asyncio.sleep(0.002)
        return value

    async def at_rest(self):
        """Nothing is going on any more."""
        def idle():
            s = self.gateway.status()
            return s["requests"] == 0
        await asyncio.to_thread(wait_for, idle, 10, "the gateway to be idle")

    def resident_mb(self):
        with open(f"/proc/{self.gateway.process.pid}/status",
                  encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.gateway.process.pid}/fd"))


async def read_all(reader, seconds=20):
    """What comes until the far end closes."""
    try:
        return await asyncio.wait_for(reader.read(-1), seconds)
    except ConnectionError:
        return b""


def status_of(raw):
    return int(raw[9:12]) if raw.startswith(b"HTTP/1.1 ") else 0


__all__ = ["CHAT", "Place", "chat", "read_all", "read_answer",
           "request", "status_of"]
