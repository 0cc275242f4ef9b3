/* router/fleet.c - the backends and servings, and how each stands.
 *
 * Invariant: a site's in_flight is the sum of its cells'; what is in flight
 * keeps its cell, and a cell its site. */
#include "router/fleet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
fleet_init(struct fleet *f)
{
	*f = (struct fleet){ 0 };
}

static void
cell_free(struct cell *c)
{
	if (c == NULL)
		return;
	lessons_free(&c->lessons);
	free(c);
}

void
fleet_reap(struct fleet *f)
{
	while (f->retired != NULL) {
		struct cell *c = f->retired;

		f->retired = c->next_retired;
		cell_free(c);
	}
}

void
fleet_fini(struct fleet *f)
{
	fleet_reap(f);
	for (size_t i = 0; i < f->n_cells; i++)
		cell_free(f->cells[i]);
	for (size_t i = 0; i < f->n_sites; i++)
		free(f->sites[i]);
	free(f->cells);
	free(f->sites);
	fleet_init(f);
}

struct cell *
fleet_cell(const struct fleet *f, uint32_t id)
{
	return id < f->n_cells ? f->cells[id] : NULL;
}

struct site *
fleet_site(const struct fleet *f, uint32_t id)
{
	return id < f->n_sites ? f->sites[id] : NULL;
}

/* --- a new configuration --- */

static enum err
reserve_site(struct fleet *f, const struct conf_backend *b)
{
	struct site **grown, *s;

	if (b->id >= f->n_sites) {
		grown = realloc(f->sites, (b->id + 1) * sizeof(*grown));
		if (grown == NULL)
			return ERR_MEMORY;
		f->sites = grown;
		while (f->n_sites <= b->id)
			grown[f->n_sites++] = NULL;
	}
	if (f->sites[b->id] != NULL)
		return OK;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return ERR_MEMORY;
	s->id = b->id;
	f->sites[b->id] = s;
	return OK;
}

static enum err
reserve_cell(struct fleet *f, const struct conf_serving *v, usec now)
{
	struct cell **grown, *c;

	if (v->id >= f->n_cells) {
		grown = realloc(f->cells, (v->id + 1) * sizeof(*grown));
		if (grown == NULL)
			return ERR_MEMORY;
		f->cells = grown;
		while (f->n_cells <= v->id)
			grown[f->n_cells++] = NULL;
	}
	if (f->cells[v->id] != NULL)
		return OK;
	c = calloc(1, sizeof(*c));
	if (c != NULL)
		c->lessons = lessons_new(now);
	if (c == NULL || c->lessons == NULL) {
		cell_free(c);
		return ERR_MEMORY;
	}
	c->id = v->id;
	c->site = f->sites[v->backend->id];
	c->site->n_cells++;
	forecast_init(&c->forecast);
	f->cells[v->id] = c;
	return OK;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Whether what was learnt of its health still holds. */
static bool
same_place(const struct conf_backend *a, const struct conf_backend *b)
{
	return same(a->url, b->url) && same(a->unix_path, b->unix_path) &&
	    same(a->adapter, b->adapter) && same(a->off, b->off) &&
	    (a->command == NULL) == (b->command == NULL);
}

static void
site_begin(struct site *s, const struct conf_backend *b)
{
	*s = (struct site){ .id = s->id,
		.conf = b,
		.in_flight = s->in_flight,
		.n_cells = s->n_cells,
		/* an old attempt's end must not count for the new place */
		.breaker.epoch = s->breaker.epoch + 1 };
	/* a child is loading until it says otherwise; any other backend is
	 * presumed to be up */
	if (b->command != NULL)
		s->cold_until = USEC_NEVER;
}

static void
adopt(struct site *s, const struct conf_backend *b)
{
	if (s->conf == NULL || !same_place(s->conf, b))
		site_begin(s, b);
	s->conf = b;
	s->key_off = false;
}

static void
retire(struct fleet *f)
{
	for (size_t i = 0; i < f->n_cells; i++) {
		struct cell *c = f->cells[i];

		if (c == NULL || c->conf != NULL || c->in_flight > 0)
			continue;
		c->site->n_cells--;
		c->next_retired = f->retired;
		f->retired = c;
		f->cells[i] = NULL;
	}
	for (size_t i = 0; i < f->n_sites; i++) {
		struct site *s = f->sites[i];

		if (s == NULL || s->conf != NULL || s->n_cells > 0)
			continue;
		free(s);
		f->sites[i] = NULL;
	}
}

static bool
still_there(const struct conf *c, uint32_t backend)
{
	for (size_t i = 0; i < c->n_backends; i++)
		if (c->backends[i].id == backend)
			return true;
	return false;
}

enum err
fleet_configure(struct fleet *f, const struct conf *c, usec now)
{
	enum err rc = OK;

	for (size_t i = 0; rc == OK && i < c->n_backends; i++)
		rc = reserve_site(f, &c->backends[i]);
	for (size_t i = 0; rc == OK && i < c->n_servings; i++)
		rc = reserve_cell(f, &c->servings[i], now);
	if (rc != OK)
		/* what was made has no configuration, so nobody sees it */
		return rc;

	for (size_t i = 0; i < c->n_backends; i++)
		adopt(f->sites[c->backends[i].id], &c->backends[i]);
	for (size_t i = 0; i < f->n_sites; i++)
		if (f->sites[i] != NULL && !still_there(c, f->sites[i]->id))
			f->sites[i]->conf = NULL;
	for (size_t i = 0; i < f->n_cells; i++)
		if (f->cells[i] != NULL)
			f->cells[i]->conf = NULL;
	for (size_t i = 0; i < c->n_servings; i++)
		f->cells[c->servings[i].id]->conf = &c->servings[i];
	retire(f);
	return OK;
}

/* --- standing --- */

unsigned
site_slots(const struct site *s)
{
	if (s->conf != NULL && s->conf->slots > 0)
		return s->conf->slots;
	return (s->load.has & LOAD_SLOTS) != 0 ? s->load.slots : 0;
}

static usec
later(usec a, usec b)
{
	return a > b ? a : b;
}

enum standing
cell_standing(const struct cell *c, usec now, usec *until)
{
	const struct site *s = c->site;
	unsigned slots = site_slots(s);

	*until = USEC_NEVER;
	if (c->conf == NULL || s->conf == NULL || s->conf->off != NULL ||
	    s->key_off)
		return STANDING_OUT;
	*until = c->gone_until;
	if (breaker_state(&s->breaker, now) == BREAKER_OPEN)
		*until = later(*until, s->breaker.until);
	if (*until > now)
		return STANDING_OUT;
	*until = later(s->blocked_until, s->limited_until);
	if (*until > now)
		return STANDING_LIMITED;
	if (s->cold_until > now)
		return STANDING_COLD;
	if (!breaker_permits(&s->breaker, now) ||
	    (slots > 0 && s->in_flight >= slots))
		return STANDING_BUSY;
	return STANDING_FREE;
}

uint32_t
cell_enter(struct cell *c, usec now)
{
	c->in_flight++;
	c->site->in_flight++;
	return breaker_enter(&c->site->breaker, now);
}

void
cell_leave(struct cell *c)
{
	assert(c->in_flight > 0 && c->site->in_flight > 0);
	c->in_flight--;
	c->site->in_flight--;
}
