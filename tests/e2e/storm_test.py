"""A storm: everything at once, and nothing may be lost, mixed up or left over.

Backends fail by script, by configuration and by SIGKILL; clients ask in every
way and leave in every state; reloads come good and bad. Each answer is judged
(storm_client.py), and once the storm is over nothing of it may remain.

STORM_SECONDS=n lets it blow for so long, STORM_SEED=n as it blew then.
"""
import asyncio
import collections
import os
import random
import re
import signal
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import FAKELLM, Fake, Gateway, backend, wait_for  # noqa: E402
from storm_client import Ask, Conn, Wrong, parse  # noqa: E402
from storm_visits import (BODY_LIMIT, BODY_TIMEOUT, STALL,  # noqa: E402
                          VICTIMS, Visits)

ALONE = "it puts the gateway under load"
SECONDS = float(os.environ.get("STORM_SECONDS", "6"))
SEED = int(os.environ.get("STORM_SEED", random.SystemRandom().randrange(10**6)))
CLIENTS = int(os.environ.get("STORM_CLIENTS", "250"))

# Of a request, in the configuration: longer where the gateway is slow.
DEADLINE = int(os.environ.get("STORM_DEADLINE", "7"))
PATIENCE = DEADLINE + 15  # of a client: beyond it an answer is a hang

SETTINGS = f"""
workers = %d;
body_limit = "{BODY_LIMIT}B";
deadline = "{DEADLINE}s";
client_stall = "{STALL}s";
header_timeout = "3s";
body_timeout = "{BODY_TIMEOUT}s";
idle_timeout = "60s";
drain_timeout = "2s";
queue_limit = 64;
log_level = "info";
access_log = "off";
timeouts = {{ connect = "1s"; ttft = "2s"; gap = "1s"; total = "3s"; }};
slo = (
  {{ name = "premium"; ttft = "50ms"; priority = "premium"; }},
  {{ name = "bulk"; total = "30s"; priority = "batch"; }},
  {{ name = "strict"; ttft = "1ms"; on_miss = "refuse"; }}
);
"""
PROBED = 'probe_interval = "300ms"; '
PATIENT = ('timeouts = { connect = "60s"; ttft = "60s"; gap = "60s"; '
           'total = "60s"; };')

# name: options of fakellm, settings of the gateway
POOL = {
    "fast": (("--ttft", "1-5", "--rate", "2000-5000"), "slots = 32; "),
    "even": (("--ttft", "5-20", "--rate", "1000-2000", "--slots", "8"),
             "slots = 8; "),
    "slow": (("--ttft", "20-80", "--rate", "300-600", "--slots", "4"), ""),
    "narrow": (("--ttft", "1-10", "--rate", "2000-2000"), "slots = 2; "),
    "spare": (("--ttft", "1-10", "--rate", "1000-2000", "--pad", "300000"),
              ""),
}
WEATHER = ("reset", "close", "hang", "headers", "stall", "cut", "cut_reset",
           "cut_inside", "no_done", "no_finish", "empty", "html", "error_200",
           "error_first", "error_later", "bad_chunk", "short", "429", "500",
           "503")
CHILD = (f'{{ name = "child"; adapter = "vllm"; command = [ "{FAKELLM}", '
         '"--port", "{port}", "--model", "fake-child", "--cold", "100" ]; '
         f'{PROBED} }}')
BAD_FILES = ("backends = (", "nonsense = 5;", "queue_limit = -1;",
             'default_model = "nobody";', "workers = 0;")


def serve(model, names, extra=""):
    rows = ", ".join(
        f'{{ backend = "{n}"; model = "fake-{n}"; {extra}}}' for n in names)
    return f'{{ name = "{model}"; serve = ( {rows} ); }}'


