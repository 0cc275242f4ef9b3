"""What bench/brownout prints: attainment before, during and after, where
premium went, three receipts, and the verdict.
"""
import datetime
import statistics
import subprocess

from demo_stage import share
from truth_stage import POINTSMAN, Trouble, receipt, say, verdict

WANTED = 99.0  # % of premium
BEYOND = 3  # misses that one incident may cost, and those in flight
LATE = 5.0  # ms at p99: beyond it the load test itself is disturbed
PHASES = ("before", "during", "after")


def wall(doc):
    return datetime.datetime.fromisoformat(
        doc["time"].replace("Z", "+00:00")).timestamp()


class Run:
    """The lines of a load test, on the clock of the receipts."""

    def __init__(self, lines, admin, slowed, began, ended):
        self.admin, self.slowed = admin, slowed
        self.lines = sorted(lines, key=lambda q: float(q["due_ms"]))
        self.docs = {}
        for q in self.lines:
            if q["receipt"]:
                self.docs[q["receipt"]] = receipt(admin, q["receipt"])
        zero = self.zero()
        self.began, self.ended = began - zero, ended - zero
        for q in self.lines:
            self.read(q)

    def zero(self):
        """When the load test began; each receipt says when one arrived."""
        at = [wall(self.docs[q["receipt"]])
              - (float(q["due_ms"]) + float(q["late_ms"])) / 1e3
              for q in self.lines if self.docs.get(q["receipt"])]
        if not at:
            raise Trouble("no premium request has a receipt")
        return statistics.median(at)

    def read(self, q):
        q["due"] = float(q["due_ms"]) / 1e3
        q["hit"] = q["met"] in ("1", "true")
        q["phase"] = PHASES[(q["due"] >= self.began)
                            + (q["due"] >= self.ended)]
        q["in_flight"] = (q["due"] < self.began and
                          q["due"] + float(q["total_ms"] or 60e3) / 1e3
                          >= self.began)
        doc = self.docs.get(q["receipt"]) or {"plans": []}
        q["there"] = [q["due"] + p["at_ms"] / 1e3 for p in doc["plans"]
                      if p["kind"] == "go" and p["backend"] == self.slowed]

    def of(self, name, phase=None):
        return [q for q in self.lines if q["class"] == name
                and phase in (None, q["phase"])]


# --- before ---

def prologue(fleet, classes, slowed, factor, o):
    say("All hardware here is simulated: fakellm answers as a batching engine "
        "would.\nThe gateway, the load test and every time below are real.\n")
    say("            TTFT of 1,000 tokens, alone   ms a token   slots   "
        "$ per million")
    for name, (_, _, (rtt, step, _, token), _, slots, price) in fleet.items():
        say(f"  {name:<9} {rtt + 2.5 * step + 1000 * token:>20.0f} ms "
            f"{step:>17g} {slots:>9} {price:>12g}")
    say()
    for name, (part, targets, q) in classes.items():
        terms = ", ".join(f"{k} {v} ms" for k, v in targets.items())
        say(f"  {name:<9} {o.rate * part / 100:g} requests a second; {terms} "
            f"for {q} %")
    say(f"\n{o.seconds} s of load; {slowed} takes {factor} times as long for "
        "everything in the middle third.\n")


# --- after ---

def attainment(lines):
    hits = sum(q["hit"] for q in lines)
    return f"{100 * hits / len(lines):.1f} % of {len(lines)}" if lines else "-"


def print_attainment(run, classes):
    say(f"{'met, from outside':<18}" + "".join(f"{p:>18}" for p in PHASES)
        + f"{'whole run':>18}")
    for name in classes:
        say(f"  {name:<16}" + "".join(
            f"{attainment(run.of(name, p)):>18}" for p in (*PHASES, None)))
    say()
    for p in PHASES:
        lines = run.of("premium", p)
        names = sorted({q["backend"] for q in lines})
        parts = [(name, sum(q["backend"] == name for q in lines))
                 for name in names]
        say(f"premium {p:<7} was answered by " + ", ".join(
            f"{name or 'nobody'} {share(n, len(lines))}"
            for name, n in sorted(parts, key=lambda x: -x[1])))


