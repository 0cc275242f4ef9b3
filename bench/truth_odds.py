"""Chances that receipts gave, against what happened: per server and decile of
prompt lengths.

So many requests meet their targets or not by chance alone, also where the
forecast is perfect: the standard error is of that, as if requests were
independent of each other. They are not quite (one slow moment hits several),
so the true error is somewhat larger.

Joined are those during whose TTFT another request came: what nobody can know
when the chance is given, and what makes their tokens slow.
"""
import math
import statistics

from truth_stage import Trouble, in_order, receipt, say, verdict

WITHIN = 5.0  # points between what was foreseen and what happened
ENOUGH = 80  # requests of a decile that is judged
SETTLE = 40  # requests that nothing is read from


class Case:
    """One request: its prompt's length, its chances, and what it came to."""

    def __init__(self, q, r):
        plan = next(p for p in r["plans"] if p["kind"] == "go")
        row = next(c for c in plan["candidates"]
                   if c["backend"] == plan["backend"])
        took = r["outcome"]["attempts"][-1]
        self.backend, self.chance = plan["backend"], plan["confidence"]
        self.tokens, self.met = r["facts"]["tokens_in_estimated"], q["met"] == "1"
        self.expected, self.took = row["expected"], took
        self.word = q["class"].partition("-")[2]  # its targets
        self.due, self.first = float(q["due_ms"]), float(q["ttft_ms"] or "inf")


def cases(admin, lines):
    out, lost = [], 0
    for q in in_order(lines)[SETTLE:]:
        r = receipt(admin, q["receipt"]) if q["receipt"] else None
        try:
            case = Case(q, r)
        except (TypeError, KeyError, IndexError, StopIteration):
            lost += 1
            continue
        if case.chance is not None:
            out.append(case)
    if lost:
        say(f"{lost} requests have no receipt or no plan, and are left out")
    return out


def tenths(list_, key):
    ordered = sorted(list_, key=key)
    n = len(ordered)
    return [ordered[n * i // 10:n * (i + 1) // 10] for i in range(10)]


def deciles(list_):
    return tenths(list_, lambda c: c.tokens)


def joined(list_):
    """Those during whose TTFT another request came to their server."""
    return [c for c in list_ if any(
        c.due < other.due < c.due + c.first for other in list_)]


def gap_of(part):
    """(foreseen, happened, what chance alone may make of it), in points."""
    foreseen = 100 * sum(c.chance for c in part) / len(part)
    happened = 100 * sum(c.met for c in part) / len(part)
    noise = 100 * math.sqrt(sum(c.chance * (1 - c.chance)
                                for c in part)) / len(part)
    return foreseen, happened, noise


def ratio(part, term):
    values = [c.took[term] / c.expected[term] for c in part
              if c.took[term] and c.expected[term]]
    return statistics.median(values) if values else float("nan")


def word_of(part):
    """What is to be said of a gap, given what chance may make of it."""
    foreseen, happened, noise = gap_of(part)
    gap = abs(happened - foreseen)
    if len(part) < ENOUGH:
        return "few"
    if gap <= WITHIN:
        return "ok"
    return "chance" if gap <= WITHIN + 2 * noise else "MISS"


def show(name, label, part):
    if not part:
        return
    foreseen, happened, noise = gap_of(part)
    say(f"{name:<8} {label:<12} {len(part):>5} {foreseen:>9.1f} "
        f"{happened:>9.1f} {happened - foreseen:>+7.1f} {noise:>6.1f} "
        f"{ratio(part, 'ttft_ms'):>9.2f} {ratio(part, 'itl_ms'):>9.2f}  "
        f"{word_of(part)}")


def lucky(parts):
    """How many deciles a perfect forecast would have within the limit: the
    mean, and the least that is no surprise (two deviations)."""
    shares = [math.erf(WITHIN / max(noise, 1e-9) / math.sqrt(2))
              for _, _, noise in map(gap_of, parts)]
    mean = sum(shares)
    return mean, mean - 2 * math.sqrt(sum(s * (1 - s) for s in shares))


def beyond_chance(parts):
    """The gaps' root mean square, less what chance makes of it, in points."""
    square = statistics.mean((h - f) ** 2 - noise ** 2
                             for f, h, noise in map(gap_of, parts))
    return math.sqrt(max(square, 0))


def judge(whole, parts):
    good = verdict(all(word_of(part) == "ok" for part in whole),
                   f"foreseen and happened within {WITHIN:g} points, "
                   "each server")
    parts = [part for part in parts if len(part) >= ENOUGH]
    if not parts:
        return verdict(False, f"no decile has {ENOUGH} requests")
    words = [word_of(part) for part in parts]
    mean, least = lucky(parts)
    return verdict(
        "MISS" not in words and words.count("ok") >= least,
        f"of {len(parts)} deciles {words.count('ok')} within {WITHIN:g} "
        f"points (a perfect forecast: {mean:.1f}, seldom below {least:.1f}), "
        f"{words.count('chance')} beyond by no more than two standard errors, "
        f"{words.count('MISS')} by more; beyond chance "
        f"{beyond_chance(parts):.1f} points, root mean square") and good


def calibration(list_, servers, targets):
    say(f"{'server':<8} {'prompt':<12} {'n':>5} {'foreseen':>9} "
        f"{'happened':>9} {'gap':>7} {'s.e.':>6} {'TTFT a/e':>9} "
        f"{'ITL a/e':>9}")
    parts, whole = [], []
    for name in servers:
        mine = [c for c in list_ if c.backend == name]
        if not mine:
            raise Trouble(f"{name} was sent nothing")
        whole.append(mine)
        show(name, "all", mine)
        for part in deciles(mine):
            parts.append(part)
            show(name, f"{part[0].tokens}-{part[-1].tokens}", part)
        for word in targets:
            show(name, word, [c for c in mine if c.word == word])
        late = joined(mine)
        show(name, "joined", late)
        show(name, "not joined", [c for c in mine if c not in late])
    return judge(whole, parts)
