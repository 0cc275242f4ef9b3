"""One account whose models are sold by other things than tokens: what each
call costs, and that budgets know it."""
import json
import os
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Gateway, Stub, http_json,  # noqa: E402
                     stay_within_a_day, wait_for)

B = "edge"
FORM = f"multipart/form-data; boundary={B}"
SOLD = (("openai", "tts", "characters = 15.0;"),
        ("openai", "draw", "image = 0.04;"),
        ("openai", "hear", "minute = 0.006;"),
        ("vllm", "rank", "request = 0.002;"),
        ("openai", "chat", "input = 1.0; output = 2.0; request = 0.5;"))


def form(**fields):
    return "".join(
        f'--{B}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{value}\r\n" for name, value in fields.items()) + f"--{B}--\r\n"


def answer(request):
    if request.command == "GET":
        return 200, {}, {"data": [{"id": "up"}]}
    if request.path.endswith("speech"):
        return 200, {"content-type": "audio/mpeg"}, b"sound"
    if request.path.endswith("transcriptions"):
        return 200, {}, {"text": "", "usage": {"type": "duration",
                                               "seconds": 90}}
    if request.path.endswith("translations"):
        return 200, {}, {"text": ""}
    if request.path.endswith("completions"):
        return 200, {}, {
            "choices": [{"message": {"content": "a"},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 200}}
    return 200, {}, {"data": [], "results": []}


class Prices(unittest.TestCase):
    def begin(self, extra="", env=None):
        upstream = Stub(answer)
        self.addCleanup(upstream.stop)
        models = ", ".join(
            f'{{ name = "{name}"; serve = ( {{ backend = "{where}"; '
            f'model = "up"; price = {{ {price} }}; }} ); }}'
            for where, name, price in SOLD)
        backends = ", ".join(
            f'{{ name = "{name}"; adapter = "{name}"; url = '
            f'"http://127.0.0.1:{upstream.port}/v1"; }}'
            for name in ("openai", "vllm"))
        self.gateway = Gateway(f"backends = ( {backends} );\nmodels = "
                               f"( {models} );\n{extra}", env=env)
        self.addCleanup(lambda: self.assertEqual(self.gateway.stop(), 0))

    def ask(self, path, body, key=None):
        """The status, and what it cost."""
        kind = FORM if isinstance(body, str) else "application/json"
        data = body if isinstance(body, str) else json.dumps(body)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.gateway.port}/v1/{path}", data.encode(),
            {"content-type": kind, "authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as r:
                r.read()
                at = r.headers["x-pointsman-receipt"]
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.loads(e.read())["error"]["code"]
        return 200, wait_for(lambda: self.receipt(at))["cost_usd"]

    def receipt(self, at):
        status, _, doc = http_json(
            self.gateway.admin, "GET", f"/admin/v1/receipts/{at}")
        return doc["outcome"] if status == 200 else None

    def test_each_costs_what_it_is_sold_by(self):
        self.begin()
        hello = [{"role": "user", "content": "hi"}]
        for path, body, cost in (
                ("audio/speech", {"model": "tts", "input": "h\u00e9" * 500},
                 0.015),
                ("images/generations", {"model": "draw", "n": 3}, 0.12),
                ("images/generations", {"model": "draw"}, 0.04),
                ("images/edits", form(model="draw", n=2), 0.08),
                ("audio/transcriptions", form(model="hear"), 0.009),
                ("rerank", {"model": "rank", "query": "a", "documents": []},
                 0.002),
                ("chat/completions", {"model": "chat", "messages": hello},
                 0.5014)):
            with self.subTest(path=path, cost=cost):
                status, got = self.ask(path, body)
                self.assertEqual(status, 200)
                self.assertAlmostEqual(got, cost)
        # of which nobody says how long it was
        self.assertEqual(self.ask("audio/translations", form(model="hear")),
                         (200, None))

    def test_what_it_costs_is_told_of_each_serving(self):
        self.begin()
        row = self.gateway.backends()["openai"]
        self.assertIsNone(row["price"]["input"])
        prices = {s["model"]: s["price"] for s in row["servings"]}
        self.assertEqual(prices["draw"]["image"], 0.04)
        self.assertIsNone(prices["draw"]["input"])
        self.assertEqual(prices["chat"]["cached"], 1.0)

    def test_what_could_be_held_is_priced_as_it_is_sold(self):
        self.begin()
        for path, body in (
                ("audio/speech", {"model": "tts", "input": "h" * 1000}),
                ("images/generations", {"model": "draw", "n": 3}),
                ("images/generations", {"model": "draw"}),
                ("audio/transcriptions", form(model="hear")),
                ("rerank", {"model": "rank", "query": "a",
                            "documents": []})):
            self.assertEqual(self.ask(path, body)[0], 200)
        _, _, doc = http_json(self.gateway.admin, "GET", "/admin/v1/slo")
        got = {g["model"]: g["could_hold"][0]["price_usd_per_request"]
               for g in doc["groups"]}
        for model, usd in (("tts", 0.015), ("draw", 0.08), ("hear", 0.009),
                           ("rank", 0.002)):
            self.assertAlmostEqual(got[model], usd, msg=model)

    def test_budgets_know_of_it(self):
        stay_within_a_day()
        self.begin('tenants = ( { name = "t"; keys = [ "env:T" ]; '
                   "limits = { daily_budget = 0.1; }; } );", {"T": "key-t"})
        ask = {"model": "draw", "n": 2}
        got = [self.ask("images/generations", ask, "key-t")
               for _ in range(3)]
        self.assertEqual([status for status, _ in got], [200, 200, 429])
        self.assertEqual(got[2][1], "insufficient_quota")


if __name__ == "__main__":
    unittest.main()
