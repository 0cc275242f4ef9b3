"""The relayed dialects (/v1/responses, /v1/messages), wildcard models, Unix
sockets, and one answer for every way to name a model."""
import http.client
import json
import os
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (Fake, Gateway, Stub, backend, chat, conf,  # noqa: E402
                     wait_for)

RESPONSES = (
    'event: response.created\ndata: {"type":"response.created"}\n\n'
    'event: response.output_text.delta\n'
    'data: {"type":"response.output_text.delta","delta":"hi"}\n\n'
    'event: response.completed\ndata: {"type":"response.completed",'
    '"response":{"status":"completed","usage":{"input_tokens":3,'
    '"output_tokens":1}}}\n\n')
MESSAGES = (
    'event: message_start\ndata: {"type":"message_start","message":'
    '{"usage":{"input_tokens":3,"output_tokens":0}}}\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta",'
    '"index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
    'event: message_delta\ndata: {"type":"message_delta","delta":'
    '{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n')
CHAT = (
    'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    'data: [DONE]\n\n')


class Scripted(Stub):
    """Answers a path with a stream, and keeps what it was asked."""

    def __init__(self, streams):
        self.asked, self.streams = [], streams
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, b""
        self.asked.append((request.path, dict(request.headers),
                           json.loads(request.body)))
        return (200, {"content-type": "text/event-stream"},
                self.streams[request.path])


class Anthropic(unittest.TestCase):
    def test_messages_chat_and_probes_have_the_key_where_it_is_read(self):
        probes = []

        class Asked(Scripted):
            def answer(self, request):
                if request.command == "GET":
                    probes.append((request.path, dict(request.headers)))
                    return (200, {"content-type": "application/json"},
                            b'{"data":[{"id":"fake-model"}]}')
                return super().answer(request)

        upstream = Asked({"/v1/messages": MESSAGES,
                          "/v1/chat/completions": CHAT})
        self.addCleanup(upstream.stop)
        g = Gateway(conf([backend("one", upstream.port,
                                  'api_key = "env:A_KEY";',
                                  adapter="anthropic")]),
                    env={"A_KEY": "sk-ant-0123456789"})
        body = chat("m", max_tokens=5, stream=True)
        self.assertEqual(g.post("/v1/messages", body)[0], 200)
        self.assertEqual(g.chat(body)[0], 200)
        wait_for(lambda: probes, what="a probe")
        sent = [{k.lower(): v for k, v in headers.items()} for _, headers in
                [(p, h) for p, h, _ in upstream.asked] + probes[:1]]
        keys = [(h.get("x-api-key"), h.get("authorization"),
                 h.get("anthropic-version")) for h in sent]
        own = ("sk-ant-0123456789", None, "2023-06-01")
        self.assertEqual(keys, [
            own, (None, "Bearer sk-ant-0123456789", None), own], sent)
        self.assertEqual(g.stop(), 0)


class Relayed(unittest.TestCase):
    def setUp(self):
        self.upstream = Scripted({"/v1/responses": RESPONSES,
                                  "/v1/messages": MESSAGES})
        self.gateway = Gateway(conf([backend("one", self.upstream.port)]))

    def tearDown(self):
        self.assertEqual(self.gateway.stop(), 0)
        self.upstream.stop()

    def raw_post(self, path, body):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        c.request("POST", path, json.dumps(body),
                  {"content-type": "application/json"})
        r = c.getresponse()
        raw = r.read().decode()
        c.close()
        return r.status, raw

    def test_responses_pass_untouched(self):
        status, raw = self.raw_post("/v1/responses", {
            "model": "m", "input": "hello", "stream": True})
        self.assertEqual((status, raw), (200, RESPONSES))
        path, _, body = self.upstream.asked[-1]
        self.assertEqual((path, body["model"]),
                         ("/v1/responses", "fake-model"))
        usage = self.gateway.backends()["one"]["servings"][0]
        self.assertEqual((usage["tokens_in"], usage["tokens_out"]), (3, 1))

    def test_an_answer_in_the_background_is_refused(self):
        status, raw = self.raw_post("/v1/responses", {
            "model": "m", "input": "hello", "background": True})
        self.assertEqual((status, json.loads(raw)["error"]["param"]),
                         (400, "background"))
        self.assertEqual(self.upstream.asked, [])

    def test_a_response_that_fails_says_whose_fault_it_is(self):
        flat = {"type": "error", "code": "rate_limit_exceeded",
                "message": "slow down", "param": None}
        for event, status, code in (
                ({"type": "response.failed", "response": {
                    "status": "failed", "error": {
                        "code": "invalid_image_url", "message": "no picture",
                        "param": "input"}}}, 400, "invalid_image_url"),
                ({**flat, "code": "context_length_exceeded"}, 400,
                 "context_length_exceeded"),
                (flat, 429, "rate_limit_exceeded")):
            self.upstream.streams["/v1/responses"] = (
                'data: {"type":"response.created"}\n\n'
                f"event: {event['type']}\ndata: {json.dumps(event)}\n\n")
            got, raw = self.raw_post("/v1/responses", {
                "model": "m", "input": "hello", "stream": True})
            self.assertEqual((got, json.loads(raw)["error"]["code"]),
                             (status, code), raw)

    def test_messages_pass_untouched(self):
        status, raw = self.raw_post("/v1/messages", {
            "model": "m", "max_tokens": 5, "stream": True,
            "messages": [{"role": "user", "content": "hello"}]})
        self.assertEqual((status, raw), (200, MESSAGES))

    def test_betas_may_stand_in_several_headers(self):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port)
        self.addCleanup(c.close)
        body = json.dumps(chat("m", max_tokens=5, stream=True))
        c.putrequest("POST", "/v1/messages")
        for name, value in (("content-type", "application/json"),
                            ("content-length", str(len(body))),
                            ("anthropic-beta", "a-1"),
                            ("Anthropic-Beta", "b-2, c-3")):
            c.putheader(name, value)
        c.endheaders(body.encode())
        self.assertEqual(c.getresponse().status, 200)
        sent = {k.lower(): v for k, v in self.upstream.asked[-1][1].items()}
        self.assertEqual(sent["anthropic-beta"], "a-1,b-2, c-3")

    def test_anthropics_sdks_find_their_headers(self):
        body = chat("m", max_tokens=5, stream=True)
        for beta in ("context-1m-2025-08-07,files-api-2025-04-14", None):
            _, headers, _ = self.gateway.post(
                "/v1/messages?beta=true", body,
                {"anthropic-beta": beta} if beta else {})
            self.assertEqual(headers["request-id"], headers["x-request-id"])
            sent = {k.lower(): v for k, v in self.upstream.asked[-1][1].items()}
            self.assertEqual(sent.get("anthropic-beta"), beta)
        _, headers, _ = self.gateway.post("/v1/responses", {
            "model": "m", "input": "hello", "stream": True},
            {"anthropic-beta": "x"})
        self.assertNotIn("request-id", headers)
        self.assertNotIn("anthropic-beta", str(self.upstream.asked[-1][1]))

    def test_errors_have_the_dialects_shape(self):
        status, raw = self.raw_post("/v1/messages", {
            "model": "nope", "max_tokens": 5, "messages": []})
        self.assertIn(status, (400, 404))
        self.assertEqual(json.loads(raw)["type"], "error")

    def test_hosted_ones_that_speak_responses(self):
        for adapter in ("openai", "groq", "huggingface"):
            g = Gateway(conf([backend("one", self.upstream.port,
                                      adapter=adapter)]))
            status, _, body = g.post("/v1/responses", {
                "model": "m", "input": "hello", "stream": True})
            self.assertEqual((status, body), (200, RESPONSES))
            self.assertEqual(g.stop(), 0)

    def test_only_backends_that_speak_it(self):
        fake = Fake()
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("plain", fake.port, 'translate = "never";',
                                  adapter="cerebras")]))
        status, _, body = g.post("/v1/messages", {
            "model": "m", "max_tokens": 5,
            "messages": [{"role": "user", "content": "x"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}]})
        self.assertEqual(status, 400, body)
        self.assertIn("(messages, tools)", body["error"]["message"])
        self.assertEqual(g.stop(), 0)


