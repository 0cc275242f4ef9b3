"""Whatever an upstream does, a client gets the whole answer of one serving or
an explicit error, in time; and afterwards nothing of it is left over."""
import asyncio
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from cases import PROMPT  # noqa: E402
from client import BROKEN, ERROR, WHOLE  # noqa: E402
from stage import Stage, wait_for  # noqa: E402

CANCELLED = 0.5  # generous: the machine of a test is busy
GROWTH_MB = 64
KEPT = 8  # descriptors of pools that have grown, not one for each case


class UpstreamFaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.loop = asyncio.new_event_loop()
        cls.stage = cls.make_stage()
        cls.loop.run_until_complete(cls.stage.start())
        cls.resident = cls.stage.resident_mb()
        cls.loop.run_until_complete(cls.stage.play())

    @classmethod
    def make_stage(cls):
        return Stage()

    @classmethod
    def tearDownClass(cls):
        code = cls.loop.run_until_complete(cls.stage.stop())
        cls.loop.close()
        assert code == 0, code

    def judge(self, result):
        of_it = [p for p in self.stage.played.values()
                 if p.case.result() == result]
        self.assertTrue(of_it)
        for p in of_it:
            with self.subTest(p.case.name, seed=self.stage.seed):
                self.assertIsNone(p.wrong)

    def test_a_whole_answer_where_any_serving_could_give_one(self):
        self.judge(WHOLE)

    def test_an_explicit_error_where_none_could(self):
        self.judge(ERROR)

    def test_a_failure_after_the_first_token_is_said_in_the_stream(self):
        self.judge(BROKEN)

    def test_nobody_waits_for_longer_than_the_fault_takes(self):
        for p in self.stage.played.values():
            with self.subTest(p.case.name):
                self.assertLess(p.took, p.case.patience())

    def test_each_serving_is_asked_once_and_for_the_same(self):
        for case in self.stage.cases:
            with self.subTest(case.name):
                calls = self.stage.calls(case)
                if case.fault.where == "tcp":
                    self.assertEqual(len(calls), 1)
                for call in calls:
                    if call.path:
                        self.assertEqual(json.loads(call.body)["messages"],
                                         PROMPT)
        for u in self.stage.upstreams.values():
            self.assertEqual(u.failed, [])

    def test_abandoned_work_is_cancelled_at_once(self):
        for case, took, _ in self.stage.latencies():
            with self.subTest(case.name):
                self.assertIsNotNone(took, "it was never told")
                self.assertLess(took, CANCELLED)

    def test_receipts_name_every_attempt_and_how_it_ended(self):
        for p in self.stage.played.values():
            if p.seen is None:
                continue
            with self.subTest(p.case.name):
                self.assertIsNotNone(p.receipt)
                out = p.receipt["outcome"]
                told = [(a["backend"], a["fault"]) for a in out["attempts"]]
                self.assertTrue(p.case.told(told), told)
                self.assertEqual(out["result"], {
                    WHOLE: "ok", ERROR: "error", BROKEN: "broken"}[
                        p.case.result()])

    def test_metrics_count_every_attempt_and_how_it_ended(self):
        counted = {}
        for labels, n in self.stage.metrics()["pointsman_attempts_total"]:
            if n > 0:
                fault = labels["fault"].replace("none", "") or None
                counted.setdefault(labels["model"], []).append(
                    ((labels["backend"], fault), n))
        for case in self.stage.cases:
            with self.subTest(case.name):
                told = counted.get(case.name, [])
                self.assertEqual({n for _, n in told}, {1})
                self.assertTrue(any(
                    {t for t, _ in told} == set(case.attempts(f))
                    for f in case.faults()), told)

    def test_counters_descriptors_and_memory_come_back(self):
        wait_for(self.stage.at_rest, what="every gauge to be 0")
        wait_for(lambda: len(self.stage.descriptors())
                 <= len(self.stage.before) + KEPT, what="the descriptors")
        self.assertLess(self.stage.resident_mb() - self.resident, GROWTH_MB)


if __name__ == "__main__":
    unittest.main()
