"""What is told of a request is true, and the same everywhere: against backends
whose pace, tokens and faults are the test's own."""
import http.client
import itertools
import json
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, Stub, backend, chat, conf,  # noqa: E402
                     http_json, wait_for)

SLO = ('slo = ( { name = "voice"; ttft = "5s"; percentile = 95; } );\n'
       'default_slo = "voice";\n')
GAP = 0.03
MESSAGE_BEGINS = (
    'event: message_start\ndata: {"type":"message_start","message":{"usage":'
    '{"input_tokens":7,"output_tokens":1}}}\n\n')
MESSAGE_TOKEN = (
    'event: content_block_delta\ndata: {"type":"content_block_delta",'
    '"index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n')


def chunk(text=None, finish=None, index=0):
    delta = {} if text is None else {"content": text}
    return "data: " + json.dumps({"choices": [
        {"index": index, "delta": delta, "finish_reason": finish}]}) + "\n\n"


def paced(texts, usage, gaps, answers=1):
    """A token of each answer, then a gap, then the next. On a busy machine
    gaps are longer: how long they were is in `gaps`."""
    for text in texts:
        yield "".join(chunk(text, index=i) for i in range(answers))
        began = time.monotonic()
        time.sleep(GAP)
        gaps.append(time.monotonic() - began)
    yield "".join(chunk(finish="stop", index=i) for i in range(answers))
    yield ("data: " + json.dumps({"choices": [], "usage": usage}) +
           "\n\ndata: [DONE]\n\n")


def whole(text, **more):
    return {"object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop",
         "message": {"role": "assistant", "content": text}}], **more}


class Bed(unittest.TestCase):
    names, extra, adapter = ("one",), SLO, "openai"

    def setUp(self):
        self.replies = {}
        self.stubs = [Stub(lambda _, name=name: self.replies[name])
                      for name in self.names]
        self.gateway = Gateway(conf(
            [backend(name, stub.port, 'probe_interval = "0s";',
                     self.adapter)
             .replace("1.0", f"{i + 1}.0")
             for i, (name, stub) in enumerate(zip(self.names, self.stubs))],
            self.extra + 'access_log = "access.log";\n'))

    def tearDown(self):
        self.assertEqual(self.gateway.stop(), 0)
        for stub in self.stubs:
            stub.stop()

    def streams(self, texts, usage, **more):
        self.gaps = []
        self.replies["one"] = (200, {"content-type": "text/event-stream"},
                               paced(texts, usage, self.gaps, **more))

    def ask(self, path="/v1/chat/completions", headers=None, **members):
        """What came, and what its receipt says became of it."""
        status, head, body = self.gateway.post(
            path, chat("m", **members), headers)
        return status, body, self.outcome(head["x-pointsman-receipt"])

    def begin(self, **headers):
        """A stream that is asked for."""
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=30)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True)),
                  {"content-type": "application/json", **headers})
        return c

    def outcome(self, receipt):
        path = "/admin/v1/receipts/" + receipt
        return wait_for(lambda: http_json(
            self.gateway.admin, "GET", path)[2].get("outcome"), what=path)

    def listed(self):
        return http_json(self.gateway.admin, "GET",
                         "/admin/v1/receipts")[2]["receipts"]

    def logged(self):
        path = os.path.join(self.gateway.folder.name, "access.log")
        with open(path, encoding="utf-8") as f:
            return f.read()

    def count(self, name, **labels):
        return self.gateway.metric(name, **labels)


class Pace(Bed):
    """Within half of what it has to be: what is asked is whether events or
    tokens were counted, and which."""

    def itl(self, *args, **more):
        self.streams(*args, **more)
        status, _, outcome = self.ask(stream=True)
        self.assertEqual(status, 200)
        return outcome["phases"]["itl_ms"]

    def test_thoughts_that_are_not_shown_do_not_quicken_it(self):
        usage = {"prompt_tokens": 3, "completion_tokens": 1200,
                 "completion_tokens_details": {"reasoning_tokens": 1188}}
        self.assertGreater(self.itl(["a"] * 12, usage), GAP * 1e3 * 0.5)

    def test_a_count_that_cannot_be_does_not_quicken_it(self):
        self.assertGreater(self.itl(["a"] * 6, {
            "prompt_tokens": 3, "completion_tokens": 4294967295}),
            GAP * 1e3 * 0.5)

    def test_one_event_has_none(self):
        self.assertIsNone(self.itl(["a lot"], {
            "prompt_tokens": 3, "completion_tokens": 50}))

    def test_events_of_several_tokens(self):
        itl = self.itl(["four tokens in here"] * 6, {
            "prompt_tokens": 3, "completion_tokens": 24})
        self.assertGreater(itl, GAP * 1e3 / 4 * 0.5)
        # the last gap is before the end, and between no tokens
        self.assertLess(itl, sum(self.gaps[:5]) / 5 * 1e3 * 0.5)

    def test_long_events_are_several_tokens_where_nobody_says_so(self):
        self.assertLess(self.itl(["word " * 16] * 6, None),
                        sum(self.gaps[:5]) / 5 * 1e3 * 0.5)

    def test_of_several_answers_each_has_its_own(self):
        self.assertGreater(self.itl(["a"] * 6, {
            "prompt_tokens": 3, "completion_tokens": 24}, answers=4),
            GAP * 1e3 * 0.5)


