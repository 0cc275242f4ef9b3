/* gateway/telemetry/census.h - the counts behind /metrics, as numbers.
 *
 * For whoever looks every second: no text, and only what is looked at. The
 * same shards are read in the same way as for a scrape. */
#ifndef GATEWAY_TELEMETRY_CENSUS_H
#define GATEWAY_TELEMETRY_CENSUS_H

#include "gateway/telemetry/burn.h"
#include "gateway/telemetry/misses.h"

struct telemetry;

/* A combination of model, tenant and SLO class that has had requests. */
struct census_group {
	unsigned index; /* the same for as long as the telemetry lives */
	const char *model, *tenant, *slo; /* as long as that */
	uint64_t requests, met, missed; /* since the start, as all these */
	uint64_t tokens_in, tokens_out;
	uint64_t cost_unknown; /* requests */
	uint64_t cost_cut; /* of those: they ended early */
	double cost; /* USD, of the others */
	double target; /* as last declared; 0: never */
	usec declared; /* when that was */
	struct burn_sum windows[BURN_WINDOWS]; /* of census_windows() */
};

#define CENSUS_MAX 4000 /* groups, as /metrics has at most */

/* How many there are; in the order of their index. The windows are left
 * zero. */
size_t census_groups(struct telemetry *, struct census_group out[CENSUS_MAX]);
/* What its windows hold, and why its requests missed in the shortest. */
void census_windows(
    struct telemetry *, unsigned index, usec now, struct burn_sum *windows);
void census_misses(
    struct telemetry *, unsigned index, usec now, struct miss_sums *out);

#endif
