/* gateway/telemetry/misses.h - who and what requests missed their SLO by.
 *
 * Each request that missed is put down to one cause, and to one serving where
 * there is one to name. What is kept is counts over the spans of the shortest
 * window of burn.h, so that the counts of all causes add up to what that
 * window says was missed. Not locked; the owner's. */
#ifndef GATEWAY_TELEMETRY_MISSES_H
#define GATEWAY_TELEMETRY_MISSES_H

#include "gateway/lib/inference.h"
#include "gateway/telemetry/burn.h"

enum miss_cause {
	MISS_TTFT, /* the serving's first token came late */
	MISS_ITL, /* its tokens came slowly */
	MISS_TOTAL, /* its answer took too long as a whole */
	MISS_FAILED, /* its attempt failed, and so did the request, or it lost
			too much time there */
	MISS_OUT, /* the serving was out of use, and another too slow */
	MISS_QUEUE, /* it waited here for a free place */
	MISS_REFUSED, /* nothing took it */
	MISS_OTHER, /* beyond the number of causes that are kept apart */
	MISS_CAUSES
};
const char *miss_cause_name(enum miss_cause); /* "ttft" */

#define MISS_NOBODY UINT32_MAX

struct miss {
	enum miss_cause cause;
	uint32_t serving; /* id; MISS_NOBODY: none to name */
	/* a fault's name (MISS_FAILED), a reason (MISS_REFUSED), why a serving
	 * was out (MISS_OUT, MISS_QUEUE), or NULL; lives on */
	const char *detail;
};

/* What a request is put down to that was to meet an SLO and did not. A late
 * one is the serving's that took longer by itself than was allowed in all, or
 * of the one that it stood in for; else what it lost most time to before: the
 * queue, or an attempt. */
struct miss miss_of(const struct outcome *);

#define MISSES_MAX 12 /* kept apart; more are MISS_OTHER */

struct miss_cell {
	struct miss what;
	uint32_t newest; /* number of the span last counted in */
	uint32_t count[BURN_SPANS]; /* by number modulo */
};

/* All zeros is empty; a cell of 272 bytes is made when it is needed. */
struct misses {
	struct miss_cell *cell[MISSES_MAX], *other;
};

/* Without memory the count is lost. */
void misses_record(struct misses *, const struct miss *, usec now);
void misses_fini(struct misses *);

struct miss_sum {
	struct miss what;
	uint64_t n;
};

#define MISS_SUMS_MAX (2 * MISSES_MAX + 1) /* of all shards; then it is other */

struct miss_sums {
	size_t n;
	struct miss_sum row[MISS_SUMS_MAX];
};

/* Adds what the window holds. */
void misses_add(const struct misses *, usec now, struct miss_sums *into);
/* The most first. */
void misses_sort(struct miss_sums *);

#endif
