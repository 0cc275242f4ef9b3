/* router/ratio.h - distributions of a ratio, actual to predicted.
 *
 * Logarithmic buckets, 24 to an octave from 1/32 to 256: a value is off by at
 * most 1.5 %, to multiply all values is to shift the buckets, and a share is
 * looked up in constant time. */
#ifndef ROUTER_RATIO_H
#define ROUTER_RATIO_H

#define RATIO_PER_OCTAVE 24
#define RATIO_LOWEST (-5) /* 2 to this power, and everything below */
#define RATIO_BUCKETS (RATIO_PER_OCTAVE * 13)

/* Weights of what was seen. All zeros is empty. */
struct ratios {
	float n; /* sum */
	float weight[RATIO_BUCKETS];
};
void ratios_add(struct ratios *, double ratio, double weight);
void ratios_fade(struct ratios *, double keep); /* all weights times that */
void ratios_scale(struct ratios *, double factor); /* all ratios times that */
void ratios_keep_above(struct ratios *, double ratio);
void ratios_keep_below(struct ratios *, double ratio);
void ratios_join(struct ratios *, const struct ratios *more);

/* The value at a rank 0..1; 0 where there is none. */
double ratios_at(const struct ratios *, double rank);
/* The same, but between the bounds of its bucket. */
double ratios_within(const struct ratios *, double rank);

/* A distribution made for reading. share[i]: of values below bucket i. */
struct spread {
	float n; /* samples behind it, the prior apart */
	float share[RATIO_BUCKETS + 1];
};
/* A lognormal with that median and deviation of the logarithm. */
void spread_prior(struct spread *, double median, double sigma);
/* A mixture of so many parts of each; `from` may be NULL where its parts
 * are 0. */
struct spread_part {
	const struct ratios *from;
	double parts;
};
void spread_mix(struct spread *, const struct spread_part *, unsigned n,
    const struct spread *prior, double prior_parts);
/* P(ratio <= value), and the value at a rank 0..1: each the other's inverse.
 * Monotone. */
double spread_share(const struct spread *, double value);
double spread_at(const struct spread *, double rank);

#endif
