"""Processes for bench/run: the mock, a proxy under test, the load client.

The proxy has a core to itself; the mock and the client share another. All of
them listen on free loopback ports and end with their rig.
"""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(HERE), "build")
POINTSMAN = os.environ.get("POINTSMAN", f"{BUILD}/pointsman")
FAKELLM = os.environ.get("FAKELLM", f"{BUILD}/fakellm")
LOADCLIENT = os.environ.get("LOADCLIENT", f"{BUILD}/release/loadclient")
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
KEY = "bench-key"

REQUEST_BYTES = 1024
ANSWER_BYTES = 600
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Trouble(f"{process.args[3]} ended at its start")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Trouble(f"{process.args[3]} does not listen")


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

    def __init__(self, name, where):
        self.name, self.where = name, where
        self.folder = tempfile.TemporaryDirectory(prefix="pointsman-bench-")
        os.chmod(self.folder.name, 0o755)  # nginx's worker is not root
        self.dir = self.folder.name
        self.port, self.mock_port = free_port(), free_port()
        self.mock = self.proxy = None

    def __enter__(self):
        try:
            self.mock = Process(
                self.where[1], [FAKELLM, "--port", str(self.mock_port),
                                "--pad", str(PAD)], f"{self.dir}/mock.log")
            wait_for_port(self.mock_port, self.mock.process)
            self.proxy = getattr(self, "start_" + self.name)()
            wait_for_port(self.port, self.proxy.process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for p in (self.proxy, self.mock):
            if p is not None:
                p.stop()
        self.folder.cleanup()

    def configure(self, template):
        """The committed configuration with this rig's ports filled in."""
        with open(f"{HERE}/{template}", encoding="utf-8") as f:
            text = f.read()
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        for name, value in (("PORT", self.port), ("MOCK", self.mock_port),
                            ("ADMIN", free_port()), ("DIR", self.dir),
                            ("FILES", files)):
            text = text.replace(f"@{name}@", str(value))
        path = f"{self.dir}/{template}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def start_nginx(self):
        conf = self.configure("nginx.conf")
        return Process(self.where[0], [NGINX, "-p", self.dir, "-c", conf],
                       f"{self.dir}/proxy.log")

    def start_pointsman(self):
        conf = self.configure("pointsman.conf")
        return Process(self.where[0], [POINTSMAN, "serve", "-c", conf],
                       f"{self.dir}/proxy.log", {"BENCH_KEY": KEY})

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

    def client(self, *options):
        return pinned(
            self.where[1], LOADCLIENT, "--url",
            f"http://127.0.0.1:{self.port}", "--key", KEY,
            "--bytes", str(REQUEST_BYTES), *[str(o) for o in options])

    def load(self, *options):
        """One run of the load client; its results."""
        r = subprocess.run(self.client(*options), stdout=subprocess.PIPE,
                           check=False)
        return checked(r.stdout)


def checked(line):
    if not line:
        raise Trouble("the load client ended without a word")
    result = json.loads(line)
    if result.get("errors"):
        raise Trouble(f"the load client met errors: {result}")
    return result


class Streams:
    """Streams held open through a rig's proxy; a context manager."""

    def __init__(self, rig, count, gap_ms):
        self.command = rig.client("--hold", count, "--gap", gap_ms)
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE)
        if "ready" not in checked(self.process.stdout.readline()):
            raise Trouble("streams did not open")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()

    def lap(self):
        """What happened since the last lap."""
        self.process.send_signal(signal.SIGUSR1)
        return checked(self.process.stdout.readline())
