/* router/forecast.h - what a serving is known to do, in a form made for
 * reading.
 *
 * Written by the tick from measurements (learn.h), read by every decision
 * (predict.h). */
#ifndef ROUTER_FORECAST_H
#define ROUTER_FORECAST_H

#include "gateway/lib/inference.h"
#include "router/profile.h"
#include "router/ratio.h"

struct seen {
	usec p50, p95, p99; /* as measured, for people; -1: none */
	double n; /* effective samples */
};

struct forecast {
	struct profile profile;
	struct spread ttft, itl; /* actual / profile's */
	double ttft_typical, itl_typical; /* their medians */
	bool ailing; /* far slower than its habit, all of a sudden */
	struct seen seen[PHASE_COUNT]; /* TTFT, ITL, TOTAL */
};

/* A serving that nothing is known of but its configuration. */
void forecast_init(struct forecast *, const struct conf_backend *);

#endif
