"""A collector of OpenTelemetry that takes nothing on trust: OTLP 1.0 over HTTP,
Protobuf encoding, read by OpenTelemetry's own schema. What does not follow it
is a complaint.

The schema is a package of tools/bootstrap's, which this file runs itself with
as a process of its own: a body in, what it says out.
"""
import json
import os
import struct
import subprocess
import sys
import threading
import time

import harness

PYTHON = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../build/tools/python/bin/python")
YEAR = 365 * 86400 * 10**9
KINDS = (1, 2, 3, 4, 5)


def check(condition, *what):
    if not condition:
        raise ValueError(" ".join(str(w) for w in what))


# --- in the process that has the schema ---

def read_attributes(rows):
    out = {}
    for row in rows:
        kind = row.value.WhichOneof("value")
        check(row.key and row.key not in out, "key:", row)
        check(kind in ("string_value", "bool_value", "int_value",
                       "double_value"), "value:", row)
        out[row.key] = getattr(row.value, kind)
    return out


def read_span(span):
    out = {"attributes": read_attributes(span.attributes),
           "name": span.name, "kind": span.kind,
           "start": span.start_time_unix_nano,
           "end": span.end_time_unix_nano}
    for name, value, size in (("traceId", span.trace_id, 16),
                              ("spanId", span.span_id, 8),
                              ("parentSpanId", span.parent_span_id, 8)):
        if name == "parentSpanId" and not value:
            continue
        check(len(value) == size and any(value), name, value)
        out[name] = value.hex()
    check(span.name, "name")
    check(span.kind in KINDS, "kind:", span.kind)
    for name in ("start", "end"):
        check(abs(out[name] - time.time_ns()) < YEAR, name, out[name])
    check(out["start"] <= out["end"], "ends before it starts:", span)
    if span.HasField("status"):
        check(span.status.code in (0, 1, 2), span.status)
        out["status"] = {"code": span.status.code,
                         "message": span.status.message}
    return out


def read_document(export, body):
    """(attributes of the resource, its spans); ValueError where it does not
    follow the schema."""
    # nothing that is unknown, nothing out of order, no number too long
    known = type(export)()
    known.CopyFrom(export)
    known.DiscardUnknownFields()
    check(known.SerializeToString(deterministic=True) == body,
          "not as the schema's own library writes it:", known)
    (resource,) = export.resource_spans
    (scope,) = resource.scope_spans
    check(scope.scope.name, scope.scope)
    check(scope.spans, "an empty document")
    return (read_attributes(resource.resource.attributes),
            [read_span(s) for s in scope.spans])


def serve_schema():
    """Bodies in, each behind its length; a line of JSON out for each."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
    while size := sys.stdin.buffer.read(4):
        body = sys.stdin.buffer.read(*struct.unpack("!I", size))
        try:
            export = trace_service_pb2.ExportTraceServiceRequest()
            export.ParseFromString(body)
            resource, spans = read_document(export, body)
            said = {"resource": resource, "spans": spans}
        except (ValueError, DecodeError) as e:
            said = {"complaint": f"{e!r} in {body[:2000]!r}"}
        print(json.dumps(said), flush=True)


class Schema:
    """That process, as its user sees it."""

    def __init__(self):
        self.process = subprocess.Popen(
            [PYTHON, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, body):
        self.process.stdin.write(struct.pack("!I", len(body)) + body)
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        check(line, "no schema: tools/bootstrap test")
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# --- in the tests ---

class Collector(harness.Stub):
    """Listens on loopback; answers with each of `statuses` in turn, then 200.
    One of them may be (status, headers, body). What it has taken is read when
    somebody looks: a process that ends does not wait for its collector long,
    and the schema takes its time to load."""

    def __init__(self, port, statuses=()):
        self.taken, self.reading = [], threading.Lock()
        self.read = {"spans": [], "complaints": [], "resources": []}
        self.headers = {}  # of the last post
        self.statuses = list(statuses)
        self.posts, self.times = 0, []
        self.schema = Schema()
        super().__init__(self.take, port)

    def take(self, request):
        said = self.statuses.pop(0) if self.statuses else 200
        status, headers, body = said if isinstance(said, tuple) else (
            said, {}, b"")
        self.headers = {k.lower(): v for k, v in request.headers.items()}
        if status == 200:
            self.taken.append((request.path, self.headers, request.body))
        self.times.append(time.monotonic())
        self.posts += 1
        return status, {"content-type": "application/x-protobuf",
                        **headers}, body

    def read_one(self, path, headers, body):
        try:
            check(path == "/v1/traces", path)
            check(headers["content-type"] == "application/x-protobuf",
                  headers["content-type"])
            said = self.schema.read(body)
            check("complaint" not in said, said.get("complaint"))
            self.read["resources"].append(said["resource"])
            self.read["spans"] += said["spans"]
        except (ValueError, KeyError, TypeError) as e:
            self.read["complaints"].append(repr(e))

    def found(self, what):
        with self.reading:
            while self.taken:
                self.read_one(*self.taken.pop(0))
            return list(self.read[what])

    @property
    def spans(self):
        return self.found("spans")

    @property
    def complaints(self):
        return self.found("complaints")

    @property
    def resources(self):
        return self.found("resources")

    def of(self, **attributes):
        """Spans that have these attributes; underscores stand for dots."""
        want = {k.replace("__", "."): v for k, v in attributes.items()}
        return [s for s in self.spans
                if want.items() <= s["attributes"].items()]

    def stop(self):
        super().stop()
        self.schema.stop()


if __name__ == "__main__":
    serve_schema()
