/* gateway/steps.c - the request's steps, one function per state.
 *
 * Runs from the worker's settle loop. Each step either goes on at once
 * (STEP_AGAIN) or waits for a callback to leave word (STEP_WAIT). This file
 * is the only one that joins front, router, dialects and attempts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/log.h"
#include "gateway/refusals.h"
#include "gateway/request.h"
#include "policies/price.h"
#include "policies/slo.h"
#include "policies/tenant.h"

/* --- endings --- */

static enum step
finish(struct request *r, enum result result, enum fault_kind fault,
    const char *reason)
{
	r->outcome.result = result;
	r->outcome.fault = fault;
	r->outcome.reason = reason;
	request_enter(r, REQ_FINISH);
	return STEP_AGAIN;
}

enum step
request_refuse(struct request *r, const struct error_reply *e)
{
	log_info("refuse id=%s status=%d reason=%s state=%s", r->id, e->status,
	    e->code != NULL ? e->code : "-", request_state_name(r->state));
	reply_error(r, e);
	return finish(r, r->n_attempts > 0 ? RESULT_ERROR : RESULT_REFUSED,
	    r->outcome.fault, e->code != NULL ? e->code : "refused");
}

/* The ticket is still alive and no attempt will answer it. */
static void
drop_ticket(struct request *r)
{
	if (r->ticketed)
		switchboard_cancel(
		    r->worker->app->board, r->ticket, r->worker->now);
	r->ticketed = false;
}

static struct attempt_report *
report_of(struct request *r)
{
	return &r->outcome.attempts[(r->n_attempts - 1) % ATTEMPTS_KEPT];
}

static void
drop_attempt(struct request *r)
{
	if (r->attempt == NULL)
		return;
	attempt_report(r->attempt, r->worker->now, report_of(r));
	attempt_free(&r->attempt);
}

/* --- HEAD, BODY --- */

static enum step
step_head(struct request *r)
{
	const struct exchange_refusal *late;

	if (!r->received)
		return STEP_WAIT;
	late = exchange_refusal(r->exchange);
	r->outcome.recv =
	    exchange_received(r->exchange) - exchange_began(r->exchange);
	r->outcome.bytes_in = exchange_body(r->exchange).n;
	if (r->verdict == HEAD_REFUSED)
		return request_refuse(r, &r->refusal);
	if (late->status != 0)
		return request_refuse(r,
		    &(struct error_reply){ .status = late->status,
			.type = late->status < 500 ? "invalid_request_error"
						   : "server_error",
			.code = late->code,
			.message = late->message,
			.retry_after = late->status == 503 ? USEC_SEC : 0 });
	if (r->verdict == HEAD_LOCAL)
		return local_answer(r);
	request_enter(r, REQ_BODY);
	return STEP_AGAIN;
}

/* Clients may say how long they will wait; never longer than ours. */
static usec
deadline_of(const struct request *r)
{
	static const char *const hints[] = { "x-stainless-timeout",
		"x-stainless-read-timeout" };
	usec limit = r->conf->deadline;
	double seconds;

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (slice_double(
			exchange_header(r->exchange, hints[i]), &seconds) &&
		    seconds > 0 && seconds * 1e6 < (double)limit)
			limit = (usec)(seconds * 1e6);
	return exchange_received(r->exchange) + limit;
}

static bool
parse_body(struct request *r, struct error_reply *e)
{
	struct dialect_error why = { .status = 400 };

	r->parsed = malloc(sizeof(*r->parsed));
	if (r->parsed == NULL) {
		*e = refusal_memory;
		return false;
	}
	if (r->dialect->parse(exchange_body(r->exchange), r->parsed, &why) !=
	    OK) {
		snprintf(r->refusal_text, sizeof(r->refusal_text), "%s",
		    why.message);
		*e = (struct error_reply){ .status = why.status,
			.type = "invalid_request_error",
			.code = why.code,
			.param = why.param,
			.message = r->refusal_text };
		return false;
	}
	r->facts = r->parsed->facts;
	r->outcome.stream = r->facts.stream;
	return true;
}

