"""The list of models, where a name is whatever the backends have."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, Stub, backend, wait_for  # noqa: E402

MODELS = """models = (
  { name = "mine"; aliases = [ "also" ];
    serve = ( { backend = "one"; model = "x"; } ); },
  { name = "*"; serve = ( { backend = "one"; model = "*"; },
    { backend = "two"; model = "*"; },
    { backend = "third"; model = "fixed"; } ); } );
"""
OFTEN = 'probe_interval = "100ms";'


def lists(*names):
    return 200, {}, {"object": "list", "data": [{"id": n} for n in names]}


class Wildcard(unittest.TestCase):
    def setUp(self):
        self.two_says = lists("c", "org/b")
        self.one = Stub(lambda _: lists("mine", "org/b", "also"))
        self.two = Stub(self.two_answers)
        self.asked = 0
        self.third = Fake("--model", "hidden")

    def tearDown(self):
        self.one.stop()
        self.two.stop()
        self.third.stop()

    def two_answers(self, _):
        self.asked += 1
        return self.two_says

    def start(self, extra="", models=MODELS, **more):
        return Gateway("backends = ( " + ", ".join(
            backend(name, port, OFTEN + 'region = "%s";' % name)
            for name, port in (("one", self.one.port), ("two", self.two.port),
                               ("third", self.third.port))) + " );\n" +
            models + extra, **more)

    def names(self, gateway, headers=None):
        return [m["id"]
                for m in gateway.get("/v1/models", headers)[2]["data"]]

    def test_it_lists_what_its_backends_do(self):
        g = self.start()
        wait_for(lambda: self.names(g) == ["mine", "also", "org/b", "c"],
                 what="both lists, the first backend's before the second's")
        self.assertEqual(g.get("/v1/models/org/b")[0], 200)
        self.assertEqual(g.get("/v1/models/hidden")[0], 404)
        self.two_says = lists("d")
        wait_for(lambda: self.names(g)[3:] == ["d"], what="the new list")
        self.two_says = 500, {}, {"error": {"message": "no list"}}
        asked = self.asked
        wait_for(lambda: self.asked > asked + 3, what="a list that is none")
        self.assertEqual(self.names(g)[3:], ["d"])
        self.assertEqual(g.stop(), 0)

    def test_names_that_begin_so_are_listed_by_them(self):
        """Whichever model takes a name has it in its list."""
        g = self.start(models="""models = (
  { name = "first/*"; serve = ( { backend = "one"; model = "*"; } ); },
  { name = "org/*"; serve = ( { backend = "two"; model = "org/*"; } ); },
  { name = "o/*"; serve = ( { backend = "two"; model = "org/*"; } ); } );
""")
        wait_for(lambda: sorted(self.names(g)) == [
            "first/also", "first/mine", "first/org/b", "o/b", "org/b"],
            what="both lists")
        self.assertEqual(g.get("/v1/models/first/mine")[0], 200)
        self.assertEqual(g.get("/v1/models/c")[0], 404)
        self.assertEqual(g.stop(), 0)

    def test_a_tenant_sees_none_beyond_its_bounds(self):
        g = self.start(
            'tenants = ( { name = "t"; keys = [ "env:T_KEY" ]; '
            'regions = [ "two" ]; }, { name = "u"; keys = [ "env:U_KEY" ]; '
            'models = [ "mine" ]; } );\n',
            env={"T_KEY": "t-key", "U_KEY": "u-key"})
        t = {"authorization": "Bearer t-key"}
        wait_for(lambda: "c" in self.names(g, t), what="the list of two")
        self.assertEqual(self.names(g, t), ["mine", "also", "c", "org/b"])
        self.assertEqual(
            self.names(g, {"authorization": "Bearer u-key"}),
            ["mine", "also"])
        self.assertEqual(g.stop(), 0)


if __name__ == "__main__":
    unittest.main()
