"""What the documents name of the sources is there: files, alerts, and the tests
that hold what a page promises ("`router/queue_test`: silence_saves_nothing_up").
And each alert is there: who gets one looks it up."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from docs_commands import ROOT, documents  # noqa: E402

FOLDERS = ("bench", "backends", "docs", "gateway", "policies", "router",
           "tests", "tools")
FILE = re.compile(rf"\b(?:{'|'.join(FOLDERS)})/"
                  r"[\w./-]+\.(?:c|conf|h|md|py|vtc)\b")
EXAMPLES = {"backends/acme.c"}  # of a file that somebody is to write
TESTS = re.compile(r"`(?:[\w/]*/)?(\w+_test)(?:\.py|\.c)?`: "
                   r"((?:`?[\w.]+`?(?:,? and |, )?)+)")
DEFINED = re.compile(r"^(\w+)\(void \*\*state\)|def (?:test_)?(\w+)\(|"
                     r"^class (\w+)", re.M)
RULE = re.compile(r"- alert: (\w+)")
ALERT = re.compile(r"`(Pointsman[A-Z]\w*)`")


def sources():
    return [os.path.relpath(os.path.join(folder, name), ROOT)
            for top in FOLDERS
            for folder, _, names in os.walk(os.path.join(ROOT, top))
            for name in names]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def tests():
    """{file's own name: names of its tests}; two may have one name."""
    found = {}
    for path in sources():
        name, kind = os.path.splitext(os.path.basename(path))
        if name.endswith("_test") and kind in (".c", ".py"):
            found.setdefault(name, set()).update(
                x for names in DEFINED.findall(read(path)) for x in names)
    return found


class Names(unittest.TestCase):
    def test_files_are_there(self):
        there = set(sources()) | EXAMPLES
        self.assertEqual(
            [(page, path) for page in documents()
             for path in FILE.findall(read(page)) if path not in there], [])

    def test_tests_are_there(self):
        there, missing, n = tests(), [], 0
        for page in documents():
            for name, list_ in TESTS.findall(read(page)):
                for one in re.findall(r"[\w.]+", list_):
                    one = one.split(".")[-1].removeprefix("test_")
                    if one.count("_") < 2:  # a word of the sentence
                        continue
                    n += 1
                    if one not in there.get(name, ()):
                        missing.append((page, name, one))
        self.assertEqual(missing, [])
        self.assertGreater(n, 100)  # else it looks for them in vain

    def test_alerts_are_there_and_have_a_row(self):
        alerts = RULE.findall(read("tools/prometheus/alerts.yml"))
        runbook = read("docs/operations.md").split("## When an alert fires")[1]
        rows = re.findall(r"^\| (`.*?) \|", runbook.split("\n## ")[0], re.M)
        self.assertCountEqual(ALERT.findall("\n".join(rows)), alerts)
        self.assertEqual(
            [(page, name) for page in documents()
             for name in ALERT.findall(read(page)) if name not in alerts], [])


if __name__ == "__main__":
    unittest.main()
