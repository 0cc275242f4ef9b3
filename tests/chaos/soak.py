#!/usr/bin/env python3
"""tests/chaos/soak.py [SECONDS] - every fault, mixed with good traffic, on
one gateway; a line every ten seconds, and a table of what came of it.

SOAK_CPU=0.8 is how much of a processor the gateway is to use: the rate of the
bulk follows it. CHAOS_ONLY=text plays the cases
whose names have that in them. Exits 1 where anything was lost, hung, or left
over."""
import asyncio
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from cases import all_cases  # noqa: E402
from soak_stage import SoakStage  # noqa: E402
from soak_traffic import Traffic  # noqa: E402
from stage import DEADLINE, Lateness, wait_for  # noqa: E402

SANITIZED = "asan" in os.environ.get("POINTSMAN", "")
# of memory, after the warm-up; a sanitizer's allocator keeps more, and says
# itself at the end what has leaked
GROWTH = 0.25 if SANITIZED else 0.05
LATE = 0.05  # beyond the deadline, seen from inside
# each case so often before memory is measured: figures are kept for each
# serving, by each worker that has used it
PASSES = 3
KEPT = 16  # descriptors of pools that have grown
POOLED = 160  # seconds that those live which are not used
SHOWN = 20  # of what was wrong


async def watch(traffic):
    """A line every ten seconds."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(10)
        progress(time.monotonic() - began, traffic)


def progress(second, traffic):
    n = {}
    for (name, _), count in traffic.counts.items():
        n[name] = n.get(name, 0) + count
    rate, cpu = traffic.rates[-1] if traffic.rates else (traffic.rate, 0)
    print(f"{second:4.0f} s: cases {n.get('cases', 0)}, good "
          f"{n.get('good', 0)}, bulk {n.get('fine', 0)}, limping "
          f"{n.get('limping', 0)}, left {n.get('leaving', 0)}, reloads "
          f"{n.get('reloads', 0)}, kills {n.get('kills', 0)}; {rate:.0f}/s "
          f"at {cpu:.0%} CPU, {traffic.stage.resident_mb():.0f} MB; wrong "
          f"{len(traffic.wrong)}", flush=True)


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


class Rest:
    """What there is while nothing is going on. `most`: so many descriptors
    are waited for, as long as pools keep what a burst has made them grow."""

    def __init__(self, stage, most=None):
        try:
            wait_for(stage.at_rest, 30, "every gauge at 0")
            self.idle = True
        except AssertionError:
            self.idle = False
        time.sleep(2)  # connections that clients have closed
        end = time.monotonic() + POOLED
        while most is not None and len(stage.descriptors()) > most \
                and time.monotonic() < end:
            time.sleep(1)
        self.descriptors = len(stage.descriptors())
        self.resident = stage.resident_mb()


def judge_rest(before, after, passes, books):
    idle = before.idle and after.idle
    books.add("gauges of what is in flight", 0 if idle else "more", 0, idle)
    most = before.descriptors + KEPT
    books.add("descriptors at rest, but for pools",
              f"{before.descriptors}, then {after.descriptors}",
              f"at most {most}", after.descriptors <= most)
    grown = after.resident / before.resident - 1
    books.add("resident at rest, after the warm-up and at the end",
              f"{before.resident:.1f}, then {after.resident:.1f} MB "
              f"({grown:+.1%})", f"at most +{GROWTH:.0%} after {PASSES} "
              f"passes; there were {passes}",
              grown <= GROWTH or passes < PASSES)


def longest_inside(stage):
    """(seconds, line) of the access log's longest request."""
    worst = (0.0, "")
    with open(stage.log, encoding="utf-8", errors="replace") as f:
        for line in f:
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
    outcomes = ("whole", "error", "broken", "wrong")
    print("\n| traffic | " + " | ".join(outcomes) + " |")
    print("|---|" + "---:|" * len(outcomes))
    for name in ("cases", "good", "fine", "limping"):
        print(f"| {name} | " + " | ".join(
            str(traffic.counts[name, o]) for o in outcomes) + " |")


async def soak(seconds):
    only = os.environ.get("CHAOS_ONLY", "")
    stage = SoakStage([c for c in all_cases() if only in c.name])
    try:
        await stage.start()
        return await play(stage, seconds)
    finally:
        await stage.end()


async def play(stage, seconds):
    books = Books()
    stage.lateness = Lateness()
    traffic = Traffic(stage, float(os.environ.get("SOAK_CPU", "0.8")),
                      100.0 if SANITIZED else 500.0)
    watching = asyncio.ensure_future(watch(traffic))
    began = time.monotonic()
    await traffic.run(0.1 * seconds, PASSES, seconds / 2)
    warm, passes = time.monotonic() - began, traffic.passes
    before = await asyncio.to_thread(Rest, stage)
    cpu, began = stage.cpu_seconds(), time.monotonic()
    await traffic.run(max(0, seconds - warm))
    used = (stage.cpu_seconds() - cpu) / (time.monotonic() - began)
    watching.cancel()
    stage.lateness.task.cancel()
    most = before.descriptors + KEPT
    judge_rest(before, await asyncio.to_thread(Rest, stage, most), passes,
               books)
    judge_time(stage, traffic, books)
    books.add("wrong in any way", len(traffic.wrong), "0", not traffic.wrong)
    hedges = sum(v for _, v in stage.metrics().get(
        "pointsman_hedges_total", ()))
    books.add("hedges", f"{hedges:.0f}", "", True)
    books.add("processors used after the warm-up", f"{used:.2f}", "", True)
    code = await finish(stage, books)
    table(traffic)
    good = books.print()
    for what in traffic.wrong[:SHOWN]:
        print(what, file=sys.stderr)
    return 0 if good and code == 0 else 1


async def finish(stage, books):
    """Sanitizers report at the end, if they have not before."""
    try:
        code = await stage.stop()
    except AssertionError as e:
        print(e, file=sys.stderr)
        code = "a report"
    books.add("exit code", code, "0", code == 0)
    return code


def main():
    seconds = int(re.sub(r"s$", "", sys.argv[1] if len(sys.argv) > 1
                         else "600"))
    return asyncio.run(soak(seconds))


if __name__ == "__main__":
    sys.exit(main())
