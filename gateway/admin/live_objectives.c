/* gateway/admin/live_objectives.c - who gets what was promised, since when not,
 * and what it costs: by tenant, model and SLO class. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"

#define BEFORE_STEPS 120 /* ten minutes */
#define HOUR 3600e6 /* us */

static json_t *
windows_json(const struct burn_sum windows[BURN_WINDOWS], double target)
{
	json_t *o = json_object(), *w;

	for (unsigned i = 0; i < BURN_WINDOWS; i++) {
		w = json_object();
		set(w, "met", count(windows[i].met));
		set(w, "missed", count(windows[i].missed));
		set(w, "attainment", number(burn_attainment(&windows[i])));
		set(w, "burn", number(burn_rate(&windows[i], target)));
		set(o, burn_window_name((enum burn_window)i), w);
	}
	return o;
}

void
live_add_targets(json_t *o, const struct census_group *g)
{
	double spent = burn_rate(&g->windows[BURN_3D], g->target);

	set(o, "target", number_if(g->target > 0, g->target));
	set(o, "met_total", count(g->met));
	set(o, "missed_total", count(g->missed));
	set(o, "windows", windows_json(g->windows, g->target));
	set(o, "budget_left", number_if(spent >= 0, 1 - spent));
}

static const struct vigil *
vigil_of(const struct live *l, const struct census_group *g)
{
	const struct live_group *at = l->of_group[g->index];

	return at != NULL ? &at->vigil : NULL;
}

double
live_cost_before(const struct live *l, unsigned index, uint64_t back)
{
	uint64_t steps = l->step > back ? l->step - back : 0;
	double cost;

	if (back >= SERIES_STEPS ||
	    series_sum(l->objectives, index, OBJECTIVE_COST, (unsigned)back,
		BEFORE_STEPS, &cost) == 0)
		return -1;
	/* a step without a request is unknown there, and costs nothing */
	if (steps > BEFORE_STEPS)
		steps = BEFORE_STEPS;
	return cost * HOUR / ((double)steps * (double)SERIES_STEP);
}

/* Of the time before the trouble began, else before the last minute. */
static json_t *
cost_before_json(const struct live *l, const struct census_group *g)
{
	const struct live_group *at = l->of_group[g->index];
	double usd = at != NULL && at->vigil.below
	    ? at->cost_before
	    : live_cost_before(l, g->index, VIGIL_MINUTE);

	return number(usd);
}

static json_int_t
moment_ms(const struct live *l, usec at)
{
	return (json_int_t)((l->wall + (at - l->began)) / USEC_MS);
}

static void
add_rates(json_t *o, const struct live *l, const struct census_group *g)
{
	const struct vigil *v = vigil_of(l, g);
	double seconds = live_minute(l);
	bool known = v != NULL && seconds > 0;
	struct vigil_step minute = { .requests = 0 };

	if (known)
		minute = vigil_minute(v);
	set(o, "since_ms",
	    known && v->below ? json_integer(moment_ms(l, v->began))
			      : json_null());
	set(o, "requests_per_s", number_if(known, minute.requests / seconds));
	set(o, "cost_per_hour_usd",
	    number_if(known, (double)minute.cost * 3600 / seconds));
	set(o, "cost_per_hour_before_usd", cost_before_json(l, g));
}

static json_t *
objective_json(const struct live *l, const struct admin_picture *p,
    const struct census_group *g)
{
	json_t *o = json_object();
	char key[16];

	snprintf(key, sizeof(key), "%u", g->index);
	set(o, "key", json_string(key));
	set(o, "tenant", json_string(g->tenant));
	set(o, "model", json_string(g->model));
	set(o, "slo", json_string(g->slo));
	set(o, "requests_total", count(g->requests));
	set(o, "cost_total_usd", json_real(g->cost));
	set(o, "cost_unknown_total", count(g->cost_unknown));
	live_add_targets(o, g);
	add_rates(o, l, g);
	set(o, "blame", live_blame(p, g));
	return o;
}

struct rank {
	const struct census_group *group;
	bool below;
	uint64_t missed, requests;
};

static int
worst_first(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->below != y->below)
		return y->below - x->below;
	if (x->missed != y->missed)
		return x->missed < y->missed ? 1 : -1;
	if (x->requests != y->requests)
		return x->requests < y->requests ? 1 : -1;
	return x->group->index < y->group->index ? -1 : 1;
}

static struct rank
rank_of(const struct live *l, const struct census_group *g)
{
	const struct vigil *v = vigil_of(l, g);

	return (struct rank){ .group = g,
		.below = v != NULL && v->below,
		.missed = g->windows[BURN_5M].missed,
		.requests = v != NULL ? vigil_minute(v).requests : 0 };
}

json_t *
live_objectives(struct live *l, const struct admin_picture *p)
{
	struct rank *order = calloc(l->n_groups + 1, sizeof(*order));
	json_t *list = json_array();

	if (order == NULL)
		return list;
	for (size_t i = 0; i < l->n_groups; i++)
		order[i] = rank_of(l, &l->groups[i]);
	qsort(order, l->n_groups, sizeof(*order), worst_first);
	for (size_t i = 0; i < l->n_groups && i < LIVE_ROWS; i++)
		json_array_append_new(
		    list, objective_json(l, p, order[i].group));
	free(order);
	return list;
}
