/* bench/sim/baseline_plan.c - what a compared router does with a request now. */
#include "bench/sim/baseline_parts.h"

#define BIT(i) (UINT64_C(1) << (i))
#define QUEUE_RETRY USEC_SEC

void
base_refuse(struct plan *p, enum plan_reason reason, usec retry_after)
{
	*p = (struct plan){ .kind = PLAN_NO,
		.reason = reason,
		.ttft = -1,
		.itl = -1,
		.total = -1,
		.confidence = -1,
		.retry_after = retry_after,
		.hedge_after = HEDGE_NEVER };
}

/* Sets of servings by how they stand, and when the earliest comes back. */
struct look {
	uint64_t is[BASE_FREE + 1];
	usec reopens;
};

static void
look(const struct base *b, const struct base_order *o, uint64_t set, usec now,
    struct look *l)
{
	*l = (struct look){ .reopens = USEC_NEVER };
	for (; set != 0; set &= set - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(set);
		usec until;

		l->is[base_stands(b, base_site(b, o, i), now, &until)] |=
		    BIT(i);
		if (until < l->reopens)
			l->reopens = until;
	}
	if (b->kind->panics && l->is[BASE_FREE] == 0 && l->is[BASE_FULL] == 0)
		l->is[BASE_FREE] = l->is[BASE_OUT];
}

static void
go(struct base *b, struct base_order *o, uint32_t at, usec now, struct plan *p)
{
	struct base_site *s = base_site(b, o, at);

	o->at = at;
	o->sent = now;
	s->in_flight++;
	if (b->kind->sent != NULL)
		b->kind->sent(s, now);
	base_refuse(p,
	    (o->fallbacks & BIT(at)) != 0 ? REASON_FALLBACK
					  : REASON_CHEAPEST_ADEQUATE,
	    0);
	p->kind = PLAN_GO;
	p->serving = o->req->model->servings[at].id;
}

static void
no(const struct look *l, uint64_t set, usec now, struct plan *p)
{
	usec after = l->reopens < USEC_NEVER ? l->reopens - now : 0;

	if (set == 0)
		base_refuse(p, REASON_EXHAUSTED, 0);
	else if (l->is[BASE_COLD] != 0)
		base_refuse(p, REASON_LOADING, 5 * USEC_SEC);
	else if (l->is[BASE_BLOCKED] == set)
		base_refuse(p, REASON_RATE_LIMITED, after);
	else
		base_refuse(p, REASON_UNAVAILABLE, after);
}

/* Primaries first; a fallback only where none of them can be used at all. */
void
base_plan(struct base *b, struct base_order *o, usec now, struct plan *p)
{
	uint64_t left = o->eligible & ~o->tried;
	struct look first, l;
	uint32_t at = BASE_NONE;

	if (now >= o->req->deadline) {
		base_refuse(p, REASON_DEADLINE, 0);
		return;
	}
	look(b, o, left & ~o->fallbacks, now, &first);
	l = first;
	if ((l.is[BASE_FREE] | l.is[BASE_FULL]) == 0)
		look(b, o, left, now, &l);
	if (l.is[BASE_FREE] != 0)
		at = b->kind->pick(b, o, l.is[BASE_FREE], now);
	if (at != BASE_NONE)
		go(b, o, at, now, p);
	else if ((l.is[BASE_FREE] | l.is[BASE_FULL]) == 0)
		no(&l, left, now, p);
	else if (!b->kind->waits)
		base_refuse(p, REASON_QUEUE_FULL, QUEUE_RETRY);
	else {
		base_refuse(p, REASON_QUEUED, 0);
		p->kind = PLAN_WAIT;
	}
}
