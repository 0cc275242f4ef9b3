/* gateway/steps.c - the request's steps, one function per state; that of BODY
 * is in body.c, those of COMMIT and RELAY in relay.c, that of HOLD in replay.c.
 *
 * Runs from the worker's settle loop. Each step either goes on at once
 * (STEP_AGAIN) or waits for a callback to leave word (STEP_WAIT). The router
 * and attempts meet in the files that steps.h names and nowhere else; this one,
 * body.c and relay.c join front and dialects to them. */
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/log.h"
#include "gateway/limits.h"
#include "gateway/note.h"
#include "gateway/refusals.h"
#include "gateway/session.h"
#include "gateway/steps.h"

#define NAME_SHORT 100 /* of a model, in the log */
#define SECOND_LOOK (20 * USEC_MS) /* at a house that was full */

/* --- endings --- */

enum step
request_finish(struct request *r, enum result result, enum fault_kind fault,
    const char *reason)
{
	r->outcome.result = result;
	r->outcome.fault = fault;
	r->outcome.reason = reason;
	replay_release(r);
	request_enter(r, REQ_FINISH);
	return STEP_AGAIN;
}

/* Whoever was let in is logged each time, strangers only so often. */
static bool
worth_a_line(const struct request *r)
{
	static struct log_limit strangers = { .event = "refuse", .most = 10 };

	return r->verdict != HEAD_REFUSED ||
	    log_limit_pass(&strangers, r->worker->now);
}

/* The name that was asked for, while its body is there; it may be nobody's. */
static const char *
asked_for(const struct request *r, char *room, size_t size)
{
	const char *known = r->outcome.model;
	struct slice name = known != NULL ? slice_of(known) : SLICE("-");

	if (r->state == REQ_BODY && r->facts.model.n > 0)
		name = r->facts.model;
	slice_copy(room, size, name);
	for (char *c = room; (c = strchr(c, '"')) != NULL;)
		*c = '\'';
	return room;
}

enum step
request_refuse(struct request *r, const struct error_reply *e)
{
	char model[NAME_SHORT];

	if (worth_a_line(r))
		log_info("refuse id=%s status=%d reason=%s state=%s tenant=%s "
			 "model=\"%s\"",
		    r->id, e->status, e->code != NULL ? e->code : "-",
		    request_state_name(r->state),
		    r->tenant != NULL ? r->tenant->name : "-",
		    asked_for(r, model, sizeof(model)));
	if (r->n_attempts == 0)
		limits_give_back(r);
	reply_error(r, e);
	return request_finish(r,
	    r->n_attempts > 0 ? RESULT_ERROR : RESULT_REFUSED, r->outcome.fault,
	    e->code != NULL ? e->code : "refused");
}

/* --- HEAD --- */

static enum step
step_head(struct request *r)
{
	struct error_reply late;

	if (!r->received)
		return STEP_WAIT;
	refusal_of_front(exchange_refusal(r->exchange), &late);
	r->outcome.recv =
	    exchange_received(r->exchange) - exchange_began(r->exchange);
	r->outcome.bytes_in = exchange_body(r->exchange).n;
	if (r->verdict == HEAD_REFUSED)
		return request_refuse(r, &r->refusal);
	if (late.status != 0)
		return request_refuse(r, &late);
	if (r->verdict == HEAD_LOCAL)
		return local_answer(r);
	request_enter(r, REQ_BODY);
	return STEP_AGAIN;
}

/* --- PLAN, WAIT --- */

static enum step
start_attempt(struct request *r)
{
	const struct conf_serving *s =
	    conf_find_serving(r->conf, r->plan.serving);

	log_debug("plan id=%s backend=%s ttft_us=%lld confidence=%.2f "
		  "reason=%s",
	    r->id, s->backend->name, (long long)r->plan.ttft,
	    r->plan.confidence, plan_reason_name(r->plan.reason));
	r->attempt = attempt_start(r, r->ticket, &r->plan);
	if (r->attempt == NULL) {
		request_drop_tickets(r);
		return request_refuse(r, &refusal_memory);
	}
	r->ticketed = false; /* the attempt's now */
	request_expect_hedge(r);
	request_enter(r, REQ_ATTEMPT);
	return STEP_AGAIN;
}

