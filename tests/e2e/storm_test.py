"""A storm: everything at once, and nothing may be lost, mixed up or left over.

Backends fail by script, by configuration and by SIGKILL; clients ask in every
way and leave in every state; reloads come good and bad. Each answer is judged
(storm_client.py), and once the storm is over nothing of it may remain.

STORM_SECONDS=n lets it blow for so long, STORM_SEED=n as it blew then.
"""
import asyncio
import collections
import os
import random
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import Fake, Gateway, backend, free_port, wait_for  # noqa: E402
from storm_client import (Ask, Conn, Enough, Left, Pace, Wrong,  # noqa: E402
                          check_error, judge, parse)

SECONDS = float(os.environ.get("STORM_SECONDS", "10"))
SEED = int(os.environ.get("STORM_SEED", random.SystemRandom().randrange(10**6)))
CLIENTS = int(os.environ.get("STORM_CLIENTS", "250"))

DEADLINE = 10  # of a request, in the configuration
PATIENCE = 25  # of a client: beyond it an answer is a hang
STALL = 2
VICTIMS = 8  # models whose requests script their backends

SETTINGS = f"""
workers = %d;
body_limit = "4MiB";
deadline = "{DEADLINE}s";
client_stall = "{STALL}s";
header_timeout = "3s";
body_timeout = "3s";
idle_timeout = "60s";
drain_timeout = "5s";
queue_limit = 64;
log_level = "info";
access_log = "off";
timeouts = {{ connect = "1s"; ttft = "2s"; gap = "1s"; total = "8s"; }};
slo = (
  {{ name = "premium"; ttft = "50ms"; priority = "premium"; }},
  {{ name = "bulk"; total = "30s"; priority = "batch"; }},
  {{ name = "strict"; ttft = "1ms"; on_miss = "refuse"; }}
);
"""
PROBED = 'probe_interval = "300ms"; '
PATIENT = ('timeouts = { connect = "9s"; ttft = "9s"; gap = "9s"; '
           'total = "9s"; };')

# name: options of fakellm, settings of the gateway
POOL = {
    "fast": (("--ttft", "1-5", "--rate", "2000-5000"), "slots = 32; "),
    "even": (("--ttft", "5-20", "--rate", "1000-2000", "--slots", "8"),
             "slots = 8; "),
    "slow": (("--ttft", "20-80", "--rate", "300-600", "--slots", "4"), ""),
    "narrow": (("--ttft", "1-10", "--rate", "2000-2000"), "slots = 2; "),
    "spare": (("--ttft", "1-10", "--rate", "1000-2000"), ""),
}
SCRIPTS = ("reset", "close", "hang", "headers", "stall", "cut", "cut_reset",
           "cut_inside", "no_done", "no_finish", "empty", "html", "error_200",
           "error_first", "error_later", "no_tokens", "bad_chunk", "short",
           "400", "403", "404", "413", "422", "429", "500", "502", "503",
           "529", "302")
WEATHER = ("reset", "close", "hang", "headers", "stall", "cut", "cut_reset",
           "cut_inside", "no_done", "no_finish", "empty", "html", "error_200",
           "error_first", "error_later", "bad_chunk", "short", "429", "500",
           "503")
BAD_FILES = ("backends = (", "nonsense = 5;", "queue_limit = -1;",
             'default_model = "nobody";', "workers = 0;")


def serve(model, names, extra=""):
    rows = ", ".join(
        f'{{ backend = "{n}"; model = "fake-{n}"; {extra}}}' for n in names)
    return f'{{ name = "{model}"; serve = ( {rows} ); }}'


