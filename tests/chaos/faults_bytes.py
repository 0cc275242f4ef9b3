"""Upstreams whose HTTP is broken, and whose answers are too large."""
import gzip
import json
import os

from faults import (BAD, CUT, LATE, TOTAL, TTFT, After, Before, Fine,
                    both, fault, half_and_no_more)
from http2 import INTERNAL_ERROR
from upstream import SSE, TOKENS

BULK = int(os.environ.get("CHAOS_BULK_MB", "80")) << 20


# --- framing ---

@fault(After("framing"), Before("framing"))
async def a_chunk_of_bad_size(call):
    await call.half()
    call.cause()
    await call.write(b"zz\r\nwhatever\r\n")
    await call.gone()


@both(Before("framing"))
async def not_http(call):
    await call.write(b"220 mail.example ESMTP\r\n")
    call.fin()


@fault(After("cut"), Before("cut"))
async def a_length_that_is_too_long(call):
    await answer_of_length(call, 50)
    call.fin()


@fault(After("cut"), BAD)
async def a_length_that_is_too_short(call):
    await answer_of_length(call, -150)
    await call.gone(5)


async def answer_of_length(call, off):
    if not call.streamed:
        data = json.dumps(call.document()).encode()
    else:
        data = b"".join(b"data: " + json.dumps(call.token(i)).encode()
                        + b"\n\n" for i in range(TOKENS))
    kind = b"text/event-stream" if call.streamed else b"application/json"
    await call.write(b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
                     b"content-length: %d\r\n\r\n%s"
                     % (kind, len(data) + off, data[:100]))
    if call.streamed:
        await call.write(data[100:400])
        await call.shown()
        await call.write(data[400:])
    else:
        await call.write(data[100:])


@both(Fine())
async def gzip_that_nobody_asked_for(call):
    kind, text = "application/json", json.dumps(call.document())
    if call.streamed:
        docs = [*map(call.token, range(TOKENS)), call.delta({}, "stop"),
                call.usage_chunk()]
        kind, text = "text/event-stream", "".join(
            f"data: {json.dumps(d)}\n\n" for d in docs) + "data: [DONE]\n\n"
    await call.plain(200, gzip.compress(text.encode()),
                     "content-encoding: gzip", content_type=kind)


@both(Fine())
async def a_hundred_interim_answers(call):
    await call.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 100)
    await call.answer()


@both(Fine(), heavy=True)
async def one_byte_in_each_packet(call):
    class Slow:
        def __init__(self, writer):
            self.writer = writer

        def write(self, data):
            for i in range(len(data)):
                self.writer.write(data[i:i + 1])

        def __getattr__(self, name):
            return getattr(self.writer, name)

    call.writer = Slow(call.writer)
    await call.answer()


@both(Before("cut"), heavy=True)
async def headers_without_end(call):
    await call.write(b"HTTP/1.1 200 OK\r\n")
    line = b"x-filler: " + b"y" * 1000 + b"\r\n"
    for _ in range(2000):
        if not await call.write(line):
            break
    await call.gone()


# --- HTTP/2 ---

@both(Fine(), "http2")
async def http2_as_it_should_be(call):
    await call.answer()


@fault(*LATE, "http2")
async def http2_and_never_answers(call):
    call.cause(TTFT if call.streamed else TOTAL)
    await call.gone()


@fault(After("gap_timeout"), LATE[1], "http2")
async def http2_stalls(call):
    await half_and_no_more(call)


@both(Before("reset"), "http2")
async def http2_goaway_instead_of_an_answer(call):
    await call.goaway(0)
    await call.gone()


@both(Before("cut|reset"), "http2")
async def http2_stream_reset_at_once(call):
    await call.rst_stream(INTERNAL_ERROR)
    await call.gone()


@both(Before("cut|reset"), "http2")
async def http2_closes_without_a_word(call):
    call.fin()


@fault(*CUT, "http2")
async def http2_stream_reset_in_the_middle(call):
    await call.half()
    await call.rst_stream(INTERNAL_ERROR)
    await call.gone()


@fault(*CUT, "http2")
async def http2_goaway_and_close_in_the_middle(call):
    await call.half()
    await call.goaway(0)
    call.fin()


@both(Fine(), "http2")
async def http2_goaway_that_lets_streams_finish(call):
    await call.goaway(call.stream)
    await call.answer()


# --- sizes ---

@fault(None, Before("too_large"), heavy=True)
async def an_answer_without_bounds(call):
    await call.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                     b"content-length: %d\r\n\r\n{\"x\":\"" % (2 << 30))
    block = b"y" * (1 << 18)
    for _ in range((2 << 30) // len(block)):
        if not await call.write(block):
            break
    await call.gone()


@fault(Before("too_large"), None, heavy=True)
async def a_first_event_of_50_mb(call):
    await call.begin()
    await long_event(call)


@fault(After("too_large"), None, heavy=True)
async def a_later_event_of_50_mb(call):
    await call.half()
    await long_event(call)


async def long_event(call):
    text = b"z" * (1 << 18)
    await call.chunk(b'data: {"choices":[{"delta":{"content":"')
    for _ in range(200):
        if not await call.chunk(text):
            break
    await call.gone()


@fault(Fine(100_000), None, heavy=True)
async def a_hundred_thousand_events_in_a_packet(call):
    events = b"".join(
        b'data: {"choices":[{"index":0,"delta":{"content":"t%d@%s "},'
        b'"finish_reason":null}]}\n\n' % (i, call.name.encode())
        for i in range(100_000))
    await call.write(SSE)
    await call.chunk(events)
    await call.finish()
    await call.done()


@fault(Fine(TOKENS), None, heavy=True)
async def more_bytes_than_would_fit_in_memory(call):
    """Whole, if long: comments, which clients skip."""
    await call.begin(TOKENS)
    comment = (b": " + b"." * 8000 + b"\n\n") * 32
    for _ in range(BULK // len(comment)):
        if not await call.chunk(comment):
            return
    await call.finish()
    await call.done()
