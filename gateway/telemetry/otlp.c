/* gateway/telemetry/otlp.c - writes OTLP's JSON. */
#include "gateway/telemetry/otlp.h"

#include <inttypes.h>
#include <string.h>

#include "gateway/lib/hex.h"
#include "gateway/telemetry/shard.h"

enum span_kind { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
#define STATUS_ERROR 2

/* --- attributes --- */

struct attributes {
	struct buf *out;
	bool any;
};

static void
begin_attribute(struct attributes *a, const char *key, const char *type)
{
	buf_addf(a->out,
	    "%s{\"key\":\"%s\",\"value\":{\"%s\":", a->any ? "," : "", key,
	    type);
	a->any = true;
}

static void
add_text(struct attributes *a, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0' || strcmp(value, "-") == 0)
		return;
	begin_attribute(a, key, "stringValue");
	buf_add_json(a->out, slice_of(value));
	buf_add_str(a->out, "}}");
}

/* 64-bit integers are strings, as in all of Protobuf's JSON. */
static void
add_int(struct attributes *a, const char *key, int64_t value)
{
	begin_attribute(a, key, "intValue");
	buf_addf(a->out, "\"%" PRId64 "\"}}", value);
}

static void
add_double(struct attributes *a, const char *key, double value)
{
	begin_attribute(a, key, "doubleValue");
	buf_addf(a->out, "%.9g}}", value);
}

static void
add_bool(struct attributes *a, const char *key, bool value)
{
	begin_attribute(a, key, "boolValue");
	buf_addf(a->out, "%s}}", value ? "true" : "false");
}

/* --- spans --- */

static void
add_id(struct buf *out, const char *name, const unsigned char *id, size_t n)
{
	char hex[2 * TRACE_ID + 1];

	hex_write(id, n, hex);
	buf_addf(out, "\"%s\":\"%s\",", name, hex);
}

static void
begin_span(struct buf *out, const struct trace_record *r,
    const unsigned char *span, const unsigned char *parent)
{
	static const unsigned char none[SPAN_ID];

	buf_add_char(out, '{');
	add_id(out, "traceId", r->context.trace, TRACE_ID);
	add_id(out, "spanId", span, SPAN_ID);
	if (memcmp(parent, none, SPAN_ID) != 0)
		add_id(out, "parentSpanId", parent, SPAN_ID);
}

/* Its name is made of two. */
static struct attributes
describe_span(struct buf *out, const char *what, const char *of,
    enum span_kind kind, struct wait_span when)
{
	char room[512];
	struct buf name;

