"""The gateway under valgrind's callgrind: what a request and a chunk take, in
instructions outside the kernel. Exact, and the same on a busy machine."""
import glob
import os
import shutil
import subprocess
import time

import peers
from callgrind import Costs
from rig import Trouble

WARM, REQUESTS = 2000, 1000
STREAMS, GAP_MS = 64, 40
CHUNKS, PATIENCE = 3000, 60  # at least; seconds


class Under:
    """A kind of gateway (bench/peers.py), under callgrind."""

    def find(self):
        return shutil.which("valgrind") and super().find()

    def command(self, conf, r):
        return ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
                "--separate-threads=yes",
                f"--callgrind-out-file={r.dir}/callgrind",
                *super().command(conf, r)]


class Watched(Under, peers.Pointsman):
    pass


def control(r, *options):
    """callgrind's own remote control."""
    pid = str(r.proxy.process.pid)
    done = subprocess.run(["callgrind_control", *options, pid],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0 or "Error" in done.stdout:
        raise Trouble(f"callgrind_control: {done.stdout.strip()}")


def counted(r, act):
    """What act() counts, and the costs meanwhile: (worker's, others')."""
    for old in glob.glob(f"{r.dir}/callgrind*"):
        os.remove(old)
    control(r, "-i", "on")
    n = act()
    control(r, "-d")
    control(r, "-i", "off")
    threads = []
    for path in glob.glob(f"{r.dir}/callgrind*"):
        costs = Costs()
        costs.add(path)
        threads.append(costs)
    if not threads:
        raise Trouble("callgrind wrote nothing")
    threads.sort(key=Costs.total)
    return n, threads[-1], sum(c.total() for c in threads[:-1])


def send_requests(r):
    r.load("--connections", 16, "--requests", REQUESTS)
    return REQUESTS


def forward_chunks(streams):
    """Until there are enough of them, however slow it is."""
    end, n = time.monotonic() + PATIENCE, 0
    streams.lap()
    while n < CHUNKS:
        time.sleep(1)
        n += streams.lap()["chunks"]
        if time.monotonic() > end:
            raise Trouble(f"{n} chunks in {PATIENCE} s")
    return n
