"""Odd answers of backends, byte by byte: what the client gets, and that nobody
else has to pay for it."""
import http.client
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
from harness import (Gateway, backend, chat, conf, events,  # noqa: E402
                     wait_for)
from says import DONE, Bed, chunk, counted, whole  # noqa: E402


class Answers(Bed):
    def test_thoughts_that_are_not_shown_are_an_answer(self):
        for _ in range(20):
            status, headers, text = self.ask(
                200, "application/json", whole("", "length"))
            self.assertEqual((status, text), (200, whole("", "length")))
            self.assertEqual(headers["x-pointsman-attempts"], "1")
        sent = chunk(finish="length") + counted() + DONE
        for _ in range(20):
            status, _, text = self.stream(
                sent, stream_options={"include_usage": True})
            self.assertEqual((status, text), (200, sent))
        self.assertEqual(self.two.calls, 0)

    def test_nothing_at_all_is_none(self):
        none = whole("", usage={"prompt_tokens": 3, "completion_tokens": 0})
        status, headers, text = self.ask(200, "application/json", none)
        self.assertEqual((status, text), (200, whole("from two")))
        self.assertEqual(headers["x-pointsman-attempts"], "2")

    def test_a_picture_is_an_answer(self):
        picture = json.dumps({"choices": [{
            "index": 0, "finish_reason": "stop", "message": {
                "role": "assistant", "content": "", "images": [{
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,AA=="}}]}}]})
        status, _, text = self.ask(200, "application/json", picture)
        self.assertEqual((status, text, self.two.calls), (200, picture, 0))

    def test_who_asks_for_nothing_shuts_nobody_out(self):
        sent = chunk(text="", finish="stop") + DONE
        for kind, none, stream in (
                ("application/json", whole(""), False),
                ("text/event-stream", sent, True)):
            self.two.reply = 200, kind, none
            for _ in range(24):
                status, _, text = self.ask(200, kind, none, stream=stream)
                self.assertEqual((status, text), (200, none))
        self.two.reply = 200, "application/json", whole("from two")
        status, _, text = self.ask(200, "application/json", whole("hello"))
        self.assertEqual((status, text), (200, whole("hello")))

    def test_what_is_no_event_is_not_sent_on(self):
        first, rest = chunk(text="a"), chunk(text="b", finish="stop") + DONE
        bom = "\ufeff"
        cases = (
            (bom + first + rest, first + rest),
            (bom + "event: ping\n\n" + first + rest, first + rest),
            ("id: 7\n\n" + first + ": here\n\n" + rest,
             first + ": here\n\n" + rest),
            (first + "event: ping\n\n" + rest, first + rest),
            ("data: \n\n" + first + "data:\n\n" + rest, first + rest),
            ("retry: 5\n\n: a\n\n" + first + rest,
             ": a\n\n" + first + rest),
            ("id: 7\nevent: message\n" + first + rest, None))
        for sent, want in cases:
            for size in (1, 7, len(sent)):
                parts = (sent[i:i + size] for i in range(0, len(sent), size))
                status, _, text = self.ask(200, "text/event-stream", parts,
                                           stream=True)
                self.assertEqual((status, text), (200, want or sent))

    def test_an_error_that_does_not_end_is_not_waited_for(self):
        def stalled():
            yield '{"error": {"message": "too '
            self.left.wait(20)

        self.left = threading.Event()
        self.addCleanup(self.left.set)
        for stream in (False, True):
            other = (chunk(text="b", finish="stop") + DONE if stream
                     else whole("b"))
            self.two.reply = (200, "text/event-stream" if stream
                              else "application/json", other)
            began = time.monotonic()
            status, headers, text = self.ask(
                500, "application/json", stalled(), stream=stream)
            self.assertEqual((status, text), (200, other))
            self.assertEqual(headers["x-pointsman-attempts"], "2")
            self.assertLess(time.monotonic() - began, 5)

    def test_who_is_not_reached_has_read_nothing(self):
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        for _ in range(3):  # until the kernel takes no more
            c = socket.socket()
            self.addCleanup(c.close)
            c.setblocking(False)
            c.connect_ex(full.getsockname())
        g = Gateway(conf([backend("full", full.getsockname()[1],
                                  'probe_interval = "0s";')]))
        status = g.chat(chat("m"), {"x-stainless-timeout": "0.4"})[0]
        self.assertEqual(status, 504)
        wait_for(lambda: " tokens_in=" in g.log(), what="its line")
        self.assertIn(" tokens_in=0 ", g.log())
        self.assertEqual(g.stop(), 0)

    def leave_after(self, seconds, **members):
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=seconds)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m:one", **members)),
                  {"content-type": "application/json"})
        with self.assertRaises(TimeoutError):
            c.getresponse()
        c.close()

    def test_who_leaves_early_shuts_nobody_out(self):
        for stream, kind, said in (
                (False, "application/json", whole("a")),
                (True, "text/event-stream",
                 chunk(text="a", finish="stop") + DONE)):
            for _ in range(12):
                self.ask(200, kind, said, model="m:one", stream=stream)
            self.one.delay = 2
            leaving = [threading.Thread(
                target=self.leave_after, args=(1.2,),
                kwargs={"stream": stream}) for _ in range(14)]
            for t in leaving:
                t.start()
            for t in leaving:
                t.join()
            self.one.delay = 0
            status, _, text = self.ask(200, kind, said, model="m:one",
                                       stream=stream)
            self.assertEqual((status, text), (200, said))

    def test_an_error_may_take_several_lines(self):
        def late():
            yield chunk(text="a")
            self.begun.wait(20)
            yield error

        error = ('data: {"error":\n'
                 'data: {"code": 500, "message": "%s"}}\n\n' % ("x" * 300))
        for sent, want in ((error, 502), (late(), 200)):
            status, _, text = self.ask(200, "text/event-stream", sent,
                                       model="m:one", stream=True)
            self.assertEqual(status, want)
            self.assertIn("server_error", text)

    def leave_at_the_end_mark(self):
        """As OpenAI's library for Python does."""
        c = http.client.HTTPConnection("127.0.0.1", self.gateway.port,
                                       timeout=30)
        c.request("POST", "/v1/chat/completions",
                  json.dumps(chat("m", stream=True)),
                  {"content-type": "application/json"})
        r = c.getresponse()
        for line in r:
            if b"[DONE]" in line:
                break
        r.close()
        c.close()

    def at_rest(self):
        return self.gateway.status()["upstream_transfers"] == 0

    def test_who_leaves_at_the_end_mark_has_had_all(self):
        def slow_to_end():
            yield chunk(text="a") + chunk(finish="stop")
            yield counted() + DONE
            time.sleep(0.02)

        for _ in range(10):
            self.one.reply = 200, "text/event-stream", slow_to_end()
            self.leave_at_the_end_mark()
            wait_for(self.at_rest, what="the backend's own end")
        g = self.gateway
        self.assertEqual(g.metric("pointsman_requests_total", result="ok"), 10)
        self.assertEqual(g.metric("pointsman_requests_total"), 10)
        # and the connection was of use again
        self.assertGreater(g.metric("pointsman_attempt_connections_total",
                                    connection="warm"), 4)

    def test_nobody_waits_for_a_backend_that_does_not_end(self):
        def endless():
            yield chunk(text="a") + chunk(finish="stop") + DONE
            self.left.wait(20)

        self.left = threading.Event()
        self.addCleanup(self.left.set)
        began = time.monotonic()
        status, _, text = self.ask(200, "text/event-stream", endless(),
                                   stream=True)
        self.assertEqual((status, text.endswith(DONE)), (200, True))
        self.assertLess(time.monotonic() - began, 5)
        wait_for(self.at_rest, what="the transfer to be given up")

    def test_an_empty_reason_is_no_end(self):
        sent = chunk(text="a", finish="") + chunk(text="b", finish="")
        status, _, text = self.stream(sent)
        self.assertEqual(status, 200)
        self.assertTrue(text.startswith(sent), text)
        self.assertNotIn("[DONE]", text)
        self.assertIn("error", json.loads(events(text)[-1]))
        sent += chunk(text="", finish="stop")
        self.assertEqual(self.stream(sent)[2], sent + DONE)

    def test_every_choice_has_to_end(self):
        sent = chunk(0, "a") + chunk(1, "b") + chunk(0, None, "stop")
        text = self.stream(sent, chunk(1, "c"), n=2)[2]
        self.assertNotIn("[DONE]", text)
        self.assertIn("error", json.loads(events(text)[-1]))
        sent += chunk(1, None, "length")
        self.assertEqual(self.stream(sent, n=2)[2], sent + DONE)

    def test_nothing_follows_the_end(self):
        sent = chunk(text="a") + chunk(finish="stop") + DONE
        for more in ('data: {"error":{"message":"late"}}\n\n',
                     chunk(text="late"), DONE, "data: " + "x" * 100000):
            status, headers, text = self.stream(sent, more)
            self.assertEqual((status, text), (200, sent))
            self.assertEqual(headers["x-pointsman-attempts"], "1")

    def test_a_request_that_never_fits_blocks_nobody(self):
        big = json.dumps({"error": {
            "message": "Request too large for gpt-4o on tokens per min "
                       "(TPM): Limit 30000, Requested 60123.",
            "type": "tokens", "code": "rate_limit_exceeded"}})
        self.two.reply = 429, "application/json", big
        status, headers, text = self.ask(429, "application/json", big)
        self.assertEqual(status, 429)
        self.assertIn("Requested 60123", self.error(text)["message"])
        self.assertIsNone(headers["retry-after"])
        self.assertEqual(
            self.ask(200, "application/json", whole("small"))[2],
            whole("small"))

    def test_a_nul_in_a_text_passes(self):
        status, _, _ = self.ask(200, "application/json", whole("fine"),
                                user="a\0b")
        self.assertEqual(status, 200)
        self.assertIn(b'"a\\u0000b"', self.one.asked)

    def test_a_failed_dependency_is_tried_elsewhere(self):
        status, headers, text = self.ask(
            424, "application/json", json.dumps({
                "error": "Request failed during generation: x",
                "error_type": "generation"}))
        self.assertEqual((status, text), (200, whole("from two")))
        self.assertEqual(headers["x-pointsman-attempts"], "2")

    def test_the_backends_words_in_every_shape(self):
        detail = [{"loc": ["body", "messages"], "msg": "field required"}]
        for kind, text in (("application/json", json.dumps(
                               {"detail": detail})),
                           ("text/plain", "field required: messages\n")):
            status, _, said = self.ask(422, kind, text)
            self.assertEqual(status, 422)
            self.assertIn("field required", self.error(said)["message"])
        error = {"message": "at most 2", "type": "t",
                 "param": "temperature", "code": "too_high"}
        event = "data: %s\n\n" % json.dumps({"error": error})
        _, _, said = self.ask(400, "text/event-stream", event)
        self.assertEqual(self.error(said), error)
        page = 400, "text/html", "<html>field required</html>"
        status, headers, said = self.ask(*page)
        self.assertEqual((status, said), (200, whole("from two")))
        self.assertEqual(headers["x-pointsman-attempts"], "2")
        self.two.reply = page
        status, _, said = self.ask(*page)
        self.assertEqual(status, 400)
        self.assertNotIn("field", self.error(said)["message"])
        packed = self.ask(400, "application/json", b"\x1f\x8b\x08 field")[2]
        self.assertEqual(self.error(packed)["message"],
                         "the backend refused it")

    def test_the_log_says_what_came_and_what_is_wrong_with_it(self):
        events = chunk(text="x", finish="stop") + DONE
        for status, kind, body, members, text in (
                (403, "text/html; charset=utf-8", "<html>secret", {},
                 "text/html"),
                (503, 'a"b c', "secret", {}, "untyped"),
                (200, "application/json", whole("secret"), {"stream": True},
                 "application/json: no events where a stream was asked for"),
                (200, "text/event-stream", events, {},
                 "text/event-stream: events where a whole answer was asked "
                 "for"),
                (200, "application/json", whole(""), {},
                 "application/json: a finish without a token"),
                (200, "text/html", "<html>secret</html>", {},
                 "text/html: no answer in it")):
            headers = self.ask(status, kind, body, **members)[1]
            line = wait_for(lambda: re.search(
                f"attempt_failed id={headers['x-request-id']} .*",
                self.gateway.log()), what="the line")
            self.assertIn(f'status={status} retry=1 tenant=- text="{text}"',
                          line.group())
        self.assertNotIn("secret", self.gateway.log())

    def test_the_log_says_which_timeout_it_was(self):
        self.gateway.write(conf(
            [backend("one", self.one.port,
                     'probe_interval = "0s"; timeouts = { total = "400ms"; '
                     'ttft = "250ms"; };', "openai")]))
        self.gateway.send_signal(signal.SIGHUP)
        wait_for(lambda: "config_version=2" in self.gateway.log())
        self.one.delay = 0.6
        for streamed, text in (
                (True, "no token within timeouts.ttft, 250 ms"),
                (False, "not whole within timeouts.total, 400 ms")):
            status, headers, _ = self.ask(
                200, "application/json", whole("x"), stream=streamed)
            self.assertEqual(status, 504)
            self.assertRegex(
                self.gateway.log(),
                f"attempt_failed id={headers['x-request-id']} .* "
                f'text="{text}"')

    def test_what_an_error_has_besides_stays(self):
        besides = {"failed_generation": '<function=f>{"a": "\u00e9"}',
                   "innererror": {"content_filter_result": {
                       "hate": {"filtered": True}}}, "n_ctx": 4096}
        for more in (besides, {}):
            _, _, text = self.ask(400, "application/json", json.dumps({
                "error": {"message": "no", "type": "t", "param": None,
                          "code": 7, **more}}))
            self.assertEqual(self.error(text), {
                "message": "no", "type": "t", "param": None, "code": "7",
                **more})


class AnyModel(Bed):
    """The client names the model, and only that may be unknown."""
    name = "*"
    serve = '{ backend = "one"; model = "*"; }'

    def test_an_unknown_name_is_the_clients_affair(self):
        for message, code in (
                ("The model `nope` does not exist", "model_not_found"),
                ("no such thing", None)):
            status, _, text = self.ask(
                404, "application/json", json.dumps({"error": {
                    "message": message, "type": "invalid_request_error",
                    "param": "model", "code": code}}), model="nope")
            self.assertEqual(status, 404)
            self.assertEqual((self.error(text)["message"],
                              self.error(text)["code"]), (message, code))
            self.assertEqual(self.ask(200, "application/json",
                                      whole("fine"), model="z")[2],
                             whole("fine"))


if __name__ == "__main__":
    unittest.main()
