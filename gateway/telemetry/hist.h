/* gateway/telemetry/hist.h - log-linear histograms of microseconds.
 *
 * 32 sub-buckets per octave: relative error at most 1/64 (1.6 %), 1 us to
 * 71 minutes, recording in a few nanoseconds. hist counts; dhist forgets:
 * forward decay after Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay:
 * a practical time decay model for streaming systems", ICDE 2009. */
#ifndef GATEWAY_TELEMETRY_HIST_H
#define GATEWAY_TELEMETRY_HIST_H

#include "gateway/lib/clock.h"

#define HIST_BUCKETS 896

/* The bucket of a value (clamped to the range), and the value in the middle
 * of a bucket. */
unsigned hist_bucket(usec value);
usec hist_value(unsigned bucket);

struct hist {
	uint64_t n;
	double sum; /* of the recorded values, us */
	uint32_t count[HIST_BUCKETS];
};
void hist_record(struct hist *, usec value);
void hist_merge(struct hist *into, const struct hist *);
/* q in 0..1; -1: empty. */
usec hist_quantile(const struct hist *, double q);
/* How many are at most `value` (to a bucket's precision). */
uint64_t hist_count_below(const struct hist *, usec value);

struct dhist {
	usec half_life, origin; /* weights are relative to origin */
	double weight, weight2; /* sums of w and of w squared */
	float count[HIST_BUCKETS];
};
void dhist_init(struct dhist *, usec half_life, usec now);
void dhist_record(struct dhist *, usec value, usec now);
/* Weight left now, as a number of fresh samples; and the effective sample
 * size (sum w)^2 / sum w^2. */
double dhist_weight(const struct dhist *, usec now);
double dhist_effective(const struct dhist *);
usec dhist_quantile(const struct dhist *, double q); /* -1: empty */
/* The share at most `value`, 0..1; 0 when empty. */
double dhist_share_below(const struct dhist *, usec value);

/* The last minute, exactly: six histograms of 10 s, for operators. */
#define RECENT_SLICES 6
#define RECENT_SLICE (10 * USEC_SEC)
struct recent {
	usec began; /* of the current slice; 0: none yet */
	unsigned current;
	struct hist slice[RECENT_SLICES];
};
void recent_record(struct recent *, usec value, usec now);
/* Adds what is younger than a minute to *into. */
void recent_merge(struct recent *, usec now, struct hist *into);

#endif
