/* router/forecast.h - what a serving is known to do, in a form made for
 * reading.
 *
 * Written by the tick from measurements (learn.h), read by every decision
 * (predict.h). */
#ifndef ROUTER_FORECAST_H
#define ROUTER_FORECAST_H

#include "gateway/lib/inference.h"
#include "router/measured.h"
#include "router/profile.h"
#include "router/ratio.h"

struct seen {
	usec p50, p95, p99; /* as measured, for people; -1: none */
	double n; /* effective samples */
};

struct forecast {
	/* what every decision reads of every serving stands together */
	struct profile profile;
	double
	    company; /* sequences that an answer has had beside it, of late */
	double ttft_typical, itl_typical; /* medians of: */
	double ttft_usual, itl_usual; /* as typical, when it was well last */
	bool ailing; /* far slower than its habit, all of a sudden */
	struct spread ttft, itl; /* actual / profile's */
	struct seen seen[PHASE_COUNT]; /* TTFT, ITL, TOTAL */
	struct measured measured; /* as far as lessons tell of it */
};

/* From sent to the last of so many tokens, typically; us. */
static inline double
forecast_span(
    const struct forecast *f, const struct crowd *crowd, double tokens)
{
	return profile_ttft(&f->profile, crowd) * f->ttft_typical +
	    profile_itl(&f->profile, crowd) * f->itl_typical * tokens;
}

struct measured measured_of(const struct profile *); /* and nothing else */
/* A serving that nothing is known of but its configuration. */
void forecast_init(struct forecast *, const struct conf_backend *);

#endif
