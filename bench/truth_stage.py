"""What bench/truth plays on: programs on loopback that end with it, the
gateway's configuration, the load test and the receipts.
"""
import csv
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

from ports import free_port

POINTSMAN = os.environ.get("POINTSMAN", "build/pointsman")
FAKELLM = os.environ.get("FAKELLM", "build/fakellm")
NOISE = 0.07  # of a step's time, as the simulator has it


class Trouble(Exception):
    """Something that is no result: what, and the last of what was said."""


def ask(port, path, seconds=5):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}",
                                timeout=seconds) as r:
        return r.read()


def get(port, path):
    return json.loads(ask(port, path))


class Stage:
    """Processes, each ended by its own id when the block is left."""

    def __init__(self, folder):
        self.folder, self.running = folder, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.running)):
            self.end(name)

    def end(self, name):
        p = self.running.pop(name)
        if p.poll() is None:
            p.terminate()
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, name, command, env=None):
        with open(self.path(name + ".log"), "wb") as log:
            p = subprocess.Popen(command, stdout=log, stderr=log,
                                 env={**os.environ, **(env or {})})
        self.running[name] = p
        return p

    def until(self, what, process, ready, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                break
            try:
                ready()
                return
            except OSError:
                time.sleep(0.05)
        raise Trouble(f"{what} is not ready; see the logs in {self.folder}")

    def gateway(self, name, conf, env):
        """Serves that text; the ports stand in it. Returns (port, admin)."""
        port, admin = free_port(), free_port()
        path = self.path(name + ".conf")
        with open(path, "w", encoding="ascii") as f:
            f.write(f'listen = {{ port = {port}; }};\n'
                    f'admin = {{ port = {admin}; }};\nworkers = 1;\n'
                    'receipts = 20000;\naccess_log = "off";\n' + conf)
        p = self.start(name, [POINTSMAN, "serve", "-c", path], env=env)
        self.until("the gateway", p, lambda: ask(admin, "/readyz"), 20)
        return port, admin

    def loadtest(self, name, port, options, env, seconds):
        """Returns (its JSON, its lines)."""
        lines = self.path(name + ".csv")
        command = [POINTSMAN, "loadtest", "--url",
                   f"http://127.0.0.1:{port}/v1", "--requests-out", lines,
                   "--json", *options]
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False,
                              timeout=seconds, env={**os.environ, **env})
        if done.returncode == 2 or not done.stdout.startswith("{"):
            raise Trouble(f"{' '.join(command)}: exit {done.returncode}: "
                          + done.stderr.strip()[-500:])
        return json.loads(done.stdout), read_lines(lines)


def start_fleet(stage, machines, seed):
    """Of (rtt, step, per sequence, per token, slots) by name; their ports."""
    ports = {}
    for i, (name, (*speed, slots)) in enumerate(machines.items()):
        port = ports[name] = free_port()
        p = stage.start(name, [
            FAKELLM, "--port", str(port), "--name", name, "--model", "m",
            "--engine", ",".join(f"{v:g}" for v in speed), "--noise",
            str(NOISE), "--slots", str(slots), "--seed", str(seed + i)])
        stage.until(name, p, lambda port=port: ask(port, "/health"), 5)
    return ports


def read_lines(path):
    with open(path, newline="", encoding="ascii") as f:
        return list(csv.DictReader(f))


def receipt(admin, name):
    try:
        return get(admin, "/admin/v1/receipts/" + name)
    except urllib.error.HTTPError:
        return None


def in_order(lines):
    """As they were due."""
    return sorted(lines, key=lambda q: float(q.get("due_us") or q["due_ms"]))


def say(*words):
    print(*words, flush=True)


def note(*words):
    print("truth:", *words, file=sys.stderr, flush=True)


def verdict(good, text):
    say(f"{'pass' if good else 'MISS'}  {text}")
    return good
