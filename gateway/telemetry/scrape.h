/* gateway/telemetry/scrape.h - one scrape; private to telemetry.
 *
 * Works on sums of all shards, taken first, so that its samples tell of about
 * one moment and no shard stays locked while text is made. */
#ifndef GATEWAY_TELEMETRY_SCRAPE_H
#define GATEWAY_TELEMETRY_SCRAPE_H

#include "gateway/telemetry/page.h"
#include "gateway/telemetry/store.h"

struct group_sum {
	const struct names *names; /* model, tenant, SLO class */
	struct group sum;
};

struct tally_sum {
	const struct names *names; /* model, backend, upstream */
	const char *adapter;
	struct tally sum;
	struct telemetry_view view; /* quantiles only */
};

struct scrape {
	struct telemetry *t; /* its servings_lock is held */
	struct page page;
	const struct telemetry_gauges *gauges;
	const struct telemetry_serving *servings;
	size_t n_servings;
	struct cumul stages[STAGE_COUNT], overhead;
	struct group_sum *groups; /* those with requests */
	const struct group_sum **order; /* of them; sorted for a metric */
	size_t n_groups;
	struct tally_sum *tallies; /* those with counts */
	size_t n_tallies;
};

/* Fills in the sums; false without memory. */
bool scrape_collect(struct scrape *, usec now);
void scrape_fini(struct scrape *);

/* The samples of one metric, by its `of`. The page is at that metric. */
void expose_groups(struct scrape *, enum metric_id);
void expose_tallies(struct scrape *, enum metric_id);
void expose_servings(struct scrape *, enum metric_id);
void expose_models(struct scrape *, enum metric_id);

#endif