class Names(unittest.TestCase):
    def test_a_wildcard_passes_any_name_on(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(
            f'backends = ( {backend("any", fake.port)} );\n'
            'models = ( { name = "known"; serve = ( { backend = "any"; '
            'model = "fake-model"; } ); }, { name = "*"; serve = ( '
            '{ backend = "any"; model = "*"; } ); } );\n')
        _, headers, _ = g.chat(chat("org/some:7b"))
        self.assertEqual(headers["x-pointsman-backend"], "any")
        self.assertEqual(headers["x-pointsman-model"], "org/some:7b")
        _, headers, _ = g.chat(chat("known"))
        self.assertEqual(headers["x-pointsman-model"], "fake-model")
        self.assertEqual(g.stop(), 0)

    def test_a_star_passes_on_what_it_stands_for(self):
        stub = Stub(lambda r: (200, {}, {
            "choices": [{"index": 0, "finish_reason": "stop", "message": {
                "role": "assistant", "content": "x"}}],
            "model": json.loads(r.body or b"{}").get("model")}))
        self.addCleanup(stub.stop)
        g = Gateway(
            f'backends = ( {backend("any", stub.port, adapter="openai")} );\n'
            'models = ( { name = "open/*"; aliases = [ "gpt-*" ]; serve = ( {'
            ' backend = "any"; model = "*"; } ); }, { name = "claude-*"; '
            'serve = ( { backend = "any"; model = "anthropic/claude-*"; } ); '
            '} );\n')
        for asked, sent in (("open/gpt-5", "gpt-5"), ("gpt-5", "gpt-5"),
                            ("open/a/b:8b", "a/b:8b"),
                            ("claude-5", "anthropic/claude-5")):
            _, headers, body = g.chat(chat(asked))
            self.assertEqual(body["model"], sent)
            self.assertEqual(headers["x-pointsman-model"], sent)
        status, _, body = g.chat(chat("o1"))
        self.assertEqual((status, body["error"]["code"]),
                         (404, "model_not_found"))
        self.assertIn('model="open/*"', g.metrics())
        self.assertNotIn("gpt-5", g.metrics())
        self.assertEqual(g.stop(), 0)

    def test_default_model_is_what_an_unknown_name_means(self):
        fake = Fake("--tokens", "2")
        self.addCleanup(fake.stop)
        g = Gateway(conf([backend("one", fake.port)],
                         'default_model = "m";\n'))
        for model in ("gpt-4o", None):
            self.assertEqual(g.chat(chat(model))[0], 200)
        self.assertEqual(g.stop(), 0)


class UnixSockets(unittest.TestCase):
    @staticmethod
    def reach(path):
        """It is there before anybody listens."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        try:
            s.connect(path)
        except OSError:
            s.close()
            return None
        return s

    def test_both_ways(self):
        with tempfile.TemporaryDirectory() as folder:
            admin = os.path.join(folder, "admin.sock")
            fake = Fake("--tokens", "2")
            self.addCleanup(fake.stop)
            data = os.path.join(folder, "gw.sock")
            g = Gateway(conf([backend("one", fake.port)]), wait=False,
                        listen=f'listen = {{ path = "{data}"; }};\n'
                               f'admin = {{ path = "{admin}"; }};\n')
            s = wait_for(lambda: self.reach(data), what="its socket")
            body = json.dumps(chat("m", stream=True)).encode()
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
                      b"connection: close\r\ncontent-length: %d\r\n\r\n"
                      % len(body) + body)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            s.close()
            self.assertIn(b"data: [DONE]", got)
            self.assertEqual(g.stop(), 0)
            self.assertFalse(os.path.exists(data))


if __name__ == "__main__":
    unittest.main()
