/* bench/traffic/score.h - what traffic got, judged by its SLOs.
 *
 * One sheet for the simulator, which sees from inside, and for loadtest, which
 * sees from outside, so that their figures compare. A request met its SLO when
 * it was answered whole and within every declared term; one that was shed, cut,
 * refused or given up is a miss of all of them. */
#ifndef BENCH_TRAFFIC_SCORE_H
#define BENCH_TRAFFIC_SCORE_H

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"
#include "gateway/telemetry/hist.h"

#define SCORE_CLASSES 3 /* by priority */

enum ending {
	ENDING_WHOLE,
	ENDING_SHED, /* refused before any attempt */
	ENDING_FAILED, /* answered with an error, or cut */
	ENDING_CANCELLED, /* the client gave up */
};

struct scored {
	enum priority priority;
	const struct slo *slo; /* borrowed for the call */
	enum ending ending;
	usec ttft, itl, total; /* from when it was due; -1: not measured */
	double cost; /* of all its attempts, in the fleet's unit of price;
			negative: not known */
	double confidence; /* P(SLO met) foreseen; -1: none was */
};

struct score_class {
	uint64_t requests, met, shed, failed, cancelled;
	uint64_t unpriced; /* how many have no known cost */
	double cost;
	struct hist ttft, itl, total; /* of whole answers, where measured */
	double foreseen; /* sums over those with a confidence */
	uint64_t foreseen_n, foreseen_met;
};

struct score {
	struct score_class class[SCORE_CLASSES];
};

void score_init(struct score *);
void score_add(struct score *, const struct scored *);
void score_class_add(struct score_class *, const struct scored *);
/* As the gateway judges: a target on what was not measured (the ITL of a
 * single token) is not missed. */
bool score_met(const struct scored *);

#define SCORE_UNKNOWN UINT64_MAX

/* Facts of the run that are not per class. Negative, or SCORE_UNKNOWN: null in
 * the JSON. */
struct score_run {
	const char *scenario, *router;
	uint64_t seed;
	double seconds; /* for goodput */
	double detect_s;
	uint64_t hedges, probes, decisions;
	double own_cost; /* of the router's own questions: of no class */
	/* The same traffic by the names of who sent it; JSON has it as "named"
	 * where there are any. */
	const struct score_named {
		const char *name;
		const struct score_class *class;
	} * named;
	unsigned n_named;
	struct slice more; /* further members of the JSON, a comma first */
};

/* One JSON object and a newline, its members always in the same order; what
 * was not measured is null, and so is a cost per met request where any cost is
 * not known or nothing was met. Then a table for people. */
void score_json(const struct score *, const struct score_run *, struct buf *);
void score_table(const struct score *, const struct score_run *, struct buf *);

#endif
