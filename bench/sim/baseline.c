/* bench/sim/baseline.c - tickets, queue and retries of the compared routers.
 *
 * Invariant: an order is free, in a lane (at is BASE_NONE), or at work at one
 * serving, whose site counts it. */
#include "bench/sim/baseline_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "router/filter.h"
#include "router/plan.h"

#define QUEUE_RETRY USEC_SEC
#define PROBE_TRUST (10 * USEC_SEC) /* out, unless a later one says so */
#define DEPTH 8 /* of a lane's first, for which nothing may be free */

/* --- orders --- */

static struct base_order *
order_new(struct base *b, const struct route_request *req)
{
	struct list *l = list_pop(&b->free);
	struct base_order *o, **more;

	if (l != NULL) {
		o = CONTAINER_OF(l, struct base_order, link);
	} else {
		o = calloc(1, sizeof(*o));
		if (o == NULL)
			return NULL;
		if ((b->n_orders & (b->n_orders - 1)) == 0) {
			more = realloc(b->orders,
			    (b->n_orders > 0 ? 2 * b->n_orders : 1) *
				sizeof(struct base_order *));
			if (more == NULL) {
				free(o);
				return NULL;
			}
			b->orders = more;
		}
		o->index = (uint32_t)b->n_orders;
		b->orders[b->n_orders++] = o;
		list_init(&o->link);
	}
	o->generation++;
	o->req = req;
	o->tried = (struct set){ 0 };
	o->retries = 0;
	o->at = BASE_NONE;
	return o;
}

static void
order_end(struct base *b, struct base_order *o)
{
	list_remove(&o->link);
	o->generation++;
	list_append(&b->free, &o->link);
}

static struct ticket
ticket_of(const struct base_order *o)
{
	return (
	    struct ticket){ .index = o->index, .generation = o->generation };
}

/* NULL: a stale ticket. */
static struct base_order *
order_of(const struct base *b, struct ticket t)
{
	if (t.generation == 0 || t.index >= b->n_orders ||
	    b->orders[t.index]->generation != t.generation)
		return NULL;
	return b->orders[t.index];
}

/* --- the queue --- */

static struct list *
lane_of(struct base *b, const struct base_order *o)
{
	return &b->lane[b->kind->by_class ? o->req->slo.priority : 0];
}

static void
queue(struct base *b, struct base_order *o, struct plan *p)
{
	if (b->waiting >= b->conf->queue_limit) {
		plan_refuse(p, REASON_QUEUE_FULL, QUEUE_RETRY);
		return;
	}
	o->at = BASE_NONE;
	list_append(lane_of(b, o), &o->link);
	b->waiting++;
}

static void
unqueue(struct base *b, struct base_order *o)
{
	list_remove(&o->link);
	b->waiting--;
}

/* Whoever of a lane's first may go or has nothing left to wait for. */
static struct base_order *
lane_next(struct base *b, struct list *lane, usec now, struct plan *p)
{
	unsigned seen = 0;

	for (struct list *l = lane->next; l != lane && seen < DEPTH;
	     l = l->next, seen++) {
		struct base_order *o = CONTAINER_OF(l, struct base_order, link);

		base_plan(b, o, now, p);
		if (p->kind != PLAN_WAIT)
			return o;
	}
	return NULL;
}

bool
base_next(void *self, usec now, void **owner, struct ticket *t, struct plan *p)
{
	struct base *b = self;
	struct base_order *o = NULL;

	for (unsigned i = 0; i < BASE_LANES && o == NULL; i++)
		o = lane_next(b, &b->lane[i], now, p);
	if (o == NULL)
		return false;
	unqueue(b, o);
	*owner = o->req->owner;
	*t = ticket_of(o);
	if (p->kind == PLAN_NO)
		order_end(b, o);
	return true;
}

/* --- the calls of a pilot --- */

void
base_submit(void *self, const struct route_request *req, usec now,
    struct ticket *t, struct plan *p)
{
	struct base *b = self;
	struct base_order *o;
	struct sieve sieve;

