/* gateway/admin/receipts.c - the ring of receipts, and the blocks they are
 * written in.
 *
 * Invariant: a block is in the ring, in one worker's spares, or at work on that
 * worker. A worker's spares are touched by that worker alone. */
#include "gateway/admin/receipts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/list.h"

#define DRAFTS_MAX 256 /* idle ones that a worker keeps */
#define RECEIPTS_MAX 4 /* likewise: one is at work at a time */
#define TRACES_MAX 32 /* likewise: those of plans that wait */

struct trace_block {
	struct trace_block *next;
	struct route_trace trace;
};

struct spares {
	struct receipt_draft *drafts;
	struct receipt *receipts;
	struct trace_block *traces;
	unsigned n_drafts, n_receipts, n_traces;
};

struct receipts {
	unsigned n, workers;
	struct spares *spares; /* a worker each */
	_Atomic uint64_t filed; /* written under the lock */
	_Atomic uint64_t *keys; /* of the ids, to look for without the lock */
	pthread_mutex_t lock; /* guards the ring */
	struct receipt **ring; /* the i-th filed is at i % n */
};

static size_t
rows_of(unsigned set_cap)
{
	return (size_t)RECEIPT_SETS * set_cap * sizeof(struct route_row);
}

static size_t
size_of(unsigned set_cap)
{
	return sizeof(struct receipt) + rows_of(set_cap);
}

static struct receipt *
block_new(unsigned set_cap)
{
	struct receipt *r = malloc(size_of(set_cap));

	if (r != NULL)
		r->set_cap = set_cap;
	return r;
}

static bool
fill_ring(struct receipts *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		s->ring[i] = block_new(RECEIPT_SERVINGS);
		if (s->ring[i] == NULL)
			return false;
	}
	return true;
}

struct receipts *
receipts_new(unsigned n, unsigned workers)
{
	struct receipts *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->n = n;
	s->workers = workers;
	s->spares = calloc(workers, sizeof(*s->spares));
	s->keys = calloc(n, sizeof(*s->keys));
	s->ring = calloc(n, sizeof(struct receipt *));
	if (s->spares == NULL || s->keys == NULL || s->ring == NULL ||
	    !fill_ring(s))
		receipts_free(&s);
	return s;
}

static void
spares_free(struct spares *p)
{
	struct receipt_draft *d;
	struct trace_block *t;
	struct receipt *r;

	while ((d = p->drafts) != NULL) {
		p->drafts = d->next;
		free(d);
	}
	while ((r = p->receipts) != NULL) {
		p->receipts = r->next;
		free(r);
	}
	while ((t = p->traces) != NULL) {
		p->traces = t->next;
		free(t);
	}
}

void
receipts_free(struct receipts **sp)
{
	struct receipts *s = *sp;

	if (s == NULL)
		return;
	for (unsigned i = 0; s->ring != NULL && i < s->n; i++)
		free(s->ring[i]);
	for (unsigned i = 0; s->spares != NULL && i < s->workers; i++)
		spares_free(&s->spares[i]);
	free(s->ring);
	free(s->keys);
	free(s->spares);
	pthread_mutex_destroy(&s->lock);
	free(s);
	*sp = NULL;
}

/* --- blocks --- */

static void
spares_give(struct spares *p, struct receipt *r)
{
	if (p->n_receipts == RECEIPTS_MAX) {
		free(r);
		return;
	}
	r->next = p->receipts;
	p->receipts = r;
	p->n_receipts++;
}

static struct receipt *
spares_take(struct spares *p, unsigned set_cap)
{
	struct receipt *r = p->receipts;

	if (r != NULL) {
		p->receipts = r->next;
		p->n_receipts--;
		if (r->set_cap >= set_cap)
			return r;
		free(r);
	}
	return block_new(set_cap);
}

static unsigned
cap_for(size_t servings)
{
	if (servings <= RECEIPT_SERVINGS)
		return RECEIPT_SERVINGS;
	return servings < CONF_SERVINGS_MAX ? (unsigned)servings
					    : CONF_SERVINGS_MAX;
}

static struct receipt_draft *
draft_new(unsigned set_cap)
{
	struct receipt_draft *d = malloc(sizeof(*d) + rows_of(set_cap));

	if (d != NULL)
		d->set_cap = set_cap;
	return d;
}

struct receipt_draft *
draft_take(struct receipts *s, unsigned worker, size_t servings)
{
	struct spares *p = &s->spares[worker];
	struct receipt_draft *d = p->drafts;
	unsigned cap = cap_for(servings);

	if (d != NULL) {
		p->drafts = d->next;
		p->n_drafts--;
	}
	if (d == NULL || d->set_cap < cap) {
		free(d);
		d = draft_new(cap);
	}
	if (d == NULL)
		return NULL;
	d->n_plans = 0;
	memset(d->plan, 0, sizeof(d->plan));
	return d;
}

