"""What a backend has thought goes back to it with its calls, through clients
of other formats: to one that refuses a request without it, as Gemini 3 and
DeepSeek do, and not to one that refuses what it does not know."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, backend, conf, events  # noqa: E402

MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
HOWS = "signs", "thinks", "plain"
SIGNATURE = "CrICAdHtim827fQ+/w=="
FUNCTION = {"name": "look", "arguments": "{}"}
MISSED = {
    "signs": [{"error": {
        "code": 400, "status": "INVALID_ARGUMENT", "message":
        "Function call is missing a thought_signature in functionCall parts. "
        "This is required for tools to work correctly."}}],
    "thinks": {"error": {
        "type": "invalid_request_error", "param": None,
        "code": "invalid_request_error", "message":
        "The `reasoning_content` in the thinking mode must be passed back to "
        "the API."}}}
STRANGE = {"error": {"type": "invalid_request_error", "message":
                     "Extra inputs are not permitted"}}


class Thinker(Stub):
    """Calls a tool until it has a result. `signs`: it signs the first of its
    calls; `thinks`: it says why; `plain`: it does neither."""

    def __init__(self, how):
        self.how = how
        super().__init__(self.answer)

    def message(self):
        calls = [{"id": f"call_{n}", "type": "function", "function": FUNCTION}
                 for n in range(2)]
        message = {"role": "assistant", "tool_calls": calls}
        if self.how == "signs":
            calls[0]["extra_content"] = {
                "google": {"thought_signature": SIGNATURE}}
        if self.how == "thinks":
            message["reasoning_content"] = "I have to look."
        return message

    def refusal(self, said):
        """Of the last turn of the assistant's."""
        calls = said.get("tool_calls", [])
        if [c["id"] for c in calls] != ["call_0", "call_1"]:
            return STRANGE
        extra = [c.get("extra_content") for c in calls]
        if self.how == "signs":
            want = {"google": {"thought_signature": SIGNATURE}}
            return None if extra == [want, None] else MISSED["signs"]
        if self.how == "thinks":
            return None if said.get("reasoning_content") == \
                "I have to look." else MISSED["thinks"]
        return STRANGE if any(extra) or "reasoning_content" in said else None

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, b""
        body = json.loads(request.body)
        said = [m for m in body["messages"] if m["role"] == "assistant"]
        wrong = self.refusal(said[-1]) if said else None
        if wrong:
            return 400, {}, wrong
        message, finish = ({"role": "assistant", "content": "seen"}, "stop") \
            if said else (self.message(), "tool_calls")
        choice = {"index": 0, "finish_reason": finish}
        if not body.get("stream"):
            return 200, {}, {"choices": [{**choice, "message": message}]}
        return 200, {"content-type": "text/event-stream"}, "".join(
            f"data: {json.dumps(e)}\n\n" for e in [
                {"choices": [{**choice, "delta": message}]}]) + \
            "data: [DONE]\n\n"


class Thoughts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stubs = [Thinker(how) for how in HOWS]
        for s in stubs:
            cls.addClassCleanup(s.stop)
        cls.g = Gateway(conf([backend(s.how, s.port, adapter="cerebras")
                              for s in stubs]))

    @classmethod
    def tearDownClass(cls):
        assert cls.g.stop() == 0

    def message(self, said, to, stream=False):
        """The content that is answered, as SDKs put it together."""
        status, _, body = self.g.post(
            MESSAGES, {
                "model": f"m:{to}", "max_tokens": 50, "stream": stream,
                "thinking": {"type": "adaptive"}, "messages": said,
                "tools": [{"name": "look",
                           "input_schema": {"type": "object"}}]})
        self.assertEqual(status, 200, body)
        if not stream:
            return body["content"]
        content = []
        for e in map(json.loads, events(body)):
            if e["type"] == "content_block_start":
                content.append(e["content_block"])
            elif e["type"] == "content_block_delta":
                delta = dict(e["delta"])
                for member in delta.keys() & {"thinking", "text", "signature"}:
                    content[-1][member] += delta[member]
        return content

    def response(self, said, to):
        status, _, body = self.g.post(
            RESPONSES, {
                "model": f"m:{to}", "input": said, "store": False,
                "reasoning": {"summary": "auto"},
                "tools": [{"type": "function", "name": "look",
                           "parameters": {"type": "object"}}]})
        self.assertEqual(status, 200, body)
        return body["output"]

    def of_messages(self, first, second, stream):
        said = [{"role": "user", "content": "look"}]
        content = self.message(said, first, stream)
        uses = [b for b in content if b["type"] == "tool_use"]
        self.assertEqual(len(uses), 2)
        said += [{"role": "assistant", "content": content},
                 {"role": "user", "content": [
                     {"type": "tool_result", "tool_use_id": u["id"],
                      "content": "there"} for u in uses]}]
        content = self.message(said, second)
        self.assertEqual(content, [{"type": "text", "text": "seen"}])

    def of_responses(self, first, second):
        said = [{"role": "user", "content": "look"}]
        output = self.response(said, first)
        calls = [i for i in output if i["type"] == "function_call"]
        self.assertEqual(len(calls), 2)
        said += output + [{"type": "function_call_output", "output": "there",
                           "call_id": c["call_id"]} for c in calls]
        output = self.response(said, second)
        self.assertEqual(output[-1]["content"][0]["text"], "seen")

    def test_they_come_back_to_who_thought_them(self):
        for how in "signs", "thinks":
            for stream in False, True:
                with self.subTest(how=how, stream=stream):
                    self.of_messages(how, how, stream)
            with self.subTest(how=how, format="responses"):
                self.of_responses(how, how)

    def test_nobody_else_sees_them(self):
        for how in "signs", "thinks":
            with self.subTest(how=how):
                self.of_messages(how, "plain", False)
                self.of_responses(how, "plain")


if __name__ == "__main__":
    unittest.main()
