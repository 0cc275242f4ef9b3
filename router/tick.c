/* router/tick.c - learning, ten times a second.
 *
 * begin (locked) takes the samples noted since the last time and says which
 * lessons there are; build (unlocked) files them and makes new forecasts; end
 * (locked) hands those to the cells, then lets go whom the passing of time has
 * freed, and refuses whom it has left without hope. Lessons belong to the tick
 * in between, so that no new configuration may come then. */
#include "router/engine.h"

#include <math.h>
#include <stdlib.h>

#include "policies/fairness.h"

#define DRAIN_MEMORY (5.0 * USEC_SEC)
#define LAST_MEMORY (60.0 * USEC_SEC) /* an outage is not for ever */

struct row {
	struct lessons *lessons; /* borrowed; NULL: no such serving */
	bool made;
	struct forecast *forecast; /* owned; swapped with the cell's. NULL: not
				      needed yet */
};

struct router_tables {
	usec now;
	struct samples samples, late;
	struct row *rows; /* by serving id */
	size_t n_rows, cap;
};

struct router_tables *
router_tables_new(void)
{
	struct router_tables *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if (!samples_init(&t->samples) || !samples_init(&t->late))
		router_tables_free(&t);
	return t;
}

void
router_tables_free(struct router_tables **tp)
{
	struct router_tables *t = *tp;

	if (t == NULL)
		return;
	samples_fini(&t->samples);
	samples_fini(&t->late);
	for (size_t i = 0; i < t->cap; i++)
		free(t->rows[i].forecast);
	free(t->rows);
	free(t);
	*tp = NULL;
}

/* Without memory this tick teaches nothing. */
static bool
make_room(struct router_tables *t, size_t n)
{
	struct row *rows;

	if (n <= t->cap)
		return true;
	rows = realloc(t->rows, n * sizeof(*rows));
	if (rows == NULL)
		return false;
	t->rows = rows;
	while (t->cap < n)
		rows[t->cap++] = (struct row){ 0 };
	return true;
}

void
router_tick_begin(struct router *r, struct router_tables *t, usec now)
{
	const struct fleet *f = &r->fleet;
	struct samples swap = r->samples;

	r->ticking = true;
	t->now = now;
	t->samples.n = t->late.n = 0;
	r->samples = t->samples;
	t->samples = swap;
	measure_late(r, now, &t->late);
	t->n_rows = make_room(t, f->n_cells) ? f->n_cells : 0;
	for (size_t i = 0; i < t->n_rows; i++)
		t->rows[i].lessons =
		    f->cells[i] != NULL ? f->cells[i]->lessons : NULL;
}

static void
file_samples(struct router_tables *t, const struct samples *samples)
{
	for (unsigned i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->list[i];

		if (s->serving < t->n_rows &&
		    t->rows[s->serving].lessons != NULL)
			lessons_take(t->rows[s->serving].lessons, s, t->now);
	}
}

/* What a new forecast is written on. Made here, since here nobody waits. */
static bool
has_page(struct row *row)
{
	if (row->forecast == NULL)
		row->forecast = malloc(sizeof(*row->forecast));
	return row->forecast != NULL;
}

static void
drop_page(struct row *row)
{
	free(row->forecast);
	row->forecast = NULL;
}

void
router_tick_build(struct router_tables *t)
{
	file_samples(t, &t->samples);
	file_samples(t, &t->late);
	for (size_t i = 0; i < t->n_rows; i++) {
		struct row *row = &t->rows[i];

		if (row->lessons == NULL)
			drop_page(row);
		row->made = row->lessons != NULL &&
		    lessons_have_news(row->lessons, t->now) && has_page(row);
		if (row->made)
			lessons_forecast(row->lessons, t->now, row->forecast);
	}
}

static void
hand_over(struct router *r, struct router_tables *t)
{
	for (size_t i = 0; i < t->n_rows; i++) {
		struct cell *c = r->fleet.cells[i];
		struct row *row = &t->rows[i];
		struct forecast *old;

		if (!row->made)
			continue;
		old = c->forecast;
		c->forecast = row->forecast;
		row->forecast = old;
	}
}

static void
measure_last(struct drain *d, double span, bool pressed)
{
	double weight;

	d->pressed = pressed ? d->pressed + span : 0;
	if (!pressed)
		return;
	weight = fmax(1 - exp(-span / LAST_MEMORY), span / d->pressed);
	d->last_per_us += weight * (d->last_left / span - d->last_per_us);
}

static void
measure_drain(struct drain *d, bool pressed, usec now)
{
	double span = (double)(now - d->at);

	if (d->at > 0 && span > 0) {
		d->per_us += (1 - exp(-span / DRAIN_MEMORY)) *
		    (d->left / span - d->per_us);
		measure_last(d, span, pressed);
	}
	d->left = d->last_left = 0;
	d->at = now;
}

static void
age_service(struct router *r, usec span)
{
	double scale;

	r->service = fair_weight(r->service, (double)span);
	scale = fair_scale(r->service);
	if (scale >= 1)
		return;
	r->service *= scale;
	accounts_scale(&r->accounts, scale);
	queue_scale(&r->queue, scale);
}

void
router_tick_end(struct router *r, struct router_tables *t, usec now)
{
	hand_over(r, t);
	r->ticking = false;
	if (r->drain.at > 0) {
		fleet_fade(&r->fleet, now - r->drain.at);
		shortage_fade(&r->shortage, now - r->drain.at);
		shortage_fade(&r->premium, now - r->drain.at);
		age_service(r, now - r->drain.at);
	}
	measure_drain(&r->drain, dispatch_is_pressed(r), now);
	promises_sweep(&r->promises, now);
	dispatch_demote(r, now);
	dispatch_waiting(r, SITE_ANY, now);
}
