/* gateway/admin/live_sample.c - samples, a step after the other. */
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"

/* --- servings --- */

/* NULL without memory. */
static struct live_serving *
serving_at(struct live *l, uint32_t id)
{
	struct live_serving *p;

	if (id >= l->n_ids) {
		p = realloc(l->of_serving, (id + 1) * sizeof(*p));
		if (p == NULL)
			return NULL;
		for (; l->n_ids <= id; l->n_ids++)
			p[l->n_ids] = (struct live_serving){ 0 };
		l->of_serving = p;
	}
	return &l->of_serving[id];
}

static float
ms_or_nan(usec us)
{
	return us >= 0 ? (float)((double)us / 1e3) : NAN;
}

static float
state_code(const char *state)
{
	for (unsigned i = 0; live_states[i] != NULL; i++)
		if (strcmp(live_states[i], state) == 0)
			return (float)i;
	return NAN;
}

static void
sample_serving(struct live *l, const struct admin_picture *p,
    const struct conf_serving *s, const struct serving_view *v)
{
	const char *const names[SERIES_LABELS] = { s->model->name,
		s->backend->name, s->upstream };
	struct live_serving *before = serving_at(l, s->id);
	float values[SERVING_COLUMNS];
	struct telemetry_view t;

	if (before == NULL || !telemetry_view(p->telemetry, s->id, p->now, &t))
		return;
	values[SERVING_TTFT_P50] = ms_or_nan(t.phase[PHASE_TTFT].p50);
	values[SERVING_TTFT_P95] = ms_or_nan(t.phase[PHASE_TTFT].p95);
	values[SERVING_TTFT_P99] = ms_or_nan(t.phase[PHASE_TTFT].p99);
	values[SERVING_ITL_P50] = ms_or_nan(t.phase[PHASE_ITL].p50);
	values[SERVING_ITL_P95] = ms_or_nan(t.phase[PHASE_ITL].p95);
	values[SERVING_ITL_P99] = ms_or_nan(t.phase[PHASE_ITL].p99);
	values[SERVING_IN_FLIGHT] = (float)v->in_flight;
	if (!before->known && l->step > 1) /* not the counts' first step */
		*before = (struct live_serving){ true, t.attempts, t.errors };
	before->known = true;
	values[SERVING_ATTEMPTS] = (float)(t.attempts - before->attempts);
	values[SERVING_ERRORS] = (float)(t.errors - before->errors);
	values[SERVING_STATE] = state_code(admin_serving_state(s->backend, v));
	before->attempts = t.attempts;
	before->errors = t.errors;
	(void)series_write(l->servings, s->id, names, values);
}

static void
sample_servings(struct live *l, const struct admin_picture *p)
{
	const struct conf_serving *s;

	for (size_t i = 0; i < p->n_servings; i++) {
		s = conf_find_serving(p->conf, p->servings[i].serving);
		if (s != NULL)
			sample_serving(l, p, s, &p->servings[i]);
	}
}

/* --- groups --- */

struct class_sum {
	float values[TRAFFIC_COLUMNS];
};

static void
remember(struct live_group *at, const struct census_group *g)
{
	at->requests = g->requests;
	at->met = g->met;
	at->missed = g->missed;
	at->tokens_in = g->tokens_in;
	at->tokens_out = g->tokens_out;
	at->cost = g->cost;
}

static void
add_class(struct class_sum *c, const struct live_group *before,
    const struct census_group *g)
{
	c->values[TRAFFIC_REQUESTS] += (float)(g->requests - before->requests);
	c->values[TRAFFIC_TOKENS_IN] +=
	    (float)(g->tokens_in - before->tokens_in);
	c->values[TRAFFIC_TOKENS_OUT] +=
	    (float)(g->tokens_out - before->tokens_out);
	c->values[TRAFFIC_COST] += (float)(g->cost - before->cost);
}

