"""Who is measured: how each proxy is started, and what a client says to it.

Programs are the system's, or those that tools/bench-peers has put under
build/peers. All of them run on one core with one worker.
"""
import json
import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(HERE), "build")
PEERS = os.environ.get("PEERS", f"{BUILD}/peers")
POINTSMAN = os.environ.get("POINTSMAN", f"{BUILD}/pointsman")
KEY = "sk-bench"  # one of them wants keys to begin like that


def find(program):
    """A program of the system, or an unpacked one."""
    return (shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") or
            existing(f"{PEERS}/{program}/usr/sbin/{program}"))


def existing(path):
    return path if os.path.exists(path) else None


class Peer:
    """One kind of proxy. `rig` is bench/rig.py's Rig."""

    template = None  # of its configuration
    extra = ""  # lines that follow it
    exact = True  # the answer's bytes are the backend's

    def __init__(self, name):
        self.name = name
        self.program = self.find()

    def find(self):
        return find(self.name)

    def command(self, conf, rig):
        raise NotImplementedError

    def env(self):
        return {}

    def headers(self, _rig):
        """What a client sends besides the key."""
        return []


class Pointsman(Peer):
    template = "pointsman.conf"

    def find(self):
        return existing(POINTSMAN)

    def command(self, conf, _rig):
        return [self.program, "serve", "-c", conf]

    def env(self):
        """With what tools/pointsman.service sets."""
        return {"BENCH_KEY": KEY,
                "GLIBC_TUNABLES": "glibc.malloc.tcache_count=127"}


class PointsmanAsking(Pointsman):
    """Its worker goes on asking for longer than requests at the bench's rate
    are apart, but for one in a hundred."""

    extra = 'busy_poll = "1ms";\n'


class PointsmanShortHeads(Pointsman):
    """With the room for heads that the memory target is set for."""

    extra = 'header_limit = "8KiB";\n'


class Nginx(Peer):
    """As a plain relay: the yardstick of bench/run."""

    template = "nginx.conf"

    def find(self):
        return find("nginx")

    def command(self, conf, rig):
        return [self.program, "-p", rig.dir, "-c", conf]

    def env(self):
        return {"LD_LIBRARY_PATH": f"{PEERS}/nginx/usr/lib/x86_64-linux-gnu"}


class NginxEqual(Nginx):
    """With what it can do of the same work: key and access log."""

    template = "peers/nginx.conf"


class Haproxy(Peer):
    template = "peers/haproxy.cfg"

    def command(self, conf, _rig):
        return [self.program, "-db", "-f", conf]

    def env(self):
        return {"LD_LIBRARY_PATH": f"{PEERS}/haproxy/usr/lib/x86_64-linux-gnu"}


class Litellm(Peer):
    template = "peers/litellm.yaml"
    exact = False

    def find(self):
        return existing(f"{PEERS}/litellm/bin/litellm")

    def command(self, conf, rig):
        return [self.program, "--config", conf, "--host", "127.0.0.1",
                "--port", str(rig.port), "--num_workers", "1"]

    def env(self):  # its prices from its own package; lines at warnings only
        return {"LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
                "NO_DOCS": "True"}


class VllmRouter(Peer):
    exact = False

    def find(self):
        return existing(f"{PEERS}/vllm-router/bin/vllm-router")

    def command(self, _conf, rig):
        return [self.program, "--host", "127.0.0.1", "--port", str(rig.port),
                "--worker-urls", f"http://127.0.0.1:{rig.mock_port}",
                "--policy", "round_robin", "--api-key", KEY,
                "--max-concurrent-requests", "10000",
                "--request-timeout-secs", "600", "--log-level", "warning",
                "--prometheus-port", str(rig.admin_port)]


class Portkey(Peer):
    exact = False

    def find(self):
        return existing(f"{PEERS}/portkey/node_modules/@portkey-ai/gateway/"
                        "build/start-server.js")

    def command(self, _conf, rig):
        return ["node", self.program, f"--port={rig.port}", "--headless"]

    def env(self):
        return {"NODE_ENV": "production"}

    def headers(self, rig):
        config = {"provider": "openai", "api_key": KEY, "custom_host":
                  f"http://127.0.0.1:{rig.mock_port}/v1"}
        return [f"x-portkey-config: {json.dumps(config)}"]


ALL = {
    "pointsman": Pointsman, "nginx": Nginx, "nginx+": NginxEqual,
    "haproxy": Haproxy, "vllm-router": VllmRouter, "portkey": Portkey,
    "litellm": Litellm,
}
GATEWAYS = ("vllm-router", "portkey", "litellm")  # those for language models


def available(names):
    """(those that can be measured, those that cannot)"""
    found = {n: ALL[n](n) for n in names}
    return ([p for p in found.values() if p.program],
            [n for n, p in found.items() if not p.program])
