/* gateway/telemetry/otlp.c - writes OTLP's messages.
 *
 * A request has some twenty attributes: each is written without asking for
 * room, as otlp.h has room for the longest. Fields stand in the order of their
 * numbers. What is false, unknown or nothing is not written, but slo_met. */
#include "gateway/telemetry/otlp.h"

#include "gateway/telemetry/otlp_put.h"
#include "gateway/telemetry/shard.h"

/* ExportTraceServiceRequest, ResourceSpans, ScopeSpans, Resource,
 * InstrumentationScope */
#define RESOURCE_SPANS LENGTH(1)
#define RESOURCE LENGTH(1)
#define SCOPE_SPANS LENGTH(2)
#define SCOPE LENGTH(1)
#define SPANS LENGTH(2)
#define RESOURCE_ATTRIBUTE LENGTH(1)
#define SCOPE_NAME LENGTH(1)
#define SCOPE_VERSION LENGTH(2)

/* Span */
#define TRACE LENGTH(1)
#define SPAN LENGTH(2)
#define PARENT LENGTH(4)
#define NAME LENGTH(5)
#define KIND VARINT(6)
#define START FIXED64(7)
#define END FIXED64(8)
#define ATTRIBUTE LENGTH(9)
#define STATUS LENGTH(15)
#define KIND_INTERNAL 1
#define KIND_SERVER 2
#define KIND_CLIENT 3

/* Status */
#define STATUS_MESSAGE LENGTH(2)
#define STATUS_CODE VARINT(3)
#define STATUS_ERROR 2

/* Keys are literals, shorter than 128 bytes. */
#define TEXT(key, v) (p = put_string(p, ATTRIBUTE, SLICE(key), v))
#define INTEGER(key, v) (p = put_count(p, ATTRIBUTE, SLICE(key), v))
#define NUMBER(key, v) (p = put_number(p, ATTRIBUTE, SLICE(key), v))
#define SECONDS(key, v) NUMBER(key, (double)(v) / USEC_SEC)
#define BOOL(key, v) (p = put_bool(p, ATTRIBUTE, SLICE(key), v))
#define FLAG(key, v) (p = (v) ? put_bool(p, ATTRIBUTE, SLICE(key), true) : p)

/* --- spans --- */

static char *
put_ids(char *p, const struct trace_record *r, const unsigned char *span,
    const unsigned char *parent)
{
	static const unsigned char none[SPAN_ID];

	*p++ = TRACE;
	p = protobuf_bytes(p, r->context->trace, TRACE_ID);
	*p++ = SPAN;
	p = protobuf_bytes(p, span, SPAN_ID);
	if (memcmp(parent, none, SPAN_ID) != 0) {
		*p++ = PARENT;
		p = protobuf_bytes(p, parent, SPAN_ID);
	}
	return p;
}

/* Its name is made of two, or of the first where the other is not known. */
static char *
put_name(char *p, const char *what, const char *of)
{
	struct slice first = slice_of(what), second = shortened(of);
	size_t space;

	if (slice_is(second, "-"))
		second.n = 0;
	space = second.n > 0;

	*p++ = NAME;
	p = protobuf_varint(p, first.n + space + second.n);
	memcpy(p, first.p, first.n);
	p += first.n;
	if (space > 0)
		*p++ = ' ';
	return put_utf8(p, second);
}

static char *
put_kind(char *p, const struct trace_record *r, int kind, usec from, usec to)
{
	*p++ = KIND;
	*p++ = (char)kind;
	*p++ = START;
	p = protobuf_fixed64(p, (uint64_t)(from + r->to_wall) * 1000);
	*p++ = END;
	return protobuf_fixed64(
	    p, (uint64_t)((to > from ? to : from) + r->to_wall) * 1000);
}