static bool
resolve(struct request *r, struct error_reply *e)
{
	const struct exchange *x = r->exchange;
	struct slo_headers asked = {
		.slo_class = exchange_header(x, "x-slo-class"),
		.ttft_ms = exchange_header(x, "x-slo-ttft-ms"),
		.itl_ms = exchange_header(x, "x-slo-itl-ms"),
		.total_ms = exchange_header(x, "x-slo-total-ms"),
	};
	struct model_choice choice;
	struct errmsg why;
	enum err rc;

	if (asked.itl_ms.n == 0)
		asked.itl_ms = exchange_header(x, "x-slo-tpot-ms");
	rc = model_resolve(r->conf, r->tenant, r->facts.model, &choice, &why);
	if (rc == OK) {
		r->facts.model = choice.name; /* without its suffix */
		r->routing.model = choice.model;
		r->routing.pin = choice.pin;
		r->routing.prefer = choice.prefer;
		rc = slo_resolve(
		    r->conf, r->tenant, &asked, choice.slo, &r->slo, &why);
		e->code = "invalid_slo";
		e->param = NULL;
	} else {
		refusal_of_model(rc, r->facts.model.n > 0, e);
	}
	if (rc == OK)
		return true;
	snprintf(r->refusal_text, sizeof(r->refusal_text), "%s", why.text);
	e->status = rc == ERR_NOT_FOUND ? 404
	    : rc == ERR_UNSUPPORTED     ? 403
					: 400;
	e->type = "invalid_request_error";
	e->message = r->refusal_text;
	return false;
}

static enum step
step_body(struct request *r)
{
	struct error_reply e = { 0 };

	if (!parse_body(r, &e) || !resolve(r, &e))
		return request_refuse(r, &e);
	r->deadline = deadline_of(r);
	r->outcome.model = r->routing.model->name;
	r->outcome.slo = r->slo.name;
	r->routing.facts = &r->facts;
	r->routing.tenant = r->tenant;
	r->routing.slo = r->slo;
	r->routing.arrived = exchange_received(r->exchange);
	r->routing.deadline = r->deadline;
	r->routing.worker = r->worker->index;
	r->routing.owner = r;
	request_enter(r, REQ_PLAN);
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
	r->attempt = attempt_start(r, s);
	if (r->attempt == NULL) {
		drop_ticket(r);
		return request_refuse(r, &refusal_memory);
	}
	r->n_attempts++;
	r->outcome.n_attempts = r->n_attempts;
	request_enter(r, REQ_ATTEMPT);
	request_arm(r);
	return STEP_AGAIN;
}

/* What the router said, now or after a wait. */
static enum step
follow_plan(struct request *r)
{
	struct error_reply e;

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
	return request_refuse(r, &e);
}

static enum step
step_plan(struct request *r)
{
	usec before = clock_now();

	switchboard_submit(
	    r->worker->app->board, &r->routing, before, &r->ticket, &r->plan);
	r->outcome.route = clock_now() - before;
	return follow_plan(r);
}

static enum step
step_wait(struct request *r)
{
	if (r->plan_ready) {
		r->plan_ready = false;
		return follow_plan(r);
	}
	if (r->worker->now < r->deadline) {
		request_arm(r);
		return STEP_WAIT;
	}
	drop_ticket(r);
	r->outcome.fault = FAULT_DEADLINE;
	return request_refuse(r, &refusal_deadline);
}

/* --- ATTEMPT --- */

static void
check_deadlines(struct request *r)
{
	enum fault_kind passed;

	attempt_deadline(r->attempt, r->worker->now, &passed);
	if (passed != FAULT_NONE)
		attempt_fail(r->attempt, passed);
}

/* Nothing is left to try: the last attempt's row speaks to the client. */
static enum step
answer_fault(struct request *r, const struct plan *plan)
{
	struct attempt *a = r->attempt;
	struct fault fault = a->fault;
	struct error_reply e;
	struct upstream_error said;

	upstream_error_read(&said, buf_slice(&a->held), a->message);
	refusal_of_fault(
	    &fault, plan, r->n_attempts == r->n_rate_limited, &said, &e);
	if (e.message == NULL) {
		snprintf(r->refusal_text, sizeof(r->refusal_text),
		    "no backend could answer: the last one, %s, failed "
		    "(%s)%s%s",
		    a->serving->backend->name, fault_rule(fault.kind)->name,
		    a->message[0] != '\0' ? ": " : "", a->message);
		e.message = r->refusal_text;
	}
	r->outcome.fault = fault.kind;
	reply_error(r, &e);
	drop_attempt(r);
	upstream_error_fini(&said);
	return finish(r, RESULT_ERROR, fault.kind, e.code);
}

/* A finish without a token, from every candidate: then that is the answer. */
static bool
all_empty(struct request *r)
{
	const struct attempt *a = r->attempt;

	if (a->done && a->fault.kind == FAULT_BAD_ANSWER &&
	    (a->seen & EVENT_FINISH) != 0 && (a->seen & EVENT_ERROR) == 0)
		r->n_empty++;
	return r->n_empty == r->n_attempts;
}

/* Rate limits that came with an answer are capacity, whatever it said. */
static void
tell_limits(struct request *r)
{
	const struct attempt *a = r->attempt;

	if (a->head.limits.has != 0)
		switchboard_load(r->worker->app->board, a->serving->backend->id,
		    &a->head.limits, NULL, r->worker->now);
}