class Tokens(Bed):
    adapter = "vllm"

    def test_a_message_that_is_cut_has_those_that_came(self):
        self.replies["one"] = (
            200, {"content-type": "text/event-stream"},
            MESSAGE_BEGINS + MESSAGE_TOKEN * 40)
        _, _, outcome = self.ask("/v1/messages", stream=True, max_tokens=100)
        self.assertEqual(outcome["result"], "broken")
        self.assertEqual(outcome["usage"], {
            "reported": False, "input": 7, "output": 40, "cached": 0,
            "cache_write": 0})

    def cut_after(self, *deltas):
        """How many tokens a stream is taken for that ends after these."""
        begun = threading.Event()

        def pieces():
            for d in deltas:
                yield "data: " + json.dumps({"choices": [
                    {"index": 0, "delta": d, "finish_reason": None}]}) + "\n\n"
            begun.wait(20)  # else it might end before it is begun

        self.replies["one"] = (
            200, {"content-type": "text/event-stream"}, pieces())
        c = self.begin()
        r = c.getresponse()
        begun.set()
        r.read()
        c.close()
        outcome = self.outcome(r.getheader("x-pointsman-receipt"))
        self.assertEqual(outcome["result"], "broken")
        return outcome["usage"]["output"]

    def test_long_events_of_what_is_cut_are_counted_by_their_text(self):
        self.assertAlmostEqual(self.cut_after(
            *[{"content": "word " * 100}] * 10), 1250, delta=20)
        self.assertEqual(self.cut_after(*[{"content": " hello"}] * 10), 10)
        call = {"index": 0, "id": "call_0123456789abcdef", "type": "function",
                "function": {"name": None, "arguments": '{"a'}}
        self.assertEqual(self.cut_after(*[{"tool_calls": [call]}] * 10), 10)
        call["function"]["arguments"] = "word " * 100
        self.assertAlmostEqual(self.cut_after(
            *[{"tool_calls": [call]}] * 10), 1250, delta=20)

    def test_an_answer_without_usage_is_counted_by_its_bytes(self):
        self.replies["one"] = 200, {}, whole("word " * 800)
        _, _, outcome = self.ask()
        self.assertFalse(outcome["usage"]["reported"])
        self.assertAlmostEqual(outcome["usage"]["output"], 1000, delta=10)

    def test_a_sum_alone_is_no_count(self):
        self.streams(["a"] * 20, {"total_tokens": 50})
        _, _, outcome = self.ask(stream=True)
        self.assertFalse(outcome["usage"]["reported"])
        self.assertEqual(outcome["usage"]["output"], 20)
        self.assertIsNone(outcome["cost_usd"])


    def test_counts_that_cannot_be_are_none(self):
        for said, wrong in itertools.product((
                4294967295, 4e9, 10**18, 1e300, -1, 2.5, 0, "7", None, [7]),
                ("prompt_tokens", "completion_tokens", "total_tokens")):
            usage = {"prompt_tokens": 3, "completion_tokens": 7, wrong: said}
            self.replies["one"] = 200, {}, whole("word " * 4, usage=usage)
            used = self.ask()[2]["usage"]
            with self.subTest(usage=usage):
                good = wrong == "total_tokens"
                self.assertEqual(used["reported"], good)
                self.assertEqual(used["output"], 7 if good else 6)
                self.assertLess(used["input"], 30)
                self.assertGreater(used["input"], 0)

    def test_nor_are_those_of_an_event(self):
        self.replies["one"] = (
            200, {"content-type": "text/event-stream"},
            MESSAGE_BEGINS + MESSAGE_TOKEN * 40 +
            'event: message_delta\ndata: {"type":"message_delta","delta":'
            '{"stop_reason":"end_turn"},"usage":{"output_tokens":'
            '4294967295}}\n\nevent: message_stop\ndata: '
            '{"type":"message_stop"}\n\n')
        _, _, outcome = self.ask("/v1/messages", stream=True, max_tokens=100)
        self.assertEqual(outcome["result"], "ok")
        self.assertEqual(outcome["usage"], {
            "reported": False, "input": 7, "output": 40, "cached": 0,
            "cache_write": 0})


