"""Responses that go on from an earlier one by its id: only the backend that
keeps that one can."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, backend, conf, http_json  # noqa: E402

RESPONSES = "/v1/responses"
LOST = {"error": {
    "message": "Previous response with id 'x' not found.",
    "type": "invalid_request_error", "param": "previous_response_id",
    "code": "previous_response_not_found"}}


class Keeper(Stub):
    """Keeps its responses, and goes on from none of another's."""

    def __init__(self, name):
        self.name, self.kept, self.asked = name, set(), 0
        super().__init__(self.answer)

    def answer(self, request):
        if request.command == "GET":
            return 200, {}, b""
        body = json.loads(request.body)
        self.asked += 1
        before = body.get("previous_response_id")
        if before is not None and before not in self.kept:
            return 404, {}, LOST
        whole = {
            "id": f"resp_{self.name}{self.asked}", "object": "response",
            "status": "completed", "error": None,
            "store": body.get("store", True),
            "output": [{"type": "message", "content": [
                {"type": "output_text", "text": "hi"}]}],
            "usage": {"input_tokens": 3, "output_tokens": 1}}
        self.kept.add(whole["id"])
        if not body.get("stream"):
            return 200, {}, whole
        started = {**whole, "status": "in_progress", "output": []}
        return 200, {"content-type": "text/event-stream"}, "".join(
            f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in (
                {"type": "response.created", "response": started},
                {"type": "response.output_text.delta", "delta": "hi"},
                {"type": "response.completed", "response": whole}))


class Stored(unittest.TestCase):
    def setUp(self):
        self.near, self.far = Keeper("near"), Keeper("far")
        self.g = Gateway(conf([
            backend("near", self.near.port, "", "openai"),
            backend("far", self.far.port,
                    "price = { input = 9.0; output = 9.0; };", "openai")
            .replace("price = { input = 1.0; output = 1.0; };", "")]))

    def tearDown(self):
        self.assertEqual(self.g.stop(), 0)
        self.near.stop()
        self.far.stop()

    def ask(self, model="m", **more):
        status, headers, body = self.g.post(
            RESPONSES, {"model": model, "input": "hi", **more})
        if not isinstance(body, dict):
            body = json.loads(body.split("data: ")[-1])["response"]
        return status, headers.get("x-pointsman-backend"), headers.get(
            "x-pointsman-attempts"), body

    def test_it_goes_on_where_the_one_before_is_kept(self):
        for stream in (False, True):
            status, where, _, first = self.ask("m:far", stream=stream)
            self.assertEqual((status, where), (200, "far"))
            self.assertEqual(http_json(
                self.g.admin, "POST", "/admin/v1/reload")[0], 200)
            before = self.near.asked
            for _ in range(2):
                status, where, attempts, first = self.ask(
                    previous_response_id=first["id"], stream=stream)
                self.assertEqual((status, where, attempts), (200, "far", "1"))
            self.assertEqual(self.near.asked, before)
        self.assertEqual(self.ask()[1], "near")

    def test_where_it_is_kept_is_not_known_all_are_asked(self):
        self.far.kept.add("resp_of_before")
        status, where, attempts, _ = self.ask(
            previous_response_id="resp_of_before")
        self.assertEqual((status, where, attempts), (200, "far", "2"))
        unkept = self.ask("m:far", store=False)[3]["id"]
        self.assertEqual(
            self.ask(previous_response_id=unkept)[1:3], ("far", "2"))
        status, _, _, body = self.ask(previous_response_id="resp_none")
        self.assertEqual(
            (status, body["error"]["code"]),
            (404, "previous_response_not_found"))

    def test_while_its_keeper_is_away_others_do_not_say_it_is_lost(self):
        first = self.ask("m:far")[3]["id"]
        before = self.near.asked
        http_json(self.g.admin, "POST", "/admin/v1/backends/drain?backend=far")
        status, _, _, body = self.ask(previous_response_id=first)
        self.assertEqual(status, 503, body)
        self.assertEqual(self.near.asked, before)
        self.assertEqual(self.ask()[1], "near")


if __name__ == "__main__":
    unittest.main()