static enum step
retry(struct request *r)
{
	struct attempt *a = r->attempt;
	struct fault fault = a->fault;
	bool empty = all_empty(r);
	struct route_result result;

	log_info("attempt_failed id=%s backend=%s reason=%s status=%d "
		 "retry=%d text=\"%.80s\"",
	    r->id, a->serving->backend->name, fault_rule(fault.kind)->name,
	    fault.status, fault_rule(fault.kind)->retry, a->message);
	r->n_rate_limited += fault.kind == FAULT_RATE_LIMITED;
	tell_limits(r);
	if (!fault_rule(fault.kind)->retry) {
		attempt_result(a, r->worker->now, &result);
		switchboard_finished(
		    r->worker->app->board, r->ticket, &result, r->worker->now);
		r->ticketed = false;
		return answer_fault(r, NULL);
	}
	switchboard_retry(
	    r->worker->app->board, r->ticket, &fault, r->worker->now, &r->plan);
	if (r->plan.kind != PLAN_NO) {
		drop_attempt(r);
		return follow_plan(r);
	}
	r->ticketed = false;
	if (empty) {
		a->failed = false;
		a->ready = true;
		request_enter(r, REQ_COMMIT);
		return STEP_AGAIN;
	}
	return answer_fault(r, &r->plan);
}

static enum step
step_attempt(struct request *r)
{
	struct attempt *a = r->attempt;

	check_deadlines(r);
	if (a->failed)
		return retry(r);
	if (a->ready) {
		request_enter(r, REQ_COMMIT);
		return STEP_AGAIN;
	}
	if (r->worker->now < r->deadline) {
		request_arm(r);
		return STEP_WAIT;
	}
	drop_ticket(r);
	drop_attempt(r);
	r->outcome.fault = FAULT_DEADLINE;
	return request_refuse(r, &refusal_deadline);
}

/* --- COMMIT, RELAY --- */

/* The request's bytes are not needed once nothing can be tried again. */
static void
free_request_body(struct request *r)
{
	if (r->parsed == NULL || !attempt_body_sent(r->attempt))
		return;
	encoded_fini(&r->attempt->encoded);
	exchange_free_body(r->exchange);
	r->facts.model = SLICE("");
	free(r->parsed);
	r->parsed = NULL;
}

/* For the headers that go out now. */
static void
note_timing(struct request *r)
{
	const struct attempt *a = r->attempt;
	struct outcome *o = &r->outcome;

	attempt_report(a, r->worker->now, report_of(r));
	o->queue = r->waited;
	o->connect = report_of(r)->connect;
	o->tls = report_of(r)->tls;
	/* The client's view: from its request, through waits and retries. */
	o->ttft = (a->first_token > 0 ? a->first_token : r->worker->now) -
	    r->routing.arrived;
	o->reason = plan_reason_name(r->plan.reason);
}

static enum step
commit_body(struct request *r)
{
	struct attempt *a = r->attempt;
	struct slice body = buf_slice(&a->held);
	struct buf converted;

	buf_init(&converted, ATTEMPT_JSON_MAX * 2);
	if (r->route->dialect == DIALECT_EMBEDDINGS &&
	    backend_convert_embeddings(body, r->facts.base64, &converted))
		body = buf_slice(&converted);
	reply_headers(r, 200, "application/json", (int64_t)body.n, NULL);
	r->sink->ops->write(r->sink, body);
	r->outcome.bytes_out += body.n;
	buf_fini(&converted);
	request_enter(r, REQ_RELAY);
	return STEP_AGAIN;
}

static enum step
step_commit(struct request *r)
{
	struct attempt *a = r->attempt;

	note_timing(r);
	tell_limits(r);
	if (a->mode != ATTEMPT_EVENTS) {
		free_request_body(r);
		return commit_body(r);
	}
	r->streaming = true;
	reply_headers(
	    r, 200, "text/event-stream; charset=utf-8", SINK_STREAMED, NULL);
	request_enter(r, REQ_RELAY);
	attempt_commit(a);
	free_request_body(r);
	return STEP_AGAIN;
}

static void
tell_first_token(struct request *r)
{
	struct attempt *a = r->attempt;

	if (a->token_told || a->first_token == 0 || !r->ticketed)
		return;
	a->token_told = true;
	switchboard_first_token(r->worker->app->board, r->ticket,
	    r->worker->now, a->first_token - a->sent);
}

static void
settle_ticket(struct request *r)
{
	struct route_result result;

	if (!r->ticketed)
		return;
	attempt_result(r->attempt, r->worker->now, &result);
	switchboard_finished(
	    r->worker->app->board, r->ticket, &result, r->worker->now);
	r->ticketed = false;
}

