/* gateway/tracing.c - a request's trace: from its headers to its spans.
 *
 * Where no collector is named, what came in goes on as it is. */
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/request.h"
#include "gateway/telemetry/otlp.h"
#include "gateway/tracer.h"

#define STATE_MAX 512 /* bytes of tracestate that have to be passed on */
_Static_assert(TRACING_HEADERS_MAX >=
	sizeof("traceparent: \ntracestate: \n") + TRACEPARENT + STATE_MAX,
    "room for both lines");

static bool
is_on(const struct request *r)
{
	return r->conf->otlp.url != NULL && r->verdict == HEAD_INFERENCE;
}

void
tracing_begin(struct request *r)
{
	const size_t prefix = 4; /* "req_" */
	struct slice id = slice_of(r->id);

	if (!is_on(r))
		return;
	if (!trace_parse(
		exchange_header(r->exchange, "traceparent"), &r->trace))
		r->trace = (struct trace_context){ { 0 }, { 0 }, { 0 }, false };
	trace_begin(&r->trace, slice_make(id.p + prefix, id.n - prefix),
	    r->conf->otlp.sample);
}

/* A value that can stand in a header line. */
static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= STATE_MAX;
}

static bool
has_parent(const struct trace_context *c)
{
	static const unsigned char none[SPAN_ID];

	return memcmp(c->parent, none, sizeof(none)) != 0;
}

void
tracing_headers(const struct attempt *a, struct buf *headers)
{
	const struct request *r = a->request;
	struct trace_context c = r->trace;
	unsigned char span[SPAN_ID];
	struct slice state;

	if (is_on(r))
		trace_attempt(&c, a->number, span);
	else if (trace_parse(exchange_header(r->exchange, "traceparent"), &c))
		memcpy(span, c.parent, sizeof(span));
	else
		return;
	buf_add_str(headers, "traceparent: ");
	trace_write(&c, span, headers);
	buf_add_char(headers, '\n');
	if (!has_parent(&c)) /* a state belongs to the trace it came with */
		return;
	state = exchange_header(r->exchange, "tracestate");
	if (is_plain(state))
		buf_addf(headers, "tracestate: %.*s\n", SLICE_ARG(state));
}

/* --- once it is over --- */

static bool
went_wrong(const struct outcome *o)
{
	switch (o->result) {
	case RESULT_OK:
		return o->slo_declared && !o->slo_met;
	case RESULT_CLIENT_GONE:
		return false;
	default: /* not what the client is to blame for */
		return o->result == RESULT_BROKEN || o->status >= 500;
	}
}

/* Few are drawn, and those that somebody will ask about are kept anyway; but
 * where a caller has decided that holds. */
static bool
is_kept(const struct request *r)
{
	return r->trace.sampled ||
	    (!has_parent(&r->trace) && went_wrong(&r->outcome));
}

void
tracing_end(struct request *r, struct instant at)
{
	usec arrived = r->routing.arrived > 0 ? r->routing.arrived : r->began;
	struct trace_record record = { .context = &r->trace,
		.outcome = &r->outcome,
		.began = r->began < arrived ? r->began : arrived,
		.arrived = arrived,
		.ended = at.now,
		.waits = r->waits,
		.n_waits = r->n_waits < WAITS_KEPT ? r->n_waits : WAITS_KEPT,
		.to_wall = at.wall - at.now };

	if (is_on(r) && is_kept(r))
		tracer_add(r->worker->app->tracer, &record);
}
