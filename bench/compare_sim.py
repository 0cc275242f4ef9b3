#!/usr/bin/env python3
"""The engine beside other routers, and the bound, in the simulator.

usage: bench/compare_sim.py         (`make bench-sim`; QUICK=1 for a first look)

Every router gets the same traffic, scenario by scenario and seed by seed; what
each run said goes to build/bench-sim/ as JSON. Prints the worst seed of each,
then the targets; exits with 1 when one is missed. From the environment:
    QUICK=1             a tenth of the traffic, and two seeds
    TRACE=FILE          arrivals and lengths of that file, not generated ones
    SEEDS=1-10          which seeds
    SCENARIOS, ROUTERS  only these, by spaces
docs/simulator.md says what the figures mean.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import time

import sim_verdicts

POINTSMAN = os.environ.get("POINTSMAN", "build/pointsman")
OUT = os.environ.get("OUT", "build/bench-sim")
QUICK = bool(os.environ.get("QUICK"))
TRACE = os.environ.get("TRACE", "")
PROCESSES = 2
SPEED = 1.8
DURATION = "195s"  # of a quick run: a tenth

SCENARIOS = ("steady brownout bursts coldstart drift heavytail overload "
             "overload2 gray-itl gray-silent gray-truncate sinkhole flap "
             "storm").split()
ROUTERS = ("slo class-pinned round-robin least-connections p2c-ewma "
           "litellm-latency openrouter static-priority").split()


class Trouble(Exception):
    pass


def seeds():
    text = os.environ.get("SEEDS", "1-2" if QUICK else "1-10")
    low, _, high = text.partition("-")
    return list(range(int(low), int(high or low) + 1))


def traffic():
    options = ["--speed", str(SPEED)]
    options += ["--trace", TRACE] if TRACE else []
    options += ["--duration", DURATION] if QUICK else []
    return options


def run(scenario, router, seed, tag="", extra=()):
    """One run's object; kept as a file of that name."""
    command = [POINTSMAN, "simulate", "--scenario", scenario, "--router",
               router, "--seed", str(seed), "--json", *traffic(), *extra]
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command)}: exit {done.returncode}: "
                      f"{done.stderr.strip()}")
    try:
        result = json.loads(done.stdout)
    except ValueError as e:
        raise Trouble(f"{' '.join(command)}: not JSON: {e}") from e
    name = ".".join(filter(None, (scenario, router, tag, str(seed), "json")))
    with open(os.path.join(OUT, name), "w", encoding="ascii") as f:
        f.write(done.stdout)
    return result


def all_of(jobs, pool):
    """{key: object} of {key: arguments of run()}, with a line of progress."""
    waiting = {pool.submit(run, *args): key for key, args in jobs.items()}
    results = {}
    try:
        for future in concurrent.futures.as_completed(waiting):
            results[waiting[future]] = future.result()
            if sys.stderr.isatty():
                print(f"\r{len(results)} of {len(jobs)} runs ", end="",
                      file=sys.stderr, flush=True)
    except Trouble:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    return results


def spend_of(result):
    """What it paid in all; None where that is not known."""
    met = sum(c["met"] for c in result["classes"].values())
    return None if result["cost_per_met"] is None else \
        result["cost_per_met"] * met


def floor_of(result):
    """The options that ask for as much premium as it met, if any."""
    premium = result["classes"]["premium"]
    if not premium["met"]:
        return ()
    # a little less, so that rounding does not ask for one more
    share = (premium["met"] - 0.5) / premium["requests"]
    return ("--floor", f"premium={share:.9g}")


def measure(scenarios, routers, numbers):
    """Runs of routers; premium alone where capacity is short; bounds at what
    ours spent, without and with a floor: {(scenario, seed, floored): ...}."""
    with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
        runs = all_of({(s, r, n): (s, r, n) for s in scenarios
                       for r in routers for n in numbers}, pool)
        if "slo" not in routers:
            return runs, {}, {}
        alone = all_of({(s, n): (s, "slo", n, "premium",
                                 ("--classes", "premium"))
                        for s in scenarios if s in sim_verdicts.OVERLOADS
                        for n in numbers}, pool)
        jobs = {}
        for s in scenarios:
            for n in numbers:
                spend = spend_of(runs[s, "slo", n])
                if spend is None:
                    continue
                paid = ("--spend", f"{spend:.9g}")
                jobs[s, n, False] = (s, "bound", n, "spend", paid)
                jobs[s, n, True] = (s, "bound", n, "floor",
                                    paid + floor_of(runs[s, "slo", n]))
        return runs, alone, all_of(jobs, pool)


def main():
    scenarios = os.environ.get("SCENARIOS", "").split() or SCENARIOS
    routers = os.environ.get("ROUTERS", "").split() or ROUTERS
    numbers = seeds()
    os.makedirs(OUT, exist_ok=True)
    began = time.monotonic()
    try:
        runs, alone, bounds = measure(scenarios, routers, numbers)
    except (Trouble, OSError) as e:
        print(f"bench-sim: {e}", file=sys.stderr)
        return 1
    print(f"bench-sim: {len(runs) + len(alone) + len(bounds)} runs in "
          f"{time.monotonic() - began:.0f} s; seeds {numbers[0]} to "
          f"{numbers[-1]}, the worst of them for each figure; "
          f"{'trace ' + TRACE if TRACE else 'generated traffic'}\n")
    sim_verdicts.table(scenarios, routers, numbers, runs)
    if "slo" not in routers:
        return 0
    misses = sim_verdicts.judge(scenarios, routers, numbers, runs, alone,
                                bounds)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
