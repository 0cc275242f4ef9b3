"""Processes for bench/run and bench/compare: the mock, a proxy, the client.

The proxy has a core to itself; the mock and the client share another. All of
them listen on free loopback ports and end with their rig.
"""
import contextlib
import http.client
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time

import peers
from ports import free_port

HERE, BUILD, KEY = peers.HERE, peers.BUILD, peers.KEY
FAKELLM = os.environ.get("FAKELLM", f"{BUILD}/fakellm")
LOADCLIENT = os.environ.get("LOADCLIENT", f"{BUILD}/release/loadclient")

REQUEST_BYTES = 1024
ANSWER_BYTES = 600
LATENCY = "/dev/cpu_dma_latency"  # of the kernel's quality of service
START_SECONDS, OPEN_SECONDS = 90, 20  # at most
PAD = 261  # what fakellm's answer of 16 words lacks of ANSWER_BYTES


class Trouble(Exception):
    """A measurement that cannot be trusted."""


def raise_descriptors():
    """As many descriptors as there may be; all children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cores():
    """(the proxy's, everyone else's), or None where there is only one."""
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[1]) if len(mine) > 1 else None


@contextlib.contextmanager
def awake():
    """Meanwhile no core is halted when it has nothing to do: the kernel is
    asked for a latency of nothing, as hosts are set that are there for it.
    Yields whether that could be asked for."""
    try:
        f = open(LATENCY, "wb", buffering=0)  # it holds for as long
    except OSError:
        yield False
        return
    with f:
        f.write(struct.pack("=i", 0))
        yield True


def wait_until(condition, process, seconds, what):
    """Polls a fact that a process brings about."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise Trouble(f"{what}: the program has ended")
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {seconds} s")
        time.sleep(0.005)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def family(pid):
    """A process and its children."""
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        for task in os.listdir(f"/proc/{p}/task"):
            with open(f"/proc/{p}/task/{task}/children",
                      encoding="ascii") as f:
                todo += [int(c) for c in f.read().split()]
    return out


def pinned(core, *command):
    return ["taskset", "-c", str(core), *command]


