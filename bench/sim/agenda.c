/* bench/sim/agenda.c - what happens when, in virtual time. */
#include "bench/sim/agenda.h"

#include <stdlib.h>

#define RANK_SHIFT 56

void
agenda_init(struct agenda *a)
{
	*a = (struct agenda){ 0 };
}

void
agenda_fini(struct agenda *a)
{
	free(a->heap);
	*a = (struct agenda){ 0 };
}

static bool
before(const struct moment *x, const struct moment *y)
{
	return x->at != y->at ? x->at < y->at : x->order < y->order;
}

static void
put(struct agenda *a, size_t place, struct moment *e)
{
	a->heap[place] = e;
	e->place = place;
}

static void
rise(struct agenda *a, size_t i, struct moment *e)
{
	while (i > 1 && before(e, a->heap[i / 2])) {
		put(a, i, a->heap[i / 2]);
		i /= 2;
	}
	put(a, i, e);
}

static void
sink(struct agenda *a, size_t i, struct moment *e)
{
	size_t child;

	while ((child = 2 * i) <= a->n) {
		if (child < a->n && before(a->heap[child + 1], a->heap[child]))
			child++;
		if (!before(a->heap[child], e))
			break;
		put(a, i, a->heap[child]);
		i = child;
	}
	put(a, i, e);
}

static void
settle(struct agenda *a, size_t i, struct moment *e)
{
	if (i > 1 && before(e, a->heap[i / 2]))
		rise(a, i, e);
	else
		sink(a, i, e);
}

static bool
grow(struct agenda *a)
{
	size_t cap = a->cap > 0 ? 2 * a->cap : 1024;
	struct moment **heap = realloc(a->heap, cap * sizeof(struct moment *));

	if (heap == NULL) {
		a->failed = true;
		return false;
	}
	a->heap = heap;
	a->cap = cap;
	return true;
}

void
agenda_set(struct agenda *a, struct moment *e, enum rank rank, usec at)
{
	e->at = at > a->now ? at : a->now;
	e->order = (uint64_t)rank << RANK_SHIFT | a->count++;
	if (moment_is_set(e)) {
		settle(a, e->place, e);
		return;
	}
	if (a->n + 1 >= a->cap && !grow(a))
		return;
	rise(a, ++a->n, e);
}

void
agenda_drop(struct agenda *a, struct moment *e)
{
	size_t place = e->place;
	struct moment *last;

	if (place == 0)
		return;
	e->place = 0;
	last = a->heap[a->n--];
	if (last != e)
		settle(a, place, last);
}

bool
agenda_step(struct agenda *a)
{
	struct moment *e;

	if (a->n == 0)
		return false;
	e = a->heap[1];
	agenda_drop(a, e);
	a->now = e->at;
	e->run(e->arg, a->now);
	return true;
}
