/* bench/traffic/arrivals.h - when requests are due, and how large they are.
 *
 * Either random (a Poisson process) or as in a trace: rows of
 *	TIMESTAMP,ContextTokens,GeneratedTokens
 *	2023-11-16 18:15:46.6805900,374,44
 * as the Azure LLM inference traces have them, or with three more columns,
 *	TIMESTAMP,ContextTokens,GeneratedTokens,Tenant,Model,Class
 * of which any may be empty, as `pointsman usage --trace` writes them; .gz or
 * not. Times are microseconds from the first arrival's clock zero. */
#ifndef BENCH_TRAFFIC_ARRIVALS_H
#define BENCH_TRAFFIC_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/err.h"
#include "gateway/lib/map.h"
#include "gateway/lib/rng.h"

/* Who asked for what, by what names; an empty one is not said. */
struct asker {
	struct slice tenant, model, slo;
	int line; /* of the file: the first of them */
	char *text; /* that they are in */
};

struct arrival {
	usec due;
	unsigned prompt, output; /* tokens; 0: as the options say */
	unsigned asker; /* of a trace's askers, from 1; 0: not said */
};

struct arrivals {
	struct arrival next;
	bool over;
	/* a trace */
	struct arrival *rows; /* NULL: random */
	size_t n, at;
	struct asker *askers;
	size_t n_askers;
	double speed;
	/* random */
	struct rng rng;
	double mean; /* us between two; 0: all are due at once */
	double clock; /* us */
};

void arrivals_random(struct arrivals *, double per_second, uint64_t seed);
enum err arrivals_trace(struct arrivals *, const char *path, double speed,
    struct errmsg *) MUST_USE;
void arrivals_fini(struct arrivals *);

/* Moves on to the one after `next`; sets `over` at the end of a trace. */
void arrivals_step(struct arrivals *);

#endif
