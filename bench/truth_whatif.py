"""Would it hold with one backend less? Asked of a recorded day and of what the
gateway has measured, then tried.

Two engines (fakellm) of different speed, both three times slower than
gateway.conf says. Traffic goes through the gateway; its ledger becomes a trace
and its measurements a file of profiles. Both are played through the simulator,
with the same configuration and with one that lacks a backend, with the
profiles and without them, and held against what happened: with the second
configuration live, too.
"""
import datetime
import json
import subprocess
import time

from truth_fake import draw_rows, write_trace
from truth_stage import (POINTSMAN, Trouble, Stage, get, note, say,
                         start_fleet, verdict)

OFF = 3  # times slower than the configuration says
WITHIN = 5.0  # points of attainment, with profiles
LEARNING = 40  # s of traffic before what is recorded
PAUSE = 2  # s without any, between
SEEDS = 10  # simulated runs, alike but for the luck

# rtt, step, per_sequence, per_token in ms; slots; USD per million tokens
FLEET = {
    "gpu-a": (20, 15, 0.5, 0.1, 32, 1.0),
    "gpu-b": (30, 20, 0.6, 0.15, 32, 1.2),
}
CLASSES = {  # share, targets
    "premium": (30, {"ttft": 600, "itl": 30}),
    "standard": (70, {"ttft": 1200, "itl": 40}),
}


def draw(seed, rate, seconds):
    return [(at, min(prompt, 2000), min(output, 300))
            for at, prompt, output in draw_rows(seed, rate, seconds)]


def conf(names, ports, ledger=""):
    backends = []
    for name in names:
        *speed, slots, price = FLEET[name]
        rtt, step, sequence, token = (v / OFF for v in speed)
        backends.append(
            f'  {{ name = "{name}"; adapter = "vllm"; hardware = "gpu"; '
            f'slots = {slots}; url = "http://127.0.0.1:{ports[name]}/v1";\n'
            f'    price = {{ input = {price}; output = {price}; }}; '
            f'profile = {{ rtt = "{rtt * 1e3:.0f}us"; '
            f'step = "{step * 1e3:.0f}us"; '
            f'per_sequence = "{sequence * 1e3:.0f}us"; '
            f'per_token = {token * 1e3:.3f}; }}; }}')
    slos = [f'  {{ name = "{n}"; priority = "{n}"; percentile = 95; '
            + " ".join(f'{k} = "{v}ms";' for k, v in targets.items()) + " }"
            for n, (_, targets) in CLASSES.items()]
    servings = ", ".join(f'{{ backend = "{n}"; model = "m"; }}' for n in names)
    join = ",\n".join
    return (f'{ledger}slo = (\n{join(slos)}\n);\ndefault_slo = "standard";\n'
            f'backends = (\n{join(backends)}\n);\n'
            f'models = ( {{ name = "m"; serve = ( {servings} ); }} );\n')


def offer(stage, tag, port, trace, seed, seconds):
    options = ["--trace", trace, "--seed", str(seed), "--honour-lengths",
               "--timeout", "60s", "--model", "m"]
    for n, (share, targets) in CLASSES.items():
        terms = ",".join(f"{k}={v}ms" for k, v in targets.items())
        options += ["--class", f"name={n},share={share},priority={n},slo={n},"
                    f"{terms}"]
    return stage.loadtest(tag, port, options, {}, seconds + 120)[0]


def live(stage, tag, names, ports, trace, seed, seconds):
    """Its report, after some traffic to learn from; the ledger's trace and the
    profiles are left behind."""
    ledger = stage.path(tag + ".db")
    port, admin = stage.gateway(
        tag, conf(names, ports, f'ledger = "{ledger}";\n'), {})
    early = stage.path(tag + ".early.csv")
    write_trace(early, draw(seed + 1, 2 * len(names) / len(FLEET), LEARNING))
    offer(stage, tag + "-early", port, early, seed, LEARNING)
    time.sleep(PAUSE)
    begin = datetime.datetime.now(datetime.timezone.utc)
    report = offer(stage, tag, port, trace, seed, seconds)
    with open(stage.path(tag + ".profiles.json"), "w",
              encoding="ascii") as f:
        json.dump(get(admin, "/admin/v1/backends"), f)
    stage.end(tag)
    with open(stage.path(tag + ".day.csv"), "w", encoding="ascii") as f:
        f.write(pointsman("usage", "--trace", "--file", ledger, "--since",
                          begin.strftime("%Y-%m-%dT%H:%M:%SZ")))
    return report


def pointsman(*words):
    done = subprocess.run([POINTSMAN, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def simulate(stage, tag, names, ports, trace, profiles):
    """Reports, one for each seed."""
    path = stage.path(tag + ".sim.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(conf(names, ports))
    more = ["--profiles", profiles] if profiles else []
    return [json.loads(pointsman(
        "simulate", "--config", path, "--trace", trace, "--json", "--seed",
        str(1 + i), *more)) for i in range(SEEDS)]


def mean(reports, name, *path):
    values = []
    for r in reports:
        v = r["classes"][name]
        for p in path:
            v = v[p]
        values.append(v or 0)
    return sum(values) / len(values)


def line(word, n, reports):
    say(f"{word:<30} {n:<9} {100 * mean(reports, n, 'attainment'):>6.1f}"
        + "".join(f"{mean(reports, n, t, q):>9.1f}"
                  for t in ("ttft_ms", "itl_ms")
                  for q in ("p50", "p95", "p99")))


def compare(word, names, real, sims):
    """sims: by whether profiles were given. By how many points each is off,
    at most."""
    off = {True: 0, False: 0}
    for n in CLASSES:
        line(f"{word}, as it was", n, [real])
        for given, reports in sims.items():
            line("  simulated, profiles " + ("measured" if given else
                                             "of the conf"), n, reports)
            gap = 100 * (mean(reports, n, "attainment")
                         - real["classes"][n]["attainment"])
            off[given] = max(off[given], abs(gap))
    return off


def run(folder, seed, rate, seconds):
    rows = draw(seed, rate, seconds)
    good = True
    say(f"{'':<30} {'class':<9} {'met %':>6}" + "".join(
        f"{t:>9}" for t in ("TTFT p50", "p95", "p99", "ITL p50", "p95",
                            "p99")))
    with Stage(folder) as stage:
        trace = stage.path("offered.csv")
        write_trace(trace, rows)
        note(f"{len(rows)} requests in {seconds} s, twice")
        ports = start_fleet(
            stage, {n: f[:5] for n, f in FLEET.items()}, seed)
        both = live(stage, "both", list(FLEET), ports, trace, seed, seconds)
        day = stage.path("both.day.csv")
        profiles = stage.path("both.profiles.json")
        fewer = [next(iter(FLEET))]
        alone = live(stage, "one less", fewer, ports, trace, seed, seconds)
        for word, names, real in (("both", list(FLEET), both),
                                  ("one less", fewer, alone)):
            off = compare(word, names, real, {
                given: simulate(stage, word, names, ports, day,
                                profiles if given else None)
                for given in (True, False)})
            good = verdict(
                off[True] <= WITHIN,
                f"{word}: within {off[True]:.1f} points of it with profiles, "
                f"within {off[False]:.1f} without") and good
    return good
