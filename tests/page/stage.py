"""A gateway with three models, a backend of its own behind each, tenants, and
traffic; and three things that go wrong with it.

| incident | model | tenant | backend | what happens |
|---|---|---|---|---|
| slow | gemma | acme | fast | its engine works eight times slower |
| down | qwen | zeta | solo | it is killed |
| crowd | llama | flood | small | flood asks for far more than its slots |
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import Fake, Gateway, POINTSMAN, wait_for  # noqa: E402

ADMIN_KEY = "page-admin"
KEYS = {"PAGE_ACME": "acme-key", "PAGE_ZETA": "zeta-key",
        "PAGE_NIGHT": "night-key", "PAGE_FLOOD": "flood-key",
        "PAGE_ADMIN": ADMIN_KEY}
TENANTS = {"acme": ("PAGE_ACME", "voice"), "zeta": ("PAGE_ZETA", "chat"),
           "night": ("PAGE_NIGHT", "chat"), "flood": ("PAGE_FLOOD", "chat")}

# adapter, hardware, region; fakellm's options; slots; settings; USD per
# million tokens in and out
FLEET = {
    "fast": ("cerebras", "wafer", "us", "40,5,0.05,0.01", 64, 2.0, 4.0),
    "gpu": ("vllm", "gpu", "eu", "60,12,0.1,0.02", 64, 1.0, 2.0),
    "solo": ("vllm", "gpu", "eu", "50,8,0.1,0.02", 64, 1.5, 3.0),
    "small": ("llamacpp", "cpu", "local", "10,15,1,0.05", 2, 0.1, 0.2),
}
MODELS = {"gemma": ("fast", "gpu"), "qwen": ("solo",), "llama": ("small",)}

CLASSES = """
slo = (
  { name = "voice"; priority = "premium"; percentile = 95; ttft = "250ms";
    itl = "30ms"; },
  { name = "chat"; priority = "standard"; percentile = 95; ttft = "1s";
    itl = "60ms"; },
  { name = "batch"; priority = "batch"; percentile = 90; total = "60s"; }
);
default_slo = "chat";
"""


def conf(fakes, admin_keys=False):
    backends, models = [], []
    for name, fake in fakes.items():
        adapter, hardware, region, _, slots, inp, out = FLEET[name]
        backends.append(
            f'  {{ name = "{name}"; adapter = "{adapter}"; '
            f'url = "http://127.0.0.1:{fake.port}/v1"; slots = {slots}; '
            f'hardware = "{hardware}"; region = "{region}"; '
            f'price = {{ input = {inp}; output = {out}; }}; }}')
    for model, names in MODELS.items():
        serve = ", ".join(f'{{ backend = "{n}"; model = "fake-model"; }}'
                          for n in names)
        models.append(f'  {{ name = "{model}"; serve = ( {serve} ); }}')
    tenants = []
    for name, (key, slo) in TENANTS.items():
        only = ' backends = [ "fast" ];' if name == "acme" else ""
        tenants.append(f'  {{ name = "{name}"; keys = [ "env:{key}" ]; '
                       f'slo = "{slo}";{only} }}')
    join = ",\n".join
    return (CLASSES + f"backends = (\n{join(backends)}\n);\n"
            f"models = (\n{join(models)}\n);\ntenants = (\n{join(tenants)}"
            '\n);\naccess_log = "off";\n'
            + ('admin_keys = ( "env:PAGE_ADMIN" );\n' if admin_keys else ""))


class Stage:
    """A context manager; every process ends with it."""

    def __init__(self, admin_keys=False, seed=1):
        self.fakes, self.loads, self.seed = {}, [], seed
        self.gateway, self.admin_keys = None, admin_keys

    def __enter__(self):
        try:
            for i, (name, row) in enumerate(FLEET.items()):
                self.fakes[name] = Fake(
                    "--name", name, "--engine", row[3], "--slots",
                    str(row[4]), "--noise", "0.05", "--seed",
                    str(self.seed + i))
            self.gateway = Gateway(conf(self.fakes, self.admin_keys),
                                   env=KEYS)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind, *_):
        self.stop()

    def stop(self):
        """Ends everything; a sanitizer's report fails."""
        for p in self.loads:
            if p.poll() is None:
                p.kill()
            p.wait()
        try:
            code = 0 if self.gateway is None else self.gateway.stop()
        finally:
            for fake in self.fakes.values():
                fake.stop()
        assert code == 0, f"the gateway exited with {code}"

    def load(self, rate, seconds, *classes, patience="60s"):
        """Open-loop traffic; a class is (tenant, model, share). Clients leave
        when their patience ends."""
        command = [POINTSMAN, "loadtest", "--url",
                   f"http://127.0.0.1:{self.gateway.port}/v1", "--rate",
                   str(rate), "--duration", f"{seconds}s", "--prompt-tokens",
                   "30", "--max-tokens", "12", "--timeout", patience, "--seed",
                   str(self.seed)]
        for i, (tenant, model, share) in enumerate(classes):
            command += ["--class", f"name=c{i},share={share},model={model},"
                        f"key=env:{TENANTS[tenant][0]},headers=no,total=60s"]
        p = subprocess.Popen(command, env={**os.environ, **KEYS},
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        self.loads.append(p)
        return p

    def restart(self):
        """The gateway again, on the same ports, after it was stopped."""
        listen = self.gateway.listen
        ports = self.gateway.port, self.gateway.admin
        self.gateway = Gateway(conf(self.fakes, self.admin_keys), env=KEYS,
                               listen=listen, wait=False)
        self.gateway.port, self.gateway.admin = ports
        wait_for(self.gateway.ready, 20, "the gateway to be ready")

    # --- what goes wrong ---

    def slow(self, factor=8):
        self.fakes["fast"].configure(slow=factor)

    def down(self):
        self.fakes["solo"].stop()

    def crowd(self, seconds, rate=60):
        self.load(rate, seconds, ("flood", "llama", 1), patience="6s")
