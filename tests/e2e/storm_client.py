"""HTTP clients for a storm: what they ask, how they read, how they judge.

Written on bare sockets, because the point is to send and to leave as no HTTP
library would. An answer is wholly right, or it says that it is not; all else
is Wrong.
"""
import asyncio
import base64
import json
import socket
import struct

PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions",
         "embeddings": "/v1/embeddings"}
EMBEDDING_SIZE = 8

# Scripts of fakellm after which no answer can be whole, by what was asked for;
# those of LATER only if they strike before the last token.
NEVER = {"reset", "close", "hang", "empty", "html", "error_200"}
NEVER_STREAMED = NEVER | {"headers", "error_first", "no_finish"}
NEVER_WHOLE = NEVER | {"short", "cut", "cut_reset"}
LATER = {"stall", "cut", "cut_reset", "cut_inside", "error_later", "bad_chunk"}


class Wrong(Exception):
    """The gateway did what it never may."""


class Left(Exception):
    """The connection ended where an answer was due."""


class Ask:
    """One request, and what may be said to it."""

    def __init__(self, name, model, kind="chat", stream=False, tokens=5,
                 script=None, headers=None, pad=0, members=None,
                 statuses=(429, 502, 503, 504)):
        self.name, self.model, self.kind = name, model, kind
        self.stream, self.tokens = stream, tokens
        self.script = dict(script or {})
        self.headers = dict(headers or {})
        self.statuses = set(statuses)
        self.body = json.dumps(self.document(pad, members or {})).encode()

    def document(self, pad, members):
        doc = {"model": self.model, "fake": self.script, **members}
        if self.kind == "embeddings":
            doc["input"] = [f"text {i}" for i in range(self.tokens)]
            if pad:
                doc["input"][0] = "x" * pad
            return doc
        doc["max_tokens"] = self.tokens
        doc["stream"] = self.stream
        text = "x" * pad or "hello"
        if self.kind == "chat":
            doc["messages"] = [{"role": "user", "content": text}]
        else:
            doc["prompt"] = text
        return doc

    def __str__(self):
        return (f"{self.name} model={self.model} kind={self.kind} "
                f"stream={self.stream} tokens={self.tokens} "
                f"script={self.script} bytes={len(self.body)}")

    def head(self, framing, version="1.1"):
        lines = [f"POST {PATHS[self.kind]} HTTP/{version}",
                 "host: localhost", "content-type: application/json", framing]
        lines += [f"{k}: {v}" for k, v in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def wire(self, version="1.1"):
        return self.head(f"content-length: {len(self.body)}",
                         version) + self.body

    def chunked(self, rng, extension=""):
        out, at = [self.head("transfer-encoding: chunked")], 0
        while at < len(self.body):
            n = min(rng.choice((1, 7, 64, 1000, 16384, 1 << 18)),
                    len(self.body) - at)
            out.append(b"%x%s\r\n%s\r\n" % (
                n, extension.encode(), self.body[at:at + n]))
            at += n
        return b"".join(out) + b"0\r\n\r\n"

    def may_be_whole(self):
        fault = self.script.get("fault", "none")
        if fault.isdigit():
            return False
        if self.stream and fault in LATER:
            return self.script.get("after", 0) > self.tokens
        return fault not in (NEVER_STREAMED if self.stream else NEVER_WHOLE)

    def words(self):
        """How many words may be in a whole answer."""
        if self.script.get("fault") == "no_tokens":
            return {0, self.tokens}
        return {self.tokens}


class Answer:
    def __init__(self, status, headers):
        self.status, self.headers = status, headers
        self.body = bytearray()

    def events(self):
        out = []
        for block in self.body.split(b"\n\n"):
            for line in block.split(b"\n"):
                if line.startswith(b"data:"):
                    out.append(line[5:].strip().decode())
        return out


class Conn:
    """One connection to the gateway."""

    def __init__(self, port, receive=0):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        if receive:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.port, self.buf = port, bytearray()
        self.begun = False  # something of the next answer has come
        self.loop = asyncio.get_running_loop()

    async def open(self):
        await self.loop.sock_connect(self.sock, ("127.0.0.1", self.port))
        return self

    async def send(self, data):
        await self.loop.sock_sendall(self.sock, data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self, reset=False):
        if reset and self.sock.fileno() >= 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.sock.close()

    async def fill(self, most=65536):
        data = await self.loop.sock_recv(self.sock, most)
        self.buf += data
        self.begun = self.begun or bool(data)
        return len(data)

    async def line(self):
        while (end := self.buf.find(b"\n")) < 0:
            if not await self.fill():
                raise Left("within a line")
        line = bytes(self.buf[:end]).rstrip(b"\r")
        del self.buf[:end + 1]
        return line

    async def take(self, n, answer, pace):
        while n > 0:
            if not self.buf:
                await pace()
                if not await self.fill(pace.most):
                    raise Left("within a body")
            part = self.buf[:n]
            del self.buf[:n]
            answer.body += part
            pace.saw(answer.body, len(part))
            n -= len(part)

    async def head(self):
        """The status and headers of the next final response."""
        while True:
            line = await self.line()
            parts = line.split(b" ", 2)
            if not parts[0].startswith(b"HTTP/1."):
                raise Wrong(f"not a status line: {line[:200]}")
            headers = {}
            while line := await self.line():
                name, _, value = line.partition(b":")
                headers[name.decode().lower()] = value.decode().strip()
            if int(parts[1]) >= 200:
                return Answer(int(parts[1]), headers)

    async def answer(self, pace=None):
        """The next answer, to its end; Left where it has none."""
        pace = pace or Pace()
        self.begun = bool(self.buf)
        a = await self.head()
        if a.status == 204:
            pass
        elif "content-length" in a.headers:
            await self.take(int(a.headers["content-length"]), a, pace)
        elif a.headers.get("transfer-encoding") == "chunked":
            while (n := int(await self.line(), 16)) > 0:
                await self.take(n, a, pace)
                await self.line()
            while await self.line():
                pass
        else:
            while await self.fill():
                pass
            a.body, self.buf = self.buf, bytearray()
        return a


class Enough(Exception):
    """This client has read what it wanted."""


class Pace:
    """How a client reads: `most` bytes at a time, a pause before each, and
    perhaps only until some word has come."""

    def __init__(self, pause=0.0, most=65536, until=None):
        self.pause, self.most, self.until = pause, most, until

    async def __call__(self):
        if self.pause:
            await asyncio.sleep(self.pause)

    def saw(self, body, new):
        if self.until is not None and body.find(
                self.until, max(0, len(body) - new - 20)) >= 0:
            raise Enough


# --- judging ---

def check_error(doc, what):
    error = doc.get("error") if isinstance(doc, dict) else None
    if not isinstance(error, dict) or set(error) != {
            "message", "type", "param", "code"}:
        raise Wrong(f"{what} without OpenAI's shape: {doc}")
    if not isinstance(error["message"], str) or not error["message"]:
        raise Wrong(f"{what} without a message: {doc}")
    return error


def parse(text, what):
    try:
        return json.loads(text)
    except ValueError:
        raise Wrong(f"{what} is not JSON: {text[:300]!r}") from None


def check_words(text, allowed, whole):
    """The words count up from word0; all of them where it is whole."""
    words = text.split(" ") if text else []
    if words != [f"word{i}" for i in range(len(words))]:
        raise Wrong(f"words out of order: {text[-300:]!r}")
    if whole and len(words) not in allowed:
        raise Wrong(f"{len(words)} words, want {allowed}")


def piece(ask, choice):
    if ask.kind == "chat":
        return choice["delta"].get("content") or ""
    return choice["text"]


def judge_stream(ask, answer):
    events = answer.events()
    if not events:
        raise Wrong("a stream without events")
    whole = events[-1] == "[DONE]"
    docs = [parse(e, "an event") for e in events[:len(events) - whole]]
    error = None
    if not whole:
        error = check_error(docs.pop(), "the last event of a broken stream")
    text, finished, models = "", 0, set()
    for doc in docs:
        if "error" in doc:
            raise Wrong(f"an error in the middle of a stream: {doc}")
        models.add(doc["model"])
        for choice in doc["choices"]:
            if finished:
                raise Wrong("more after the finish_reason")
            text += piece(ask, choice)
            finished += choice["finish_reason"] is not None
    if len(models) > 1:
        raise Wrong(f"two backends in one stream: {models}")
    check_words(text, ask.words(), whole)
    if whole and not finished:
        raise Wrong("[DONE] without a finish_reason")
    if whole and not ask.may_be_whole():
        raise Wrong("whole, but it cannot have been")
    return "whole" if whole else f"event {error['code']}"


def judge_embeddings(ask, doc):
    if len(doc["data"]) != ask.tokens:
        raise Wrong(f"{len(doc['data'])} embeddings, want {ask.tokens}")
    for i, item in enumerate(doc["data"]):
        v = item["embedding"]
        if isinstance(v, str):
            v = struct.unpack(f"<{EMBEDDING_SIZE}f", base64.b64decode(v))
        want = [(i + 1) / (k + 2) for k in range(EMBEDDING_SIZE)]
        if item["index"] != i or any(
                abs(a - b) > 1e-4 * b for a, b in zip(v, want, strict=True)):
            raise Wrong(f"embedding {i} is another's: {item}")


def judge_body(ask, answer):
    doc = parse(answer.body, "a 200")
    if "error" in doc:
        raise Wrong(f"an error in a 200: {doc}")
    if not ask.may_be_whole():
        raise Wrong("a 200, but it cannot have been")
    if ask.kind == "embeddings":
        judge_embeddings(ask, doc)
        return "whole"
    choice = doc["choices"][0]
    text = (choice["message"]["content"] if ask.kind == "chat"
            else choice["text"])
    check_words(text.rstrip("x"), ask.words(), True)  # fakellm's padding
    return "whole"


def judge(ask, answer):
    """A word on how it ended; Wrong if it may not end so."""
    if "x-request-id" not in answer.headers:
        raise Wrong(f"no x-request-id: {answer.status} {answer.headers}")
    if answer.status == 200:
        kind = answer.headers.get("content-type", "")
        if kind.startswith("text/event-stream") != ask.stream:
            raise Wrong(f"content-type {kind}")
        return (judge_stream if ask.stream else judge_body)(ask, answer)
    error = check_error(parse(answer.body, f"a {answer.status}"),
                        f"a {answer.status}")
    if error["code"] != "overloaded" and answer.status not in ask.statuses:
        raise Wrong(f"status {answer.status}: {error}")
    if answer.status == 503 and not ({"retry-after", "x-should-retry"}
                                     & set(answer.headers)):
        raise Wrong(f"a 503 that does not say whether to retry: {error}")
    return f"{answer.status} {error['code']}"
