"""The stage of bench/demo: simulated backends, the gateway in front of them,
and the table that shows how they fare. Every process started here ends here.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from demo_traffic import get
from ports import free_port

READY_SECONDS = 15


class Backend:
    """One piece of simulated hardware: fakellm, paced like the real thing."""

    def __init__(self, name, adapter, hardware, ttft, rate, slots, price,
                 settings=""):
        self.name, self.adapter, self.hardware = name, adapter, hardware
        self.ttft, self.rate, self.slots = ttft, rate, slots
        self.price, self.settings = price, settings
        self.port, self.process = free_port(), None

    def start(self):
        self.process = subprocess.Popen(
            [os.environ["FAKELLM"], "--port", str(self.port),
             "--name", self.name, "--model", "gemma-4-31b",
             "--ttft", self.ttft, "--rate", self.rate,
             "--slots", str(self.slots)])

    def kill(self):
        """As the kernel would: no goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def conf(self):
        price = " ".join(f"{k} = {v};" for k, v in self.price.items())
        return (f'  {{ name = "{self.name}"; adapter = "{self.adapter}"; '
                f'url = "http://127.0.0.1:{self.port}/v1";\n'
                f'    hardware = "{self.hardware}"; price = {{ {price} }}; '
                f'{self.settings} }}')

    def cost(self, tokens_in, tokens_out):
        """USD; what is paid by the hour costs nothing more per token."""
        return (self.price.get("input", 0) * tokens_in
                + self.price.get("output", 0) * tokens_out) / 1e6

    def describe(self):
        price = self.price
        cost = (f"${price['hourly']:g} an hour, busy or idle"
                if "hourly" in price
                else f"${price['input']:.2f} in, ${price['output']:.2f} out "
                     "per million tokens" if price["output"] else "free")
        return (f"  {self.name:<9} {self.hardware:<15} TTFT {self.ttft} ms, "
                f"{self.rate} tokens/s, {self.slots} slots\n"
                f"  {'':<25} {cost}")


class Gateway:
    """pointsman over the backends, with the classes of the shipped file."""

    def __init__(self, folder, backends):
        self.folder, self.backends = folder, backends
        self.port, self.admin = free_port(), free_port()
        self.conf = os.path.join(folder, "gateway.conf")
        self.log = os.path.join(folder, "pointsman.log")
        self.process = None

    def write_conf(self):
        backends = ",\n".join(b.conf() for b in self.backends)
        servings = ",\n".join(
            f'      {{ backend = "{b.name}"; model = "gemma-4-31b"; '
            'quality = 31; }' for b in self.backends)
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"""\
# Written by bench/demo: all of this hardware is simulated.
listen = {{ address = "127.0.0.1"; port = {self.port}; }};
admin  = {{ address = "127.0.0.1"; port = {self.admin}; }};

slo = (
  {{ name = "voice"; ttft = "100ms"; itl = "20ms"; percentile = 99;
    priority = "premium"; }},
  {{ name = "interactive"; ttft = "500ms"; itl = "50ms"; percentile = 95;
    priority = "standard"; }},
  {{ name = "batch"; total = "60s"; percentile = 95; priority = "batch"; }}
);
default_slo = "interactive";

backends = (
{backends}
);

models = (
  {{ name = "gemma"; aliases = [ "gemma-4-31b" ]; serve = (
{servings} ); }}
);
default_model = "gemma";
""")

    def start(self):
        self.write_conf()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [os.environ["POINTSMAN"], "serve", "-c", self.conf],
                stdout=log, stderr=log)

    async def ready(self):
        try:
            return (await get(self.admin, "/readyz"))[0] == 200
        except (OSError, EOFError):
            if self.process.poll() is not None:
                with open(self.log, encoding="utf-8") as log:
                    sys.exit("pointsman did not start:\n" + log.read())
            return False

    async def view(self):
        """What /admin/v1/backends says of each: {name: its one serving}."""
        _, body = await get(self.admin, "/admin/v1/backends")
        return {b["name"]: b["servings"][0]
                for b in json.loads(body)["backends"]}

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


# --- the table ---

def share(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def ms(value):
    return f"{value:.0f} ms" if value is not None else "-"


def backend_rows(backends, view):
    yield (f"  {'backend':<9} {'state':<22} {'in flight':>9} {'TTFT p50':>8} "
           f"{'p95':>7} {'attempts':>8} {'errors':>6}")
    for b in backends:
        v = view[b.name]
        state = v["state"]
        if state != "ok" and v["last_fault"]:
            state += f" ({v['last_fault']})"
        ttft = v["latency"]["ttft"]
        yield (f"  {b.name:<9} {state:<22} {v['in_flight']:>9} "
               f"{ms(ttft['p50_ms']):>8} {ms(ttft['p95_ms']):>7} "
               f"{v['attempts']:>8} {v['errors']:>6}")


def went_to(calls, backends):
    n = {b.name: sum(c.backend == b.name for c in calls) for b in backends}
    total = sum(n.values())
    return ", ".join(f"{name} {share(k, total)}" for name, k in n.items() if k)


def per_thousand(calls, backends):
    """USD per 1,000 of these requests, from prices and tokens."""
    by_name = {b.name: b for b in backends}
    cost = sum(by_name[c.backend].cost(c.tokens_in, c.tokens_out or c.tokens)
               for c in calls if c.backend in by_name)
    return 1000 * cost / len(calls) if calls else 0.0


def class_rows(classes, backends, traffic, act):
    yield (f"  {'class':<11} {'requests':>8} {'attained':>8} "
           f"{'$/1,000':>7}  went to")
    for slo in classes:
        ended = [c for c in traffic.of(slo, act) if c.ended is not None]
        yield (f"  {slo.name:<11} {len(ended):>8} "
               f"{share(sum(c.attained() for c in ended), len(ended)):>8} "
               f"{per_thousand(ended, backends):>7.3f}  "
               f"{went_to(ended, backends)}")


class Screen:
    """A terminal on which the table stays where it is; anything else gets it
    a few times as plain text."""

    EVERY = 5  # seconds between tables where there is no terminal

    def __init__(self, out=sys.stdout):
        self.out, self.tty = out, out.isatty()
        self.drawn, self.last = 0, 0.0

    def say(self, text=""):
        print(text, file=self.out, flush=True)
        self.drawn, self.last = 0, time.monotonic()

    def draw(self, lines, final=False):
        if not self.tty:
            if not final and time.monotonic() - self.last < self.EVERY:
                return
            self.say("\n".join(lines) + "\n")
            return
        up = f"\x1b[{self.drawn}A" if self.drawn else ""
        width = shutil.get_terminal_size().columns
        self.out.write(up + "".join(f"{x[:width]}\x1b[K\n" for x in lines))
        self.out.flush()
        self.drawn = len(lines)
