/* gateway/admin/live_store.h - what struct live is; private to live*.c. */
#ifndef GATEWAY_ADMIN_LIVE_STORE_H
#define GATEWAY_ADMIN_LIVE_STORE_H

#include "gateway/admin/live.h"
#include "gateway/admin/series.h"
#include "gateway/admin/values.h"
#include "gateway/admin/vigil.h"
#include "gateway/telemetry/census.h"

#define LIVE_SERVINGS 64
#define LIVE_OBJECTIVES 128
#define LIVE_CLASSES 16 /* the last one: all others */
#define LIVE_ROWS 100 /* SLOs and objectives that are listed */
#define LIVE_BLAMED 8 /* causes that are listed of one */
#define LIVE_RECEIPTS 50

/* The columns of the sets below, in their order. */
enum serving_column {
	SERVING_TTFT_P50,
	SERVING_TTFT_P95,
	SERVING_TTFT_P99,
	SERVING_ITL_P50,
	SERVING_ITL_P95,
	SERVING_ITL_P99,
	SERVING_IN_FLIGHT,
	SERVING_ATTEMPTS,
	SERVING_ERRORS,
	SERVING_STATE,
	SERVING_COLUMNS
};
enum objective_column {
	OBJECTIVE_REQUESTS,
	OBJECTIVE_MET,
	OBJECTIVE_MISSED,
	OBJECTIVE_COST,
	OBJECTIVE_COLUMNS
};
enum traffic_column {
	TRAFFIC_REQUESTS,
	TRAFFIC_TOKENS_IN,
	TRAFFIC_TOKENS_OUT,
	TRAFFIC_COST,
	TRAFFIC_COLUMNS
};

/* A group as it was at the last sample, and what became of it in time. */
struct live_group {
	uint64_t requests, met, missed, tokens_in, tokens_out;
	double cost;
	uint64_t noted_met, noted_missed; /* by the vigil */
	double cost_before; /* USD an hour, before the trouble that it is in */
	struct vigil vigil;
};

struct live_serving {
	bool
	    known; /* since the step before; else they are of an earlier life */
	uint64_t attempts, errors;
};

struct live {
	usec began; /* when the first step did */
	usec wall; /* the same, since 1970 */
	uint64_t step; /* the last finished one; the first is 1 */
	usec watched; /* when the counts were last noted */
	struct census_group *groups; /* as last read */
	size_t n_groups;
	struct live_group *of_group[CENSUS_MAX]; /* by index; NULL: none yet */
	struct live_serving *of_serving; /* by id */
	size_t n_ids;
	const char *classes[LIVE_CLASSES]; /* their names; the index is the
					      key */
	size_t n_classes;
	struct series_set *servings, *objectives, *traffic;
};

/* What states of servings are called; the index is the value in the series. */
extern const char *const live_states[];

/* When a step began, in ms since 1970. */
long long live_step_ms(const struct live *, uint64_t step);
/* How many finished steps there are to show. */
unsigned live_steps(const struct live *);
/* Seconds of the last minute's steps there have been; 0: none yet. */
double live_minute(const struct live *);
/* The class's place in `classes`, new if need be. */
size_t live_class(struct live *, const char *slo);

/* live_objectives.c. */
/* USD an hour of a group in the ten minutes that ended so many steps ago; -1:
 * it asked for nothing then. */
double live_cost_before(const struct live *, unsigned index, uint64_t back);
json_t *live_objectives(struct live *, const struct admin_picture *);
/* target, met_total, missed_total, windows, budget_left. */
void live_add_targets(json_t *, const struct census_group *);
/* live_slos.c: a row for each tenant and class, the LIVE_ROWS worst of them
 * first; and what all come to in the last five minutes. */
void live_slos(const struct live *, json_t **rows, json_t **all);
/* live_blame.c. */
json_t *live_blame(const struct admin_picture *, const struct census_group *);
/* live_servings.c. */
json_t *live_servings(const struct live *, const struct admin_picture *);
/* live_receipts.c: the newest ones, of those filed after so many. */
json_t *live_receipts(const struct admin_picture *, uint64_t since);

#endif
