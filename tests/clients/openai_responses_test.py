"""openai (PyPI), unchanged but for its base_url: responses of a backend that
only chats. And what Codex asks for, which speaks nothing else."""
import json
import os
import sys
import threading
import unittest

import openai
import pydantic

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, backend, events, http_json  # noqa: E402

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
         "prompt_tokens_details": {"cached_tokens": 4},
         "completion_tokens_details": {"reasoning_tokens": 3}}
WEATHER = {"type": "function", "name": "weather", "strict": True,
           "parameters": {"type": "object", "additionalProperties": False,
                          "properties": {"city": {"type": "string"}},
                          "required": ["city"]}}


def call(id, name, arguments):
    return {"id": id, "type": "function",
            "function": {"name": name, "arguments": arguments}}


def whole(message, finish="stop"):
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": finish,
                         "message": {"role": "assistant", **message}}],
            "usage": USAGE}


def chunks(deltas, finish="stop"):
    def choice(delta, reason=None):
        return {"id": "x", "object": "chat.completion.chunk", "created": 1,
                "model": "m", "choices": [
                    {"index": 0, "delta": delta, "finish_reason": reason}]}
    said = [choice({"role": "assistant", "content": ""}),
            *map(choice, deltas)]
    if finish is not None:
        said += [choice({}, finish), {**choice({}), "choices": [],
                                      "usage": USAGE}]
    for c in said:
        yield f"data: {json.dumps(c)}\n\n"
    if finish is not None:
        yield "data: [DONE]\n\n"


class City(pydantic.BaseModel):
    name: str


