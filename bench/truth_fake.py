"""One fleet, one workload, twice: in the simulator, and live in front of
fakellm. Same arrivals, lengths and classes; same speeds and slots; the router
is told the same wrong estimates.

fakellm plays a batching engine (--engine): a step takes step + per_sequence *
answers + per_token * prompt tokens, the formula of the simulator's machine and
of `profile` in gateway.conf. So its parameters are the profile.
"""
import json
import math
import os
import random
import statistics
import subprocess

import truth_converge
from truth_stage import (POINTSMAN, Stage, Trouble, in_order, note, read_lines,
                         say, start_fleet, verdict)

LUCK = 20  # simulated runs, alike but for the noise
WITHIN = 3.0  # points of attainment
APART = 3.0  # points of premium attainment that rank two routers
DEARER = 0.05  # of the dearer: that ranks them by cost

# rtt, step, per_sequence, per_token in ms; slots; USD per million tokens.
FLEET = {
    "gpu-a": ("vllm", "gpu", 15, 7, 0.15, 0.04, 48, 1.0),
    "gpu-b": ("vllm", "gpu", 15, 7, 0.15, 0.04, 48, 1.0),
    "fast": ("openai", "wafer", 40, 0.6, 0.01, 0.004, 64, 5.0),
    "cpu": ("llamacpp", "cpu", 1, 25, 2, 0.6, 8, 0.3),
}
CLASSES = {  # share, targets, percentile
    "premium": (20, {"ttft": 250, "itl": 15}, 99),
    "standard": (50, {"ttft": 1000, "itl": 30}, 97),
    "batch": (30, {"total": 60000}, 99),
}
# Who decides: live, in the simulator, and in which order.
ROUTERS = {
    "slo": ("slo", "slo", ("gpu-a", "gpu-b", "fast", "cpu")),
    "cheapest first": ("observe", "static-priority",
                       ("cpu", "gpu-a", "gpu-b", "fast")),
    "gpus first": ("observe", "static-priority",
                   ("gpu-a", "gpu-b", "fast", "cpu")),
    "fast only": ("observe", "static-priority", ("fast",)),
}


class Pcg:
    """The simulator's random numbers (PCG-XSH-RR 64/32), for what it tells."""

    def __init__(self, seed, stream):
        self.state, self.inc = 0, stream << 1 | 1
        self.u32()
        self.state = (self.state + seed) % 2**64
        self.u32()

    def u32(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.inc) % 2**64
        shifted = ((old >> 18) ^ old) >> 27 & 0xffffffff
        turn = old >> 59
        return (shifted >> turn | shifted << (-turn & 31)) & 0xffffffff


def told(seed, i):
    """By which factor the simulator's router is misled about backend i."""
    return 2 ** (2 * Pcg(seed, 1000 + i).u32() * 2**-32 - 1)


def draw_rows(seed, rate, seconds):
    """Poisson; lengths as in the public conversation trace."""
    r, at, rows = random.Random(seed), 0.0, []
    while (at := at + r.expovariate(rate)) < seconds:
        rows.append((at, min(4142, round(r.lognormvariate(
            math.log(1020), math.log(4083 / 1020) / 1.645)) + 1), min(
                601, round(r.lognormvariate(
                    math.log(129), math.log(451 / 129) / 1.645)) + 1)))
    return rows


def write_trace(path, rows, later=0.0):
    """later: seconds that all but the first come later."""
    with open(path, "w", encoding="ascii") as f:
        f.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
        for i, (at, prompt, output) in enumerate(rows):
            at += later if i else 0
            f.write(f"2026-11-01 00:{int(at // 60):02d}:{at % 60:010.7f},"
                    f"{prompt},{output}\n")


