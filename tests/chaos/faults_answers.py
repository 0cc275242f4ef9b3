"""Upstreams that answer in good HTTP with what is no answer, or odd."""
import email.utils
import json
import time

from faults import BAD, SERVER, After, Before, Fine, both, fault
from upstream import SSE, TOKENS

# --- answers that are none ---

@both(BAD)
async def ok_and_an_error_body(call):
    await call.plain(200, {"error": {"message": "no", "type": "x"}})


@both(SERVER)
async def ok_and_an_error_body_with_a_status(call):
    await call.plain(200, {"error": {"message": "no", "code": 500}})


@fault(BAD, None)
async def ok_and_an_sse_error(call):
    await call.write(SSE)
    await call.event({"error": {"message": "no", "type": "x"}})
    await call.write(b"0\r\n\r\n")


@fault(SERVER, None)
async def a_role_and_then_an_error(call):
    await call.begin()
    call.cause()
    await call.event({"error": {"message": "boom", "code": 500}})
    await call.gone()


@fault(After("server_error"), None)
async def an_error_after_tokens(call):
    await call.half()
    call.cause()
    await call.event({"error": {"message": "boom", "code": 500}})
    await call.gone()


@both(BAD)
async def ok_and_empty(call):
    await call.plain(200, b"")


@both(BAD)
async def no_content(call):
    await call.write(b"HTTP/1.1 204 No Content\r\n\r\n")


@both(BAD)
async def ok_and_html(call):
    await call.plain(200, b"<html>login</html>", content_type="text/html")


@both(BAD)
async def a_redirect(call):
    await call.plain(302, b"", "location: http://127.0.0.1:1/elsewhere")


@fault(BAD, None)
async def json_to_a_streamed_call(call):
    await call.plain(200, call.document())


@fault(None, BAD)
async def a_stream_to_a_call_for_json(call):
    call.streamed = True
    call.cause()
    await call.write(SSE)
    await call.gone()


@fault(None, BAD)
async def half_of_the_json_in_a_clean_body(call):
    text = json.dumps(call.document()).encode()
    await call.plain(200, text[:len(text) // 2])


# --- statuses ---

def error(status, message="no", code=None, **more):
    return {"error": {"message": message, "type": "t", "param": None,
                      "code": code, **more}}


def says(status, expected, *headers, body=None, name=None):
    """An upstream that answers with a status, and nothing else."""
    async def script(call):
        await call.plain(status, body or error(status), *headers)
    script.__name__ = name or f"status_{status}"
    return both(expected)(script)


says(400, Before("unsuited", 400, own=True),
     body=error(400, "maximum context length is 10", "context_length_exceeded"),
     name="status_400_that_only_this_one_gives")
says(400, Before("request", 400, own=True, moves_on=False),
     body=error(400, "messages: wrong type"),
     name="status_400_about_the_request")
says(401, Before("key"))
says(403, Before("key"), body=error(403, "no", "permission_error"))
says(403, Before("unsuited", 403, own=True),
     body=error(403, "this prompt was flagged"),
     name="status_403_about_the_request")
says(404, Before("model"), body=error(404, code="model_not_found"))
says(408, SERVER)
says(409, Before("request", 409, own=True, moves_on=False))
says(413, Before("unsuited", 413, own=True))
says(422, Before("request", 422, own=True, moves_on=False))
for code_ in (500, 502, 503, 504, 529, 599):
    says(code_, SERVER)
says(503, Before("loading", 503), body=error(503, "Loading model", 503,
                                             type="unavailable_error"),
     name="status_503_loading")
LIMITED = Before("rate_limited", 429, retry_after=(0.5, 60))
says(429, LIMITED)
says(498, LIMITED)
for label, value, bounds in (
        ("seconds", "retry-after: 7", (5, 7)),
        ("ms", "retry-after-ms: 2500", (1, 3)),
        ("an_absurd_time", "retry-after: 99999999999999999999", (0.5, 60)),
        ("a_negative_time", "retry-after: -5", (0.5, 60)),
        ("words", "retry-after: soon", (0.5, 60))):
    says(429, Before("rate_limited", 429, retry_after=bounds), value,
         name=f"status_429_for_{label}")


@both(Before("rate_limited", 429, retry_after=(5, 10)))
async def status_429_until_a_date(call):
    now = time.time()
    date, when = (email.utils.formatdate(t, usegmt=True)
                  for t in (now, now + 9))
    await call.plain(429, error(429), f"date: {date}", f"retry-after: {when}")


# --- usage ---

@fault(Fine(), None)
async def two_usages(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.event(call.usage_chunk())
    await call.done()


@both(Fine())
async def no_usage(call):
    if call.streamed:
        await call.begin(TOKENS)
        await call.finish(usage=False)
        await call.done()
    else:
        doc = call.document()
        del doc["usage"]
        await call.plain(200, doc)
