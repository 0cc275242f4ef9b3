"""Sound, pictures, verdicts, rankings: what passes as it comes, and lives the
life of any other request."""
import contextlib
import http.client
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import wave

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Gateway, Stub, backend, chat, conf, events,  # noqa: E402
                     http_json, wait_for)

B = "----edge-0123456789"
FORM = {"content-type": f"multipart/form-data; boundary={B}"}
SOUND = bytes(range(256)) * 300
SAID = (b'data: {"type":"transcript.text.delta","delta":"hel"}\n\n'
        b'data: {"type":"transcript.text.delta","delta":"lo"}\n\n')
DONE = (b'data: {"type":"transcript.text.done","text":"hello","usage":'
        b'{"type":"tokens","input_tokens":14,"output_tokens":45,'
        b'"total_tokens":59}}\n\n')


def wav(seconds=0.1):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"\1\2" * int(16000 * seconds))
    return out.getvalue()


def part(name, value, more=""):
    value = value if isinstance(value, bytes) else value.encode()
    return (f'--{B}\r\nContent-Disposition: form-data; name="{name}"{more}'
            f'\r\n\r\n').encode() + value + b"\r\n"


def form(model="m", file=None, *more):
    parts = [part("file", wav() if file is None else file,
                  '; filename="a.wav"'), *more]
    if model is not None:
        parts.append(part("model", model))
    return b"".join(parts) + f"--{B}--\r\n".encode()


class Upstream(Stub):
    """Answers with what `say` is, and keeps what it was asked."""

    def __init__(self, say=None):
        self.say, self.asked, self.left = say, [], threading.Event()
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, {"data": [{"id": "up"}]}
        self.asked.append(request)
        return self.say(request) if callable(self.say) else self.say


def cut(*pieces):
    """Breaks off behind them."""
    yield from pieces
    raise ConnectionResetError


def serve(*upstreams, extra="", adapter="openai", more=""):
    return Gateway(conf(
        [backend(f"b{i}", u.port, more, adapter=adapter)
         for i, u in enumerate(upstreams)], extra,
        serve=", ".join(f'{{ backend = "b{i}"; model = "up"; }}'
                        for i in range(len(upstreams)))))


class Case(unittest.TestCase):
    def up(self, *say):
        made = [Upstream(s) for s in say]
        for u in made:
            self.addCleanup(u.stop)
        return made

    def gate(self, *upstreams, **settings):
        g = serve(*upstreams, **settings)
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        return g

    def raw(self, g, path, body, headers=None, timeout=20):
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=timeout)
        self.addCleanup(c.close)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        c.request("POST", path, body,
                  {"content-type": "application/json", **(headers or {})})
        return c.getresponse()

    def get(self, *args, **named):
        r = self.raw(*args, **named)
        return r.status, r.getheader("content-type"), r.read()

    def receipt(self, g, response):
        path = "/admin/v1/receipts/" + response.getheader(
            "x-pointsman-receipt")
        return wait_for(lambda: self.told(g, path), what="the receipt")

    def told(self, g, path):
        status, _, doc = http_json(g.admin, "GET", path)
        return doc if status == 200 else None