/* What no serving can do is named. */
static const char *
word_needs(struct request *r, const char *refusal)
{
	unsigned needs = r->facts.needs;
	char text[128]; /* holds all names */
	struct buf names;

	buf_on(&names, text, sizeof(text));
	for (; needs != 0; needs &= needs - 1) {
		buf_add_str(&names, names.n > 0 ? ", " : "");
		buf_add_str(&names, cap_name((enum cap)(needs & -needs)));
	}
	return request_say(r, "%s (%.*s)%s", refusal,
	    SLICE_ARG(buf_slice(&names)),
	    r->dialect->id == DIALECT_COUNTING
		? ": tokens are counted by backends that speak messages "
		  "themselves"
		: "");
}

/* Whom the plan does without, and why. */
static void
note_lack(struct request *r)
{
	const struct lack *l = &r->plan.lack;
	struct outcome *o = &r->outcome;

	if (l->cause == CAUSE_NONE)
		return;
	o->lacked = r->routing.model->servings[l->at].id;
	o->lack = l->fault != FAULT_NONE
	    ? fault_rule((enum fault_kind)l->fault)->name
	    : cause_name((enum cause)l->cause);
}

/* What the router said, now or after a wait. */
enum step
request_follow_plan(struct request *r)
{
	struct error_reply e;

	note_plan(r, &r->plan, false);
	note_lack(r);
	switch (r->plan.kind) {
	case PLAN_GO:
		r->ticketed = true;
		return start_attempt(r);
	case PLAN_WAIT:
		r->ticketed = true;
		request_enter(r, REQ_WAIT);
		request_arm(r);
		return STEP_WAIT;
	case PLAN_NO:
		break;
	}
	r->ticketed = false;
	refusal_of_plan(&r->plan, &e);
	if (r->plan.reason == REASON_NO_SERVING)
		e.message = word_needs(r, e.message);
	return request_refuse(r, &e);
}

static enum step
step_plan(struct request *r)
{
	usec before = clock_now();
	struct error_reply e;

	if (!limits_take(r, &e)) {
		if (e.status != 0)
			return request_refuse(r, &e);
		request_pause(r, SECOND_LOOK);
		return STEP_WAIT;
	}
	note_begin(r);
	switchboard_submit(
	    r->worker->app->board, &r->routing, before, &r->ticket, &r->plan);
	r->worker->now = clock_now(); /* a body may take long to parse */
	r->outcome.route = r->worker->now - before;
	return request_follow_plan(r);
}

static bool
any_warm(const struct request *r)
{
	const struct conf_model *m = r->routing.model;
	struct serving_view view;

	for (size_t i = 0; i < m->n_servings; i++)
		if (switchboard_view(r->worker->app->board, m->servings[i].id,
			r->worker->now, &view) &&
		    view.warm)
			return true;
	return false;
}

/* Then it waits for that one, whatever others there were. */
static bool
last_was_loading(const struct request *r)
{
	size_t last = r->n_attempts - 1;

	return r->n_attempts > 0 &&
	    r->outcome.attempts[last % ATTEMPTS_KEPT].fault == FAULT_LOADING;
}

/* The deadline has passed: what was it that it waited for? */
static enum step
refuse_late(struct request *r)
{
	bool warm = any_warm(r) && !last_was_loading(r);

	request_drop_tickets(r);
	r->outcome.fault = warm ? FAULT_DEADLINE : FAULT_LOADING;
	return request_refuse(r, warm ? &refusal_deadline : &refusal_loading);
}

