"""Connections that are kept open for premium requests, to a provider that
closes what idles."""
import asyncio
import http.client
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../chaos"))
from certs import Authority  # noqa: E402
from harness import (Gateway, chat, conf, http_json, samples,  # noqa: E402
                     total, wait_for)
from upstream import tls_context  # noqa: E402

ALONE = "it counts connections under load"
IDLE = 1.2  # seconds after which the provider closes a connection
PAUSE = 1.8  # of the client: longer
PAUSES = 5  # of a client whose provider is known
BURST = 220  # requests, one after the other, between two of them

ANSWER = {
    "id": "c", "object": "chat.completion", "model": "fake-model",
    "choices": [{"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}

WORD = (b'data: {"choices":[{"index":0,"delta":{"content":" word"},'
        b'"finish_reason":null}]}\n\n')


class Provider:
    """HTTP over TLS, on a thread of its own."""

    def __init__(self, context):
        self.connections = self.closed = self.questions = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        server = self.run(asyncio.start_server(
            self.serve, "127.0.0.1", 0, ssl=context))
        self.port = server.sockets[0].getsockname()[1]

    def run(self, job):
        return asyncio.run_coroutine_threadsafe(job, self.loop).result(10)

    def stop(self):
        async def cancel():
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        self.run(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await asyncio.wait_for(
                    reader.readuntil(b"\r\n\r\n"), IDLE)
                await self.answer(reader, writer, head)
        except asyncio.TimeoutError:
            self.closed += 1
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer, head):
        length = re.search(rb"content-length: (\d+)", head.lower())
        if length:
            body = await reader.readexactly(int(length[1]))
            if b'"stream"' in body:
                await self.stream(reader, writer)
                return
        if head.startswith(b"GET"):
            self.questions += 1
        body = json.dumps(ANSWER).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                     b"content-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()

    async def stream(self, reader, writer):
        """A word every 10 ms, until the client has left."""
        writer.write(b"HTTP/1.1 200 OK\r\n"
                     b"content-type: text/event-stream\r\n\r\n")
        left = asyncio.ensure_future(reader.read(1))
        while not (await asyncio.wait({left}, timeout=0.01))[0]:
            writer.write(WORD)
        raise ConnectionResetError


class Warm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pointsman-certs-")
        cls.addClassCleanup(cls.folder.cleanup)
        authority = Authority(cls.folder.name)
        cls.ca = authority.file
        cls.context = tls_context(*authority.issue("good"))

    def start(self, priority):
        provider = Provider(self.context)
        self.addCleanup(provider.stop)
        gateway = Gateway(conf(
            [f'{{ name = "far"; adapter = "openai"; api_key = "env:FAR_KEY"; '
             f'url = "https://localhost:{provider.port}/v1"; '
             f'ca_file = "{self.ca}"; probe_interval = "3600s"; '
             f'price = {{ input = 1.0; output = 1.0; }}; }}'],
            'workers = 1;\nslo = ( { name = "voice"; ttft = "2s"; '
            f'priority = "{priority}"; }} );\ndefault_slo = "voice";\n'),
            env={"FAR_KEY": "k"})
        self.addCleanup(gateway.stop)
        wait_for(lambda: provider.questions > 0, 20, "the first probe")
        return provider, gateway

    def ask(self, gateway, n=1):
        for _ in range(n):
            status, headers, _ = gateway.chat(chat("m"))
            self.assertEqual(status, 200)
        return headers

    def found(self, gateway, priority):
        """(warm, cold) so far."""
        rows = samples(gateway.metrics())
        return [total(rows, "pointsman_attempt_connections_total",
                      backend="far", priority=priority, connection=kind)
                for kind in ("warm", "cold")]

    def receipt_says(self, gateway, headers):
        """What the request's attempt found."""
        path = "/admin/v1/receipts/" + headers["x-pointsman-receipt"]

        def get():
            status, _, doc = http_json(gateway.admin, "GET", path)
            return doc["outcome"]["attempts"] if status == 200 else None
        return wait_for(get, what="the receipt")[0]["connection"]

    def test_premium_requests_find_a_warm_connection(self):
        provider, gateway = self.start("premium")
        headers = self.ask(gateway)
        self.assertEqual(self.receipt_says(gateway, headers), "cold")
        for _ in range(4):  # it learns how long connections may idle
            time.sleep(PAUSE)
            headers = self.ask(gateway)
        self.assertEqual(self.receipt_says(gateway, headers), "warm")
        warm, cold = self.found(gateway, "premium")
        made, asked, began = (provider.connections, provider.questions,
                              time.monotonic())
        for _ in range(PAUSES):
            time.sleep(PAUSE)
            self.ask(gateway, BURST)
        spent = time.monotonic() - began
        warm_now, cold_now = self.found(gateway, "premium")
        warm, cold = warm_now - warm, cold_now - cold
        self.assertEqual(warm + cold, PAUSES * BURST)
        self.assertGreaterEqual(warm / (warm + cold), 0.999, (warm, cold))
        # and that at a price: one connection and a few questions in each
        # of the provider's spans
        self.assertLess(provider.connections - made, 3 + 2 * spent / IDLE)
        self.assertLess(provider.questions - asked, 3 + 4 * spent / IDLE)

    def interrupt(self, gateway, turns):
        """A voice that is spoken to: it hears the first words, interrupts,
        and asks the next at once."""
        body = json.dumps(chat("m", stream=True)).encode()
        for _ in range(turns):
            c = http.client.HTTPConnection("127.0.0.1", gateway.port)
            c.request("POST", "/v1/chat/completions", body,
                      {"content-type": "application/json"})
            r = c.getresponse()
            while b"word" not in r.readline():
                pass
            time.sleep(random.uniform(0.2, 0.5))
            r.close()
            c.close()

    def test_who_is_interrupted_finds_a_warm_connection_next(self):
        _, gateway = self.start("premium")

        def all_interrupt(turns):
            with ThreadPoolExecutor(5) as pool:
                for done in [pool.submit(self.interrupt, gateway, turns)
                             for _ in range(5)]:
                    done.result()
            return self.found(gateway, "premium")
        before = all_interrupt(4)  # it learns how many at once
        wait_for(lambda: gateway.status()["requests"] == 0)
        warm, cold = (b - a for a, b in zip(before, all_interrupt(8)))
        self.assertGreaterEqual(warm + cold, 38)
        self.assertLessEqual(cold, 4, warm)

    def test_for_others_nothing_is_kept(self):
        provider, gateway = self.start("standard")
        asked = provider.questions
        for _ in range(2):
            self.ask(gateway, 3)
            time.sleep(PAUSE)
        warm, cold = self.found(gateway, "standard")
        self.assertEqual((warm, cold), (4, 2))
        self.assertEqual(provider.questions, asked)
        self.assertGreaterEqual(provider.closed, 2)


if __name__ == "__main__":
    unittest.main()
