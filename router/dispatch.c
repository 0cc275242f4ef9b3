/* router/dispatch.c - taking places and leaving them.
 *
 * Invariant: an order that is AT_WORK, or READY with PLAN_GO, holds exactly one
 * place in its cell; no other order holds any. When a call returns, nobody
 * waits who could go, save those beyond DISPATCH_MAX. */
#include "router/engine.h"

/* Requests that one call lets go. A backend that comes up without a limit of
 * slots is then filled a hundred or so at a time, by the ticks and by each
 * answer, rather than by one call that holds the lock throughout. */
#define DISPATCH_MAX 128

#define LATE_FACTOR 1.5 /* times the typical time without a sign */

static void
take_place(struct order *o, const struct place *place, usec now)
{
	o->at = place->at;
	o->crowd = cell_crowd(place->cell, now);
	o->late_after = place->typical >= 0
	    ? (usec)(LATE_FACTOR * (double)place->typical)
	    : USEC_NEVER;
	o->first_token = false;
	o->epoch = cell_enter(place->cell, now);
}

enum plan_kind
dispatch(struct router *r, struct order *o, enum plan_reason no_wait, usec now)
{
	struct place place;

	plan_make(&r->fleet, o, no_wait, now, &r->rng, &o->plan, &place);
	if (o->plan.kind == PLAN_GO) {
		take_place(o, &place, now);
	} else if (o->plan.kind == PLAN_WAIT) {
		if (queue_add(&r->queue, o))
			o->state = ORDER_WAITING;
		else
			plan_refuse(&o->plan, REASON_QUEUE_FULL, 0);
	}
	return o->plan.kind;
}

void
dispatch_begin(struct router *r, struct order *o, usec now)
{
	o->state = ORDER_AT_WORK;
	o->sent = now;
	list_append(&r->silent, &o->link);
}

void
dispatch_end(struct router *r, struct order *o)
{
	cell_leave(order_cell(r, o));
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
dispatch_waiting(struct router *r, uint64_t sites, usec now)
{
	unsigned left = DISPATCH_MAX;
	struct order *o;

	r->round++;
	while (
	    left > 0 && (o = queue_best(&r->queue, sites, r->round)) != NULL) {
		struct place place;
		struct plan plan;

		plan_make(
		    &r->fleet, o, REASON_QUEUED, now, &r->rng, &plan, &place);
		if (plan.kind == PLAN_WAIT) {
			o->lane->passed = r->round;
			continue;
		}
		queue_remove(&r->queue, o);
		o->plan = plan;
		if (plan.kind == PLAN_GO)
			take_place(o, &place, now);
		make_ready(r, o);
		left--;
	}
}

enum plan_reason
dispatch_room(const struct router *r)
{
	return r->queue.n < r->conf->queue_limit ? REASON_QUEUED
						 : REASON_QUEUE_FULL;
}

uint64_t
dispatch_owed(struct router *r)
{
	uint64_t mask = r->owed;

	r->owed = 0;
	return mask;
}