	*t = (struct ticket){ 0 };
	if (req->trace != NULL)
		req->trace->n = 0;
	filter(req, &sieve);
	if (set_is_empty(&sieve.eligible)) {
		plan_refuse(p, sieve.why_none, 0);
		return;
	}
	o = order_new(b, req);
	if (o == NULL) {
		plan_refuse(p, REASON_QUEUE_FULL, QUEUE_RETRY);
		return;
	}
	o->eligible = sieve.eligible;
	o->fallbacks = sieve.fallbacks;
	base_plan(b, o, now, p);
	if (p->kind == PLAN_WAIT)
		queue(b, o, p);
	if (p->kind == PLAN_NO)
		order_end(b, o);
	else
		*t = ticket_of(o);
}

/* Leaves its serving, if it has one. */
static struct base_site *
leave(struct base *b, struct base_order *o, const struct route_result *r,
    enum fault_kind fault, usec now)
{
	struct base_site *s;

	if (o->at == BASE_NONE) {
		unqueue(b, o);
		return NULL;
	}
	s = base_site(b, o, o->at);
	assert(s->in_flight > 0);
	s->in_flight--;
	if (b->kind->ended != NULL)
		b->kind->ended(s, o, r, fault, now);
	return s;
}

void
base_retry(void *self, struct ticket t, const struct fault *f, usec now,
    struct plan *p)
{
	struct base *b = self;
	struct base_order *o = order_of(b, t);
	struct base_site *s;

	plan_refuse(p, REASON_EXHAUSTED, 0);
	if (o == NULL || o->at == BASE_NONE)
		return;
	s = leave(b, o, NULL, f->kind, now);
	base_failed(b, s, f, now);
	set_add(&o->tried, o->at);
	if (fault_rule(f->kind)->retry && o->retries++ < b->kind->retries)
		base_plan(b, o, now, p);
	if (p->kind == PLAN_WAIT)
		queue(b, o, p);
	if (p->kind == PLAN_NO)
		order_end(b, o);
}

void
base_cancel(void *self, struct ticket t, usec now)
{
	struct base *b = self;
	struct base_order *o = order_of(b, t);

	if (o == NULL)
		return;
	leave(b, o, NULL, FAULT_CLIENT_GONE, now);
	order_end(b, o);
}

void
base_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	struct base *b = self;
	struct base_order *o = order_of(b, t);

	if (o == NULL || o->at == BASE_NONE)
		return;
	if (b->kind->first_token != NULL)
		b->kind->first_token(base_site(b, o, o->at), o, now, ttft);
}

void
base_finished(
    void *self, struct ticket t, const struct route_result *r, usec now)
{
	struct base *b = self;
	struct base_order *o = order_of(b, t);
	struct base_site *s;

	if (o == NULL || o->at == BASE_NONE)
		return;
	s = leave(b, o, r, r->fault.kind, now);
	if (r->fault.kind == FAULT_NONE)
		base_well(b, s);
	else
		base_failed(b, s, &r->fault, now);
	order_end(b, o);
}

/* None of them sends a second copy, and so they are never asked to. */
void
base_hedge(void *self, struct ticket t, usec now, struct ticket *second,
    struct plan *p)
{
	(void)self;
	(void)t;
	(void)now;
	*second = (struct ticket){ 0 };
	plan_refuse(p, REASON_HEDGE, 0);
}

void
base_progress(void *self, struct ticket t, usec now, unsigned tokens, usec span)
{
	(void)self;
	(void)t;
	(void)now;
	(void)tokens;
	(void)span;
}

void
base_load(void *self, uint32_t backend, const struct load *load,
    const struct fault *f, usec now)
{
	struct base *b = self;
	struct base_site *s;

	if (backend >= b->n_sites || !b->kind->probes)
		return;
	s = &b->sites[backend];
	if (load != NULL && (load->has & LOAD_WARM) != 0)
		s->cold_until = load->warm ? 0 : USEC_NEVER;
	if (f == NULL)
		return;
	if (f->kind == FAULT_LOADING)
		s->cold_until = USEC_NEVER;
	else if (fault_rule(f->kind)->blame == BLAME_OPEN)
		s->out_until = now + PROBE_TRUST;
	else if (f->kind == FAULT_NONE)
		s->cold_until = 0;
}

void
base_tick(void *self, usec now)
{
	(void)self;
	(void)now;
}