class Storm:
    """The gateway, its backends, the clients, and what they have seen."""

    def __init__(self, seed, workers):
        self.rng = random.Random(seed)
        self.seen = collections.Counter()
        self.wrong, self.ids = [], set()
        self.n, self.over, self.stopping = 0, False, False
        self.fakes = {n: self.fake(n, *o) for n, (o, _) in POOL.items()}
        for name, options in (("calm", ("--ttft", "1-20")),
                              ("queue", ("--ttft", "5-30", "--slots", "2")),
                              ("victim", ()), ("guest", ()), ("guest2", ())):
            self.fakes[name] = self.fake(name, "--rate", "1000-3000", *options)
        self.settings = SETTINGS % workers
        self.gateway = Gateway(self.conf(self.rng), env={
            "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1"})

    def fake(self, name, *options):
        return Fake("--model", f"fake-{name}", "--seed",
                    str(self.rng.randrange(1000)), *options)

    def close(self):
        for f in self.fakes.values():
            f.stop()

    # --- configurations ---

    def conf(self, rng):
        """A good one; what is always there serves all the time."""
        port = {n: f.port for n, f in self.fakes.items()}
        pool = [n for n in POOL if n == "fast" or rng.random() < 0.8]
        rows = [backend(n, port[n], PROBED + POOL[n][1]) for n in pool]
        rows += [backend("calm", port["calm"], PATIENT),
                 backend("queue", port["queue"], "slots = 2; ")]
        models = [serve("m", pool), serve("calm", ["calm"]),
                  serve("queue", ["queue"])]
        for i in range(VICTIMS):
            names = [f"v{i}a", f"v{i}b"]
            rows += [backend(n, port["victim"], PROBED + f"slots = {8 + i};")
                     for n in names]
            models.append(serve(f"v{i}", names))
        if rng.random() < 0.6:
            rows.append(backend("guest", port[rng.choice(("guest",
                                                          "guest2"))]))
            models.append(serve("guest", ["guest"]))
        rng.shuffle(rows)
        return (self.settings
                + f'header_limit = "{rng.choice((16, 16, 24))}KiB";\n'
                + f'body_limit_total = "{rng.choice((8, 64, 64))}MiB";\n'
                + f'backends = ( {", ".join(rows)} );\n'
                + f'models = ( {", ".join(models)} );\n')

    def write(self, text):
        path = self.gateway.path + ".new"
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.gateway.listen + text)
        os.rename(path, self.gateway.path)

    async def reloads(self, rng):
        """Good files and bad ones, by signal and by the API."""
        while not self.over:
            await asyncio.sleep(rng.uniform(0.2, 0.8))
            good = rng.random() < 0.7
            text = self.conf(rng)
            self.write(text if good else text + rng.choice(BAD_FILES))
            if rng.random() < 0.5:
                self.gateway.send_signal(signal.SIGHUP)
                self.seen["SIGHUP"] += 1
                continue
            a, body = await self.ask_admin("POST", "/admin/v1/reload")
            if (a.status == 200) != good:
                raise Wrong(f"reload of a {'good' if good else 'bad'} file: "
                            f"{a.status} {body}")
            self.seen[f"reload {a.status}"] += 1

    # --- the operator's side ---

    async def ask_admin(self, method, path):
        conn = await Conn(self.gateway.admin).open()
        try:
            async with asyncio.timeout(PATIENCE):
                await conn.send(f"{method} {path} HTTP/1.1\r\n"
                                "host: localhost\r\n\r\n".encode())
                a = await conn.answer()
        finally:
            conn.close()
        return a, a.body.decode()

    async def poll(self, rng):
        counters = {}
        while not self.over:
            await asyncio.sleep(rng.uniform(0.02, 0.2))
            path = rng.choice(("/metrics", "/metrics", "/admin/v1/backends",
                               "/admin/v1/status", "/admin/v1/config"))
            a, body = await self.ask_admin("GET", path)
            if a.status != 200:
                raise Wrong(f"{path}: {a.status} {body}")
            if path == "/metrics":
                self.check_metrics(body, counters)
            elif path != "/admin/v1/config":
                parse(body, path)
            self.seen["polls"] += 1

    @staticmethod
    def check_metrics(text, counters):
        """It parses; no counter that is there goes back."""
        sample = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*'
                            r'\})? (-?[0-9.e+-]+|NaN|\+Inf)$')
        kinds = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                kinds[name] = kind
            elif not line.startswith("#"):
                m = sample.match(line)
                if not m:
                    raise Wrong(f"not a metric: {line}")
                if kinds.get(m[1]) == "counter":
                    key, value = m[1] + (m[2] or ""), float(m[3])
                    if value < counters.get(key, 0):
                        raise Wrong(f"{key} went back to {value}")
                    counters[key] = value

    # --- the weather ---

    async def blow(self, rng):
        """One backend of the pool fails for a while, and gets well."""
        while not self.over:
            await asyncio.sleep(rng.uniform(0.1, 0.6))
            fake = self.fakes[rng.choice(list(POOL))]
            setting = {"fault": rng.choice(WEATHER),
                       "after": rng.randrange(6)}
            if rng.random() < 0.3:
                setting = {"fault": "none", "slow": rng.choice((5, 30, 100))}
            for s in (setting, {"fault": "none", "after": 0, "slow": 1}):
                try:
                    await asyncio.to_thread(fake.configure, **s)
                except (OSError, AssertionError):
                    break  # it has just been killed
                await asyncio.sleep(rng.uniform(0.1, 0.7))

    async def kill(self, rng):
        while not self.over:
            await asyncio.sleep(rng.uniform(0.5, 2))
            fake = self.fakes[rng.choice(list(POOL) + ["guest"])]
            fake.stop()
            self.seen["kills"] += 1
            await asyncio.sleep(rng.uniform(0, 0.8))
            await asyncio.to_thread(fake.start)

    # --- asking ---

    def name(self):
        self.n += 1
        return f"r{self.n}"

    def ask(self, rng, model=None, **members):
        """An ordinary request."""
        model = model or rng.choices(
            ("m", "calm", "queue", "guest"), (60, 25, 10, 5))[0]
        statuses = {429, 502, 503, 504}
        if model == "guest":
            statuses.add(404)
        if model == "calm":
            statuses = set()
        if model == "m" and rng.random() < 0.1:
            model = "m:fast"
        kind = rng.choices(("chat", "completions", "embeddings"),
                           (6, 2, 2))[0]
        stream = kind != "embeddings" and rng.random() < 0.6
        headers, extra = {}, {}
        if rng.random() < 0.3 and model != "calm":
            headers["x-slo-class"] = rng.choice(("premium", "bulk", "strict"))
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
        ask = self.ask(rng, f"v{rng.randrange(VICTIMS)}",
                       tokens=rng.randrange(1, 20), script={
                           "fault": fault, "after": after,
                           "retry_after_ms": rng.choice((10, 300)),
                           "itl_ms": rng.choice((0, 0, 1))})
        if fault.isdigit() and fault[0] == "4":
            ask.statuses.add(int(fault))
        return ask

    def judged(self, ask, answer):
        word = judge(ask, answer)
        if answer.headers["x-request-id"] in self.ids:
            raise Wrong("an x-request-id came twice")
        self.ids.add(answer.headers["x-request-id"])
        if ask.model == "calm" and word.startswith("event"):
            raise Wrong(f"the calm model: {word} {answer.body[-500:]}")
        self.seen[f"{ask.model[0]} {word}"] += 1

    # --- clients ---

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
            if self.last(answer):
                return

    @staticmethod
    def last(answer):
        return answer.headers.get("connection", "").lower() == "close"

    async def due(self, ask, conn, pace=None):
        """The answer to `ask`, judged."""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await conn.answer(pace)
            self.judged(ask, answer)
            return answer
        except TimeoutError:
            raise Wrong(f"{ask}: hangs") from None
        except (Left, OSError) as e:
            raise Wrong(f"{ask}: {e!r} instead of an answer") from None
        except (Wrong, KeyError, ValueError, TypeError) as e:
            raise Wrong(f"{ask}: {e!r}") from None

    async def pipeline(self, rng, conn):
        asks = [self.ask(rng) for _ in range(rng.randrange(2, 6))]
        await conn.send(b"".join(a.wire() for a in asks))
        for ask in asks:
            answer = await self.due(ask, conn)
            if self.last(answer) or rng.random() < 0.1:
                return  # with answers still to come

    async def old(self, rng, conn):
        """HTTP/1.0: the close is the end, a reset the failure."""
        ask = self.ask(rng, "calm")
        await conn.send(ask.wire("1.0"))
        await self.due(ask, conn)

    async def large(self, rng, conn):
        """Up to 5 MiB, where 4 are the limit."""
        ask = self.ask(rng, "calm" if rng.random() < 0.5 else "m",
                       pad=rng.randrange(1 << 20, 5 << 20), headers={
                           "expect": "100-continue"} if rng.random() < 0.3
                       else {})
        if len(ask.body) > 4 << 20:
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
        except Wrong as e:
            if "expect" not in ask.headers or ask.statuses != {413}:
                raise

    async def slow(self, rng, conn):
        """Reads a long stream at leisure."""
        ask = self.ask(rng, "calm", kind="chat", stream=True,
                       tokens=rng.randrange(500, 1500),
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
            async with asyncio.timeout(PATIENCE):
                answer = await conn.answer()
            self.judged(ask, answer)
        except (Left, OSError):
            self.seen["stalled"] += 1

    async def wrong(self, rng, conn):
        """What nobody should send."""
        ask = self.ask(rng, "calm", kind="chat")
        ask.body = rng.choice((
            ask.body[:-2], b"", b"[]", b"{}", b"\x00" * 10, b"{" * 5000,
            b'{"model":"m","model":"m","messages":[{}]}',
            b'{"model": 5}', b'{"model":"calm","messages":"x"}',
            b'{"model":"nobody","messages":[]}',
            b'{"model":"calm:nobody","messages":[]}'))
        await conn.send(ask.wire())
        async with asyncio.timeout(PATIENCE):
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
            ask = self.ask(rng, "calm", script={"ttft_ms": 3000})
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
            async with asyncio.timeout(PATIENCE):
                answer = await conn.answer()
            self.judged(ask, answer)
        except (Left, OSError):
            self.seen["half closed"] += 1
        except TimeoutError:
            raise Wrong(f"{ask}: half closed, and hangs") from None

    async def idle(self, rng, conn):
        await asyncio.sleep(rng.uniform(0, 2))

    KINDS = ((plain, 40), (pipeline, 8), (old, 2), (large, 2), (slow, 2),
             (stall, 1), (wrong, 6), (rude, 5), (leave_asking, 8),
             (leave_waiting, 10), (leave_reading, 10), (leave_half, 4),
             (idle, 2))
    QUIET = (old, large, slow, stall, wrong)  # have no say while we stop

    async def visit(self, rng, kind):
        conn = Conn(self.gateway.port,
                    4096 if kind in (Storm.slow, Storm.stall) else 0)
        reset = rng.random() < 0.4
        try:
            await conn.open()
            await kind(self, rng, conn)
        except Wrong as e:
            self.wrong.append(f"{kind.__name__}: {e}")
        except (Left, OSError, TimeoutError) as e:
            if kind.__name__.startswith(("leave", "rude", "idle")):
                self.seen[f"{kind.__name__} {type(e).__name__}"] += 1
            else:
                self.wrong.append(f"{kind.__name__}: {e!r}")
        finally:
            conn.close(reset)

    async def client(self, seed):
        rng = random.Random(seed)
        kinds, weights = zip(*self.KINDS, strict=True)
        await asyncio.sleep(rng.uniform(0, 1))
        while not self.over and len(self.wrong) < 20:
            await self.visit(rng, rng.choices(kinds, weights)[0])
            await asyncio.sleep(rng.choice((0, 0.01, 0.1)))

    async def rage(self, seconds):
        """All of it, for so long; then everybody finishes what they began."""
        self.over = False
        seeds = [self.rng.random() for _ in range(CLIENTS)]
        elements = [asyncio.create_task(e(random.Random(self.rng.random())))
                    for e in (self.reloads, self.poll, self.blow, self.kill)]
        clients = [asyncio.create_task(self.client(s)) for s in seeds]
        await asyncio.wait(elements, timeout=seconds,
                           return_when=asyncio.FIRST_EXCEPTION)
        self.over = True
        for done in await asyncio.gather(*elements, *clients,
                                         return_exceptions=True):
            if isinstance(done, Exception):
                self.wrong.append(repr(done))

    # --- afterwards ---

    def calm_down(self):
        """All backends are well again, and the configuration is whole."""
        for f in self.fakes.values():
            if f.process.poll() is not None:
                f.start()
            f.configure(fault="none", after=0, slow=1)
        self.write(self.conf(random.Random(3)))
        self.gateway.send_signal(signal.SIGHUP)

    def left_over(self):
        s = self.gateway.status()
        out = {k: s[k] for k in ("requests", "connections", "queued",
                                 "upstream_transfers", "body_bytes") if s[k]}
        for name, b in self.gateway.backends().items():
            for v in b["servings"]:
                if v["in_flight"] or v["waiting"]:
                    out[f"{name}/{v['model']}"] = (v["in_flight"],
                                                   v["waiting"])
        return out

    def descriptors(self):
        """Those of the gateway, without kept connections to backends."""
        folder = f"/proc/{self.gateway.process.pid}/fd"
        ports = {f"{f.port:04X}" for f in self.fakes.values()}
        kept, others = set(), set()
        with open(f"/proc/{self.gateway.process.pid}/net/tcp",
                  encoding="ascii") as table:
            for row in table.readlines()[1:]:
                cells = row.split()
                (kept if cells[2].split(":")[1] in ports else others).add(
                    f"socket:[{cells[9]}]")
        count = collections.Counter()
        for fd in os.listdir(folder):
            try:
                target = os.readlink(os.path.join(folder, fd))
            except OSError:
                continue
            if target in others:
                count["socket"] += 1
            elif target.startswith("socket"):
                # to a backend, or one that a killed backend has reset
                count["kept"] += target not in kept
            else:
                count[target] += 1
        return count


class Blow(unittest.TestCase):
    def storm(self, workers, seconds):
        print(f"storm: STORM_SEED={SEED} workers={workers}", file=sys.stderr)
        s = Storm(SEED + workers, workers)
        self.addCleanup(s.close)
        self.addCleanup(s.gateway.process.kill)
        before = s.descriptors()
        asyncio.run(s.rage(seconds))
        if os.environ.get("STORM_VERBOSE"):
            for word, n in sorted(s.seen.items()):
                print(f"  {n:7} {word}", file=sys.stderr)
        return s, before

    # Daemons are kept for the next wave, libcurl's connections for a while.
    SLACK = {"anon_inode:[eventpoll]": 32, "anon_inode:[eventfd]": 32,
             "kept": 1000}

    def settle(self, s, before):
        s.calm_down()
        try:
            wait_for(lambda: not s.left_over(), 8)
        except AssertionError:
            s.wrong.append(f"left over: {s.left_over()}")
        after = s.descriptors()
        grown = {k: (before[k], n) for k, n in after.items()
                 if n > before[k] + self.SLACK.get(k, 2)}
        if grown:
            s.wrong.append(f"descriptors left: {grown}")
        for b in [*(f"m:{n}" for n in POOL if n in s.gateway.backends()),
                  "calm", "queue"]:
            ask = Ask("after", b)
            try:
                wait_for(lambda: s.gateway.chat(ask.body)[0] == 200, 40)
            except AssertionError:
                s.wrong.append(f"{b} does not come back: "
                               f"{s.gateway.chat(ask.body)}")

    def finish(self, s):
        log = s.gateway.log()
        code = s.gateway.stop()
        self.assertEqual(code, 0, log[-20000:] if code else "")
        self.assertNotIn("ThreadSanitizer", log)
        for word in ("upstream_multi", "not watched"):
            self.assertNotIn(word, log)
        self.assertEqual(s.wrong, [], "\n".join(s.wrong))

    def test_two_workers(self):
        s, before = self.storm(2, SECONDS)
        self.settle(s, before)
        self.finish(s)
        self.assertGreater(s.seen["c whole"], 100)
        self.assertGreater(s.seen["m whole"], 100)

    def test_one_worker(self):
        s, before = self.storm(1, SECONDS / 2)
        self.settle(s, before)
        self.finish(s)


if __name__ == "__main__":
    unittest.main()
