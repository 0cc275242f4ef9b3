/* router/queue.c - requests that wait for a serving. */
#include "router/queue.h"

#include <stdlib.h>

void
queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	list_init(&q->lanes);
	list_init(&q->spare);
}

static void
free_lanes(struct list *lanes)
{
	struct list *node;

	while ((node = list_pop(lanes)) != NULL)
		free(CONTAINER_OF(node, struct lane, link));
}

void
queue_fini(struct queue *q)
{
	free_lanes(&q->lanes);
	free_lanes(&q->spare);
}

static struct lane *
lane_of(struct list *node)
{
	return CONTAINER_OF(node, struct lane, link);
}

/* --- pairing heap --- */

static bool
before(const struct order *a, const struct order *b)
{
	if (a->req->deadline != b->req->deadline)
		return a->req->deadline < b->req->deadline;
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

static void
cut(struct lane *l, struct order *o)
{
	struct order *rest = meld_siblings(o->child);

	o->child = NULL;
	if (l->head == o) {
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
}

/* --- lanes --- */

static struct lane *
find_lane(struct queue *q, const struct order *o)
{
	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		struct lane *l = lane_of(n);

		if (l->model == o->req->model && l->eligible == o->eligible &&
		    l->priority == o->req->slo.priority)
			return l;
	}
	return NULL;
}

static struct lane *
open_lane(struct queue *q, const struct order *o)
{
	struct list *node = list_pop(&q->spare);
	struct lane *l = node != NULL ? lane_of(node) : malloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct lane){ .model = o->req->model,
		.eligible = o->eligible,
		.priority = o->req->slo.priority };
	for (uint64_t rest = l->eligible; rest != 0; rest &= rest - 1)
		l->sites |= site_bit(
		    l->model->servings[__builtin_ctzll(rest)].backend->id);
	list_init(&l->link);
	list_append(&q->lanes, &l->link);
	return l;
}

bool
queue_add(struct queue *q, struct order *o)
{
	struct lane *l = find_lane(q, o);

	if (l == NULL)
		l = open_lane(q, o);
	if (l == NULL)
		return false;
	o->sequence = q->sequence++;
	o->lane = l;
	o->child = o->next = o->prev = NULL;
	l->head = meld(l->head, o);
	l->n++;
	q->n++;
	return true;
}

void
queue_remove(struct queue *q, struct order *o)
{
	struct lane *l = o->lane;

	cut(l, o);
	o->lane = NULL;
	q->n--;
	if (--l->n > 0)
		return;
	list_remove(&l->link);
	list_append(&q->spare, &l->link);
}

struct order *
queue_best(const struct queue *q, uint64_t sites, uint64_t round)
{
	const struct lane *best = NULL;

	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		const struct lane *l = lane_of(n);

		if ((l->sites & sites) == 0 || l->passed == round)
			continue;
		if (best == NULL || l->priority < best->priority ||
		    (l->priority == best->priority &&
			before(l->head, best->head)))
			best = l;
	}
	return best != NULL ? best->head : NULL;
}

bool
queue_waits_for(const struct queue *q, uint64_t sites, enum priority p)
{
	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		const struct lane *l = lane_of(n);

		if ((l->sites & sites) != 0 && l->priority <= p)
			return true;
	}
	return false;
}

unsigned
queue_waiting(const struct queue *q, uint32_t serving)
{
	unsigned n = 0;

	for (struct list *i = q->lanes.next; i != &q->lanes; i = i->next) {
		const struct lane *l = lane_of(i);

		for (uint64_t rest = l->eligible; rest != 0; rest &= rest - 1)
			if (l->model->servings[__builtin_ctzll(rest)].id ==
			    serving)
				n += l->n;
	}
	return n;
}
