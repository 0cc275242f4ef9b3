/* gateway/outcome.c - what is told of a request once it is over, and, at
 * COMMIT, in its headers. Whoever may come next is told before the last bytes
 * of the answer go out (limits, and by then the router); those who only count
 * and write, after.
 *
 * Spans are the client's: TTFT runs from the request's arrival, through waits
 * and retries. An attempt's report has the backend's share of it. */
#include "gateway/admin/drill.h"
#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/text.h"
#include "gateway/limits.h"
#include "gateway/note.h"
#include "gateway/steps.h"
#include "gateway/tracer.h"
#include "policies/price.h"
#include "policies/slo.h"

void
outcome_note_attempt(struct request *r, const struct attempt *a)
{
	attempt_report(
	    a, r->worker->now, &r->outcome.attempts[a->number % ATTEMPTS_KEPT]);
}

void
outcome_make_room(struct request *r)
{
	struct worker *w = r->worker;
	const struct attempt_report *past =
	    &r->outcome.attempts[r->n_attempts % ATTEMPTS_KEPT];

	if (r->n_attempts < ATTEMPTS_KEPT)
		return;
	r->outcome.past_hedges += past->hedge;
	telemetry_attempt(w->app->telemetry, w->index, past, r->route->dialect,
	    r->routing.slo.priority, w->now);
}

void
outcome_note_commit(struct request *r)
{
	const struct attempt *a = r->attempt;
	struct outcome *o = &r->outcome;
	size_t at = a->number % ATTEMPTS_KEPT;

	outcome_note_attempt(r, a);
	o->answered = a->number + 1;
	o->queue = r->waited;
	o->connect = o->attempts[at].connect;
	o->tls = o->attempts[at].tls;
	if (a->first_token > 0)
		o->ttft = a->first_token - r->routing.arrived;
	o->reason = plan_reason_name(a->plan.reason);
	note_last_plan(r);
}

/* What no plan was made for, or a backend refused, for what was asked. */
static bool
is_at_fault(const struct request *r)
{
	const struct outcome *o = &r->outcome;

	if (o->result == RESULT_REFUSED)
		return o->route < 0 && o->status < 500;
	return o->result == RESULT_ERROR &&
	    fault_rule(o->fault)->client_status == 0;
}

/* A session in which nothing was asked, or not by what can be seen. */
static bool
is_without_answer(const struct request *r)
{
	return r->session != NULL && r->outcome.answered > 0 &&
	    r->outcome.ttft < 0;
}

struct spans {
	usec ttft, itl, total; /* -1: says nothing */
};

/* A target on what was not measured (TTFT of a whole answer) is not missed, nor
 * one for the time in which the client did not read. */
static unsigned
missed(const struct spans *took, const struct slo *slo, usec due)
{
	unsigned terms = 0;

	if (slo->ttft > 0 && took->ttft > slo->ttft)
		terms |= 1u << PHASE_TTFT;
	if (slo->itl > 0 && took->itl > slo->itl)
		terms |= 1u << PHASE_ITL;
	if (due > 0 && took->total > due)
		terms |= 1u << PHASE_TOTAL;
	return terms;
}

/* Of what its client did not wait for: how long it has waited so far, for the
 * next token, too. */
static struct spans
waited_for(const struct outcome *o)
{
	const usec tokens = o->usage.output > 0 ? o->usage.output : 1;
	struct spans s = {
		.ttft = o->ttft, .itl = -1, .total = o->total - o->stalled
	};

	if (o->ttft >= 0)
		s.itl = (s.total - o->ttft) / tokens;
	else if (o->stream)
		s.ttft = o->total;
	return s;
}

/* Who leaves is told by what was due by then: late, or kept. What was not due
 * yet nobody knows. */
static bool
is_left_open(const struct outcome *o, const struct slo *slo)
{
	return o->slo_missed == 0 &&
	    (!o->stream || o->ttft < 0 || slo->total > 0);
}

