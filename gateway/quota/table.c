/* gateway/quota/table.c - the quotas of all tenants and keys; main thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/quota/state.h"

#define OUTPUT_FIRST 256 /* tokens of an answer, before any was seen */
#define NAMES_MAX ((size_t)600) /* bytes of a tenant's name and a key's */
#define DAY (86400 * USEC_SEC)
#define SPENT_MAX 1e18 /* nano-USD: the largest budget that there can be */

struct quotas *
quotas_new(usec wall)
{
	struct quotas *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	map_init(&t->names);
	quotas_tick(t, wall);
	return t;
}

void
quotas_free(struct quotas **tp)
{
	struct quotas *t = *tp;

	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(LOAD(t->all[i]->shared));
		free(t->all[i]);
	}
	free(t->all);
	map_fini(&t->names);
	free(t);
	*tp = NULL;
}

static bool
make_room(struct quotas *t)
{
	size_t cap = t->cap > 0 ? 2 * t->cap : 64;
	struct quota **all;

	if (t->n < t->cap)
		return true;
	all = realloc(t->all, cap * sizeof(struct quota *));
	if (all == NULL)
		return false;
	t->all = all;
	t->cap = cap;
	return true;
}

static struct quota *
add_quota(struct quotas *t, struct slice name)
{
	size_t size = (sizeof(struct quota) + name.n + QUOTA_LINE) /
	    QUOTA_LINE * QUOTA_LINE;
	struct quota *q;

	q = make_room(t) ? aligned_alloc(QUOTA_LINE, size) : NULL;
	if (q == NULL)
		return NULL;
	memset(q, 0, size);
	memcpy(q->name, name.p, name.n);
	STORE(q->output, OUTPUT_FIRST * OUTPUT_WEIGHT);
	if (t->shares && quota_share(t, q) != OK) {
		free(q);
		return NULL;
	}
	t->all[t->n++] = q;
	return q;
}

static struct quota *
quota_named(struct quotas *t, struct slice name)
{
	struct quota *q = map_get(&t->names, name);

	if (q != NULL)
		return q;
	q = add_quota(t, name);
	if (q != NULL && map_put(&t->names, slice_of(q->name), q) != OK)
		return NULL;
	return q;
}

/* Cut off where it is too long for any name. */
static struct slice
key_name(const char *tenant, const char *key, char out[NAMES_MAX])
{
	int n = snprintf(out, NAMES_MAX, "%s\n%s", tenant, key);

	return slice_make(
	    out, (size_t)n < NAMES_MAX ? (size_t)n : NAMES_MAX - 1);
}

struct quota *
quotas_of_key(struct quotas *t, const char *tenant, const char *key)
{
	char name[NAMES_MAX];

	return quota_named(t, key_name(tenant, key, name));
}

static bool
is_limited(const struct conf_quota *c)
{
	return c->requests > 0 || c->tokens > 0 || c->concurrent > 0 ||
	    c->daily > 0 || c->monthly > 0;
}

enum err
quotas_configure(struct quotas *t, struct conf *c)
{
	for (size_t i = 0; i < c->n_tenants; i++) {
		c->quotas[i] = quota_named(t, slice_of(c->tenants[i].name));
		if (c->quotas[i] == NULL)
			return ERR_MEMORY;
	}
	for (size_t i = 0; i < c->n_keys; i++) {
		const struct conf_key *k = &c->keys[i];

		if (k->tenant == NULL || !is_limited(&k->tenant->key_limits))
			continue;
		c->quotas[c->n_tenants + i] =
		    quotas_of_key(t, k->tenant->name, k->name);
		if (c->quotas[c->n_tenants + i] == NULL)
			return ERR_MEMORY;
	}
	return OK;
}

static void
begin_period(struct quota *q, bool day, bool month)
{
	struct quota_shared *s = LOAD(q->shared);

	STORE(q->warned, 0);
	if (day)
		STORE(q->day, 0);
	if (month)
		STORE(q->month, 0);
	if (day && s != NULL)
		s->day = 0;
	if (month && s != NULL)
		s->month = 0;
}

void
quotas_tick(struct quotas *t, usec wall)
{
	const struct budget_period was = t->period;

	STORE(t->to_wall, wall - clock_now());
	/* a clock that is set back hands out no budget anew: by an hour the
	 * period stays, and what one that was days ahead has had stays spent */
	if (wall < LOAD(t->day_ends) && wall >= LOAD(t->day_ends) - 2 * DAY)
		return;
	budget_period_at(wall, &t->period);
	STORE(t->day_ends, t->period.day_ends);
	STORE(t->month_ends, t->period.month_ends);
	for (size_t i = 0; i < t->n; i++)
		begin_period(t->all[i], t->period.day > was.day,
		    t->period.month > was.month);
}

/* No more than can be counted: beyond that it would be a negative sum, and any
 * budget unspent. */
static void
add_sum(atomic_llong *spent, double usd)
{
	double all = (double)LOAD(*spent) + usd * NANO_USD;

	STORE(*spent, llround(fmin(all, SPENT_MAX)));
}

/* Nobody spends yet: workers begin later. */
static void
add_spent(struct quota *q, double day, double month)
{
	if (q == NULL)
		return;
	add_sum(&q->day, day);
	add_sum(&q->month, month);
}

void
quotas_restore(struct quotas *t, const char *tenant, const char *key,
    double day, double month)
{
	add_spent(map_get(&t->names, slice_of(tenant)), day, month);
	if (key != NULL)
		add_spent(quotas_of_key(t, tenant, key), day, month);
}
