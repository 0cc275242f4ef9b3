"""GET /v1/realtime: sessions over WebSocket, with a backend that the router
chose; what is refused, what fails over, and how a session ends."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import websocket  # noqa: E402
from harness import (Gateway, backend, conf, http_json,  # noqa: E402
                     wait_for)
from websocket import BINARY, CLOSE, Refused, Server, connect  # noqa: E402

KEY = 'api_key = "env:UP_KEY";'
TENANT = 'tenants = ( { name = "acme"; keys = [ "env:ACME" ]; %s } );\n'


def says(status, body, extra=""):
    body = json.dumps(body)
    return (f"HTTP/1.1 {status} No\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{extra}\r\n{body}").encode()


def refuses(status, code="no", extra=""):
    error = {"error": {"message": "no", "type": "t", "code": code}}
    return lambda headers: says(status, error, extra)


def echo(peer):
    while (got := peer.recv()) is not None:
        if got[0] == CLOSE:
            peer.close()
            return
        peer.send(got[1], got[0])


class Case(unittest.TestCase):
    def server(self, *args, **named):
        s = Server(*args, **named)
        self.addCleanup(s.stop)
        return s

    def gate(self, *servers, extra="", more="", models=None, cached=1.0):
        """Backends b0, b1, ... and the model m on all of them, tried in that
        order; or models m0, m1, ... on those named."""
        rows = [backend(f"b{i}", s if isinstance(s, int) else s.port,
                        KEY + more, "openai")
                for i, s in enumerate(servers)]
        text = conf(rows, 'policy = "observe";\n' + extra).replace(
            "price = {", f"price = {{ cached = {cached};")
        for i, names in enumerate(models or []):
            serve = ", ".join(f'{{ backend = "{n}"; model = "x"; }}'
                              for n in names)
            text = text.replace("models = (", "models = ( { "
                                f'name = "m{i}"; serve = ( {serve} ); }},')
        g = Gateway(text, env={"UP_KEY": "sk-upstream", "ACME": "sk-acme"})
        self.addCleanup(g.stop)
        return g

    def dial(self, g, path="/v1/realtime?model=m", **named):
        c = connect(g.port, path, **named)
        self.addCleanup(c.end)
        return c

    def refused(self, g, path="/v1/realtime?model=m", **headers):
        with self.assertRaises(Refused) as caught:
            self.dial(g, path, headers={
                n.replace("_", "-"): v for n, v in headers.items()})
        return caught.exception

    def begun(self, c):
        self.assertEqual(c.event()["type"], "session.created")
        return c

    def outcome(self, g, c):
        """Of a session that is over."""
        path = "/admin/v1/receipts/" + c.headers["x-pointsman-receipt"]

        def look():
            status, _, doc = http_json(g.admin, "GET", path)
            return status == 200 and doc["outcome"]
        return wait_for(look, what="the receipt")

    def in_flight(self, g):
        return sum(s["in_flight"] for b in g.backends().values()
                   for s in b["servings"])


class Sessions(Case):
    def test_one_from_its_handshake_to_its_receipt(self):
        s = self.server()
        g = self.gate(s)
        c = self.begun(self.dial(g))
        self.assertEqual(c.headers["x-pointsman-backend"], "b0")
        wait_for(lambda: self.in_flight(g) == 1, what="a place taken")
        for _ in range(2):
            c.send({"type": "response.create"})
            types = [c.event()["type"] for _ in range(4)]
            self.assertEqual(types[-1], "response.done")
        c.close()
        self.assertIsNone(c.event())
        self.assertEqual(c.closed, 1000)
        self.assertIsNone(c.recv())
        o = self.outcome(g, c)
        self.assertEqual((o["result"], o["status"]), ("ok", 101), o)
        self.assertEqual(o["usage"]["input"], 40, o)
        self.assertEqual(o["usage"]["output"], 20, o)
        self.assertAlmostEqual(o["cost_usd"], 60e-6, 9)
        self.assertGreater(o["phases"]["ttft_ms"], 0, o)
        self.assertEqual(self.in_flight(g), 0)
        line, = [x for x in g.log().splitlines() if "session_end" in x]
        self.assertIn("answers=2 untold=0 audio_input=24 audio_output=14",
                      line)
        asked, sent = s.asked[0]
        self.assertEqual(asked.split()[1], "/v1/realtime?model=fake-model")
        self.assertEqual(sent["authorization"], "Bearer sk-upstream")
        self.assertNotIn("sec-websocket-extensions", sent)
        self.assertNotIn("sec-websocket-protocol", sent)
        self.assertNotIn("content-type", sent)

    def test_frames_of_all_sizes_pass_unchanged(self):
        g = self.gate(self.server(echo))
        c = self.dial(g)
        for n in (0, 1, 125, 126, 65535, 65536, 3 << 20):
            payload = os.urandom(n)
            threading.Thread(target=c.send, args=(payload, BINARY),
                             daemon=True).start()
            self.assertEqual(c.recv(), (BINARY, payload))
        c.close()
        self.assertEqual(c.recv()[0], CLOSE)

    def test_a_page_has_its_key_among_the_subprotocols(self):
        s = self.server()
        g = self.gate(s, extra=TENANT % "")
        secret = "openai-insecure-api-key.sk-acme"
        c = self.begun(self.dial(g, headers={
            "sec-websocket-protocol":
                f"realtime, {secret}, openai-beta.realtime-v1"}))
        self.assertEqual(c.headers["sec-websocket-protocol"], "realtime")
        c.close()
        self.assertIsNone(c.event())
        sent = s.asked[0][1]
        self.assertEqual(sent["sec-websocket-protocol"], "realtime")
        self.assertEqual(sent["openai-beta"], "realtime=v1")
        self.assertNotIn("sk-acme", str(sent))
        wait_for(lambda: "session_end" in g.log(), what="the end")
        self.assertNotIn("sk-acme", g.log())
        e = self.refused(g, sec_websocket_protocol="realtime, "
                         "openai-insecure-api-key.sk-wrong")
        self.assertEqual((e.status, e.body["error"]["code"]),
                         (401, "invalid_api_key"))
        self.assertEqual(self.refused(g).status, 401)
        self.assertEqual(len(s.asked), 1)

    def test_azure_calls_it_a_deployment(self):
        g = self.gate(self.server())
        self.begun(self.dial(g, "/openai/realtime?api-version=1&deployment=m",
                             headers={"api-key": "any"}))


    def test_through_a_proxy(self):
        s = self.server()
        asked = []

        def relay(a, b):
            try:
                while (some := a.recv(65536)):
                    b.sendall(some)
                b.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        def serve(listener):
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                file = sock.makefile("rb", buffering=0)
                asked.append(websocket.read_head(file)[0])
                up = socket.create_connection(("127.0.0.1", s.port))
                sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                for ends in ((sock, up), (up, sock)):
                    threading.Thread(target=relay, args=ends,
                                     daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        row = backend("b", 80, KEY, "openai").replace(
            "127.0.0.1:80", "voice.test")
        g = Gateway(conf([row]), env={
            "UP_KEY": "k", "no_proxy": "", "http_proxy":
            f"http://127.0.0.1:{listener.getsockname()[1]}"})
        self.addCleanup(g.stop)
        c = self.begun(self.dial(g))
        c.send({"type": "response.create"})
        self.assertEqual(c.event()["type"], "response.created")
        self.assertIn("CONNECT voice.test:80 HTTP/1.1", asked)


class Refusals(Case):
    def test_what_is_no_handshake(self):
        s = self.server()
        g = self.gate(s)
        for headers, status, word in (
                ({"upgrade": None}, 426, "Upgrade"),
                ({"connection": "close"}, 426, "Upgrade"),
                ({"sec_websocket_version": "12"}, 400,
                 "Sec-WebSocket-Version"),
                ({"sec_websocket_key": "short"}, 400, "Sec-WebSocket-Key"),
                ({"sec_websocket_key": None}, 400, "Sec-WebSocket-Key")):
            e = self.refused(g, **headers)
            self.assertEqual(e.status, status, headers)
            self.assertIn(word, e.body["error"]["message"])
            self.assertEqual(e.headers["sec-websocket-version"], "13")
        self.assertEqual(self.refused(g, "/v1/realtime?model=x").status, 404)
        e = self.refused(g, "/v1/realtime")
        self.assertEqual(e.status, 400, e.body)
        e = self.refused(g, "/v1/realtime?model=a%00b")
        self.assertEqual((e.status, e.body["error"]["param"]),
                         (400, "model"))
        status, headers, _ = g.post("/v1/realtime?model=m", {})
        self.assertEqual((status, headers["allow"]), (405, "GET, OPTIONS"))
        with socket.create_connection(("127.0.0.1", g.port), 5) as old:
            old.sendall(b"GET /v1/realtime?model=m HTTP/1.0\r\n"
                        b"connection: upgrade\r\nupgrade: websocket\r\n"
                        b"sec-websocket-version: 13\r\n"
                        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            self.assertIn(b" 426 ", old.recv(4096))
        self.assertEqual(s.asked, [])

    def test_a_page_of_another_origin_reaches_no_open_gateway(self):
        s = self.server()
        e = self.refused(self.gate(s), origin="https://evil.example")
        self.assertEqual(e.status, 403)
        self.assertEqual(s.asked, [])

    def test_a_serving_without_the_ability_is_not_asked(self):
        s = self.server()
        g = Gateway(conf([backend("b", s.port)]))
        self.addCleanup(g.stop)
        e = self.refused(g)
        self.assertEqual(e.status, 400)
        self.assertIn("(realtime)", e.body["error"]["message"])
        self.assertEqual(s.asked, [])

    def test_limits_hold_as_long_as_a_session(self):
        g = self.gate(self.server(),
                      extra=TENANT % "limits = { concurrent = 1; };")
        auth = {"authorization": "Bearer sk-acme"}
        c = self.begun(self.dial(g, headers=auth))
        self.assertEqual(self.refused(g, **auth).status, 429)
        c.end()

        def again():
            try:
                return self.begun(self.dial(g, headers=auth))
            except Refused:
                return None
        wait_for(again, what="the place to be given back")


class Spending(Case):
    AUTH = {"authorization": "Bearer sk-acme"}

    @staticmethod
    def half(peer):
        """Behind each answer comes, in the same packet, half a frame."""
        peer.send({"type": "session.created"})
        while peer.event() is not None:
            done = {"type": "response.done", "response": {
                "usage": websocket.USAGE}}
            peer.sock.sendall(websocket.frame(json.dumps(done))
                              + websocket.frame("x" * 1000)[:500])

    def answer(self, c):
        c.send({"type": "response.create"})
        while (event := c.event())["type"] != "response.done":
            pass
        return event

    def test_limits_hear_of_answers_and_not_of_sessions(self):
        g = self.gate(self.server(), self.server(self.half), models=[
            ("b0",), ("b1",)], extra=TENANT % "limits = { daily_budget = "
            "0.00005; tokens_per_minute = 60; };")
        first, second = (self.begun(self.dial(
            g, f"/v1/realtime?model=m{i}", headers=self.AUTH))
            for i in range(2))
        self.answer(first)
        # its 30 tokens are half a minute's, and it still goes on
        chat = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        status, _, doc = g.post("/v1/chat/completions", chat, self.AUTH)
        self.assertEqual((status, doc["error"].get("type")), (429, "tokens"))
        self.answer(second)
        said = second.event()
        self.assertEqual((said["type"], said["error"]["code"]),
                         ("error", "insufficient_quota"), said)
        self.assertTrue(said["event_id"].startswith("event_"), said)
        self.assertIn("tenant acme, 5e-05 USD a day", said["error"]["message"])
        self.assertIsNone(second.event())
        self.assertEqual((second.closed, second.words), (
            1008, "insufficient_quota: daily_budget is spent"))
        self.assertIsNone(second.recv())
        e = self.refused(g, **self.AUTH)
        self.assertEqual((e.status, e.body["error"]["code"]),
                         (429, "insufficient_quota"))
        # another one that is under way, after the answer that it is at
        self.answer(first)
        self.assertEqual(first.event()["type"], "error")
        self.assertIsNone(first.event())
        self.assertEqual(first.closed, 1008)
        for c, answers in ((first, 2), (second, 1)):
            o = self.outcome(g, c)
            self.assertEqual((o["result"], o["reason"]),
                             ("ok", "daily_budget"), o)
            self.assertEqual(o["usage"]["input"], 20 * answers, o)
            self.assertAlmostEqual(o["cost_usd"], 30e-6 * answers, 9)

    def test_of_an_answer_that_tells_nothing_the_others_are_charged(self):
        def talk(peer):
            peer.send({"type": "session.created"})
            for usage in (websocket.USAGE, None):
                peer.event()
                peer.send({"type": "response.done",
                           "response": {"usage": usage}})
            peer.recv()
            peer.close()

        def spent():
            return http_json(g.admin, "GET", "/admin/v1/tenants")[2][
                "tenants"][0]["spent_today_usd"]
        g = self.gate(self.server(talk), cached=0.5, extra=TENANT % (
            "limits = { daily_budget = 0.00003; };"))
        c = self.begun(self.dial(g, headers=self.AUTH))
        for _ in range(2):
            self.answer(c)
            self.assertAlmostEqual(spent(), 28e-6, 12)
        c.close()
        self.assertIsNone(c.event())
        self.assertEqual(c.closed, 1000)
        o = self.outcome(g, c)
        self.assertEqual((o["usage"], o["cost_usd"]), (None, None), o)
        self.assertAlmostEqual(spent(), 28e-6, 12)


class Failover(Case):
    def test_before_the_client_hears_anything(self):
        bad = [refuses(500), refuses(429), refuses(401, "invalid_api_key"),
               refuses(404, "model_not_found"),
               lambda h: b"HTTP/1.1 101 Yes\r\nupgrade: websocket\r\n"
                         b"connection: upgrade\r\n"
                         b"sec-websocket-accept: AAAA\r\n\r\n",
               lambda h: ("HTTP/1.1 101 Yes\r\nsec-websocket-accept: "
                          + websocket.accept_of(h["sec-websocket-key"])
                          + "\r\nsec-websocket-extensions: "
                          "permessage-deflate\r\n\r\n").encode(),
               lambda h: says(200, {}), lambda h: b"SSH-2.0-x\r\n\r\n",
               lambda h: b"HTTP/1.1 101 Y", lambda h: b"",
               lambda h: b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n"
                         b"transfer-encoding: chunked\r\n\r\n"
                         b"2\r\n{}\r\n0\r\n\r\n"]
        good = self.server()
        first = [self.server(refuse=refuse) for refuse in bad]
        g = self.gate(good, *first, models=[
            (f"b{i + 1}", "b0") for i in range(len(bad))])
        for i, s in enumerate(first):
            c = self.begun(self.dial(g, f"/v1/realtime?model=m{i}"))
            self.assertEqual(c.headers["x-pointsman-backend"], "b0", i)
            self.assertEqual(c.headers["x-pointsman-attempts"], "2", i)
            self.assertEqual(len(s.asked), 1)

    def test_what_one_has_said_does_not_count_for_the_next(self):
        def half(headers):
            return ("HTTP/1.1 101 Yes\r\nsec-websocket-accept: "
                    + websocket.accept_of(headers["sec-websocket-key"])
                    + "\r\n").encode()
        g = self.gate(self.server(refuse=half), self.server(
            refuse=lambda headers: b"HTTP/1.1 101 Yes\r\n\r\n"))
        self.assertEqual(self.refused(g).status, 502)

    def test_a_dead_or_a_silent_one(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        for port in (1, silent.getsockname()[1]):
            g = self.gate(port, self.server(), more='timeouts = { '
                          'ttft = "300ms"; };')
            c = self.begun(self.dial(g))
            self.assertEqual(c.headers["x-pointsman-backend"], "b1")

    def test_what_nobody_can_do_is_told_as_to_any_request(self):
        g = self.gate(self.server(refuse=refuses(429)))
        e = self.refused(g)
        self.assertEqual(e.status, 429, e.body)
        g = self.gate(self.server(refuse=refuses(500)),
                      self.server(refuse=refuses(503)))
        self.assertEqual(self.refused(g).status, 502)
        said = {"error": {"message": "you have no right to it",
                          "type": "invalid_request_error", "code": "odd"}}
        g = self.gate(self.server(refuse=lambda h: says(409, said)),
                      self.server())
        e = self.refused(g)
        self.assertEqual((e.status, e.body["error"]["code"]), (409, "odd"))

    def test_a_chunked_refusal_is_read(self):
        body = json.dumps({"error": {"message": "no such thing",
                                     "type": "t", "code": "odd"}})
        half = len(body) // 2
        answer = ("HTTP/1.1 409 No\r\ncontent-type: application/json\r\n"
                  "transfer-encoding: chunked\r\n\r\n"
                  f"{half:x};a=b\r\n{body[:half]}\r\n"
                  f"{len(body) - half:X}\r\n{body[half:]}\r\n0\r\n\r\n")
        g = self.gate(self.server(refuse=lambda h: answer.encode()))
        self.assertEqual(self.refused(g).body["error"]["code"], "odd")


class Ends(Case):
    def test_the_client_leaves_and_its_backend_hears_at_once(self):
        ended = threading.Event()

        def talk(peer):
            peer.send({"type": "session.created"})
            while peer.recv() is not None:
                pass
            ended.set()
        g = self.gate(self.server(talk))
        c = self.begun(self.dial(g))
        c.end()
        self.assertTrue(ended.wait(2))
        self.assertEqual(self.outcome(g, c)["result"], "client_gone")
        self.assertEqual(self.in_flight(g), 0)

    def test_the_backend_dies(self):
        def talk(peer):
            peer.send({"type": "session.created"})
            peer.recv()
        g = self.gate(self.server(talk))
        c = self.begun(self.dial(g))
        c.send({})
        self.assertIsNone(c.event())
        self.assertEqual(c.closed, 1011)
        self.assertIsNone(c.recv())
        o = self.outcome(g, c)
        self.assertEqual((o["result"], o["fault"]), ("broken", "cut"), o)

    def test_who_has_said_goodbye_is_not_waited_for(self):
        held = threading.Event()
        self.addCleanup(held.set)

        def talk(peer):
            peer.send({"type": "session.created"})
            first = peer.recv()[0]
            peer.close()
            if first != CLOSE:
                self.assertEqual(peer.recv()[0], CLOSE)
            held.wait(20)
        g = self.gate(self.server(talk))
        one, other = (self.begun(self.dial(g)) for _ in range(2))
        one.close()
        other.send({})  # here the backend closes first
        for c in (one, other):
            self.assertIsNone(c.event())
            self.assertEqual(c.closed, 1000)
        other.close()
        for c in (one, other):
            c.sock.settimeout(5)
            self.assertIsNone(c.recv())
            self.assertEqual(self.outcome(g, c)["result"], "ok")
        self.assertEqual(g.log().count("reason=closed"), 2)

    def test_in_the_middle_of_a_frame_nothing_is_put_in(self):
        def talk(peer):
            peer.send({"type": "session.created"})
            peer.recv()
            peer.sock.sendall(websocket.frame("x" * 1000)[:500])
        g = self.gate(self.server(talk))
        c = self.begun(self.dial(g))
        c.send({})
        self.assertEqual(len(c.file.read()), 500)

    def test_a_giant_frame_is_only_counted(self):
        def talk(peer):
            peer.send({"type": "session.created"})
            peer.recv()
            peer.sock.sendall(b"\x81\x7f" + (1 << 62).to_bytes(8, "big"))
            for _ in range(64):
                peer.sock.sendall(bytes(1 << 16))
        g = self.gate(self.server(talk))
        c = self.begun(self.dial(g))
        c.send({})
        self.assertEqual(len(c.file.read()), 10 + (64 << 16))

    def test_whoever_does_not_read_holds_the_other_up(self):
        sent = {}

        def flood(sock, who):
            sock.settimeout(0.5)
            sent[who] = 0
            piece = websocket.frame(bytes(1 << 16), BINARY,
                                    mask=who == "client")
            try:
                while sent[who] < 256 << 20:
                    sock.sendall(piece)
                    sent[who] += len(piece)
            except OSError:
                full[who].set()
            full["client"].wait(10)

        full = {who: threading.Event() for who in ("client", "backend")}
        g = self.gate(self.server(lambda peer: flood(peer.sock, "backend")))
        c = self.dial(g)
        flood(c.sock, "client")
        self.assertTrue(full["backend"].wait(10))
        # what sockets hold, and 64 KiB or so of ours
        self.assertLess(sent["backend"], 32 << 20, sent)
        self.assertLess(sent["client"], 32 << 20, sent)
        self.assertGreater(min(sent.values()), 0, sent)

    def test_a_client_that_reads_nothing_is_let_go(self):
        def talk(peer):
            while True:
                peer.send(bytes(1 << 16), BINARY)
        g = self.gate(self.server(talk), extra='client_stall = "300ms";\n')
        c = self.dial(g)
        self.assertEqual(self.outcome(g, c)["result"], "client_gone")

    def test_limits_of_time(self):
        for setting, reason in (("session_limit", "session_limit"),
                                ("session_idle", "session_idle")):
            least = "1s" if setting == "session_limit" else "200ms"
            g = self.gate(self.server(), extra=f'{setting} = "{least}";\n')
            c = self.begun(self.dial(g))
            self.assertIsNone(c.event())
            self.assertEqual(c.closed, 1001)
            self.outcome(g, c)
            self.assertIn(f"reason={reason}", g.log())

    def test_what_was_said_while_we_were_stopped_counts(self):
        g = self.gate(self.server(echo), extra='session_idle = "400ms";\n')
        c = self.dial(g)
        g.send_signal(signal.SIGSTOP)
        c.send(b"x", BINARY)
        time.sleep(0.5)
        g.send_signal(signal.SIGCONT)
        self.assertEqual(c.recv(), (BINARY, b"x"))

    def test_a_process_that_stops_says_so(self):
        g = self.gate(self.server(), extra='drain_timeout = "300ms";\n')
        c = self.begun(self.dial(g))
        g.send_signal(15)
        self.assertIsNone(c.event())
        self.assertEqual(c.closed, 1001)

    def test_a_process_that_stops_waits_for_nobody_who_does_not_read(self):
        def talk(peer):
            while True:
                peer.send(bytes(1 << 16), BINARY)
        g = self.gate(self.server(talk), extra='drain_timeout = "0s";\n')
        for _ in range(3):
            self.dial(g)
        g.send_signal(15)
        self.assertEqual(g.process.wait(5), 0)

    def test_a_reload_and_a_drained_backend_leave_sessions_alone(self):
        g = self.gate(self.server(), self.server())
        c = self.begun(self.dial(g))
        status, _, _ = http_json(
            g.admin, "POST", "/admin/v1/backends/drain?backend=b0")
        self.assertEqual(status, 200)
        g.send_signal(1)
        wait_for(lambda: "reload" in g.log(), what="the reload")
        other = self.begun(self.dial(g))
        self.assertEqual(other.headers["x-pointsman-backend"], "b1")
        c.send({"type": "response.create"})
        self.assertEqual(c.event()["type"], "response.created")


class Tls(Case):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="pointsman-wss-")
        self.addCleanup(shutil.rmtree, folder)
        self.pem, self.key = (os.path.join(folder, n)
                              for n in ("pem", "key"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
             self.key, "-out", self.pem], check=True, capture_output=True,
            timeout=60)

    def secure(self, port, extra="", ca_file=True):
        """A gateway with one backend, behind TLS."""
        ca = f'ca_file = "{self.pem}";' if ca_file else ""
        row = (f'{{ name = "b"; adapter = "openai"; {KEY} {ca} '
               'timeouts = { connect = "30s"; }; '
               f'url = "https://127.0.0.1:{port}/v1"; '
               'price = { input = 0; output = 0; }; }')
        g = Gateway(conf([row], extra), env={"UP_KEY": "sk-upstream"})
        self.addCleanup(g.stop)
        return g

    def test_a_backend_behind_it(self):
        own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.load_cert_chain(self.pem, self.key)
        s = self.server(echo, context=own)
        g = self.secure(s.port)
        c = self.dial(g)
        for n in (5, 60000, 1 << 20):
            payload = os.urandom(n)
            threading.Thread(target=c.send, args=(payload, BINARY),
                             daemon=True).start()
            self.assertEqual(c.recv(), (BINARY, payload))
        c.close()
        self.assertEqual(c.recv()[0], CLOSE)
        self.assertIsNone(c.recv())
        self.assertEqual(self.outcome(g, c)["result"], "ok")
        # whoever cannot be verified hears nothing
        e = self.refused(self.secure(s.port, ca_file=False))
        self.assertIn(e.status, (502, 503))  # a probe may have been first
        self.assertEqual(len(s.asked), 1)

    def own_gate(self, talk, extra=""):
        """A gateway that ends TLS itself."""
        return self.gate(self.server(talk), extra=f'tls = {{ certificate = '
                         f'"{self.pem}"; key = "{self.key}"; }};\n' + extra)

    def own(self, talk, extra="", **named):
        """And its client."""
        g = self.own_gate(talk, extra)
        return g, self.dial(g, context=ssl.create_default_context(
            cafile=self.pem), **named)

    def test_a_client_behind_it(self):
        g, c = self.own(echo)
        for n in (0, 5, 16384, 60000, 3 << 20):
            payload = os.urandom(n)
            # neither side of Python's TLS may be used by two at a time
            c.send(payload, BINARY)
            self.assertEqual(c.recv(), (BINARY, payload))
        self.assertEqual(c.headers["upgrade"], "websocket")
        self.assertIn("x-request-id", c.headers)
        c.close()
        self.assertEqual(c.recv()[0], CLOSE)
        c.sock.suppress_ragged_eofs = False  # it ends in TLS's words
        self.assertIsNone(c.recv())
        self.assertEqual(self.outcome(g, c)["result"], "ok")
        self.assertEqual(self.in_flight(g), 0)

    def test_a_connection_that_was_used_before_is_as_quick(self):
        _, c = self.own(echo, after="/v1/models")
        took = []
        for _ in range(5):
            began = time.monotonic()
            c.send(b"x", BINARY)
            self.assertEqual(c.recv(), (BINARY, b"x"))
            took.append(time.monotonic() - began)
        self.assertLess(min(took), 0.15)  # what is corked waits for 200 ms

    def test_a_client_behind_it_leaves_or_does_not_read(self):
        ended = threading.Event()

        def wait(peer):
            peer.send({"type": "session.created"})
            while peer.recv() is not None:
                pass
            ended.set()

        def flood(peer):
            while True:
                peer.send(bytes(1 << 16), BINARY)
        g, c = self.own(wait)
        self.begun(c).end()
        self.assertTrue(ended.wait(2))
        self.assertEqual(self.outcome(g, c)["result"], "client_gone")
        g, c = self.own(flood, 'client_stall = "300ms";\n')
        self.assertEqual(self.outcome(g, c)["result"], "client_gone")
        self.assertEqual(self.in_flight(g), 0)

    def test_new_keys_repeat_nothing_of_what_waits(self):
        sent, enough = [], threading.Event()

        def talk(peer):
            while not enough.is_set():
                sent.append(len(sent).to_bytes(8, "big") * 8192)
                peer.send(sent[-1], BINARY)
            peer.close()
        g = self.own_gate(talk)
        client = subprocess.Popen(
            ["openssl", "s_client", "-tls1_3", "-quiet", "-no_ign_eof",
             "-connect", f"127.0.0.1:{g.port}"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.communicate)
        self.addCleanup(client.kill)
        client.stdin.write(
            b"GET /v1/realtime?model=m HTTP/1.1\r\nhost: localhost\r\n"
            b"connection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        client.stdin.flush()
        websocket.read_head(client.stdout)
        n = 0
        while n == 0 or n != len(sent):  # until all is full
            n = len(sent)
            time.sleep(0.2)
        enough.set()
        client.stdin.write(b"K\n")
        client.stdin.flush()
        self.assertTrue(any(b"KEYUPDATE" in x for x in client.stderr))
        time.sleep(0.1)  # it is read here
        c = websocket.Peer(None, client.stdout, True)
        for n, payload in enumerate(sent):
            self.assertTrue(c.recv() == (BINARY, payload), n)
        self.assertEqual(c.recv()[0], CLOSE)

    def test_a_process_that_stops_ends_those_behind_it(self):
        g, c = self.own(websocket.speak, 'drain_timeout = "300ms";\n')
        self.begun(c)
        g.send_signal(15)
        self.assertIsNone(c.event())
        self.assertEqual(c.closed, 1001)
        c.end()
        self.assertEqual(g.process.wait(5), 0)


if __name__ == "__main__":
    unittest.main()
