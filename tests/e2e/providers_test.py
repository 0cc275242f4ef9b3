"""What providers say in ways of their own: whose fault it is taken for, where
the request goes then, and what the client reads where nobody else could."""
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Gateway, Stub, chat, http_json  # noqa: E402

JSON, EVENTS = "application/json", "text/event-stream"


def error(message, **members):
    return {"error": {"message": message, **members}}


def google(status, message, word):
    return [{"error": {"code": status, "message": message, "status": word}}]


def whole(text, finish="stop", **members):
    return {"object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": finish,
         "message": {"role": "assistant", "content": text}}], **members}


def event(document):
    return "data: " + json.dumps(document) + "\n\n"


def chunk(finish=None, **delta):
    return event({"choices": [
        {"index": 0, "delta": delta, "finish_reason": finish}]})


DONE = "data: [DONE]\n\n"
HAD = chunk(content="from two") + chunk("stop") + DONE

# by the name of the model that such a backend has: status, body, fault, and
# what is quoted where it stands alone (None: nothing)
REFUSALS = {
    "gemini-key": (400, google(
        400, "API key not valid. Please pass a valid API key.",
        "INVALID_ARGUMENT"), "key", None),
    "gemini-member": (400, google(
        400, 'Unknown name "seed": Cannot find field.', "INVALID_ARGUMENT"),
        "unsuited", 'Unknown name "seed": Cannot find field.'),
    "gemini-length": (400, google(
        400, "The input token count (9) exceeds the maximum number of tokens "
        "allowed (8).", "INVALID_ARGUMENT"), "unsuited",
        "The input token count (9) exceeds the maximum number of tokens "
        "allowed (8)."),
    "gemini-wrong": (400, google(
        400, "Request contains an invalid argument.", "INVALID_ARGUMENT"),
        "request", "Request contains an invalid argument."),
    "gemini-cancelled": (499, google(
        499, "The operation was cancelled.", "CANCELLED"), "server_error",
        None),
    "xai-key": (400, {
        "code": "invalid-argument", "error": "Incorrect API key provided: "
        "xa***ai. You can obtain an API key from https://console.x.ai."},
        "key", None),
    "xai-wrong": (400, {
        "code": "invalid-argument", "error": "Each message must have a role"},
        "request", "Each message must have a role"),
    "fireworks-account": (412, error(
        "Account x is suspended", code="PRECONDITION_FAILED"),
        "rate_limited", None),
    "aws-wrong": (400, {"Message": "no messages"}, "request", "no messages"),
    "lmstudio-crash": (400, {
        "error": "The model has crashed without additional information."},
        "server_error", None),
    "sglang-full": (503, {
        "object": "error", "message": "The request queue is full.",
        "type": "SERVICE_UNAVAILABLE", "param": None, "code": 503},
        "rate_limited", None),
    "moved": (308, {"moved": "to https"}, "bad_answer", None),
}


class Bed(unittest.TestCase):
    """For each name of `replies` a backend that says so, its model `name`
    with a second backend behind it, and `name-alone` without."""

    replies = {}

    @classmethod
    def setUpClass(cls):
        cls.stub = Stub(cls.answer)
        backends = [cls.backend("two", 2.0)]
        models = []
        for name in cls.replies:
            backends.append(cls.backend(name, 1.0))
            one = f'{{ backend = "{name}"; model = "%s"; }}'
            models.append(
                f'{{ name = "{name}"; serve = ( {one % "up"}, '
                '{ backend = "two"; model = "up"; } ); }')
            models.append(f'{{ name = "{name}-alone"; '
                          f'serve = ( {one % "alone"} ); }}')
        cls.gateway = Gateway(
            f'backends = ( {", ".join(backends)} );\n'
            f'models = ( {", ".join(models)} );\n', env={"KEY": "k"})

    @classmethod
    def backend(cls, name, price):
        return (f'{{ name = "{name}"; adapter = "openai"; '
                f'url = "http://127.0.0.1:{cls.stub.port}/{name}/v1"; '
                'api_key = "env:KEY"; probe_interval = "0s"; '
                f'price = {{ input = {price}; output = {price}; }}; }}')

    @classmethod
    def answer(cls, request):
        name = request.path.split("/")[1]
        if name == "two":
            streamed = json.loads(request.body).get("stream")
            return (200, {"content-type": EVENTS}, HAD) if streamed \
                else (200, {}, whole("from two"))
        return cls.replies[name]

    @classmethod
    def tearDownClass(cls):
        assert cls.gateway.stop() == 0
        cls.stub.stop()

    def ask(self, model, **members):
        """Status, headers, body; and what became of it by its receipt."""
        status, headers, body = self.gateway.chat(chat(model, **members))
        receipt = http_json(
            self.gateway.admin, "GET",
            "/admin/v1/receipts/" + headers["x-request-id"])[2]
        return status, headers, body, receipt["outcome"]


