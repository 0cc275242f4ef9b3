"""fakellm's scripts: they may travel in `user`, where a gateway drops members
that it does not know; tokens that are late leave together, and whole; what
is no count of tokens is left alone."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, chat, events, http_json  # noqa: E402


class Script(unittest.TestCase):
    def setUp(self):
        self.fake = Fake()
        self.addCleanup(self.fake.stop)

    def ask(self, **members):
        status, _, raw = http_json(
            self.fake.port, "POST", "/v1/chat/completions",
            chat(stream=True, **members))
        self.assertEqual(status, 200)
        return events(raw)

    def test_in_user(self):
        self.ask(user=json.dumps({"id": "u", "tokens": 3}))
        self.assertEqual(self.fake.calls()["u"]["sent_tokens"], 3)

    def test_fake_comes_first(self):
        self.ask(user='{"id": "u"}', fake={"id": "f", "tokens": 2})
        self.assertEqual(list(self.fake.calls()), ["f"])

    def test_a_user_is_no_script(self):
        self.assertEqual(self.ask(user="alice", max_tokens=2)[-1], "[DONE]")

    def test_no_limit_is_not_said(self):
        for members in ({"max_tokens": -1}, {"max_tokens": 2.5},
                        {"max_tokens": 1e300}, {"fake": {"tokens": -1}}):
            words = [s for s in self.ask(**members) if '"word' in s or
                     '" word' in s]
            self.assertEqual(len(words), 16, members)

    def test_late_tokens_are_all_there(self):
        """A microsecond's gap is always late; the end comes in the same
        write."""
        said = self.ask(max_tokens=500, fake={"itl_ms": 0.001, "id": "p"})
        self.assertEqual(said[-1], "[DONE]")
        words = [json.loads(s)["choices"][0]["delta"].get("content", "")
                 for s in said[:-1]]
        self.assertEqual("".join(words).split(),
                         [f"word{i}" for i in range(500)])


if __name__ == "__main__":
    unittest.main()
