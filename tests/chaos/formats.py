"""The formats that go to a backend as chat: how a client asks in one, and what
it is given, read strictly and told as chat would have told it, so that the
same judge may judge it."""
import json

from client import Truncated, Wrong


class Chat:
    """As it is."""

    path = "/v1/chat/completions"
    end = "[DONE]"  # what a client sees last of a good stream

    def body(self, chat):
        return chat

    def read(self, _, headers, body):
        return body

    def marks(self, marks):
        return {self.end if text == Chat.end else text: event
                for text, event in marks.items()}


def chunk(delta, finish=None):
    return {"choices": [{"delta": delta, "finish_reason": finish}]}


def error(message, code="upstream_failed"):
    """Anthropic's errors have no code, and nobody's a param."""
    return {"error": {"message": message, "type": "t", "param": None,
                      "code": code}}


def whole(text):
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


def events_of(raw):
    """(name, document) of each; comments are passed over."""
    blocks = raw.decode().split("\n\n")
    if blocks.pop() != "":
        raise Truncated("an event without its end")
    for block in blocks:
        lines = [x for x in block.split("\n") if not x.startswith(":")]
        if not lines:
            continue
        if len(lines) != 2 or not lines[0].startswith("event: ") \
                or not lines[1].startswith("data: "):
            raise Wrong(f"no event of that format: {block[:200]!r}")
        doc = json.loads(lines[1][6:])
        if doc["type"] != lines[0][7:]:
            raise Wrong(f"an event of two types: {block[:200]!r}")
        yield doc


def as_stream(documents):
    return "".join("data: " + (d if isinstance(d, str) else json.dumps(d))
                   + "\n\n" for d in documents).encode()


class Translated(Chat):
    def read(self, status, headers, body):
        if status != 200:
            return json.dumps(self.error(json.loads(body))).encode()
        if headers.get("content-type", "").startswith("text/event-stream"):
            return as_stream(self.stream(events_of(body)))
        return whole(self.text(json.loads(body)))


class Messages(Translated):
    path, end = "/v1/messages", "message_stop"

    def body(self, chat):
        return {**chat, "max_tokens": 100}

    def error(self, doc):
        if doc["type"] != "error" or not doc["error"]["type"]:
            raise Wrong(f"an error without its shape: {doc}")
        return error(doc["error"]["message"], None)

    def text(self, doc):
        if doc["type"] != "message" or doc["stop_reason"] != "end_turn":
            raise Wrong(f"no whole message: {doc}")
        return "".join(b["text"] for b in doc["content"])

    def stream(self, events):
        begun, open_, blocks, finish = False, None, 0, None
        for e in events:
            kind = e["type"]
            if kind == "error":
                yield error(e["error"]["message"])
                continue
            if begun == (kind == "message_start"):
                raise Wrong(f"{kind} out of order")
            begun = True
            if kind == "content_block_start":
                if open_ is not None or e["index"] != blocks:
                    raise Wrong(f"a block out of order: {e}")
                open_, blocks = blocks, blocks + 1
            elif kind == "content_block_delta":
                if e["index"] != open_ or finish:
                    raise Wrong(f"a delta of no block: {e}")
                yield chunk({"content": e["delta"]["text"]})
            elif kind == "content_block_stop":
                if e["index"] != open_:
                    raise Wrong(f"an end of no block: {e}")
                open_ = None
            elif kind == "message_delta":
                finish = e["delta"]["stop_reason"]
                e["usage"]["output_tokens"] += 0
                yield chunk({}, finish)
            elif kind == "message_stop":
                if open_ is not None or finish != "end_turn":
                    raise Wrong(f"an end after {finish}, within {open_}")
                yield "[DONE]"


class Responses(Translated):
    path, end = "/v1/responses", "response.completed"

    def body(self, chat):
        return {"model": chat["model"], "stream": chat["stream"],
                "input": chat["messages"]}

    def error(self, doc):
        return doc

    def text(self, doc):
        if doc["object"] != "response" or doc["status"] != "completed":
            raise Wrong(f"no whole response: {doc}")
        return "".join(part["text"] for item in doc["output"]
                       for part in item["content"])

    def stream(self, events):
        text, number = "", 0
        for e in events:
            kind = e["type"]
            if kind == "error":
                yield error(e["message"], e["code"])
                continue
            if e["sequence_number"] != number or \
                    (number == 0) != (kind == "response.created"):
                raise Wrong(f"{kind} is number {e['sequence_number']}")
            number += 1
            if kind == "response.output_text.delta":
                text += e["delta"]
                yield chunk({"content": e["delta"]})
            elif kind == "response.output_text.done":
                if e["text"] != text:
                    raise Wrong("another text at the end")
            elif kind == "response.completed":
                if self.text(e["response"]) != text:
                    raise Wrong("another text in the response")
                yield chunk({}, "stop")
                yield "[DONE]"
