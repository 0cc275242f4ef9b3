#!/usr/bin/env python3
"""tests/chaos/scorecard.py [N] - the cases of upstream faults, and the tests
of what clients, paths and operators do, N times, each time in another order;
prints what came of them.

CHAOS_SEED=n begins with that order; CHAOS_ONLY=text plays no more than the
cases and tests whose names have that in them. Exits 1 if any came out
wrong, 2 if none has such a name."""
import asyncio
import os
import random
import sys
import time
import unittest
from collections import Counter, defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
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
ONLY = os.environ.get("CHAOS_ONLY", "")
COLUMNS = ("whole", "error", "broken", "wrong")
SAYS = {"whole": "whole answer", "error": "error status",
        "broken": "error event", "wrong": "anything else"}
CASES = "upstream_faults_test"  # what this plays itself


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
        self.tests = defaultdict(Counter)
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
        self.print_cases()
        self.print_tests()
        say("Work on a fault was cancelled", self.latencies)
        say("Work for a client that left was cancelled", self.leaves)
        print(f"Never cancelled: {self.missed}.")
        took, name = self.longest
        if name:
            print(f"The longest case took {took:.1f} s: {name}.")
        for seed, name, what in self.wrong:
            print(f"seed {seed}: {name}: {what}", file=sys.stderr)
        return not self.wrong and not self.missed

    def print_cases(self):
        rows = [(g, self.table[g]) for g in GROUPS if self.table[g]]
        print_table(("the fault", "cases", *(SAYS[c] for c in COLUMNS)),
                    [(g, sum(row.values()), *(row[c] for c in COLUMNS))
                     for g, row in rows])

    def print_tests(self):
        print_table(("the other tests", "run", "as promised", "otherwise"),
                    [(f"`{name}`", sum(row.values()), row["held"],
                      row["failed"])
                     for name, row in sorted(self.tests.items())])


def print_table(head, rows):
    """Nothing where there are no rows."""
    if not rows:
        return
    print("| " + " | ".join(head) + " |\n|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print()


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


class Verdicts(unittest.TestResult):
    """Who failed, with its fixtures, and where."""

    def __init__(self, card, seed):
        super().__init__()
        self.card, self.seed = card, seed

    def startTest(self, test):
        super().startTest(test)
        self.before = self.told()

    def stopTest(self, test):
        super().stopTest(test)
        failed = self.told() > self.before
        self.card.tests[type(test).__module__]["failed" if failed
                                               else "held"] += 1

    def told(self):
        return len(self.errors) + len(self.failures)

    def close(self):
        for test, what in self.errors + self.failures:
            self.card.wrong.append((self.seed, test.id(), what))
        for test, why in self.skipped:
            print(f"{test.id()}: skipped, {why}", file=sys.stderr)


def tests(card, seed):
    """The other tests of this folder; those of a class stay together."""
    order, classes = random.Random(seed), defaultdict(list)
    for test in flat(unittest.defaultTestLoader.discover(HERE, "*_test.py")):
        if type(test).__module__ != CASES and ONLY in test.id():
            classes[type(test)].append(test)
    groups = list(classes.values())
    order.shuffle(groups)
    for group in groups:
        order.shuffle(group)
    verdicts = Verdicts(card, seed)
    unittest.TestSuite(sum(groups, [])).run(verdicts)
    verdicts.close()


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


async def once(card, seed):
    cases = [c for c in all_cases() if ONLY in c.name]
    if not cases:
        return
    stage = Stage(cases, seed)
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
        tests(card, seed + i)
    if not card.table and not card.tests:
        print("CHAOS_ONLY: want part of the name of a case or a test, got "
              f"{ONLY!r}", file=sys.stderr)
        return 2
    return 0 if card.print() else 1


if __name__ == "__main__":
    sys.exit(main())
