"""The pictures of bench/plot_sim.py that look at single requests."""
import csv
import math
import os
import subprocess
import tempfile

import compare_sim
import svg

SEED = 7


def play(scenario, router, seed, tell, extra=()):
    """Hands tell() each request of a run, a dict; the run's last arrival, s."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "requests.csv")
        command = [compare_sim.POINTSMAN, "simulate", "--scenario", scenario,
                   "--router", router, "--seed", str(seed), "--json",
                   "--requests-out", path, *compare_sim.traffic(), *extra]
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise compare_sim.Trouble(f"{' '.join(command)}: exit "
                                      f"{done.returncode}: "
                                      f"{done.stderr.strip()}")
        with open(path, encoding="ascii", newline="") as f:
            for row in csv.DictReader(f):
                tell(row)


# --- a brownout's time line ---

ROUTERS = ("slo", "class-pinned", "least-connections")
BACKENDS = ("gpu-a", "gpu-b", "fast", "cpu")
SPAN, BIN = 600, 5  # s; of the run, of a column
SLOW_FROM, SLOW_FOR = 0.4, 0.25  # shares, as in bench/scenarios/brownout.conf


class Timeline:
    def __init__(self):
        n = SPAN // BIN
        self.asked, self.met = [0] * n, [0] * n
        self.sent = [dict.fromkeys(BACKENDS, 0) for _ in range(n)]

    def tell(self, row):
        due, sent = (int(row[k]) // 1000000 // BIN
                     for k in ("due_us", "sent_us"))
        if row["class"] == "premium" and due < len(self.asked):
            self.asked[due] += 1
            self.met[due] += row["met"] == "1"
        if row["backend"] in BACKENDS and 0 <= sent < len(self.sent):
            self.sent[sent][row["backend"]] += 1


def draw_timeline(p, y, router, t, colours):
    box = (60, y, 680, 60)
    met = svg.Panel(p, box, lambda s: s / SPAN, lambda v: v)
    met.ticks_y((0, 0.5, 1), lambda v: f"{100 * v:.0f} %")
    p.text(60, y - 8, f"{router}: premium requests that met their SLO; where "
           "all requests were sent", 13, bold=True)
    slow = met.at(SPAN * SLOW_FROM, 1)[0]
    p.rect(slow, y, 680 * SLOW_FOR, 128, "#c94c4c22",
           "gpu-a is four times slower")
    points = []
    for k, (a, m) in enumerate(zip(t.asked, t.met)):
        if a:
            points += [met.at(BIN * k, m / a), met.at(BIN * (k + 1), m / a)]
    p.path(points, "#3f9b5f", 2)
    met.frame()
    who = svg.Panel(p, (60, y + 68, 680, 60), lambda s: s / SPAN, lambda v: v)
    for k, sent in enumerate(t.sent):
        base, of = 0, sum(sent.values())
        for b in BACKENDS if of else ():
            share = sent[b] / of
            x, top = who.at(BIN * k, base + share)
            if share:
                p.rect(x, top, 680 * BIN / SPAN + 0.2, 60 * share, colours[b])
            base += share
    who.frame()
    return who


def brownout(path):
    p = svg.Picture(760, 560, "A brownout")
    colours = dict(zip(BACKENDS, svg.PALETTE))
    p.legend(60, 18, [(colours[b], b) for b in BACKENDS] +
             [("#c94c4c55", "gpu-a is four times slower")])
    for k, router in enumerate(ROUTERS):
        t = Timeline()
        play("brownout", router, SEED, t.tell, ("--duration", f"{SPAN}s"))
        who = draw_timeline(p, 52 + 165 * k, router, t, colours)
    who.ticks_x(range(0, SPAN + 1, 60), str,
                f"seconds; columns of {BIN} s; seed {SEED}")
    p.save(path)


# --- predicted against actual ---

CLASSES = ("premium", "standard", "batch")
PLAYED = ("steady", "brownout", "bursts", "drift", "heavytail", "overload")
EDGES = [10 ** (e / 4) for e in range(-12, 1)]  # of a chance to miss
LEAST = 30  # requests, for a dot


class Calibration:
    """Counts by class and by the chance of a miss that was foreseen."""

    def __init__(self):
        self.bins = {c: [[0, 0.0, 0] for _ in EDGES] for c in CLASSES}

    def tell(self, row):
        chance = 1 - float(row["first_confidence"])
        if chance > 1 or row["flood"] == "1":
            return
        k = sum(chance > e for e in EDGES[:-1])
        b = self.bins[row["class"]][k]
        b[0] += 1
        b[1] += chance
        b[2] += row["met"] == "0"


def between(n, missed):
    """Wilson's interval of a share, 95 %."""
    z, share = 1.96, missed / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n +
                         z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0), middle + half


def log_place(v):
    return (math.log10(max(v, 1e-3)) + 3) / 3


def draw_calibration(p, x, name, bins, colour):
    panel = svg.Panel(p, (x, 50, 200, 200), log_place, log_place)
    ticks = (0.001, 0.01, 0.1, 1)
    panel.ticks_x(ticks, lambda v: f"{100 * v:g} %", "misses foreseen")
    panel.ticks_y(ticks, lambda v: f"{100 * v:g} %",
                  "misses that happened" if x < 100 else "")
    p.text(x + 100, 40, name, 13, "middle", bold=True)
    p.line(*panel.at(1e-3, 1e-3), *panel.at(1, 1), svg.INK, 1, "4 3")
    most = max(b[0] for b in bins)
    for n, foreseen, missed in bins:
        if n < LEAST:
            continue
        low, high = between(n, missed)
        at, _ = panel.at(foreseen / n, 1)
        p.line(at, panel.at(1, low)[1], at, panel.at(1, high)[1], colour)
        p.dot(at, panel.at(1, missed / n)[1], 2 + 5 * math.sqrt(n / most),
              colour)
    panel.frame()


def calibration(path):
    counted = Calibration()
    for scenario in PLAYED:
        play(scenario, "slo", SEED, counted.tell)
    p = svg.Picture(760, 310, "Chance of a miss: foreseen, and what happened")
    for k, name in enumerate(CLASSES):
        draw_calibration(p, 60 + 240 * k, name, counted.bins[name],
                         svg.PALETTE[k])
    p.text(10, 304, f"{', '.join(PLAYED)}, seed {SEED}. Size: how many "
           "requests; lines: 95 % intervals; dashed: as foreseen.", 11)
    p.save(path)
