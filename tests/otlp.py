"""A collector of OpenTelemetry that takes nothing on trust: OTLP 1.0 over HTTP,
JSON encoding. What does not follow the schema is a complaint."""
import http.server
import json
import re
import threading
import time

HEX = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
SPAN = {"traceId", "spanId", "parentSpanId", "name", "kind", "attributes",
        "startTimeUnixNano", "endTimeUnixNano", "status"}
VALUES = {
    "stringValue": lambda v: isinstance(v, str),
    "boolValue": lambda v: isinstance(v, bool),
    "doubleValue": lambda v: isinstance(v, float | int)
    and not isinstance(v, bool),
    # 64-bit integers are decimal strings
    "intValue": lambda v: isinstance(v, str) and re.fullmatch(r"-?\d+", v),
}
YEAR = 365 * 86400 * 10**9


def check(condition, *what):
    if not condition:
        raise ValueError(" ".join(str(w) for w in what))


def read_attributes(rows):
    out = {}
    check(isinstance(rows, list), "attributes are no list:", rows)
    for row in rows:
        check(set(row) == {"key", "value"}, "attribute:", row)
        check(row["key"] and row["key"] not in out, "key:", row)
        (kind, value), = row["value"].items()
        check(kind in VALUES and VALUES[kind](value), "value:", row)
        out[row["key"]] = int(value) if kind == "intValue" else value
    return out


def read_time(span, name):
    text = span[name]
    check(isinstance(text, str) and text.isdigit(), name, text)
    check(abs(int(text) - time.time_ns()) < YEAR, name, text)
    return int(text)


def read_span(span):
    check(set(span) <= SPAN, "unknown members:", set(span) - SPAN)
    for name, digits in HEX.items():
        if name == "parentSpanId" and name not in span:
            continue
        check(re.fullmatch(f"[0-9a-f]{{{digits}}}", span[name])
              and set(span[name]) != {"0"}, name, span[name])
    check(isinstance(span["name"], str) and span["name"], "name")
    check(span["kind"] in (1, 2, 3, 4, 5), "kind:", span["kind"])
    out = dict(span, attributes=read_attributes(span["attributes"]))
    out["start"] = read_time(span, "startTimeUnixNano")
    out["end"] = read_time(span, "endTimeUnixNano")
    check(out["start"] <= out["end"], "ends before it starts:", span)
    if "status" in span:
        check(set(span["status"]) <= {"code", "message"}
              and span["status"]["code"] in (0, 1, 2), span["status"])
    return out


def read_document(doc):
    """(attributes of the resource, its spans); ValueError where it does not
    follow the schema."""
    check(set(doc) == {"resourceSpans"}, "top:", list(doc))
    (resource,) = doc["resourceSpans"]
    check(set(resource) == {"resource", "scopeSpans"}, list(resource))
    (scope,) = resource["scopeSpans"]
    check(set(scope) == {"scope", "spans"}, list(scope))
    check(isinstance(scope["scope"]["name"], str), scope["scope"])
    check(scope["spans"], "an empty document")
    return (read_attributes(resource["resource"]["attributes"]),
            [read_span(s) for s in scope["spans"]])


class Collector:
    """Listens on loopback; answers with each of `statuses` in turn, then 200."""

    def __init__(self, port, statuses=()):
        self.spans, self.complaints, self.resources = [], [], []
        self.headers = {}  # of the last post
        self.statuses = list(statuses)
        self.posts = 0
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        self.posts += 1
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        if status == 200:
            try:
                check(handler.path == "/v1/traces", handler.path)
                check(handler.headers["content-type"] == "application/json",
                      handler.headers["content-type"])
                resource, spans = read_document(json.loads(body))
                self.resources.append(resource)
                self.spans += spans
            except (ValueError, KeyError, TypeError) as e:
                self.complaints.append(f"{e!r} in {body[:2000]!r}")
        answer = b"{}"
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def of(self, **attributes):
        """Spans that have these attributes; underscores stand for dots."""
        want = {k.replace("__", "."): v for k, v in attributes.items()}
        return [s for s in self.spans
                if want.items() <= s["attributes"].items()]

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
