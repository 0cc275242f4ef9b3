/* gateway/telemetry/scrape.c - sums of all shards, for one scrape. */
#include "gateway/telemetry/scrape.h"

static void
collect_stages(struct scrape *s)
{
	struct shard *shard;

	for (unsigned i = 0; i < s->t->n_shards; i++) {
		shard = s->t->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (unsigned j = 0; j < STAGE_COUNT; j++)
			cumul_add(&s->stages[j], &shard->stages[j]);
		cumul_add(&s->overhead, &shard->overhead);
		pthread_mutex_unlock(&shard->lock);
	}
}

/* Their number now, and their names, which stay where they are. */
static unsigned
copy_names(struct telemetry *t, const struct names *list[GROUPS_MAX])
{
	unsigned n;

	pthread_mutex_lock(&t->groups_lock);
	n = t->groups.n;
	for (unsigned i = 0; i < n; i++)
		list[i] = t->groups.list[i];
	pthread_mutex_unlock(&t->groups_lock);
	return n;
}

static bool
collect_groups(struct scrape *s, usec now)
{
	const struct names *names[GROUPS_MAX];
	unsigned n = copy_names(s->t, names);
	struct group_sum *g;

	s->groups = calloc(n + 1, sizeof(*s->groups));
	s->order = calloc(n + 1, sizeof(*s->order));
	if (s->groups == NULL || s->order == NULL)
		return false;
	for (unsigned i = 0; i < n; i++) {
		g = &s->groups[s->n_groups];
		g->names = names[i];
		telemetry_sum_group(s->t, i, now, &g->sum);
		s->order[s->n_groups] = g;
		s->n_groups += g->sum.n_answers > 0;
	}
	return true;
}

static bool
is_used(const struct tally *tally)
{
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		if (tally->attempts[i] + tally->probes[i] > 0)
			return true;
	for (unsigned i = 0; i < MISS_CAUSES; i++)
		if (tally->blamed[i] > 0)
			return true;
	return false;
}

static bool
collect_tallies(struct scrape *s, usec now)
{
	struct telemetry *t = s->t;
	struct tally_sum *tally;

	s->tallies = calloc(t->servings.n, sizeof(*s->tallies));
	if (s->tallies == NULL)
		return false;
	for (unsigned slot = 1; slot < t->servings.n; slot++) {
		tally = &s->tallies[s->n_tallies];
		telemetry_sum_tally(t, slot, &tally->sum);
		if (!is_used(&tally->sum))
			continue;
		tally->names = t->servings.list[slot];
		tally->adapter = t->traits[slot].adapter;
		telemetry_quantiles(t, slot, now, &tally->view);
		s->n_tallies++;
	}
	return true;
}

bool
scrape_collect(struct scrape *s, usec now)
{
	collect_stages(s);
	return collect_groups(s, now) && collect_tallies(s, now);
}

void
scrape_fini(struct scrape *s)
{
	for (size_t i = 0; i < s->n_groups; i++)
		group_fini(&s->groups[i].sum);
	for (size_t i = 0; i < s->n_tallies; i++)
		tally_fini(&s->tallies[i].sum);
	free(s->groups);
	free(s->order);
	free(s->tallies);
	page_fini(&s->page);
}
