/* bench/traffic/arrivals.h - when requests are due, and how large they are.
 *
 * Either random (a Poisson process) or as in a trace: rows of
 *	TIMESTAMP,ContextTokens,GeneratedTokens
 *	2023-11-16 18:15:46.6805900,374,44
 * as the Azure LLM inference traces have them; .gz or not. Times are
 * microseconds from the first arrival's clock zero. */
#ifndef BENCH_TRAFFIC_ARRIVALS_H
#define BENCH_TRAFFIC_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/err.h"
#include "gateway/lib/rng.h"

struct arrival {
	usec due;
	unsigned prompt, output; /* tokens; 0: as the options say */
};

struct arrivals {
	struct arrival next;
	bool over;
	/* a trace */
	struct arrival *rows; /* NULL: random */
	size_t n, at;
	double speed;
	/* random */
	struct rng rng;
	double mean; /* us between two; 0: all are due at once */
	usec clock;
};

void arrivals_random(struct arrivals *, double per_second, uint64_t seed);
enum err arrivals_trace(struct arrivals *, const char *path, double speed,
    struct errmsg *) MUST_USE;
void arrivals_fini(struct arrivals *);

/* Moves on to the one after `next`; sets `over` at the end of a trace. */
void arrivals_step(struct arrivals *);

#endif
