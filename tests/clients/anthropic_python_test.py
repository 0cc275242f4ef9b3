"""anthropic (PyPI), unchanged but for its base_url, with a backend behind the
gateway that speaks chat alone."""
import json
import os
import sys
import unittest

import anthropic

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, backend  # noqa: E402

HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {"name": "weather", "description": "Of a city.", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4,
         "prompt_tokens_details": {"cached_tokens": 3}}


def call(i, city=None, **more):
    """A part of a call: with a city a whole one."""
    function = {"name": "weather", "arguments": ""} if not more else {}
    if city is not None:
        function["arguments"] = json.dumps({"city": city})
    return {"index": i, **({"id": f"call_{i}"} if not more else {}),
            "type": "function", "function": {**function, **more}}


# what the model says to whom, as deltas and why it ends
SCRIPTS = {
    "hello": ([{"content": "Hello, "}, {"content": "\u4f60\u597d \U0001f600"}],
              "stop"),
    "long": ([{"content": "so much"}], "length"),
    "think": ([{"reasoning_content": "hm, "}, {"reasoning_content": "yes"},
               {"content": "Yes."}], "stop"),
    "weather": ([{"content": "Let me see."}, {"tool_calls": [call(0)]},
                 {"tool_calls": [call(0, arguments='{"city":')]},
                 {"tool_calls": [call(0, arguments=' "Oslo"}')]},
                 {"tool_calls": [call(1, "Rome")]}], "tool_calls"),
    "json": ([{"content": '{"answer": 42}'}], "stop"),
    "no": ([{"refusal": "I will not."}], "stop"),
    "end": ([{"content": "up to the "}], "stop"),
}


