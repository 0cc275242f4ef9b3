#!/usr/bin/env python3
"""When another router counts as cheaper than ours: bench/sim_verdicts.py."""
import contextlib
import io
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench"))

import sim_verdicts  # pylint: disable=wrong-import-position


def result(cost, *shares):
    return {"cost_per_met": cost,
            "classes": {c: {"attainment": s}
                        for c, s in zip(sim_verdicts.CLASSES, shares)}}


class Cheaper(unittest.TestCase):
    def missed(self, ours, theirs):
        """The names of the targets that are missed beside that one."""
        runs = {("steady", "slo", 1): ours, ("steady", "other", 1): theirs}
        v = sim_verdicts.Verdicts()
        with contextlib.redirect_stdout(io.StringIO()):
            sim_verdicts.judge_baselines(v, ["steady"], ["slo", "other"], [1],
                                         runs)
        return v.missed

    def test_whoever_keeps_the_targets_for_less_is(self):
        ours = result(2.0, 0.996, 0.995, 0.998)
        self.assertEqual(self.missed(ours, result(1.9, 0.99, 0.97, 0.99)),
                         ["other: cheaper at no worse attainment"])
        self.assertEqual(self.missed(ours, result(2.1, 0.99, 0.97, 0.99)), [])
        self.assertEqual(self.missed(ours, result(1.9, 0.99, 0.96, 0.99)), [])

    def test_where_ours_misses_a_target_as_much_of_it_will_do(self):
        ours = result(2.0, 0.98, 0.6, 0.5)
        self.assertEqual(self.missed(ours, result(1.9, 0.98, 0.6, 0.5)),
                         ["other: cheaper at no worse attainment"])
        self.assertEqual(self.missed(ours, result(1.9, 0.98, 0.59, 0.5)), [])


if __name__ == "__main__":
    unittest.main()
