"""Where a request goes is not the client's to say, and a header's value stays
one header's value, in either direction."""
import json
import os
import re
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (POINTSMAN, Gateway, Stub, backend,  # noqa: E402
                     chat, conf)

GOOD = (b'{"choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"hi"}}]}')


class Recorder:
    """A backend that keeps every byte that it is sent; answers with `head` and
    a good body."""

    def __init__(self):
        self.heads, self.bodies, self.connections = [], [], 0
        self.status, self.extra, self.body = b"200 OK", b"", GOOD
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s = self.socket.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                part = s.recv(65536)
                if not part:
                    return s.close()
                data += part
            head, _, data = data.partition(b"\r\n\r\n")
            n = re.search(rb"content-length: *(\d+)", head, re.I)
            want = int(n[1]) if n else 0
            while len(data) < want:
                data += s.recv(65536)
            if head.startswith(b"POST"):
                self.heads.append(head)
                self.bodies.append(data[:want])
            data = data[want:]
            s.sendall(b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%s"
                      b"content-length: %d\r\n\r\n%s"
                      % (self.status, self.extra, len(self.body), self.body))

    def close(self):
        self.socket.close()


def raw(port, data, seconds=5):
    """All that comes back until the other side closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.sendall(data)
        s.settimeout(1)
        got = b""
        try:
            while part := s.recv(65536):
                got += part
        except (TimeoutError, ConnectionResetError):
            pass
        return got


class Wire(unittest.TestCase):
    BODY = json.dumps(chat("m")).encode()

    def setUp(self):
        self.backend, self.evil = Recorder(), Recorder()
        self.gateway = Gateway(
            conf([backend("one", self.backend.port,
                          'probe_interval = "0s"; '
                          'api_key = "env:WIRE_TEST_PROVIDER";')],
                 'cors_origins = [ "https://app.example" ];\n'
                 'tenants = ( { name = "t"; keys = [ "env:WIRE_TEST_KEY" ]; '
                 '} );\n').replace(
                     'models = (', 'models = ( { name = "*"; serve = ( { '
                     'backend = "one"; model = "*"; } ); },', 1),
            env={"WIRE_TEST_KEY": "wire-key", "WIRE_TEST_PROVIDER": "sk-own"})

    def tearDown(self):
        self.assertEqual(self.gateway.stop(), 0)
        self.backend.close()
        self.evil.close()

    def send(self, headers, target=b"/v1/chat/completions", body=None,
             host=b"host: gateway.example\r\n", method=b"POST"):
        body = self.BODY if body is None else body
        return raw(self.gateway.port, b"%s %s HTTP/1.1\r\n%s"
                   b"authorization: Bearer wire-key\r\nconnection: close\r\n"
                   b"content-type: application/json\r\n%s"
                   b"content-length: %d\r\n\r\n%s"
                   % (method, target, host, headers, len(body), body))

    # --- where it goes ---

    def test_no_header_says_where_a_request_goes(self):
        evil = b"127.0.0.1:%d" % self.evil.port
        for name in (b"x-forwarded-host", b"x-forwarded-server", b"x-host",
                     b"forwarded", b"x-original-url", b"x-rewrite-url",
                     b"x-forwarded-for", b"x-real-ip", b"x-base-url",
                     b"x-portkey-custom-host", b"destination", b"proxy",
                     b"x-forwarded-proto", b"x-upstream", b"via"):
            got = self.send(name + b": http://" + evil + b"/v1\r\n")
            self.assertTrue(got.startswith(b"HTTP/1.1 200"), (name, got))
        got = self.send(b"", host=b"host: " + evil + b"\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
        for head in self.backend.heads:
            self.assertIn(b"host: 127.0.0.1:%d\r\n" % self.backend.port,
                          head.lower() + b"\r\n")
            self.assertNotIn(evil, head)
        self.assertEqual(len(self.backend.heads), 16)
        self.assertEqual(self.evil.connections, 0)

    def test_no_target_says_so_either(self):
        evil = b"127.0.0.1:%d" % self.evil.port
        for target in (b"http://" + evil + b"/v1/chat/completions",
                       b"//" + evil + b"/v1/chat/completions",
                       b"/v1/../../" + evil + b"/v1/chat/completions",
                       b"/v1/chat/completions@" + evil,
                       b"@" + evil + b"/v1/chat/completions"):
            got = self.send(b"", target)
            self.assertRegex(got, rb"^HTTP/1.1 4\d\d ", target)
        got = self.send(b"", evil, method=b"CONNECT")
        self.assertRegex(got, rb"^HTTP/1.1 [45]\d\d ")
        got = self.send(b"", b"/v1/chat/completions?base_url=http://" + evil)
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
        self.assertTrue(self.backend.heads[-1].startswith(
            b"POST /v1/chat/completions HTTP/1.1\r\n"))
        self.assertEqual(self.evil.connections, 0)

    def test_nor_does_a_redirect(self):
        self.backend.status = b"307 Temporary Redirect"
        self.backend.extra = (b"location: http://127.0.0.1:%d/v1/chat/"
                              b"completions\r\n" % self.evil.port)
        got = self.send(b"")
        self.assertRegex(got, rb"^HTTP/1.1 5\d\d ")
        self.assertNotIn(b"location", got.lower())
        self.assertEqual(self.evil.connections, 0)

    def test_nor_does_a_body(self):
        evil = "http://127.0.0.1:%d/v1" % self.evil.port
        for more in ({"base_url": evil}, {"api_base": evil},
                     {"extra_headers": {"host": evil}}, {"url": evil}):
            got = self.send(b"", body=json.dumps(chat("m", **more)).encode())
            self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
        got = self.send(b"", body=json.dumps(chat(evil)).encode())
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
        self.assertEqual(json.loads(self.backend.bodies[-1])["model"], evil)
        self.assertEqual(self.evil.connections, 0)

    # --- one value stays one value ---

    ENDS = (b"\r\n", b"\n", b"\r", b"\0", b"\r\n ", b"\n\t", b"\x0b",
            b"%0d%0a")

    def test_nothing_is_put_into_what_a_backend_is_sent(self):
        for end in self.ENDS:
            for name in (b"idempotency-key", b"x-slo-class", b"user-agent",
                         b"openai-beta", b"anthropic-version"):
                self.send(name + b": a" + end + b"x-evil: 1\r\n")
        for path in (b"/v1/chat/completions%0d%0ax-evil:%201",
                     b"/v1/chat/completions?a=%0d%0ax-evil:%201",
                     b"/v1/chat/completions?a=\rx-evil: 1"):
            self.send(b"", path)
        self.assertGreater(len(self.backend.heads), 0)
        for head in self.backend.heads:
            for line in re.split(rb"[\r\n]+", head):
                self.assertFalse(line.strip().lower().startswith(b"x-evil"),
                                 head)
            self.assertNotIn(b"\0", head)
            self.assertEqual(head.count(b"\n"), head.count(b"\r\n"))

    def no_header_of_ours(self, got):
        head = got.partition(b"\r\n\r\n")[0]
        self.assertTrue(head.startswith(b"HTTP/1.1 "), got[:200])
        for line in re.split(rb"[\r\n]+", head):
            self.assertFalse(line.strip().lower().startswith(
                (b"x-evil", b"set-cookie")), head)
        self.assertNotIn(b"\0", head)

    def test_nothing_is_put_into_what_a_client_is_sent(self):
        for name in ("m\r\nx-evil: 1", "m\nset-cookie: a=b",
                     "m\0\r\nx-evil: 1", "m\rx-evil: 1",
                     "m\r\n\r\nx-evil: 1", "\u2028x-evil: 1"):
            body = json.dumps(chat(name)).encode()
            self.no_header_of_ours(self.send(b"", body=body))
        for end in self.ENDS:
            got = self.send(
                b"origin: https://app.example\r\n"
                b"access-control-request-method: POST\r\n"
                b"access-control-request-headers: a" + end + b"x-evil: 1\r\n",
                method=b"OPTIONS", body=b"")
            self.no_header_of_ours(got)
            got = self.send(b"x-request-id: a" + end + b"x-evil: 1\r\n")
            self.no_header_of_ours(got)

    def test_headers_of_a_backend_stay_there(self):
        extras = (
            b"set-cookie: a=b\r\n", b"x-evil: 1\r\n",
            b"x-request-id: a\rset-cookie: a=b\r\n",
            b"x-served-by: 5\nset-cookie: a=b\r\n",
            b"content-type: application/json\rx-evil: 1\r\n",
            b"server: evil\r\naccess-control-allow-origin: *\r\n",
            b"strict-transport-security: max-age=1\r\n",
            b"retry-after: 1\rx-evil: 1\r\n")
        answers = [(status, extra) for extra in extras
                   for status in (b"200 OK", b"400 Bad\rx-evil: 1")]
        answers.append((b"429 Too Many", extras[-1]))
        for self.backend.status, self.backend.extra in answers:
            got = self.send(b"")
            self.no_header_of_ours(got)
            self.assertNotIn(b"access-control-allow-origin", got.lower())
            self.assertNotIn(b"strict-transport", got.lower())
        self.assertEqual(len(self.backend.heads), len(answers))

    def test_a_log_line_stays_one_line(self):
        forged = "\nlevel=error forged=yes\r\ntime=now forged=yes"
        self.backend.status = b"500 Oops"
        self.backend.body = json.dumps(
            {"error": {"message": forged, "type": forged}}).encode()
        self.send(b"")
        self.send(b"x-slo-class: a%0alevel=error forged=yes\r\n",
                  body=json.dumps(chat("m" + forged, user=forged)).encode())
        self.send(b"", b"/v1/%0alevel=error%20forged=yes")
        for line in self.gateway.log().splitlines():
            self.assertFalse(line.startswith(("level=error", "time=now")),
                             line)


class Terminal(unittest.TestCase):
    """What a model says is shown to a person, and commands nothing."""
    SAID = "a\x1b]52;c;ZWV2aWw=\x07\x9b2Jb\u00e9\tc\n"

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, {"data": []}
        if b"refuse" in request.body:
            return 400, {}, {"error": {"message": self.SAID, "code": "x"}}
        event = json.dumps({"choices": [{"index": 0, "delta": {
            "content": self.SAID}, "finish_reason": "stop"}]})
        return (200, {"content-type": "text/event-stream"},
                f"data: {event}\n\ndata: [DONE]\n\n")

    def ask(self, question, terminal):
        """What is printed, on either."""
        read, write = os.openpty() if terminal else os.pipe()
        p = subprocess.run(
            [POINTSMAN, "ask", "-u", f"http://127.0.0.1:{self.gateway.port}"
             "/v1", question], stdout=write, stderr=write, timeout=20)
        os.close(write)
        text = b""
        try:
            while part := os.read(read, 65536):
                text += part
        except OSError:  # a terminal without an other end
            pass
        os.close(read)
        return p.returncode, text.decode()

    def test_a_models_words_are_no_commands(self):
        stub = Stub(self.answer)
        self.addCleanup(stub.stop)
        self.gateway = Gateway(conf([backend("one", stub.port)],
                                    'default_model = "m";\n'))
        self.addCleanup(lambda: self.assertEqual(self.gateway.stop(), 0))
        code, text = self.ask("hi", True)
        self.assertEqual((code, text[:24]),
                         (0, "a?]52;c;ZWV2aWw=???2Jb\u00e9\t"))
        self.assertNotRegex(text, "[\x1b\x9b]")
        self.assertIn(self.SAID, self.ask("hi", False)[1])
        code, text = self.ask("refuse", True)
        self.assertEqual(code, 1)
        self.assertIn("a?]52;c;ZWV2aWw=???2Jb\u00e9", text)
        self.assertNotRegex(text, "[\x1b\x9b]")


if __name__ == "__main__":
    unittest.main()