/* After COMMIT there is no way back: the client hears of it in the stream. */
static enum step
break_off(struct request *r)
{
	struct attempt *a = r->attempt;
	const char *name = fault_rule(a->fault.kind)->name;

	log_info("broken id=%s backend=%s reason=%s text=\"%.80s\"", r->id,
	    a->serving->backend->name, name, a->message);
	snprintf(r->refusal_text, sizeof(r->refusal_text),
	    "the stream from backend %s broke off (%s)%s%s",
	    a->serving->backend->name, name, a->message[0] != '\0' ? ": " : "",
	    a->message);
	reply_error_event(r,
	    &(struct error_reply){ .status = 502,
		.type = "server_error",
		.code = "upstream_failed",
		.message = r->refusal_text });
	settle_ticket(r);
	return finish(r, RESULT_BROKEN, a->fault.kind, name);
}

static enum step
end_answer(struct request *r)
{
	struct attempt *a = r->attempt;
	struct slice done = r->dialect->done_event;

	if (r->streaming && (a->seen & EVENT_DONE) == 0 && done.n > 0) {
		r->sink->ops->write(r->sink, done);
		r->outcome.bytes_out += done.n;
	}
	r->sink->ops->end(r->sink, SINK_CLEAN);
	settle_ticket(r);
	return finish(
	    r, RESULT_OK, FAULT_NONE, plan_reason_name(r->plan.reason));
}

static enum step
step_relay(struct request *r)
{
	struct attempt *a = r->attempt;

	tell_first_token(r);
	free_request_body(r);
	if (r->drained) {
		r->drained = false;
		attempt_resume(a);
	}
	check_deadlines(r);
	if (!a->failed && !a->done && r->worker->now >= r->deadline)
		attempt_fail(a, FAULT_DEADLINE);
	/* All of the answer and its end mark are out: what the connection
	 * does now does not matter, but let it end for its reuse. */
	if (a->failed && (a->seen & EVENT_DONE) == 0)
		return break_off(r);
	if (a->done || a->failed)
		return end_answer(r);
	request_arm(r);
	return STEP_WAIT;
}

/* --- FINISH --- */

static void
judge_slo(struct outcome *o, const struct slo *slo)
{
	o->slo_declared = slo->ttft > 0 || slo->itl > 0 || slo->total > 0;
	o->slo_met = o->result == RESULT_OK &&
	    (slo->ttft == 0 || !o->stream || o->ttft <= slo->ttft) &&
	    (slo->itl == 0 || o->itl <= slo->itl) &&
	    (slo->total == 0 || o->total <= slo->total);
}

static void
emit_outcome(struct request *r)
{
	struct outcome *o = &r->outcome;
	struct route_result result;
	usec now = r->worker->now;

	o->id = r->id;
	o->tenant = r->tenant != NULL ? r->tenant->name : "-";
	o->model = o->model != NULL ? o->model : "-";
	o->slo = o->slo != NULL ? o->slo : "-";
	o->reason = o->reason != NULL ? o->reason : "-";
	o->queue = r->waited;
	o->total = now -
	    (r->exchange != NULL             ? exchange_received(r->exchange)
		    : r->routing.arrived > 0 ? r->routing.arrived
					     : now);
	if (r->attempt != NULL) {
		attempt_result(r->attempt, now, &result);
		o->usage = result.usage;
		o->itl = result.itl;
		o->cost = price_of_usage(
		    &r->attempt->serving->backend->price, &result.usage);
		if (!o->stream)
			o->ttft = -1;
	}
	judge_slo(o, &r->slo);
	drop_attempt(r);
	if (r->route != NULL)
		app_finish(r->worker->app, r->worker->index, o, now);
}

/* Nobody is listening any more: stop the work upstream at once. */
static enum step
abandon(struct request *r)
{
	log_debug(
	    "client_gone id=%s state=%s", r->id, request_state_name(r->state));
	drop_ticket(r);
	return finish(r, RESULT_CLIENT_GONE, FAULT_CLIENT_GONE, "client_gone");
}

/* The process is going down and the drain is over. */
static enum step
abort_request(struct request *r)
{
	drop_ticket(r);
	if (r->state != REQ_RELAY || !r->streaming)
		return request_refuse(r, &refusal_draining);
	reply_error_event(r, &refusal_draining);
	return finish(r, RESULT_BROKEN, FAULT_INTERNAL, "draining");
}

static enum step
step_finish(struct request *r)
{
	if (!uv_is_closing((uv_handle_t *)&r->timer)) {
		emit_outcome(r);
		request_disarm(r);
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
		[REQ_PLAN] = step_plan,
		[REQ_WAIT] = step_wait,
		[REQ_ATTEMPT] = step_attempt,
		[REQ_COMMIT] = step_commit,
		[REQ_RELAY] = step_relay,
		[REQ_FINISH] = step_finish,
	};

	if (r->state != REQ_FINISH && (r->gone || r->closed))
		return abandon(r);
	if (r->state != REQ_FINISH && r->aborted && r->received)
		return abort_request(r);
	return steps[r->state](r);
}
