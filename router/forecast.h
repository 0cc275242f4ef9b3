/* router/forecast.h - what a serving is known to do, in a form made for
 * reading.
 *
 * Written by the tick from measurements (learn.h), read by every decision
 * (predict.h). */
#ifndef ROUTER_FORECAST_H
#define ROUTER_FORECAST_H

#include "gateway/lib/clock.h"

/* A distribution as its values at fixed ranks, denser towards the tail. */
#define CURVE_POINTS 24

struct curve {
	float value[CURVE_POINTS]; /* rising */
	float n; /* effective samples behind it; below CURVE_EVIDENCE: none */
};
#define CURVE_EVIDENCE 1.0f

/* The value at a rank 0..1, and the share of values up to one. Both are
 * monotone; each is the other's inverse up to interpolation. */
double curve_at(const struct curve *, double rank);
double curve_share(const struct curve *, double value);
/* The point's rank; rising. */
double curve_rank(unsigned point);

static inline int
curve_known(const struct curve *c)
{
	return c->n >= CURVE_EVIDENCE;
}

/* The rank to read so that a quantile of few samples is not flattered: q plus
 * z standard errors of a share, but never beyond what n samples can tell. */
double cautious_rank(double q, double z, double n);

/* TTFT of an idle serving as a line over the prompt's length, in us. */
struct sizing {
	double base, per_token;
};
double sizing_at(const struct sizing *, double tokens);

struct forecast {
	struct sizing sizing;
	struct curve ttft; /* actual / predicted, as a ratio */
	struct curve itl, total; /* us */
	struct {
		usec p50, p95, p99; /* of plain TTFT, for people; -1: none */
		double n;
	} seen_ttft;
};

void forecast_init(struct forecast *);

#endif