class Answers(Case):
    def test_speech_is_streamed_as_it_is(self):
        u, = self.up((200, {"content-type": "audio/mpeg"},
                      (SOUND[i:i + 1000] for i in range(0, 76800, 1000))))
        g = self.gate(u)
        r = self.raw(g, "/v1/audio/speech",
                     {"model": "m", "input": "hello", "voice": "alloy"})
        self.assertEqual((r.status, r.getheader("content-type")),
                         (200, "audio/mpeg"))
        self.assertEqual(r.getheader("transfer-encoding"), "chunked")
        self.assertEqual(r.getheader("x-pointsman-backend"), "b0")
        self.assertEqual(r.read(), SOUND)
        asked, = u.asked
        self.assertEqual((asked.path, json.loads(asked.body)["model"]),
                         ("/v1/audio/speech", "up"))

    def test_the_first_bytes_do_not_wait_for_the_last(self):
        go = threading.Event()

        def slowly():
            yield b"first"
            go.wait(10)
            yield b"last"
        u, = self.up((200, {"content-type": "audio/wav"}, slowly()))
        r = self.raw(self.gate(u), "/v1/audio/speech", {"model": "m"})
        self.assertEqual(r.read(5), b"first")
        go.set()
        self.assertEqual(r.read(), b"last")

    def test_no_heartbeat_is_in_it(self):
        def late():
            time.sleep(0.4)
            yield SOUND
        u, = self.up((200, {"content-type": "audio/wav"}, late()))
        g = self.gate(u, extra='heartbeat = "100ms";')
        self.assertEqual(self.get(g, "/v1/audio/speech", {"model": "m"}),
                         (200, "audio/wav", SOUND))

    def test_a_file_goes_on_with_its_boundary_and_the_models_own_name(self):
        u, = self.up((200, {}, {"text": "hello"}))
        body = form()
        self.assertEqual(
            self.get(self.gate(u), "/v1/audio/transcriptions", body, FORM),
            (200, "application/json", b'{"text": "hello"}'))
        asked, = u.asked
        self.assertEqual(asked.headers["content-type"], FORM["content-type"])
        self.assertEqual(asked.body, form("up"))

    def test_the_default_model_becomes_a_part(self):
        u, = self.up((200, {}, {"text": ""}))
        g = self.gate(u, extra='default_model = "m";')
        for path in ("transcriptions", "translations"):
            self.assertEqual(self.get(
                g, f"/v1/audio/{path}", form(None), FORM)[0], 200)
            self.assertEqual(u.asked[-1].path, f"/v1/audio/{path}")
        asked = u.asked[-1].body
        self.assertTrue(asked.startswith(form(None)[:-len(B) - 6]))
        self.assertTrue(asked.endswith(
            f'--{B}\r\ncontent-disposition: form-data; name="model"\r\n\r\n'
            f'up\r\n--{B}--\r\n'.encode()))

    def test_subtitles_and_text_pass(self):
        for kind, text in (("text/plain; charset=utf-8", b"hello\n"),
                           ("application/x-subrip", b"1\n00:00 --> 1\nhi\n"),
                           ("text/vtt", b"WEBVTT\n\n")):
            u, = self.up((200, {"content-type": kind}, text))
            self.assertEqual(self.get(
                self.gate(u), "/v1/audio/transcriptions", form(), FORM),
                (200, kind, text))

    def test_events_pass_to_the_byte(self):
        u, = self.up((200, {"content-type": "text/event-stream"},
                      iter_of(b": hi\n\nevent: x\n\n" + SAID, DONE)))
        g = self.gate(u)
        r = self.raw(g, "/v1/audio/transcriptions",
                     form("m", None, part("stream", "true")), FORM)
        self.assertEqual(r.getheader("content-type"), "text/event-stream")
        self.assertEqual(r.read(), b": hi\n\nevent: x\n\n" + SAID + DONE)
        o = self.receipt(g, r)["outcome"]
        self.assertEqual((o["usage"]["input"], o["usage"]["output"]),
                         (14, 45), o)
        self.assertGreater(o["phases"]["ttft_ms"], 0, o)

    def test_other_servers_events(self):
        chunk = ('data: {"object":"transcription.chunk","choices":[{"delta":'
                 '{"content":"%s"},"finish_reason":%s}]}\n\n')
        for said in (chunk % ("", "null") + chunk % ("hi", "null") +
                     chunk % ("", '"stop"') + 'data: {"choices":[],"usage":'
                     '{"prompt_tokens":3,"completion_tokens":2}}\n\n'
                     'data: [DONE]\n\n',
                     "data: hello\n\ndata: you\n\n"):
            u, = self.up((200, {"content-type": "text/event-stream"},
                          iter_of(said)))
            self.assertEqual(self.get(
                self.gate(u, adapter="vllm"), "/v1/audio/transcriptions",
                form("m", None, part("stream", "true")), FORM)[2].decode(),
                said)

    def test_a_picture_in_an_event_may_be_large(self):
        event = (b'data: {"type":"image_generation.completed","b64_json":"' +
                 b"A" * (5 << 20) + b'"}\n\n')
        u, = self.up((200, {"content-type": "text/event-stream"},
                      iter_of(event)))
        self.assertEqual(self.get(
            self.gate(u), "/v1/images/generations",
            {"model": "m", "prompt": "a", "stream": True})[2], event)

    def test_the_same_again_under_a_key(self):
        u, = self.up((200, {}, {"data": [1]}))
        g = self.gate(u)
        seen = [self.raw(g, "/v1/images/generations", {"model": "m"},
                         {"idempotency-key": "k"}) for _ in range(2)]
        self.assertEqual([r.read() for r in seen], [b'{"data": [1]}'] * 2)
        self.assertEqual(
            seen[1].getheader("x-pointsman-idempotent-replay"), "true")
        self.assertEqual(len(u.asked), 1)

    def test_the_others(self):
        said = {"id": 1, "results": [], "usage": {"total_tokens": 9}}
        u, = self.up((200, {}, said))
        g = self.gate(u)
        for path in ("/images/generations", "/moderations"):
            status, _, body = self.get(
                g, "/v1" + path, {"model": "m", "input": "x"})
            self.assertEqual((status, json.loads(body)), (200, said))
            self.assertEqual(u.asked[-1].path, "/v1" + path)
        for path in ("/images/edits", "/images/variations"):
            self.assertEqual(self.get(g, "/v1" + path, form(), FORM)[0], 200)
            self.assertEqual(u.asked[-1].body, form("up"))

    def test_ranking_wants_a_backend_that_ranks(self):
        rows = [{"index": 0, "score": 0.5}]  # SGLang's way
        u, = self.up((200, {}, rows))
        question = {"model": "m", "query": "a", "documents": ["b", "c"]}
        status, _, body = self.get(
            self.gate(u, adapter="sglang"), "/v1/rerank", question)
        self.assertEqual((status, json.loads(body)), (200, rows))
        status, _, body = self.get(self.gate(u), "/v1/rerank", question)
        self.assertIn("rerank", json.loads(body)["error"]["message"])
        self.assertEqual(status, 400)

    def test_counting_costs_nothing(self):
        u, = self.up((200, {}, {"input_tokens": 2095}))
        g = self.gate(u, adapter="vllm")
        r = self.raw(g, "/v1/messages/count_tokens", chat("m", system="s"),
                     {"anthropic-beta": "token-counting-2024-11-01",
                      "x-slo-total-ms": "1"})
        self.assertEqual(json.loads(r.read()), {"input_tokens": 2095})
        asked, = u.asked
        self.assertEqual(asked.headers["anthropic-version"], "2023-06-01")
        self.assertEqual(asked.headers["anthropic-beta"],
                         "token-counting-2024-11-01")
        self.assertNotIn("max_tokens", json.loads(asked.body))
        o = self.receipt(g, r)["outcome"]
        self.assertEqual((o["cost_usd"], o["usage"], o["slo_met"]),
                         (0, None, None), o)


