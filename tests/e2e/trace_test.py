"""W3C traces in and out, and their spans as a collector gets them."""
import http.client
import json
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness
import otlp

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
ANSWER = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
          "choices": [{"index": 0, "finish_reason": "stop", "message": {
              "role": "assistant", "content": "hello"}}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2,
                    "total_tokens": 5}}


class Echo(harness.Stub):
    """A backend that remembers the headers of each call."""

    def __init__(self, status=200, delay=0):
        self.calls = []
        self.status, self.delay = status, delay
        super().__init__(self.answer)

    def answer(self, request):
        self.calls.append(dict(request.headers.items()))
        time.sleep(self.delay)
        return self.status, {}, ANSWER if self.status == 200 else {}


def quiet(name, port, extra=""):
    return harness.backend(name, port, 'probe_interval = "0s"; ' + extra)


def traces(g, what):
    return g.metric(f"pointsman_traces_{what}_total")


class Traces(unittest.TestCase):
    def backend(self, status=200, delay=0):
        e = Echo(status, delay)
        self.addCleanup(e.stop)
        return e

    def collector(self, statuses=()):
        port = harness.free_port()
        c = otlp.Collector(port, statuses)
        self.addCleanup(c.stop)
        return c, (f'otlp = {{ url = "http://127.0.0.1:{port}/v1/traces"; '
                   f'sample = 1.0; }};')

    def gateway(self, conf):
        g = harness.Gateway(conf)
        self.addCleanup(g.folder.cleanup)
        self.addCleanup(g.process.kill)
        return g

    def test_without_a_collector_a_trace_passes_through(self):
        e = self.backend()
        g = self.gateway(harness.conf([quiet("a", e.port)]))
        header = f"00-{TRACE}-{PARENT}-01"
        for sent in ({"traceparent": header, "tracestate": "a=1,b=2"},
                     {"traceparent": header[:-1], "tracestate": "a=1"}, {}):
            self.assertEqual(g.chat(harness.chat("m"), sent)[0], 200)
        got = [{k.lower(): v for k, v in c.items()} for c in e.calls]
        self.assertEqual(got[0].get("traceparent"), header)
        self.assertEqual(got[0].get("tracestate"), "a=1,b=2")
        for one in got[1:]:
            self.assertNotIn("traceparent", one)
            self.assertNotIn("tracestate", one)
        # and leads to the log's line, also of what nobody was asked for
        self.assertEqual(g.chat(harness.chat("no-such-model"),
                                {"traceparent": header})[0], 404)
        self.assertEqual(g.chat(harness.chat("m"), {"traceparent": header})[0],
                         200)

        def lines():
            return [f" trace={TRACE} tenant=" in x
                    for x in g.log().split("\n") if " path=/v1/" in x]

        harness.wait_for(lambda: len(lines()) == 5, what="the log")
        self.assertEqual(sorted(lines()), [False] * 2 + [True] * 3)
        self.assertEqual(g.stop(), 0)

    def raw(self, g, *lines):
        """A request with these header lines, which may come twice."""
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=30)
        body = json.dumps(harness.chat("m")).encode()
        c.putrequest("POST", "/v1/chat/completions")
        for name, value in (("content-length", str(len(body))),
                            ("content-type", "application/json"), *lines):
            c.putheader(name, value)
        c.endheaders(body)
        self.assertEqual(c.getresponse().status, 200)
        c.close()

    def test_headers_that_come_twice_or_are_too_long(self):
        mine = ("traceparent", f"00-{TRACE}-{PARENT}-01")
        longer = [("tracestate", f"k{i}={'v' * 96}") for i in range(6)]
        for setting in ("", self.collector()[1]):
            e = self.backend()
            g = self.gateway(harness.conf([quiet("a", e.port)], setting))
            # which of two traces it belongs to nobody knows
            self.raw(g, mine, ("traceparent", mine[1].replace("0a", "0b")),
                     ("tracestate", "a=1"))
            # a list may be spread over lines
            self.raw(g, mine, ("tracestate", "a=1,\tb=2"),
                     ("tracestate", "c=3"))
            # whole members, of what must be passed on at least
            self.raw(g, mine, *longer)
            self.raw(g, mine, *[("tracestate", f"k{i}=v") for i in range(32)])
            self.raw(g, mine, *[("tracestate", f"k{i}=v") for i in range(33)])
            self.assertEqual(g.stop(), 0)
            got = [{k.lower(): v for k, v in c.items()} for c in e.calls]
            self.assertNotIn("0af7651916cd43dd",
                             got[0].get("traceparent", ""))
            self.assertNotIn("0bf7651916cd43dd",
                             got[0].get("traceparent", ""))
            for one in got[1:]:
                self.assertIn(TRACE, one["traceparent"])
            self.assertEqual(
                [one.get("tracestate") for one in got],
                [None, "a=1,\tb=2,c=3", ",".join(v for _, v in longer[:5]),
                 ",".join(f"k{i}=v" for i in range(32)), None])

    def test_a_collector_that_asks_who_it_is(self):
        e = self.backend()
        c, setting = self.collector([
            (401, {}, b"not a token of ours: Bearer hunter2-hunter2"), 200])
        g = harness.Gateway(harness.conf(
            [quiet("a", e.port)], setting.replace(
                " }", ' headers = { authorization = "env:TRACE_TEST_TOKEN"; '
                'x-scope-orgid = "team"; }; }')),
            env={"TRACE_TEST_TOKEN": "Bearer hunter2-hunter2"})
        self.addCleanup(g.folder.cleanup)
        self.addCleanup(g.process.kill)
        self.assertEqual(g.chat(harness.chat("m"))[0], 200)
        harness.wait_for(lambda: traces(g, "dropped") == 1, what="the refusal")
        self.assertIn('reason="not a token of ours: Bearer ***"', g.log())
        self.assertEqual(g.chat(harness.chat("m"))[0], 200)
        shown = harness.http_json(g.admin, "GET", "/admin/v1/config")[2]
        self.assertEqual(shown["otlp"]["headers"], {
            "authorization": "***", "x-scope-orgid": "***"})
        self.assertNotIn("hunter2", g.log())
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])
        self.assertEqual(c.headers["authorization"], "Bearer hunter2-hunter2")
        self.assertEqual(c.headers["x-scope-orgid"], "team")
        # nobody else gets them
        self.assertNotIn("hunter2", json.dumps(e.calls))

    def test_a_wildcard_is_called_by_the_name_that_was_sent(self):
        e = self.backend()
        c, setting = self.collector()
        g = self.gateway(harness.conf(
            [quiet("a", e.port)], setting + 'ledger = "usage.db";\n',
            '{ backend = "a"; model = "up/*"; }', "*"))
        self.assertEqual(g.chat(harness.chat("org/some-model"))[0], 200)
        # for terminals and spreadsheets
        self.assertEqual(g.chat(harness.chat("=a|b\x1b[2J\u009bm"))[0], 200)
        harness.wait_for(lambda: "pointsman_ledger_rows_total 2\n"
                         in g.metrics(), 10, "its row")
        usage = harness.http_json(
            g.admin, "GET", "/admin/v1/usage?by=model,upstream")[2]
        self.assertEqual(
            sorted((r["model"], r["upstream"]) for r in usage["rows"]),
            [("*", "up/?a?b??2J??m"), ("*", "up/org/some-model")])
        # clients do not make series
        self.assertNotIn("some-model", g.metrics())
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])
        self.assertEqual(
            {s["attributes"]["gen_ai.request.model"]
             for s in c.spans if s["kind"] == 3},
            {"up/?a?b??2J??m", "up/org/some-model"})

    def test_spans_hang_together(self):
        bad, good = self.backend(500), self.backend()
        c, setting = self.collector()
        serve = ('{ backend = "bad"; model = "x"; }, '
                 '{ backend = "good"; model = "x"; fallback = true; }')
        g = self.gateway(harness.conf(
            [quiet("bad", bad.port), quiet("good", good.port)], setting,
            serve))
        status, headers, _ = g.chat(
            harness.chat("m"),
            {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "v=1"})
        self.assertEqual(status, 200)
        self.assertEqual(g.stop(), 0)  # sends what is left
        self.assertEqual(c.complaints, [])
        self.assertEqual(c.resources[0]["service.name"], "pointsman")

        (request,) = [s for s in c.spans if s["kind"] == 2]
        self.assertEqual(request["traceId"], TRACE)
        self.assertEqual(request["parentSpanId"], PARENT)
        self.assertEqual(request["name"], "chat m")
        a = request["attributes"]
        self.assertEqual(a["http.response.status_code"], 200)
        self.assertEqual(a["gen_ai.usage.input_tokens"], 3)
        self.assertEqual(a["gen_ai.usage.output_tokens"], 2)
        self.assertRegex(a["pointsman.request_id"], "^req_[0-9a-f]{24}$")
        self.assertNotIn("status", request)

        first, second = sorted((s for s in c.spans if s["kind"] == 3),
                               key=lambda s: s["attributes"][
                                   "pointsman.attempt"])
        self.assertEqual(first["attributes"]["pointsman.backend"], "bad")
        self.assertEqual(first["attributes"]["error.type"], "server_error")
        self.assertEqual(first["attributes"]["http.response.status_code"], 500)
        self.assertEqual(first["status"]["code"], 2)
        self.assertEqual(second["attributes"]["pointsman.backend"], "good")
        self.assertNotIn("error.type", second["attributes"])
        for attempt, seen in ((first, bad.calls), (second, good.calls)):
            self.assertEqual(attempt["traceId"], TRACE)
            self.assertEqual(attempt["parentSpanId"], request["spanId"])
            # loop turns are what times are taken at
            self.assertGreaterEqual(attempt["start"],
                                    request["start"] - 50_000_000)
            self.assertLessEqual(attempt["end"], request["end"])
            got = {k.lower(): v for k, v in seen[0].items()}
            self.assertEqual(got["traceparent"],
                             f"00-{TRACE}-{attempt['spanId']}-01")
            self.assertEqual(got["tracestate"], "v=1")
        self.assertLessEqual(first["end"], second["end"])

    def test_the_docs_name_every_attribute(self):
        with open(os.path.join(harness.ROOT, "docs/observability.md"),
                  encoding="utf-8") as f:
            page = f.read()
        e = self.backend()
        c, setting = self.collector()
        g = self.gateway(harness.conf([quiet("a", e.port)], setting))
        g.chat(harness.chat("m", temperature=0), {"x-slo-ttft-ms": "500"})
        g.chat(harness.chat("unknown"))
        self.assertEqual(g.stop(), 0)
        self.assertGreaterEqual(len(c.spans), 3)
        for s in c.spans:
            for name in s["attributes"]:
                self.assertIn(f"`{name}`", page)

    def test_who_is_not_sampled_is_passed_on_and_not_kept(self):
        e = self.backend()
        c, setting = self.collector()
        g = self.gateway(harness.conf([quiet("a", e.port)], setting))
        g.chat(harness.chat("m"), {"traceparent": f"00-{TRACE}-{PARENT}-00"})
        g.chat(harness.chat("m"), {"traceparent": "nonsense",
                                   "tracestate": "of=nobody"})
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])
        (first, second) = [{k.lower(): v for k, v in x.items()}
                           for x in e.calls]
        self.assertRegex(first["traceparent"],
                         f"^00-{TRACE}-(?!{PARENT})[0-9a-f]{{16}}-00$")
        # a new trace begins with the request's own id
        (request,) = [s for s in c.spans if s["kind"] == 2]
        self.assertNotIn("parentSpanId", request)
        self.assertEqual("req_" + request["traceId"][:24],
                         request["attributes"]["pointsman.request_id"])
        self.assertRegex(second["traceparent"],
                         f"^00-{request['traceId']}-[0-9a-f]{{16}}-01$")
        self.assertNotIn("tracestate", second)

    def test_what_goes_wrong_is_traced_though_it_was_not_drawn(self):
        good, bad = self.backend(delay=0.05), self.backend(503)
        c, setting = self.collector()
        serve = '( {{ backend = "{}"; model = "fake-model"; }} )'
        g = self.gateway(
            f'backends = ( {quiet("a", good.port)}, {quiet("b", bad.port)} );\n'
            f'models = ( {{ name = "m"; serve = {serve.format("a")}; }},\n'
            f'  {{ name = "n"; serve = {serve.format("b")}; }} );\n'
            + setting.replace("1.0", "0.0"))
        mine = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
        self.assertEqual(g.chat(harness.chat("m"))[0], 200)
        self.assertEqual(g.chat(harness.chat("n"), mine)[0], 502)
        self.assertEqual(g.chat({"model": "n"})[0], 400)
        _, late, _ = g.chat(harness.chat("m"), {"x-slo-total-ms": "1"})
        status, failed, _ = g.chat(harness.chat("n"))
        self.assertEqual(status, 502)
        self.assertEqual(g.stop(), 0)
        self.assertEqual(
            {s["attributes"]["pointsman.request_id"]
             for s in c.spans if s["kind"] == 2},
            {late["x-request-id"], failed["x-request-id"]})

    def test_a_wait_in_the_queue_is_a_span(self):
        fake = harness.Fake("--ttft", "400-400", "--slots", "1")
        self.addCleanup(fake.stop)
        c, setting = self.collector()
        g = self.gateway(harness.conf(
            [quiet("a", fake.port, "slots = 1;")], setting))
        body = harness.chat("m", max_tokens=2)
        threads = [threading.Thread(target=g.chat, args=(body,))
                   for _ in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])
        (wait,) = [s for s in c.spans if s["name"] == "queue"]
        (parent,) = [s for s in c.spans
                     if s["spanId"] == wait["parentSpanId"]]
        self.assertEqual(wait["kind"], 1)
        self.assertEqual(wait["traceId"], parent["traceId"])
        self.assertGreaterEqual(wait["end"] - wait["start"], 100_000_000)
        self.assertLessEqual(wait["end"], parent["end"])

    def test_a_busy_collector_is_tried_again_and_a_refusal_is_the_end(self):
        e = self.backend()
        c, setting = self.collector([503, 200, 400])
        g = self.gateway(harness.conf([quiet("a", e.port)], setting))

        g.chat(harness.chat("m"))
        harness.wait_for(lambda: traces(g, "sent") == 1, what="the second try")
        self.assertEqual(c.posts, 2)
        g.chat(harness.chat("m"))
        harness.wait_for(lambda: traces(g, "dropped") == 1, what="the refusal")
        self.assertEqual(len([s for s in c.spans if s["kind"] == 2]), 1)
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])

    def test_what_a_collector_says_is_heard(self):
        e = self.backend()
        partial = b"\x0a\x0e\x08\x02\x12\x0aone is old"
        c, setting = self.collector([
            (200, {}, partial),
            (400, {}, b"\x08\x03\x12\x0dthat \"is\" bad"),
            (413, {"content-type": "text/plain"}, b"too\nl\xe4rge"),
            (400, {}, (100 * "é").encode()),
            (503, {"retry-after": "3"}, b""), 200])
        g = self.gateway(harness.conf([quiet("a", e.port)], setting))

        for lost in (1, 2, 3, 4):
            g.chat(harness.chat("m"))
            harness.wait_for(lambda: traces(g, "dropped") == lost, 10,
                             f"{lost} lost")
        self.assertEqual(traces(g, "sent"), 0)
        g.chat(harness.chat("m"))
        harness.wait_for(lambda: traces(g, "sent") == 1, 10, "the second try")
        self.assertGreater(c.times[5] - c.times[4], 2.8)
        self.assertEqual(g.process.poll(), None)
        log = g.log()
        for line in ('otlp_partial requests=1 rejected_spans=2 '
                     'reason="one is old"',
                     'otlp_failed status=400 requests=1 again=0 '
                     'reason="that \'is\' bad"',
                     'otlp_failed status=413 requests=1 again=0 '
                     'reason="too?l?rge"',
                     'otlp_failed status=400 requests=1 again=0 '
                     'reason="' + 79 * "é" + '?"'):
            self.assertIn(line, log)
        self.assertEqual(g.stop(), 0)
        self.assertEqual(c.complaints, [])

    def test_a_dead_or_silent_collector_delays_nobody(self):
        e = self.backend()
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        for port in (harness.free_port(), silent.getsockname()[1]):
            setting = (f'otlp = {{ url = "http://127.0.0.1:{port}'
                       f'/v1/traces"; }};')
            g = self.gateway(harness.conf([quiet("a", e.port)], setting))
            for _ in range(20):
                self.assertEqual(g.chat(harness.chat("m"))[0], 200)
            self.assertEqual(g.stop(seconds=10), 0)


if __name__ == "__main__":
    unittest.main()
