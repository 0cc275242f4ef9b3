/* gateway/admin/live_slos.c - who gets what was promised, by tenant and SLO
 * class, as in /metrics. */
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"

#define ROUNDING 1e-9

static int
by_slo(const void *a, const void *b)
{
	const struct census_group *x = *(const struct census_group *const *)a;
	const struct census_group *y = *(const struct census_group *const *)b;
	int order = strcmp(x->tenant, y->tenant);

	return order != 0 ? order : strcmp(x->slo, y->slo);
}

static void
add_up(struct census_group *into, const struct census_group *g)
{
	into->met += g->met;
	into->missed += g->missed;
	if (g->target > 0 && g->declared >= into->declared) {
		into->target = g->target;
		into->declared = g->declared;
	}
	for (unsigned i = 0; i < BURN_WINDOWS; i++) {
		into->windows[i].met += g->windows[i].met;
		into->windows[i].missed += g->windows[i].missed;
	}
}

static void
append_slo(json_t *list, const struct census_group *sum)
{
	json_t *o = json_object();

	set(o, "tenant", json_string(sum->tenant));
	set(o, "slo", json_string(sum->slo));
	live_add_targets(o, sum);
	json_array_append_new(list, o);
}

static int
worst_first(const void *a, const void *b)
{
	const struct census_group *x = a, *y = b;
	const struct burn_sum *p = &x->windows[BURN_5M],
			      *q = &y->windows[BURN_5M];

	if (p->missed != q->missed)
		return p->missed < q->missed ? 1 : -1;
	if (p->met != q->met)
		return p->met < q->met ? 1 : -1;
	return by_slo(&x, &y);
}

/* Of all models together, those that were ever to meet anything; how many. */
static size_t
sum_up(const struct live *l, const struct census_group **order,
    struct census_group *sums)
{
	size_t n = 0, end;

	for (size_t i = 0; i < l->n_groups; i++)
		order[i] = &l->groups[i];
	qsort(order, l->n_groups, sizeof(*order), by_slo);
	for (size_t i = 0; i < l->n_groups; i = end) {
		sums[n] = *order[i];
		for (end = i + 1; end < l->n_groups; end++) {
			if (by_slo(&order[i], &order[end]) != 0)
				break;
			add_up(&sums[n], order[end]);
		}
		n += sums[n].met + sums[n].missed > 0;
	}
	return n;
}

/* What all of them come to, also of those that there are no rows for. */
static json_t *
all_json(const struct census_group *sums, size_t n)
{
	json_t *o = json_object();
	struct burn_sum all = { 0 };
	uint64_t asked = 0, below = 0;

	for (size_t i = 0; i < n; i++) {
		const struct burn_sum *w = &sums[i].windows[BURN_5M];

		all.met += w->met;
		all.missed += w->missed;
		asked += w->met + w->missed > 0;
		below += sums[i].target > 0 &&
		    burn_rate(w, sums[i].target) > 1 + ROUNDING;
	}
	set(o, "rows", count(n));
	set(o, "asked", count(asked));
	set(o, "below", count(below));
	set(o, "met", count(all.met));
	set(o, "missed", count(all.missed));
	return o;
}

void
live_slos(const struct live *l, json_t **rows, json_t **all)
{
	size_t room = l->n_groups + 1, n = 0;
	const struct census_group **order = calloc(room, sizeof(*order));
	struct census_group *sums = calloc(room, sizeof(*sums));

	if (order != NULL && sums != NULL)
		n = sum_up(l, order, sums);
	*rows = json_array();
	*all = all_json(sums, n);
	if (n > 0)
		qsort(sums, n, sizeof(*sums), worst_first);
	for (size_t i = 0; i < n && i < LIVE_ROWS; i++)
		append_slo(*rows, &sums[i]);
	free(order);
	free(sums);
}