/* A stream without a token was waited for until its end. */
static void
judge_slo(struct outcome *o, const struct slo *slo)
{
	const bool gone = o->result == RESULT_CLIENT_GONE;
	const bool empty = o->result == RESULT_OK && o->stream && o->ttft < 0;
	const struct spans took = gone
	    ? waited_for(o)
	    : (struct spans){ .ttft = empty ? o->total : o->ttft,
		      .itl = o->itl,
		      .total = o->total - o->stalled };

	/* how long it would have become who has left did not wait to see */
	const usec due = gone || o->stream
	    ? slo->total
	    : (usec)slo_whole(slo, o->usage.output);

	o->slo_missed = missed(&took, slo, due);
	if (gone && is_left_open(o, slo))
		return;
	o->slo_declared = slo->ttft > 0 || slo->itl > 0 || slo->total > 0;
	o->slo_target = slo->percentile / 100;
	o->targets.ttft = slo->ttft;
	o->targets.total = due;
	o->slo_met = (gone || o->result == RESULT_OK) && o->slo_missed == 0;
}

/* Nobody says what a cancelled attempt has used. It is charged for the whole
 * prompt, which it was sent, and for the tokens that came of it. */
double
outcome_hedge_cost(const struct request *r, const struct usage *answer)
{
	return r->outrun_price == NULL
	    ? 0
	    : price_of_request(r->outrun_price, answer->input, r->outrun_tokens,
		  &r->facts.units);
}

/* What the answering attempt measured, and what the request cost. */
static void
note_answer(struct request *r, usec now)
{
	struct outcome *o = &r->outcome;
	struct route_result result;
	double hedge;

	attempt_result(r->attempt, now, &result);
	o->usage = result.usage;
	o->itl = result.itl;
	o->stalled = result.stalled;
	o->cost = price_of_usage(
	    &r->attempt->serving->price, &result.usage, &r->facts.units);
	hedge = outcome_hedge_cost(r, &result.usage);
	o->cost = o->cost < 0 || hedge < 0 ? PRICE_UNKNOWN : o->cost + hedge;
	if (o->dialect == DIALECT_COUNTING)
		o->cost = 0; /* no model has read it */
}

/* From the request's arrival; of one that was never read whole, from when its
 * headers were. */
static usec
total_of(const struct request *r, usec now)
{
	return now - (r->routing.arrived > 0 ? r->routing.arrived : r->began);
}

static void
note_drill(const struct request *r)
{
	const struct outcome *o = &r->outcome;

	if (r->drill != 0)
		drill_note(r->worker->app->drill, r->drill, o->result,
		    r->drill_expected, r->facts.stream ? o->ttft : o->total);
}

void
outcome_close(struct request *r)
{
	struct outcome *o = &r->outcome;
	usec now = r->worker->now;

	o->id = r->id;
	o->inference = r->route != NULL;
	o->tenant = or_dash(r->tenant != NULL ? r->tenant->name : NULL);
	o->key = r->key != NULL ? r->key->name : NULL;
	o->model = or_dash(o->model);
	o->slo = or_dash(o->slo);
	o->priority = r->routing.slo.priority;
	o->reason = or_dash(o->reason);
	if (r->n_attempts > 0 || r->waited > 0)
		o->queue = r->waited;
	o->total = total_of(r, now);
	if (r->second != NULL)
		request_note_outrun(r, r->second);
	if (r->attempt != NULL && o->result != RESULT_REFUSED)
		note_answer(r, now);
	if (r->replay != NULL || r->n_attempts == 0 ||
	    o->result == RESULT_ERROR)
		o->cost = 0;
	/* of an answer given again no serving has kept, or missed, anything;
	 * nor has a class anything to say of how fast tokens are counted */
	if (r->replay == NULL && !is_at_fault(r) && !is_without_answer(r) &&
	    o->dialect != DIALECT_COUNTING)
		judge_slo(o, &r->routing.slo);
	tracing_note(r);
	limits_settle(r);
	request_drop_attempt(r, &r->second);
	request_drop_attempt(r, &r->attempt);
}

void
outcome_tell(struct request *r, struct instant at)
{
	struct worker *w = r->worker;

	note_drill(r);
	app_finish(w->app, w->index, &r->outcome, at);
	tracing_end(r, at);
	note_end(r, at);
}
