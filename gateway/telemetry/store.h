/* gateway/telemetry/store.h - what struct telemetry is; private to telemetry.
 *
 * Locks: servings_lock guards the table of servings and is held through a
 * whole scrape; workers never take it. groups_lock guards the table of groups;
 * a worker takes it, inside its shard's lock, when it meets a combination of
 * names for the first time. No other locks nest, but shard locks inside
 * servings_lock. */
#ifndef GATEWAY_TELEMETRY_STORE_H
#define GATEWAY_TELEMETRY_STORE_H

#include "gateway/telemetry/names.h"
#include "gateway/telemetry/shard.h"
#include "gateway/telemetry/telemetry.h"

/* What may change about a serving while its names stay. */
struct serving_traits {
	char *adapter, *region;
};

struct telemetry {
	pthread_mutex_t servings_lock;
	struct names_table servings; /* slot -> model, backend, upstream */
	struct serving_traits *traits; /* by slot */
	size_t n_traits;
	uint32_t *slot_of; /* by serving id; 0: none */
	size_t n_ids;

	pthread_mutex_t groups_lock;
	struct names_table groups; /* index -> model, tenant, slo */
	struct names_table models; /* that groups may have, twice and "" */

	unsigned n_shards;
	struct shard **shards;
};

/* The last minute of a slot's tallies, and nothing else of *view; -1 where
 * there are no samples. */
void telemetry_quantiles(
    struct telemetry *, unsigned slot, usec now, struct telemetry_view *);
/* All shards' tallies of a slot, or groups of an index, added up. */
void telemetry_sum_tally(struct telemetry *, unsigned slot, struct tally *);
void telemetry_sum_group(
    struct telemetry *, unsigned index, usec now, struct group *);

#endif
