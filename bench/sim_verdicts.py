"""The table that bench/compare_sim.py prints, and its verdicts."""

OVERLOADS = ("overload", "overload2")
# Where premium cannot always be met; it is compared with the other routers.
SMALL = ("lone",)
INCIDENTS = ("brownout", "gray-silent", "sinkhole")
CLASSES = {"premium": 0.99, "standard": 0.97, "batch": 0.99}  # to be met

NOT_BETTER_BY = 0.005  # of a baseline, on premium
OF_ALONE = 0.95  # premium in an overload, against premium alone
OF_BOUND = 0.95  # met at equal spend
CHEAPER = {"least-connections": 0.55, "class-pinned": 0.8}
DETECT_S = 2.0
MISSES = 3  # premium, per incident
FORESEEN = 0.02

SHORT = 1e-9  # for figures that were printed


def attained(result, name):
    """Of a class without requests nothing was missed."""
    share = result["classes"][name]["attainment"]
    return 1.0 if share is None else share


def text(value, digits, scale=1):
    return "-" if value is None else f"{value * scale:.{digits}f}"


def worst(values, most=True):
    known = [v for v in values if v is not None]
    if not known:
        return None
    return max(known) if most else min(known)


# --- the table ---

WIDTHS = (15, 19, 9, 9, 9, 12, 10, 10, 10, 8)


def line(*columns):
    print("".join(c.ljust(w) for c, w in zip(columns, WIDTHS)).rstrip())


def row(scenario, router, results):
    shares = [text(worst((attained(r, c) for r in results), False), 1, 100)
              for c in CLASSES]
    cost = worst(r["cost_per_met"] for r in results)
    p95 = [worst(r["classes"][c][k]["p95"] for r in results)
           for c, k in (("premium", "ttft_ms"), ("standard", "ttft_ms"),
                        ("batch", "total_ms"))]
    line(scenario, router, *shares, "-" if cost is None else f"{cost:.4g}",
         *(text(p, 0) for p in p95),
         text(worst(r["detect_s"] for r in results), 1))


def table(scenarios, routers, numbers, runs):
    line("scenario", "router", "premium", "standard", "batch", "cost/met",
         "TTFT p95", "TTFT p95", "total p95", "detect")
    line("", "", "met %", "met %", "met %", "", "premium", "standard", "batch",
         "s")
    for s in scenarios:
        for i, r in enumerate(routers):
            row(s if i == 0 else "", r, [runs[s, r, n] for n in numbers])
        print()


# --- the targets ---

class Verdicts:
    """Prints a line for each target, and keeps those that were missed."""

    def __init__(self):
        self.missed = []

    def say(self, name, good, measured, target, where=""):
        verdict = "pass" if good else "MISS"
        print(f"{name:48} {measured:>12}   {target:14} {verdict}"
              f"{'  ' + where if where and not good else ''}")
        if not good:
            self.missed.append(name)

    def least(self, name, values, target, digits=4):
        """`values` are {where: value}; the least must be at least that."""
        known = {k: v for k, v in values.items() if v is not None}
        if not known:
            print(f"{name:48} {'-':>12}   >= {target:<11g} not measured")
            return
        at = min(known, key=known.get)
        self.say(name, known[at] >= target - SHORT, f"{known[at]:.{digits}f}",
                 f">= {target:g}", str(at))

    def most(self, name, values, target, digits=4):
        known = {k: v for k, v in values.items() if v is not None}
        if not known:
            print(f"{name:48} {'-':>12}   <= {target:<11g} not measured")
            return
        at = max(known, key=known.get)
        self.say(name, known[at] <= target + SHORT, f"{known[at]:.{digits}f}",
                 f"<= {target:g}", str(at))


def ratio(a, b):
    return None if a is None or not b else a / b


def met_of(result):
    return sum(c["met"] for c in result["classes"].values())


def judge_attainment(v, scenarios, numbers, ours, alone):
    for s in scenarios:
        if s in OVERLOADS:
            v.least(f"{s}: premium, against premium alone",
                    {n: ratio(attained(ours[s, n], "premium"),
                              attained(alone[s, n], "premium"))
                     for n in numbers}, OF_ALONE)
            continue
        for c, target in CLASSES.items():
            if s in SMALL and c == "premium":
                continue
            v.least(f"{s}: {c} attainment",
                    {n: attained(ours[s, n], c) for n in numbers}, target)


