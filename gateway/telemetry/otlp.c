/* gateway/telemetry/otlp.c - writes OTLP's JSON.
 *
 * A request has some thirty attributes and nine ids: by printf they would cost
 * more than half of what the request did before. */
#include "gateway/telemetry/otlp.h"

#include <string.h>

#include "gateway/lib/digits.h"
#include "gateway/lib/hex.h"
#include "gateway/telemetry/shard.h"

/* Of a span, and what follows it there. */
#define KIND(n) ",\"kind\":" #n ",\"startTimeUnixNano\":\""
#define KIND_INTERNAL KIND(1)
#define KIND_SERVER KIND(2)
#define KIND_CLIENT KIND(3)
#define STATUS_ERROR "2"
#define COST_MAX 1e9 /* USD; beyond it by printf */
#define NAME_MAX_BYTES 300 /* of a model or backend, in a span's name */

/* --- attributes --- */

struct attributes {
	struct buf *out;
	bool any;
};

static void
add_number(struct buf *out, uint64_t value)
{
	char digits[DIGITS_MAX];

	buf_add(out, slice_make(digits, digits_u64(digits, value)));
}

/* All that stands before an attribute's value; the key is a literal. */
#define OPENING(key, type)                                                     \
	SLICE(",{\"key\":\"" key "\",\"value\":{\"" type "\":")

static void
begin_attribute(struct attributes *a, struct slice opening)
{
	if (!a->any)
		opening = slice_make(opening.p + 1, opening.n - 1);
	buf_add(a->out, opening);
	a->any = true;
}

static void
add_text(struct attributes *a, struct slice opening, const char *value)
{
	if (value == NULL || value[0] == '\0' || strcmp(value, "-") == 0)
		return;
	begin_attribute(a, opening);
	buf_add_json(a->out, slice_of(value));
	buf_add_str(a->out, "}}");
}

/* 64-bit integers are strings, as in all of Protobuf's JSON. */
static void
add_count(struct attributes *a, struct slice opening, uint64_t value)
{
	begin_attribute(a, opening);
	buf_add_char(a->out, '"');
	add_number(a->out, value);
	buf_add_str(a->out, "\"}}");
}

/* Seconds. */
static void
add_span(struct attributes *a, struct slice opening, usec span)
{
	char digits[DIGITS_MAX];

	begin_attribute(a, opening);
	add_number(a->out, (uint64_t)(span / USEC_SEC));
	buf_add_char(a->out, '.');
	buf_add(a->out,
	    slice_make(
		digits, digits_padded(digits, (uint64_t)(span % USEC_SEC), 6)));
	buf_add_str(a->out, "}}");
}

/* Nine digits behind the point: of USD, a thousandth of a millionth. */
static void
add_cost(struct attributes *a, struct slice opening, double usd)
{
	char digits[DIGITS_MAX];
	uint64_t nano;

	begin_attribute(a, opening);
	if (usd < COST_MAX) {
		nano = (uint64_t)(usd * 1e9 + 0.5);
		add_number(a->out, nano / 1000000000);
		buf_add_char(a->out, '.');
		buf_add(a->out,
		    slice_make(
			digits, digits_padded(digits, nano % 1000000000, 9)));
	} else {
		buf_addf(a->out, "%.9g", usd);
	}
	buf_add_str(a->out, "}}");
}

static void
add_bool(struct attributes *a, struct slice opening, bool value)
{
	begin_attribute(a, opening);
	buf_add_str(a->out, value ? "true}}" : "false}}");
}

#define TEXT(a, key, v) add_text(a, OPENING(key, "stringValue"), v)
#define COUNT(a, key, v) add_count(a, OPENING(key, "intValue"), v)
#define SPAN(a, key, v) add_span(a, OPENING(key, "doubleValue"), v)
#define COST(a, key, v) add_cost(a, OPENING(key, "doubleValue"), v)
#define BOOL(a, key, v) add_bool(a, OPENING(key, "boolValue"), v)

/* --- spans --- */

static void
add_id(struct buf *out, const char *name, const unsigned char *id, size_t n)
{
	char hex[2 * TRACE_ID + 1];

	hex_write(id, n, hex);
	buf_add_str(out, name);
	buf_add(out, slice_make(hex, 2 * n));
	buf_add_str(out, "\",");
}

