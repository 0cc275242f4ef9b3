/* router/promise.h - places kept for those who come back when told to.
 *
 * Whoever is turned away because too many wait is told a time of its own, one
 * after the other at the pace at which the queue drains, and has a place in the
 * queue then, however many wait. It is known by what it asks: the same tenant,
 * model, prompt and limits. What the returning take is a share of the drain,
 * tenants' shares are equal, and as far as clients do not come back, times are
 * given out more densely. */
#ifndef ROUTER_PROMISE_H
#define ROUTER_PROMISE_H

#include "router/account.h"
#include "router/order.h"

#define PROMISE_MAX (60 * 60 * USEC_SEC) /* from now */
#define PROMISES 16384 /* at most at a time, nearly; a power of two */

struct promise {
	uint64_t key; /* 0: none */
	usec at;
	struct account *account;
};

struct promises {
	struct promise list[PROMISES];
	double kept; /* the share that clients come back for, fading */
	unsigned owed; /* tenants that have any */
	size_t swept;
};

void promises_init(struct promises *);
/* When to come back: a span from now, not less than `least`. per_us: requests
 * that leave the queue. The same request has its old promise again. */
usec promises_make(struct promises *, const struct order *, struct account *,
    double per_us, usec least, usec now);
/* Whether it comes when it was told to; its promise is then used up. */
bool promises_redeem(struct promises *, const struct order *, usec now);
/* Forgets those that nobody came back for; a part of them each time. */
void promises_sweep(struct promises *, usec now);

#endif
