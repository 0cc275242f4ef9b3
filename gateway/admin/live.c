/* gateway/admin/live.c - what is kept, and for how long. */
#include "gateway/admin/live.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/admin/live_store.h"

const char *const live_states[] = { "ok", "half_open", "cold", "blocked",
	"breaker_open", "model_missing", "key_rejected", "off", "drained",
	NULL };

static const struct series_column serving_columns[] = {
	{ "ttft_p50_ms", NULL },
	{ "ttft_p95_ms", NULL },
	{ "ttft_p99_ms", NULL },
	{ "itl_p50_ms", NULL },
	{ "itl_p95_ms", NULL },
	{ "itl_p99_ms", NULL },
	{ "in_flight", NULL },
	{ "attempts", NULL },
	{ "errors", NULL },
	{ "state", live_states },
	{ NULL, NULL },
};
static const struct series_column objective_columns[] = {
	{ "requests", NULL },
	{ "met", NULL },
	{ "missed", NULL },
	{ "cost_usd", NULL },
	{ NULL, NULL },
};
static const struct series_column traffic_columns[] = {
	{ "requests", NULL },
	{ "tokens_in", NULL },
	{ "tokens_out", NULL },
	{ "cost_usd", NULL },
	{ NULL, NULL },
};
static const char *const serving_labels[] = { "model", "backend",
	"upstream_model" };
static const char *const objective_labels[] = { "tenant", "model", "slo" };
static const char *const traffic_labels[] = { "slo", NULL, NULL };

struct live *
live_new(usec now, usec wall)
{
	struct live *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->began = l->watched = now;
	l->wall = wall;
	l->groups = calloc(CENSUS_MAX, sizeof(*l->groups));
	l->servings =
	    series_new(serving_columns, serving_labels, LIVE_SERVINGS);
	l->objectives =
	    series_new(objective_columns, objective_labels, LIVE_OBJECTIVES);
	l->traffic = series_new(traffic_columns, traffic_labels, LIVE_CLASSES);
	if (l->groups == NULL || l->servings == NULL || l->objectives == NULL ||
	    l->traffic == NULL)
		live_free(&l);
	return l;
}

void
live_free(struct live **lp)
{
	struct live *l = *lp;

	if (l == NULL)
		return;
	for (size_t i = 0; i < CENSUS_MAX; i++)
		free(l->of_group[i]);
	series_free(&l->servings);
	series_free(&l->objectives);
	series_free(&l->traffic);
	free(l->of_serving);
	free(l->groups);
	free(l);
	*lp = NULL;
}

bool
live_due(const struct live *l, usec now)
{
	return now - l->began >= (usec)(l->step + 1) * SERIES_STEP;
}

long long
live_step_ms(const struct live *l, uint64_t step)
{
	return (
	    long long)((l->wall + (usec)(step - 1) * SERIES_STEP) / USEC_MS);
}

unsigned
live_steps(const struct live *l)
{
	return l->step < SERIES_STEPS ? (unsigned)l->step : SERIES_STEPS;
}

double
live_minute(const struct live *l)
{
	double steps = l->step < VIGIL_MINUTE ? (double)l->step : VIGIL_MINUTE;

	return steps * (double)SERIES_STEP / 1e6;
}

size_t
live_class(struct live *l, const char *slo)
{
	for (size_t i = 0; i < l->n_classes; i++)
		if (strcmp(l->classes[i], slo) == 0)
			return i;
	if (l->n_classes == LIVE_CLASSES)
		return LIVE_CLASSES - 1;
	l->classes[l->n_classes] =
	    l->n_classes == LIVE_CLASSES - 1 ? "other" : slo;
	l->n_classes++;
	return l->n_classes - 1;
}
