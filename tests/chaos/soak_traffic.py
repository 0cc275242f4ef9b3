"""What is played in a soak, all at once, until it is told to stop."""
import asyncio
import json
import os
import random
import signal
import time
from collections import Counter

import soak_sessions
from cases import PROMPT
from client import (BROKEN, ERROR, WHOLE, Hung, Splice, Truncated, Wrong, ask,
                    request)
from faults import After, Fine
from soak_clients import CLIENTS, play
from soak_stage import BEHIND, DEADLINE, TENANTS, Meter, key_of, signed
from upstream import MARKS, TOKENS
from harness import POINTSMAN

LATE_ONES = ("ttft_timeout", "total_timeout", "gap_timeout")
CHAT = "/v1/chat/completions"
LANES = {"cases": 8, "good": 4, "leaving": 2, "clients": 4, "reloads": 1,
         "kills": 1, "bulk": 2, "sessions": 8}
ONLY_CASES = {"cases": 24}
RELOAD_EVERY, KILL_EVERY = 3.0, 7.0
TOGETHER = 100  # of each bulk: the peak of memory is to come in the warm-up
WINDOW = 5  # seconds of bulk traffic at one rate
LAST = 1.5  # and until its last answer, where the machine keeps up
IDLE = 0.05  # of the processors: there is room for more
FAULTS = 0.1  # of the bulk meets one first
KINDS = {Hung: "hung requests", Truncated: "silent truncations",
         Splice: "splices"}
OTHERWISE = "wrong in any other way"


def allowed(case):
    """What may come of it; more than when it is played once, since breakers
    remember."""
    expected = case.expected
    if isinstance(expected, Fine):
        return {WHOLE}
    if isinstance(expected, After):
        return {BROKEN, WHOLE if case.healthy else ERROR}
    if case.moves_on():
        return {WHOLE}
    # on a machine that stands still what is late may come before its timer
    return {ERROR, WHOLE} if expected.fault in LATE_ONES else {ERROR}