def conf(order, policy, ports, seed, true_prices=True):
    """ports: of the live ones; {} tells the simulator the truth."""
    backends = []
    for i, name in enumerate(order):
        adapter, hardware, *speed, slots, price = FLEET[name]
        off = told(seed, i) if ports else 1
        rtt, step, sequence, token = (off * v for v in speed)
        if not true_prices:
            price = 1 + i  # in that order, to one that takes the cheapest
        probe = ('probe_interval = "500ms"; '
                 if adapter in ("vllm", "llamacpp") else "")
        backends.append(
            f'  {{ name = "{name}"; adapter = "{adapter}"; '
            f'hardware = "{hardware}"; slots = {slots}; '
            f'url = "http://127.0.0.1:{ports.get(name, 1)}/v1";\n    '
            f'price = {{ input = {price:.1f}; output = {price:.1f}; }}; {probe}'
            f'profile = {{ rtt = "{rtt * 1e3:.0f}us"; '
            f'step = "{step * 1e3:.0f}us"; '
            f'per_sequence = "{sequence * 1e3:.0f}us"; '
            f'per_token = {token * 1e3:.3f}; }}; }}')
    slos = [f'  {{ name = "{n}"; priority = "{n}"; percentile = {q}; '
            + " ".join(f'{k} = "{v}ms";' for k, v in targets.items()) + " }"
            for n, (_, targets, q) in CLASSES.items()]
    tenants = [f'  {{ name = "t-{n}"; keys = [ "env:TRUTH_KEY_{n.upper()}" ]; '
               f'slo = "{n}"; }}' for n in CLASSES]
    servings = ", ".join(f'{{ backend = "{n}"; }}' for n in order)
    join = ",\n".join
    return (f'policy = "{policy}";\nslo = (\n{join(slos)}\n);\n'
            f'default_slo = "standard";\nbackends = (\n{join(backends)}\n);\n'
            f'models = ( {{ name = "m"; serve = ( {servings} ); }} );\n'
            f'default_model = "m";\ntenants = (\n{join(tenants)}\n);\n')


def keys():
    return {f"TRUTH_KEY_{n.upper()}": f"truth-{n}" for n in CLASSES}


def machines(names):
    return {n: FLEET[n][2:7] for n in names}


def live(folder, name, trace, seed, seconds):
    policy, _, order = ROUTERS[name]
    options = ["--trace", trace, "--seed", str(seed), "--honour-lengths",
               "--timeout", "60s"]
    for n, (share, targets, _) in CLASSES.items():
        terms = ",".join(f"{k}={v}ms" for k, v in targets.items())
        options += ["--class", f"name={n},share={share},priority={n},"
                    f"key=env:TRUTH_KEY_{n.upper()},model=m,headers=no,{terms}"]
    tag = "live-" + name.replace(" ", "-")
    with Stage(folder) as stage:
        ports = start_fleet(stage, machines(order), seed)
        port, _ = stage.gateway(tag, conf(order, policy, ports, seed), keys())
        return stage.loadtest(tag, port, options, keys(), seconds + 120)


def simulate_once(folder, name, rows, seed, later):
    _, router, order = ROUTERS[name]
    tag = os.path.join(folder, "sim-" + name.replace(" ", "-"))
    write_trace(tag + ".trace.csv", rows, later)
    with open(tag + ".conf", "w", encoding="ascii") as f:
        f.write(conf(order, "slo", {}, seed, true_prices=router == "slo"))
    with open(tag + ".scenario.conf", "w", encoding="ascii") as f:
        f.write(f'summary = "as it is live"; fleet = "{tag}.conf";\n'
                'traffic = { max_tokens = true; mix = { premium = 0.2; '
                'standard = 0.5; batch = 0.3; }; };\n')
    command = [POINTSMAN, "simulate", "--scenario", tag + ".scenario.conf",
               "--router", router, "--trace", tag + ".trace.csv", "--speed", "1",
               "--seed", str(seed), "--json", "--requests-out", tag + ".csv"]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, **keys()})
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout), in_order(read_lines(tag + ".csv"))


def simulated(folder, name, rows, seed):
    """[(report, lines)] of the same requests with different luck: noise goes
    by the time, so a moment's delay draws other noise."""
    return [simulate_once(folder, name, rows, seed, 0.05 * i)
            for i in range(LUCK)]


def same_requests(rows, simulated_lines, live_lines):
    n = (len(rows), len(simulated_lines), len(live_lines))
    apart = sum(s["class"] != l["class"]
                for s, l in zip(simulated_lines, live_lines))
    if len(set(n)) != 1 or apart > 0:
        raise Trouble(f"not the same requests: {n[0]} in the trace, {n[1]} "
                      f"simulated, {n[2]} live, {apart} of another class")


def cost_per_met(rows, lines):
    """From the answering backend's price and the trace's lengths."""
    cost = met = 0
    for (_, prompt, output), q in zip(rows, lines):
        if q["backend"] in FLEET:
            cost += FLEET[q["backend"]][-1] * (prompt + output) / 1e6
        met += q["met"] in ("1", "true")
    return cost / met if met else math.inf