/* Whether the router or our timer says first that it is late is chance. */
static enum step
step_wait(struct request *r)
{
	if (r->plan_ready) {
		r->plan_ready = false;
		if (r->plan.kind != PLAN_NO ||
		    r->plan.reason != REASON_DEADLINE)
			return request_follow_plan(r);
		note_plan(r, &r->plan, false);
		r->ticketed = false;
		return refuse_late(r);
	}
	if (r->worker->now >= r->deadline)
		return refuse_late(r);
	reply_heartbeat(r);
	request_arm(r);
	return STEP_WAIT;
}

/* --- ATTEMPT --- */

static enum step
out_of_time(struct request *r)
{
	request_give_up(r, FAULT_DEADLINE);
	outcome_note_attempt(r, r->attempt);
	r->outcome.fault = FAULT_DEADLINE;
	return request_refuse(r, &refusal_deadline);
}

static enum step
step_attempt(struct request *r)
{
	usec now = r->worker->now, polled = r->worker->polled;
	bool judging;

	/* what has come in time is not late any more */
	if (!r->attempt->ready)
		attempt_check_deadlines(r->attempt, polled);
	if (r->second != NULL && !r->second->ready)
		attempt_check_deadlines(r->second, polled);
	judging = attempt_judges(r->attempt);
	if (r->second != NULL)
		judging |= attempt_judges(r->second);
	request_unpair(r);
	if (r->attempt->failed)
		return request_retry(r);
	if (request_settle_race(r)) {
		request_enter(r, REQ_COMMIT);
		return STEP_AGAIN;
	}
	if (now >= r->deadline)
		return out_of_time(r);
	if (judging) {
		request_yield(r);
		return STEP_WAIT;
	}
	if (polled >= r->hedge_at) {
		request_hedge(r);
		return STEP_AGAIN; /* it may have failed already */
	}
	reply_heartbeat(r);
	request_arm(r);
	return STEP_WAIT;
}

/* --- FINISH --- */

/* Nobody is listening any more: stop the work upstream at once. */
static enum step
abandon(struct request *r)
{
	log_debug(
	    "client_gone id=%s state=%s", r->id, request_state_name(r->state));
	if (r->session != NULL && r->state == REQ_RELAY)
		return session_left(r);
	request_give_up(r, FAULT_CLIENT_GONE);
	return request_finish(r, RESULT_CLIENT_GONE, FAULT_CLIENT_GONE,
	    r->cut_for != NULL ? r->cut_for : "client_gone");
}

/* The process is going down and the drain is over. */
static enum step
abort_request(struct request *r)
{
	if (r->session != NULL && r->state == REQ_RELAY)
		return session_abort(r);
	request_drop_tickets(r);
	if (r->state != REQ_RELAY || !r->streaming)
		return request_refuse(r, &refusal_draining);
	reply_error_event(r, &refusal_draining);
	return request_finish(r, RESULT_BROKEN, FAULT_INTERNAL, "draining");
}

/* Its client has the whole answer already, but for the end of it. */
static bool
has_all(const struct request *r)
{
	return r->state == REQ_RELAY && r->session == NULL &&
	    attempt_is_whole(r->attempt);
}

static enum step
step_finish(struct request *r)
{
	if (!r->over) {
		r->over = true;
		outcome_close(r);
		worker_owes(r->worker, &r->on_owed);
	}
	if (r->closed && !r->released) {
		r->released = true;
		request_unref(r);
	}
	return STEP_WAIT;
}

enum step
request_step(struct request *r)
{
	static enum step (*const steps[REQ_STATE_COUNT])(struct request *) = {
		[REQ_HEAD] = step_head,
		[REQ_BODY] = step_body,
		[REQ_HOLD] = step_hold,
		[REQ_PLAN] = step_plan,
		[REQ_WAIT] = step_wait,
		[REQ_ATTEMPT] = step_attempt,
		[REQ_COMMIT] = step_commit,
		[REQ_RELAY] = step_relay,
		[REQ_FINISH] = step_finish,
	};

	if (r->state != REQ_FINISH && (r->gone || r->closed))
		return abandon(r);
	if (r->state != REQ_FINISH && r->aborted && r->received && !has_all(r))
		return abort_request(r);
	return steps[r->state](r);
}
