/* bench/sim/world.c - a run, from its first arrival to its last answer. */
#include "bench/sim/world.h"

#include <stdlib.h>

#define TICK (100 * USEC_MS)

/* Time begins with the first that may come. */
static void
look_ahead(struct world *w)
{
	do
		w->more = workload_next(&w->workload, &w->next);
	while (w->more && w->next.due < w->from);
	if (w->until > 0 && w->next.due > w->until)
		w->more = false;
	if (w->requests_most > 0 && w->looked_at++ >= w->requests_most)
		w->more = false;
	w->next.due -= w->from;
}

static void
on_arrival(void *arg, usec now)
{
	struct world *w = arg;
	struct workload_request q = w->next;

	w->last_due = now;
	look_ahead(w);
	if (w->more)
		agenda_set(&w->agenda, &w->arrival, RANK_ARRIVAL, w->next.due);
	errand_start(w, &q, false, now);
}

static void
on_tick(void *arg, usec now)
{
	struct world *w = arg;

	w->pilot->tick(w->self, now);
	if (w->more)
		errands_probe(w, now);
	if (w->progress != NULL)
		w->progress(w->progress_arg, now, w->span);
	agenda_set(&w->agenda, &w->tick, RANK_TICK, now + TICK);
}

static void
init(struct world *w, const struct world_options *o, struct errmsg *why)
{
	*w = (struct world){ .scenario = o->scenario,
		.pilot = o->pilot,
		.requests = o->requests,
		.pinned_table = o->pinned_table,
		.from = o->from,
		.until = o->until,
		.requests_most = o->requests_most,
		.progress = o->progress,
		.progress_arg = o->progress_arg,
		.why = why,
		.arrival = { .run = on_arrival, .arg = w },
		.tick = { .run = on_tick, .arg = w } };
	agenda_init(&w->agenda);
	arena_init(&w->arena, SIZE_MAX);
	list_init(&w->errands);
	list_init(&w->free_errands);
	list_init(&w->free_trials);
	score_init(&w->score);
}

/* The router's own copy of the configuration is what requests point into. */
static enum err
prepare(struct world *w)
{
	const struct scenario *s = w->scenario;
	struct pilot_setup setup = { .conf = s->told,
		.seed = s->seed,
		.pinned_table = w->pinned_table };
	enum err rc = servers_init(w);

	if (rc == OK)
		rc = workload_init(&w->workload, &s->traffic, s->told, w->why);
	if (rc != OK)
		return rc;
	fail(w->why, ERR_MEMORY, "out of memory");
	w->self = w->pilot->create(&setup, w->why);
	return w->self != NULL ? OK : ERR_INVALID;
}

static void
start(struct world *w)
{
	w->span = workload_span(&w->workload);
	look_ahead(w);
	if (w->more)
		agenda_set(&w->agenda, &w->arrival, RANK_ARRIVAL, w->next.due);
	mishaps_start(w);
	servers_start(w);
	agenda_set(&w->agenda, &w->tick, RANK_TICK, TICK);
	if (w->requests != NULL)
		record_heading(w->requests);
}

enum err
world_run(struct world *w, const struct world_options *o, struct errmsg *why)
{
	enum err rc;

	init(w, o, why);
	rc = prepare(w);
	if (rc != OK) {
		world_fini(w);
		return rc;
	}
	start(w);
	while (w->more || !list_empty(&w->errands) || w->coming > 0) {
		if (!agenda_step(&w->agenda) || w->agenda.failed)
			abort(); /* without memory there is no result */
		errands_drain(w, w->agenda.now);
	}
	return OK;
}

void
world_fini(struct world *w)
{
	if (w->self != NULL)
		w->pilot->destroy(w->self);
	w->self = NULL;
	if (w->workload.sources != NULL)
		workload_fini(&w->workload);
	free(w->server);
	free(w->server_of);
	agenda_fini(&w->agenda);
	arena_fini(&w->arena);
}
