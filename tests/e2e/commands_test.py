"""Every command in the documents is run: against a gateway like the one that
they describe, in a folder of its own, in the order of the page.

`make` is asked what it would do (`make -n`): a target that is gone, or that
cannot be made any more, fails. What can be run on no machine of tests stands in
ELSEWHERE, each with where it is run instead, or why it is not.
"""
import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
import docs_commands  # noqa: E402
from harness import (FAKELLM, POINTSMAN, ROOT, Fake, Gateway,  # noqa: E402
                     backend, chat, conf, http_json, wait_for)

BUILT = os.path.dirname(os.path.realpath(POINTSMAN))
SECONDS = 120  # for the commands of one fence
ROOT_WANTED = "it changes the system: done in a chroot (docs/operations.md)"
MINUTES = "minutes of load; its target is asked with `make -n`"

# Beginnings of commands, and why they are not run here.
ELSEWHERE = {
    "./tools/run": "installs, and serves until it is stopped",
    "./tools/test": "it is what runs this test",
    "tools/bootstrap test": "installs; tools/test begins with it",
    "tools/local-model fetch": "270 MB; tests/e2e/local_model_test.py",
    "bench/demo --quick": MINUTES,
    "build/asan/test/": "the line before makes it; `make unit` runs it",
    "bench/sim_tables.py": "reads what `make bench-sim` leaves",
    "sudo ": ROOT_WANTED,
    "systemctl ": "no systemd is at hand that a test could stop",
    "LIMITS_SECONDS=600": "ten minutes; the same test runs for five seconds",
    "DEMO=1": "half a minute of load",
    "QUICK=1 bench/team": MINUTES,
    "CHANGES=1000": "the same test runs with 40",
    "TLS_CHANGES=1000": "the same test runs with 5",
    "LEDGER_SECONDS=20": "the same test runs for three seconds",
    "SHARED_SECONDS=60": "two minutes of load",
    "prometheus --config.file": "tests/e2e/prometheus_test.py starts it",
    "promtool test rules": "tests/e2e/prometheus_test.py",
    "claude -p": "not installed; its SDK's tests are in tests/clients",
}

# What stands for something in a page, and what it is here. In this order.
INSTEAD = [
    ("/etc/pointsman/gateway.conf",
     os.path.join(ROOT, "tools/package/gateway.conf")),
    (r"127\.0\.0\.1:7070", "127.0.0.1:{port}"),
    (r"127\.0\.0\.1:7071", "127.0.0.1:{admin}"),
    (r"\brcpt_[0-9a-f]{24}\b|(?<=explain )ID\b", "{receipt}"),
    (r"-d \.\.\.$", "-H 'content-type: application/json' -d '{{\"model\":"
     "\"gemma\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]}}'"),
    (r" \.\.\.$", ""),
    (r"--duration \d+s\b", "--duration 2s"),
    (r"--for \d+s\b", "--for 1s"),
    # a busy machine misses what it promises, which is no fault of the command
    (r"\b(ttft|itl)=(\d+)m?s\b", "\\1=\\2s"),
    (r"--fail BACKEND", "--fail gpu --for 1s"),
    (r"SELECT \.\.\. FROM", "SELECT tenant FROM"),
    (r"--scenario (S|NAME)\b", "--scenario steady"),
    (r"--seed N\b", "--seed 1"),
    (r"\bnew\.conf\b", "gateway.conf"),
    (r"audit verify FILE", "audit verify audit.jsonl"),
    (r"make-large FOLDER", "make-large large"),
    (r"pointsman top$", "pointsman top --once"),
    (r"pointsman drill --stop", "(pointsman drill --fail gpu -c gateway.conf "
     "&) && until pointsman drill --stop -c gateway.conf; do sleep 0.1; done"),
    (r"scorecard\.py$", "scorecard.py 1"),
    (r"\$PWD/build/asan/|(?<![\w/])build/(asan|release)/", "{built}/"),
    (r"--(connections|hold) \d+", "--\\1 4"),
    (r"--requests \d+", "--requests 40"),
    (r"--rate 200 --seconds \d+", "--rate 20 --seconds 1"),
    (r"--seconds \d+", "--seconds 1"),
]

# What is not a 2xx fails.
CURL = 'curl() { command curl -sS --fail-with-body "$@"; }'

