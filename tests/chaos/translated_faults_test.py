"""What holds for upstream faults holds for who asks in another format, and is
answered by backends that are asked in chat."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from cases import all_cases  # noqa: E402
from formats import Messages, Responses  # noqa: E402
from stage import Stage  # noqa: E402
from upstream_faults_test import UpstreamFaults as _Faults  # noqa: E402


class TranslatedStage(Stage):
    def backend(self, name, url, price, extra):
        return super().backend(name, url, price,
                               extra + ' translate = "always";')


class MessagesFaults(_Faults):
    @classmethod
    def make_stage(cls):
        return TranslatedStage(speaks=Messages())


class ResponsesFaults(_Faults):
    @classmethod
    def make_stage(cls):
        # the end of that stream repeats its text, but no more than 3 MB
        cases = [c for c in all_cases()
                 if c.fault.name != "a_hundred_thousand_events_in_a_packet"]
        return TranslatedStage(cases, speaks=Responses())


del _Faults  # it has a file of its own


if __name__ == "__main__":
    unittest.main()
