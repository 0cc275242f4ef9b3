/* gateway/telemetry/sums.c - all shards together: sums, and a serving's last
 * minute. */
#include <string.h>

#include "gateway/telemetry/store.h"

static struct tally *
tally_of_slot(const struct shard *s, unsigned slot)
{
	return slot < s->n_slots ? s->tallies[slot] : NULL;
}

void
telemetry_sum_tally(struct telemetry *t, unsigned slot, struct tally *sum)
{
	const struct tally *tally;

	*sum = (struct tally){ 0 };
	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		tally = tally_of_slot(t->shards[i], slot);
		if (tally != NULL)
			tally_add(sum, tally);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

void
telemetry_sum_group(
    struct telemetry *t, unsigned index, usec now, struct group *sum)
{
	const struct group *g;

	*sum = (struct group){ 0 };
	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		g = t->shards[i]->groups[index];
		if (g != NULL)
			group_add(sum, g);
		if (g != NULL && g->burn != NULL)
			burn_add(g->burn, now, sum->windows);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

static void
merge_phase(struct telemetry *t, unsigned slot, enum phase phase, usec now,
    struct hist *h)
{
	struct tally *tally;

	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		tally = tally_of_slot(t->shards[i], slot);
		if (tally != NULL && tally->phase[phase] != NULL)
			recent_merge(&tally->phase[phase]->recent, now, h);
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

void
telemetry_quantiles(
    struct telemetry *t, unsigned slot, usec now, struct telemetry_view *v)
{
	struct hist h;

	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		memset(&h, 0, sizeof(h));
		merge_phase(t, slot, (enum phase)i, now, &h);
		v->phase[i].n = h.n;
		v->phase[i].p50 = hist_quantile(&h, 0.50);
		v->phase[i].p95 = hist_quantile(&h, 0.95);
		v->phase[i].p99 = hist_quantile(&h, 0.99);
	}
}

static bool
is_error(enum fault_kind kind)
{
	switch (fault_rule(kind)->blame) {
	case BLAME_BACKEND:
	case BLAME_OPEN:
	case BLAME_KEY:
	case BLAME_SERVING:
		return true;
	default:
		return false;
	}
}

static void
add_counts(struct telemetry *t, unsigned slot, struct telemetry_view *v)
{
	const struct tally *tally;

	for (unsigned i = 0; i < t->n_shards; i++) {
		pthread_mutex_lock(&t->shards[i]->lock);
		tally = tally_of_slot(t->shards[i], slot);
		for (unsigned j = 0; tally != NULL && j < FAULT_COUNT; j++)
			v->faults[j] += tally->attempts[j];
		v->tokens_in += tally != NULL ? tally->tokens[TOKENS_INPUT] : 0;
		v->tokens_out +=
		    tally != NULL ? tally->tokens[TOKENS_OUTPUT] : 0;
		pthread_mutex_unlock(&t->shards[i]->lock);
	}
}

bool
telemetry_view(
    struct telemetry *t, uint32_t serving, usec now, struct telemetry_view *v)
{
	unsigned slot;

	pthread_mutex_lock(&t->servings_lock);
	slot = serving < t->n_ids ? t->slot_of[serving] : 0;
	pthread_mutex_unlock(&t->servings_lock);
	if (slot == 0)
		return false;
	*v = (struct telemetry_view){ .attempts = 0 };
	add_counts(t, slot, v);
	v->rate_limited = v->faults[FAULT_RATE_LIMITED];
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		v->attempts += v->faults[i];
		if (is_error((enum fault_kind)i))
			v->errors += v->faults[i];
	}
	telemetry_quantiles(t, slot, now, v);
	return true;
}