class WhoAnswered(Bed):
    names = tuple(f"b{i}" for i in range(9)) + ("good",)
    # in the order of the file, however long each of them takes
    extra = SLO + 'policy = "observe";\n'

    def test_after_more_attempts_than_are_kept(self):
        for name in self.names[:-1]:
            self.replies[name] = 500, {}, {"error": {"message": "no"}}
        self.replies["good"] = 200, {}, whole("hello", usage={
            "prompt_tokens": 3, "completion_tokens": 5})
        status, _, outcome = self.ask()
        self.assertEqual((status, outcome["attempts_made"]), (200, 10))
        self.assertEqual(self.listed()[0]["backend"], "good")
        given = {name: b["servings"][0]["tokens_out"]
                 for name, b in self.gateway.backends().items()}
        self.assertEqual(given, {**dict.fromkeys(self.names, 0), "good": 5})
        # the oldest of them are counted, too
        self.assertEqual({name: self.count("pointsman_attempts_total",
                                           backend=name)
                          for name in self.names},
                         dict.fromkeys(self.names, 1))
        self.assertEqual(self.count("pointsman_retries_total"), 9)
        wait_for(lambda: "backend=good" in self.logged(),
                 what="the log's line")


class Spans(unittest.TestCase):
    def receipt(self, head):
        return http_json(self.gateway.admin, "GET", "/admin/v1/receipts/" +
                         head["x-pointsman-receipt"])[2]["outcome"]

    def test_nothing_took_no_time_nor_less_than_its_backend(self):
        fake = Fake("--tokens", "2")  # answers at once
        self.addCleanup(fake.stop)
        self.gateway = Gateway(conf([backend("one", fake.port)]))
        for i in range(100):
            status, head, _ = self.gateway.chat(chat("m", stream=i % 2 == 0))
            self.assertEqual(status, 200)
            out = self.receipt(head)
            first, took = (1000 * (out["phases"][name] or 0)
                           for name in ("ttft_ms", "total_ms"))
            began, to_first, total = (
                1000 * (out["attempts"][0][name] or 0)
                for name in ("began_ms", "ttft_ms", "total_ms"))
            self.assertLess(0, began, out)
            self.assertLess(0, total, out)
            self.assertAlmostEqual(took, began + total, 3, out)
            if i % 2 == 0:
                self.assertLess(0, to_first, out)
                self.assertAlmostEqual(first, began + to_first, 3, out)
                self.assertLessEqual(first, took, out)
            status, head, _ = self.gateway.chat(chat("none-such"))
            self.assertEqual(status, 404)
            self.assertLess(0, self.receipt(head)["phases"]["total_ms"])
        self.assertEqual(self.gateway.stop(), 0)


class WhoseFault(Bed):
    extra = SLO + ('tenants = ( { name = "t"; keys = [ "env:FIGURES_KEY" ]; '
                   'limits = { requests_per_minute = 60; }; } );\n')

    def setUp(self):
        os.environ["FIGURES_KEY"] = "key-t"
        super().setUp()

    def test_what_a_client_asks_in_vain_burns_no_budget(self):
        auth = {"authorization": "Bearer key-t"}
        self.replies["one"] = 200, {}, whole("hello")
        status, _, _ = self.ask(headers=auth)
        self.assertEqual(status, 200)
        self.replies["one"] = 400, {}, {"error": {"message": "bad request"}}
        status, _, outcome = self.ask(headers=auth)
        self.assertEqual((status, outcome["slo_met"], outcome["missed"],
                          outcome["cost_usd"]), (400, None, [], 0))
        refused = 0
        while refused < 5:
            refused += self.ask(headers=auth)[0] == 429
        self.assertEqual((self.count("pointsman_slo_met_total"),
                          self.count("pointsman_slo_missed_total")), (1, 0))
        self.assertEqual(self.count("pointsman_cost_unknown_total"), 1)

    def test_what_a_backend_fails_does(self):
        self.replies["one"] = 500, {}, {"error": {"message": "broken"}}
        self.ask(headers={"authorization": "Bearer key-t"})
        self.assertEqual(self.count("pointsman_slo_missed_total"), 1)
        self.assertEqual(self.count(
            "gen_ai_client_operation_duration_seconds_count",
            error_type="server_error"), 1)

    def test_a_whole_answer_is_due_when_a_stream_would_have_ended(self):
        self.replies["one"] = 200, {}, whole("hello")
        for pace, missed in ("3600000", []), ("0.001", ["total"]):
            _, _, outcome = self.ask(headers={
                "authorization": "Bearer key-t", "x-slo-ttft-ms": "0.001",
                "x-slo-itl-ms": pace})
            self.assertEqual(outcome["slo_met"], not missed)
            self.assertEqual([m["term"] for m in outcome["missed"]], missed)


