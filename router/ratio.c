/* router/ratio.c - distributions of a ratio, actual to predicted. */
#include "router/ratio.h"

#include <math.h>
#include <string.h>

#include "router/bound.h"

/* Where a value lies, in buckets; within the range. */
static inline double
position(double ratio)
{
	double at;

	if (!(ratio > 0))
		return 0;
	at = ((double)log2f((float)ratio) - RATIO_LOWEST) * RATIO_PER_OCTAVE;
	return lesser(greater(at, 0), RATIO_BUCKETS);
}

static unsigned
bucket_of(double ratio)
{
	unsigned b = (unsigned)position(ratio);

	return b < RATIO_BUCKETS ? b : RATIO_BUCKETS - 1;
}

static double
value_at(double at)
{
	return exp2(at / RATIO_PER_OCTAVE + RATIO_LOWEST);
}

void
ratios_add(struct ratios *r, double ratio, double weight)
{
	r->weight[bucket_of(ratio)] += (float)weight;
	r->n += (float)weight;
}

void
ratios_fade(struct ratios *r, double keep)
{
	float k = (float)keep;

	r->n *= k;
	for (unsigned i = 0; i < RATIO_BUCKETS; i++)
		r->weight[i] *= k;
}

void
ratios_scale(struct ratios *r, double factor)
{
	int by = (int)lround(log2(factor) * RATIO_PER_OCTAVE);
	struct ratios old = *r;

	if (by == 0)
		return;
	memset(r->weight, 0, sizeof(r->weight));
	for (int i = 0; i < RATIO_BUCKETS; i++) {
		int to = i + by;

		to = to < 0 ? 0 : to;
		to = to >= RATIO_BUCKETS ? RATIO_BUCKETS - 1 : to;
		r->weight[to] += old.weight[i];
	}
}

static void
forget(struct ratios *r, unsigned from, unsigned to)
{
	memset(&r->weight[from], 0, (to - from) * sizeof(r->weight[0]));
	r->n = 0;
	for (unsigned i = 0; i < RATIO_BUCKETS; i++)
		r->n += r->weight[i];
}

void
ratios_keep_above(struct ratios *r, double ratio)
{
	forget(r, 0, bucket_of(ratio));
}

void
ratios_keep_below(struct ratios *r, double ratio)
{
	forget(r, bucket_of(ratio), RATIO_BUCKETS);
}

void
ratios_join(struct ratios *r, const struct ratios *more)
{
	for (unsigned i = 0; i < RATIO_BUCKETS; i++)
		r->weight[i] += more->weight[i];
	r->n += more->n;
}

double
ratios_at(const struct ratios *r, double rank)
{
	double below = 0, want = rank * (double)r->n;

	if (r->n <= 0)
		return 0;
	for (unsigned i = 0; i < RATIO_BUCKETS; i++) {
		below += (double)r->weight[i];
		if (below >= want)
			return value_at(i + 1);
	}
	return value_at(RATIO_BUCKETS);
}

double
ratios_within(const struct ratios *r, double rank)
{
	double below = 0, want = rank * (double)r->n, here;

	for (unsigned i = 0; i < RATIO_BUCKETS; i++) {
		here = (double)r->weight[i];
		if (here > 0 && below + here >= want)
			return value_at(i + (want - below) / here);
		below += here;
	}
	return r->n > 0 ? value_at(RATIO_BUCKETS) : 0;
}

void
spread_prior(struct spread *s, double median, double sigma)
{
	s->n = 0;
	for (unsigned i = 0; i <= RATIO_BUCKETS; i++) {
		double z = log(value_at(i) / median) / sigma;

		s->share[i] = (float)(0.5 * erfc(-z / sqrt(2)));
	}
	s->share[0] = 0;
	s->share[RATIO_BUCKETS] = 1;
}

void
spread_mix(struct spread *s, const struct spread_part *part, unsigned n,
    const struct spread *prior, double prior_parts)
{
	double total = prior_parts;
	float scale[8], sum = 0;

	s->n = 0;
	for (unsigned p = 0; p < n; p++) {
		total += part[p].parts;
		s->n += (float)part[p].parts;
	}
	for (unsigned p = 0; p < n; p++)
		scale[p] = part[p].parts > 0
		    ? (float)(part[p].parts / total) / part[p].from->n
		    : 0;
	for (unsigned i = 0; i < RATIO_BUCKETS; i++) {
		s->share[i] =
		    sum + (float)(prior_parts / total) * prior->share[i];
		for (unsigned p = 0; p < n; p++)
			if (scale[p] > 0)
				sum += scale[p] * part[p].from->weight[i];
	}
	s->share[RATIO_BUCKETS] = 1;
}

double
spread_share(const struct spread *s, double value)
{
	double at = position(value);
	int b = (int)at;
	double share;

	if (b >= RATIO_BUCKETS)
		return 1;
	share = (double)s->share[b] +
	    (at - b) * (double)(s->share[b + 1] - s->share[b]);
	return lesser(share, 1);
}

double
spread_at(const struct spread *s, double rank)
{
	unsigned low = 0, high = RATIO_BUCKETS;
	double in;

	while (high - low > 1) {
		unsigned mid = (low + high) / 2;

		if ((double)s->share[mid] <= rank)
			low = mid;
		else
			high = mid;
	}
	in = (double)(s->share[high] - s->share[low]);
	in = in > 0 ? (rank - (double)s->share[low]) / in : 0;
	return value_at(low + fmin(fmax(in, 0), 1));
}
