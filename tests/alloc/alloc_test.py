"""Each allocation of ours fails once, on the paths that matter.

The program is the real one, linked so that its own allocations can be made to
fail (alloc.c). Whatever fails: it goes on, says so, loses nothing, and the
next request is served. Failures of libraries are theirs: libuv ends the process
itself when it is out of memory.
"""
import http.client
import itertools
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Fake, Gateway, Stub, backend,  # noqa: E402
                     chat, conf, events, wait_for)

MOST = 3000  # allocations of one act: more would mean that it never ends


class Control:
    """The file that alloc.c maps."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile(prefix="pointsman-alloc-")
        self.file.write(bytes(24))
        self.file.flush()
        self.map = mmap.mmap(self.file.fileno(), 24)
        self.env = {"POINTSMAN_ALLOC": self.file.name}

    def arm(self, first, more=0):
        self.map[8:24] = struct.pack("<QQ", more, 0)
        self.map[0:8] = struct.pack("<Q", first)

    def disarm(self):
        self.map[0:8] = bytes(8)

    def count(self):
        return struct.unpack("<Q", self.map[16:24])[0]

    def fired(self, first):
        return self.count() >= first


class Broken(Exception):
    """An answer that a client must not see."""


def raw_answer(port, method, path, body, headers=None):
    """(status, body, whole); status 0: the connection ended without one."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        c.request(method, path, json.dumps(body) if isinstance(body, dict)
                  else body,
                  {"content-type": "application/json", **(headers or {})})
        r = c.getresponse()
        try:
            return r.status, r.read(), True
        except http.client.IncompleteRead as e:
            return r.status, e.partial, False
    except (http.client.BadStatusLine, ConnectionError):
        return 0, b"", False
    finally:
        c.close()


def judge_json(status, body, whole, member):
    """A whole document or a whole error, or no answer at all."""
    if not whole:
        return
    try:
        doc = json.loads(body)
    except ValueError:
        raise Broken(f"{status}: not JSON: {body!r}") from None
    if (member if status == 200 else "error") not in doc:
        raise Broken(f"{status}: {doc}")


def judge_stream(status, body, whole):
    """All of it, or an error event, or a cut that a client notices."""
    if status != 200:
        judge_json(status, body, whole, "choices")
        return
    said = events(body.decode())
    done, error = "[DONE]" in said, any('"error"' in e for e in said)
    if done and error:
        raise Broken(f"an error and a clean end: {body!r}")
    if whole and not done and not error:
        raise Broken(f"a silent end: {body!r}")


class Sweep(unittest.TestCase):
    extra = ""
    adapter = "vllm"

    def setUp(self):
        self.fake = Fake("--tokens", "3", "--rate", "2000-2000")
        self.addCleanup(self.fake.stop)
        self.other = Fake("--tokens", "3", "--rate", "2000-2000")
        self.addCleanup(self.other.stop)
        self.control = Control()
        self.conf = conf([backend("one", self.fake.port,
                                  adapter=self.adapter),
                          backend("two", self.other.port,
                                  adapter=self.adapter)],
                         "workers = 1;\n" + self.extra)
        self.g = Gateway(self.conf, self.control.env)
        self.healthy()

    def healthy(self):
        # the failure may have cost a backend a moment of trust
        wait_for(lambda: self.g.chat(chat("m"))[0] == 200, 20,
                 "an answer after the failure")
        wait_for(self.at_rest, 10, "every counter at zero")

    def at_rest(self):
        return all(s["in_flight"] == 0 for b in self.g.backends().values()
                   for s in b["servings"])

    def sweep(self, act, more=0):
        """Calls act() with the first, second, ... allocation failing, until
        it takes fewer than that."""
        n = 1
        while True:
            self.control.arm(n, more)
            try:
                act()
            except Broken as e:
                self.fail(f"allocation {n}: {e}")
            finally:
                self.control.disarm()
            if self.g.process.poll() is not None:
                self.fail(f"allocation {n} ended it:\n{self.g.log()}")
            if not self.control.fired(n):
                break
            self.healthy()
            n += 1
            self.assertLess(n, MOST)
        self.assertGreater(n, 1)
        if os.environ.get("ALLOC_VERBOSE"):
            print(f"{self.id()}: {n - 1} allocations", file=sys.stderr)
        self.assertEqual(self.g.stop(), 0)

    def whole(self, body, headers=None, path="/v1/chat/completions"):
        judge_json(*raw_answer(self.g.port, "POST", path, body, headers),
                   "choices")

    def stream(self):
        judge_stream(*raw_answer(
            self.g.port, "POST", "/v1/chat/completions",
            chat("m", stream=True)))