class Responses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stub = Stub(cls.answer)
        names = ("m", "limited", "broken")
        cls.gateway = Gateway(
            "backends = ( " + ", ".join(
                backend(name, cls.stub.port, 'translate = "always";')
                for name in names) + " );\nmodels = ( " + ", ".join(
                f'{{ name = "{name}"; serve = ( {{ backend = "{name}"; '
                'model = "upstream"; } ); }' for name in names) + " );\n")
        cls.client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{cls.gateway.port}/v1", api_key="any",
            max_retries=0)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        assert cls.gateway.stop() == 0
        cls.stub.stop()

    @classmethod
    def answer(cls, request):
        if request.command == "GET":
            return 200, {}, {"data": []}
        assert request.path == "/v1/chat/completions", request.path
        cls.asked = json.loads(request.body)
        said = cls.reply(cls.asked)
        if isinstance(said, tuple):
            return said
        if isinstance(said, dict):
            return 200, {}, said
        return 200, {"content-type": "text/event-stream"}, said

    def says(self, answer):
        """What the backend answers, or a function of what it is asked."""
        type(self).reply = staticmethod(
            answer if callable(answer) else lambda _: answer)

    def test_a_text(self):
        self.says(whole({"content": "hello", "reasoning_content": "hm"}))
        r = self.client.responses.create(
            model="m", input="hi", instructions="be brief", temperature=0.5,
            max_output_tokens=9, metadata={"a": "b"})
        self.assertEqual(r.output_text, "hello")
        self.assertEqual([i.type for i in r.output], ["reasoning", "message"])
        self.assertEqual(r.output[0].content[0].text, "hm")
        self.assertEqual((r.status, r.model, r.temperature), (
            "completed", "m", 0.5))
        self.assertEqual((r.instructions, r.metadata, r.store), (
            "be brief", {"a": "b"}, False))
        self.assertEqual((r.usage.input_tokens, r.usage.output_tokens), (11, 7))
        self.assertEqual(r.usage.input_tokens_details.cached_tokens, 4)
        self.assertEqual(r.usage.output_tokens_details.reasoning_tokens, 3)
        self.assertEqual(self.asked, {
            "model": "upstream", "max_tokens": 9, "temperature": 0.5,
            "messages": [{"role": "system", "content": "be brief"},
                         {"role": "user", "content": "hi"}]})

    def test_a_stream(self):
        self.says(lambda _: chunks([
            {"reasoning_content": "h"}, {"reasoning_content": "m"},
            {"content": "hel"}, {"content": "lo"}]))
        with self.client.responses.stream(model="m", input="hi") as stream:
            got = list(stream)
            r = stream.get_final_response()
        self.assertEqual([e.sequence_number for e in got],
                         list(range(len(got))))
        self.assertEqual(
            [e.snapshot for e in got if e.type.endswith("text.delta")
             and hasattr(e, "snapshot")], ["hel", "hello"])
        self.assertEqual(r.output_text, "hello")
        self.assertEqual(r.output[0].content[0].text, "hm")
        self.assertEqual(r.usage.total_tokens, 18)

    def test_a_summary_of_reasoning_for_who_asks_for_one(self):
        self.says(lambda _: chunks([{"reasoning": "hm"}, {"content": "a"}]))
        with self.client.responses.stream(
                model="m", input="hi",
                reasoning={"effort": "xhigh", "summary": "auto"}) as stream:
            deltas = [e.delta for e in stream
                      if e.type == "response.reasoning_summary_text.delta"]
            r = stream.get_final_response()
        self.assertEqual(deltas, ["hm"])
        self.assertEqual(r.output[0].summary[0].text, "hm")
        self.assertEqual(self.asked["reasoning_effort"], "high")

    def test_tools(self):
        """Two calls at once, and what came of them."""
        def says(asked):
            if asked["messages"][-1]["role"] == "tool":
                return chunks([{"content": "sunny in both"}])
            return chunks([
                {"content": "I look."},
                {"tool_calls": [{"index": 0, **call("c0", "weather", "")}]},
                {"tool_calls": [{"index": 0, "function": {
                    "arguments": '{"city":'}}]},
                {"tool_calls": [{"index": 0, "function": {
                    "arguments": '"Oslo"}'}},
                    {"index": 1, **call("c1", "weather", '{"city":"Rom"}')}]},
            ], "tool_calls")
        self.says(says)
        items = [{"role": "user", "content": "weather?"}]
        with self.client.responses.stream(
                model="m", input=items, tools=[WEATHER]) as stream:
            for _ in stream:
                pass
            r = stream.get_final_response()
        calls = [i for i in r.output if i.type == "function_call"]
        self.assertEqual([c.parsed_arguments for c in calls],
                         [{"city": "Oslo"}, {"city": "Rom"}])
        items += [i.model_dump(exclude_none=True, exclude={"parsed_arguments"})
                  for i in r.output]
        items += [{"type": "function_call_output", "call_id": c.call_id,
                   "output": "sunny"} for c in calls]
        with self.client.responses.stream(
                model="m", input=items, tools=[WEATHER]) as stream:
            text = stream.get_final_response().output_text
        self.assertEqual(text, "sunny in both")
        self.assertEqual(self.asked["messages"][1:], [
            {"role": "assistant", "content": "I look.", "tool_calls": [
                call("c0", "weather", '{"city":"Oslo"}'),
                call("c1", "weather", '{"city":"Rom"}')]},
            {"role": "tool", "tool_call_id": "c0", "content": "sunny"},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"}])

    def test_a_schema(self):
        self.says(whole({"content": '{"name":"Oslo"}'}))
        r = self.client.responses.parse(
            model="m", input="a city", text_format=City)
        self.assertEqual(r.output_parsed, City(name="Oslo"))
        form = self.asked["response_format"]
        self.assertEqual((form["type"], form["json_schema"]["name"],
                          form["json_schema"]["strict"]),
                         ("json_schema", "City", True))

    def test_a_tool_that_takes_free_text(self):
        self.says(whole({"content": None, "tool_calls": [
            call("c0", "patch", json.dumps({"input": 'a\n"b"'}))]},
            "tool_calls"))
        r = self.client.responses.with_raw_response.create(
            model="m", input="go", tools=[
                {"type": "custom", "name": "patch"}, {"type": "web_search"}])
        self.assertEqual(r.headers["x-pointsman-left-out"], "web_search")
        item = r.parse().output[0]
        self.assertEqual((item.type, item.name, item.input, item.call_id),
                         ("custom_tool_call", "patch", 'a\n"b"', "c0"))

    def test_a_limit_is_told_of(self):
        self.says(lambda _: chunks([{"content": "a"}], "length"))
        last = list(self.client.responses.create(
            model="m", input="hi", stream=True))[-1]
        self.assertEqual(last.type, "response.incomplete")
        self.assertEqual(last.response.incomplete_details.reason,
                         "max_output_tokens")
        self.assertEqual(last.response.output[0].status, "incomplete")

    def test_what_fails(self):
        self.says((429, {}, {"error": {"message": "slow down"}}))
        with self.assertRaises(openai.RateLimitError):
            self.client.responses.create(model="limited", input="hi")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.create(
                model="m", input="hi", previous_response_id="resp_1")
        self.assertIn("previous_response_id: nothing is stored",
                      caught.exception.message)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.responses.create(model="m", input=[
                {"role": "user", "content": [
                    {"type": "input_file", "file_id": "f"}]}])
        self.assertIn("input[0].content[0]: a file by file_id has no ",
                      caught.exception.message)

    def test_a_cut_stream_raises(self):
        read = threading.Event()

        def says(_):
            yield from chunks([{"content": "a"}], None)
            read.wait(10)
        self.says(says)
        text = ""
        with self.assertRaises(openai.APIError) as caught:
            for e in self.client.responses.create(
                    model="broken", input="hi", stream=True):
                if e.type == "response.output_text.delta":
                    text += e.delta
                    read.set()
        self.assertEqual((text, caught.exception.code),
                         ("a", "upstream_failed"))

    def test_codex(self):
        """What it asks for, shortened, when its model is one it knows."""
        def text(role, *texts):
            return {"type": "message", "id": "msg_1", "role": role,
                    "content": [{"type": "input_text", "text": t}
                                for t in texts]}
        self.says(lambda _: chunks([
            {"reasoning_content": "hm"},
            {"tool_calls": [{"index": 0, **call(
                "c0", "functions__exec", '{"input": "text(1);\\n"}')}]},
        ], "tool_calls"))
        status, headers, raw = http_json(
            self.gateway.port, "POST", "/v1/responses", {
                "model": "m", "stream": True, "store": False, "input": [
                    {"type": "additional_tools", "id": "at_1",
                     "role": "developer", "tools": [
                         {"type": "namespace", "name": "functions",
                          "description": "", "tools": [
                              {"type": "custom", "name": "exec",
                               "description": "Run JavaScript.", "format": {
                                   "type": "grammar", "syntax": "lark",
                                   "definition": "start: /.+/"}},
                              {"type": "function", "name": "wait",
                               "strict": False, "parameters": {
                                   "type": "object", "properties": {}}}]},
                         {"type": "web_search"}]},
                    text("developer", "You are a coding agent."),
                    text("developer", "<permissions>", "<skills>"),
                    text("user", "<environment_context>"),
                    text("user", "say hello"),
                    {"type": "custom_tool_call", "status": "completed",
                     "call_id": "a0", "namespace": "functions",
                     "name": "exec", "input": "text(0);"},
                    {"type": "custom_tool_call_output", "call_id": "a0",
                     "output": [{"type": "input_text", "text": "0"}]}],
                "tool_choice": "auto", "parallel_tool_calls": False,
                "reasoning": {"effort": "low", "context": "all_turns"},
                "include": ["reasoning.encrypted_content"],
                "prompt_cache_key": "k", "text": {"verbosity": "low"},
                "client_metadata": {"session_id": "s"}})
        self.assertEqual(status, 200, raw)
        self.assertEqual(headers["x-pointsman-left-out"], "web_search")
        messages = self.asked.pop("messages")
        self.assertEqual(
            [(m["role"], m["content"]) for m in messages],
            [("system", "You are a coding agent.\n\n<permissions>\n<skills>"),
             ("user", "<environment_context>\n\nsay hello"),
             ("assistant", None), ("tool", "0")])
        self.assertEqual(messages[2]["tool_calls"], [
            call("a0", "functions__exec", '{"input":"text(0);"}')])
        self.assertEqual([t["function"]["name"] for t in self.asked["tools"]],
                         ["functions__exec", "functions__wait"])
        done = [json.loads(e) for e in events(raw)]
        item = [e["item"] for e in done
                if e["type"] == "response.output_item.done"][-1]
        self.assertEqual(
            (item["type"], item["namespace"], item["name"], item["input"]),
            ("custom_tool_call", "functions", "exec", "text(1);\n"))
        self.assertEqual(done[-1]["response"]["output"][-1], item)


if __name__ == "__main__":
    unittest.main()
