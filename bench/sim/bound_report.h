/* bench/sim/bound_report.h - the bound, in the words of a run. */
#ifndef BENCH_SIM_BOUND_REPORT_H
#define BENCH_SIM_BOUND_REPORT_H

#include "bench/sim/bound.h"
#include "gateway/lib/buf.h"

struct bound_answer {
	uint64_t requests[RELAX_CLASSES];
	/* at most: of each class, had it the fleet to itself; of all together,
	 * on the terms given (-INFINITY: nobody can keep to them) */
	double met[RELAX_CLASSES], met_all;
	double needed; /* requests, so that every class has its percentile */
	double cost; /* at least, of those; INFINITY: they cannot be had */
};

struct bound_terms {
	double spend; /* USD; INFINITY: as much as one likes */
	/* the share of each class, of its requests, that must be met; 0 to 1 */
	double floor[RELAX_CLASSES];
};

/* ERR_MEMORY. */
enum err bound_solve(const struct relax *, const struct bound_request *,
    size_t n_requests, const struct bound_terms *,
    struct bound_answer *) MUST_USE;

struct bound_run {
	const char *scenario;
	uint64_t seed;
	double seconds; /* for goodput */
	struct bound_terms terms;
};

/* As score_json() and score_table() say it; what a bound does not have is
 * null. */
void bound_json(
    const struct bound_answer *, const struct bound_run *, struct buf *);
void bound_table(
    const struct bound_answer *, const struct bound_run *, struct buf *);

#endif
