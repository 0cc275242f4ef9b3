#!/usr/bin/env python3
"""tests/chaos/scorecard.py [N] - the cases of upstream faults N times, each
time in another order; prints what came of them.

CHAOS_SEED=n begins with that order; CHAOS_ONLY=text plays the cases whose
names have that in them. Exits 1 if any case came out wrong."""
import asyncio
import os
import random
import sys
import time
from collections import Counter, defaultdict

sys.path.insert(0, os.path.dirname(__file__))
from cases import all_cases  # noqa: E402
from faults import After, Fine  # noqa: E402
from place import Place, chat  # noqa: E402
from stage import Lateness, Stage, wait_for  # noqa: E402

GROUPS = (
    "before the first token, another could answer",
    "before the first token, nobody else could",
    "the request is to blame",
    "after the first token",
    "none that matters",
)
LEAVES = 100
COLUMNS = ("whole", "error", "broken", "wrong")
SAYS = {"whole": "whole answer", "error": "error status",
        "broken": "error event", "wrong": "anything else"}


def group_of(case):
    if isinstance(case.expected, Fine):
        return GROUPS[4]
    if isinstance(case.expected, After):
        return GROUPS[3]
    if not case.expected.moves_on:
        return GROUPS[2]
    return GROUPS[0 if case.moves_on() else 1]


class Card:
    def __init__(self):
        self.table = defaultdict(Counter)
        self.latencies, self.leaves = [], []
        self.wrong, self.longest, self.missed = [], (0.0, ""), 0

    def add(self, stage):
        for p in stage.played.values():
            group = group_of(p.case)
            self.table[group]["wrong" if p.wrong else p.seen.kind] += 1
            self.longest = max(self.longest, (p.took, p.case.name))
            if p.wrong:
                self.wrong.append((stage.seed, p.case.name, p.wrong))
        told = list(stage.latencies())
        self.latencies += [t for _, t, late in told
                           if t is not None and not late]
        self.missed += sum(t is None for _, t, _ in told)

    def print(self):
        print("| the fault | cases | "
              + " | ".join(SAYS[c] for c in COLUMNS) + " |")
        print("|---|---:|" + "---:|" * len(COLUMNS))
        for group in GROUPS:
            if not (row := self.table[group]):
                continue
            print(f"| {group} | {sum(row.values())} | "
                  + " | ".join(str(row[c]) for c in COLUMNS) + " |")
        print()
        say("Work on a fault was cancelled", self.latencies)
        say("Work for a client that left was cancelled", self.leaves)
        print(f"Never cancelled: {self.missed}.")
        took, name = self.longest
        print(f"The longest case took {took:.1f} s: {name}.")
        for seed, name, what in self.wrong:
            print(f"seed {seed}: {name}: {what}", file=sys.stderr)
        return not self.wrong and not self.missed


def say(what, spans):
    spans = sorted(spans)
    if not spans:
        return
    print(f"{what} within {quantile(spans, 0.5):.1f} ms (p50), "
          f"{quantile(spans, 0.99):.1f} ms (p99), {quantile(spans, 1):.1f} ms "
          f"(at most) of the cause, {len(spans)} times.")


def quantile(values, q):
    return 1e3 * values[min(len(values) - 1, int(q * len(values)))]


def leaves(card):
    """Clients that leave in the middle of a stream, one after the other."""
    place = Place({"one": holds})

    async def play():
        lateness = Lateness()
        for _ in range(LEAVES):
            reader, writer = await place.send(chat())
            await reader.readuntil(b"t2@one")
            left = time.monotonic()
            writer.close()
            call = place.upstreams["one"].calls[-1]
            await place.until(lambda call=call: call.left, what="the end")
            if not lateness.within(left, call.left + 0.001):
                card.leaves.append(call.left - left)
        lateness.task.cancel()

    place.run(play())
    place.stop()


async def holds(call):
    await call.begin(3)
    await call.gone()


async def once(card, seed):
    only = os.environ.get("CHAOS_ONLY", "")
    stage = Stage([c for c in all_cases() if only in c.name], seed)
    await stage.start()
    await stage.play()
    await asyncio.to_thread(wait_for, stage.at_rest, 20, "every gauge at 0")
    card.add(stage)
    code = await stage.stop()
    assert code == 0, f"the gateway exited with {code}"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    card = Card()
    for i in range(rounds):
        print(f"round {i + 1} of {rounds}, CHAOS_SEED={seed + i}",
              file=sys.stderr)
        asyncio.run(once(card, seed + i))
        leaves(card)
    return 0 if card.print() else 1


if __name__ == "__main__":
    sys.exit(main())
