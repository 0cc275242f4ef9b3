/* gateway/tracing.c - a request's trace: from its headers to a record for the
 * collector.
 *
 * Where no collector is named, what came in goes on as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/request.h"
#include "gateway/tracer_record.h"

#define STATE_MAX 512 /* bytes of tracestate that have to be passed on */

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

static void
pass_on(const struct request *r, const struct trace_context *c,
    const unsigned char *span, struct buf *headers)
{
	struct slice state = exchange_header(r->exchange, "tracestate");

	buf_add_str(headers, "traceparent: ");
	trace_write(c, span, headers);
	buf_add_char(headers, '\n');
	if (is_plain(state))
		buf_addf(headers, "tracestate: %.*s\n", SLICE_ARG(state));
}

void
tracing_headers(const struct attempt *a, struct buf *headers)
{
	const struct request *r = a->request;
	struct trace_context c;
	unsigned char span[SPAN_ID];
	bool known =
	    trace_parse(exchange_header(r->exchange, "traceparent"), &c);

	if (is_on(r)) {
		trace_attempt(&r->trace, a->number, span);
		/* a state belongs to the trace that it came with */
		if (known) {
			pass_on(r, &r->trace, span, headers);
			return;
		}
		buf_add_str(headers, "traceparent: ");
		trace_write(&r->trace, span, headers);
		buf_add_char(headers, '\n');
	} else if (known) {
		pass_on(r, &c, c.parent, headers);
	}
}

/* --- once it is over --- */

static void
copy_outcome(struct tracer_record *record, const struct request *r)
{
	struct outcome *o = &record->trace.outcome;

	*o = r->outcome;
	/* may lie in the request's own memory; all else is the snapshot's or a
	 * constant */
	snprintf(record->id, sizeof(record->id), "%s", o->id);
	snprintf(record->model, sizeof(record->model), "%s", o->model);
	snprintf(record->slo, sizeof(record->slo), "%s", o->slo);
	o->id = record->id;
	o->model = record->model;
	o->slo = record->slo;
	snprintf(record->asked, sizeof(record->asked), "%s",
	    r->asked != NULL ? r->asked : "");
	for (size_t i = 0; i < ATTEMPTS_KEPT; i++)
		if (r->asked != NULL && o->attempts[i].model == r->asked)
			o->attempts[i].model = record->asked;
	o->key = NULL; /* not told, and may be the keyring's */
}

/* From the clock that the request was timed with to the calendar's. */
static void
copy_times(struct tracer_record *record, const struct request *r, usec now)
{
	const usec to_wall = clock_wall() - clock_now();
	usec arrived = r->routing.arrived > 0 ? r->routing.arrived : r->began;
	struct trace_record *t = &record->trace;

	t->began = (r->began < arrived ? r->began : arrived) + to_wall;
	t->arrived = arrived + to_wall;
	t->ended = now + to_wall;
	t->n_waits = r->n_waits < WAITS_KEPT ? r->n_waits : WAITS_KEPT;
	for (unsigned i = 0; i < t->n_waits; i++) {
		t->waits[i].from = r->waits[i].from + to_wall;
		t->waits[i].to = r->waits[i].to + to_wall;
	}
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
	static const unsigned char none[SPAN_ID];

	if (r->trace.sampled)
		return true;
	return memcmp(r->trace.parent, none, sizeof(none)) == 0 &&
	    went_wrong(&r->outcome);
}

void
tracing_end(struct request *r, usec now)
{
	struct tracer_record *record;

	if (!is_on(r) || !is_kept(r))
		return;
	record = malloc(sizeof(*record));
	if (record != NULL) {
		record->next = NULL;
		record->conf = conf_ref(r->conf);
		record->trace.context = r->trace;
		copy_outcome(record, r);
		copy_times(record, r, now);
	}
	if (!tracer_add(r->worker->app->tracer, record))
		tracer_record_free(record);
}

void
tracer_record_free(struct tracer_record *record)
{
	if (record == NULL)
		return;
	conf_unref(&record->conf);
	free(record);
}
