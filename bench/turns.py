"""What bench/run and bench/compare measure: one turn of one proxy each.

Every function takes a Rig and returns figures by name; microseconds unless
the name says otherwise.
"""
import random
import statistics
import time

import rig
from rig import Offered, Streams, Trouble

REQUESTS = 4000  # in a turn, at most
FEW_REQUESTS = 200
CONNECTIONS = 64
SLICES, SLICE = 12, 1000  # of a turn of sliced(), requests


def affordable(r, seconds=0.4):
    """How many requests a proxy answers in about so long."""
    if not hasattr(r, "pace"):
        r.pace = r.load("--connections", CONNECTIONS, "--requests",
                        FEW_REQUESTS)["per_second"]
    return int(min(max(r.pace * seconds, FEW_REQUESTS), REQUESTS))


def requests(r, count=None, size=rig.REQUEST_BYTES, connections=CONNECTIONS):
    """A closed loop of requests whose answers are not streamed."""
    count = count or affordable(r)
    before = r.cpu_us()
    result = r.load("--connections", connections, "--requests", count,
                    size=size)
    if (r.peer.exact and size == rig.REQUEST_BYTES and
            result["bytes"] != count * rig.ANSWER_BYTES):
        raise Trouble(f"answers of {result['bytes'] / count} bytes")
    return {"request": (r.cpu_us() - before) / count,
            "requests/s": result["per_second"]}


def sliced(rigs, afterwards=0):
    """CPU us of a request of each, in slices of a tenth of a second or less:
    a slow moment of the machine hits all, and each comes after each other. With
    what other threads do about them in so many seconds `afterwards`."""
    before = [r.cpu_us() for r in rigs]
    for _ in range(SLICES):
        for r in random.sample(rigs, len(rigs)):
            r.load("--connections", CONNECTIONS, "--requests", SLICE)
    time.sleep(afterwards)
    return [(r.cpu_us() - b) / (SLICES * SLICE)
            for r, b in zip(rigs, before, strict=True)]


def chunks(r, streams, gap_ms, seconds=1.0, tokens=None):
    """So many streams with so long between tokens."""
    with Streams(r, streams, gap_ms, tokens) as s:
        time.sleep(0.3)
        s.lap()
        before = r.cpu_us()
        time.sleep(seconds)
        used = r.cpu_us() - before
        lap = s.lap()
    return {"chunk": used / lap["chunks"], "jitter": lap["jitter_us"]["p99"],
            "chunks/s": lap["chunks"] / lap["seconds"]}


MANY, FEW = 256, 8  # streams with 10 ms between tokens
TOKENS = 400  # of each: some go on when nobody listens any more


HOPELESS = 10  # cores that they would take at the price of a few


def carried(r, n):
    """The figures of so many streams; None where they do not keep up."""
    try:
        figures = chunks(r, n, 10, tokens=TOKENS)
    except Trouble:
        figures = None
    r.settle()
    if figures is None or figures["chunks/s"] < 0.9 * n * 100:
        return None
    return {**figures, "streams": n}


def bearable_chunks(r):
    """Of many streams where the proxy can carry them, else of a few. Who
    would be swamped is not asked: it would be at it for a minute."""
    if not hasattr(r, "bears_many"):
        few = carried(r, FEW)
        r.bears_many = few is not None and few["chunk"] * MANY * 100 < (
            HOPELESS * 1e6)
    many = carried(r, MANY) if r.bears_many else None
    r.bears_many = many is not None
    return many or carried(r, FEW) or {}


def pace(r, streams, gap_ms, seconds=1.5, direct=False):
    """How well streams keep their pace; `behind` is by how much the slowest
    token of all was late."""
    with Streams(r, streams, gap_ms, direct=direct) as s:
        time.sleep(0.3)
        s.lap()
        time.sleep(seconds)
        lap = s.lap()
    return {"jitter": lap["jitter_us"]["p99"], "lag": lap["lag_us"]["p99"],
            "behind": lap["lag_us"]["max"],
            "share": lap["chunks"] / lap["seconds"] * gap_ms / 1e3 / streams}


QUANTILES = ("p50", "p99", "p999")


def added(run):
    """By how much the proxy adds to the same load put on the mock alone, just
    before and just after."""
    before, through, after = run(True), run(False), run(True)
    return {q: v - (before[q] + after[q]) / 2 for q, v in through.items()
            if q in QUANTILES}


def latencies(r, *options):
    return added(lambda direct: r.load(*options, direct=direct)["latency_us"])


def alone(r, count=1000):
    """One request after the other."""
    return latencies(r, "--connections", 1, "--requests", count)


def steady(r, rate, seconds=1.0):
    """So many a second at random moments, counted from when each was due."""
    return latencies(r, "--rate", rate, "--seconds", seconds)


TENTHS = 5


def steady_tenths(r, rate):
    """The same of each tenth of a second, the median of some: where the whole
    machine stands still for milliseconds, a few times a second, that is a
    hundredth of all requests, whoever is measured."""
    def run(direct):
        with Offered(r, rate, direct=direct) as load:
            laps = []
            for _ in range(TENTHS):
                time.sleep(0.1)
                laps.append(load.lap()["latency_us"])
        return {q: statistics.median(lap[q] for lap in laps)
                for q in ("p50", "p99")}
    return added(run)


def stream_memory(r, streams):
    """KB of resident memory by which each of so many streams grows it."""
    r.load("--connections", 1, "--requests", 100)
    empty = r.resident_kb()
    with Streams(r, streams, 1000, 8):
        time.sleep(2)  # until each has had a chunk
        grown = r.resident_kb() - empty
    r.settle()
    return {"stream KB": grown / streams}
