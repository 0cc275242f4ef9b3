/* gateway/telemetry/hist.c - log-linear buckets, and counting in them.
 *
 * Values below 64 have a bucket each; from there on an octave [2^k, 2^(k+1))
 * is cut into 32 equal buckets, so a bucket's width is at most 1/32 of its
 * least value and its middle at most 1/64 away from any value in it. */
#include "gateway/telemetry/hist.h"

#include <math.h>

#define SUB_BITS 5
#define SUBS (1u << SUB_BITS)

unsigned
hist_bucket(usec value)
{
	uint32_t v;
	unsigned shift;

	if (value < (usec)SUBS)
		return value > 0 ? (unsigned)value : 0;
	v = value < (usec)UINT32_MAX ? (uint32_t)value : UINT32_MAX;
	shift = 31 - SUB_BITS - (unsigned)__builtin_clz(v);
	return shift * SUBS + (v >> shift);
}

usec
hist_floor(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * SUBS)
		return bucket;
	shift = bucket / SUBS - 1;
	return (usec)(bucket % SUBS + SUBS) << shift;
}

usec
hist_value(unsigned bucket)
{
	return (hist_floor(bucket) + hist_floor(bucket + 1)) / 2;
}

void
hist_record(struct hist *h, usec value)
{
	h->n++;
	h->sum += (double)value;
	h->count[hist_bucket(value)]++;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	into->n += from->n;
	into->sum += from->sum;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->count[i] += from->count[i];
}

usec
hist_quantile(const struct hist *h, double q)
{
	/* a hair less, for 0.07 * 100 is a hair more than 7 */
	double rank = ceil(q * (double)h->n - 1e-9);
	uint64_t seen = 0;
	unsigned last = 0;

	if (h->n == 0)
		return -1;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (h->count[i] == 0)
			continue;
		seen += h->count[i];
		last = i;
		if ((double)seen >= rank)
			break;
	}
	return hist_value(last);
}

uint64_t
hist_count_below(const struct hist *h, usec value)
{
	unsigned last = hist_bucket(value);
	uint64_t n = 0;

	if (value < 0)
		return 0;
	for (unsigned i = 0; i <= last; i++)
		n += h->count[i];
	return n;
}