static char *
put_status(char *p, const char *error)
{
	char *begin;

	if (error == NULL)
		return p;
	*p++ = STATUS;
	p = begin = protobuf_begin(p);
	*p++ = STATUS_MESSAGE;
	p = put_text(p, shortened(error));
	*p++ = STATUS_CODE;
	*p++ = STATUS_ERROR;
	return protobuf_end(begin, p);
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

/* For HTTP an answer that the client is to blame for leaves a server's status
 * unset. */
static const char *
failure_of(const struct outcome *o)
{
	bool blamed = o->status >= 400 && o->status < 500;

	return blamed && o->result != RESULT_BROKEN ? NULL : error_of(o);
}

static char *
put_usage(char *p, const struct outcome *o)
{
	if (o->n_attempts == 0)
		return p;
	if (usage_means(&o->usage, o->dialect)) {
		INTEGER("gen_ai.usage.input_tokens", o->usage.input);
		INTEGER("gen_ai.usage.output_tokens", o->usage.output);
		FLAG("pointsman.usage_estimated", !o->usage.known);
	}
	if (o->cost >= 0)
		NUMBER("pointsman.cost_usd", o->cost);
	return p;
}

static char *
put_request(char *p, const struct trace_record *r)
{
	const struct outcome *o = r->outcome;
	const char *operation = operation_name(operation_of(o->dialect));
	char *begin;

	*p++ = SPANS;
	begin = protobuf_begin(p);
	p = put_ids(begin, r, r->context->span, r->context->parent);
	p = put_name(p, operation, o->model);
	p = put_kind(p, r, KIND_SERVER, r->began, r->ended);
	TEXT("gen_ai.operation.name", operation);
	TEXT("gen_ai.request.model", o->model);
	TEXT("url.path", o->path);
	if (o->status > 0)
		INTEGER("http.response.status_code", (uint64_t)o->status);
	TEXT("error.type", error_of(o));
	TEXT("pointsman.request_id", o->id);
	TEXT("pointsman.tenant", o->tenant);
	TEXT("pointsman.slo", o->slo);
	if (o->slo_declared)
		BOOL("pointsman.slo_met", o->slo_met);
	TEXT("pointsman.reason", o->reason);
	TEXT("pointsman.result", result_name(o->result));
	FLAG("pointsman.stream", o->stream);
	if (o->ttft >= 0)
		SECONDS("pointsman.ttft_s", o->ttft);
	p = put_usage(p, o);
	return protobuf_end(begin, put_status(p, failure_of(o)));
}

static char *
put_wait(char *p, const struct trace_record *r, unsigned i)
{
	unsigned char span[SPAN_ID];
	char *begin;

	/* numbers that no attempt has */
	trace_attempt(r->context, UINT32_MAX - i, span);
	*p++ = SPANS;
	begin = protobuf_begin(p);
	p = put_ids(begin, r, span, r->context->span);
	p = put_name(p, "queue", "");
	p = put_kind(p, r, KIND_INTERNAL, r->waits[i].from, r->waits[i].to);
	TEXT("gen_ai.request.model", r->outcome->model);
	return protobuf_end(begin, p);
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

static char *
put_attempt(char *p, const struct trace_record *r,
    const struct attempt_report *t, unsigned number)
{
	unsigned char span[SPAN_ID];
	char *begin;

	trace_attempt(r->context, number, span);
	*p++ = SPANS;
	begin = protobuf_begin(p);
	p = put_ids(begin, r, span, r->context->span);
	p = put_name(p, "attempt", t->backend);
	p = put_kind(
	    p, r, KIND_CLIENT, r->arrived + t->began, r->arrived + t->ended);
	TEXT("gen_ai.operation.name",
	    operation_name(operation_of(r->outcome->dialect)));
	TEXT("gen_ai.provider.name", t->adapter);
	TEXT("gen_ai.request.model", t->model);
	TEXT("pointsman.backend", t->backend);
	INTEGER("pointsman.attempt", number);
	FLAG("pointsman.hedge", t->hedge);
	FLAG("pointsman.translated", t->translated);
	if (t->fault != FAULT_NONE)
		TEXT("pointsman.fault", fault_rule(t->fault)->name);
	TEXT("error.type", fault_of(t));
	if (t->status > 0)
		INTEGER("http.response.status_code", (uint64_t)t->status);
	if (t->ttft >= 0)
		SECONDS("pointsman.ttft_s", t->ttft);
	return protobuf_end(begin, put_status(p, fault_of(t)));
}

/* Of many attempts the last ones are kept, each at its number's place. */
size_t
otlp_spans(char room[OTLP_REQUEST_MAX], const struct trace_record *r)
{
	const struct outcome *o = r->outcome;
	char *p = put_request(room, r);

	for (unsigned i = 0; i < r->n_waits; i++)
		p = put_wait(p, r, i);
	for (size_t i = o->n_attempts - attempts_kept(o); i < o->n_attempts;
	     i++)
		p = put_attempt(
		    p, r, &o->attempts[i % ATTEMPTS_KEPT], (unsigned)i);
	return (size_t)(p - room);
}

/* --- what stands before all of them --- */

static char *
put_resource(char *p, const char *instance)
{
	char *begin = protobuf_begin(p);

	p = put_string(
	    begin, RESOURCE_ATTRIBUTE, SLICE("service.name"), "pointsman");
	p = put_string(
	    p, RESOURCE_ATTRIBUTE, SLICE("service.version"), POINTSMAN_VERSION);
	p = put_string(
	    p, RESOURCE_ATTRIBUTE, SLICE("service.instance.id"), instance);
	return protobuf_end(begin, p);
}

static char *
put_scope(char *p)
{
	char *begin = protobuf_begin(p);

	p = begin;
	*p++ = SCOPE_NAME;
	p = put_text(p, SLICE("pointsman"));
	*p++ = SCOPE_VERSION;
	p = put_text(p, SLICE(POINTSMAN_VERSION));
	return protobuf_end(begin, p);
}

/* Spans are the last field of the last field, so that all can follow. */
size_t
otlp_head(char room[OTLP_HEAD_MAX], const char *instance, size_t spans)
{
	char resource[OTLP_HEAD_MAX / 2], scope[OTLP_HEAD_MAX / 2], *p = room;
	size_t n_resource, n_scope;

	resource[0] = RESOURCE;
	n_resource = (size_t)(put_resource(resource + 1, instance) - resource);
	scope[0] = SCOPE;
	n_scope = (size_t)(put_scope(scope + 1) - scope);
	*p++ = RESOURCE_SPANS;
	p = protobuf_varint(p,
	    n_resource + 1 + protobuf_varint_size(n_scope + spans) + n_scope +
		spans);
	memcpy(p, resource, n_resource);
	p += n_resource;
	*p++ = SCOPE_SPANS;
	p = protobuf_varint(p, n_scope + spans);
	memcpy(p, scope, n_scope);
	return (size_t)(p + n_scope - room);
}