def iter_of(*pieces):
    yield from pieces


class Failures(Case):
    def test_another_backend_before_the_first_byte(self):
        bad = [(500, {}, {"error": "down"}),
               (200, {"content-type": "text/html"}, "<html>hi</html>"),
               (200, {"content-type": "audio/mpeg"}, b""),
               (200, {}, {"error": {"message": "no", "code": 500}}),
               (200, {"content-type": "text/event-stream"},
                b'data: {"error":{"message":"no"}}\n\n'),
               (200, {"content-type": "audio/mpeg"},
                lambda: cut())]
        for answer in bad:
            first, second = self.up(
                lambda _, a=answer: (a[0], a[1],
                                     a[2]() if callable(a[2]) else a[2]),
                (200, {"content-type": "audio/mpeg"}, SOUND))
            g = self.gate(first, second, extra='policy = "observe";')
            r = self.raw(g, "/v1/audio/speech", {"model": "m"})
            self.assertEqual((r.status, r.read()), (200, SOUND), answer)
            self.assertEqual(r.getheader("x-pointsman-attempts"), "2")

    def test_a_cut_sound_is_no_end(self):
        u, = self.up((200, {"content-type": "audio/mpeg"},
                      cut(SOUND[:5000], SOUND[5000:9000])))
        g = self.gate(u)
        r = self.raw(g, "/v1/audio/speech", {"model": "m"})
        with self.assertRaises(http.client.IncompleteRead) as caught:
            r.read()
        self.assertEqual(caught.exception.partial, SOUND[:9000])
        o = self.receipt(g, r)["outcome"]
        self.assertEqual((o["result"], o["fault"]), ("broken", "cut"), o)

    def test_cut_events_end_with_an_error(self):
        u, = self.up((200, {"content-type": "text/event-stream"},
                      cut(SAID)))
        body = self.get(self.gate(u), "/v1/audio/transcriptions",
                        form("m", None, part("stream", "true")), FORM)[2]
        self.assertTrue(body.startswith(SAID))
        self.assertIn("broke off",
                      json.loads(events(body.decode())[-1])["error"]["message"])

    def test_events_without_their_end_are_cut(self):
        u, = self.up((200, {"content-type": "text/event-stream"},
                      iter_of(SAID)))
        body = self.get(self.gate(u), "/v1/audio/transcriptions",
                        form("m", None, part("stream", "true")), FORM)[2]
        self.assertIn("broke off", body.decode())

    def test_who_stalls_is_given_up(self):
        def stall():
            yield SOUND[:100]
            time.sleep(3)
        u, = self.up((200, {"content-type": "audio/mpeg"}, stall()))
        g = self.gate(u, more='timeouts = { gap = "300ms"; };')
        began = time.monotonic()
        r = self.raw(g, "/v1/audio/speech", {"model": "m"})
        with self.assertRaises(http.client.IncompleteRead):
            r.read()
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(self.receipt(g, r)["outcome"]["fault"],
                         "gap_timeout")

    def test_silence_has_no_subtitles(self):
        quiet = (200, {"content-type": "text/plain"}, b"")
        u, v = self.up(quiet, quiet)
        g = self.gate(u, v)
        r = self.raw(g, "/v1/audio/transcriptions", form(), FORM)
        self.assertEqual((r.status, r.read()), (200, b""))
        self.assertEqual(len(u.asked) + len(v.asked), 2)

    def test_a_model_that_does_not_talk_still_chats(self):
        def answer(request):
            if request.path.endswith("/speech"):
                return 404, {}, {"error": {"message": "no", "param": "model",
                                           "code": "model_not_found",
                                           "type": "x"}}
            return 200, {}, {"choices": [{"message": {"content": "hi"},
                                          "finish_reason": "stop"}]}
        u, = self.up(answer)
        g = self.gate(u)
        status, _, body = self.get(g, "/v1/audio/speech", {"model": "m"})
        self.assertEqual((status, json.loads(body)["error"]["code"]),
                         (404, "model_not_found"))
        self.assertEqual(g.chat(chat("m"))[0], 200)

    def test_who_leaves_stops_the_backend(self):
        left = threading.Event()

        def talk():
            try:
                while True:
                    yield SOUND[:1000]
                    time.sleep(0.01)
            except (OSError, GeneratorExit):
                left.set()
                raise
        u, = self.up(lambda _: (200, {"content-type": "audio/mpeg"}, talk()))
        g = self.gate(u)
        with socket.create_connection(("127.0.0.1", g.port)) as s:
            s.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nhost: 127.0.0.1\r\n"
                      b"content-length: 13\r\n\r\n" b'{"model":"m"}')
            self.assertIn(b"200", s.recv(100))
            s.recv(1000)
        self.assertTrue(left.wait(5))

    def test_a_drain_that_is_over_cuts_it(self):
        u, = self.up(lambda _: (200, {"content-type": "audio/mpeg"}, talk()))

        def talk():
            while True:
                yield SOUND[:1000]
                time.sleep(0.01)
        g = serve(u, extra='drain_timeout = "300ms";')
        r = self.raw(g, "/v1/audio/speech", {"model": "m"})
        self.assertEqual(r.read(1000), SOUND[:1000])
        g.send_signal(signal.SIGTERM)
        with self.assertRaises(http.client.IncompleteRead) as caught:
            r.read()
        self.assertNotIn(b"error", caught.exception.partial[-200:])
        self.assertEqual(g.stop(), 0)

    def test_a_slow_reader_holds_the_backend(self):
        sent = [0]

        def flood():
            while sent[0] < 64 << 20:
                sent[0] += 1 << 16
                yield SOUND[:1 << 16]
        u, = self.up((200, {"content-type": "audio/wav"}, flood()))
        g = self.gate(u)
        r = self.raw(g, "/v1/audio/speech", {"model": "m"})
        r.read(10)
        time.sleep(1)
        self.assertLess(sent[0], 32 << 20)
        self.assertEqual(10 + len(r.read()), 64 << 20)


