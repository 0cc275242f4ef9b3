"""Where only premium is served nobody explores: the gateway itself asks the
backends that nobody is sent to, and no tenant sees any of it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, chat, wait_for  # noqa: E402

SLO = ('slo = ( { name = "voice"; ttft = "2s"; percentile = 95; '
       'priority = "premium"; } );\ndefault_slo = "voice";\n')


def fleet(used, idle, rest):
    """Two backends; the idle one is the dearer."""
    servers = ", ".join(
        f'{{ name = "{name}"; adapter = "vllm"; hardware = "gpu"; '
        f'url = "http://127.0.0.1:{fake.port}/v1"; probe_interval = "0s"; '
        f'price = {{ input = {price}; output = {price}; }}; }}'
        for name, fake, price in (("used", used, 1.0), ("idle", idle, 2.0)))
    return (f'backends = ( {servers} );\nmodels = ( {{ name = "m"; serve = ( '
            '{ backend = "used"; model = "fake-model"; }, '
            '{ backend = "idle"; model = "fake-model"; } ); } );\n'
            + SLO + rest)


class Scout(unittest.TestCase):
    def start(self, rest):
        options = ("--tokens", "4", "--rate", "1000-1000")
        self.used, self.idle = Fake(*options), Fake(*options)
        self.addCleanup(self.used.stop)
        self.addCleanup(self.idle.stop)
        self.gateway = Gateway(fleet(self.used, self.idle, rest))
        self.addCleanup(self.gateway.stop)

    def serve(self, n=1):
        for _ in range(n):
            status, headers, _ = self.gateway.chat(chat("m:used"))
            self.assertEqual(status, 200)
            self.assertEqual(headers["x-pointsman-backend"], "used")

    def probes(self, **labels):
        return self.gateway.metric("pointsman_probes_total", **labels)

    def test_a_backend_that_is_not_used_is_asked(self):
        self.start("")
        self.serve(3)
        wait_for(lambda: self.probes(backend="idle", fault="none") == 1,
                 what="a question")
        g = self.gateway
        # what it cost is known, and is nobody's
        self.assertGreater(g.metric(
            "pointsman_probe_cost_usd_total", backend="idle"), 0)
        self.assertEqual(g.metric("pointsman_requests_total"), 3)
        self.assertEqual(g.metric(
            "pointsman_attempts_total", backend="idle"), 0)
        self.assertEqual(self.idle.stats()["requests"], 1)
        self.assertEqual(self.used.stats()["requests"], 3)

    def test_a_question_that_fails_counts_as_such(self):
        self.start("")
        self.idle.configure(fault="500")
        self.serve()
        wait_for(lambda: self.probes(backend="idle") >= 1,
                 what="a question")
        self.assertEqual(self.probes(backend="idle", fault="none"), 0)

    def test_nothing_is_asked_where_it_is_off(self):
        self.start('probe_every = "0s";\n')
        self.serve(20)
        self.assertEqual(self.probes(), 0)
        self.assertEqual(self.idle.stats()["requests"], 0)


if __name__ == "__main__":
    unittest.main()
