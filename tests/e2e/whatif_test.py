"""What if: a recorded day and what the gateway has measured, played again."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, backend,  # noqa: E402
                     wait_for)

ALONE = "it measures latencies"
SECONDS = 10
RATE = 9
# rtt, step, per_sequence, per_token: ms
TRUE = {"a": (20, 24, 0.5, 0.1), "b": (40, 30, 0.6, 0.15)}
OFF = 4  # times slower than gateway.conf says
TARGETS = {"ttft": 250, "itl": 20}  # kept at that speed, never at this


def fleet(names, ports):
    profiles = {
        name: 'profile = {{ rtt = "{:.0f}us"; step = "{:.0f}us"; '
        'per_sequence = "{:.0f}us"; per_token = {:.3f}; }}; '.format(
            *(v * 1e3 / OFF for v in TRUE[name])) for name in names}
    backends = ", ".join(
        backend(n, ports[n], 'slots = 32; ' + profiles[n]) for n in names)
    serve = ", ".join(f'{{ backend = "{n}"; model = "fake-model"; }}'
                      for n in names)
    return (f'backends = ( {backends} );\nmodels = ( {{ name = "m"; '
            f'serve = ( {serve} ); }} );\nslo = ( {{ name = "fast"; '
            'priority = "standard"; percentile = 95; '
            f'ttft = "{TARGETS["ttft"]}ms"; itl = "{TARGETS["itl"]}ms"; }} '
            ');\ndefault_slo = "fast";\n')


class Played(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.folder = holder.name
        cls.ports = {}
        for name, speed in TRUE.items():
            fake = Fake("--engine", ",".join(map(str, speed)), "--noise",
                        "0.05", "--slots", "32")
            cls.addClassCleanup(fake.stop)
            cls.ports[name] = fake.port
        ledger = os.path.join(cls.folder, "usage.db")
        cls.gateway = Gateway(
            fleet("ab", cls.ports) + f'ledger = "{ledger}";\n')
        cls.addClassCleanup(cls.gateway.stop)
        cls.admin = f"http://127.0.0.1:{cls.gateway.admin}"
        cls.live = cls.offer()
        wait_for(lambda: "pointsman_ledger_rows_total "
                 f"{cls.live['requests']}\n" in cls.gateway.metrics(), 10,
                 "the last rows")
        cls.profiles = cls.write("profiles.json", cls.run_one(
            "backend", "list", "--json", "--admin", cls.admin)[1])
        cls.trace = cls.write("day.csv", cls.run_one(
            "usage", "--trace", "--file", ledger)[1])

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    @classmethod
    def run_one(cls, *words):
        """(exit code, stdout, stderr)"""
        done = subprocess.run([POINTSMAN, *words], capture_output=True,
                              text=True, timeout=60, cwd=cls.folder)
        return done.returncode, done.stdout, done.stderr

    @classmethod
    def offer(cls):
        terms = ",".join(f"{k}={v}ms" for k, v in TARGETS.items())
        _, out, err = cls.run_one(
            "loadtest", "--url", f"http://127.0.0.1:{cls.gateway.port}/v1",
            "--model", "m", "--rate", str(RATE), "--duration", f"{SECONDS}s",
            "--prompt-tokens", "500", "--max-tokens", "25", "--json",
            "--class", f"name=fast,slo=fast,priority=standard,{terms}")
        assert out.startswith("{"), err
        return json.loads(out)["classes"]["standard"]

    def simulate(self, *more, names="ab", code=0):
        """Its JSON, or what it complains of; and its notes."""
        conf = self.write("new.conf", fleet(names, self.ports))
        rc, out, err = self.run_one("simulate", "--config", conf, "--trace",
                                    self.trace, "--json", *more)
        self.assertEqual(rc, code, err)
        return (json.loads(out) if code == 0 else err), err

    def test_with_profiles_it_is_as_it_was(self):
        n = self.live["requests"]
        self.assertGreater(n, 50)
        told, said = self.simulate("--profiles", self.profiles)
        self.assertEqual(said, "")
        assumed, said = self.simulate()
        self.assertIn("speeds are assumed", said)
        told, assumed = (r["classes"]["standard"] for r in (told, assumed))
        self.assertEqual(told["requests"], n)
        # nothing was in time; by the configuration all would have been
        self.assertLess(self.live["attainment"], 0.1)
        self.assertLess(told["attainment"], 0.1)
        self.assertGreater(assumed["attainment"], 0.8)
        for what, at in (("ttft_ms", "p50"), ("itl_ms", "p50"),
                         ("ttft_ms", "p95"), ("itl_ms", "p95")):
            real, near, far = (c[what][at] for c in (self.live, told, assumed))
            slack = 1.6 if at == "p50" else 2.2
            self.assertGreater(near * slack, real, (what, at))
            self.assertLess(near, real * slack, (what, at))
            self.assertLess(far, real / 2.2, (what, at))

    def test_it_says_what_was_measured_and_what_is_assumed(self):
        with open(self.profiles, encoding="utf-8") as f:
            doc = json.load(f)
        one = doc["backends"][1]["servings"][0]["profile"]
        for times in ("ttft_ratio", "itl_ratio"):
            one[times]["samples"] = 3
        few = self.write("few.json", json.dumps(doc))
        sim, _ = self.simulate("--profiles", few)
        self.assertEqual(
            [(s["backend"], s["measured"]) for s in
             sim["profiles"]["servings"]], [("a", True), ("b", False)])
        self.assertEqual(sim["profiles"]["at"], doc["at"])
        conf = self.write("new.conf", fleet("ab", self.ports))
        _, table, _ = self.run_one("simulate", "--config", conf, "--trace",
                                   self.trace, "--profiles", few)
        self.assertIn(f"profiles: {few}, of {doc['at']}\n", table)
        self.assertRegex(table, r"\nspeed of a, m: measured \(TTFT \d+ times, "
                         r"ITL \d+\), beside [\d.]+ others\n")
        self.assertIn("\nspeed of b, m: assumed: measured 6 times only\n",
                      table)

    def test_one_less_is_a_note(self):
        sim, notes = self.simulate("--profiles", self.profiles, names="a")
        self.assertEqual(
            notes.splitlines()[0], f'{self.profiles}: "m" at "b" is not in '
            f'{os.path.join(self.folder, "new.conf")}: left out')
        self.assertEqual(len(sim["profiles"]["servings"]), 1)

    def test_a_running_gateway_can_be_asked(self):
        sim, _ = self.simulate("--profiles", self.admin)
        self.assertTrue(all(s["measured"]
                            for s in sim["profiles"]["servings"]))
        err, _ = self.simulate("--profiles", "http://127.0.0.1:1", code=2)
        self.assertIn("no gateway answers at http://127.0.0.1:1", err)

    def test_equal_seeds_give_equal_runs(self):
        more = ("--profiles", self.profiles, "--seed", "7")
        self.assertEqual(self.simulate(*more), self.simulate(*more))

    def test_a_file_that_is_none(self):
        with open(self.profiles, encoding="utf-8") as f:
            good = f.read()

        def told(text):
            path = self.write("bad.json", text)
            err = self.simulate("--profiles", path, code=2)[0]
            self.assertTrue(err.startswith("simulate: --profiles: " + path),
                            err)
            return err.removeprefix("simulate: --profiles: " + path).strip()

        def changed(change):
            doc = json.loads(good)
            change(doc, doc["backends"][1]["servings"][0]["profile"])
            return told(json.dumps(doc))

        self.assertRegex(told('{\n"backends": [,]}'), r"^:2:1[34]: ")
        self.assertIn(": backends: want a list, as GET /admin/v1/backends",
                      told('{"error": {"message": "no key"}}'))
        self.assertIn(": backends: want a list", told("[]"))
        at = ": backends[1].servings[0].profile"
        for change, want in (
                (lambda d, p: p.update(step_ms="7"),
                 at + ".step_ms: want a number, 0 or more"),
                (lambda d, p: p.update(rtt_ms=-1), at + ".rtt_ms: want"),
                (lambda d, p: p["itl_ratio"].pop("samples"),
                 at + ".itl_ratio.samples: want"),
                (lambda d, p: p["itl_ratio"].update(p5=9, p10=8),
                 at + ".itl_ratio.p10: want no less than"),
                (lambda d, p: p.pop("ttft_ratio"),
                 at + ".ttft_ratio: want an object"),
                (lambda d, p: d["backends"][1]["servings"][0].pop("profile"),
                 at + ": want an object, as"),
                (lambda d, p: d["backends"][1].pop("name"),
                 ": backends[1].name: want a name"),
                (lambda d, p: d["backends"].append(d["backends"][0]),
                 ': backends[2].servings[0]: "m" at "a" is in it twice')):
            self.assertTrue(changed(change).startswith(want),
                            (changed(change), want))
        path = os.path.join(self.folder, "none.json")
        self.assertIn("none.json: No such file",
                      self.simulate("--profiles", path, code=2)[0])

    def test_what_it_does_not_go_with(self):
        rc, _, err = self.run_one("simulate", "--profiles", self.profiles)
        self.assertEqual(rc, 2)
        self.assertIn("--profiles: want --config", err)
        err, _ = self.simulate("--profiles", self.profiles, "--router",
                               "bound", code=2)
        self.assertIn('--profiles: want another router, got "bound"', err)


if __name__ == "__main__":
    unittest.main()
