"""Who is blamed for a failure: the backend, or what was asked of it. A request
that fails wherever it is sent costs nobody else anything, and an outage is
noticed as fast as ever."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, Stub, backend, chat, conf,  # noqa: E402
                     free_port, wait_for)

TENANTS = ('tenants = ( { name = "p"; keys = [ "env:BLAME_TEST_P" ]; }, '
           '{ name = "q"; keys = [ "env:BLAME_TEST_Q" ]; } );\n')
ENV = {"BLAME_TEST_P": "key-p", "BLAME_TEST_Q": "key-q"}


class Bed(unittest.TestCase):
    """`main` is cheap, `spare` is dear; nothing probes them."""

    def setUp(self):
        self.fakes = {n: Fake("--tokens", "3") for n in ("main", "spare")}
        rows = [backend(n, f.port, 'probe_interval = "0s"; ')
                for n, f in self.fakes.items()]
        rows[1] = rows[1].replace("1.0", "9.0")
        self.gateway = Gateway(conf(rows, TENANTS), env=ENV)

    def tearDown(self):
        left = self.gateway.stop()
        for f in self.fakes.values():
            f.stop()
        self.assertEqual(left, 0)

    def ask(self, who, words, **members):
        body = chat("m", **members)
        body["messages"][0]["content"] = words
        status, headers, _ = self.gateway.chat(
            body, {"authorization": f"Bearer key-{who}"})
        return status, headers.get("x-pointsman-backend")

    def breakers(self):
        rows = self.gateway.backends()
        return [rows[n]["servings"][0]["breaker"] for n in self.fakes]

    def poison(self, n, fault, **members):
        """p's requests fail everywhere, q's are answered by main."""
        for i in range(n):
            status, _ = self.ask("p", f"poison {i}", fake={"fault": fault},
                                 **members)
            self.assertEqual(status, 502)
            self.assertEqual(self.ask("q", f"good {i}", **members),
                             (200, "main"), i)
        self.assertEqual(self.breakers(), ["closed", "closed"])


class Poison(Bed):
    def test_one_tenants_500s_open_nothing(self):
        self.poison(30, "500")

    def test_one_tenants_streams_that_break_open_nothing(self):
        self.poison(30, "error_first", stream=True)

    def test_a_request_that_cuts_connections_opens_one_at_most(self):
        self.ask("p", "poison", fake={"fault": "close"})
        self.assertEqual(self.breakers(), ["open", "closed"])
        self.assertEqual(self.ask("q", "good"), (200, "spare"))


class Outage(unittest.TestCase):
    def test_where_nobody_is_there_it_is_probed_each_second(self):
        """Also where its adapter is a hosted service's, but its URL our
        own."""
        kinds = {"vllm": free_port(), "openai": free_port()}
        asked = set()
        gateway = Gateway(conf(
            [backend(kind, port, 'probe_interval = "1h"; ', kind)
             for kind, port in kinds.items()]))

        def listen(kind):
            def answer(_request):
                asked.add(kind)
                return 200, {}, ""
            return Stub(answer, kinds[kind])

        wait_for(lambda: all(
            b["servings"][0]["last_fault"] == "refused"
            for b in gateway.backends().values()), what="first probes")
        stubs = [listen(kind) for kind in kinds]
        wait_for(lambda: asked == set(kinds), 5,
                 "other ones, within a second or two")
        self.assertEqual(gateway.stop(), 0)
        for s in stubs:
            s.stop()


if __name__ == "__main__":
    unittest.main()