class Storm(Visits):
    """The gateway, its backends, and what shakes them."""

    def __init__(self, seed, workers):
        self.rng = random.Random(seed)
        self.fakes = {n: self.fake(n, *o) for n, (o, _) in POOL.items()}
        for name, options in (("calm", ("--ttft", "1-20")),
                              ("queue", ("--ttft", "5-30", "--slots", "2")),
                              ("victim", ()), ("guest", ()), ("guest2", ())):
            self.fakes[name] = self.fake(name, "--rate", "1000-3000", *options)
        self.settings = SETTINGS % workers
        self.gateway = Gateway(self.conf(self.rng))
        super().__init__(self.gateway.port, PATIENCE)

    def fake(self, name, *options):
        return Fake("--model", f"fake-{name}", "--seed",
                    str(self.rng.randrange(1000)), *options)

    def close(self):
        for f in self.fakes.values():
            f.stop()

    # --- configurations ---

    def conf(self, rng):
        """A good one; what is always there serves all the time."""
        port = {n: f.port for n, f in self.fakes.items()}
        pool = [n for n in POOL if n == "fast" or rng.random() < 0.8]
        rows = [backend(n, port[n], PROBED + POOL[n][1]) for n in pool]
        rows += [backend("calm", port["calm"], PATIENT),
                 backend("queue", port["queue"], "slots = 2; ")]
        models = [serve("m", pool), serve("calm", ["calm"]),
                  serve("queue", ["queue"])]
        for i in range(VICTIMS):
            names = [f"v{i}a", f"v{i}b"]
            rows += [backend(n, port["victim"], PROBED + f"slots = {8 + i};")
                     for n in names]
            models.append(serve(f"v{i}", names))
        if rng.random() < 0.6:
            rows.append(backend("guest", port[rng.choice(("guest",
                                                          "guest2"))]))
            models.append(serve("guest", ["guest"]))
        if rng.random() < 0.7:
            rows.append(CHILD)
            models.append(serve("child", ["child"]))
        rng.shuffle(rows)
        return (self.settings
                + f'header_limit = "{rng.choice((16, 16, 24))}KiB";\n'
                + f'body_limit_total = "{rng.choice((8, 64, 64))}MiB";\n'
                + f'backends = ( {", ".join(rows)} );\n'
                + f'models = ( {", ".join(models)} );\n')

    def write(self, text):
        path = self.gateway.path + ".new"
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.gateway.listen + text)
        os.rename(path, self.gateway.path)

    async def reloads(self, rng):
        """Good files and bad ones, by signal and by the API."""
        while not self.over:
            await asyncio.sleep(rng.uniform(0.2, 0.8))
            good = rng.random() < 0.7
            text = self.conf(rng)
            self.write(text if good else text + rng.choice(BAD_FILES))
            if rng.random() < 0.5:
                self.gateway.send_signal(signal.SIGHUP)
                self.seen["SIGHUP"] += 1
                continue
            a, body = await self.ask_admin("POST", "/admin/v1/reload")
            if (a.status == 200) != good:
                raise Wrong(f"reload of a {'good' if good else 'bad'} file: "
                            f"{a.status} {body}")
            self.seen[f"reload {a.status}"] += 1

    # --- the operator's side ---

    async def ask_admin(self, method, path):
        conn = await Conn(self.gateway.admin).open()
        try:
            async with asyncio.timeout(self.patience):
                await conn.send(f"{method} {path} HTTP/1.1\r\n"
                                "host: localhost\r\n\r\n".encode())
                a = await conn.answer()
        finally:
            conn.close()
        return a, a.body.decode()

    async def poll(self, rng):
        counters = {}
        while not self.over:
            await asyncio.sleep(rng.uniform(0.02, 0.2))
            path = rng.choice(("/metrics", "/metrics", "/admin/v1/backends",
                               "/admin/v1/status", "/admin/v1/config"))
            a, body = await self.ask_admin("GET", path)
            if a.status != 200:
                raise Wrong(f"{path}: {a.status} {body}")
            if path == "/metrics":
                self.check_metrics(body, counters)
            elif path != "/admin/v1/config":
                parse(body, path)
            self.seen["polls"] += 1

    @staticmethod
    def check_metrics(text, counters):
        """It parses; no counter that is there goes back."""
        sample = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*'
                            r'\})? (-?[0-9.e+-]+|NaN|\+Inf)$')
        kinds = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                kinds[name] = kind
            elif not line.startswith("#"):
                m = sample.match(line)
                if not m:
                    raise Wrong(f"not a metric: {line}")
                if kinds.get(m[1]) == "counter":
                    key, value = m[1] + (m[2] or ""), float(m[3])
                    if value < counters.get(key, 0):
                        raise Wrong(f"{key} went back to {value}")
                    counters[key] = value

    # --- the weather ---

    async def blow(self, rng):
        """One backend of the pool fails for a while, and gets well."""
        while not self.over:
            await asyncio.sleep(rng.uniform(0.1, 0.6))
            fake = self.fakes[rng.choice(list(POOL))]
            setting = {"fault": rng.choice(WEATHER),
                       "after": rng.randrange(6)}
            if rng.random() < 0.3:
                setting = {"fault": "none", "slow": rng.choice((5, 30, 100))}
            for s in (setting, {"fault": "none", "after": 0, "slow": 1}):
                try:
                    await asyncio.to_thread(fake.configure, **s)
                except (OSError, AssertionError):
                    break  # it has just been killed
                await asyncio.sleep(rng.uniform(0.1, 0.7))

    async def kill(self, rng):
        while not self.over:
            await asyncio.sleep(rng.uniform(0.5, 2))
            self.seen["kills"] += 1
            name = rng.choice([*POOL, "guest", "child"])
            if name == "child":
                self.kill_child()
                continue
            fake = self.fakes[name]
            fake.stop()
            await asyncio.sleep(rng.uniform(0, 0.8))
            await asyncio.to_thread(fake.start)

    def kill_child(self):
        """The one that the gateway runs itself."""
        tasks = f"/proc/{self.gateway.process.pid}/task"
        try:
            for task in os.listdir(tasks):
                with open(f"{tasks}/{task}/children", encoding="ascii") as f:
                    for child in f.read().split():
                        os.kill(int(child), signal.SIGKILL)
        except OSError:
            pass  # it has just ended

    # --- all of it ---

    def begin(self, elements, kinds):
        self.over = False
        return ([asyncio.create_task(e(random.Random(self.rng.random())))
                 for e in elements],
                [asyncio.create_task(self.client(self.rng.random(), kinds))
                 for _ in range(CLIENTS)])

    async def end(self, tasks):
        """Everybody finishes what they have begun."""
        self.over = True
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                self.wrong.append(repr(done))

    async def rage(self, seconds):
        """All of it, for so long."""
        elements, clients = self.begin(
            (self.reloads, self.poll, self.blow, self.kill), self.KINDS)
        await asyncio.wait(elements, timeout=seconds,
                           return_when=asyncio.FIRST_EXCEPTION)
        await self.end(elements + clients)

    async def stop_amidst(self, seconds):
        """SIGTERM while requests are in every state."""
        elements, clients = self.begin(
            (self.blow, self.kill), [k for k in self.KINDS if k[0] not in self.LONG])
        await asyncio.sleep(seconds)
        self.stopping = True
        self.gateway.send_signal(signal.SIGTERM)
        await asyncio.sleep(1)
        await self.end(elements + clients)

    # --- afterwards ---

    def calm_down(self):
        """All backends are well again, and the configuration is whole."""
        for f in self.fakes.values():
            if f.process.poll() is not None:
                f.start()
            f.configure(fault="none", after=0, slow=1)
        self.write(self.conf(random.Random(3)))
        self.gateway.send_signal(signal.SIGHUP)

    def left_over(self):
        s = self.gateway.status()
        out = {k: s[k] for k in ("requests", "connections", "queued",
                                 "upstream_transfers", "body_bytes") if s[k]}
        for name, b in self.gateway.backends().items():
            for v in b["servings"]:
                if v["in_flight"] or v["waiting"]:
                    out[f"{name}/{v['model']}"] = (v["in_flight"],
                                                   v["waiting"])
        return out

    def descriptors(self):
        """Those of the gateway, by kind; connections that it has made, and
        keeps for a while, apart."""
        folder = f"/proc/{self.gateway.process.pid}"
        ours, taken = (self.gateway.port, self.gateway.admin), set()
        with open(f"{folder}/net/tcp", encoding="ascii") as table:
            for row in table.readlines()[1:]:
                cells = row.split()
                if int(cells[1].split(":")[1], 16) in ours:
                    taken.add(f"socket:[{cells[9]}]")
        count = collections.Counter()
        for fd in os.listdir(f"{folder}/fd"):
            try:
                target = os.readlink(f"{folder}/fd/{fd}")
            except OSError:
                continue
            if target.startswith("socket"):
                target = "taken" if target in taken else "made"
            count[target] += 1
        return count