class Refusals(Bed):
    replies = {name: (status, {}, body)
               for name, (status, body, _, _) in REFUSALS.items()}

    def test_whose_fault_it_is(self):
        for name, (status, _, fault, quoted) in REFUSALS.items():
            with self.subTest(name):
                got, headers, body, outcome = self.ask(name)
                self.assertEqual(outcome["attempts"][0]["fault"], fault)
                if fault == "request":
                    self.assertEqual(got, status)
                    self.assertEqual(len(outcome["attempts"]), 1)
                else:
                    self.assertEqual((got, body), (200, whole("from two")))
                got, headers, body, outcome = self.ask(name + "-alone")
                if quoted is not None:
                    self.assertEqual(
                        (got, body["error"]["message"]), (status, quoted))
                else:
                    self.assertIn(got, (429, 502, 503))
        body = self.ask("xai-wrong")[2]
        self.assertEqual(body["error"]["code"], "invalid-argument")
        self.assertIn("application/json: a redirect, which is not followed",
                      self.gateway.log())


def ended(reason):
    return chunk(role="assistant", content="") + chunk(reason) + DONE


# by the name of the model: a stream without a token, and whether it is an
# answer
ENDS = {
    "gemini-filter": ("content_filter: PROHIBITED_CONTENT", True),
    "gemini-limit": ("MAX_TOKENS", True),
    "mistral-length": ("model_length", True),
    "glm-sensitive": ("sensitive", True),
    "glm-network": ("network_error", False),
    "deepseek-resource": ("insufficient_system_resource", False),
}


class Ends(Bed):
    replies = {name: (200, {"content-type": EVENTS}, ended(reason))
               for name, (reason, _) in ENDS.items()}

    def test_why_nothing_was_said(self):
        for name, (reason, whole_answer) in ENDS.items():
            with self.subTest(name):
                _, _, body, outcome = self.ask(name, stream=True)
                self.assertEqual(body, ended(reason) if whole_answer else HAD)
                self.assertEqual(outcome["attempts"][0]["fault"],
                                 None if whole_answer else "bad_answer")


# by the name of the model: usage, and what is counted: whether it was told,
# input, output, cached
USAGES = {
    "xai": ({"prompt_tokens": 12, "completion_tokens": 1, "total_tokens": 399,
             "completion_tokens_details": {"reasoning_tokens": 386}},
            (True, 12, 387, 0)),
    "gemini": ({"completion_tokens": 198, "prompt_tokens": 20,
                "total_tokens": 623}, (True, 20, 603, 0)),
    "deepseek": ({"prompt_tokens": 100, "completion_tokens": 2,
                  "total_tokens": 102, "prompt_cache_hit_tokens": 64,
                  "prompt_cache_miss_tokens": 36}, (True, 100, 2, 64)),
    "new-api": ({"prompt_tokens": 13, "completion_tokens": 8,
                 "total_tokens": 21, "input_tokens": 0, "output_tokens": 0},
                (True, 13, 8, 0)),
    "null": ({"prompt_tokens": None, "completion_tokens": None,
              "total_tokens": 0}, None),
    "zero": ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
             None),
}