def compare(name, sims, real):
    good = True
    for n in CLASSES:
        met = [100 * sim["classes"][n]["attainment"] for sim, _ in sims]
        s, l = sims[0][0]["classes"][n], real["classes"][n]
        gap = 100 * l["attainment"] - statistics.mean(met)
        fine = abs(gap) <= WITHIN
        good = good and fine
        say(f"{name:<15} {n:<9} {l['requests']:>4} "
            f"{statistics.mean(met):>6.1f} {min(met):>6.1f}-{max(met):<5.1f} "
            f"{100 * l['attainment']:>6.1f} "
            f"{gap:>+6.1f} {'' if fine else 'MISS':<4}" + "".join(
                f"{s[t][p] or 0:>9.1f}{l[t][p] or 0:>9.1f}"
                for t, p in (("ttft_ms", "p50"), ("ttft_ms", "p95"),
                             ("itl_ms", "p50"), ("itl_ms", "p95"))))
    return good


def order_of(figures, a, b, what):
    """1: a is the better one, -1: b, 0: too close to say. what: 0 is premium
    attainment, 1 the cost of a request that met its terms."""
    x, y = figures[a][what], figures[b][what]
    if what == 0:
        return 0 if abs(x - y) <= APART / 100 else 1 if x > y else -1
    return 0 if abs(x - y) <= DEARER * max(x, y) else 1 if x < y else -1


def rank(sims, lives):
    """True: no pair that is well apart in both is the other way round."""
    good = True
    for what, word in enumerate(("premium attainment", "cost")):
        pairs = [(a, b) for i, a in enumerate(sims) for b in list(sims)[:i]]
        signs = [(order_of(sims, a, b, what), order_of(lives, a, b, what))
                 for a, b in pairs]
        clear = sum(s * l != 0 for s, l in signs)
        wrong = [f"{a} and {b}" for (a, b), (s, l) in zip(pairs, signs)
                 if s * l < 0]
        good = verdict(
            clear > 0 and not wrong,
            f"rank by {word}: {clear} of {len(pairs)} pairs are apart in "
            "both, " + ("all the same way" if not wrong
                        else "the other way: " + ", ".join(wrong))) and good
    return good


def converge(folder, seed):
    with Stage(folder) as stage:
        port = start_fleet(stage, machines(("gpu-a",)), seed)["gpu-a"]
        adapter, _, *profile, slots, _ = FLEET["gpu-a"]
        return truth_converge.run(stage, "gpu-a", adapter, port, profile,
                                  slots, ["--rate", "6", "--honour-lengths",
                                          "--seed", str(seed)])


def heading():
    say(f"{'router':<15} {'class':<9} {'n':>4} {'sim %':>6} "
        f"{'luck':^12} {'live %':>6} {'gap':>6} {'':<4}" + "".join(
            f"{t:>9}{'live':>9}" for t in (
                "TTFT p50", "p95", "ITL p50", "p95")))


def run(folder, seed, rate, seconds):
    trace = os.path.join(folder, "trace.csv")
    rows = draw_rows(seed, rate, seconds)
    write_trace(trace, rows)
    note(f"{len(rows)} requests in {seconds} s, {len(ROUTERS)} routers")
    heading()
    sims, lives, good = {}, {}, True
    for name in ROUTERS:
        runs = simulated(folder, name, rows, seed)
        real, lines = live(folder, name, trace, seed, seconds)
        lines = in_order(lines)
        same_requests(rows, runs[0][1], lines)
        good = compare(name, runs, real) and good
        sims[name] = [statistics.mean(v) for v in zip(*(
            (sim["classes"]["premium"]["attainment"],
             cost_per_met(rows, sim_lines)) for sim, sim_lines in runs))]
        lives[name] = (real["classes"]["premium"]["attainment"],
                       cost_per_met(rows, lines))
    for name in ROUTERS:
        say(f"{name:<15} USD per 1,000 met: {1e3 * sims[name][1]:.3f} "
            f"simulated, {1e3 * lives[name][1]:.3f} live")
    good = verdict(good, f"attainment per class within {WITHIN:g} points")
    good = rank(sims, lives) and good
    return converge(folder, seed) and good