class Refusals(Case):
    def test_a_moderation_names_its_model(self):
        u, = self.up((200, {}, {"results": []}))
        path, body = "/v1/moderations", {"input": "x"}
        status, _, text = self.get(self.gate(u), path, body)
        self.assertEqual((status, json.loads(text)["error"]["code"]),
                         (400, "model_required"))
        g = self.gate(u, extra='default_model = "m";')
        self.assertEqual(self.get(g, path, body)[0], 200)
        self.assertEqual(json.loads(u.asked[0].body)["model"], "up")
        # a default that only chats says what it lacks
        status, _, text = self.get(
            self.gate(u, extra='default_model = "m";', adapter="vllm"),
            path, body)
        self.assertIn("moderation", json.loads(text)["error"]["message"])

    def test_forms(self):
        u, = self.up((200, {}, {"text": ""}))
        g = self.gate(u)
        path = "/v1/audio/transcriptions"
        good = form()
        for kind, body, code, word in (
                ("multipart/form-data", good, "invalid_multipart",
                 "no boundary"),
                ("multipart/form-data; boundary=x", good,
                 "invalid_multipart", "begin with the boundary"),
                ("multipart/mixed; boundary=x", good, "invalid_multipart",
                 "only multipart/form-data"),
                (FORM["content-type"], good[:-8], "invalid_multipart",
                 "no end"),
                (FORM["content-type"], form(None), "model_required", "model"),
                (FORM["content-type"], form("x" * 256), "invalid_value",
                 "255"),
                (FORM["content-type"], form("m", None, part("model", "n")),
                 "duplicate_member", "model"),
                (FORM["content-type"], form("nope"), "model_not_found",
                 "nope")):
            status, _, text = self.get(g, path, body, {"content-type": kind})
            error = json.loads(text)["error"]
            self.assertEqual((status, error["code"]),
                             (404 if code == "model_not_found" else 400,
                              code), error)
            self.assertIn(word, error["message"])
        status, _, text = self.get(g, "/v1/chat/completions", good, FORM)
        self.assertEqual((status, json.loads(text)["error"]["code"]),
                         (415, "unsupported_media_type"))
        self.assertEqual(u.asked, [])

    def test_an_empty_name_is_none(self):
        u, = self.up((200, {}, {"text": ""}))
        g = self.gate(u, extra='default_model = "m";')
        self.assertEqual(self.get(g, "/v1/audio/transcriptions", form(""),
                                  FORM)[0], 200)
        self.assertEqual(u.asked[0].body, form("up"))
        path, body = "/v1/moderations", {"model": "", "input": "x"}
        self.assertEqual(self.get(g, path, body)[0], 200)
        self.assertEqual(json.loads(u.asked[1].body),
                         {"model": "up", "input": "x"})
        status, _, text = self.get(self.gate(u), path, body)
        self.assertEqual((status, json.loads(text)["error"]["code"]),
                         (400, "model_required"))

    def test_a_long_model_name_of_255_bytes(self):
        u, = self.up((200, {}, {"text": ""}))
        g = self.gate(u, extra='default_model = "m";')
        self.assertEqual(self.get(g, "/v1/audio/transcriptions",
                                  form("x" * 255), FORM)[0], 200)
        self.assertEqual(u.asked[0].body, form("up"))

    def test_large_files(self):
        u, = self.up((200, {}, {"text": ""}))
        file = os.urandom(30 << 20)
        g = self.gate(u)
        self.assertEqual(self.get(g, "/v1/audio/transcriptions",
                                  form("m", file), FORM)[0], 200)
        self.assertEqual(u.asked[0].body, form("up", file))
        g = self.gate(u, extra='body_limit = "25MiB";')
        self.assertEqual(self.get(g, "/v1/audio/transcriptions",
                                  form("m", file), FORM)[0], 413)

    def test_rights_and_limits_of_tenants(self):
        go = threading.Event()

        def talk():
            yield SOUND
            go.wait(20)
        u, = self.up(lambda _: (200, {"content-type": "audio/mpeg"}, talk()))
        self.addCleanup(go.set)
        g = Gateway(conf(
            [backend("b0", u.port, adapter="openai")],
            'tenants = ( { name = "a"; keys = [ "env:A" ]; limits = '
            '{ concurrent = 1; tokens_per_minute = 10; }; }, { name = "b"; '
            'keys = [ "env:B" ]; models = [ "other" ]; } );',
            serve='{ backend = "b0"; model = "up"; } ); }, { name = "other"; '
            'serve = ( { backend = "b0"; model = "x"; }'),
            env={"A": "secret-a", "B": "secret-b"})
        self.addCleanup(lambda: self.assertEqual(g.stop(), 0))
        path, body = "/v1/audio/speech", {"model": "m"}
        self.assertEqual(self.get(g, path, body)[0], 401)
        self.assertEqual(self.get(g, "/v1/audio/transcriptions", form(), {
            **FORM, "authorization": "Bearer secret-b"})[0], 404)
        self.assertEqual(u.asked, [])
        mine = {"authorization": "Bearer secret-a"}
        first = self.raw(g, path, body, mine)
        self.assertEqual(first.status, 200)
        self.assertEqual(self.get(g, path, body, mine)[0], 429)
        go.set()
        self.assertEqual(first.read(), SOUND)
        # no tokens are counted, so none are missing
        for _ in range(3):
            self.assertEqual(self.get(g, path, body, mine)[0], 200)

    def test_a_class_of_tokens_has_nothing_to_say_of_sound(self):
        u, = self.up(lambda _: (200, {"content-type": "audio/mpeg"}, SOUND))
        g = self.gate(u, extra='slo = ( { name = "v"; itl = "100us"; '
                      'percentile = 99; priority = "premium"; '
                      'on_miss = "refuse"; } );')
        self.assertEqual(self.get(g, "/v1/audio/speech", {"model": "m"}, {
            "x-slo-class": "v"})[0], 200)


