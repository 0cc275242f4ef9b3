/* router/predict.h - what a serving would do for a request.
 *
 *	TTFT  = (base + per_token * prompt) * factor * ratio + wait * ratio
 *	total = TTFT + ITL * (output - 1)
 *
 * with the ratio and ITL read off the serving's curves at the rank that the
 * SLO asks for. Monotone: more load, or slower measurements, never make it
 * look better. */
#ifndef ROUTER_PREDICT_H
#define ROUTER_PREDICT_H

#include "router/fleet.h"

/* A request in numbers. */
struct demand {
	const struct slo *slo; /* its targets; borrowed */
	bool stream;
	bool only_total; /* batch: the other targets do not bind */
	double input, output; /* tokens; output is expected */
	double waited; /* us since it arrived */
	double rank, z; /* percentile / 100, and caution; see cautious_rank() */
};

/* Microseconds; negative: unknown. */
struct outlook {
	double ttft, itl, total;
	double violation; /* the worst of prediction / target; 0: none known */
	bool known; /* there is evidence on every target */
};

struct crowd cell_crowd(const struct cell *, usec now);
void predict(
    const struct cell *, const struct demand *, usec now, struct outlook *);
/* P(every target is met); negative: unknown, or there are none. */
double predict_confidence(const struct cell *, const struct demand *, usec now);

#endif