	buf_on(&name, room, sizeof(room));
	buf_addf(&name, "%s%s%.300s", what, of[0] != '\0' ? " " : "", of);
	buf_add_str(out, "\"name\":");
	buf_add_json(out, buf_slice(&name));
	buf_addf(out,
	    ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64 "000\","
	    "\"endTimeUnixNano\":\"%" PRId64 "000\",\"attributes\":[",
	    kind, when.from, when.to > when.from ? when.to : when.from);
	return (struct attributes){ .out = out };
}

static void
end_span(struct buf *out, const char *error)
{
	buf_add_char(out, ']');
	if (error != NULL) {
		buf_addf(
		    out, ",\"status\":{\"code\":%d,\"message\":", STATUS_ERROR);
		buf_add_json(out, slice_of(error));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* --- a request --- */

/* A client that leaves is no error of the server's. */
static const char *
error_of(const struct outcome *o)
{
	if (o->result == RESULT_OK || o->result == RESULT_CLIENT_GONE)
		return NULL;
	return o->reason;
}

static void
describe_usage(struct attributes *a, const struct outcome *o)
{
	if (o->n_attempts == 0)
		return;
	add_int(a, "gen_ai.usage.input_tokens", o->usage.input);
	add_int(a, "gen_ai.usage.output_tokens", o->usage.output);
	add_bool(a, "pointsman.usage_estimated", !o->usage.known);
	if (o->cost >= 0)
		add_double(a, "pointsman.cost_usd", o->cost);
}

static void
add_request(struct buf *out, const struct trace_record *r)
{
	const struct outcome *o = &r->outcome;
	const char *operation = operation_name(operation_of(o->dialect));
	struct attributes a;

	begin_span(out, r, r->context.span, r->context.parent);
	a = describe_span(out, operation, o->model, KIND_SERVER,
	    (struct wait_span){ r->began, r->ended });
	add_text(&a, "gen_ai.operation.name", operation);
	add_text(&a, "gen_ai.request.model", o->model);
	add_text(&a, "url.path", o->path);
	if (o->status > 0)
		add_int(&a, "http.response.status_code", o->status);
	add_text(&a, "error.type", error_of(o));
	add_text(&a, "pointsman.request_id", o->id);
	add_text(&a, "pointsman.tenant", o->tenant);
	add_text(&a, "pointsman.slo", o->slo);
	if (o->slo_declared)
		add_bool(&a, "pointsman.slo_met", o->slo_met);
	add_text(&a, "pointsman.reason", o->reason);
	add_text(&a, "pointsman.result", result_name(o->result));
	add_bool(&a, "pointsman.stream", o->stream);
	if (o->ttft >= 0)
		add_double(&a, "pointsman.ttft_s", (double)o->ttft / 1e6);
	describe_usage(&a, o);
	end_span(out, error_of(o));
}

static void
add_wait(struct buf *out, const struct trace_record *r, unsigned i)
{
	unsigned char span[SPAN_ID];
	struct attributes a;

	/* numbers that no attempt has */
	trace_attempt(&r->context, UINT32_MAX - i, span);
	begin_span(out, r, span, r->context.span);
	a = describe_span(out, "queue", "", KIND_INTERNAL, r->waits[i]);
	add_text(&a, "gen_ai.request.model", r->outcome.model);
	end_span(out, NULL);
}

/* One that was cancelled because the other was first has not failed. */
static const char *
fault_of(const struct attempt_report *a)
{
	if (a->fault == FAULT_NONE || a->fault == FAULT_OUTRUN ||
	    a->fault == FAULT_CLIENT_GONE)
		return NULL;
	return fault_rule(a->fault)->name;
}

static void
add_attempt(struct buf *out, const struct trace_record *r,
    const struct attempt_report *t, unsigned number)
{
	const struct wait_span when = { r->arrived + t->began,
		r->arrived + t->ended };
	unsigned char span[SPAN_ID];
	struct attributes a;

	trace_attempt(&r->context, number, span);
	begin_span(out, r, span, r->context.span);
	a = describe_span(out, "attempt", t->backend, KIND_CLIENT, when);
	add_text(&a, "gen_ai.operation.name",
	    operation_name(operation_of(r->outcome.dialect)));
	add_text(&a, "gen_ai.request.model", t->model);
	add_text(&a, "pointsman.backend", t->backend);
	add_int(&a, "pointsman.attempt", number);
	add_bool(&a, "pointsman.hedge", t->hedge);
	add_text(&a, "pointsman.fault", fault_rule(t->fault)->name);
	add_text(&a, "error.type", fault_of(t));
	if (t->status > 0)
		add_int(&a, "http.response.status_code", t->status);
	if (t->ttft >= 0)
		add_double(&a, "pointsman.ttft_s", (double)t->ttft / 1e6);
	end_span(out, fault_of(t));
}

/* Of many attempts the last ones are kept, each at its number's place. */
static void
add_attempts(struct buf *out, const struct trace_record *r)
{
	const struct outcome *o = &r->outcome;
	size_t kept = attempts_kept(o);

	for (size_t i = o->n_attempts - kept; i < o->n_attempts; i++) {
		buf_add_char(out, ',');
		add_attempt(
		    out, r, &o->attempts[i % ATTEMPTS_KEPT], (unsigned)i);
	}
}

void
otlp_add(struct buf *out, const struct trace_record *r, bool first)
{
	if (!first)
		buf_add_char(out, ',');
	add_request(out, r);
	for (unsigned i = 0; i < r->n_waits; i++) {
		buf_add_char(out, ',');
		add_wait(out, r, i);
	}
	add_attempts(out, r);
}

void
otlp_begin(struct buf *out, const char *instance)
{
	struct attributes a = { .out = out };

	buf_add_str(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	add_text(&a, "service.name", "pointsman");
	add_text(&a, "service.version", POINTSMAN_VERSION);
	add_text(&a, "service.instance.id", instance);
	buf_add_str(out,
	    "]},\"scopeSpans\":[{\"scope\":{\"name\":\"pointsman\","
	    "\"version\":\"" POINTSMAN_VERSION "\"},\"spans\":[");
}

void
otlp_end(struct buf *out)
{
	buf_add_str(out, "]}]}]}");
}
