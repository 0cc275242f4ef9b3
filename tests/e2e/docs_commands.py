"""Finds the commands in the documents, for commands_test.py.

A command is a line of a fence marked `sh`, a line behind `$ ` in any other
fence (the rest there is what it printed), and a span in backquotes that begins
with one of PROGRAMS and has an argument. A line that ends in a backslash goes
on in the next one.
"""
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROGRAMS = ("make", "pointsman", "build/pointsman", "build/release/loadclient",
            "./tools/run", "./tools/test", "tools/bootstrap",
            "tools/local-model", "tools/bench-peers", "bench/demo",
            "bench/truth", "bench/sim_tables.py", "tests/e2e/run",
            "tests/chaos/scorecard.py", "bench/scenarios/make-large",
            "bench/team", "python3", "curl", "sudo", "systemctl", "sqlite3",
            "promtool", "prometheus", "docker", "apt", "apt-get", "export")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
SPAN = re.compile(r"`([^`]+)`")
VARIABLES = re.compile(r"^(?:[A-Z_]+=\S* )*")


def documents():
    found = ["README.md", "CONTRIBUTING.md", "tests/README.md",
             "bench/scenarios/README.md"]
    return found + sorted(
        os.path.relpath(p, ROOT)
        for p in glob.glob(os.path.join(ROOT, "docs/*.md")))


def is_command(text):
    program, _, rest = VARIABLES.sub("", text).partition(" ")
    table = program == "pointsman" and rest.startswith(" ")  # its column
    return program in PROGRAMS and not table


class Command:
    def __init__(self, page, line, text):
        self.page, self.line, self.text = page, line, text

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


class Printed:
    """A command, and what the page says that it printed."""

    def __init__(self, command):
        self.command, self.lines = command, []


def printed(page):
    """Of each command behind `$ `."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        text = f.read()
    found = []
    for m in FENCE.finditer(text):
        fence = []
        first = text.count("\n", 0, m.start(2)) + 1
        for number, line in lines_of(m[2], first):
            if line.startswith("$ "):
                fence.append(Printed(Command(page, number, line[2:])))
            elif fence:
                fence[-1].lines.append(line)
        found += fence
    return found


def lines_of(body, first):
    """(line number, line) where continued lines are one."""
    whole, at = "", first
    for number, line in enumerate(body.split("\n"), first):
        at = number if not whole else at
        whole += line
        if whole.endswith("\\"):
            whole = whole[:-1]
            continue
        yield at, whole
        whole = ""


def without_comment(line):
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def of_fence(page, mark, body, first):
    """Commands of one fence, and lines that look like some but do not say
    so."""
    found, strays = [], []
    for number, line in lines_of(body, first):
        text = line.strip()
        if text.startswith("$ "):
            found.append(Command(page, number, text[2:]))
        elif mark == "sh" and without_comment(text):
            found.append(Command(page, number, without_comment(text)))
        elif not mark and is_command(text):
            strays.append(Command(page, number, text))
    return found, strays


def read(page):
    """(sessions, strays): a session is the commands of one fence or span."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        text = f.read()
    sessions, strays = [], []

    def number(at):
        return text.count("\n", 0, at) + 1

    for m in FENCE.finditer(text):
        found, lost = of_fence(page, m[1], m[2], number(m.start(2)))
        sessions += [found] if found else []
        strays += lost
    # what is left of the page, every character where it was
    prose = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    for m in re.finditer(r"^    (\S.*)$", prose, re.M):
        if is_command(m[1]):
            strays.append(Command(page, number(m.start()), m[1]))
    for m in SPAN.finditer(prose):
        words = " ".join(m[1].split())
        if is_command(words) and " " in VARIABLES.sub("", words):
            sessions.append([Command(page, number(m.start()), words)])
    return sessions, strays


def code(page, language):
    """The text of its fences in a language."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as f:
        return [m[2] for m in FENCE.finditer(f.read()) if m[1] == language]
