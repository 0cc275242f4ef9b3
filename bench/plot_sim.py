#!/usr/bin/env python3
"""Pictures of what the simulator says, for docs/images.

usage: bench/plot_sim.py            (`make bench-plots`, after `make bench-sim`)

    attainment.svg, cost.svg   routers x scenarios: what bench/compare_sim.py
                               has left in build/bench-sim
    brownout.svg               a brownout's time line, three routers; plays them
    calibration.svg            P(SLO met) predicted, and what happened; plays it

From the environment: POINTSMAN, RESULTS, IMAGES (files and folders),
SEEDS (which results; 1-10), TRACE (arrivals for what is played).
"""
import json
import math
import os
import sys

import compare_sim
import plot_runs
import sim_verdicts
import svg

RESULTS = os.environ.get("RESULTS", "build/bench-sim")
IMAGES = os.environ.get("IMAGES", "docs/images")

# Of a share met, from good to bad: at or above the target, close, and so on.
SHADES = ((0, "#2e7d4f"), (0.01, "#7a8f3a"), (0.05, "#b98a2a"),
          (0.2, "#c2632f"), (1, "#a83a3a"))


def results():
    """{(scenario, router): [result of each seed]}"""
    found = {}
    for s in compare_sim.SCENARIOS:
        for r in compare_sim.ROUTERS:
            for n in compare_sim.seeds():
                path = os.path.join(RESULTS, f"{s}.{r}.{n}.json")
                try:
                    with open(path, encoding="ascii") as f:
                        found.setdefault((s, r), []).append(json.load(f))
                except FileNotFoundError as e:
                    raise compare_sim.Trouble(
                        f"{path} is missing: run `make bench-sim` first "
                        "(SEEDS says which)") from e
    return found


def shade(share, target):
    for short, colour in SHADES:
        if share >= target - short - 1e-9:
            return colour
    return SHADES[-1][1]


# --- attainment: a table for each class ---

CELL_W, CELL_H = 74, 20


def attainment_table(p, y, name, found):
    target = sim_verdicts.CLASSES[name]
    p.text(10, y, f"{name}: % of requests that met their SLO, worst seed "
           f"(target {100 * target:g})", 13, bold=True)
    for k, r in enumerate(compare_sim.ROUTERS):
        p.text(112 + CELL_W * (k + 0.5), y + 20 + 12 * (k % 2), r, 10.5,
               "middle", bold=r == "slo")
    y += 40
    for s in compare_sim.SCENARIOS:
        p.text(104, y + 14, s, 12, "end")
        for k, r in enumerate(compare_sim.ROUTERS):
            share = min(sim_verdicts.attained(x, name) for x in found[s, r])
            x = 112 + CELL_W * k
            p.rect(x + 1, y + 1, CELL_W - 2, CELL_H - 2, shade(share, target))
            p.text(x + CELL_W / 2, y + 14, f"{100 * share:.1f}", 11.5,
                   "middle", "#ffffff", r == "slo")
        y += CELL_H
    return y + 26


def attainment(found):
    tall = 66 + CELL_H * len(compare_sim.SCENARIOS)
    p = svg.Picture(130 + CELL_W * len(compare_sim.ROUTERS),
                    3 * tall + 24, "SLO attainment by router and scenario")
    y = 20
    for name in sim_verdicts.CLASSES:
        y = attainment_table(p, y, name, found)
    p.text(10, y - 6, "Colours: at the target; within 1, 5, 20 points of it; "
           "below. In overload and overload2 not all can be met.", 11)
    p.save(os.path.join(IMAGES, "attainment.svg"))


# --- cost: against the engine's, a row for each scenario ---

def cost_of(found, s, r):
    """The mean over seeds, and whether each class had its share."""
    costs = [x["cost_per_met"] for x in found[s, r]]
    if any(c is None for c in costs):
        return None, False
    good = all(sim_verdicts.attained(x, c) >= t - 1e-9
               for x in found[s, r] for c, t in sim_verdicts.CLASSES.items())
    return sum(costs) / len(costs), good


def cost(found):
    ratios = (0.5, 0.7, 1, 1.4, 2, 2.8, 4)
    low, high = math.log(0.4), math.log(5)
    p = svg.Picture(760, 110 + 24 * len(compare_sim.SCENARIOS),
                    "Cost per request that met its SLO, against the engine's")
    colours = dict(zip(compare_sim.ROUTERS, svg.PALETTE))
    names = [(colours[r], r) for r in compare_sim.ROUTERS]
    p.legend(10, 18, names[:5])
    p.legend(10, 36, names[5:])
    height = 24 * len(compare_sim.SCENARIOS)
    panel = svg.Panel(p, (120, 50, 620, height),
                      lambda v: (math.log(v) - low) / (high - low),
                      lambda v: v)
    panel.ticks_x(ratios, lambda v: f"{v:g}x",
                  "cost per met request, the engine's = 1 (mean of seeds; "
                  "filled: every class at its target, every seed)")
    for k, s in enumerate(compare_sim.SCENARIOS):
        y = 50 + 24 * (k + 0.5)
        p.text(112, y + 4, s, 12, "end")
        p.line(120, y, 740, y, svg.GRID)
        ours, _ = cost_of(found, s, "slo")
        for r in reversed(compare_sim.ROUTERS):
            c, good = cost_of(found, s, r)
            if c is None or not ours:
                continue
            x, _ = panel.at(min(max(c / ours, 0.4), 5), 0)
            p.dot(x, y, 5, colours[r] if good else "none", colours[r])
    panel.frame()
    p.save(os.path.join(IMAGES, "cost.svg"))


def main():
    if len(sys.argv) > 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    os.makedirs(IMAGES, exist_ok=True)
    try:
        found = results()
        attainment(found)
        cost(found)
        plot_runs.brownout(os.path.join(IMAGES, "brownout.svg"))
        plot_runs.calibration(os.path.join(IMAGES, "calibration.svg"))
    except (compare_sim.Trouble, OSError) as e:
        print(f"bench-plots: {e}", file=sys.stderr)
        return 1
    for name in ("attainment", "cost", "brownout", "calibration"):
        path = os.path.join(IMAGES, name + ".svg")
        print(f"bench-plots: {path}, {os.path.getsize(path)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
