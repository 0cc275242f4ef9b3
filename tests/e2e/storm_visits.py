"""Who visits the gateway in a storm: every way to ask, to read and to leave.

A visit raises Wrong where the gateway did what it never may.
"""
import asyncio
import collections
import random

from storm_client import (Ask, Conn, Enough, Left, Pace, Wrong, check_error,
                          judge, parse)

VICTIMS = 8  # models whose requests script their backends
SCRIPTS = ("reset", "close", "hang", "headers", "stall", "cut", "cut_reset",
           "cut_inside", "no_done", "no_finish", "empty", "html", "error_200",
           "error_first", "error_later", "no_tokens", "bad_chunk", "short",
           "400", "403", "404", "413", "422", "429", "500", "502", "503",
           "529", "302")
LASTING = ("403", "404")  # shut a backend for long: only one model's
BODY_LIMIT = 4 << 20  # of the configuration
STALL = 2  # seconds without reading that the gateway bears
BODY_TIMEOUT = 3  # seconds for a whole body


class Visits:
    """What clients do, and what became of it."""

    def __init__(self, port, patience):
        self.port, self.patience = port, patience
        self.seen = collections.Counter()
        self.wrong, self.ids = [], set()
        self.n, self.over, self.stopping = 0, False, False

    # --- asking ---

    def name(self):
        self.n += 1
        return f"r{self.n}"

    def ask(self, rng, model=None, **members):
        """An ordinary request."""
        model = model or rng.choices(
            ("m", "calm", "queue", "guest", "child"), (60, 25, 10, 5, 5))[0]
        statuses = {429, 502, 503, 504}
        if model in ("guest", "child"):
            statuses.add(404)  # not in every configuration
        if model == "calm":
            statuses = set()
        if model == "m" and rng.random() < 0.1:
            model = "m:fast"
        kind = rng.choices(("chat", "completions", "embeddings"),
                           (6, 2, 2))[0]
        stream = kind != "embeddings" and rng.random() < 0.6
        headers, extra = {}, {}
        if rng.random() < 0.3 and model != "calm":
            headers["x-slo-class"] = rng.choice(
                ("premium", "premium", "bulk", "bulk", "strict"))
        if rng.random() < 0.05 and model != "calm":
            headers["x-stainless-timeout"] = rng.choice(("0.01", "0.2", "1"))
        if stream and rng.random() < 0.3:
            extra["stream_options"] = {"include_usage": True}
        if kind == "embeddings" and rng.random() < 0.3:
            extra["encoding_format"] = "base64"
        given = dict(kind=kind, stream=stream, tokens=rng.randrange(1, 80),
                     headers=headers, members=extra, statuses=statuses)
        given.update(members)
        return Ask(self.name(), model, **given)

    def victim(self, rng):
        """A request that scripts its backends' failure."""
        fault = rng.choice(SCRIPTS)
        after = rng.choice((0, 1, 2, 3, 100))
        of = 0 if fault in LASTING else rng.randrange(1, VICTIMS)
        ask = self.ask(rng, f"v{of}", tokens=rng.randrange(1, 20), script={
            "fault": fault, "after": after,
            "retry_after_ms": rng.choice((10, 300)),
            "itl_ms": rng.choice((0, 0, 1))})
        if fault.isdigit() and fault[0] == "4":
            ask.statuses.add(int(fault))
        return ask

    def judged(self, ask, answer):
        if self.stopping:
            ask.statuses.add(503)
        word = judge(ask, answer)
        if answer.headers["x-request-id"] in self.ids:
            raise Wrong("an x-request-id came twice")
        self.ids.add(answer.headers["x-request-id"])
        if (ask.model == "calm" and word.startswith("event")
                and word != "event shutting_down"):
            raise Wrong(f"the calm model: {word} {answer.body[-500:]}")
        self.seen[f"{ask.model.strip('0123456789')} {word}"] += 1

    # --- ordinary ---

    async def plain(self, rng, conn):
        """Requests one after another on a connection that is kept."""
        for _ in range(rng.randrange(1, 8)):
            ask = self.victim(rng) if rng.random() < 0.3 else self.ask(rng)
            wire = ask.wire()
            if rng.random() < 0.2:
                wire = ask.chunked(rng, rng.choice(("", ";a=b")))
            cut = rng.randrange(len(wire)) if rng.random() < 0.2 else 0
            await conn.send(wire[:cut])
            if cut:
                await asyncio.sleep(rng.uniform(0, 0.01))
            await conn.send(wire[cut:])
            answer = await self.due(ask, conn)
            if conn.buf:
                raise Wrong(f"{ask}: more after its end: {conn.buf[:300]}")
            if self.over or self.last(answer):
                return

    @staticmethod
    def last(answer):
        return answer.headers.get("connection", "").lower() == "close"

    async def due(self, ask, conn, pace=None):
        """The answer to `ask`, judged."""
        try:
            async with asyncio.timeout(self.patience):
                answer = await conn.answer(pace)
            self.judged(ask, answer)
            return answer
        except TimeoutError:
            raise Wrong(f"{ask}: hangs") from None
        except (Left, OSError) as e:
            if self.stopping and not conn.begun:
                raise Left("the gateway stops") from None
            raise Wrong(f"{ask}: {e!r} instead of an answer") from None
        except (Wrong, KeyError, ValueError, TypeError) as e:
            raise Wrong(f"{ask}: {e!r}") from None

    async def pipeline(self, rng, conn):
        """Several at once; perhaps with another that never comes whole."""
        asks = [self.ask(rng) for _ in range(rng.randrange(2, 6))]
        more = self.ask(rng).wire() if rng.random() < 0.3 else b""
        await conn.send(b"".join(a.wire() for a in asks)
                        + more[:len(more) // 2])
        for ask in asks:
            answer = await self.due(ask, conn)
            if self.last(answer) or rng.random() < 0.1:
                return  # with answers still to come

    # --- unusual ---

    async def old(self, rng, conn):
        """HTTP/1.0: the close is the end, a reset the failure."""
        ask = self.ask(rng, "calm")
        await conn.send(ask.wire("1.0"))
        await self.due(ask, conn)

    async def large(self, rng, conn):
        """Some of them beyond the limit."""
        ask = self.ask(rng, "calm" if rng.random() < 0.5 else "m",
                       pad=rng.randrange(1 << 20, BODY_LIMIT * 5 // 4), headers={
                           "expect": "100-continue"} if rng.random() < 0.3
                       else {})
        if len(ask.body) > BODY_LIMIT:
            ask.statuses = {413}
        wire = ask.wire() if rng.random() < 0.6 else ask.chunked(rng)
        try:
            await conn.send(wire)
        except OSError:
            if "expect" not in ask.headers or ask.statuses != {413}:
                raise Wrong(f"{ask}: cut off in its body") from None
            return  # refused at the headers, as it had asked
        try:
            await self.due(ask, conn)
        except Wrong:
            if "expect" not in ask.headers or ask.statuses != {413}:
                raise

    async def slow(self, rng, conn):
        """Reads a long answer at leisure."""
        stream = rng.random() < 0.6
        ask = self.ask(rng, "calm", kind="chat", stream=stream,
                       tokens=rng.randrange(500, 1500) * (1 if stream else 20),
                       script={"itl_ms": 0})
        await conn.send(ask.wire())
        await self.due(ask, conn, Pace(rng.uniform(0, 0.01), 4096))

    async def stall(self, rng, conn):
        """Does not read for longer than the gateway bears: it is cut off, and
        sees that."""
        ask = self.ask(rng, "calm", kind="chat", stream=True, tokens=20000,
                       script={"itl_ms": 0})
        await conn.send(ask.wire())
        await asyncio.sleep(STALL + 2)
        try:
            async with asyncio.timeout(self.patience):
                answer = await conn.answer()
            self.judged(ask, answer)
        except (Left, OSError):
            self.seen["stalled"] += 1

    async def drip(self, rng, conn):
        """A body in bits; too slow ones are cut off."""
        ask = self.ask(rng, "calm", pad=rng.randrange(2000))
        wire = ask.wire() if rng.random() < 0.5 else ask.chunked(rng)
        at = wire.find(b"\r\n\r\n") + 4
        await conn.send(wire[:at])
        pause = rng.choice((0.005, 0.05, 4))
        began = asyncio.get_running_loop().time()
        while at < len(wire):
            await asyncio.sleep(pause)
            n = rng.randrange(1, 400)
            try:
                await conn.send(wire[at:at + n])
            except OSError:
                break
            at += n
        sent = asyncio.get_running_loop().time()
        try:
            await self.due(ask, conn)
        except Wrong as e:
            slow = sent - began > BODY_TIMEOUT - 1
            if not slow or "instead of an answer" not in str(e):
                raise
            self.seen["cut in a slow body"] += 1

    async def look(self, rng, conn):
        """What the gateway answers by itself."""
        method, path, want = rng.choice((
            ("GET", "/v1/models", 200), ("HEAD", "/v1/models", 200),
            ("GET", "/v1/models/calm", 200), ("GET", "/v1/models/x%2Fy", 404),
            ("OPTIONS", "/v1/chat/completions", 204), ("GET", "/", 404),
            ("DELETE", "/v1/models", 405), ("POST", "/v1/responses", 400)))
        for _ in range(rng.randrange(1, 4)):
            await conn.send(f"{method} {path} HTTP/1.1\r\nhost: localhost"
                            "\r\n\r\n".encode())
            async with asyncio.timeout(self.patience):
                if method == "HEAD":
                    a = await conn.head()
                else:
                    a = await conn.answer()
            if a.status != want:
                raise Wrong(f"{method} {path}: {a.status} {a.body}")
        self.seen["looks"] += 1

    async def wrong_body(self, rng, conn):
        """What nobody should send."""
        ask = self.ask(rng, "calm", kind="chat")
        ask.body = rng.choice((
            ask.body[:-2], b"", b"[]", b"{}", b"\x00" * 10, b"{" * 5000,
            b'{"model":"m","model":"m","messages":[{}]}',
            b'{"model": 5}', b'{"model":"calm","messages":"x"}',
            b'{"model":"nobody","messages":[]}',
            b'{"model":"calm:nobody","messages":[]}'))
        await conn.send(ask.wire())
        async with asyncio.timeout(self.patience):
            answer = await conn.answer()
        error = check_error(parse(answer.body, "a 4xx"), "a 4xx")
        if answer.status not in (400, 404) and error["code"] != "overloaded":
            raise Wrong(f"{ask.body[:100]}: {answer.status} {answer.body}")
        self.seen["bad bodies"] += 1

    async def rude(self, rng, conn):
        """Not HTTP, or not for long."""
        await conn.send(rng.choice((
            b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 20,
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\nabc",
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            b"transfer-encoding: chunked\r\n\r\nzz\r\n",
            b"GET /" + b"a" * 30000 + b" HTTP/1.1\r\n\r\n",
            b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nx: "
            + b"a" * 30000 + b"\r\n\r\n",
            b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n" * 50)))
        await self.ends(conn, rng.uniform(0, 0.3))

    # --- leaving ---

    @staticmethod
    async def ends(conn, seconds):
        """Reads whatever comes, for so long."""
        try:
            async with asyncio.timeout(seconds):
                while await conn.fill():
                    conn.buf.clear()
        except (TimeoutError, OSError):
            pass

    async def leave_asking(self, rng, conn):
        """Within the headers or the body."""
        ask = self.ask(rng, pad=rng.choice((0, 1000, 300000)))
        wire = ask.wire() if rng.random() < 0.5 else ask.chunked(rng)
        end = wire.find(b"\r\n\r\n") if rng.random() < 0.4 else len(wire)
        await conn.send(wire[:rng.randrange(end)])
        await asyncio.sleep(rng.choice((0, 0, 0.01, 0.2)))

    async def leave_waiting(self, rng, conn):
        """In the queue, or before the first byte."""
        if rng.random() < 0.5:
            ask = self.ask(rng, "queue")
        else:
            ask = self.ask(rng, "calm", script={"ttft_ms": 3000},
                           pad=rng.choice((0, 0, 2 << 20)))
        await conn.send(ask.wire())
        await asyncio.sleep(rng.choice((0, 0.001, 0.02, 0.3)))

    async def leave_reading(self, rng, conn):
        """In the middle of a stream; sometimes of one that is not read."""
        ask = self.ask(rng, rng.choice(("calm", "m")), kind="chat",
                       stream=True, tokens=rng.choice((20, 200, 2000)),
                       script={"itl_ms": rng.choice((0, 1, 10))})
        await conn.send(ask.wire())
        pace = Pace(until=b"word%d" % rng.randrange(20))
        try:
            await conn.answer(pace)
        except Enough:
            await asyncio.sleep(rng.choice((0, 0, 0.3)))

    async def leave_half(self, rng, conn):
        """Closes its half: that counts as leaving, but it must not hang."""
        ask = self.ask(rng)
        await conn.send(ask.wire())
        await asyncio.sleep(rng.choice((0, 0, 0.01, 0.05)))
        conn.half_close()
        try:
            async with asyncio.timeout(self.patience):
                answer = await conn.answer()
            self.judged(ask, answer)
        except (Left, OSError):
            self.seen["half closed"] += 1
        except TimeoutError:
            raise Wrong(f"{ask}: half closed, and hangs") from None

    async def idle(self, rng, conn):
        await asyncio.sleep(rng.uniform(0, 2))

    KINDS = ((plain, 40), (pipeline, 8), (old, 2), (large, 2), (slow, 2),
             (stall, 1), (drip, 2), (look, 4), (wrong_body, 6), (rude, 5),
             (leave_asking, 8), (leave_waiting, 10), (leave_reading, 10),
             (leave_half, 4), (idle, 2))
    # Whose ends a gateway that stops may not wait for.
    LONG = (large, slow, stall, drip, wrong_body, look)

    async def visit(self, rng, kind):
        late = kind in (Visits.slow, Visits.stall)
        conn = Conn(self.port, 4096 if late else 0)
        reset = rng.random() < 0.4
        try:
            await conn.open()
            await kind(self, rng, conn)
        except Wrong as e:
            self.wrong.append(f"{kind.__name__}: {e}")
        except (Left, OSError, TimeoutError) as e:
            if self.stopping or kind.__name__.startswith(
                    ("leave", "rude", "idle")):
                self.seen[f"{kind.__name__} {type(e).__name__}"] += 1
            else:
                self.wrong.append(f"{kind.__name__}: {e!r}")
        finally:
            conn.close(reset)

    async def client(self, seed, kinds):
        rng = random.Random(seed)
        kinds, weights = zip(*kinds, strict=True)
        await asyncio.sleep(rng.uniform(0, 1))
        while not self.over and len(self.wrong) < 20:
            await self.visit(rng, rng.choices(kinds, weights)[0])
            await asyncio.sleep(rng.choice((0, 0.01, 0.1)))

