"""Calls of /v1/messages and /v1/responses that go to a backend as chat: when,
to whom, and what becomes of what cannot be said so."""
import base64
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import (  # noqa: E402
    POINTSMAN, Fake, Gateway, Stub, backend, chat, conf, events, http_json,
    wait_for)

MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
CHAT = "/v1/chat/completions"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2}
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant",
                                              "content": "hi there"},
                      "finish_reason": "stop"}], "usage": USAGE}
EVENTS = [
    {"choices": [{"index": 0, "delta": {"role": "assistant",
                                        "content": "hi "}}]},
    {"choices": [{"index": 0, "delta": {"content": "there"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE}]


def lines(documents, end=True):
    return "".join(f"data: {json.dumps(e)}\n\n" for e in documents) + (
        "data: [DONE]\n\n" if end else "")


class Chats(Stub):
    """Answers chat; other paths as it is told. Keeps what it was asked, and
    the Idempotency-Key with it."""

    def __init__(self, **otherwise):
        self.asked, self.keys = [], []
        self.otherwise = {"/v1/" + k: v for k, v in otherwise.items()}
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, b""
        body = json.loads(request.body)
        self.asked.append((request.path, body))
        self.keys.append(request.headers.get("idempotency-key"))
        if request.path in self.otherwise:
            return self.otherwise[request.path]
        if request.path != CHAT:
            return 404, {}, {"detail": "Not Found"}
        if body.get("stream"):
            return 200, {"content-type": "text/event-stream"}, lines(EVENTS)
        return 200, {}, WHOLE

    def paths(self):
        return [path for path, _ in self.asked]


def message(**members):
    return chat("m", max_tokens=50, **members)


def question(**members):
    return {"model": "m", "input": "hello", **members}


class Translated(unittest.TestCase):
    def gateway(self, stub, adapter="cerebras", extra="", more=()):
        rows = [backend("one", stub.port, extra, adapter=adapter), *more]
        g = Gateway(conf(rows))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        return g

    def stub(self, **otherwise):
        s = Chats(**otherwise)
        self.addCleanup(s.stop)
        return s

    def test_whole_answers(self):
        s = self.stub()
        g = self.gateway(s)
        status, headers, body = g.post(MESSAGES, message())
        self.assertEqual(status, 200, body)
        self.assertEqual(body["type"], "message")
        self.assertEqual(body["model"], "m")
        self.assertEqual(body["content"],
                         [{"type": "text", "text": "hi there"}])
        self.assertEqual((body["usage"]["input_tokens"],
                          body["usage"]["output_tokens"]), (7, 2))
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["x-pointsman-backend"], "one")
        status, _, body = g.post(RESPONSES, question())
        self.assertEqual(status, 200, body)
        self.assertEqual(body["status"], "completed")
        self.assertEqual(body["output"][0]["content"][0]["text"], "hi there")
        self.assertEqual(body["usage"]["total_tokens"], 9)
        self.assertEqual(s.paths(), [CHAT, CHAT])
        for _, sent in s.asked:
            self.assertEqual(sent["model"], "fake-model")
            self.assertEqual(sent["messages"],
                             [{"role": "user", "content": "hello"}])
            self.assertNotIn("stream", sent)
        told = g.backends()["one"]["servings"][0]
        self.assertEqual((told["tokens_in"], told["tokens_out"]), (14, 4))
        self.assertEqual(g.stop(), 0)

    def test_streams(self):
        s = self.stub()
        g = self.gateway(s)
        status, headers, raw = g.post(MESSAGES, message(stream=True))
        self.assertEqual(status, 200, raw)
        self.assertIn("text/event-stream", headers["content-type"])
        got = [json.loads(e) for e in events(raw)]
        self.assertEqual(got[0]["type"], "message_start")
        self.assertEqual(got[-1]["type"], "message_stop")
        self.assertEqual("".join(
            e["delta"]["text"] for e in got
            if e["type"] == "content_block_delta"), "hi there")
        end = [e for e in got if e["type"] == "message_delta"]
        self.assertEqual(
            [(e["delta"]["stop_reason"], e["usage"]["output_tokens"])
             for e in end], [("end_turn", 2)])
        status, _, raw = g.post(RESPONSES, question(stream=True))
        self.assertEqual(status, 200, raw)
        got = [json.loads(e) for e in events(raw)]
        self.assertEqual([e["sequence_number"] for e in got],
                         list(range(len(got))))
        self.assertEqual(got[0]["type"], "response.created")
        self.assertEqual(got[-1]["type"], "response.completed")
        self.assertEqual(got[-1]["response"]["usage"]["input_tokens"], 7)
        self.assertNotIn("[DONE]", raw)
        for _, sent in s.asked:
            self.assertTrue(sent["stream"])
            self.assertEqual(sent["stream_options"], {"include_usage": True})
        self.assertEqual(g.stop(), 0)

    def test_nobody_is_blamed_for_what_a_format_has_no_room_for(self):
        calls = [{"index": n, "id": f"c{n}", "type": "function",
                  "function": {"name": "f", "arguments": "{}"}}
                 for n in range(1100)]
        events_of = [{"choices": [{"index": 0, "delta": {"tool_calls": [c]}}]}
                     for c in calls]
        limit = "the answer has more than 1024 parts"
        s = self.stub(**{"chat/completions": (
            200, {"content-type": "text/event-stream"},
            lines(events_of + EVENTS[2:]))})
        g = self.gateway(s, extra='probe_interval = "0s";')
        for _ in range(6):
            _, _, raw = g.post(RESPONSES, question(stream=True))
            self.assertIn("(unsuited)", str(raw))
            self.assertIn(limit, str(raw))
        s.otherwise[CHAT] = 200, {}, {"choices": [{
            "index": 0, "finish_reason": "tool_calls",
            "message": {"content": None, "tool_calls": calls}}]}
        for _ in range(6):
            status, headers, body = g.post(RESPONSES, question())
            self.assertEqual((status, body["error"]["code"]),
                             (502, "answer_too_large"))
            self.assertIn(limit, body["error"]["message"])
            self.assertEqual(headers["x-should-retry"], "false")
        told = g.backends()["one"]["servings"][0]
        self.assertIsNone(told["cause"])
        self.assertEqual(told["state"], "ok")
        self.assertEqual(g.stop(), 0)

    def test_a_stream_without_its_end_mark_is_ended(self):
        s = self.stub(**{"chat/completions": (
            200, {"content-type": "text/event-stream"},
            lines(EVENTS[:-1], end=False))})
        g = self.gateway(s)
        _, _, raw = g.post(MESSAGES, message(stream=True))
        self.assertEqual(json.loads(events(raw)[-1])["type"], "message_stop")
        self.assertEqual(g.stop(), 0)

    def test_a_cut_stream_never_looks_whole(self):
        s = self.stub(**{"chat/completions": (
            200, {"content-type": "text/event-stream"},
            lines(EVENTS[:2], end=False))})
        g = self.gateway(s)
        _, _, raw = g.post(MESSAGES, message(stream=True))
        self.assertEqual(json.loads(events(raw)[-1])["type"], "error")
        self.assertNotIn("message_stop", raw)
        _, _, raw = g.post(RESPONSES, question(stream=True))
        self.assertNotIn("response.completed", raw)
        self.assertIn("upstream_failed", raw)
        self.assertEqual(g.stop(), 0)

    def test_who_does_not_know_the_path_is_asked_in_chat_from_then_on(self):
        s = self.stub()
        g = self.gateway(s, adapter="vllm")
        for _ in range(2):
            status, headers, body = g.post(MESSAGES, message())
            self.assertEqual(status, 200, body)
        self.assertEqual(s.paths(), [MESSAGES, CHAT, CHAT])
        self.assertEqual(headers["x-pointsman-attempts"], "1")
        self.assertEqual(g.log().count("translated backend=one"), 1)
        status, _, body = g.post(RESPONSES, question())
        self.assertEqual(status, 200, body)
        self.assertEqual(s.paths()[3:], [RESPONSES, CHAT])
        self.assertEqual(g.backends()["one"]["servings"][0]["state"], "ok")
        self.assertEqual(g.stop(), 0)

    def test_a_404_about_what_chat_has_no_word_for_is_an_answer(self):
        lost = {"error": {"message": "Previous response with id 'x' not "
                          "found.", "type": "invalid_request_error",
                          "param": "previous_response_id",
                          "code": "previous_response_not_found"}}
        s = self.stub(responses=(404, {}, lost))
        g = self.gateway(s, adapter="openai")
        for _ in range(2):
            status, _, body = g.post(RESPONSES, question(
                previous_response_id="x"))
            self.assertEqual(status, 404, body)
            self.assertEqual(body["error"]["code"],
                             "previous_response_not_found")
        self.assertEqual(set(s.paths()), {RESPONSES})
        self.assertEqual(g.stop(), 0)

    def test_what_chat_says_counts_alone_where_the_path_is_unknown(self):
        limited = (429, {"retry-after": "7"}, {"error": {
            "message": "slow down", "code": "rate_limit_exceeded"}})
        empty = (200, {}, {"choices": [{
            "index": 0, "message": {"role": "assistant", "content": ""},
            "finish_reason": "stop"}]})
        for answer, status in (limited, 429), (empty, 200):
            s = self.stub(**{"chat/completions": answer})
            g = self.gateway(s, adapter="vllm")
            got, _, body = g.post(MESSAGES, message())
            self.assertEqual(got, status, body)
            self.assertEqual(s.paths(), [MESSAGES, CHAT])
            self.assertEqual(g.stop(), 0)

    def test_a_404_about_what_is_left_out_is_none_of_the_path(self):
        lost = {"error": {"message": "Item with id 'rs_6' not found.",
                          "type": "invalid_request_error", "param": "input",
                          "code": None}}
        s = self.stub(responses=(404, {}, lost))
        g = self.gateway(s, adapter="openai")
        for _ in range(2):
            status, _, body = g.post(RESPONSES, question(input=[
                {"type": "reasoning", "id": "rs_6", "summary": []},
                {"role": "user", "content": "hello"}]))
            self.assertEqual(status, 404, body)
            self.assertEqual(body["error"]["param"], "input")
        self.assertEqual(s.paths(), [RESPONSES] * 2)
        self.assertEqual(g.stop(), 0)

    def test_a_404_that_quotes_an_id_is_none_of_the_path(self):
        lost = {"error": {"message": "Vector store with id [vs_6abc] not "
                          "found.", "type": "invalid_request_error",
                          "param": None, "code": None}}
        asks = question(tools=[{"type": "file_search",
                                "vector_store_ids": ["vs_6abc"]}])
        s = self.stub(responses=(404, {}, lost))
        g = self.gateway(s, adapter="openai")
        for _ in range(2):
            status, _, body = g.post(RESPONSES, asks)
            self.assertEqual(status, 404, body)
            self.assertIn("vs_6abc", body["error"]["message"])
        self.assertEqual(s.paths(), [RESPONSES] * 2)
        # of an id that is none of the request's the path is to blame
        status, _, body = g.post(RESPONSES, question(input="vs_6"))
        self.assertEqual(status, 200, body)
        self.assertEqual(g.stop(), 0)

    def test_who_has_answered_on_a_path_knows_it(self):
        native = {"id": "resp_1", "object": "response", "status": "completed",
                  "output": [{"type": "message"}]}
        s = self.stub(responses=(200, {}, native))
        g = self.gateway(s, adapter="openai")
        self.assertEqual(g.post(RESPONSES, question())[0], 200)
        s.otherwise[RESPONSES] = 404, {}, {"error": {
            "message": "Container not found.", "param": None, "code": None}}
        for _ in range(2):
            self.assertEqual(g.post(RESPONSES, question())[0], 404)
        self.assertEqual(s.paths(), [RESPONSES] * 3)
        self.assertEqual(g.post(MESSAGES, message())[0], 200)
        self.assertEqual(g.stop(), 0)

    def test_each_format_has_an_idempotency_key_of_its_own(self):
        s = self.stub()
        g = self.gateway(s, adapter="vllm")
        status, _, body = g.post(MESSAGES, message(),
                                 {"idempotency-key": "k"})
        self.assertEqual(status, 200, body)
        self.assertEqual(s.paths(), [MESSAGES, CHAT])
        self.assertEqual(len(set(s.keys)), 2)
        self.assertNotIn(None, s.keys)
        self.assertEqual(g.stop(), 0)

    def test_a_model_that_is_not_there_is_not_asked_for_in_chat(self):
        s = self.stub(messages=(404, {}, {"error": {
            "message": "The model `m` does not exist", "param": None,
            "type": "NotFoundError", "code": "model_not_found"}}))
        g = Gateway(conf([backend("one", s.port)],
                         serve='{ backend = "one"; model = "*"; }'))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        self.assertEqual(g.post(MESSAGES, message())[0], 404)
        self.assertEqual(s.paths(), [MESSAGES])
        self.assertEqual(g.stop(), 0)

    def test_no_memory_for_chat_is_no_unknown_path(self):
        s = self.stub()
        g = Gateway(conf([backend("one", s.port)],
                         'max_memory = "112MiB";\n'))
        self.addCleanup(lambda: g.process.poll() is None and g.stop())
        status, _, body = g.post(MESSAGES, message(messages=[
            {"role": "user", "content": "x" * 55_000_000}]))
        self.assertEqual(status, 503, body)
        self.assertEqual(s.paths(), [MESSAGES])
        self.assertEqual(g.stop(), 0)

    def test_the_longest_answer_is_named_as_the_backend_knows_it(self):
        for adapter, name in (("cerebras", "max_completion_tokens"),
                              ("vllm", "max_tokens")):
            s = self.stub()
            g = self.gateway(s, adapter, extra='translate = "always";')
            for status, _, body in (
                    g.post(MESSAGES, message()),
                    g.post(RESPONSES, question(max_output_tokens=50))):
                self.assertEqual(status, 200, body)
            for _, sent in s.asked:
                self.assertEqual([sent[k] for k in sent if "max_" in k], [50])
                self.assertIn(name, sent)
            self.assertEqual(g.stop(), 0)

    def test_never_and_always(self):
        s = self.stub()
        g = self.gateway(s, adapter="vllm", extra='translate = "never";')
        self.assertEqual(g.post(MESSAGES, message())[0], 404)
        self.assertEqual(s.paths(), [MESSAGES])
        self.assertEqual(g.stop(), 0)
        g = self.gateway(s, adapter="vllm", extra='translate = "always";')
        self.assertEqual(g.post(MESSAGES, message())[0], 200)
        self.assertEqual(s.paths(), [MESSAGES, CHAT])
        self.assertEqual(g.stop(), 0)

    def test_what_chat_cannot_say_goes_to_who_speaks_the_format(self):
        native = {"id": "resp_1", "object": "response", "status": "completed",
                  "output": [{"type": "message"}]}
        plain, able = self.stub(), self.stub(responses=(200, {}, native))
        dear = backend("able", able.port, adapter="vllm").replace(
            "1.0", "50.0")
        g = self.gateway(plain, more=[dear])
        asks = question(previous_response_id="resp_0")
        status, headers, body = g.post(RESPONSES, asks)
        self.assertEqual((status, headers["x-pointsman-backend"]),
                         (200, "able"), body)
        self.assertEqual(plain.asked, [])
        self.assertEqual(g.backends()["one"]["servings"][0]["state"], "ok")
        self.assertEqual(g.stop(), 0)
        g = self.gateway(plain)
        status, _, body = g.post(RESPONSES, asks)
        self.assertEqual(status, 400, body)
        self.assertIn("previous_response_id", body["error"]["message"])
        self.assertEqual(g.stop(), 0)

    def test_documents_go_to_who_takes_files_in_chat(self):
        pdf = base64.b64encode(b"%PDF-1.7 ...").decode()
        asks = message(messages=[{"role": "user", "content": [
            {"type": "document", "title": "Report", "source": {
                "type": "base64", "media_type": "application/pdf",
                "data": pdf}}, {"type": "text", "text": "What is it?"}]}])
        item = {"role": "user", "content": [
            {"type": "input_file", "filename": "r.pdf",
             "file_data": "data:application/pdf;base64," + pdf}]}
        plain, able = self.stub(), self.stub()
        dear = backend("able", able.port, adapter="openai").replace(
            "1.0", "50.0")
        g = self.gateway(plain, more=[dear])
        status, headers, body = g.post(MESSAGES, asks)
        self.assertEqual((status, headers.get("x-pointsman-backend")),
                         (200, "able"), body)
        status, _, body = g.post(RESPONSES, question(input=[item]))
        self.assertEqual(status, 200, body)
        self.assertEqual(plain.asked, [])
        self.assertEqual(able.paths(), [CHAT, RESPONSES, CHAT])
        sent = [body["messages"][0]["content"]
                for path, body in able.asked if path == CHAT]
        file = {"filename": "document.pdf",
                "file_data": "data:application/pdf;base64," + pdf}
        self.assertEqual(sent, [
            [{"type": "text", "text": "Report"},
             {"type": "file", "file": file},
             {"type": "text", "text": "What is it?"}],
            [{"type": "file", "file": {**file, "filename": "r.pdf"}}]])
        self.assertEqual(g.stop(), 0)
        g = self.gateway(plain)
        status, _, body = g.post(MESSAGES, asks)
        self.assertEqual(status, 400, body)
        self.assertIn("messages.0.content.0: the chat of this backend takes "
                      "no files", body["error"]["message"])
        self.assertEqual(g.stop(), 0)

    def test_a_schema_goes_to_who_keeps_to_it(self):
        asks = message(output_config={"format": {
            "type": "json_schema", "schema": {"type": "object"}}})
        plain, able = self.stub(), self.stub()
        dear = backend("able", able.port, adapter="cerebras").replace(
            "1.0", "50.0")
        g = self.gateway(plain, adapter="mlx", more=[dear])
        status, headers, body = g.post(MESSAGES, asks)
        self.assertEqual((status, headers.get("x-pointsman-backend")),
                         (200, "able"), body)
        self.assertEqual(plain.asked, [])
        self.assertIn("response_format", able.asked[0][1])
        self.assertEqual(g.stop(), 0)

    def test_what_was_left_out_is_said(self):
        s = self.stub()
        g = self.gateway(s)
        status, headers, body = g.post(RESPONSES, question(tools=[
            {"type": "web_search"},
            {"type": "function", "name": "f", "parameters": {}}]))
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["x-pointsman-left-out"], "web_search")
        self.assertEqual([t["function"]["name"]
                          for t in s.asked[0][1]["tools"]], ["f"])
        self.assertEqual(g.stop(), 0)

    def test_a_replay_says_what_was_left_out(self):
        g = self.gateway(self.stub())
        for again in None, "true":
            _, headers, _ = g.post(RESPONSES, question(tools=[
                {"type": "web_search"}]), {"idempotency-key": "k"})
            self.assertEqual(headers.get("x-pointsman-idempotent-replay"),
                             again)
            self.assertEqual(headers["x-pointsman-left-out"], "web_search")
        self.assertEqual(g.stop(), 0)

    def test_errors_have_the_shape_of_the_clients_format(self):
        s = self.stub(**{"chat/completions": (429, {"retry-after": "7"}, {
            "error": {"message": "slow down", "type": "rate_limit",
                      "code": "rate_limit_exceeded"}})})
        g = self.gateway(s)
        status, headers, body = g.post(MESSAGES, message())
        self.assertEqual((status, headers["retry-after"]), (429, "7"))
        self.assertEqual((body["type"], body["error"]["type"]),
                         ("error", "rate_limit_error"))
        self.assertEqual(g.stop(), 0)

    def test_a_prompt_that_is_too_long_is_told_in_the_formats_words(self):
        theirs = "This model's maximum context length is 8 tokens."
        ours = "prompt is too long: 9 tokens > 8 maximum"
        s = self.stub()
        g = self.gateway(s)
        for said, want in ((theirs, "prompt is too long: " + theirs),
                           (ours, ours)):
            s.otherwise[CHAT] = 400, {}, {"error": {
                "message": said, "type": "invalid_request_error"}}
            status, _, body = g.post(MESSAGES, message())
            self.assertEqual((status, body["error"]["message"]), (400, want))
            _, _, body = g.post(RESPONSES, question())
            self.assertEqual(body["error"]["message"], said)
        s.otherwise[CHAT] = 400, {}, {"error": {
            "message": "max_tokens is too large"}}
        _, _, body = g.post(MESSAGES, message())
        self.assertEqual(body["error"]["message"], "max_tokens is too large")
        self.assertEqual(g.stop(), 0)

    def test_a_broken_request_is_told_where(self):
        s = self.stub()
        g = self.gateway(s)
        status, _, body = g.post(MESSAGES, message(messages=[
            {"role": "user", "content": [{"type": "text"}]}]))
        self.assertEqual(status, 400, body)
        self.assertIn("messages.0.content.0", body["error"]["message"])
        for asks, param, code in (
                ([{"role": "user", "content": [{"type": "input_text"}]}],
                 "input[0].content[0]", "invalid_value"),
                ([{"role": "user", "content": "a"},
                  {"type": "item_reference", "id": "x"}],
                 "input[1]", "unsupported_value")):
            status, _, body = g.post(RESPONSES, question(input=asks))
            self.assertEqual(status, 400, body)
            self.assertEqual(body["error"]["param"], param)
            self.assertEqual(body["error"]["code"], code)
            self.assertEqual(body["error"]["type"], "invalid_request_error")
        self.assertEqual(s.asked, [])
        self.assertEqual(g.stop(), 0)

    def test_tokens_are_counted_by_who_speaks_messages(self):
        s = self.stub()
        g = self.gateway(s)
        status, _, body = g.post(MESSAGES + "/count_tokens", message())
        self.assertEqual(status, 400, body)
        self.assertIn("(messages): tokens are counted by",
                      body["error"]["message"])
        self.assertEqual(s.asked, [])
        self.assertEqual(g.stop(), 0)

    def test_a_receipt_says_so(self):
        s = self.stub()
        g = self.gateway(s)
        _, headers, _ = g.post(MESSAGES, message())
        path = "/admin/v1/receipts/" + headers["x-pointsman-receipt"]
        wait_for(lambda: http_json(g.admin, "GET", path)[0] == 200,
                 what="the receipt")
        told = http_json(g.admin, "GET", path)[2]["outcome"]["attempts"]
        self.assertEqual([a["translated"] for a in told], [True])
        said = subprocess.run(
            [POINTSMAN, "explain", headers["x-pointsman-receipt"], "--admin",
             f"http://127.0.0.1:{g.admin}"],
            capture_output=True, text=True, timeout=30, check=True).stdout
        self.assertIn("; needs messages, and was said as chat\n", said)
        self.assertIn("model fake-model, as chat\n", said)
        wait_for(lambda: " as=chat " in g.log(), what="the access line")
        self.assertEqual(g.stop(), 0)

    def test_another_backend_goes_on_unseen(self):
        bad = Fake("--fault", "reset")
        self.addCleanup(bad.stop)
        s = self.stub()
        cheap = backend("cheap", bad.port, adapter="cerebras").replace(
            "1.0", "0.1")
        g = self.gateway(s, more=[cheap])
        _, headers, raw = g.post(MESSAGES, message(stream=True))
        self.assertEqual(headers["x-pointsman-backend"], "one")
        self.assertEqual(raw.count("message_start"), 2, raw)  # event, type
        self.assertEqual(g.stop(), 0)

    def test_a_long_request_is_held_no_longer_than_it_is_needed(self):
        s = self.stub()
        g = self.gateway(s)
        text = "word \\ \" \u20ac " * 300_000
        status, _, body = g.post(MESSAGES, message(messages=[
            {"role": "user", "content": [{"type": "text", "text": text}]}]))
        self.assertEqual(status, 200, str(body)[:300])
        self.assertEqual(s.asked[0][1]["messages"][0]["content"], text)
        self.assertEqual(g.stop(), 0)


if __name__ == "__main__":
    unittest.main()
