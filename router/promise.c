/* router/promise.c - places kept for those who come back when told to.
 *
 * A table in sets of a few, by key; a set that is full makes no more promises:
 * the time told is then a guess. */
#include "router/promise.h"

#include <math.h>

#define WAYS 8
#define SWEEP (PROMISES / 64)
#define SHARE 0.5 /* of the drain: the rest is for newcomers */
#define SLOWEST (0.5 / USEC_SEC) /* requests per us, while little drains */
#define EARLY (USEC_SEC / 2)
#define LATE (30 * USEC_SEC)
#define LEARN 0.02
#define KEPT_LEAST 0.1

void
promises_init(struct promises *ps)
{
	*ps = (struct promises){ .kept = 1 };
}

static struct promise *
set_of(struct promises *ps, uint64_t key)
{
	return &ps->list[key % (PROMISES / WAYS) * WAYS];
}

static void
drop(struct promises *ps, struct promise *p, bool redeemed)
{
	double to = redeemed ? 1 : 0;

	ps->kept = fmax(ps->kept + LEARN * (to - ps->kept), KEPT_LEAST);
	if (--p->account->owed == 0)
		ps->owed--;
	*p = (struct promise){ 0 };
}

/* The one of that key, else an empty one; NULL: the set is full. */
static struct promise *
find(struct promises *ps, uint64_t key, usec now)
{
	struct promise *set = set_of(ps, key), *empty = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].key != 0 && set[i].at + LATE < now)
			drop(ps, &set[i], false);
		if (set[i].key == key)
			return &set[i];
		if (set[i].key == 0)
			empty = &set[i];
	}
	return empty;
}

usec
promises_make(struct promises *ps, const struct order *o, struct account *a,
    double per_us, usec least, usec now)
{
	uint64_t key = o->author.by[AUTHOR_REQUEST];
	struct promise *p = find(ps, key, now);
	double gap;

	if (p != NULL && p->key == key && p->at > now)
		return p->at - now;
	if (p != NULL && p->key == 0) {
		*p = (struct promise){ .key = key, .account = a };
		ps->owed += a->owed++ == 0;
	}
	if (a->comeback < now + least)
		a->comeback = now + least;
	gap = ps->owed * ps->kept / (SHARE * fmax(per_us, SLOWEST));
	least = a->comeback - now;
	if (least < PROMISE_MAX)
		a->comeback += (usec)gap;
	else /* who knows: but not all at once */
		least = PROMISE_MAX / 2 + (usec)(key % (PROMISE_MAX / 2));
	if (p != NULL)
		p->at = now + least;
	return least;
}

bool
promises_redeem(struct promises *ps, const struct order *o, usec now)
{
	uint64_t key = o->author.by[AUTHOR_REQUEST];
	struct promise *set = set_of(ps, key);

	for (unsigned i = 0; i < WAYS; i++) {
		struct promise *p = &set[i];

		if (p->key != key || now < p->at - EARLY || now > p->at + LATE)
			continue;
		drop(ps, p, true);
		return true;
	}
	return false;
}

void
promises_sweep(struct promises *ps, usec now)
{
	for (size_t i = 0; i < SWEEP; i++) {
		struct promise *p = &ps->list[ps->swept++ % PROMISES];

		if (p->key != 0 && p->at + LATE < now)
			drop(ps, p, false);
	}
}
