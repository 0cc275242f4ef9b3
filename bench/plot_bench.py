#!/usr/bin/env python3
"""docs/images, from what `make compare` has left in build.

usage: bench/plot_bench.py [COMPARE.json]
"""
import json
import math
import os
import statistics
import sys

import svg

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(HERE), "build")
IMAGES = os.path.join(os.path.dirname(HERE), "docs/images")
WIDTH, LEFT, ROW = 760, 120, 22
LEAST, MOST = 1, 20000  # us, on a logarithmic scale


def median(samples, key):
    return statistics.median(samples[key]) if samples.get(key) else None


def x_of(value):
    share = math.log(value / LEAST) / math.log(MOST / LEAST)
    return LEFT + (WIDTH - LEFT - 70) * min(max(share, 0), 1)


def bars(p, y, title, found):
    """A bar per proxy; found: (name, us or None)."""
    p.text(LEFT, y - 8, title, bold=True)
    for v in (1, 10, 100, 1000, 10000):
        p.line(x_of(v), y, x_of(v), y + ROW * len(found), svg.GRID)
        p.text(x_of(v), y + ROW * len(found) + 14, f"{v:,} us", 11, "middle")
    for i, (name, value) in enumerate(found):
        at = y + ROW * i
        p.text(LEFT - 8, at + 15, name, anchor="end", bold=name == "pointsman")
        if value is None:
            p.text(LEFT + 6, at + 15, "not measured", 11)
            continue
        colour = svg.PALETTE[0 if name == "pointsman" else 5]
        p.rect(LEFT, at + 3, x_of(value) - LEFT, ROW - 6, colour)
        p.text(x_of(value) + 6, at + 15, f"{value:,.1f}", 11)
    return y + ROW * len(found) + 60


def draw_compare(results):
    p = svg.Picture(WIDTH, 2 * (ROW * len(results) + 60) + 40,
                    "Processor time per request and per chunk")
    y = 40
    for title, key in (("CPU us per request", "request"),
                       ("CPU us per forwarded chunk", "chunk")):
        y = bars(p, y, title,
                 [(n, median(s, key)) for n, s in results.items()])
    return p


def draw_crowds(results):
    """What a request costs at 0, 1,000 and 5,000 open streams."""
    p = svg.Picture(WIDTH, 320, "Cost of a request while streams are open")
    counts = (("request", 0), ("request 1000", 1000), ("request 5000", 5000))
    lines = {n: [(c, median(s, k)) for k, c in counts if median(s, k)]
             for n, s in results.items()}
    lines = {n: line for n, line in lines.items() if len(line) > 1}

    def place(count, us):
        share = math.log(us / 10) / math.log(MOST / 10)
        return LEFT + 440 * count / 5000, 280 - 240 * share
    for v in (10, 100, 1000, 10000):
        p.line(LEFT, place(0, v)[1], LEFT + 440, place(0, v)[1], svg.GRID)
        p.text(LEFT - 8, place(0, v)[1] + 4, f"{v:,} us", 11, "end")
    for _, count in counts:
        p.text(place(count, 10)[0], 300, f"{count:,} streams", 11, "middle")
    for i, (name, line) in enumerate(lines.items()):
        colour = svg.PALETTE[i % len(svg.PALETTE)]
        points = [place(c, v) for c, v in line]
        p.path(points, colour, 2)
        for x, y in points:
            p.dot(x, y, 3, colour)
        p.text(LEFT + 470, 50 + 20 * i, name, fill=colour)
    p.text(LEFT, 20, "CPU us per request", bold=True)
    return p


def read(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else f"{BUILD}/compare.json"
    if not os.path.exists(path):
        print(f"plot_bench: {path} is not there: `make compare` writes it",
              file=sys.stderr)
        return 2
    results = read(path)
    for name, draw in (("compare", draw_compare), ("crowds", draw_crowds)):
        draw(results).save(f"{IMAGES}/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
