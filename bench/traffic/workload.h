/* bench/traffic/workload.h - who asks for what, and when.
 *
 * Arrivals come from a trace, or from a generator whose mean rate and lengths
 * are those of a public conversation trace, so that it runs anywhere; each is
 * given to the tenant that the trace names, else to one by shares of priority.
 * One random stream per matter: to drop a class, to add a flood or to change
 * lengths leaves the rest as it is. */
#ifndef BENCH_TRAFFIC_WORKLOAD_H
#define BENCH_TRAFFIC_WORKLOAD_H

#include "bench/traffic/arrivals.h"
#include "gateway/conf/conf.h"

#define WORKLOAD_PRIORITIES 3
#define WORKLOAD_RATE 5.53 /* requests a second at speed 1 */
#define WORKLOAD_REQUESTS 19366

struct workload_options {
	const char *trace; /* NULL: generated */
	double speed; /* times the trace's, or WORKLOAD_RATE */
	double cv; /* of the generator's gaps, Gamma; 1: Poisson */
	uint64_t requests; /* of the generator */
	usec duration; /* no arrivals later; 0: to the end */
	/* In the middle of each `every`, for `length`, time is so much denser;
	 * every 0: never. */
	double burst;
	usec burst_length, burst_every;
	double pareto; /* outputs by Pareto's law of that index; 0: not */
	double mix[WORKLOAD_PRIORITIES]; /* shares by priority */
	bool drop[WORKLOAD_PRIORITIES];
	/* One tenant's flood, beside all that; NULL: none. */
	const char *flood;
	double flood_rate, flood_at, flood_for; /* shares of the run */
	uint64_t seed;
};

struct workload_request {
	uint64_t id; /* in order of arrival, dropped ones counted */
	usec due;
	unsigned prompt, output; /* tokens, at least 1 */
	const struct conf_tenant *tenant; /* NULL: the gateway is open */
	const struct conf_model *model;
	const struct slo *slo;
	bool flood;
};

/* A tenant, or a class of an open gateway. */
struct workload_source {
	const struct conf_tenant *tenant;
	const struct conf_model *model;
	const struct slo *slo;
	double upto; /* shares, summed up to here; 1 for the last */
};

struct workload {
	const struct workload_options *options;
	struct arrivals arrivals;
	struct rng gap, length, who, flood_gap, flood_length;
	struct workload_source *sources;
	struct workload_source *named; /* by the trace's askers */
	size_t n_sources, flooder;
	double clock, flood_clock; /* us; clock: before bursts are folded in */
	usec flood_end;
	uint64_t n, id;
	struct workload_request main, flood; /* the next of each */
	bool main_over, flood_over;
};

/* Options and configuration are borrowed until the end. */
enum err workload_init(struct workload *, const struct workload_options *,
    const struct conf *, struct errmsg *why) MUST_USE;
void workload_fini(struct workload *);

/* How long arrivals will come, or are expected to. */
usec workload_span(const struct workload *);
/* The next one; false: no more. */
bool workload_next(struct workload *, struct workload_request *);

#endif
