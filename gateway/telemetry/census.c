/* gateway/telemetry/census.c - the counts behind /metrics, as numbers. */
#include "gateway/telemetry/census.h"

#include "gateway/telemetry/store.h"

_Static_assert(CENSUS_MAX == GROUPS_MAX, "room for every group");

static void
add_group(struct census_group *into, const struct group *g)
{
	for (size_t i = 0; i < g->n_answers; i++)
		into->requests += g->answers[i].n;
	into->met += g->slo_met;
	into->missed += g->slo_missed;
	for (unsigned i = 0; i < 2; i++) {
		into->tokens_in += g->tokens[i][TOKENS_INPUT];
		into->tokens_out += g->tokens[i][TOKENS_OUTPUT];
	}
	into->cost += g->cost;
	for (unsigned i = 0; i < RESULT_COUNT; i++)
		into->cost_unknown += g->cost_unknown[i];
	into->cost_cut += g->cost_unknown[RESULT_BROKEN] +
	    g->cost_unknown[RESULT_CLIENT_GONE];
	if (g->slo_target > 0 && g->slo_declared >= into->declared) {
		into->target = g->slo_target;
		into->declared = g->slo_declared;
	}
}

static void
sum_group(struct telemetry *t, unsigned index, struct census_group *sum)
{
	const struct group *g;

	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		g = t->shards[i]->groups[index];
		if (g != NULL)
			add_group(sum, g);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

/* Names stay where they are; the list of them may move. */
static const struct names *
names_of(struct telemetry *t, unsigned index)
{
	const struct names *names;

	pthread_mutex_lock(&t->groups_lock);
	names = index < t->groups.n ? t->groups.list[index] : NULL;
	pthread_mutex_unlock(&t->groups_lock);
	return names;
}

size_t
census_groups(struct telemetry *t, struct census_group out[CENSUS_MAX])
{
	const struct names *names;
	size_t n = 0;

	for (unsigned i = 0; (names = names_of(t, i)) != NULL; i++) {
		out[n] = (struct census_group){ .index = i,
			.model = names->part[0],
			.tenant = names->part[1],
			.slo = names->part[2] };
		sum_group(t, i, &out[n]);
		n += out[n].requests > 0;
	}
	return n;
}

void
census_windows(
    struct telemetry *t, unsigned index, usec now, struct burn_sum *windows)
{
	const struct group *g;

	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		g = t->shards[i]->groups[index];
		if (g != NULL && g->burn != NULL)
			burn_add(g->burn, now, windows);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

void
census_misses(
    struct telemetry *t, unsigned index, usec now, struct miss_sums *out)
{
	const struct group *g;

	out->n = 0;
	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		g = t->shards[i]->groups[index];
		if (g != NULL && g->misses != NULL)
			misses_add(g->misses, now, out);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
	misses_sort(out);
}