class Books(Case):
    def test_what_is_told_of_it(self):
        def answer(request):
            if request.path.endswith("speech"):
                return 200, {"content-type": "audio/mpeg"}, iter_of(SOUND)
            if request.path.endswith("generations"):
                return 200, {}, {"data": [], "usage": {
                    "input_tokens": 10, "output_tokens": 1000}}
            return 200, {}, {"text": "", "usage": {"type": "duration",
                                                   "seconds": 3}}
        u, = self.up(answer)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = os.path.join(folder.name, "ledger")
        g = serve(u, extra=f'ledger = "{file}";')
        self.addCleanup(g.process.kill)
        late = {"x-slo-ttft-ms": "0.001"}
        r = self.raw(g, "/v1/audio/speech", {"model": "m"}, late)
        r.read()
        doc = self.receipt(g, r)
        self.assertEqual(doc["facts"]["needs"], ["speech"])
        o = doc["outcome"]
        self.assertEqual(([m["term"] for m in o["missed"]], o["slo_met"], o["cost_usd"]),
                         (["ttft"], False, None), o)
        self.get(g, "/v1/images/generations", {"model": "m"})
        self.get(g, "/v1/audio/transcriptions", form(), FORM)
        self.get(g, "/v1/chat/completions", chat("m"))
        metrics = g.metrics()
        for name in ("speech", "image_generation", "transcription"):
            self.assertIn(f'gen_ai_operation_name="{name}"', metrics)
        line = wait_for(lambda: [
            text for text in g.log().split("\n")
            if "path=/v1/audio/speech" in text], what="its line in the log")
        self.assertNotIn("usage=", line[0])
        self.assertEqual(g.stop(), 0)
        with contextlib.closing(sqlite3.connect(file)) as db:
            rows = db.execute(
                "SELECT dialect, stream, tokens_in, tokens_out, estimated, "
                "cost_usd, ttft_us IS NOT NULL FROM requests "
                "ORDER BY time").fetchall()
        self.assertEqual(rows[:3], [
            ("speech", 1, 0, 0, 0, None, 1),
            ("image_generation", 0, 10, 1000, 0, 0.00101, 0),
            ("transcription", 0, 0, 0, 0, None, 0)], rows)
        out = subprocess.run(
            [POINTSMAN, "usage", "--trace", "--file", file],
            capture_output=True, text=True, check=False)
        self.assertNotIn("1000", out.stdout, out)


if __name__ == "__main__":
    unittest.main()
