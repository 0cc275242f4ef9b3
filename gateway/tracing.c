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
#define STATE_MEMBERS 32 /* and its members at most */
#define STATE_ROOM 2048 /* what is longer is not passed on at all */
_Static_assert(TRACING_HEADERS_MAX >=
	sizeof("traceparent: \ntracestate: \n") + TRACEPARENT + STATE_MAX,
    "room for both lines");

static bool
is_on(const struct request *r)
{
	return r->conf->otlp.url != NULL && r->verdict == HEAD_INFERENCE;
}

/* Two of them are as good as none: nobody knows which it belongs to. */
static bool
read_parent(const struct exchange *x, struct trace_context *c)
{
	char room[STATE_MAX];
	struct buf all;

	if (exchange_header(x, "traceparent").n == 0)
		return false;
	buf_on(&all, room, sizeof(room));
	exchange_header_list(x, "traceparent", &all);
	return buf_err(&all) == OK && trace_parse(buf_slice(&all), c);
}

static void
take_parent(struct request *r)
{
	if (!read_parent(r->exchange, &r->trace))
		r->trace = (struct trace_context){ { 0 }, { 0 }, { 0 }, false };
}

void
tracing_begin(struct request *r)
{
	const size_t prefix = 4; /* "req_" */
	struct slice id = slice_of(r->id);

	if (!is_on(r))
		return;
	take_parent(r);
	trace_begin(&r->trace, slice_make(id.p + prefix, id.n - prefix),
	    r->conf->otlp.sample);
}

/* A value that can stand in a header line, and is a list that may be passed on.
 */
static bool
is_state(struct slice s)
{
	unsigned members = 1;

	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] < ' ' || s.p[i] > '~') && s.p[i] != '\t')
			return false;
		members += s.p[i] == ',';
	}
	return s.n > 0 && members <= STATE_MEMBERS;
}

/* All of them as one, without the last members where they are too many bytes.
 */
static void
pass_state(const struct exchange *x, struct buf *headers)
{
	char room[STATE_ROOM];
	struct slice state;
	struct buf all;

	if (exchange_header(x, "tracestate").n == 0)
		return;
	buf_on(&all, room, sizeof(room));
	exchange_header_list(x, "tracestate", &all);
	state = buf_slice(&all);
	if (buf_err(&all) != OK || !is_state(state))
		return;
	while (state.n > STATE_MAX) {
		ptrdiff_t comma = slice_rfind(state, ',');

		state.n = comma > 0 ? (size_t)comma : 0;
	}
	if (state.n > 0)
		buf_addf(headers, "tracestate: %.*s\n", SLICE_ARG(state));
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
	struct request *r = a->request;
	unsigned char span[SPAN_ID];

	if (!is_on(r))
		take_parent(r);
	if (is_on(r))
		trace_attempt(&r->trace, a->number, span);
	else if (has_parent(&r->trace))
		memcpy(span, r->trace.parent, sizeof(span));
	else
		return;
	buf_add_str(headers, "traceparent: ");
	trace_write(&r->trace, span, headers);
	buf_add_char(headers, '\n');
	/* a state belongs to the trace it came with */
	if (has_parent(&r->trace))
		pass_state(r->exchange, headers);
}

/* --- once it is over --- */

/* Without a collector nobody has looked where there was no attempt. Who has
 * left took the headers along. */
void
tracing_note(struct request *r)
{
	if (!is_on(r) && r->n_attempts == 0 && r->verdict == HEAD_INFERENCE &&
	    r->exchange != NULL)
		take_parent(r);
	if (has_parent(&r->trace))
		r->outcome.trace = r->trace.trace;
}

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