class Blow(unittest.TestCase):
    # Daemons are kept for the next wave, libcurl's connections for a while.
    SLACK = {"anon_inode:[eventpoll]": 32, "anon_inode:[eventfd]": 32,
             "made": 1000}

    def storm(self, workers):
        print(f"storm: STORM_SEED={SEED} workers={workers}", file=sys.stderr)
        s = Storm(SEED + workers, workers)
        self.addCleanup(s.close)
        self.addCleanup(s.gateway.process.kill)
        return s

    def blow_over(self, workers, seconds):
        s = self.storm(workers)
        before = s.descriptors()
        asyncio.run(s.rage(seconds))
        s.calm_down()
        try:
            wait_for(lambda: not s.left_over(), 8)
        except AssertionError:
            s.wrong.append(f"left over: {s.left_over()}")
        after = s.descriptors()
        grown = {k: (before[k], n) for k, n in after.items()
                 if n > before[k] + self.SLACK.get(k, 2)}
        if grown:
            s.wrong.append(f"descriptors left: {grown}")
        self.comes_back(s)
        self.finish(s)
        return s

    @staticmethod
    def comes_back(s):
        """Every backend that the storm has shaken is used again."""
        names = [f"m:{n}" for n in POOL if n in s.gateway.backends()]
        names += [f"v{i}:v{i}{c}" for i in range(1, VICTIMS) for c in "ab"]
        for name in [*names, "calm", "queue"]:
            body = Ask("after", name).body
            try:
                wait_for(lambda b=body: s.gateway.chat(b)[0] == 200, 40)
            except AssertionError:
                s.wrong.append(f"{name} does not come back: "
                               f"{s.gateway.chat(body)}")

    def finish(self, s):
        if os.environ.get("STORM_VERBOSE"):
            for word, n in sorted(s.seen.items()):
                print(f"  {n:7} {word}", file=sys.stderr)
        log = s.gateway.log()
        code = s.gateway.stop()
        self.assertEqual(s.wrong, [], "\n".join(s.wrong))
        self.assertEqual(code, 0, log[-20000:])
        for word in ("upstream_multi", "not watched"):
            self.assertNotIn(word, log)

    def test_two_workers(self):
        s = self.blow_over(2, SECONDS)
        self.assertGreater(s.seen["calm whole"], 100)
        self.assertGreater(s.seen["m whole"], 100)

    def test_one_worker(self):
        self.blow_over(1, SECONDS / 2)

    def test_stop_amidst(self):
        s = self.storm(2)
        asyncio.run(s.stop_amidst(min(SECONDS / 3, 4)))
        self.finish(s)


if __name__ == "__main__":
    unittest.main()
