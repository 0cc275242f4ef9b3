"""What a request costs while others have many streams open."""
import time

import turns
from rig import Rig, Streams


class Crowd:
    """A proxy that forwards a chunk a second to each of many streams. While
    others have their turn it does nothing else, which tells what a chunk
    costs; that is taken off while it answers requests too."""

    def __init__(self, peer, where, count, gap_ms=1000):
        self.rig, self.count, self.gap_ms = Rig(peer, where), count, gap_ms
        self.streams, self.used = None, 0.0
        self.kb_per_stream = 0.0
        self.quiet = [0.0, 0]

    def __enter__(self):
        self.rig.__enter__()
        try:
            # So that growth is that of streams, not that of a first request.
            self.rig.load("--connections", 1, "--requests", 100)
            empty = self.rig.resident_kb()
            self.streams = Streams(self.rig, self.count,
                                   self.gap_ms).__enter__()
            time.sleep(2)  # until each has had a chunk
            grown = self.rig.resident_kb() - empty
            self.kb_per_stream = grown / self.count
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.disperse()
        self.rig.__exit__()

    def disperse(self):
        if self.streams is not None:
            self.streams.__exit__()
            self.streams = None

    def begin(self):
        self.quiet = [0.0, 0]
        self.lap()

    def lap(self):
        """(CPU us, chunks) since the last lap."""
        used, chunks = self.rig.cpu_us(), self.streams.lap()["chunks"]
        spent, self.used = used - self.used, used
        return spent, chunks

    def rest(self):
        """A lap in which it had chunks alone to forward."""
        spent, chunks = self.lap()
        self.quiet[0] += spent
        self.quiet[1] += chunks

    def chunk(self):
        return self.quiet[0] / max(self.quiet[1], 1)


class Side:
    """One kind of proxy several times: with nothing else to do, and with
    streams open. A context manager; collects samples by name."""

    def __init__(self, peer, where, samples, counts):
        self.name, self.samples = peer.name, samples
        self.idle = Rig(peer, where)
        self.crowds = [Crowd(peer, where, n) for n in counts]

    def __enter__(self):
        try:
            for member in (self.idle, *self.crowds):
                member.__enter__()
        except BaseException:
            self.__exit__()
            raise
        self.samples["stream KB"].append(self.crowds[-1].kb_per_stream)
        self.idle.load("--connections", 64, "--requests", 2000)
        return self

    def __exit__(self, *_):
        for member in (self.idle, *self.crowds):
            member.__exit__()


def one_turn(sides, count=None):
    """All proxies one after the other. Samples: request, request N, toll N
    (against none open), chunk N."""
    crowds = [c for s in sides for c in s.crowds]
    loaded = {}
    for c in crowds:
        c.begin()
    for s in sides:
        for k, v in turns.requests(s.idle, count).items():
            s.samples[k].append(v)
        for c in crowds:
            c.rest()
        for mine in s.crowds:
            sent = count or turns.affordable(s.idle)
            turns.requests(mine.rig, sent)
            loaded[mine] = mine.lap(), sent
            for c in crowds:
                if c is not mine:
                    c.rest()
    for s in sides:
        for c in s.crowds:
            (spent, chunks), sent = loaded[c]
            cost = (spent - chunks * c.chunk()) / sent
            s.samples[f"request {c.count}"].append(cost)
            s.samples[f"toll {c.count}"].append(
                cost / s.samples["request"][-1])
            s.samples[f"chunk {c.count}"].append(c.chunk())
