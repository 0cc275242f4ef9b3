"""What is measured once in a run, of the gateway alone."""
import hashlib
import http.client
import mmap
import os
import struct
import subprocess
import tempfile
import time

import peers
import rig
from rig import Rig, Streams, Trouble

COUNTING = os.environ.get("POINTSMAN_COUNTING", "")


def growth(peer, where, few, many):
    """Resident memory after many requests, in percent of that after few."""
    with Rig(peer, where) as r:
        r.load("--connections", 64, "--requests", few)
        early = r.resident_kb()
        r.load("--connections", 64, "--requests", many - few)
        return 100.0 * (r.resident_kb() - early) / early


# --- allocations ---

class Counting(peers.Pointsman):
    """The program with tests/alloc/alloc.c in it, which counts what our own
    objects allocate; libraries are not seen."""

    def __init__(self, control):
        self.control = control
        super().__init__("pointsman, counting")

    def find(self):
        return peers.existing(COUNTING)

    def env(self):
        return {**super().env(), "POINTSMAN_ALLOC": self.control}


def allocations(where):
    """Per request and per chunk once it is warm, without what a second of
    idleness allocates anyway; None without the counting program."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(struct.pack("=QQQ", 1 << 62, 0, 0))  # none of them fails
        f.flush()
        peer = Counting(f.name)
        if peer.program is None:
            return None
        counter = mmap.mmap(f.fileno(), 24)

        def count():
            return struct.unpack("=QQQ", counter[:24])[2]

        with Rig(peer, where) as r:
            return count_both(r, count)


def over(seconds, count):
    before = count()
    time.sleep(seconds)
    return (count() - before) / seconds


def count_both(r, count):
    n = 5000
    for _ in range(2):
        r.load("--connections", 64, "--requests", n)
    idle = over(2, count)
    before, began = count(), time.monotonic()
    r.load("--connections", 64, "--requests", n)
    spent = time.monotonic() - began
    per_request = (count() - before - idle * spent) / n
    with Streams(r, 64, 10) as s:
        time.sleep(1)
        s.lap()
        made = over(2, count)
        chunks = s.lap()
    rate = chunks["chunks"] / chunks["seconds"]
    return {"request": max(per_request, 0.0),
            "chunk": max(made - idle, 0.0) / rate}


# --- start-up ---

SERVINGS, TENANTS = 1000, 10000
BACKENDS = 10


def large(r):
    """A configuration of that size; every serving is the rig's mock."""
    backends = ",\n".join(
        f'{{ name = "b{i}"; adapter = "vllm"; '
        f'url = "http://127.0.0.1:{r.mock_port}/v1"; '
        "price = { input = 1.0; output = 2.0; }; }" for i in range(BACKENDS))
    serve = ", ".join(f'{{ backend = "b{i}"; model = "fake-model"; }}'
                      for i in range(BACKENDS))
    models = ",\n".join(f'{{ name = "m{i}"; serve = ( {serve} ); }}'
                        for i in range(SERVINGS // BACKENDS))
    tenants = ",\n".join(
        f'{{ name = "t{i}"; keys = [ "sha256:{digest(i)}" ]; '
        'slo = "interactive"; }' for i in range(TENANTS))
    return (f'listen = {{ address = "127.0.0.1"; port = {r.port}; }};\n'
            f'admin = {{ address = "127.0.0.1"; port = {r.admin_port}; }};\n'
            f'workers = 1;\naccess_log = "{r.dir}/access.log";\n'
            'slo = ( { name = "interactive"; ttft = "500ms"; itl = "50ms"; '
            'percentile = 95; } );\ndefault_slo = "interactive";\n'
            f"backends = ( {backends} );\nmodels = ( {models} );\n"
            f"tenants = ( {tenants} );\n")


def key(i):
    return f"sk-tenant-{i}"


def digest(i):
    return hashlib.sha256(key(i).encode()).hexdigest()


class Large(peers.Pointsman):
    """Ready is what it says itself; then the last tenant's request for the
    last model shows that all of it is there."""

    def command(self, conf, r):
        path = f"{r.dir}/large.conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write(large(r))
        return super().command(path, r)


class LargeRig(Rig):
    def answers(self):
        c = http.client.HTTPConnection("127.0.0.1", self.admin_port)
        try:
            c.request("GET", "/readyz")
            return c.getresponse().status == 200
        except OSError:
            return False
        finally:
            c.close()


def startup(where):
    """Seconds to ready, and MB resident then."""
    with LargeRig(Large("pointsman, large"), where) as r:
        kb = r.resident_kb()
        done = subprocess.run(
            r.client("--model", f"m{SERVINGS // BACKENDS - 1}", "--requests",
                     1, "--key", key(TENANTS - 1)),
            stdout=subprocess.PIPE, check=False)
        if rig.checked(done.stdout)["count"] != 1:
            raise Trouble("the last tenant was not served")
        return {"seconds": r.start_seconds, "MB": kb / 1024}
