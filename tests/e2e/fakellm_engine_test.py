"""fakellm as a batching engine: times follow its formula, by its own clock."""
import http.client
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, chat, wait_for  # noqa: E402

ALONE = "it measures the pace of tokens"
RTT, STEP, SEQUENCE, TOKEN = 10, 20, 5, 4  # ms
LATE = 0.6  # of a time, for a busy machine


class Engine(unittest.TestCase):
    def setUp(self):
        self.fake = Fake("--engine", f"{RTT},{STEP},{SEQUENCE},{TOKEN}",
                         "--slots", "2")
        self.addCleanup(self.fake.stop)

    def send(self, name, tokens, **fake):
        c = http.client.HTTPConnection("127.0.0.1", self.fake.port)
        self.addCleanup(c.close)
        c.request("POST", "/v1/chat/completions", json.dumps(chat(
            stream=True, max_tokens=tokens, fake={"id": name, **fake})))
        return c

    def times(self, name):
        """(ms to the first token, ms from there to the end)."""
        call = self.fake.calls()[name]
        return ((call["began_us"] - call["arrived_us"]) / 1e3,
                (call["ended_us"] - call["began_us"]) / 1e3)

    def about(self, took, want, early=0):
        self.assertGreater(took, want - early - 1)
        self.assertLess(took, want * (1 + LATE) + 5)

    def test_one_alone(self):
        self.send("a", 11).getresponse().read()
        prompt = len("hello") // 4 + 1
        first, rest = self.times("a")
        due = RTT + STEP + TOKEN * prompt
        self.about(first, due)
        # what began late on a busy machine still ends when it is due
        self.about(rest, 10 * (STEP + SEQUENCE), max(first - due, 0))

    def test_two_share_a_step_and_a_third_waits(self):
        sent = [self.send(n, 11) for n in "abc"]
        wait_for(lambda: self.fake.stats()["queued"] == 1, what="a third")
        self.assertEqual(self.fake.stats()["running"], 2)
        for c in sent:
            c.getresponse().read()
        together = 10 * (STEP + 2 * SEQUENCE)
        # the second may have missed a step or two of the first's
        self.about(self.times("a")[1], together, 2 * SEQUENCE)
        self.assertGreater(self.times("c")[0], together)
        self.assertEqual(self.fake.stats()["running"], 0)

    def test_headers_and_nothing_else(self):
        answer = self.send("a", 3, fault="headers").getresponse()
        answer.fp.raw._sock.settimeout(10 * STEP / 1e3)
        with self.assertRaises(TimeoutError):
            answer.read1()

    def test_who_hangs_up_leaves_room(self):
        sent = [self.send(n, 1000) for n in "ab"]
        wait_for(lambda: self.fake.stats()["running"] == 2, what="two")
        third = self.send("c", 1)
        sent[0].close()
        third.getresponse().read()
        self.assertEqual(self.fake.stats()["cancelled"], 1)
        self.assertEqual(self.fake.stats()["queued"], 0)

    def test_a_whole_answer_takes_as_long_as_its_tokens(self):
        c = http.client.HTTPConnection("127.0.0.1", self.fake.port)
        self.addCleanup(c.close)
        c.request("POST", "/v1/chat/completions", json.dumps(chat(
            max_tokens=11, fake={"id": "w"})))
        self.assertEqual(
            json.loads(c.getresponse().read())["usage"]["completion_tokens"],
            11)
        first, _ = self.times("w")
        self.about(first, RTT + STEP + 10 * (STEP + SEQUENCE) + 2 * TOKEN)


if __name__ == "__main__":
    unittest.main()
