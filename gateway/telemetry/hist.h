/* gateway/telemetry/hist.h - log-linear histograms of microseconds.
 *
 * 32 sub-buckets per octave: relative error at most 1/64 (1.6 %), 1 us to
 * 71 minutes, recording in a few nanoseconds. hist counts; dhist forgets:
 * forward decay after Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay:
 * a practical time decay model for streaming systems", ICDE 2009; recent keeps
 * the last minute. */
#ifndef GATEWAY_TELEMETRY_HIST_H
#define GATEWAY_TELEMETRY_HIST_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

#define HIST_BUCKETS 896

/* The bucket of a value (clamped to the range), the value in the middle of a
 * bucket, and the least value of a bucket (hist_floor(HIST_BUCKETS) ends the
 * range). */
unsigned hist_bucket(usec value);
usec hist_value(unsigned bucket);
usec hist_floor(unsigned bucket);

struct hist {
	uint64_t n;
	double sum; /* of the recorded values, us */
	uint32_t count[HIST_BUCKETS];
};
void hist_record(struct hist *, usec value);
void hist_merge(struct hist *into, const struct hist *);
/* The middle of the bucket that holds the ceil(q n)-th value; q in 0..1; -1:
 * empty. */
usec hist_quantile(const struct hist *, double q);
/* How many are at most `value` (to a bucket's precision). */
uint64_t hist_count_below(const struct hist *, usec value);

struct dhist {
	usec half_life, origin; /* weights are relative to origin */
	double weight, weight2; /* sums of w and of w squared */
	float count[HIST_BUCKETS];
};
void dhist_init(struct dhist *, usec half_life, usec now);
/* A `now` before an earlier one is fine: that sample weighs less. */
void dhist_record(struct dhist *, usec value, usec now);
/* Weight left now, as a number of fresh samples; and the effective sample
 * size (sum w)^2 / sum w^2, which says how uneven the weights are: silence
 * does not change it. */
double dhist_weight(const struct dhist *, usec now);
double dhist_effective(const struct dhist *);
/* A bucket's samples are taken as spread evenly over it, so it is smooth; off
 * by 1/32 at most. */
usec dhist_quantile(const struct dhist *, double q); /* -1: empty */

/* The last minute, for operators: six slices of 10 s, exact counts. All
 * zeros is empty. A slice keeps its first values as they are and becomes a
 * histogram, in the same memory, when there are as many as buckets: so a quiet
 * serving costs bytes and a busy one 22 KB. Memory is kept for reuse. */
#define RECENT_SLICES 6
#define RECENT_SLICE (10 * USEC_SEC)
struct recent_slice {
	uint32_t *p; /* n values, or HIST_BUCKETS counts */
	uint32_t n, cap;
	bool counted; /* p holds counts */
	uint64_t sum;
};
struct recent {
	usec began; /* of the current slice; 0: none yet */
	unsigned current;
	struct recent_slice slice[RECENT_SLICES];
};
/* Without memory the value is left out. */
void recent_record(struct recent *, usec value, usec now);
/* Adds what is younger than a minute to *into. */
void recent_merge(struct recent *, usec now, struct hist *into);
void recent_fini(struct recent *);

#endif