def chunk(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return "data: " + json.dumps({
        "object": "chat.completion.chunk", "choices": [choice]}) + "\n\n"


def streamed(deltas, finish):
    yield chunk({"role": "assistant", "content": ""})
    for d in deltas:
        yield chunk(d)
    last = json.loads(chunk({}, finish)[6:])
    last["choices"][0]["stop_reason"] = "END" if finish == "stop" else None
    yield f"data: {json.dumps(last)}\n\n"
    yield "data: " + json.dumps({"choices": [], "usage": USAGE}) + "\n\n"
    yield "data: [DONE]\n\n"


def whole(deltas, finish):
    message = {"role": "assistant", "content": None}
    calls = {}
    for d in deltas:
        for name, value in d.items():
            if name != "tool_calls":
                message[name] = (message.get(name) or "") + value
        for c in d.get("tool_calls", []):
            if c["index"] in calls:
                calls[c["index"]]["function"]["arguments"] += \
                    c["function"]["arguments"]
            else:
                calls[c["index"]] = json.loads(json.dumps(c))
    if calls:
        message["tool_calls"] = list(calls.values())
    return {"object": "chat.completion", "usage": USAGE, "choices": [
        {"index": 0, "message": message, "finish_reason": finish,
         "stop_reason": "END" if finish == "stop" else None}]}


class Model(Stub):
    """Speaks chat, by its scripts; repeats what tools have found."""

    def __init__(self):
        self.asked = []
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, {"data": []}
        if request.path != "/v1/chat/completions":
            return 404, {}, {"error": {"message": "no such path"}}
        body = json.loads(request.body)
        self.asked.append(body)
        last = body["messages"][-1]
        if last["role"] == "tool":
            found = [m["content"] for m in body["messages"]
                     if m["role"] == "tool"]
            script = [{"content": " ".join(found)}], "stop"
        elif isinstance(last["content"], list):
            script = [{"content": last["content"][-1]["type"]}], "stop"
        elif body["model"] == "busy":
            return 429, {"retry-after": "0"}, {"error": {
                "message": "slow down", "type": "rate_limit_error"}}
        elif body["model"] == "cut":
            return (200, {"content-type": "text/event-stream"},
                    "".join(list(streamed(*SCRIPTS["hello"]))[:2]))
        else:
            script = SCRIPTS[last["content"]]
        if body.get("stream"):
            return (200, {"content-type": "text/event-stream"},
                    streamed(*script))
        return 200, {}, whole(*script)


class AnthropicPython(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = Model()
        # a model, and a backend of its own
        names = ["m", "busy", "cut", "files"]
        rows = [backend(n, cls.model.port, 'translate = "always";',
                        "openai" if n == "files" else "vllm") for n in names]
        serve = [f'{{ name = "{n}"; serve = ( {{ backend = "{n}"; '
                 f'model = "{n}"; }} ); }}' for n in names]
        cls.gateway = Gateway(f'backends = ( {", ".join(rows)} );\n'
                              f'models = ( {", ".join(serve)} );\n')
        cls.client = anthropic.Anthropic(
            base_url=f"http://127.0.0.1:{cls.gateway.port}", api_key="any",
            max_retries=0)

    @classmethod
    def tearDownClass(cls):
        assert cls.gateway.stop() == 0
        cls.model.stop()

    def ask(self, text="hello", **more):
        """A whole answer and the same from a stream, which must be equal."""
        asked = {"model": "m", "max_tokens": 100, "messages": [
            {"role": "user", "content": text}], **more}
        created = self.client.messages.create(**asked)
        with self.client.messages.stream(**asked) as stream:
            self.events = list(stream)
            got = stream.get_final_message()
        self.check_order()
        self.assertEqual(
            created.model_dump(exclude={"id"}),
            got.model_dump(exclude={"id": True, "content": {
                "__all__": {"parsed_output"}}}))
        return created

    def check_order(self):
        """Blocks one after the other, between the message's beginning and its
        end."""
        kinds = [e.type for e in self.events]
        self.assertEqual(kinds[0], "message_start")
        self.assertEqual(kinds[-2:], ["message_delta", "message_stop"])
        opened = [e.index for e in self.events
                  if e.type == "content_block_start"]
        self.assertEqual(opened, list(range(len(opened))))
        self.assertEqual(opened, [e.index for e in self.events
                                  if e.type == "content_block_stop"])

    def test_text(self):
        m = self.ask(system="Be nice.", metadata={"user_id": "u"},
                     extra_body={"temperature": 0.5, "top_k": 3})
        self.assertEqual(m.content[0].text,
                         "Hello, \u4f60\u597d \U0001f600")
        self.assertEqual((m.stop_reason, m.role, m.model),
                         ("end_turn", "assistant", "m"))
        self.assertRegex(m.id, "^msg_[0-9a-f]+$")
        self.assertEqual((m.usage.input_tokens,
                          m.usage.cache_read_input_tokens,
                          m.usage.output_tokens), (6, 3, 4))
        self.assertEqual(self.events[0].message.content, [])
        sent = self.model.asked[-1]
        self.assertEqual(sent["messages"], [
            {"role": "system", "content": "Be nice."}, *HELLO])
        self.assertEqual(
            set(sent), {"model", "messages", "max_tokens", "temperature",
                        "stream", "stream_options"})

    def test_raw_events(self):
        kinds = [e.type for e in self.client.messages.create(
            model="m", max_tokens=100, messages=HELLO, stream=True)]
        self.assertEqual(kinds, [
            "message_start", "content_block_start", "content_block_delta",
            "content_block_delta", "content_block_stop", "message_delta",
            "message_stop"])

    def test_reasons_to_stop(self):
        self.assertEqual(self.ask("long").stop_reason, "max_tokens")
        refused = self.ask("no")
        self.assertEqual((refused.stop_reason, refused.content[0].text),
                         ("refusal", "I will not."))
        m = self.ask("end", stop_sequences=["END"])
        self.assertEqual((m.stop_reason, m.stop_sequence),
                         ("stop_sequence", "END"))
        self.assertEqual(self.model.asked[-1]["stop"], ["END"])

    def test_thinking(self):
        self.assertEqual([b.type for b in self.ask("think").content],
                         ["text"])
        m = self.ask("think", max_tokens=4096, thinking={
            "type": "enabled", "budget_tokens": 1024})
        self.assertEqual([b.type for b in m.content], ["thinking", "text"])
        self.assertEqual(m.content[0].thinking, "hm, yes")
        # said back, it is left out
        turns = [{"role": "user", "content": "think"},
                 {"role": "assistant", "content": m.content}, *HELLO]
        self.ask(messages=turns)
        self.assertEqual(self.model.asked[-1]["messages"][1],
                         {"role": "assistant", "content": "Yes."})

    def test_tools(self):
        found = {"Oslo": "snow", "Rome": "sun"}
        turns = [{"role": "user", "content": "weather"}]
        m = self.ask(messages=turns, tools=[WEATHER, {
            "type": "web_search_20250305", "name": "web_search"}])
        self.assertEqual(m.stop_reason, "tool_use")
        self.assertEqual([b.type for b in m.content],
                         ["text", "tool_use", "tool_use"])
        uses = m.content[1:]
        self.assertEqual([u.input for u in uses],
                         [{"city": "Oslo"}, {"city": "Rome"}])
        self.assertEqual([t["function"]["name"]
                          for t in self.model.asked[-1]["tools"]], ["weather"])
        turns += [{"role": "assistant", "content": m.content},
                  {"role": "user", "content": [
                      {"type": "tool_result", "tool_use_id": u.id,
                       "content": found[u.input["city"]]} for u in uses]}]
        m = self.ask(messages=turns, tools=[WEATHER])
        self.assertEqual((m.content[0].text, m.stop_reason),
                         ("snow sun", "end_turn"))
        sent = self.model.asked[-1]["messages"]
        self.assertEqual([c["id"] for c in sent[1]["tool_calls"]],
                         [r["tool_call_id"] for r in sent[2:]])
        self.assertEqual(
            json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]),
            {"city": "Oslo"})

    def test_what_was_left_out_is_said(self):
        r = self.client.messages.with_raw_response.create(
            model="m", max_tokens=9, messages=HELLO, tools=[{
                "type": "web_search_20250305", "name": "web_search"}])
        self.assertEqual(r.headers["x-pointsman-left-out"],
                         "web_search_20250305")

    def test_the_sdk_calls_tools_by_itself(self):
        asked = []

        @anthropic.beta_tool
        def weather(city: str) -> str:
            """Of a city."""
            asked.append(city)
            return "fog"

        for stream in (False, True):
            runner = self.client.beta.messages.tool_runner(
                model="m", max_tokens=99, tools=[weather], stream=stream,
                messages=[{"role": "user", "content": "weather"}])
            last = runner.until_done()
            self.assertEqual(last.content[0].text, "fog fog")
            # all of it, though the runner would have a server hold it
            sent = self.model.asked[-1]
            self.assertEqual([m["role"] for m in sent["messages"]],
                             ["user", "assistant", "tool", "tool"])
            self.assertEqual(len(sent["tools"]), 1)
        self.assertEqual(asked, ["Oslo", "Rome"] * 2)

    def test_pictures(self):
        m = self.ask(messages=[{"role": "user", "content": [
            {"type": "text", "text": "what is it?"},
            {"type": "image", "source": {
                "type": "base64", "media_type": "image/png",
                "data": "iVBORw0KGgo="}}]}])
        self.assertEqual(m.content[0].text, "image_url")
        self.assertEqual(
            self.model.asked[-1]["messages"][0]["content"][1]["image_url"],
            {"url": "data:image/png;base64,iVBORw0KGgo="})

    def test_a_format(self):
        m = self.ask("json", output_config={"format": {
            "type": "json_schema", "schema": {"type": "object"}}})
        self.assertEqual(json.loads(m.content[0].text), {"answer": 42})
        sent = self.model.asked[-1]["response_format"]
        self.assertEqual(sent["json_schema"]["schema"], {"type": "object"})

    def test_documents(self):
        asked = [{"role": "user", "content": [
            {"type": "document", "title": "T", "source": {
                "type": "text", "media_type": "text/plain", "data": "D"}},
            {"type": "document", "source": {
                "type": "base64", "media_type": "application/pdf",
                "data": "JVBERi0="}}]}]
        m = self.ask(model="files", messages=asked)
        self.assertEqual(m.content[0].text, "file")
        self.assertEqual(
            self.model.asked[-1]["messages"][0]["content"],
            [{"type": "text", "text": "T"}, {"type": "text", "text": "D"},
             {"type": "file", "file": {
                 "filename": "document.pdf",
                 "file_data": "data:application/pdf;base64,JVBERi0="}}])
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask(messages=asked)
        self.assertIn("messages.0.content.1: the chat of this backend takes "
                      "no files", str(caught.exception))

    def test_what_chat_cannot_say(self):
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask(model="files", messages=[{"role": "user", "content": [
                {"type": "document", "source": {
                    "type": "url", "url": "https://x/y.pdf"}}]}])
        self.assertIn("messages.0.content.0: a document",
                      str(caught.exception))

    def test_errors(self):
        with self.assertRaises(anthropic.RateLimitError) as caught:
            self.ask(model="busy")
        self.assertEqual(caught.exception.body["error"]["type"],
                         "rate_limit_error")

    def test_a_cut_stream_raises(self):
        text = ""
        with self.assertRaises(anthropic.APIStatusError) as caught, \
                self.client.messages.stream(
                    model="cut", max_tokens=9, messages=HELLO) as stream:
            for piece in stream.text_stream:
                text += piece
        self.assertEqual(text, "Hello, ")
        self.assertEqual(caught.exception.body["type"], "error")


if __name__ == "__main__":
    unittest.main()
