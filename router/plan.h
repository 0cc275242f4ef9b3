/* router/plan.h - what to do with a request now.
 *
 *	a serving that is no fallback is free      GO, to the best of these
 *	one of these is busy                       WAIT
 *	a fallback is free                         GO, to the best of these
 *	any is busy or cold                        WAIT
 *	else                                       NO, and when to come back
 *
 * So a request waits for the real thing while that is merely busy, and takes
 * the fallback when it is cold, limited or broken, or when the queue has no
 * room. */
#ifndef ROUTER_PLAN_H
#define ROUTER_PLAN_H

#include "router/fleet.h"
#include "router/order.h"

/* What PLAN_GO means in detail. */
struct place {
	unsigned at; /* the serving, in the model's */
	struct cell *cell;
	usec typical; /* until the first sign of an answer; -1: unknown */
};

/* When the first of the model's servings, tried or not, may be used again: a
 * span from now; 0: not known. */
usec plan_reopens(const struct fleet *, const struct order *, usec now);

/* Changes nothing but the random stream. The eligible set is not empty.
 * no_wait: REASON_QUEUED where the request may wait; else what to say instead,
 * and the plan is then never PLAN_WAIT. *place is set for PLAN_GO. */
void plan_make(const struct fleet *, const struct order *,
    enum plan_reason no_wait, usec now, struct rng *, struct plan *,
    struct place *);

/* Whether the place that was taken for it is still worth going to. */
bool plan_holds(const struct fleet *, const struct order *, usec now);

/* Not a plan to go anywhere. retry_after 0: not known. */
void plan_refuse(struct plan *, enum plan_reason, usec retry_after);

#endif
