"""A path that is slow, narrow, cut or half open costs time or the answer, and
the client is told; with another serving there, only what had begun."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from client import BROKEN, ERROR, WHOLE  # noqa: E402
from place import Place, chat  # noqa: E402

SHORT = ('workers = 2;\ntimeouts = { connect = "1s"; ttft = "1s"; '
         'gap = "1s"; total = "3s"; };\n')
LONG = 'workers = 2;\n'
WITHIN_TOKENS = 1000  # bytes: a stream's head and some of its tokens


class RelayFaults(unittest.TestCase):
    def play(self, settings, healthy=False, stream=True, **relay):
        """What a client sees of an upstream behind a relay."""
        place = Place({"good": lambda call: call.answer()} if healthy else {},
                      settings, behind={"far": relay})
        try:
            return place.run(place.ask(chat(stream)))
        finally:
            place.stop()

    def test_a_late_and_a_narrow_path_lose_nothing(self):
        for relay in ({"latency": 0.1}, {"rate": 4000}):
            for stream in (True, False):
                with self.subTest(str(relay), stream=stream):
                    seen = self.play(LONG, stream=stream, **relay)
                    self.assertEqual((seen.kind, seen.source),
                                     (WHOLE, "far"))

    def test_a_path_that_is_reset_is_said_or_gone_round(self):
        seen = self.play(LONG, after=WITHIN_TOKENS, then="reset",
                         latency=0.02)
        self.assertEqual(seen.kind, BROKEN)
        self.assertRegex(seen.error["message"], r"\((cut|reset)\)")
        seen = self.play(LONG, after=0, then="reset")
        self.assertEqual((seen.kind, seen.status), (ERROR, 502))
        for stream in (True, False):
            seen = self.play(LONG, True, stream, after=0, then="reset")
            self.assertEqual((seen.kind, seen.source), (WHOLE, "good"))

    def test_a_path_that_is_half_open_is_given_up_in_time(self):
        seen = self.play(SHORT, after=WITHIN_TOKENS, then="vanish",
                         latency=0.02)
        self.assertEqual(seen.kind, BROKEN)
        self.assertIn("(gap_timeout)", seen.error["message"])
        seen = self.play(SHORT, after=0, then="vanish")
        self.assertEqual((seen.kind, seen.status), (ERROR, 504))
        for stream in (True, False):
            seen = self.play(SHORT, True, stream, after=0, then="vanish")
            self.assertEqual((seen.kind, seen.source), (WHOLE, "good"))


if __name__ == "__main__":
    unittest.main()