def print_detection(run):
    """Premium requests sent to the slowed backend while it was slow."""
    late = [q for q in run.of("premium")
            if any(run.began <= at < run.ended for at in q["there"])]
    last = max((at for q in late for at in q["there"] if at < run.ended),
               default=None)
    back = min((at for q in run.of("premium") for at in q["there"]
                if at >= run.ended), default=None)
    say(f"premium requests sent to {run.slowed} while it was slow: {len(late)}"
        f", {sum(not q['hit'] for q in late)} of them missed"
        + (f"; the last {last - run.began:.2f} s after it began"
           if last is not None else ""))
    say("premium's first request there afterwards: " + (
        f"{back - run.ended:.1f} s after it was fast again"
        if back is not None else "none"))


def shorten(text):
    """The plans with their candidates, and the reason: no time line."""
    for line in text.splitlines():
        if line.startswith(("plan", "slo", "why")):
            yield line
        elif line.startswith("  ") and not line.lstrip()[:1].isdigit():
            yield line.rstrip()


def explain(run, title, q):
    say(f"\n--- {title}, {q['due'] - run.began:+.2f} s: "
        f"pointsman explain {q['receipt']} ---")
    done = subprocess.run(
        [POINTSMAN, "explain", q["receipt"], "--admin",
         f"http://127.0.0.1:{run.admin}"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    if done.returncode != 0:
        raise Trouble("explain: " + done.stdout.strip())
    for line in shorten(done.stdout):
        say(line)


def explain_three(run):
    before = [q for q in run.of("premium", "before")
              if q["receipt"] and not q["in_flight"]]
    during = [q for q in run.of("premium", "during") if q["receipt"]]
    after = [q for q in run.of("premium", "after") if q["receipt"]]
    away = [q for q in during if not q["there"]] or during
    if not (before and away and after):
        raise Trouble("a third of the run has no premium receipt")
    explain(run, "before", before[-1])
    explain(run, "during", away[min(3, len(away) - 1)])
    explain(run, "after", after[-1])


def judge(run):
    own = run.of("premium")
    flying = [q for q in own if q["in_flight"]]
    missed = [q for q in own if not q["in_flight"] and not q["hit"]]
    beyond = [q for q in missed if q["phase"] == "during"]
    excused = min(len(beyond), BEYOND)
    counted = len(own) - len(flying) - excused
    rate = 100 * (1 - (len(missed) - excused) / counted) if counted else 0
    say("\nin flight when it began: "
        f"{len(flying)}, of which {sum(not q['hit'] for q in flying)} missed; "
        f"other premium misses: {len(missed)}")
    for q in missed:
        say(f"  at {q['due'] - run.began:+.2f} s, {q['backend'] or 'nobody'}: "
            f"TTFT {q['ttft_ms']} ms, ITL {q['itl_ms']} ms, {q['ending']}")
    good = verdict(len(beyond) <= BEYOND,
                   f"{len(beyond)} premium misses during the brownout beyond "
                   f"those in flight when it began (at most {BEYOND})")
    return verdict(rate >= WANTED,
                   f"{rate:.2f} % of {counted} premium requests met, not "
                   f"counting those in flight and {excused} beyond "
                   f"(at least {WANTED:g} %)") and good


def print_lateness(run):
    """A machine that is busy with something else is in every figure."""
    late = sorted(float(q["late_ms"]) for q in run.lines)
    p99 = late[int(0.99 * (len(late) - 1))]
    say(f"requests were sent late by {p99:.1f} ms at the 99th percentile, "
        f"{late[-1]:.1f} ms at most" + (
            ": this machine is too busy to measure on" if p99 > LATE else ""))


def story(run, classes):
    print_attainment(run, classes)
    say()
    print_lateness(run)
    print_detection(run)
    explain_three(run)
    return judge(run)
