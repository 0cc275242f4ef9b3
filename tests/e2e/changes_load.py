"""Clients that go on asking while something changes, for changes_test.py."""
import asyncio
import random
import threading

from storm_client import Ask, Conn, Left

PATIENCE = 60  # seconds, of a client


class Load:
    """Clients in a closed loop, in a thread of their own: whole answers and
    streams, on connections that are kept and on new ones.

    What is not a whole answer is in `failures`. Apart from these stand two
    things that no server can help, and HTTP clients see to by themselves: a
    connection that was kept is closed at the moment it is used again
    (`again`), and nobody listens any more (`refused`)."""

    def __init__(self, port, key, clients=24):
        self.port, self.key = port, key
        self.failures, self.done, self.again, self.refused = [], 0, 0, 0
        self.begun_with = [None] * clients  # the key of its latest request
        self.begun = [0] * clients  # requests
        self.over = False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()

    def run(self):
        asyncio.run(self.clients())

    async def clients(self):
        await asyncio.gather(*(self.client(i)
                               for i in range(len(self.begun_with))))

    async def client(self, i):
        rng, conn = random.Random(i), None
        while not self.over:
            if conn is not None and rng.random() < 0.1:
                conn.close()
                conn = None
            fresh = conn is None
            conn = conn or await self.connect()
            if conn is None:
                continue
            self.begun_with[i] = self.key
            self.begun[i] += 1
            try:
                kept = await asyncio.wait_for(self.ask(conn, rng), PATIENCE)
            except (Left, OSError, TimeoutError) as e:
                kept = False
                if fresh or conn.begun or isinstance(e, TimeoutError):
                    self.failures.append(f"fresh={fresh} begun={conn.begun} "
                                         f"{e!r}")
                else:
                    self.again += 1
            if not kept:
                conn.close()
                conn = None
        if conn is not None:
            conn.close()

    async def connect(self):
        conn = Conn(self.port)
        try:
            return await conn.open()
        except ConnectionRefusedError:
            conn.close()
            self.refused += 1
            await asyncio.sleep(0.01)
            return None

    async def ask(self, conn, rng):
        """One request; whether its connection may be used again."""
        conn.begun = False
        stream = rng.random() < 0.5
        ask = Ask("load", "m", stream=stream, tokens=5, headers={
            "authorization": f"Bearer {self.key}"})
        await conn.send(ask.wire())
        a = await conn.answer()
        whole = a.status == 200 and (
            a.events()[-1:] == ["[DONE]"] and b'"error"' not in a.body
            if stream else b'"finish_reason":"' in a.body)
        if not whole:
            self.failures.append(f"{a.status} {bytes(a.body[-300:])!r}")
        self.done += 1
        return a.headers.get("connection") != "close"

    def settled(self):
        """Every client has begun a request with the key of now."""
        return all(k == self.key for k in self.begun_with)

    def beyond(self, mark):
        """What had begun when `begun` was so has ended, of every client, and
        two more have."""
        return all(n > m + 2 for n, m in zip(self.begun, mark))