class Refused(Bed):
    def refused(self, why, model="m", headers=None, **members):
        self.gateway.post("/v1/chat/completions", chat(model, **members),
                          headers)
        return wait_for(lambda: next(
            (line for line in self.logged().splitlines()
             if f" reason={why} " in line), None), what=why)

    def test_the_model_that_it_was_for_is_logged(self):
        self.assertIn(" model=m ", self.refused("invalid_value", messages=[]))
        self.assertIn(" model=m ", self.refused(
            "invalid_slo", headers={"x-slo-class": "nobody's"}))
        self.gateway.post("/v1/chat/completions", b'{"model": "m", "x')
        # a name of nobody's is no label, but told
        self.assertIn(" model=- ", self.refused(
            "model_not_found", 'g" x="pt'))
        self.assertIn("reason=model_not_found state=body tenant=- "
                      "model=\"g' x='pt\"\n", self.gateway.log())


class WhoLeaves(Bed):
    """What is met has seconds until it would be late, and what is late has
    one term that can be missed: no pause of the machine's makes another."""
    extra = ('slo = ( { name = "calm"; ttft = "20s"; itl = "20s"; }, '
             '{ name = "long"; ttft = "20s"; total = "60s"; }, '
             '{ name = "prompt"; ttft = "300ms"; }, '
             '{ name = "steady"; ttft = "20s"; itl = "100ms"; } );\n'
             'default_slo = "calm";\n')

    def leave(self, *steps, slo="calm", after=0.0, words=0):
        """Words and pauses of the backend; the client reads so many words,
        waits, and leaves. Whether it was met, and what was missed."""
        asked = threading.Event()

        def say():
            asked.set()
            for step in steps:
                if isinstance(step, float):
                    time.sleep(step)
                else:
                    yield chunk(step)
        self.replies["one"] = 200, {"content-type": "text/event-stream"}, say()
        before = len(self.listed())
        c = self.begin(**{"x-slo-class": slo})
        self.assertTrue(asked.wait(20))
        if words > 0:
            r = c.getresponse()
            while words > 0:
                words -= b"word" in r.readline()
        time.sleep(after)
        if c.sock is not None:
            c.sock.shutdown(socket.SHUT_RDWR)
        else:
            r.close()
        c.close()
        wait_for(lambda: len(self.listed()) > before, what="the receipt")
        doc = self.outcome(self.listed()[0]["id"])
        self.assertEqual(doc["result"], "client_gone")
        return doc["slo_met"], [m["term"] for m in doc["missed"]]

    def counts(self):
        return (self.count("pointsman_slo_met_total"),
                self.count("pointsman_slo_missed_total"))

    def judged(self, name):
        """What `pointsman slo suggest` has of a class: with targets, met,
        and not judged."""
        for g in http_json(self.gateway.admin, "GET",
                           "/admin/v1/slo")[2]["groups"]:
            if g["slo"]["class"] == name:
                return tuple(g["measured"][m] for m in
                             ("with_targets", "met", "left"))

    def test_what_came_in_time_is_met(self):
        talk = ["word", GAP] * 300
        for words in 1, 5:
            self.assertEqual(self.leave(*talk, words=words), (True, []))
        self.assertEqual(self.counts(), (2, 0))
        # but nobody knows when all of it would have been there
        self.assertEqual(self.leave(*talk, words=3, slo="long"), (None, []))
        self.assertEqual(self.leave(1.0), (None, []))
        self.assertEqual(self.counts(), (2, 0))
        self.assertEqual(self.judged("calm"), (2, 2, 1))
        self.assertEqual(self.judged("long"), (0, 0, 1))
        wait_for(lambda: "result=client_gone" in self.logged(),
                 what="the log's line")

    def test_what_was_late_by_then_is_missed(self):
        self.assertEqual(self.leave(1.0, after=0.4, slo="prompt"),
                         (False, ["ttft"]))
        self.assertEqual(self.leave(0.4, "word", 1.0, words=1, slo="prompt"),
                         (False, ["ttft"]))
        self.assertEqual(self.leave("word", 1.0, words=1, after=0.3,
                                    slo="steady"), (False, ["itl"]))
        self.assertEqual(self.counts(), (0, 3))
        self.assertEqual(self.judged("prompt"), (2, 0, 0))
        self.assertEqual(self.judged("steady"), (1, 0, 0))


if __name__ == "__main__":
    unittest.main()
