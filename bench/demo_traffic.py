"""Clients for bench/demo: open-loop traffic of several SLO classes, and what
each request saw of its answer.

A request is written down when it is due, whether or not earlier ones have been
answered, and times count from then: a slow gateway cannot slow its own test.
"""
import asyncio
import json
import random
import time


class Call:
    """One request, as its client experienced it. Times are monotonic."""

    def __init__(self, slo, act):
        self.slo, self.act = slo, act
        self.sent = time.monotonic()
        self.first_byte = self.first_token = self.last_token = None
        self.ended = None
        self.status, self.backend, self.attempts = 0, "", 0
        self.tokens = self.tokens_in = self.tokens_out = 0
        self.finished = self.done = False
        self.error = None  # code of an error, in the stream or instead of it
        self.broken = None  # how the connection failed, if it did

    def whole(self):
        return (self.status == 200 and self.finished and self.done
                and self.error is None and self.broken is None)

    def cut(self):
        """Said to have broken off: an error event, no [DONE], and an end of
        the connection's chunks as it should be."""
        return (self.status == 200 and self.error is not None
                and not self.done and self.broken is None)

    def ttft(self):
        return self.first_token - self.sent

    def itl(self):
        if self.tokens < 2:
            return 0.0
        return (self.last_token - self.first_token) / (self.tokens - 1)

    def attained(self):
        slo = self.slo
        return (self.whole()
                and (slo.ttft is None or self.ttft() <= slo.ttft)
                and (slo.itl is None or self.itl() <= slo.itl)
                and (slo.total is None
                     or self.ended - self.sent <= slo.total))

    def take_token(self):
        now = time.monotonic()
        if self.first_token is None:
            self.first_token = now
        self.last_token = now
        self.tokens += 1

    def take_usage(self, usage):
        self.tokens_in = usage["prompt_tokens"]
        self.tokens_out = usage["completion_tokens"]

    def take_event(self, data):
        if data == b"[DONE]":
            self.done = True
            return
        event = json.loads(data)
        if "error" in event:
            self.error = event["error"]["code"]
        if event.get("usage"):
            self.take_usage(event["usage"])
        for choice in event.get("choices", ()):
            if choice.get("delta", {}).get("content"):
                self.take_token()
            if choice.get("finish_reason"):
                self.finished = True

    def take_document(self, body):
        answer = json.loads(body)
        if self.status != 200:
            self.error = answer["error"]["code"]
            return
        self.take_usage(answer["usage"])
        self.take_token()
        self.finished = self.done = True


# --- HTTP ---

async def read_head(reader):
    """(status, headers) of an answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {}
    for line in head[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(head[0].split()[1]), headers


async def chunks(reader):
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        data = await reader.readexactly(size + 2)
        if size == 0:
            return
        yield data[:-2]


async def events(reader):
    """The data of each event."""
    pending = b""
    async for data in chunks(reader):
        *whole, pending = (pending + data).split(b"\n\n")
        for event in whole:
            if event.startswith(b"data: "):
                yield event[6:]


def request_bytes(method, path, body=b""):
    return (f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
            "connection: close\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n").encode() + body


async def get(port, path):
    """(status, body)"""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes("GET", path))
        status, headers = await read_head(reader)
        return status, await reader.readexactly(
            int(headers["content-length"]))
    finally:
        writer.close()


async def perform(call, port, body):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request_bytes("POST", "/v1/chat/completions", body))
        call.status, headers = await read_head(reader)
        call.first_byte = time.monotonic()
        call.backend = headers.get("x-pointsman-backend", "")
        call.attempts = int(headers.get("x-pointsman-attempts", 0))
        if headers["content-type"].startswith("text/event-stream"):
            async for data in events(reader):
                call.take_event(data)
        else:
            call.take_document(
                await reader.readexactly(int(headers["content-length"])))
    finally:
        writer.close()


# --- traffic ---

class Slo:
    """A class of gateway.conf, and the traffic that asks for it."""

    def __init__(self, name, rate, tokens, prompt, stream, ttft=None,
                 itl=None, total=None):
        self.name, self.rate = name, rate
        self.tokens, self.prompt, self.stream = tokens, prompt, stream
        self.ttft, self.itl, self.total = ttft, itl, total  # seconds

    def targets(self):
        said = []
        for name, value in (("TTFT", self.ttft), ("ITL", self.itl),
                            ("total", self.total)):
            if value is not None:
                said.append(f"{name} {value:g} s" if value >= 1
                            else f"{name} {value * 1e3:g} ms")
        return ", ".join(said)

    def body(self, tokens=None, script=None):
        body = {"model": f"gemma:{self.name}",
                "max_tokens": tokens or self.tokens,
                "messages": [{"role": "user", "content": self.prompt}]}
        if self.stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        if script is not None:
            body["fake"] = script
        return json.dumps(body).encode()


class Traffic:
    """Sends requests of all classes until it is told to stop, and keeps
    every call."""

    def __init__(self, port, classes, seed=1):
        self.port, self.classes = port, classes
        self.calls = []
        self.act = ""
        self.random = random.Random(seed)
        self.sources, self.tasks = [], set()

    def start(self):
        self.sources = [asyncio.create_task(self.arrivals(slo))
                        for slo in self.classes]

    async def arrivals(self, slo):
        due = time.monotonic()
        while True:
            due += self.random.expovariate(slo.rate)
            await asyncio.sleep(due - time.monotonic())
            self.send(slo, slo.body())

    def send(self, slo, body):
        call = Call(slo, self.act)
        self.calls.append(call)
        task = asyncio.create_task(self.follow(call, body))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return call

    async def follow(self, call, body):
        try:
            await perform(call, self.port, body)
        except (OSError, EOFError, ValueError, KeyError) as e:
            call.broken = f"{type(e).__name__}: {e}"
        except asyncio.CancelledError:
            call.broken = "never ended"
            raise
        finally:
            call.ended = time.monotonic()

    async def stop(self, seconds):
        """No more new requests; waits for those at work."""
        for source in self.sources:
            source.cancel()
        await asyncio.gather(*self.sources, return_exceptions=True)
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=seconds)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def of(self, slo=None, act=None):
        return [c for c in self.calls
                if (slo is None or c.slo is slo)
                and (act is None or c.act == act)]
