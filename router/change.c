/* router/change.c - from one configuration to the next.
 *
 * The fleet and the accounts as they are to be are made beside the present
 * ones, of the same sites, cells and accounts as far as there are such. Then
 * the two change places, and what only the other one has is freed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/text.h"
#include "router/engine.h"

struct router_change {
	struct conf *conf; /* a reference; once adopted the old one */
	struct fleet fleet;
	struct accounts accounts;
};

/* --- before --- */

static void
cell_free(struct cell *c)
{
	if (c == NULL)
		return;
	lessons_free(&c->lessons);
	free(c->forecast);
	free(c);
}

static struct cell *
cell_new(const struct conf_serving *v, struct site *s, usec now)
{
	struct cell *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->id = v->id;
	c->site = s;
	c->work = DIALECT_COUNT;
	c->lessons = lessons_new(v->backend, now);
	c->forecast = malloc(sizeof(*c->forecast));
	if (c->lessons == NULL || c->forecast == NULL) {
		cell_free(c);
		return NULL;
	}
	forecast_init(c->forecast, v->backend);
	return c;
}

static struct site *
site_new(uint32_t id)
{
	struct site *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->id = id;
	return s;
}

/* A longer copy of an array of pointers. */
static void *
stretch(const void *list, size_t n, size_t longer)
{
	void **copy = calloc(longer, sizeof(*copy));

	if (copy != NULL && n > 0)
		memcpy(copy, list, n * sizeof(*copy));
	return copy;
}

