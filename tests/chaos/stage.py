"""Where the cases are played: one gateway, an upstream for each case, and the
books that have to balance at the end."""
import asyncio
import os
import random
import re
import resource
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, http_json, samples, wait_for  # noqa: E402

from cases import FIRST, GOOD, HEAVY, PROMPT, all_cases  # noqa: E402
from certs import Authority  # noqa: E402
from client import Wrong, ask  # noqa: E402
from formats import Chat  # noqa: E402
from faults import CONNECT, GAP, TOTAL, TTFT, Fine  # noqa: E402
from http2 import accept_http2  # noqa: E402
from upstream import (Upstream, accept, accept_anything,  # noqa: E402
                      tls_context)  # noqa: E402

TOGETHER = int(os.environ.get("CHAOS_TOGETHER", "24"))
HEAVY_TOGETHER = 3
ACCEPTS = {"plain_as_tls": accept_anything, "http2": accept_http2}


def timeouts(connect=20, ttft=45, gap=45, total=55):
    ms = {"connect": connect, "ttft": ttft, "gap": gap, "total": total}
    return "timeouts = {" + " ".join(
        f'{k} = "{int(v * 1e3)}ms";' for k, v in ms.items()) + "};"


PATIENT = timeouts()
# short where the fault is to exceed it, so that nothing else does
STRICT = {
    "connect_timeout": timeouts(connect=CONNECT),
    "ttft_timeout": timeouts(ttft=TTFT),
    "gap_timeout": timeouts(gap=GAP),
    "total_timeout": timeouts(TOTAL, TOTAL, TOTAL, TOTAL),
}
SETTINGS = f"""
workers = 2;
deadline = "{HEAVY}s";
access_log = "off";
receipts = 4096;
"""
# enough of what was freed is kept to catch its use, and no more
ASAN = "detect_leaks=1:quarantine_size_mb=16:thread_local_quarantine_size_kb=64"
# gauges that are 0 when nothing is going on
AT_REST = ("pointsman_in_flight", "pointsman_waiting",
           "pointsman_open_requests", "pointsman_queue_length",
           "pointsman_upstream_transfers", "pointsman_request_bodies_bytes")


class Lateness:
    """When this process was itself too busy to measure anything: its loop
    asks to be woken often, and notes how late it was."""

    EVERY, LATE = 0.004, 0.003

    def __init__(self):
        self.late = []  # (from, until)
        self.task = asyncio.ensure_future(self.watch())

    async def watch(self):
        while True:
            began = time.monotonic()
            await asyncio.sleep(self.EVERY)
            woken = time.monotonic()
            if woken - began > self.EVERY + self.LATE:
                self.late.append((began, woken))

    def within(self, began, ended):
        return any(a < ended and b > began for a, b in self.late)


class Played:
    """What came of a case."""

    def __init__(self, case):
        self.case = case
        self.seen = None
        self.wrong = None  # what the client must not have seen
        self.took = 0.0
        self.receipt = None


def unsuited(call):
    return call.plain(400, {"error": {
        "message": "that parameter is not supported", "type": "t",
        "param": None, "code": "unsupported_parameter"}})


class Addresses:
    """What is wrong with an address, for faults that are about it."""

    def __init__(self, folder):
        self.authority = Authority(folder)
        self.sockets = []
        a = self.authority
        self.tls = {
            "tls": tls_context(*a.issue("good")),
            "expired": tls_context(*a.issue("expired", expired=True)),
            "wrong_host": tls_context(*a.issue("other", "other.example")),
            "http2": tls_context(*a.issue("two"), alpn=["h2"]),
            "untrusted": tls_context(*a.issue("fake", by="stranger")),
        }

    def refused(self):
        """A port that is taken and not listened on."""
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        self.sockets.append(s)
        return s.getsockname()[1]

    def blackhole(self):
        """A port whose queue is full: who else comes is not answered."""
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        self.sockets.append(s)
        for _ in range(3):
            c = socket.socket()
            c.setblocking(False)
            c.connect_ex(s.getsockname())
            self.sockets.append(c)
        return s.getsockname()[1]

    def url(self, where, port):
        if where == "refused":
            return f"http://127.0.0.1:{self.refused()}"
        if where == "blackhole":
            return f"http://127.0.0.1:{self.blackhole()}"
        if where == "unroutable":
            return "http://127.255.255.255:9"
        if where == "dns":  # too long to be asked for anywhere
            return f"http://{'x' * 64}.invalid"
        if where in self.tls or where == "plain_as_tls":
            return f"https://localhost:{port}"
        return f"http://127.0.0.1:{port}"

    def close(self):
        for s in self.sockets:
            s.close()


