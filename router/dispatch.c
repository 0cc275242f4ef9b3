/* router/dispatch.c - taking places and leaving them.
 *
 * Invariant: an order that is AT_WORK, or READY with PLAN_GO, holds exactly one
 * place in its cell; no other order holds any. When a call returns, nobody
 * waits who could go, save those beyond DISPATCH_MAX. */
#include "router/engine.h"

#include "policies/fairness.h"

/* Requests that one call lets go. A backend that comes up without a limit of
 * slots is then filled a hundred or so at a time, by the ticks and by each
 * answer, rather than by one call that holds the lock throughout. */
#define DISPATCH_MAX 128

#define LATE_FACTOR 1.5 /* times the typical time without a sign */

/* When silence begins to tell: a whole answer shows nothing before its end. */
static usec
late_after(const struct order *o, const struct place *place)
{
	const struct forecast *f = place->cell->forecast;
	double span =
	    profile_ttft(&f->profile, &place->crowd) * f->ttft_typical;

	if (!o->req->facts->stream)
		span += profile_itl(&f->profile, &place->crowd) *
		    f->itl_typical * place->output_high;
	return (usec)(LATE_FACTOR * span);
}

static void
take_place(struct order *o, const struct place *place, usec now)
{
	o->at = place->at;
	o->crowd = place->crowd;
	o->output = place->output;
	o->late_after = late_after(o, place);
	o->first_token = false;
	o->lately.itl = 0;
	o->lately.late = false;
	o->stay = (struct stay){ .itl = o->req->slo.itl,
		.tokens =
		    place->crowd.tokens - place->cell->site->prompt_tokens };
	cell_enter(place->cell, &o->stay, now);
	if (o->plan.reason == REASON_EXPLORING)
		place->cell->site->explored_at = now;
	cell_prefix_sent(place->cell, o->req->facts->prefix_hash, now);
}

/* Room in the queue: for a higher priority somebody else's. */
static bool
join_queue(struct router *r, struct order *o, usec now)
{
	struct account *a = accounts_of(&r->accounts, o->req->tenant);
	struct order *victim;

	if (r->queue.n >= r->conf->queue_limit) {
		victim = queue_victim(&r->queue, o->priority);
		if (victim == NULL)
			return false;
		dispatch_shed(r, victim, now);
	}
	if (!queue_add(&r->queue, o, a))
		return false;
	o->state = ORDER_WAITING;
	return true;
}

enum plan_kind
dispatch(struct router *r, struct order *o, enum plan_reason no_wait, usec now)
{
	struct place place;

	plan_make(r, o, no_wait, now, &o->plan, &place);
	if (o->plan.kind == PLAN_GO)
		take_place(o, &place, now);
	else if (o->plan.kind == PLAN_WAIT && !join_queue(r, o, now))
		plan_refuse(&o->plan, REASON_QUEUE_FULL, USEC_SEC);
	return o->plan.kind;
}

void
dispatch_begin(struct router *r, struct order *o, usec now)
{
	struct account *a = accounts_of(&r->accounts, o->req->tenant);

	a->served += fair_cost(o->stay.tokens, o->output);
	o->state = ORDER_AT_WORK;
	o->sent = now;
	list_append(&r->silent, &o->link);
}

void
dispatch_end(struct router *r, struct order *o)
{
	cell_leave(order_cell(r, o), &o->stay);
	list_remove(&o->link);
}

static void
make_ready(struct router *r, struct order *o)
{
	o->state = ORDER_READY;
	list_append(&r->ready[o->req->worker], &o->link);
	r->owed |= UINT64_C(1) << o->req->worker;
}

void
dispatch_shed(struct router *r, struct order *o, usec now)
{
	queue_remove(&r->queue, o);
	plan_refuse(&o->plan, REASON_QUEUE_FULL, plan_drain(r));
	make_ready(r, o);
	(void)now;
}

void
dispatch_waiting(struct router *r, uint64_t sites, usec now)
{
	unsigned left = DISPATCH_MAX;
	struct order *o;

	r->round++;
	while (
	    left > 0 && (o = queue_best(&r->queue, sites, r->round)) != NULL) {
		struct place place;
		struct plan plan;

		plan_make(r, o, REASON_QUEUED, now, &plan, &place);
		if (plan.kind == PLAN_WAIT) {
			o->lane->passed = r->round;
			continue;
		}
		queue_remove(&r->queue, o);
		r->drain.left++;
		o->plan = plan;
		if (plan.kind == PLAN_GO)
			take_place(o, &place, now);
		make_ready(r, o);
		left--;
	}
}

void
dispatch_demote(struct router *r, usec now)
{
	struct order *o;

	while ((o = queue_late(&r->queue, now)) != NULL) {
		struct account *a = accounts_of(&r->accounts, o->req->tenant);

		queue_remove(&r->queue, o);
		o->priority = PRIORITY_BATCH;
		o->due = o->req->deadline;
		if (!queue_add(&r->queue, o, a)) {
			plan_refuse(&o->plan, REASON_QUEUE_FULL, USEC_SEC);
			make_ready(r, o);
		}
	}
}

enum plan_reason
dispatch_room(const struct router *r, enum priority p)
{
	return r->queue.n < r->conf->queue_limit ||
		queue_victim(&r->queue, p) != NULL
	    ? REASON_QUEUED
	    : REASON_QUEUE_FULL;
}

uint64_t
dispatch_owed(struct router *r)
{
	uint64_t mask = r->owed;

	r->owed = 0;
	return mask;
}
