/* gateway/retry.c - what a failed attempt leads to, before COMMIT: another
 * serving, a wait, or an answer that says what went wrong. */
#include <stdio.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/log.h"
#include "gateway/refusals.h"
#include "gateway/steps.h"

void
request_drop_ticket(struct request *r)
{
	if (r->ticketed)
		switchboard_cancel(
		    r->worker->app->board, r->ticket, r->worker->now);
	r->ticketed = false;
}

void
request_settle_ticket(struct request *r)
{
	struct route_result result;

	if (!r->ticketed)
		return;
	attempt_result(r->attempt, r->worker->now, &result);
	switchboard_finished(
	    r->worker->app->board, r->ticket, &result, r->worker->now);
	r->ticketed = false;
}

/* What no client would wait for: thrice the forecast, and at least a second.
 * Without a forecast a whole answer may simply be long. */
static bool
too_silent(const struct request *r)
{
	const struct attempt *a = r->attempt;
	usec forecast = r->facts.stream ? r->plan.ttft : r->plan.total;
	usec limit = USEC_SEC;

	if (a == NULL || a->first_token != 0 || a->done)
		return false;
	if (forecast <= 0 && !r->facts.stream)
		return false;
	if (3 * forecast > limit)
		limit = 3 * forecast;
	return r->worker->now - a->sent > limit;
}

void
request_give_up(struct request *r)
{
	struct route_result result;

	if (!r->ticketed || !too_silent(r)) {
		request_drop_ticket(r);
		return;
	}
	attempt_result(r->attempt, r->worker->now, &result);
	result.fault.kind = FAULT_TTFT_TIMEOUT;
	switchboard_finished(
	    r->worker->app->board, r->ticket, &result, r->worker->now);
	r->ticketed = false;
}

void
request_drop_attempt(struct request *r)
{
	if (r->attempt == NULL)
		return;
	outcome_note_attempt(r);
	attempt_free(&r->attempt);
}

void
request_tell_limits(struct request *r)
{
	const struct attempt *a = r->attempt;

	if (a->head.limits.has != 0)
		switchboard_load(r->worker->app->board, a->serving->backend->id,
		    &a->head.limits, NULL, r->worker->now);
}

/* Names only: what libcurl or a backend says may tell of addresses and keys. */
static void
word_fault(struct request *r, struct error_reply *e)
{
	const struct attempt *a = r->attempt;

	snprintf(r->refusal_text, sizeof(r->refusal_text),
	    "no backend could answer: the last one, %s, failed (%s)",
	    a->serving->backend->name, fault_rule(a->fault.kind)->name);
	e->message = r->refusal_text;
}

/* Nothing is left to try: the last attempt's row speaks to the client. */
static enum step
answer_fault(struct request *r, const struct plan *plan)
{
	struct attempt *a = r->attempt;
	enum fault_kind kind = a->fault.kind;
	struct upstream_error said;
	struct error_reply e;

	upstream_error_read(&said, buf_slice(&a->held), a->message);
	refusal_of_fault(
	    &a->fault, plan, r->n_attempts == r->n_rate_limited, &said, &e);
	if (e.message == NULL)
		word_fault(r, &e);
	outcome_note_attempt(r);
	reply_error(r, &e);
	upstream_error_fini(&said);
	request_drop_attempt(r);
	return request_finish(r, RESULT_ERROR, kind, fault_rule(kind)->name);
}

/* A finish without a token, from every candidate: then that is the answer. */
static bool
all_empty(struct request *r)
{
	const struct attempt *a = r->attempt;

	if (a->done && a->fault.kind == FAULT_BAD_ANSWER &&
	    (a->mode == ATTEMPT_EVENTS) == r->facts.stream &&
	    (a->seen & EVENT_FINISH) != 0 &&
	    (a->seen & (EVENT_ERROR | EVENT_TOKEN)) == 0)
		r->n_empty++;
	return r->n_empty == r->n_attempts;
}

enum step
request_retry(struct request *r)
{
	struct attempt *a = r->attempt;
	const struct fault_rule *rule = fault_rule(a->fault.kind);
	bool empty = all_empty(r);

	log_info("attempt_failed id=%s backend=%s reason=%s status=%d retry=%d "
		 "text=\"%s\"",
	    r->id, a->serving->backend->name, rule->name, a->fault.status,
	    rule->retry, a->result.message);
	r->n_rate_limited += a->fault.kind == FAULT_RATE_LIMITED;
	request_tell_limits(r);
	if (!rule->retry) {
		request_settle_ticket(r);
		return answer_fault(r, NULL);
	}
	switchboard_retry(r->worker->app->board, r->ticket, &a->fault,
	    r->worker->now, &r->plan);
	if (r->plan.kind != PLAN_NO) {
		request_drop_attempt(r);
		return request_follow_plan(r);
	}
	r->ticketed = false;
	if (!empty)
		return answer_fault(r, &r->plan);
	attempt_accept(a);
	request_enter(r, REQ_COMMIT);
	return STEP_AGAIN;
}