class Stage:
    """Sets up, plays cases, and settles the books."""

    def __init__(self, cases=None, seed=None, speaks=Chat()):
        self.speaks = speaks
        self.cases = all_cases() if cases is None else cases
        self.seed = random.SystemRandom().randrange(10**6) if seed is None \
            else seed
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-chaos-")
        self.addresses = Addresses(self.folder.name)
        self.upstreams, self.played = {}, {}
        self.gateway = None
        raise_descriptors()

    # --- the set ---

    async def start(self):
        await self.start_upstreams()
        self.gateway = await asyncio.to_thread(
            Gateway, self.conf(), {"ASAN_OPTIONS": ASAN})
        await self.warm_up()
        self.before = self.descriptors()

    async def start_upstreams(self):
        self.good = await Upstream(lambda c: c.answer(), GOOD).start()
        self.first = await Upstream(unsuited, FIRST).start()
        for case in self.cases:
            where = case.fault.where
            self.upstreams[case.name] = await Upstream(
                case.fault.script, case.name, self.addresses.tls.get(where),
                ACCEPTS.get(where, accept)).start()

    def port_of(self, case):
        """Where the gateway is to find its upstream."""
        return self.upstreams[case.name].port

    def backend(self, name, url, price, extra):
        return (f'{{ name = "{name}"; adapter = "vllm"; url = "{url}/v1"; '
                f'price = {{ input = {price}; output = {price}; }}; '
                f'probe_interval = "0s"; {extra} }}')

    def conf(self):
        rows = [self.backend(FIRST, f"http://127.0.0.1:{self.first.port}",
                             1.0, PATIENT),
                self.backend(GOOD, f"http://127.0.0.1:{self.good.port}",
                             9.0, PATIENT)]
        models = [model_of("warm-up", [GOOD])]
        for case in self.cases:
            where = case.fault.where
            url = self.addresses.url(where, self.port_of(case))
            extra = STRICT.get(getattr(case.expected, "fault", ""), PATIENT)
            if url.startswith("https"):
                extra += f' ca_file = "{self.addresses.authority.file}";'
            rows.append(self.backend(case.name, url, 5.0, extra))
            models.append(model_of(case.name, case.servings()))
        # core_dumps: else /proc/PID/fd is for root to read
        return (self.settings() + "core_dumps = true;\n"
                + f'backends = ( {", ".join(rows)} );\n'
                + f'models = ( {", ".join(models)} );\n')

    def settings(self):
        return SETTINGS

    async def warm_up(self):
        """Both workers have served, so that what they keep is there."""
        body = {"model": "warm-up", "messages": PROMPT, "stream": True}
        await asyncio.gather(*(ask(self.gateway.port, body)
                               for _ in range(40)))

    # --- the play ---

    async def play(self):
        """In random order, many at once; then those that keep everybody
        busy, a few at a time, so that they are late for nobody else."""
        self.lateness = Lateness()
        order = list(self.cases)
        random.Random(self.seed).shuffle(order)
        for heavy, together in ((False, TOGETHER), (True, HEAVY_TOGETHER)):
            room = asyncio.Semaphore(together)
            await asyncio.gather(*(self.play_one(c, room) for c in order
                                   if c.fault.heavy == heavy))
        self.lateness.task.cancel()

    async def play_one(self, case, room):
        played = self.played[case.name] = Played(case)
        body, headers = case.request()
        async with room:
            began = time.monotonic()
            try:
                played.seen = await ask(
                    self.gateway.port, self.speaks.body(body), headers,
                    HEAVY + 10, case.words, self.speaks.path,
                    self.speaks.marks(self.upstreams[case.name].marks),
                    self.speaks.read)
                case.check_answer(played.seen)
            except Wrong as e:
                played.wrong = str(e)
            except Exception as e:
                played.wrong = f"not an answer at all: {e!r}"
            played.took = time.monotonic() - began
            await self.fetch_receipt(played)

    async def fetch_receipt(self, played):
        path = played.seen and played.seen.headers.get("x-pointsman-receipt")
        if path:
            played.receipt = await asyncio.to_thread(self.receipt, path)

    def receipt(self, rid):
        return wait_for(lambda: self.admin("/admin/v1/receipts/" + rid),
                        what="the receipt")

    def admin(self, path):
        status, _, doc = http_json(self.gateway.admin, "GET", path)
        return doc if status == 200 else None

    def calls(self, case):
        """But for strangers' gateways, which may knock: ports are reused."""
        return [call for call in self.upstreams[case.name].calls
                if not call.path or case.name.encode() in call.body]

    # --- the books ---

    def metrics(self):
        """{name: [(labels, value)]}"""
        return samples(self.gateway.metrics())

    def at_rest(self):
        m = self.metrics()
        return all(v == 0 for name in AT_REST for _, v in m.get(name, ()))

    def descriptors(self):
        """Open ones, but for idle connections kept to upstreams."""
        pid = self.gateway.process.pid
        kept = self.upstream_sockets()
        out = []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            if link not in kept:
                out.append(link)
        return out

    def upstream_sockets(self):
        """Links of sockets whose far end is not a client's or an
        operator's."""
        ours = {self.gateway.port, self.gateway.admin}
        out = set()
        with open("/proc/net/tcp", encoding="ascii") as f:
            for row in f.read().splitlines()[1:]:
                col = row.split()
                near = int(col[1].split(":")[1], 16)
                far = int(col[2].split(":")[1], 16)
                if far != 0 and near not in ours:
                    out.add(f"socket:[{col[9]}]")
        return out

    def resident_mb(self):
        with open(f"/proc/{self.gateway.process.pid}/status",
                  encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s*(\d+) kB", f.read())[1]) / 1024

    def latencies(self):
        """(case, seconds, late) from each reason to leave to the leaving;
        None: it never came. Late: we were, by then."""
        for case in self.cases:
            if isinstance(case.expected, Fine):
                continue
            for call in self.calls(case):
                if call.caused is not None:
                    yield case, call.cancel_latency(), self.lateness.within(
                        call.caused, (call.left or call.caused) + 0.001)

    async def stop(self):
        code = await asyncio.to_thread(self.gateway.stop)
        for u in (self.good, self.first, *self.upstreams.values()):
            await u.stop()
        self.addresses.close()
        self.folder.cleanup()
        return code


def model_of(name, servings):
    rows = ", ".join(f'{{ backend = "{b}"; }}' for b in servings)
    return f'{{ name = "{name}"; serve = ( {rows} ); }}'


def replace_file(path, text):
    """Whoever reads it reads the old or the new."""
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)


def raise_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
