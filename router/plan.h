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
	struct crowd crowd; /* before it came */
	double stake; /* what a miss is worth, USD */
	double output, output_high; /* of its answer: usual, seldom more */
	bool lost; /* it would be late there even if nobody else were */
	bool beaten; /* not if it had come first: by those who are there */
};

struct router;

/* When the first of the model's servings, tried or not, may be used again: a
 * span from now; 0: not known. */
usec plan_reopens(const struct fleet *, const struct order *, usec now);

/* Changes nothing but the random stream and the request's trace. The eligible
 * set is not empty. no_wait: REASON_QUEUED where the request may wait; else
 * what to say instead, and the plan is then never PLAN_WAIT. *place is set for
 * PLAN_GO. */
void plan_make(struct router *, const struct order *, enum plan_reason no_wait,
    usec now, struct plan *, struct place *);

/* Whether the place that was taken for it is still worth going to. */
bool plan_holds(const struct fleet *, const struct order *, usec now);

/* Until those who wait now have probably gone. */
usec plan_drain(const struct router *);

/* Not a plan to go anywhere. retry_after 0: not known. */
void plan_refuse(struct plan *, enum plan_reason, usec retry_after);

#endif