SLO = """
slo = (
  { name = "voice"; ttft = "20s"; percentile = 99; priority = "premium"; },
  { name = "chat"; ttft = "20s"; percentile = 97; },
  { name = "night"; total = "60s"; percentile = 95; priority = "batch"; }
);
default_slo = "chat"; default_model = "gemma";
"""
TEAM = """
keys_file = "keys.json"; audit_log = "audit.jsonl"; ledger = "usage.db";
tenants = ( { name = "acme"; keys = [ "env:ACME_KEY" ]; } );
"""
OF_A_TEAM = re.compile(r"pointsman (key (add|list|revoke)|drill|usage|audit)"
                       r"|sqlite3|day\.csv")
ASKS_ADMIN = re.compile(r"pointsman (key (add|list|revoke)|drill|usage|slo |"
                        r"backend |explain|top)")
KEYS = {"ACME_KEY": "key-of-acme", "VOICE_KEY": "a", "CHAT_KEY": "b",
        "BATCH_KEY": "c", "LITELLM_MASTER_KEY": "d", "SHOP_KEY": "e"}


class Place:
    """A gateway, and the folder where its commands are typed."""

    def __init__(self, fakes, extra):
        rows = [backend(n, f.port, 'probe_interval = "0s"; slots = 64;')
                for n, f in fakes.items()]
        self.gateway = Gateway(conf(rows, SLO + extra, model="gemma"),
                               env=KEYS)
        self.folder = self.gateway.folder.name
        with open(self.gateway.path, encoding="utf-8") as f:
            self.conf = f.read()
        bearer = {"authorization": "Bearer " + KEYS["ACME_KEY"]}
        status, headers, body = self.gateway.chat(
            chat("gemma", stream=True), bearer)
        assert status == 200, body
        self.receipt = headers["x-pointsman-receipt"]
        if extra:  # so that its files are there
            status, _, body = http_json(
                self.gateway.admin, "POST",
                "/admin/v1/keys?tenant=acme&name=first")
            assert status < 300, body
        os.mkdir(os.path.join(self.folder, "backup"))
        for name in ("tools", "bench", "tests", "docs"):
            os.symlink(os.path.join(ROOT, name),
                       os.path.join(self.folder, name))
        os.mkdir(os.path.join(self.folder, "build"))
        for name, to in (("pointsman", POINTSMAN), ("fakellm", FAKELLM),
                         ("tools", os.path.join(ROOT, "build/tools"))):
            os.symlink(to, os.path.join(self.folder, "build", name))
        shutil.copy(os.path.join(ROOT, "tests/conf/litellm.yaml"),
                    os.path.join(self.folder, "config.yaml"))
        shutil.copy(os.path.join(ROOT, "bench/scenarios/fleet.conf"),
                    self.folder)
        with gzip.open(os.path.join(self.folder, "trace.csv.gz"), "wt",
                       encoding="ascii") as f:
            f.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
            f.writelines(f"2023-11-16 18:00:00.{i}00,30,4\n"
                         for i in range(1, 9))

    def tidy(self):
        """Its gateway.conf is the one that it began with."""
        with open(self.gateway.path, "w", encoding="utf-8") as f:
            f.write(self.conf)

    def fill(self, text):
        values = {"port": self.gateway.port, "admin": self.gateway.admin,
                  "receipt": self.receipt, "built": BUILT}
        for pattern, to in INSTEAD:
            text = re.sub(
                pattern, lambda m, to=to: m.expand(to.format(**values)), text)
        return text


