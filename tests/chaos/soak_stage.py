"""The set of a soak: every case of the upstream faults and of paths to them,
each with backends of its own, beside good ones, one that wavers, one that has
a lot to say, one for sessions, one that refuses what it is given and a child;
several tenants, and a class that hedges."""
import asyncio
import hashlib
import os
import random
import signal
import sys
import time

from cases import GOOD, PROMPT
from client import ask
from client_case import flood
from soak_paths import relay_for
from soak_sessions import repeats
from stage import PATIENT, Stage, model_of, replace_file
from upstream import Upstream
from harness import Fake, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
TENANTS = ("red", "green", "blue")
WAVERS = 0.04  # the share of its answers that begin late
LATE = 0.4
BULK = ("--ttft", "1-3", "--rate", "2000-4000", "--tokens", "16",
        "--model", "bulk")
BODY_LIMIT = 1 << 20
BEHIND = 5  # how much the rest of the processors gives way to clients
DEADLINE = 20  # of a request; no case may take longer
SETTINGS = f"""
workers = 2;
deadline = "{DEADLINE}s";
body_limit = "{BODY_LIMIT}B";
header_timeout = "5s";
body_timeout = "3s";
idle_timeout = "20s";
client_stall = "12s";
receipts = 256;
log_level = "warn";
slo = ( {{ name = "quick"; ttft = "60ms"; percentile = 90;
	priority = "premium"; }},
	{{ name = "plain"; priority = "standard"; }} );
default_slo = "plain";
"""


def key_of(tenant):
    return f"soak-key-of-{tenant}"


def tenants():
    rows = []
    for t in TENANTS:
        digest = hashlib.sha256(key_of(t).encode()).hexdigest()
        rows.append(f'{{ name = "{t}"; keys = [ "sha256:{digest}" ]; '
                    f'slo = "quick"; }}')
    return f'tenants = ( {", ".join(rows)} );\n'


def signed(headers=None, tenant=None):
    """One tenant plays the cases: figures are kept for each with each
    serving, and it would take long until all of them are there."""
    return {"x-slo-class": "plain", **(headers or {}), "authorization":
            "Bearer " + key_of(tenant or random.choice(TENANTS))}


async def wavers(call):
    """Late now and then, so that hedges have something to do."""
    if random.random() < WAVERS and not await answered_late(call):
        return
    await call.answer()


async def answered_late(call):
    """False: the peer did not wait for it."""
    if await call.left_within(LATE):
        call.fin()
        return False
    return True


async def says_a_lot(call):
    """More than sockets hold: who does not read holds it back."""
    await call.begin(3)
    if not await flood(call):
        call.fin()


class SoakStage(Stage):
    async def start_upstreams(self):
        await super().start_upstreams()
        self.wavering = await Upstream(wavers, "wavering").start()
        self.long = await Upstream(says_a_lot, "long").start()
        self.voice = await Upstream(repeats, "voice").start()
        self.bulk = [await asyncio.to_thread(Fake, *BULK) for _ in range(2)]
        for f in self.bulk:
            os.setpriority(os.PRIO_PROCESS, f.process.pid, BEHIND)
        self.relays = {c.name: r for c in self.cases if (
            r := await relay_for(c, self.upstreams[c.name]))}

    def port_of(self, case):
        relay = self.relays.get(case.name)
        return relay.port if relay else super().port_of(case)

    def conf(self):
        """Built once: its addresses are kept."""
        text = super().conf()
        rows = [self.backend("wavering", self.url(self.wavering), 2.0,
                             PATIENT),
                self.backend("long", self.url(self.long), 2.0, PATIENT),
                self.backend("voice", self.url(self.voice), 2.0,
                             PATIENT).replace("vllm", "openai")]
        rows += [self.backend(f"bulk{i}", self.url(f), 20.0 + i, PATIENT)
                 for i, f in enumerate(self.bulk)]
        rows.append(f'{{ name = "child"; adapter = "vllm"; command = [ '
                    f'"{sys.executable}", "{HERE}/soak_child.py", "{{port}}"'
                    f' ]; price = {{ input = 1; output = 1; }}; {PATIENT} }}')
        models = self.models()
        text = text.replace("backends = ( ", "backends = ( "
                            + ", ".join(rows) + ", ", 1)
        text = text.replace("models = ( ", "models = ( "
                            + ", ".join(models) + ", ", 1)
        self.text = text + tenants()
        return self.text

    def models(self):
        return [model_of("hedged", ["wavering", GOOD]),
                model_of("good", [GOOD, "wavering"]),
                model_of("bulk", ["bulk0", "bulk1"]),
                model_of("limping", ["first", "bulk0", "bulk1"]),
                model_of("long", ["long"]),
                model_of("voice", ["voice"]),
                model_of("child", ["child", GOOD])]

    @staticmethod
    def url(upstream):
        return f"http://127.0.0.1:{upstream.port}"

    def settings(self):
        self.log = os.path.join(self.folder.name, "access.log")
        return SETTINGS + f'access_log = "{self.log}";\n'

    async def warm_up(self):
        for model in ("good", "hedged", "child"):
            body = {"model": model, "messages": PROMPT, "stream": True}
            await asyncio.gather(*(ask(self.gateway.port, body, signed())
                                   for _ in range(40)))

    def whole(self, extra):
        return self.gateway.listen + self.text + extra

    async def reload(self, good, n):
        """Puts a file in place that is one, or is not."""
        text = self.whole(f"queue_limit = {4000 + n % 90};\n") if good \
            else "backends = ("
        await asyncio.to_thread(replace_file, self.gateway.path, text)

    def bound_memory(self, mib):
        """Below what it has, so that it gives back what it can; 0: as ever."""
        replace_file(self.gateway.path,
                     self.whole(f'max_memory = "{mib}MiB";\n'))
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: self.metrics().get(
            "pointsman_memory_limit_bytes", [({}, 0)])[0][1]
            == mib << 20, 30, "the bound of memory")

    def cpu_seconds(self):
        """(of the gateway, of it and all that plays with it)"""
        gateway = cpu_of(self.gateway.process.pid)
        return gateway, gateway + sum(os.times()[:4]) + sum(
            cpu_of(f.process.pid) for f in self.bulk)

    def children(self):
        pid = self.gateway.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]

    async def end(self):
        """Of what has not ended by itself, whatever happened."""
        for f in self.bulk:
            f.stop()
        if self.gateway and self.gateway.process.poll() is None:
            self.gateway.process.kill()
        for r in self.relays.values():
            await r.stop()
        await self.wavering.stop()
        await self.long.stop()
        await self.voice.stop()


def cpu_of(pid):
    """Seconds, with those of its children that have ended."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def idle_seconds():
    """Of all processors."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = f.readline().split()
    return (int(ticks[4]) + int(ticks[5])) / os.sysconf("SC_CLK_TCK")


class Meter:
    """What is used from now on, as shares of all processors."""

    def __init__(self, stage):
        self.stage = stage
        self.before = self.now()

    def now(self):
        return (time.monotonic() * os.cpu_count(), idle_seconds(),
                *self.stage.cpu_seconds())

    def read(self):
        """(idle, the gateway, all of us)"""
        whole, *parts = (b - a for a, b in zip(self.before, self.now()))
        return [p / whole for p in parts]