class Requests(Sweep):
    def test_a_whole_answer(self):
        self.sweep(lambda: self.whole(chat("m")))

    def test_a_stream(self):
        self.sweep(self.stream)

    def test_nothing_is_left_for_a_while(self):
        self.sweep(self.stream, more=5)

    def test_a_second_attempt(self):
        body = chat("m", fake={"fault": "429", "retry_after_ms": 1})
        _, headers, _ = self.g.chat(body)
        self.assertEqual(headers["x-pointsman-attempts"], "2")
        self.healthy()
        self.sweep(lambda: self.whole(body))

    def test_a_refusal_of_the_backend(self):
        body = chat("m", fake={"fault": "409"})
        self.assertEqual(self.g.chat(body)[0], 409)
        self.sweep(lambda: self.whole(body))

    def test_what_the_gateway_answers_itself(self):
        def act():
            judge_json(*raw_answer(self.g.port, "GET", "/v1/models", None),
                       "data")
            judge_json(*raw_answer(self.g.port, "GET", "/v1/models/m", None),
                       "object")
            judge_json(*raw_answer(self.g.port, "POST", "/nowhere", {"a": 1}),
                       "-")
        self.sweep(act)


class Kept(Sweep):
    extra = 'idempotency = { window = "60s"; };\n'

    def test_an_answer_that_is_kept(self):
        key = {"idempotency-key": "k"}
        self.g.chat(chat("m"), key)
        _, headers, _ = self.g.chat(chat("m"), key)
        self.assertEqual(headers["x-pointsman-idempotent-replay"], "true")
        keys = iter(range(10 ** 6))

        def act():
            again = {"idempotency-key": f"k{next(keys)}"}
            self.whole(chat("m"), again)
            self.whole(chat("m"), again)
        self.sweep(act)


class Heartbeats(Sweep):
    extra = 'heartbeat = "100ms";\n'

    def test_a_stream_that_is_waited_for(self):
        body = chat("m", stream=True, fake={"ttft_ms": 250})
        status, raw, _ = raw_answer(
            self.g.port, "POST", "/v1/chat/completions", body)
        self.assertEqual((status, raw[:1]), (200, b":"))
        self.sweep(lambda: judge_stream(*raw_answer(
            self.g.port, "POST", "/v1/chat/completions", body)))