static size_t
more(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The fleet that a configuration wants: what is there already, and what is new,
 * which nothing sees yet. */
static enum err
prepare_fleet(
    const struct fleet *f, const struct conf *c, usec now, struct fleet *next)
{
	next->n_sites = more(f->n_sites, c->next_backend_id);
	next->n_cells = more(f->n_cells, c->next_serving_id);
	next->sites = stretch(f->sites, f->n_sites, next->n_sites);
	next->cells = stretch(f->cells, f->n_cells, next->n_cells);
	if (next->sites == NULL || next->cells == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < c->n_backends; i++) {
		uint32_t id = c->backends[i].id;

		if (next->sites[id] == NULL &&
		    (next->sites[id] = site_new(id)) == NULL)
			return ERR_MEMORY;
	}
	for (size_t i = 0; i < c->n_servings; i++) {
		const struct conf_serving *v = &c->servings[i];
		struct cell **cell = &next->cells[v->id];

		if (*cell == NULL &&
		    (*cell = cell_new(v, next->sites[v->backend->id], now)) ==
			NULL)
			return ERR_MEMORY;
	}
	return OK;
}

/* --- while everybody waits --- */

bool
same_place(const struct conf_backend *a, const struct conf_backend *b)
{
	return a == b ||
	    (same_text(a->url, b->url) &&
		same_text(a->unix_path, b->unix_path) &&
		same_text(a->adapter, b->adapter) &&
		same_text(a->off, b->off) &&
		(a->command == NULL) == (b->command == NULL));
}

static void
site_begin(struct site *s, const struct conf_backend *b, usec now)
{
	*s = (struct site){ .id = s->id,
		.conf = b,
		.in_flight = s->in_flight,
		.pledges = s->pledges,
		.restraint = s->restraint,
		/* an old attempt's end must not count for the new place */
		.breaker.epoch = s->breaker.epoch + 1 };
	/* a child is loading until it says otherwise; any other backend is
	 * presumed to be up */
	if (b->command != NULL) {
		s->cold_until = USEC_NEVER;
		s->cold_since = now;
	}
}

static void
adopt(struct site *s, const struct conf_backend *b, usec now)
{
	if (s->conf == NULL || !same_place(s->conf, b))
		site_begin(s, b, now);
	s->conf = b;
	s->kept = true;
	s->key_off_until = s->key_refused_since = s->worked_at = 0;
	/* nobody will ask it any more whether it has loaded */
	if (b->probe_interval == 0 && b->command == NULL)
		s->cold_until = 0;
}

/* Where it stands is not what it was: what it is asked and answers there is. */
static void
cell_restart(struct cell *c, const struct conf_backend *b, usec now)
{
	struct lessons *lessons = c->lessons;
	struct forecast *forecast = c->forecast;

	lessons_restart(lessons, b, now);
	forecast_init(forecast, b);
	*c = (struct cell){ .id = c->id,
		.in_flight = c->in_flight,
		.site = c->site,
		.work = DIALECT_COUNT,
		.restraint = c->restraint,
		.lessons = lessons,
		.forecast = forecast };
}

/* One that was gone may have come back as another. */
static bool
has_moved(const struct cell *c, const struct conf_backend *b)
{
	return c->conf != NULL ? !same_place(c->conf->backend, b)
			       : c->in_flight > 0;
}

/* Those of the new configuration, and of no other: one pass over each. */
static void
adopt_all(struct fleet *f, const struct conf *c, usec now)
{
	for (size_t i = 0; i < c->n_servings; i++) {
		struct cell *cell = f->cells[c->servings[i].id];

		if (has_moved(cell, c->servings[i].backend))
			cell_restart(cell, c->servings[i].backend, now);
	}
	for (size_t i = 0; i < c->n_backends; i++)
		adopt(f->sites[c->backends[i].id], &c->backends[i], now);
	for (size_t i = 0; i < f->n_sites; i++) {
		struct site *s = f->sites[i];

		if (s != NULL && !s->kept)
			s->conf = NULL;
	}
	for (size_t i = 0; i < f->n_cells; i++)
		if (f->cells[i] != NULL)
			f->cells[i]->conf = NULL;
	for (size_t i = 0; i < c->n_servings; i++)
		f->cells[c->servings[i].id]->conf = &c->servings[i];
}

/* What is gone and idle. What is in flight keeps its cell, a cell its site. */
static void
retire(struct fleet *f)
{
	for (size_t i = 0; i < f->n_cells; i++) {
		struct cell *c = f->cells[i];

		if (c == NULL)
			continue;
		if (c->conf == NULL && c->in_flight == 0)
			f->cells[i] = NULL;
		else
			c->site->kept = true;
	}
	for (size_t i = 0; i < f->n_sites; i++) {
		struct site *s = f->sites[i];

		if (s == NULL)
			continue;
		if (!s->kept)
			f->sites[i] = NULL;
		s->kept = false;
	}
}

/* They change places. */
static void
adopt_fleet(struct fleet *f, struct fleet *next, const struct conf *c, usec now)
{
	struct fleet old = *f;

	*f = *next;
	*next = old;
	restraints_inherit(f, c);
	adopt_all(f, c, now);
	retire(f);
}

/* --- after --- */

void
fleet_forget(struct fleet *f, const struct fleet *kept)
{
	for (size_t i = 0; f->cells != NULL && i < f->n_cells; i++)
		if (f->cells[i] != fleet_cell(kept, (uint32_t)i))
			cell_free(f->cells[i]);
	for (size_t i = 0; f->sites != NULL && i < f->n_sites; i++)
		if (f->sites[i] != fleet_site(kept, (uint32_t)i))
			free(f->sites[i]);
	free(f->cells);
	free(f->sites);
	*f = (struct fleet){ 0 };
}

/* --- the calls --- */

enum err
router_prepare(const struct router *r, struct conf *c, usec now,
    struct router_change **out)
{
	struct router_change *h = calloc(1, sizeof(*h));
	enum err rc;

	if (h == NULL)
		return ERR_MEMORY;
	h->conf = conf_ref(c);
	rc = accounts_prepare(&r->accounts, c, &h->accounts);
	if (rc == OK)
		rc = prepare_fleet(&r->fleet, c, now, &h->fleet);
	if (rc == OK)
		*out = h;
	else
		router_change_free(&h, r);
	return rc;
}

void
router_adopt(struct router *r, struct router_change *h, usec now)
{
	struct conf *old = r->conf;
	struct accounts were = r->accounts;

	assert(!r->ticking);
	r->conf = h->conf;
	h->conf = old;
	r->accounts = h->accounts;
	h->accounts = were;
	adopt_fleet(&r->fleet, &h->fleet, r->conf, now);
	r->budget.share = r->conf->retry_budget;
	r->hedges.share = r->conf->hedge_budget;
	dispatch_waiting(r, SITE_ANY, now);
}

void
router_change_free(struct router_change **hp, const struct router *r)
{
	struct router_change *h = *hp;

	if (h == NULL)
		return;
	accounts_forget(&h->accounts, &r->accounts);
	fleet_forget(&h->fleet, &r->fleet);
	conf_unref(&h->conf);
	free(h);
	*hp = NULL;
}

enum err
router_configure(struct router *r, struct conf *c, usec now)
{
	struct router_change *h;
	enum err rc = router_prepare(r, c, now, &h);

	if (rc != OK)
		return rc;
	router_adopt(r, h, now);
	router_change_free(&h, r);
	return OK;
}