static void
sample_objective(
    struct live *l, const struct census_group *g, const struct vigil_step *step)
{
	const char *const names[SERIES_LABELS] = { g->tenant, g->model,
		g->slo };
	const float values[OBJECTIVE_COLUMNS] = {
		[OBJECTIVE_REQUESTS] = (float)step->requests,
		[OBJECTIVE_MET] = (float)step->met,
		[OBJECTIVE_MISSED] = (float)step->missed,
		[OBJECTIVE_COST] = step->cost,
	};

	/* the silent do not keep others out */
	if (step->requests > 0)
		(void)series_write(l->objectives, g->index, names, values);
}

/* Those that the trouble was in. */
static uint64_t
steps_since(const struct live *l, const struct live_group *at)
{
	return l->step - (uint64_t)((at->vigil.began - l->began) / SERIES_STEP);
}

/* What it cost before is known best when the trouble is new. */
static void
judge(const struct live *l, struct live_group *at, const struct census_group *g,
    const struct vigil_step *step)
{
	bool was = at->vigil.below;

	vigil_turn(&at->vigil, l->step, step, g->target);
	if (at->vigil.below && !was)
		at->cost_before =
		    live_cost_before(l, g->index, steps_since(l, at));
}

static void
sample_group(
    struct live *l, const struct census_group *g, struct class_sum *sums)
{
	struct live_group *at = l->of_group[g->index];
	struct vigil_step step;

	if (at == NULL)
		return;
	step = (struct vigil_step){
		.requests = (uint32_t)(g->requests - at->requests),
		.met = (uint32_t)(g->met - at->met),
		.missed = (uint32_t)(g->missed - at->missed),
		.cost = (float)(g->cost - at->cost),
	};
	add_class(&sums[live_class(l, g->slo)], at, g);
	sample_objective(l, g, &step);
	remember(at, g);
	judge(l, at, g, &step);
}

static void
sample_groups(struct live *l)
{
	struct class_sum sums[LIVE_CLASSES] = { { { 0 } } };
	const char *names[SERIES_LABELS] = { NULL };

	for (size_t i = 0; i < l->n_groups; i++)
		sample_group(l, &l->groups[i], sums);
	for (size_t i = 0; i < l->n_classes; i++) {
		names[0] = l->classes[i];
		(void)series_write(
		    l->traffic, (uint32_t)i, names, sums[i].values);
	}
}

static void
note(struct live *l, const struct census_group *g)
{
	struct live_group **at = &l->of_group[g->index];

	if (*at == NULL)
		*at = calloc(1, sizeof(**at));
	if (*at == NULL)
		return;
	vigil_note(&(*at)->vigil, l->watched, g->met - (*at)->noted_met,
	    g->missed - (*at)->noted_missed, g->target);
	(*at)->noted_met = g->met;
	(*at)->noted_missed = g->missed;
}

void
live_watch(struct live *l, struct telemetry *t, usec now)
{
	l->n_groups = census_groups(t, l->groups);
	for (size_t i = 0; i < l->n_groups; i++)
		note(l, &l->groups[i]);
	l->watched = now;
}

static void
turn(struct live *l)
{
	l->step++;
	series_turn(l->servings);
	series_turn(l->objectives);
	series_turn(l->traffic);
}

/* The steps' times stay what they were, but for a clock that was set. */
static void
follow_clock(struct live *l, usec now, usec wall)
{
	usec off = wall - (l->wall + (now - l->began));

	if (off > USEC_SEC || off < -USEC_SEC)
		l->wall += off;
}

/* Steps that nobody had the time for stay unknown. What happened in them is
 * counted in the one that ends now. */
void
live_sample(struct live *l, const struct admin_picture *p)
{
	follow_clock(l, p->now, p->wall);
	while (live_due(l, p->now))
		turn(l);
	live_watch(l, p->telemetry, p->now);
	sample_servings(l, p);
	sample_groups(l);
}
