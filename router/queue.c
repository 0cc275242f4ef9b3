/* router/queue.c - requests that wait for a serving. */
#include "router/queue.h"

#include <math.h>
#include <stdlib.h>

#include "policies/fairness.h"

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
find_lane(struct queue *q, const struct order *o, const struct account *account)
{
	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		struct lane *l = lane_of(n);

		if (l->model == o->req->model && l->eligible == o->eligible &&
		    l->priority == o->priority && l->account == account)
			return l;
	}
	return NULL;
}

double
queue_least_served(const struct queue *q)
{
	double least = HUGE_VAL;

	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next)
		least = fmin(least, lane_of(n)->account->served);
	return least;
}

static void
lift(struct account *account, double least)
{
	if (account->waiting == 0 && least < HUGE_VAL)
		account->served = fair_lift(account->served, least);
}

static struct lane *
open_lane(struct queue *q, const struct order *o, struct account *account)
{
	struct list *node = list_pop(&q->spare);
	struct lane *l = node != NULL ? lane_of(node) : malloc(sizeof(*l));

	if (l == NULL)
		return NULL;
	*l = (struct lane){ .model = o->req->model,
		.eligible = o->eligible,
		.priority = o->priority,
		.account = account };
	lift(account, queue_least_served(q));
	for (uint64_t rest = l->eligible; rest != 0; rest &= rest - 1)
		l->sites |= site_bit(
		    l->model->servings[__builtin_ctzll(rest)].backend->id);
	list_init(&l->link);
	list_append(&q->lanes, &l->link);
	return l;
}

bool
queue_add(struct queue *q, struct order *o, struct account *account)
{
	struct lane *l = find_lane(q, o, account);

	if (l == NULL)
		l = open_lane(q, o, account);
	if (l == NULL)
		return false;
	o->sequence = q->sequence++;
	o->lane = l;
	o->child = o->next = o->prev = NULL;
	l->head = meld(l->head, o);
	l->n++;
	account->waiting++;
	q->n++;
	return true;
}

void
queue_remove(struct queue *q, struct order *o)
{
	struct lane *l = o->lane;

	cut(l, o);
	o->lane = NULL;
	l->account->waiting--;
	q->n--;
	if (--l->n > 0)
		return;
	list_remove(&l->link);
	list_append(&q->spare, &l->link);
}

static bool
goes_before(const struct lane *a, const struct lane *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->account->served != b->account->served)
		return a->account->served < b->account->served;
	return before(a->head, b->head);
}

struct order *
queue_victim(const struct queue *q, enum priority p)
{
	const struct lane *worst = NULL;

	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		const struct lane *l = lane_of(n);

		if (l->priority > p &&
		    (worst == NULL || l->priority > worst->priority ||
			(l->priority == worst->priority && l->n > worst->n)))
			worst = l;
	}
	return worst != NULL ? worst->head : NULL;
}

struct order *
queue_late(const struct queue *q, usec now)
{
	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		const struct lane *l = lane_of(n);

		if (l->priority < PRIORITY_BATCH && l->head->due <= now)
			return l->head;
	}
	return NULL;
}

struct order *
queue_best(const struct queue *q, uint64_t sites, uint64_t round)
{
	const struct lane *best = NULL;

	for (struct list *n = q->lanes.next; n != &q->lanes; n = n->next) {
		const struct lane *l = lane_of(n);

		if ((l->sites & sites) == 0 || l->passed == round)
			continue;
		if (best == NULL || goes_before(l, best))
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
