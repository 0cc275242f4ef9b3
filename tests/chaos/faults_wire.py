"""Upstreams that cannot be reached, say nothing, or break off."""
import json

from faults import (CUT, LATE, LONG, RESET, TOTAL, TTFT, After, Before,
                    Fine, BAD, both, fault, half_and_no_more)
from upstream import DONE, JSON, SSE, TOKENS

# --- no answer at all ---

@both(Before("refused"), "refused")
async def refused(call):
    pass


@both(Before("unreachable"), "unroutable")
async def unroutable(call):
    pass


@both(Before("dns"), "dns")
async def a_name_that_does_not_resolve(call):
    pass


@both(Before("connect_timeout", 504), "blackhole")
async def never_accepts(call):
    pass


@both(Before("tls"), "expired")
async def certificate_expired(call):
    await call.answer()


@both(Before("tls"), "wrong_host")
async def certificate_of_another_host(call):
    await call.answer()


@both(Before("tls"), "untrusted")
async def certificate_of_nobody_known(call):
    await call.answer()


@both(Before("tls"), "plain_as_tls")
async def no_tls_at_all(call):
    await call.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n"
                     b"connection: close\r\n\r\n")
    call.fin()


@both(Fine(), "tls")
async def tls_as_it_should_be(call):
    await call.answer()


@fault(*LATE)
async def accepts_and_never_answers(call):
    call.cause(TTFT if call.streamed else TOTAL)
    await call.gone()


@fault(*LATE)
async def headers_and_then_nothing(call):
    call.cause(TTFT if call.streamed else TOTAL)
    await call.write(SSE if call.streamed else JSON)
    await call.gone()


@fault(*LATE)
async def first_token_too_late(call):
    call.cause(TTFT if call.streamed else TOTAL)
    if not await call.left_within(LONG):
        await call.answer()
        await call.gone()


@fault(LATE[0], None)
async def role_and_then_nothing(call):
    call.cause(TTFT)
    await call.begin()
    await call.gone()


@fault(After("gap_timeout"), Before("total_timeout", 504))
async def stalls(call):
    await half_and_no_more(call)


@fault(After("total_timeout"), Before("total_timeout", 504))
async def drips_a_byte_at_a_time(call):
    call.cause(TOTAL)
    await call.half()
    data = b"data: " + b"x" * 200
    for i in range(len(data)):
        await call.chunk(data[i:i + 1])
        if await call.left_within(0.1):
            break
    call.fin()


# --- cuts ---

@both(Before("reset"))
async def closes_without_a_word(call):
    call.fin()


@both(Before("reset"))
async def resets_without_a_word(call):
    call.rst()


@both(Before("cut"))
async def closes_within_the_headers(call):
    await call.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/ev")
    call.fin()


@both(RESET[1])
async def resets_after_the_headers(call):
    await call.write(SSE if call.streamed else JSON)
    call.rst()


@fault(*CUT)
async def cut_by_fin(call):
    await call.half()
    call.fin()


@fault(*RESET)
async def cut_by_rst(call):
    await call.half()
    call.rst()


@fault(*CUT)
async def cut_inside_an_event(call):
    await call.half()
    await call.chunk(b'data: {"id":"c1","choi')
    call.fin()


@fault(*CUT)
async def cut_inside_a_chunk(call):
    await call.half()
    await call.write(b'200\r\ndata: {"id":"c1","choi')
    call.fin()


@fault(*CUT)
async def cut_inside_utf8(call):
    await call.half()
    await call.chunk(b'data: {"choices":[{"delta":{"content":"\xc3')
    call.fin()


@fault(CUT[0], None)
async def cut_before_the_blank_line(call):
    await call.half()
    text = json.dumps(call.token(TOKENS // 2)).encode()
    await call.chunk(b"data: " + text + b"\n")
    call.fin()


@fault(CUT[0], None)
async def ends_cleanly_without_a_finish_reason(call):
    await call.half()
    await call.write(b"0\r\n\r\n")


@fault(CUT[0], None)
async def done_without_a_finish_reason(call):
    await call.half()
    await call.done()


@fault(CUT[0], None)
async def cut_after_the_finish_reason(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.shown()
    call.fin()


@fault(RESET[0], None)
async def reset_after_the_finish_reason(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.shown()
    call.rst()


@fault(Fine(), None)
async def no_done_but_a_clean_end(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.write(b"0\r\n\r\n")


@fault(Fine(), None)
async def reset_after_done(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.event("[DONE]")
    await call.shown(DONE)
    call.rst()


@fault(Fine(), None)
async def never_closes_after_done(call):
    await call.begin(TOKENS)
    await call.finish()
    await call.event("[DONE]")
    await call.gone()


@fault(After("cut"), BAD)
async def cut_where_the_end_is_the_length(call):
    head = (SSE if call.streamed else JSON).replace(
        b"transfer-encoding: chunked", b"connection: close")
    await call.write(head)
    for i in range(3 if call.streamed else 0):
        await call.write(b"data: " + json.dumps(call.token(i)).encode()
                         + b"\n\n")
    if call.streamed:
        await call.shown()
    else:
        await call.write(json.dumps(call.document()).encode()[:100])
    call.fin()
