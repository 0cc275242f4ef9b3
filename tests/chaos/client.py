"""A client that reads HTTP strictly and says what it was given.

Each answer is judged on its own: whole and from one serving, an explicit
error, or something that must never be (a cut that looks like an end, two
answers in one, a hang).
"""
import asyncio
import json
import re
import time
from dataclasses import dataclass, field

from upstream import TOKENS

WHOLE, ERROR, BROKEN = "whole", "error", "broken"
WORD = re.compile(r"t(\d+)@(\S+)")
ERROR_MEMBERS = {"message", "type", "param", "code"}


class Wrong(Exception):
    """What a client must never see."""


class Splice(Wrong):
    """Two answers in one, or one twice."""


class Truncated(Wrong):
    """A part, and no word that it is one."""


class Closed(Wrong):
    """No answer: the connection ended."""


class Hung(Wrong):
    """Nothing, for longer than anything may take."""


@dataclass
class Seen:
    kind: str = ""
    status: int = 0
    source: str = ""  # whose tokens they are
    tokens: int = 0
    error: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    took: float = 0.0

    def attempts(self):
        return int(self.headers.get("x-pointsman-attempts", 0))


def request(path, body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "host: localhost",
             "content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{k}: {v}" for k, v in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def read_head(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as e:
        if e.partial:
            raise
        raise Closed("closed without a word") from None
    except ConnectionResetError:  # what was sent was not read any more
        raise Closed("reset without a word") from None
    lines = head.decode("latin-1").split("\r\n")
    m = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0])
    if not m:
        raise Wrong(f"status line {lines[0]!r}")
    headers = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(m[1]), headers


async def read_chunks(reader, take):
    """Gives each piece to take(); the end must be a clean one."""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            if await reader.readexactly(2) != b"\r\n":
                raise Wrong("trailers")
            return
        take(await reader.readexactly(size))
        if await reader.readexactly(2) != b"\r\n":
            raise Wrong("a chunk without its end")


async def read_answer(reader, marks):
    status, headers = await read_head(reader)
    if headers.get("transfer-encoding") == "chunked":
        parts = []

        def take(data):
            parts.append(data)
            for text, event in marks.items():
                if not event.is_set() and text.encode() in data:
                    event.set()

        await read_chunks(reader, take)
        return status, headers, b"".join(parts)
    if "content-length" not in headers:
        raise Wrong("neither a length nor chunks")
    return status, headers, await reader.readexactly(
        int(headers["content-length"]))


def one_source(text, seen):
    """Words count from 0 and come from one serving."""
    words = WORD.findall(text)
    if WORD.sub("", text).strip() not in ("", "é" * len(words)):
        raise Splice(f"text that nobody sent: {text[:200]!r}")
    sources = {s for _, s in words}
    if len(sources) > 1:
        raise Splice(f"two answers in one: {sorted(sources)}")
    if [int(n) for n, _ in words] != list(range(len(words))):
        raise Splice(f"words out of order: {text[:200]!r}")
    seen.source = sources.pop() if sources else ""
    seen.tokens = len(words)


def one_of(n, words):
    """words: how many there have to be, or a set of such numbers."""
    return n == words if isinstance(words, int) else n in words


def judge_error(doc, seen):
    error = doc.get("error")
    if not isinstance(error, dict) or set(error) != ERROR_MEMBERS:
        raise Wrong(f"an error without its shape: {doc}")
    if not isinstance(error["message"], str) or not error["message"]:
        raise Wrong(f"an error without a message: {doc}")
    seen.error = error


def judge_stream(raw, seen, words=TOKENS):
    text, finish = [], False
    blocks = raw.decode().split("\n\n")
    if blocks.pop() != "":
        raise Truncated("an event without its end")
    ended = False
    for block in blocks:
        data = [line[5:].strip() for line in block.split("\n")
                if line.startswith("data:")]
        if not data:
            continue
        if ended:
            raise Splice(f"more after the end: {block[:200]!r}")
        if data[0] == "[DONE]":
            ended = True
            seen.kind = WHOLE
            continue
        doc = json.loads("\n".join(data))
        if "error" in doc:
            judge_error(doc, seen)
            seen.kind = BROKEN
            ended = True
            continue
        for choice in doc["choices"]:
            text.append(choice["delta"].get("content") or "")
            finish = finish or choice["finish_reason"] is not None
    one_source("".join(text), seen)
    if not ended:
        raise Truncated("a stream that ends without [DONE] or an error")
    if seen.kind == WHOLE and not (finish and one_of(seen.tokens, words)):
        raise Truncated(f"[DONE] after {seen.tokens} of {words} tokens, "
                        f"finish_reason {finish}")


def judge(status, headers, body, streamed, words=TOKENS):
    seen = Seen(status=status, headers=headers)
    kind = headers.get("content-type", "")
    if status != 200:
        judge_error(json.loads(body), seen)
        seen.kind = ERROR
    elif streamed != kind.startswith("text/event-stream"):
        raise Wrong(f"a {kind} to a call with stream={streamed}")
    elif streamed:
        judge_stream(body, seen, words)
    else:
        doc = json.loads(body)
        one_source(doc["choices"][0]["message"]["content"] or "", seen)
        if not one_of(seen.tokens, words):
            raise Truncated(f"{seen.tokens} of {words} tokens")
        seen.kind = WHOLE
    return seen


async def ask(port, body, headers=None, patience=60.0, words=TOKENS,
              path="/v1/chat/completions", marks=None, read=None):
    """One call on a connection of its own; what came of it. The marks are
    events, set once the client has seen their text. `read` tells the body of
    an answer as one of chat."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port,
                                                   limit=1 << 20)
    try:
        writer.write(request(path, body, headers))
        status, said, raw = await asyncio.wait_for(
            read_answer(reader, marks or {}), patience)
        took = time.monotonic() - began
        if read is not None:
            raw = read(status, said, raw)
        seen = judge(status, said, raw, bool(body.get("stream")), words)
        seen.took = took
        return seen
    except asyncio.TimeoutError:
        raise Hung(f"nothing after {patience} s") from None
    except (asyncio.IncompleteReadError, OSError) as e:
        raise Truncated(f"cut off: {e!r}") from None
    finally:
        writer.close()
