/* bench/sim/baseline_plan.c - what a compared router does with a request. */
#include "bench/sim/baseline_parts.h"

#include "router/plan.h"

#define QUEUE_RETRY USEC_SEC

/* Sets of servings by how they stand, and when the earliest comes back. */
struct look {
	struct set is[BASE_FREE + 1];
	usec reopens;
};

static bool
is_hopeless(const struct look *l)
{
	return set_is_empty(&l->is[BASE_FREE]) &&
	    set_is_empty(&l->is[BASE_FULL]);
}

static void
look(const struct base *b, const struct base_order *o, const struct set *set,
    usec now, struct look *l)
{
	*l = (struct look){ .reopens = USEC_NEVER };
	SET_EACH (i, set) {
		usec until;

		set_add(
		    &l->is[base_stands(b, base_site(b, o, i), now, &until)], i);
		if (until < l->reopens)
			l->reopens = until;
	}
	if (b->kind->panics && is_hopeless(l))
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
	plan_refuse(p,
	    set_has(&o->fallbacks, at) ? REASON_FALLBACK
				       : REASON_CHEAPEST_ADEQUATE,
	    0);
	p->kind = PLAN_GO;
	p->serving = o->req->model->servings[at].id;
}

static void
no(const struct look *l, const struct set *set, usec now, struct plan *p)
{
	usec after = l->reopens < USEC_NEVER ? l->reopens - now : 0;

	if (set_is_empty(set))
		plan_refuse(p, REASON_EXHAUSTED, 0);
	else if (!set_is_empty(&l->is[BASE_COLD]))
		plan_refuse(p, REASON_LOADING, 5 * USEC_SEC);
	else if (set_equal(&l->is[BASE_BLOCKED], set))
		plan_refuse(p, REASON_RATE_LIMITED, after);
	else
		plan_refuse(p, REASON_UNAVAILABLE, after);
}

/* Primaries first; a fallback only where none of them can be used at all. */
void
base_plan(struct base *b, struct base_order *o, usec now, struct plan *p)
{
	struct set left = set_minus(&o->eligible, &o->tried);
	struct set primaries = set_minus(&left, &o->fallbacks);
	struct look first, l;
	uint32_t at = BASE_NONE;

	if (now >= o->req->deadline) {
		plan_refuse(p, REASON_DEADLINE, 0);
		return;
	}
	look(b, o, &primaries, now, &first);
	l = first;
	if (is_hopeless(&l))
		look(b, o, &left, now, &l);
	if (!set_is_empty(&l.is[BASE_FREE]))
		at = b->kind->pick(b, o, &l.is[BASE_FREE], now);
	if (at != BASE_NONE)
		go(b, o, at, now, p);
	else if (is_hopeless(&l))
		no(&l, &left, now, p);
	else if (!b->kind->waits)
		plan_refuse(p, REASON_QUEUE_FULL, QUEUE_RETRY);
	else {
		plan_refuse(p, REASON_QUEUED, 0);
		p->kind = PLAN_WAIT;
	}
}
