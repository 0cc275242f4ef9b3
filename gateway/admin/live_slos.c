/* gateway/admin/live_slos.c - who gets what was promised, by tenant and SLO
 * class, as in /metrics. */
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"

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
	if (g->target > 0)
		into->target = g->target;
	for (unsigned i = 0; i < BURN_WINDOWS; i++) {
		into->windows[i].met += g->windows[i].met;
		into->windows[i].missed += g->windows[i].missed;
	}
}

static void
append_slo(json_t *list, const struct census_group *sum)
{
	json_t *o = json_object();

	live_set(o, "tenant", json_string(sum->tenant));
	live_set(o, "slo", json_string(sum->slo));
	live_add_targets(o, sum);
	json_array_append_new(list, o);
}

/* Those that were ever to meet anything, as many as there are rows for. */
json_t *
live_slos(struct live *l)
{
	const struct census_group **order =
	    calloc(l->n_groups + 1, sizeof(*order));
	json_t *list = json_array();
	struct census_group sum;
	size_t end;

	if (order == NULL)
		return list;
	for (size_t i = 0; i < l->n_groups; i++)
		order[i] = &l->groups[i];
	qsort(order, l->n_groups, sizeof(*order), by_slo);
	for (size_t i = 0; i < l->n_groups; i = end) {
		sum = *order[i];
		for (end = i + 1; end < l->n_groups; end++) {
			if (by_slo(&order[i], &order[end]) != 0)
				break;
			add_up(&sum, order[end]);
		}
		if (sum.met + sum.missed > 0 &&
		    json_array_size(list) < LIVE_ROWS)
			append_slo(list, &sum);
	}
	free(order);
	return list;
}
