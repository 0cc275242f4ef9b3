/* router/lane.c - one tenant's waiting requests of one kind, and heaps of
 * such lanes. */
#include "router/lane.h"

#include <stdlib.h>

/* --- orders: a pairing heap --- */

static bool
before(const struct order *a, const struct order *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return a->sequence < b->sequence;
}

static struct order *
meld(struct order *a, struct order *b)
{
	struct order *swap;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (before(b, a)) {
		swap = a;
		a = b;
		b = swap;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child != NULL)
		a->child->prev = b;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Siblings by pairs from the left, then the pairs from the right. */
static struct order *
meld_siblings(struct order *first)
{
	struct order *pairs = NULL, *all = NULL, *a, *b;

	while (first != NULL) {
		a = first;
		b = a->next;
		first = b != NULL ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		a = pairs;
		pairs = a->next;
		a->next = NULL;
		all = meld(all, a);
	}
	return all;
}

bool
lane_push(struct lane *l, struct order *o)
{
	o->child = o->next = o->prev = NULL;
	l->head = meld(l->head, o);
	l->n++;
	return l->head == o;
}

bool
lane_cut(struct lane *l, struct order *o)
{
	struct order *rest = meld_siblings(o->child);
	bool led = l->head == o;

	o->child = NULL;
	if (led) {
		l->head = rest;
	} else {
		if (o->prev->child == o)
			o->prev->child = o->next;
		else
			o->prev->next = o->next;
		if (o->next != NULL)
			o->next->prev = o->prev;
		l->head = meld(l->head, rest);
	}
	o->next = o->prev = NULL;
	l->n--;
	return led;
}

/* --- lanes: binary heaps --- */

bool
lane_before(const struct lane *a, const struct lane *b)
{
	if (a->account->served != b->account->served)
		return a->account->served < b->account->served;
	return before(a->head, b->head);
}

static bool
is_above(enum lane_heap by, const struct lane *a, const struct lane *b)
{
	if (by == LANE_TURN && a->served != b->served)
		return a->served < b->served;
	return before(a->head, b->head);
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
