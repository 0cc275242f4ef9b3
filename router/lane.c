/* router/lane.c - one tenant's waiting requests of one kind, and heaps of
 * such lanes. */
#include "router/lane.h"

#include <stdlib.h>

/* --- orders: a pairing heap --- */

static bool
before(enum lane_heap by, const struct order *a, const struct order *b)
{
	usec x = by == LANE_TURN ? a->turn : a->due;
	usec y = by == LANE_TURN ? b->turn : b->due;

	return x != y ? x < y : a->sequence < b->sequence;
}

static struct order *
meld(enum lane_heap by, struct order *a, struct order *b)
{
	struct order *swap;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (before(by, b, a)) {
		swap = a;
		a = b;
		b = swap;
	}
	b->in[by].prev = a;
	b->in[by].next = a->in[by].child;
	if (a->in[by].child != NULL)
		a->in[by].child->in[by].prev = b;
	a->in[by].child = b;
	a->in[by].next = a->in[by].prev = NULL;
	return a;
}

/* Siblings by pairs from the left, then the pairs from the right. */
static struct order *
meld_siblings(enum lane_heap by, struct order *first)
{
	struct order *pairs = NULL, *all = NULL, *a, *b;

	while (first != NULL) {
		a = first;
		b = a->in[by].next;
		first = b != NULL ? b->in[by].next : NULL;
		a->in[by].next = a->in[by].prev = NULL;
		if (b != NULL)
			b->in[by].next = b->in[by].prev = NULL;
		a = meld(by, a, b);
		a->in[by].next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		a = pairs;
		pairs = a->in[by].next;
		a->in[by].next = NULL;
		all = meld(by, all, a);
	}
	return all;
}

bool
lane_push(struct lane *l, struct order *o)
{
	bool leads = false;

	for (unsigned by = 0; by < LANE_HEAPS; by++) {
		o->in[by].child = o->in[by].next = o->in[by].prev = NULL;
		l->head[by] = meld(by, l->head[by], o);
		leads = leads || l->head[by] == o;
	}
	l->n++;
	return leads;
}

static bool
cut(enum lane_heap by, struct lane *l, struct order *o)
{
	struct order *rest = meld_siblings(by, o->in[by].child);
	struct order *prev = o->in[by].prev, *next = o->in[by].next;
	bool led = l->head[by] == o;

	o->in[by].child = NULL;
	if (led) {
		l->head[by] = rest;
	} else {
		if (prev->in[by].child == o)
			prev->in[by].child = next;
		else
			prev->in[by].next = next;
		if (next != NULL)
			next->in[by].prev = prev;
		l->head[by] = meld(by, l->head[by], rest);
	}
	o->in[by].next = o->in[by].prev = NULL;
	return led;
}

bool
lane_cut(struct lane *l, struct order *o)
{
	bool led = cut(LANE_TURN, l, o);

	l->n--;
	return cut(LANE_DUE, l, o) || led;
}

/* --- lanes: binary heaps --- */

bool
lane_before(const struct lane *a, const struct lane *b)
{
	if (a->account->served != b->account->served)
		return a->account->served < b->account->served;
	return before(LANE_TURN, a->head[LANE_TURN], b->head[LANE_TURN]);
}

static bool
is_above(enum lane_heap by, const struct lane *a, const struct lane *b)
{
	if (by == LANE_TURN && a->served != b->served)
		return a->served < b->served;
	return before(by, a->head[by], b->head[by]);
}

static void
put(struct lanes *h, enum lane_heap by, struct lane *l, uint32_t i)
{
	h->list[i] = l;
	l->slot[by] = i;
}

static void
rise(struct lanes *h, enum lane_heap by, struct lane *l)
{
	uint32_t i = l->slot[by];

	while (i > 0 && is_above(by, l, h->list[(i - 1) / 2])) {
		put(h, by, h->list[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	put(h, by, l, i);
}

static void
sink(struct lanes *h, enum lane_heap by, struct lane *l)
{
	uint32_t i = l->slot[by], next;

	while ((next = 2 * i + 1) < h->n) {
		if (next + 1 < h->n &&
		    is_above(by, h->list[next + 1], h->list[next]))
			next++;
		if (!is_above(by, h->list[next], l))
			break;
		put(h, by, h->list[next], i);
		i = next;
	}
	put(h, by, l, i);
}

bool
lanes_reserve(struct lanes *h, uint32_t n)
{
	uint32_t cap = h->cap > 0 ? h->cap : 8;
	struct lane **list;

	if (n <= h->cap)
		return true;
	while (cap < n)
		cap *= 2;
	list = realloc(h->list, cap * sizeof(struct lane *));
	if (list == NULL)
		return false;
	h->list = list;
	h->cap = cap;
	return true;
}

void
lanes_push(struct lanes *h, enum lane_heap by, struct lane *l)
{
	if (by == LANE_TURN)
		l->served = l->account->served;
	put(h, by, l, h->n++);
	rise(h, by, l);
}

void
lanes_move(struct lanes *h, enum lane_heap by, struct lane *l)
{
	rise(h, by, l);
	sink(h, by, l);
}

void
lanes_remove(struct lanes *h, enum lane_heap by, struct lane *l)
{
	struct lane *last = h->list[--h->n];

	if (last != l) {
		put(h, by, last, l->slot[by]);
		lanes_move(h, by, last);
	}
	l->slot[by] = LANE_NOWHERE;
}

struct lane *
lanes_top(struct lanes *h, enum lane_heap by)
{
	struct lane *top;

	for (;;) {
		top = h->n > 0 ? h->list[0] : NULL;
		if (top == NULL || by != LANE_TURN ||
		    top->served == top->account->served)
			return top;
		top->served = top->account->served;
		sink(h, by, top);
	}
}