class Process:
    """One child, pinned to a core, its output in a file."""

    def __init__(self, core, command, log, env=None):
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                pinned(core, *command), stdout=out, stderr=out,
                env={**os.environ, **(env or {})})

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Rig:
    """A mock and one proxy in front of it; a context manager."""

    def __init__(self, peer, where):
        self.peer, self.name, self.where = peer, peer.name, where
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-bench-")
        os.chmod(self.folder.name, 0o755)  # nginx's worker is not root
        self.dir = self.folder.name
        self.port, self.mock_port = free_port(), free_port()
        self.admin_port = free_port()
        self.mock = self.proxy = None
        self.start_seconds = 0.0

    def __enter__(self):
        try:
            self.mock = Process(
                self.where[1], [FAKELLM, "--port", str(self.mock_port),
                                "--pad", str(PAD)], f"{self.dir}/mock.log")
            wait_until(lambda: listens(self.mock_port), self.mock.process, 10,
                       "fakellm")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in (self.proxy, self.mock):
            if p is not None:
                p.stop()
        self.folder.cleanup()

    def start(self):
        """Returns once a request was answered."""
        conf = self.peer.template and self.configure(self.peer.template)
        began = time.monotonic()
        self.proxy = Process(self.where[0], self.peer.command(conf, self),
                             f"{self.dir}/proxy.log", self.peer.env())
        try:
            wait_until(self.answers, self.proxy.process, START_SECONDS,
                       f"{self.name} answers")
        except Trouble as e:
            with open(f"{self.dir}/proxy.log", encoding="utf-8",
                      errors="replace") as f:
                raise Trouble(f"{e}\n{f.read()[-2000:]}") from e
        self.start_seconds = time.monotonic() - began

    def answers(self):
        """Whether a first request succeeds."""
        headers = dict(h.split(": ", 1) for h in self.peer.headers(self))
        headers["authorization"] = f"Bearer {KEY}"
        headers["content-type"] = "application/json"
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            c.request("POST", "/v1/chat/completions", json.dumps(body),
                      headers)
            return c.getresponse().status == 200
        except OSError:
            return False
        finally:
            c.close()

    def configure(self, template):
        """The committed configuration with this rig's ports filled in."""
        with open(f"{HERE}/{template}", encoding="utf-8") as f:
            text = f.read() + self.peer.extra
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        for name, value in (("PORT", self.port), ("MOCK", self.mock_port),
                            ("ADMIN", self.admin_port), ("DIR", self.dir),
                            ("FILES", files), ("HALF", files // 2 - 100),
                            ("KEY", KEY)):
            text = text.replace(f"@{name}@", str(value))
        path = f"{self.dir}/{os.path.basename(template)}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def pids(self):
        if self.proxy.process.poll() is not None:
            raise Trouble(f"{self.name} has ended")
        return family(self.proxy.process.pid)

    def cpu_us(self):
        """What the proxy has used of a processor, user and system, all its
        threads and children, by the scheduler's clock."""
        total = 0
        for pid in self.pids():
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat",
                          encoding="ascii") as f:
                    total += int(f.read().split()[0])
        return total / 1000

    def resident_kb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                total += sum(int(line.split()[1]) for line in f
                             if line.startswith("VmRSS:"))
        return total

    def client(self, *options, direct=False, size=REQUEST_BYTES):
        """The load client's command; direct: past the proxy."""
        port = self.mock_port if direct else self.port
        said = [] if direct else self.peer.headers(self)
        return pinned(
            self.where[1], LOADCLIENT, "--url", f"http://127.0.0.1:{port}",
            "--key", KEY, "--bytes", str(size),
            *[a for h in said for a in ("--header", h)],
            *[str(o) for o in options])

    def settle(self, seconds=15):
        """Waits for the mock to have nothing to do: some proxies go on with
        streams whose clients have left."""
        end = time.monotonic() + seconds
        while self.running() > 0:
            if time.monotonic() > end:
                raise Trouble(f"{self.name}: streams go on {seconds} s after "
                              "their clients have left")
            time.sleep(0.05)

    def running(self):
        c = http.client.HTTPConnection("127.0.0.1", self.mock_port, timeout=5)
        try:
            c.request("GET", "/fake/stats")
            return json.load(c.getresponse())["running"]
        finally:
            c.close()

    def load(self, *options, **how):
        """One run of the load client; its results."""
        r = subprocess.run(self.client(*options, **how),
                           stdout=subprocess.PIPE, check=False)
        return checked(r.stdout)


def checked(line):
    if not line:
        raise Trouble("the load client ended without a word")
    result = json.loads(line)
    if result.get("errors"):
        raise Trouble(f"the load client met errors: {result}")
    return result


class Lapped:
    """A load client at work that tells of each lap; a context manager."""

    def __init__(self, what, command):
        self.what, self.command, self.process = what, command, None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        try:
            self.begun()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def begun(self):
        """Returns once laps mean something."""

    def read_line(self, seconds, member):
        out = self.process.stdout
        if not select.select([out], [], [], seconds)[0]:
            raise Trouble(f"{self.what}: not within {seconds} s")
        line = checked(out.readline())
        if member not in line:
            raise Trouble(f"{self.what}: {line}")
        return line

    def lap(self):
        """What happened since the last lap."""
        self.process.send_signal(signal.SIGUSR1)
        return self.read_line(OPEN_SECONDS, "chunks")


class Streams(Lapped):
    """Streams held open through a rig's proxy."""

    def __init__(self, rig, count, gap_ms, tokens=None, **how):
        """tokens: after so many each ends, and another takes its place."""
        end = () if tokens is None else ("--max-tokens", tokens)
        super().__init__(f"{count} streams through {rig.name}", rig.client(
            "--hold", count, "--gap", gap_ms, *end, **how))

    def begun(self):
        self.read_line(OPEN_SECONDS, "ready")


class Offered(Lapped):
    """Requests at random moments, so many a second."""

    def __init__(self, rig, rate, **how):
        super().__init__(f"{rate}/s through {rig.name}", rig.client(
            "--rate", rate, "--seconds", OPEN_SECONDS, **how))

    def begun(self):
        time.sleep(0.2)  # until there are connections enough
        self.lap()
