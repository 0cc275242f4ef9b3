#!/usr/bin/env python3
"""tests/chaos/soak.py [SECONDS] - every fault of upstreams, of the paths to
them and of clients, mixed with good traffic, on one gateway; a line every ten
seconds, and a table of what came of it.

The seconds begin after a warm-up, of about five minutes. SOAK_CPU=0.8 is how
much of the machine's processors is to be in use: the rate of the bulk follows
it. CHAOS_ONLY=text plays the cases whose names have that in them. Exits 1
where anything was lost, hung, or left over."""
import asyncio
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from cases import all_cases  # noqa: E402
from client import BROKEN, ERROR, WHOLE  # noqa: E402
from soak_paths import path_cases  # noqa: E402
from soak_rest import KEPT, SANITIZED, at_rest, judge  # noqa: E402
from soak_stage import DEADLINE, Meter, SoakStage  # noqa: E402
from soak_traffic import KINDS, OTHERWISE, Traffic  # noqa: E402
from stage import Lateness  # noqa: E402

LATE = 0.05  # beyond the deadline, seen from inside
# Before memory is measured. Figures are kept for each serving, by each worker
# that has used it, and pools grow with what goes on at once.
PASSES = 6  # of each case: a worker has met all but a few
WARM = 180  # seconds of everything
SHOWN = 20  # of what was wrong


async def watch(traffic):
    """A line every ten seconds."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(10)
        progress(time.monotonic() - began, traffic)


def progress(second, traffic):
    if not traffic.alive():
        return
    n = {}
    for (name, _), count in traffic.counts.items():
        n[name] = n.get(name, 0) + count
    _, gateway, ours = traffic.used
    print(f"{second:4.0f} s: cases {n.get('cases', 0)}, good "
          f"{n.get('good', 0)}, bulk {n.get('fine', 0)}, limping "
          f"{n.get('limping', 0)}, clients {n.get('clients', 0)}, left "
          f"{n.get('leaving', 0)}, sessions {n.get('sessions', 0)}, reloads "
          f"{n.get('reloads', 0)}, kills {n.get('kills', 0)}; "
          f"{traffic.rate:.0f}/s, {ours:.0%} CPU, "
          f"{gateway:.0%} the gateway's, {traffic.stage.resident_mb():.0f} "
          f"MB; wrong {len(traffic.wrong)}", flush=True)


class Books:
    """What has to balance at the end: (what, found, wanted, good)"""

    def __init__(self):
        self.rows = []

    def add(self, what, found, wanted, good):
        self.rows.append((what, found, wanted, good))

    def print(self):
        print("\n| what | found | wanted | |\n|---|---:|---:|---|")
        for what, found, wanted, good in self.rows:
            print(f"| {what} | {found} | {wanted} | "
                  f"{'' if good else 'FAILED'} |")
        return all(good for *_, good in self.rows)


def longest_inside(stage):
    """(seconds, line) of the access log's longest request."""
    worst = (0.0, "")
    with open(stage.log, encoding="utf-8", errors="replace") as f:
        for line in f:
            if " status=101 " in line:  # a session has limits of its own
                continue
            if m := re.search(r" total_ms=([\d.]+)", line):
                if float(m[1]) / 1e3 > worst[0]:
                    worst = (float(m[1]) / 1e3, line.strip())
    return worst


def judge_time(stage, traffic, books):
    stall = max((b - a for a, b in stage.lateness.late), default=0.0)
    inside, line = longest_inside(stage)
    most = DEADLINE + LATE
    books.add("longest request, seen from inside", f"{inside:.3f} s",
              f"at most {most:.2f} s", inside <= most)
    if inside > most:
        print(line, file=sys.stderr)
    took, name = traffic.longest
    books.add("longest request, seen from outside", f"{took:.1f} s ({name})",
              f"at most {most + 1 + stall:.1f} s", took <= most + 1 + stall)
    books.add("longest stall of the harness", f"{stall:.2f} s", "", True)


def table(traffic):
    outcomes = (WHOLE, ERROR, BROKEN, "let go", "wrong")
    print("\n| traffic | " + " | ".join(outcomes) + " |")
    print("|---|" + "---:|" * len(outcomes))
    for name in ("cases", "good", "fine", "limping", "clients", "leaving",
                 "sessions"):
        print(f"| {name} | " + " | ".join(
            str(traffic.counts[name, o]) for o in outcomes) + " |")


async def soak(seconds):
    only = os.environ.get("CHAOS_ONLY", "")
    stage = SoakStage([c for c in all_cases() + path_cases()
                       if only in c.name])
    try:
        await stage.start()
        return await play(stage, seconds)
    finally:
        await stage.end()


async def play(stage, seconds):
    stage.lateness = Lateness()
    traffic = Traffic(stage, float(os.environ.get("SOAK_CPU", "0.8")),
                      100.0 if SANITIZED else 500.0)
    watching = asyncio.ensure_future(watch(traffic))
    books, used = Books(), None
    await traffic.warm_up(PASSES)
    await traffic.run(WARM)
    if traffic.alive():
        before = await asyncio.to_thread(at_rest, stage)
        print(f"warm: {seconds} s begin", flush=True)
        meter = Meter(stage)
        await traffic.run(seconds)
        used = meter.read() if traffic.alive() else None
    watching.cancel()
    stage.lateness.task.cancel()
    if used:
        judge(before, await asyncio.to_thread(
            at_rest, stage, before.descriptors + KEPT), books)
        judge_use(used, traffic.cpu, books)
    judge_time(stage, traffic, books)
    return await settle(stage, traffic, books)


def judge_use(used, wanted, books):
    idle, gateway, ours = used
    books.add("CPU, mean of all processors", f"{ours:.0%}, {gateway:.0%} the "
              f"gateway's; idle {idle:.0%}", f"about {wanted:.0%}", True)


async def settle(stage, traffic, books):
    for what in (*KINDS.values(), OTHERWISE):
        n = traffic.kinds[what]
        books.add(what, n, 0, n == 0)
    await finish(stage, traffic, books)
    table(traffic)
    good = books.print()
    for what in traffic.wrong[:SHOWN]:
        print(what, file=sys.stderr)
    return 0 if good else 1


async def finish(stage, traffic, books):
    """Sanitizers report at the end, if they have not before."""
    alive = traffic.alive()
    if alive:
        hedges = sum(v for _, v in stage.metrics().get(
            "pointsman_hedges_total", ()))
        books.add("hedges", f"{hedges:.0f}", "", True)
    books.add("crashes", 0 if alive else 1, 0, alive)
    try:
        code = await stage.stop()
    except AssertionError as e:
        print(e, file=sys.stderr)
        code = "a report"
    books.add("exit code", code, 0, code == 0)


def main():
    seconds = int(re.sub(r"s$", "", sys.argv[1] if len(sys.argv) > 1
                         else "600"))
    return asyncio.run(soak(seconds))


if __name__ == "__main__":
    sys.exit(main())
