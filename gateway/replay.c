/* gateway/replay.c - the step HOLD: a request that names itself by an
 * Idempotency-Key is done once, and answered as often as it is sent.
 *
 * Not for streams: what was sent of one may not be sent again. */
#include <stdlib.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/idempotency/idempotency.h"
#include "gateway/lib/log.h"
#include "gateway/refusals.h"
#include "gateway/steps.h"

static struct slice
key_of(const struct request *r)
{
	return exchange_header(r->exchange, "idempotency-key");
}

bool
replay_wanted(const struct request *r)
{
	return r->conf->idempotency.window > 0 && !r->facts.stream &&
	    key_of(r).n > 0;
}

static struct slice
tenant_of(const struct request *r)
{
	return slice_of(r->tenant != NULL ? r->tenant->name : "");
}

static struct claim *
claim_new(struct request *r)
{
	struct claim *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->worker = r->worker->index;
	c->owner = r;
	return c;
}

/* Digests are made once. */
static enum claim_naming
name(struct request *r)
{
	if (r->claim == NULL)
		r->claim = claim_new(r);
	if (r->claim == NULL)
		return CLAIM_NAMELESS;
	if (r->claim->named)
		return CLAIM_NAMED;
	return claim_name(r->claim, tenant_of(r), key_of(r),
	    exchange_path(r->exchange), exchange_body(r->exchange));
}

static enum step
plan_it(struct request *r)
{
	request_enter(r, REQ_PLAN);
	return STEP_AGAIN;
}

static enum step
wait_for_first(struct request *r)
{
	if (r->worker->now < r->deadline) {
		request_arm(r);
		return STEP_WAIT;
	}
	r->outcome.fault = FAULT_DEADLINE;
	return request_refuse(r, &refusal_deadline);
}

/* What is kept stays: the client may ask for it again. */
static enum step
refuse_memory(struct request *r)
{
	kept_answer_unref(&r->replay);
	r->outcome.fault = FAULT_MEMORY;
	return request_refuse(r, &refusal_overloaded);
}

/* Its bytes are copied for each who reads them, at his own pace. */
static enum step
answer_again(struct request *r)
{
	struct slice body = r->replay->body;

	if (body.n > ATTEMPT_COUNTED && !front_hold(r->worker->front, body.n))
		return refuse_memory(r);
	reply_headers(r, 200, "application/json", (int64_t)body.n, NULL);
	r->sink->ops->write(r->sink, body);
	r->sink->ops->end(r->sink, SINK_CLEAN);
	r->outcome.bytes_out += body.n;
	return request_finish(r, RESULT_OK, FAULT_NONE, "idempotent_replay");
}

enum step
step_hold(struct request *r)
{
	switch (name(r)) {
	case CLAIM_NAMING:
		request_yield(r);
		return STEP_WAIT;
	case CLAIM_NAMELESS:
		return plan_it(r);
	case CLAIM_NAMED:
		break;
	}
	switch (claim_begin(r->worker->app->idempotency, r->claim,
	    r->worker->now, &r->replay)) {
	case CLAIM_WAIT:
		return wait_for_first(r);
	case CLAIM_REPLAY:
		return answer_again(r);
	case CLAIM_OTHER:
		return request_refuse(r, &refusal_key_reused);
	case CLAIM_NONE:
		log_warn("idempotency id=%s reason=out_of_memory", r->id);
		break;
	case CLAIM_FIRST:
		break;
	}
	return plan_it(r);
}

bool
replay_key(const struct request *r, const struct attempt *a,
    char hex[2 * IDEMPOTENCY_DIGEST + 1])
{
	struct slice key = key_of(r);

	return key.n > 0 &&
	    idempotency_key_for(tenant_of(r), key,
		slice_of(a->serving->backend->name), slice_of(a->model),
		slice_of(dialect_name(a->head.dialect)), hex);
}

void
replay_keep(struct request *r, struct slice body)
{
	const struct kept_answer answer = {
		.backend = r->attempt->serving->backend->name,
		.model = r->attempt->model,
		.left_out = attempt_left_out(r->attempt),
		.body = body,
	};

	if (r->claim == NULL)
		return;
	claim_keep(
	    r->worker->app->idempotency, r->claim, &answer, r->worker->now);
}

void
replay_release(struct request *r)
{
	if (r->claim == NULL)
		return;
	claim_drop(r->worker->app->idempotency, r->claim);
	free(r->claim);
	r->claim = NULL;
}
