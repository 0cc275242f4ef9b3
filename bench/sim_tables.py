#!/usr/bin/env python3
"""The tables of docs/benchmarks.md, from what `make bench-sim` has left.

usage: bench/sim_tables.py          (RESULTS and SEEDS as for bench/plot_sim.py)
"""
import sys

import compare_sim
import plot_sim
import sim_verdicts


def heading(first):
    print("| " + " | ".join((first, *compare_sim.ROUTERS)) + " |")
    print("|---" * (1 + len(compare_sim.ROUTERS)) + "|")


def main():
    try:
        found = plot_sim.results()
    except (compare_sim.Trouble, OSError) as e:
        print(f"sim_tables: {e}", file=sys.stderr)
        return 1
    heading("met, %")
    for s in compare_sim.SCENARIOS:
        print("| " + " | ".join([s] + [
            " ".join(sim_verdicts.text(
                min(sim_verdicts.attained(x, c) for x in runs), 1, 100)
                     for c in sim_verdicts.CLASSES)
            for runs in (found[s, r] for r in compare_sim.ROUTERS)]) + " |")
    print()
    heading("cost per met")
    for s in compare_sim.SCENARIOS:
        costs = [plot_sim.cost_of(found, s, r)[0] for r in compare_sim.ROUTERS]
        print("| " + " | ".join([s] + [
            "-" if c is None or not costs[0] else f"{c / costs[0]:.2f}"
            for c in costs]) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