static void
begin_span(struct buf *out, const struct trace_record *r,
    const unsigned char *span, const unsigned char *parent)
{
	static const unsigned char none[SPAN_ID];

	buf_add_char(out, '{');
	add_id(out, "\"traceId\":\"", r->context.trace, TRACE_ID);
	add_id(out, "\"spanId\":\"", span, SPAN_ID);
	if (memcmp(parent, none, SPAN_ID) != 0)
		add_id(out, "\"parentSpanId\":\"", parent, SPAN_ID);
}

/* Its name is made of two. */
static void
add_name(struct buf *out, const char *what, const char *of)
{
	char room[NAME_MAX_BYTES + 64];
	struct buf name;

	buf_on(&name, room, sizeof(room));
	buf_add_str(&name, what);
	if (of[0] != '\0')
		buf_add_char(&name, ' ');
	buf_add(&name, slice_make(of, strnlen(of, NAME_MAX_BYTES)));
	buf_add_str(out, "\"name\":");
	buf_add_json(out, buf_slice(&name));
}

static struct attributes
describe_span(struct buf *out, const char *what, const char *of,
    const char *kind, struct wait_span when)
{
	usec to = when.to > when.from ? when.to : when.from;

	add_name(out, what, of);
	buf_add_str(out, kind);
	add_number(out, (uint64_t)when.from);
	buf_add_str(out, "000\",\"endTimeUnixNano\":\"");
	add_number(out, (uint64_t)to);
	buf_add_str(out, "000\",\"attributes\":[");
	return (struct attributes){ .out = out };
}

static void
end_span(struct buf *out, const char *error)
{
	buf_add_char(out, ']');
	if (error != NULL) {
		buf_add_str(
		    out, ",\"status\":{\"code\":" STATUS_ERROR ",\"message\":");
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
	COUNT(a, "gen_ai.usage.input_tokens", o->usage.input);
	COUNT(a, "gen_ai.usage.output_tokens", o->usage.output);
	BOOL(a, "pointsman.usage_estimated", !o->usage.known);
	if (o->cost >= 0)
		COST(a, "pointsman.cost_usd", o->cost);
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
	TEXT(&a, "gen_ai.operation.name", operation);
	TEXT(&a, "gen_ai.request.model", o->model);
	TEXT(&a, "url.path", o->path);
	if (o->status > 0)
		COUNT(&a, "http.response.status_code", (uint64_t)o->status);
	TEXT(&a, "error.type", error_of(o));
	TEXT(&a, "pointsman.request_id", o->id);
	TEXT(&a, "pointsman.tenant", o->tenant);
	TEXT(&a, "pointsman.slo", o->slo);
	if (o->slo_declared)
		BOOL(&a, "pointsman.slo_met", o->slo_met);
	TEXT(&a, "pointsman.reason", o->reason);
	TEXT(&a, "pointsman.result", result_name(o->result));
	BOOL(&a, "pointsman.stream", o->stream);
	if (o->ttft >= 0)
		SPAN(&a, "pointsman.ttft_s", o->ttft);
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
	TEXT(&a, "gen_ai.request.model", r->outcome.model);
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
	TEXT(&a, "gen_ai.operation.name",
	    operation_name(operation_of(r->outcome.dialect)));
	TEXT(&a, "gen_ai.request.model", t->model);
	TEXT(&a, "pointsman.backend", t->backend);
	COUNT(&a, "pointsman.attempt", number);
	BOOL(&a, "pointsman.hedge", t->hedge);
	TEXT(&a, "pointsman.fault", fault_rule(t->fault)->name);
	TEXT(&a, "error.type", fault_of(t));
	if (t->status > 0)
		COUNT(&a, "http.response.status_code", (uint64_t)t->status);
	if (t->ttft >= 0)
		SPAN(&a, "pointsman.ttft_s", t->ttft);
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
	TEXT(&a, "service.name", "pointsman");
	TEXT(&a, "service.version", POINTSMAN_VERSION);
	TEXT(&a, "service.instance.id", instance);
	buf_add_str(out,
	    "]},\"scopeSpans\":[{\"scope\":{\"name\":\"pointsman\","
	    "\"version\":\"" POINTSMAN_VERSION "\"},\"spans\":[");
}

void
otlp_end(struct buf *out)
{
	buf_add_str(out, "]}]}]}");
}
