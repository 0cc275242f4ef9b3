/* router/restraint.c - what an operator holds back of a backend, or of one
 * serving there. */
#include <string.h>

#include "router/fleet.h"

unsigned
slots_left(unsigned slots, double withheld)
{
	unsigned left = (unsigned)((1 - withheld) * slots + 1e-9);

	return slots > 0 && left == 0 ? 1 : left;
}

static void
hold_back(struct restraint *r, const struct restraint *now_is, usec now)
{
	usec since = restraint_drains(r) ? r->since : now;

	*r = *now_is;
	r->since = since;
}

void
fleet_restrain(struct fleet *f, uint32_t backend, uint32_t serving,
    const struct restraint *r, usec now)
{
	struct site *s = fleet_site(f, backend);
	struct cell *c = fleet_cell(f, serving);

	if (serving == 0 && s != NULL)
		hold_back(&s->restraint, r, now);
	else if (c != NULL && c->site == s)
		hold_back(&c->restraint, r, now);
}

/* --- a new configuration --- */

static bool
holds_back(const struct cell *c)
{
	return c != NULL && c->conf != NULL &&
	    (c->restraint.drained || c->restraint.withheld > 0);
}

/* The model is asked for by another name there from now on: what was held back
 * of it still is. */
static void
inherit(
    const struct cell *from, struct cell *heir, const struct conf_serving *v)
{
	if (from->site == heir->site &&
	    strcmp(from->conf->model->name, v->model->name) == 0)
		heir->restraint = from->restraint;
}

void
restraints_inherit(struct fleet *f, const struct conf *c)
{
	struct cell *heir;

	for (size_t i = 0; i < f->n_cells; i++)
		for (size_t k = 0; holds_back(f->cells[i]) && k < c->n_servings;
		     k++) {
			heir = f->cells[c->servings[k].id];
			if (heir->conf == NULL)
				inherit(f->cells[i], heir, &c->servings[k]);
		}
}