class Traced(Sweep):
    # nobody listens there
    extra = 'otlp = { url = "http://127.0.0.1:9/v1/traces"; };\n'

    def test_an_answer_that_is_traced(self):
        self.sweep(lambda: self.whole(chat("m"), {
            "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}))


class Passed(Sweep):
    adapter = "openai"
    extra = 'default_model = "m";\n'

    def test_speech(self):
        def act():
            status, raw, whole = raw_answer(
                self.g.port, "POST", "/v1/audio/speech", {"model": "m"})
            if status != 200:
                judge_json(status, raw, whole, "-")
            elif whole and raw != bytes(range(256)) * 3:
                raise Broken(f"a clean end after {len(raw)} bytes")
        self.sweep(act)

    def test_a_form_that_gets_a_part(self):
        form = (b'--b\r\ncontent-disposition: form-data; name=file; '
                b'filename=a\r\n\r\n' + bytes(70000) + b"\r\n--b--\r\n")

        def act():
            judge_json(*raw_answer(
                self.g.port, "POST", "/v1/audio/transcriptions", form,
                {"content-type": "multipart/form-data; boundary=b"}), "text")
        self.sweep(act)


class Translated(Sweep):
    adapter = "cerebras"  # speaks chat alone
    asks = {"/v1/messages": chat("m", max_tokens=9),
            "/v1/responses": {"model": "m", "input": "hello"}}

    def ask(self, path, stream, end):
        status, raw, whole = raw_answer(self.g.port, "POST", path, {
            **self.asks[path], "stream": stream})
        if status != 200:
            judge_json(status, raw, whole, "-")
        elif whole and (end in raw) == (b'"type":"error"' in raw):
            raise Broken(f"neither whole nor an error: {raw!r}")

    def test_messages(self):
        self.sweep(lambda: self.ask("/v1/messages", False, b'"end_turn"'))

    def test_a_stream_of_messages(self):
        self.sweep(lambda: self.ask("/v1/messages", True, b"message_stop"))

    def test_responses(self):
        self.sweep(lambda: self.ask("/v1/responses", False, b'"completed"'))

    def test_a_stream_of_responses(self):
        self.sweep(lambda: self.ask("/v1/responses", True,
                                    b"response.completed"))


class TranslatedCalls(Sweep):
    """Of tools that chat knows by other names: none is half a call."""
    calls = [("c0", "p", '{"input":"x\\ny"}'), ("c0", "n__f", '{"a":1}'),
             ("c2", "tool_search", '{"query": 1}')]
    request = {
        "model": "m", "input": "go", "tools": [
            {"type": "custom", "name": "p"},
            {"type": "namespace", "name": "n",
             "tools": [{"type": "function", "name": "f"}]},
            {"type": "tool_search", "execution": "client"}]}

    def setUp(self):
        self.stubs = [Stub(self.answer), Stub(self.answer)]
        for stub in self.stubs:
            self.addCleanup(stub.stop)
        self.control = Control()
        self.g = Gateway(conf(
            [backend(name, stub.port, 'translate = "always";')
             for name, stub in zip(("one", "two"), self.stubs)],
            "workers = 1;\n"), self.control.env)
        self.healthy()

    def answer(self, request):
        said = {"role": "assistant", "content": "a", "tool_calls": [
            {"index": i, "id": id, "type": "function",
             "function": {"name": name, "arguments": arguments}}
            for i, (id, name, arguments) in enumerate(self.calls)]}
        choice = {"index": 0, "finish_reason": "tool_calls"}
        if b'"stream":true' in request.body.replace(b" ", b""):
            return 200, {"content-type": "text/event-stream"}, (
                "data: " + json.dumps({"choices": [{**choice, "delta": said}]})
                + "\n\ndata: [DONE]\n\n")
        return 200, {}, {"choices": [{**choice, "message": said}]}

    def judge(self, items):
        said = [(i["type"], i.get("name"),
                 i.get("input") or i.get("arguments")) for i in items]
        if said != [("message", None, None),
                    ("custom_tool_call", "p", "x\ny"),
                    ("function_call", "f", '{"a":1}'),
                    ("tool_search_call", None, {"query": 1})]:
            raise Broken(f"{said}")

    def test_whole(self):
        def act():
            status, raw, whole = raw_answer(
                self.g.port, "POST", "/v1/responses", self.request)
            judge_json(status, raw, whole, "output")
            if status == 200 and whole:
                self.judge(json.loads(raw)["output"])
        self.sweep(act)

    def test_stream(self):
        def act():
            status, raw, whole = raw_answer(
                self.g.port, "POST", "/v1/responses",
                {**self.request, "stream": True})
            if status != 200:
                judge_json(status, raw, whole, "-")
            elif whole:
                last = json.loads(events(raw.decode())[-1])
                if last["type"] == "response.completed":
                    self.judge(last["response"]["output"])
                elif last["type"] != "error":
                    raise Broken(f"{last}")
        self.sweep(act)


class CutEvents(Sweep):
    """Each event comes in two reads: none is lost, or passed on by half."""
    text = 700 * "a"  # the second read needs more memory

    def setUp(self):
        self.stubs = [Stub(self.answer), Stub(self.answer)]
        for stub in self.stubs:
            self.addCleanup(stub.stop)
        self.control = Control()
        self.g = Gateway(conf(
            [backend(name, stub.port)
             for name, stub in zip(("one", "two"), self.stubs)],
            "workers = 1;\n"), self.control.env)
        self.healthy()

    def answer(self, request):
        said = {"role": "assistant", "content": self.text}
        if b'"stream":true' not in request.body.replace(b" ", b""):
            return 200, {}, {"choices": [
                {"index": 0, "finish_reason": "stop", "message": said}]}
        request.connection.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return 200, {"content-type": "text/event-stream"}, self.halves(
            json.dumps({"choices": [
                {"index": 0, "delta": said, "finish_reason": finish}]})
            for finish in (None, None, "stop"))

    def halves(self, chunks):
        for chunk in itertools.chain(chunks, ["[DONE]"]):
            yield "data: "
            time.sleep(0.005)  # a read of its own
            yield chunk + "\n\n"

    def test_a_stream(self):
        def act():
            status, raw, whole = raw_answer(
                self.g.port, "POST", "/v1/chat/completions",
                chat("m", stream=True))
            judge_stream(status, raw, whole)
            if raw.endswith(b"[DONE]\n\n") and \
                    raw.count(self.text.encode()) != 3:
                raise Broken(f"an event is lost: {raw!r}")
        self.sweep(act)


class Vectors(Sweep):
    def test_what_is_converted_is_so_or_refused(self):
        body = {"model": "m", "input": "x", "encoding_format": "base64"}

        def act():
            status, raw, whole = raw_answer(
                self.g.port, "POST", "/v1/embeddings", body)
            judge_json(status, raw, whole, "data")
            if status == 200 and whole:
                for e in json.loads(raw)["data"]:
                    if not isinstance(e["embedding"], str):
                        raise Broken(f"not as asked for: {raw!r}")
        self.sweep(act)


class Operators(Sweep):
    def test_a_reload(self):
        def act():
            status, body, whole = raw_answer(
                self.g.admin, "POST", "/admin/v1/reload", None)
            judge_json(status, body, whole, "config_version")
        self.sweep(act)

    def test_pages(self):
        paths = ["/metrics", "/admin/v1/status", "/admin/v1/backends",
                 "/admin/v1/receipts", "/admin/v1/slo"]

        def act():
            for path in paths:
                status, body, whole = raw_answer(
                    self.g.admin, "GET", path, None)
                if path != "/metrics" and whole:
                    json.loads(body)
        self.sweep(act)


class Starting(unittest.TestCase):
    def ends(self, command, code):
        """Whatever fails, it says why and ends with 1, until nothing does."""
        control, n = Control(), 1
        while True:
            control.arm(n)
            r = subprocess.run([POINTSMAN, *command], capture_output=True,
                               env={**os.environ, **control.env}, timeout=30)
            said = (r.stdout + r.stderr).decode(errors="replace")
            self.assertNotIn("Sanitizer", said, n)
            if not control.fired(n):
                self.assertEqual(r.returncode, code, said)
                return
            self.assertIn(r.returncode, (1, code), f"{n}: {said}")
            if r.returncode == 1:
                self.assertIn("memory", said, n)
            n += 1

    def test_serve(self):
        control, n = Control(), 1
        text = conf([backend("one", 9), backend("two", 9)],
                    "workers = 1;\nreceipts = 2;\n")
        while True:
            control.arm(n)
            g = Gateway(text, control.env, wait=False)
            wait_for(lambda: g.process.poll() is not None or g.answers(),
                     20, "an end or a start")
            control.disarm()
            log, code = g.log(), g.stop()
            self.assertIn(code, (0, 1), f"{n}: {log}")
            if code == 1:
                self.assertIn("memory", log, n)
            if not control.fired(n):
                self.assertEqual(code, 0, log)
                return
            n += 1
            self.assertLess(n, MOST)

    def test_ask(self):
        # nobody listens there: it never succeeds, nor ends without a word
        control, n = Control(), 1
        while n == 1 or control.fired(n - 1):
            control.arm(n)
            r = subprocess.run(
                [POINTSMAN, "ask", "--url", "http://127.0.0.1:9", "hello"],
                capture_output=True, env={**os.environ, **control.env},
                timeout=30)
            said = (r.stdout + r.stderr).decode(errors="replace")
            self.assertNotIn("Sanitizer", said, n)
            self.assertEqual((r.returncode, said != ""), (1, True), n)
            n += 1
        self.assertGreater(n, 2)

    def test_check(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(conf([backend("one", 9), backend("two", 9)]))
            f.flush()
            self.ends(["check", "-c", f.name], 0)


if __name__ == "__main__":
    unittest.main()