void
draft_drop(struct receipts *s, unsigned worker, struct receipt_draft **dp)
{
	struct spares *p = &s->spares[worker];
	struct receipt_draft *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	if (p->n_drafts == DRAFTS_MAX) {
		free(d);
		return;
	}
	d->next = p->drafts;
	p->drafts = d;
	p->n_drafts++;
}

struct receipt *
receipt_take(struct receipts *s, unsigned worker, size_t servings)
{
	unsigned cap;
	struct receipt *r;

	r = spares_take(&s->spares[worker], cap_for(servings));
	if (r == NULL)
		return NULL;
	cap = r->set_cap;
	memset(r, 0, sizeof(*r));
	r->set_cap = cap;
	return r;
}

static uint64_t
key_of(struct slice digits)
{
	return slice_hash(digits) | 1; /* 0: an empty place */
}

void
receipt_file(struct receipts *s, unsigned worker, struct receipt **rp)
{
	struct receipt *r = *rp, *old;
	uint64_t key, at;

	if (r == NULL)
		return;
	key = key_of(receipt_digits(slice_of(r->id)));
	pthread_mutex_lock(&s->lock);
	at = atomic_load_explicit(&s->filed, memory_order_relaxed);
	old = s->ring[at % s->n];
	s->ring[at % s->n] = r;
	atomic_store_explicit(&s->keys[at % s->n], key, memory_order_relaxed);
	atomic_store_explicit(&s->filed, at + 1, memory_order_relaxed);
	pthread_mutex_unlock(&s->lock);
	spares_give(&s->spares[worker], old);
	*rp = NULL;
}

struct route_trace *
trace_take(struct receipts *s, unsigned worker)
{
	struct spares *p = &s->spares[worker];
	struct trace_block *b = p->traces;

	if (b != NULL) {
		p->traces = b->next;
		p->n_traces--;
	} else {
		b = malloc(sizeof(*b));
	}
	if (b == NULL)
		return NULL;
	b->trace.n = 0;
	b->trace.engine = UINT32_MAX;
	b->trace.required = -1;
	return &b->trace;
}

void
trace_give(struct receipts *s, unsigned worker, struct route_trace **tp)
{
	struct spares *p = &s->spares[worker];
	struct trace_block *b;

	if (*tp == NULL)
		return;
	b = CONTAINER_OF(*tp, struct trace_block, trace);
	*tp = NULL;
	if (p->n_traces == TRACES_MAX) {
		free(b);
		return;
	}
	b->next = p->traces;
	p->traces = b;
	p->n_traces++;
}

/* --- readers --- */

uint64_t
receipts_filed(const struct receipts *s)
{
	return atomic_load_explicit(&s->filed, memory_order_relaxed);
}

unsigned
receipts_room(const struct receipts *s)
{
	return s->n;
}

static void
copy_block(struct receipt *to, const struct receipt *r)
{
	memcpy(to, r, size_of(r->set_cap));
}

struct receipt *
receipts_find(struct receipts *s, struct slice id)
{
	struct slice digits = receipt_digits(id);
	struct receipt *copy = block_new(CONF_SERVINGS_MAX);
	const struct receipt *r;
	uint64_t key = key_of(digits);
	bool found = false;

	for (unsigned i = 0; copy != NULL && i < s->n && !found; i++) {
		if (atomic_load_explicit(&s->keys[i], memory_order_relaxed) !=
		    key)
			continue;
		pthread_mutex_lock(&s->lock);
		r = s->ring[i];
		found = slice_eq(receipt_digits(slice_of(r->id)), digits);
		if (found)
			copy_block(copy, r);
		pthread_mutex_unlock(&s->lock);
	}
	if (found)
		return copy;
	free(copy);
	return NULL;
}

static bool
matches(const struct receipt *r, const struct receipt_filter *f)
{
	if (f->tenant.n > 0 && !slice_is(f->tenant, r->tenant))
		return false;
	return !f->missed || (r->slo_declared && !r->slo_met) ||
	    r->result != RESULT_OK;
}

struct receipt *
receipts_next(
    struct receipts *s, uint64_t *cursor, const struct receipt_filter *f)
{
	struct receipt *copy = block_new(CONF_SERVINGS_MAX);
	uint64_t at = *cursor != 0 ? *cursor - 1 : receipts_filed(s), filed;
	bool found = false, there = at > 0;

	while (copy != NULL && there && !found) {
		at--;
		pthread_mutex_lock(&s->lock);
		filed = atomic_load_explicit(&s->filed, memory_order_relaxed);
		there = at < filed && filed - at <= s->n;
		found = there && matches(s->ring[at % s->n], f);
		if (found)
			copy_block(copy, s->ring[at % s->n]);
		pthread_mutex_unlock(&s->lock);
		there = there && at > 0;
	}
	*cursor = at + 1;
	if (found)
		return copy;
	free(copy);
	return NULL;
}