class Traffic:
    """cpu: the share of all processors that this is to use; rate: requests a
    second of the bulk to begin with."""

    def __init__(self, stage, cpu, rate):
        self.stage, self.cpu, self.rate = stage, cpu, rate
        self.port = stage.gateway.port
        self.counts = Counter()  # (traffic, outcome)
        self.wrong = []  # what must not have been
        self.kinds = Counter()  # of that
        self.longest = (0.0, "")
        self.killed_at = 0.0
        self.over = asyncio.Event()
        self.queue, self.passes, self.strange = [], -1, []
        self.heavy = asyncio.Semaphore(1)
        self.used = (0.0, 0.0, 0.0)

    async def warm_up(self, passes):
        """Each case so often, and nothing else."""
        until = self.passes + passes + 1
        await self.play(ONLY_CASES, lambda: self.passes >= until)

    async def run(self, seconds):
        end = time.monotonic() + seconds
        await self.play(LANES, lambda: time.monotonic() >= end)

    async def play(self, lanes, enough):
        tasks = [asyncio.ensure_future(self.lane(name))
                 for name, n in lanes.items() for _ in range(n)]
        while not enough() and self.alive():
            await asyncio.sleep(0.5)
        self.over.set()
        await asyncio.gather(*tasks)
        self.over.clear()

    def alive(self):
        return self.stage.gateway.process.poll() is None

    async def lane(self, name):
        turn = getattr(self, name)
        while not self.over.is_set():
            try:
                await turn()
            except Exception as e:
                self.wrongly(f"{name}: {e!r}", e)
                await self.pause(0.2)

    def wrongly(self, what, e=None):
        self.wrong.append(what)
        self.kinds[KINDS.get(type(e), OTHERWISE)] += 1

    async def pause(self, seconds):
        try:
            await asyncio.wait_for(self.over.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    def note(self, traffic, outcome, what, took):
        self.counts[traffic, outcome] += 1
        self.longest = max(self.longest, (took, what))

    # --- every fault, one after the other, in random order ---

    def next_case(self):
        if not self.queue:
            self.passes += 1
            self.queue = list(self.stage.cases)
            random.shuffle(self.queue)
        return self.queue.pop()

    def fresh(self, case):
        """Its upstream, which has not heard yet of what a client saw."""
        upstream = self.stage.upstreams[case.name]
        upstream.marks = {m: asyncio.Event() for m in MARKS}
        upstream.calls.clear()
        return upstream

    async def cases(self):
        case = self.next_case()
        if case.fault.heavy:
            async with self.heavy:
                await self.case(case)
        else:
            await self.case(case)

    async def case(self, case):
        upstream = self.fresh(case)
        body, headers = case.request()
        began = time.monotonic()
        try:
            seen = await ask(self.port, body, signed(headers, TENANTS[0]),
                             DEADLINE + 10,
                             {case.words, TOKENS}, marks=upstream.marks)
            if seen.kind not in allowed(case):
                raise Wrong(f"{seen.kind} {seen.status} {seen.error}")
            kind = seen.kind
        except Wrong as e:
            self.wrongly(f"{case.name}: {e}", e)
            kind = "wrong"
        took = time.monotonic() - began
        self.note("cases", kind, case.name, took)

    # --- good traffic that can be checked word by word ---

    async def good(self):
        model = random.choice(("good", "hedged", "hedged", "child"))
        streamed = random.random() < 0.6
        headers = signed({"x-slo-class": "quick"} if model == "hedged"
                         else None)
        began = time.monotonic()
        try:
            seen = await ask(self.port, self.body(model, streamed), headers,
                             DEADLINE + 10, TOKENS)
            cut = self.killed_at > began and model == "child" and streamed
            if seen.kind != WHOLE and not (cut and seen.kind == BROKEN):
                raise Wrong(f"{seen.kind} {seen.status} {seen.error}")
            kind = seen.kind
        except Wrong as e:
            self.wrongly(f"good {model} streamed={streamed}: {e}", e)
            kind = "wrong"
        self.note("good", kind, model, time.monotonic() - began)
        await self.pause(random.uniform(0, 0.05))

    @staticmethod
    def body(model, streamed):
        return {"model": model, "messages": PROMPT, "stream": streamed}

    # --- clients that leave, somewhere ---

    async def leaving(self):
        model = random.choice(("good", "hedged", "child", None))
        if model is None:
            case = self.next_case()
            if case.fault.heavy:
                return
            model = case.name
            self.fresh(case)
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        whole = request(CHAT, self.body(model, random.random() < 0.7),
                        signed(tenant=TENANTS[0]))
        part = random.random() < 0.2
        writer.write(whole[:random.randrange(len(whole))] if part else whole)
        await asyncio.sleep(random.choice((0, 0.002, 0.01, 0.05, 0.3)))
        if random.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()
        self.note("leaving", "let go", model, 0.0)

    # --- and those that do not do as they should ---

    async def clients(self):
        if not self.strange:
            self.strange = random.sample(CLIENTS, len(CLIENTS))
        what = self.strange.pop()
        try:
            kind = await play(what, self.port)
        except (Wrong, OSError) as e:
            self.wrongly(f"{what.__name__}: {e!r}", e)
            kind = "wrong"
        self.note("clients", kind, "", 0.0)
        await self.pause(random.uniform(0, 0.2))

    # --- sessions, which outlive reloads ---

    async def sessions(self):
        try:
            kind = await soak_sessions.play(self.port, self.over,
                                             signed())
        except Wrong as e:
            self.wrongly(f"a session: {e}", e)
            kind = "wrong"
        self.note("sessions", kind, "", 0.0)

    # --- the operator ---

    async def reloads(self):
        n = self.counts["reloads", "good"] + self.counts["reloads", "bad"]
        good = n % 2 == 0
        await self.stage.reload(good, n)
        self.stage.gateway.send_signal(signal.SIGHUP)
        self.note("reloads", "good" if good else "bad", "", 0.0)
        await self.pause(RELOAD_EVERY)

    async def kills(self):
        await self.pause(KILL_EVERY)
        if pids := self.stage.children():
            os.kill(pids[0], signal.SIGKILL)
            self.killed_at = time.monotonic()
            self.note("kills", "killed", "", 0.0)

    # --- as much as makes it work hard ---

    async def bulk(self):
        """Two at a time: while one ends the other goes on."""
        await self.pause(random.uniform(0, 0.5))
        meter, began = Meter(self.stage), time.monotonic()
        await self.window(self.rate / LANES["bulk"])
        self.used = idle, _, ours = meter.read()
        if time.monotonic() - began > WINDOW + LAST:  # more than it can do
            self.rate *= 0.8
        elif ours > self.cpu or idle > IDLE:  # else others need the rest
            # both lanes do it, so each goes half of the way
            self.rate *= min(1.3, max(0.7, self.cpu / ours)) ** 0.5

    async def window(self, rate):
        env = {**os.environ, "SOAK_KEY": key_of(random.choice(TENANTS))}
        spec = "name={},share={},model={},key=env:SOAK_KEY,slo=plain"
        p = await asyncio.create_subprocess_exec(
            "nice", "-n", str(BEHIND),
            POINTSMAN, "loadtest", "--url", f"http://127.0.0.1:{self.port}/v1",
            "--class", spec.format("fine", 1 - FAULTS, "bulk"),
            "--class", spec.format("limping", FAULTS, "limping"),
            "--limit", str(TOGETHER), "--rate", f"{rate:.0f}",
            "--duration", f"{WINDOW}s",
            "--prompt-tokens", "50", "--max-tokens", "16", "--json",
            "--seed", str(random.randrange(10**6)), env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL)
        out, _ = await p.communicate()
        for name, row in json.loads(out)["named"].items():
            failed = row["failed"] + row["shed"] + row["cancelled"]
            self.counts[name, WHOLE] += row["requests"] - failed
            self.counts[name, "wrong"] += failed
            if failed:
                self.wrongly(f"bulk {name}: {failed} of "
                             f"{row['requests']} failed")
