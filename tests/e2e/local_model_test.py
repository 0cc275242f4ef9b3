"""A real model behind the gateway: it repeats a word that no script could
know, and the server's own counters rise by what was said."""
import json
import os
import random
import re
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import ROOT, Gateway, events, wait_for  # noqa: E402

TOOL = os.path.join(ROOT, "tools/local-model")


def fetched():
    said = subprocess.run([TOOL, "status"], capture_output=True, text=True)
    return said.stdout.startswith("ready")


@unittest.skipUnless(fetched(), "the local model is not fetched: "
                                "tools/local-model fetch")
class LocalModel(unittest.TestCase):
    def test_it_repeats_a_random_word(self):
        g = Gateway(
            'backends = ( { name = "local"; adapter = "llamacpp"; slots = 2; '
            'price = { input = 0; output = 0; }; translate = "always"; '
            f'command = [ "{TOOL}", "serve", "--port", "{{port}}" ]; }} );\n'
            'models = ( { name = "gemma"; serve = ( { backend = "local"; '
            'model = "gemma-3-270m"; } ); } );\n')
        word = "".join(random.choice("bdfklmnrst") + random.choice("aeiou")
                       for _ in range(3))
        body = {"model": "gemma", "temperature": 0, "max_tokens": 16,
                "messages": [{"role": "user",
                              "content": f'Repeat this word: "{word}"'}]}
        # The first request may come while the model still loads: it waits.
        status, headers, answer = g.chat(body, timeout=120)
        self.assertEqual(status, 200, answer)
        self.assertEqual(headers["x-pointsman-backend"], "local")
        self.assertIn(word, answer["choices"][0]["message"]["content"])

        url = wait_for(lambda: g.backends()["local"]["url"], what="its URL")
        before = self.tokens(url)
        _, _, answer = g.chat(body, timeout=60)
        said = answer["usage"]["completion_tokens"]
        self.assertGreaterEqual(self.tokens(url) - before, said)
        self.streams_its_timings(g, body)
        self.speaks_messages(g, body, word)
        self.responds(g, body)
        self.assertEqual(g.stop(), 0)

    def speaks_messages(self, g, body, word):
        """As chat, and says the same in a stream and whole."""
        status, _, whole = g.post("/v1/messages", body, timeout=60)
        self.assertEqual(status, 200, whole)
        said = whole["content"][0]["text"]
        self.assertIn(word, said)
        raw = g.post("/v1/messages", {**body, "stream": True}, timeout=60)[2]
        got = [json.loads(e) for e in events(raw)]
        self.assertEqual(said, "".join(
            e["delta"]["text"] for e in got
            if e["type"] == "content_block_delta"))
        end = got[-2]
        self.assertEqual(end["delta"]["stop_reason"], whole["stop_reason"])
        for u in (end["usage"], whole["usage"]):
            self.assertGreater(u["output_tokens"], 0)
            self.assertGreater(
                u["input_tokens"] + u["cache_read_input_tokens"], 20)

    def streams_its_timings(self, g, body):
        """Where it puts them depends on whether usage is asked for."""
        def count():
            s = g.backends()["local"]["servings"][0]
            return s["tokens_in"], s["tokens_out"]
        before = count()
        text = g.chat({**body, "stream": True}, timeout=60)[2]
        last = json.loads(events(text)[-2])
        self.assertEqual(len(last["choices"]), 1)
        self.assertNotIn("usage", last)
        t = last["timings"]
        after = count()
        self.assertEqual((after[0] - before[0], after[1] - before[1]),
                         (t["cache_n"] + t["prompt_n"], t["predicted_n"]))

    def responds(self, g, body):
        """Its template has a place for one who speaks for the system, and
        wants others to take turns. So small a model may say anything."""
        asked = {"model": "gemma", "temperature": 0, "max_output_tokens": 24,
                 "instructions": "You repeat words.", "stream": True,
                 "input": [{"role": "developer", "content": "One word only."},
                           {"role": "user", "content": "Hi."},
                           *body["messages"]]}
        status, _, text = g.post("/v1/responses", asked, timeout=60)
        self.assertEqual(status, 200, text)
        last = json.loads(events(text)[-1])
        self.assertEqual(last["type"], "response.completed")
        message, = last["response"]["output"]
        self.assertEqual("".join(
            e["delta"] for e in map(json.loads, events(text))
            if e["type"] == "response.output_text.delta"),
            message["content"][0]["text"])
        self.assertGreater(last["response"]["usage"]["output_tokens"], 1)

    @staticmethod
    def tokens(url):
        with urllib.request.urlopen(url.removesuffix("/v1") + "/metrics") as r:
            text = r.read().decode()
        return float(re.search(
            r"^llamacpp:tokens_predicted_total (\S+)", text, re.M).group(1))


if __name__ == "__main__":
    unittest.main()