class Documents(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.fakes = {n: Fake("--ttft", "1-3", "--tokens", "4", "--rate",
                             "1000-2000", "--model", "fake-model")
                     for n in ("gpu", "fast", "cheap")}
        for f in cls.fakes.values():
            cls.addClassCleanup(f.stop)
        cls.open = Place(cls.fakes, "")
        cls.addClassCleanup(cls.open.gateway.process.kill)
        cls.team = Place(cls.fakes, TEAM)
        cls.addClassCleanup(cls.team.gateway.process.kill)
        programs = tempfile.TemporaryDirectory(prefix="pointsman-bin-")
        cls.addClassCleanup(programs.cleanup)
        os.symlink(POINTSMAN, os.path.join(programs.name, "pointsman"))
        cls.env = {
            **os.environ, **KEYS, "POINTSMAN": POINTSMAN, "FAKELLM": FAKELLM,
            "PATH": programs.name + ":" + os.environ["PATH"]}
        cls.made, cls.used, cls.ran = set(), set(), []

    @classmethod
    def tearDownClass(cls):
        assert cls.open.gateway.stop() == 0
        assert cls.team.gateway.stop() == 0

    # --- what a command becomes ---

    def prepared(self, command):
        """(place, text), or None where it is not run here."""
        for start in ELSEWHERE:
            if command.text.startswith(start):
                self.used.add(start)
                return None
        text = " && ".join(
            filter(None, map(self.part, command.text.split(" && "))))
        place = self.team if OF_A_TEAM.search(text) else self.open
        return place, place.fill(text) if text else ""

    def part(self, text):
        words = docs_commands.VARIABLES.sub("", text).split()
        if words[0] == "make":
            self.dry_run(text)
            return None
        if (words[0] == "pointsman" and len(words) <= 3 and
                all(re.fullmatch("[a-z]+", w) for w in words)
                and words[1] != "docs" and text != "pointsman key hash"):
            return text + " --help"  # a name of a command, nothing more
        if ASKS_ADMIN.search(text) and not re.search(
                r" (-c|--admin|--file|--help)\b", text):
            return text if "--stop" in text else text + " -c gateway.conf"
        if words[:2] == ["build/pointsman", "ask"]:
            return text + " --url http://127.0.0.1:7070/v1"
        return text

    def dry_run(self, text):
        if text in self.made:
            return
        self.made.add(text)
        plain = {k: v for k, v in os.environ.items()
                 if k not in ("MAKEFLAGS", "MFLAGS", "FLAVOUR")}
        done = subprocess.run(
            ["bash", "-c", re.sub(r"\bmake\b", "make -n", text, count=1)],
            cwd=ROOT, env=plain, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"{text}: {done.stderr[-2000:]}")

    # --- sessions ---

    def session(self, commands):
        lines, place = ["set -eu -o pipefail", CURL], self.open
        for c in commands:
            ready = self.prepared(c)
            if ready is None or not ready[1]:
                continue
            place = ready[0] if ready[0] is self.team else place
            if " serve " in ready[1]:
                self.serve(place, ready[1])
                continue
            lines += [f"echo {shlex.quote(str(c))} >&2", ready[1]]
        if len(lines) > 2 and lines[3::2] not in self.ran:
            self.ran.append(lines[3::2])
            self.run_lines(commands[0], place, lines)
            place.tidy()

    def run_lines(self, first, place, lines):
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)], cwd=place.folder,
            env={**self.env, "PS4": "+ "}, input="some-key\n",
            capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(
            done.returncode, 0, f"{first}\n" + "\n".join(lines)
            + f"\n--- said\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    def serve(self, place, text):
        """It serves until it is told to stop: on ports of its own."""
        other = Gateway(place.conf.replace(place.gateway.listen, ""),
                        wait=False)
        other.process.kill()
        other.process.wait()
        os.makedirs(os.path.join(other.folder.name, "build"))
        os.symlink(POINTSMAN,
                   os.path.join(other.folder.name, "build/pointsman"))
        other.process.stdout.close()
        other.process = subprocess.Popen(
            text.split(), cwd=other.folder.name, env=self.env,
            stdout=subprocess.PIPE, stderr=other.log_file)
        wait_for(other.ready, 20, text)
        self.assertEqual(other.stop(), 0)

    def test_every_command_is_run(self):
        if not shutil.which("sqlite3"):
            self.fail("no sqlite3: run tools/bootstrap test")
        strays, count = [], 0
        for page in docs_commands.documents():
            sessions, lost = docs_commands.read(page)
            strays += map(str, lost)
            for commands in sessions:
                count += len(commands)
                with self.subTest(str(commands[0])):
                    began = time.monotonic()
                    self.session(commands)
                    if "SHOW" in os.environ:
                        print(f"{time.monotonic() - began:6.2f}", commands[0])
        self.assertEqual(strays, [], "mark the fence as ```sh")
        self.assertGreater(count, 100)
        self.assertEqual(set(ELSEWHERE) - self.used, set(),
                         "no document has these any more")

    def test_simulations_print_what_is_shown(self):
        """Equal seeds give equal bytes. A page may leave lines out, and the
        ends of lines."""
        count = 0
        for page in docs_commands.documents():
            for shown in docs_commands.printed(page):
                if not shown.command.text.startswith("pointsman simulate "):
                    continue
                done = subprocess.run(
                    [POINTSMAN, *shlex.split(shown.command.text)[1:]],
                    cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
                said = iter(done.stdout.splitlines())
                for line in filter(None, shown.lines):
                    count += 1
                    self.assertTrue(any(s.startswith(line) for s in said),
                                    f"{shown.command}: not printed: {line}\n"
                                    + done.stdout)
        self.assertGreater(count, 5)

    # --- programs in other languages ---

    def test_the_python_of_the_readme(self):
        python = os.path.join(ROOT, "build/tools/python/bin/python")
        if not os.path.exists(python):
            self.skipTest("no SDKs: run tools/bootstrap test")
        (text,) = docs_commands.code("README.md", "python")
        self.program([python, "-"], self.open.fill(text) + (
            "print(client.chat.completions.create(model='gemma', messages=["
            "{'role': 'user', 'content': 'hi'}]).choices[0].finish_reason)"))

    def test_the_javascript_of_the_readme(self):
        modules = os.path.join(ROOT, "build/tools/node/node_modules")
        if not (shutil.which("node") and os.path.exists(modules)):
            self.skipTest("no SDKs: run tools/bootstrap test")
        (text,) = docs_commands.code("README.md", "js")
        link = os.path.join(self.open.folder, "node_modules")
        os.symlink(modules, link)
        path = os.path.join(self.open.folder, "readme.mjs")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.open.fill(text) + (
                "const a = await client.chat.completions.create({model: "
                "'gemma', messages: [{role: 'user', content: 'hi'}]});\n"
                "console.log(a.choices[0].finish_reason);\n"))
        self.program(["node", path], "")

    def program(self, command, text):
        done = subprocess.run(command, input=text, capture_output=True,
                              text=True, timeout=SECONDS, env=self.env,
                              cwd=self.open.folder)
        self.assertEqual((done.returncode, done.stdout.strip()),
                         (0, "stop"), done.stderr)


class Recipes(unittest.TestCase):
    """Whole configurations: each loads without a warning, and with a simulated
    backend behind every address each tenant and class gets an answer."""

    @classmethod
    def setUpClass(cls):
        cls.fake = Fake("--tokens", "4")
        cls.addClassCleanup(cls.fake.stop)

    def test_each_is_good_and_answers(self):
        texts = docs_commands.code("docs/recipes.md", "conf")
        self.assertGreater(len(texts), 3)
        for text in texts:
            with self.subTest(text[:200]):
                self.loads(text)
                if '"realtime"' not in text:  # which no chat is
                    self.answers(text)

    def env(self, text):
        return {name: f"key-of-{name}"
                for name in re.findall(r'"env:(\w+)"', text)}

    def loads(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(text)
            f.flush()
            done = subprocess.run(
                [POINTSMAN, "check", "-c", f.name], capture_output=True,
                text=True, timeout=60, env={**os.environ, **self.env(text)})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("warning", done.stdout)

    def answers(self, text):
        at = f'url = "http://127.0.0.1:{self.fake.port}/v1"; '
        served = re.sub(r'\burl = "[^"]*"; *', "", text)
        served = re.sub(r'(?<=adapter = )"\w+"; *', f'"openai"; {at}', served)
        served = re.sub(r"(?m)^(listen|admin) *= .*\n", "", served)
        keys, env = re.findall(r'keys = \[ "env:(\w+)"', text), self.env(text)
        model = re.search(r'models = \(\s*{ name = "([^"]+)"', text)[1]
        classes = re.findall(r'name = "(\w+)"; +(?:ttft|total) =', text)
        self.assertEqual(bool(classes), "slo = (" in text)
        gateway = Gateway(served, env=env)
        self.addCleanup(gateway.process.kill)
        for key in keys or [""]:
            for slo in classes:
                status, headers, body = gateway.chat(
                    chat(model, stream=True), {
                        "x-slo-class": slo,
                        "authorization": "Bearer " + env.get(key, "")})
                self.assertEqual(status, 200, body)
            status, _, body = gateway.chat(chat(model), {
                "authorization": "Bearer " + env.get(key, "")})
            self.assertEqual(status, 200, body)
        self.assertEqual(gateway.stop(), 0)


if __name__ == "__main__":
    unittest.main()