def no_worse(a, b):
    """What b attains beyond the share that a class asks for counts for
    nothing."""
    return all(attained(a, c) >= min(attained(b, c), CLASSES[c]) - SHORT
               for c in CLASSES)


def judge_cost(v, routers, numbers, runs):
    for r, target in CHEAPER.items():
        if r not in routers or ("steady", r, numbers[0]) not in runs:
            continue
        pairs = {n: (runs["steady", "slo", n], runs["steady", r, n])
                 for n in numbers}
        v.most(f"steady: cost/met, against {r}",
               {n: ratio(a["cost_per_met"], b["cost_per_met"])
                for n, (a, b) in pairs.items()}, target)
        worse = [n for n, (a, b) in pairs.items() if not no_worse(a, b)]
        v.say("  at no worse attainment", not worse,
              f"{len(pairs) - len(worse)} of {len(pairs)}", "every seed",
              f"seeds {worse}")


def judge_baselines(v, scenarios, routers, numbers, runs):
    """Nobody is better on premium, or cheaper and no worse at anything."""
    for r in routers:
        if r == "slo":
            continue
        better, cheaper = {}, []
        for s in scenarios:
            for n in numbers:
                a, b = runs[s, "slo", n], runs[s, r, n]
                better[s, n] = attained(b, "premium") - attained(a, "premium")
                if (no_worse(b, a) and b["cost_per_met"] is not None
                        and a["cost_per_met"] is not None
                        and b["cost_per_met"] < a["cost_per_met"]):
                    cheaper.append((s, n))
        v.most(f"{r}: better on premium by", better, NOT_BETTER_BY)
        v.say(f"{r}: cheaper at no worse attainment", not cheaper,
              f"{len(cheaper)} runs", "none", str(cheaper))


def judge_incidents(v, scenarios, numbers, ours):
    for s in scenarios:
        if s not in INCIDENTS:
            continue
        v.most(f"{s}: detected after s",
               {n: ours[s, n]["detect_s"] for n in numbers}, DETECT_S, 1)
        v.most(f"{s}: premium misses per incident",
               {n: ours[s, n].get("incident_misses") for n in numbers},
               MISSES, 0)


def judge_foresight(v, scenarios, numbers, ours):
    """The sign is dropped: to promise too little is as wrong."""
    for c in CLASSES:
        gaps = {}
        for s in scenarios:
            for n in numbers:
                k = ours[s, n]["classes"][c]
                if k.get("foreseen") is not None:
                    gaps[s, n] = abs(k["foreseen"] - k["happened"])
        v.most(f"{c}: P(ok) foreseen, less what happened", gaps, FORESEEN)


def judge_bound(v, scenarios, numbers, ours, bounds):
    """Against whoever pays as much; then whoever meets as much premium, too."""
    for s in scenarios:
        for floored, whose in ((False, "of the bound at equal spend"),
                               (True, "of that with as much premium")):
            v.least(f"{s}: met, {whose}",
                    {n: ratio(met_of(ours[s, n]),
                              bounds[s, n, floored]["met"])
                     for n in numbers if (s, n, floored) in bounds}, OF_BOUND)


def judge(scenarios, routers, numbers, runs, alone, bounds):
    """Prints every target; the names of those that were missed."""
    v = Verdicts()
    ours = {(s, n): runs[s, "slo", n] for s in scenarios for n in numbers}
    judge_attainment(v, scenarios, numbers, ours, alone)
    judge_cost(v, routers, numbers, runs)
    judge_bound(v, scenarios, numbers, ours, bounds)
    judge_baselines(v, scenarios, routers, numbers, runs)
    judge_incidents(v, scenarios, numbers, ours)
    judge_foresight(v, scenarios, numbers, ours)
    print()
    for name in v.missed:
        print(f"bench-sim: missed: {name}")
    if not v.missed:
        print("bench-sim: every target was met")
    return v.missed