class Counts(Bed):
    replies = {}
    for name, (usage, _) in USAGES.items():
        replies[name] = 200, {}, whole("a few words of it", usage=usage)
        replies[name + "-stream"] = (
            200, {"content-type": EVENTS},
            chunk(content="a few words of it") + chunk("stop") +
            event({"choices": [], "usage": usage}) + DONE)

    def test_what_is_paid_for(self):
        for name, (_, counted) in USAGES.items():
            for model, streamed in ((name, False), (name + "-stream", True)):
                with self.subTest(model):
                    status, _, _, outcome = self.ask(model, stream=streamed)
                    usage = outcome["usage"]
                    self.assertEqual(status, 200)
                    if counted is None:
                        self.assertFalse(usage["reported"])
                        self.assertGreater(usage["input"], 0)
                        self.assertGreater(usage["output"], 0)
                    else:
                        self.assertEqual(
                            tuple(usage[k] for k in (
                                "reported", "input", "output", "cached")),
                            counted)
                        self.assertAlmostEqual(
                            outcome["cost_usd"],
                            (counted[1] + counted[2]) / 1e6)


def in_half_a_minute(scale=1):
    return str(int((time.time() + 30) * scale))


# by the name of the model: headers of a 429, made for each, and its body; all
# of them mean half a minute
LIMITS = {
    "seconds": (lambda: {"retry-after": "30"}, error("slow down")),
    "moment": (lambda: {"retry-after": in_half_a_minute()},
               error("slow down")),
    "reset": (lambda: {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": in_half_a_minute(1000)},
        error("slow down")),
    "mistral": (lambda: {
        "x-ratelimit-remaining-req-minute": "0",
        "x-ratelimit-reset-req-minute": "30s"}, error("slow down")),
    "gemini": (dict, [{"error": {
        "code": 429, "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED", "details": [{
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": "30s"}]}}]),
}


class Limits(Bed):
    replies = LIMITS

    @classmethod
    def answer(cls, request):
        headers, body = LIMITS[request.path.split("/")[1]]
        return 429, headers(), body

    def test_how_long_it_lasts(self):
        for name in LIMITS:
            with self.subTest(name):
                status, headers, _ = self.gateway.chat(chat(name + "-alone"))
                self.assertEqual(status, 429)
                self.assertIn(int(headers["retry-after"]), range(26, 32))


SAID = chunk(content="as text") + chunk("stop") + DONE
SLOW = json.dumps(error("slow down", code=429))

# by the name of the model: headers and body of a stream, and whether it is one
# or the fault
TYPES = {
    "untyped": ({}, SAID, None),
    "plain": ({"content-type": "text/plain; charset=utf-8"}, SAID, None),
    "untyped-error": ({}, SLOW, "rate_limited"),
    "plain-error": ({"content-type": "text/plain"}, SLOW, "rate_limited"),
    "unended-error": (
        {"content-type": EVENTS}, "data: " + SLOW, "rate_limited"),
    "untyped-page": ({}, "<html>Just a moment</html>", "bad_answer"),
    "json": ({"content-type": JSON}, json.dumps(whole("x")), "bad_answer"),
}


class Types(Bed):
    replies = {name: (200, headers, body)
               for name, (headers, body, _) in TYPES.items()}
    replies["marked"] = (200, {"content-type": JSON},
                         "\ufeff" + json.dumps(whole("marked")))

    def test_events_are_read_by_what_they_are(self):
        for name, (_, sent, fault) in TYPES.items():
            with self.subTest(name):
                status, headers, body, outcome = self.ask(name, stream=True)
                self.assertEqual(status, 200)
                self.assertTrue(headers["content-type"].startswith(EVENTS))
                self.assertEqual(body, HAD if fault else sent)
                self.assertEqual(outcome["attempts"][0]["fault"], fault)

    def test_a_mark_before_an_answer_is_left_out(self):
        status, _, body, _ = self.ask("marked")
        self.assertEqual((status, body), (200, whole("marked")))


if __name__ == "__main__":
    unittest.main()
