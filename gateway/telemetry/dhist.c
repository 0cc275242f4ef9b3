/* gateway/telemetry/dhist.c - a histogram that forgets.
 *
 * A sample's weight grows with its time, w = 2^((t - origin) / half_life), so
 * that old samples need no touching; what is asked are only shares, in which
 * the common factor cancels. When weights pass RESCALE_AT all are divided by
 * the newest one and the origin moves there. */
#include "gateway/telemetry/hist.h"

#include <math.h>

#define RESCALE_AT 0x1p20
/* Less than this much of one fresh sample is nothing: floats would end up
 * denormal, which is slow. */
#define FORGOTTEN 1e-9

static double
weight_at(const struct dhist *d, usec now)
{
	return exp2((double)(now - d->origin) / (double)d->half_life);
}

void
dhist_init(struct dhist *d, usec half_life, usec now)
{
	*d = (struct dhist){ .half_life = half_life, .origin = now };
}

static void
rescale(struct dhist *d, double w, usec now)
{
	double s = 1 / w;

	d->origin = now;
	d->weight *= s;
	d->weight2 *= s * s;
	if (d->weight < FORGOTTEN) {
		dhist_init(d, d->half_life, now);
		return;
	}
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		d->count[i] *= (float)s;
}

void
dhist_record(struct dhist *d, usec value, usec now)
{
	double w = weight_at(d, now);

	if (w > RESCALE_AT) {
		rescale(d, w, now);
		w = 1;
	}
	d->weight += w;
	d->weight2 += w * w;
	d->count[hist_bucket(value)] += (float)w;
}

double
dhist_weight(const struct dhist *d, usec now)
{
	return d->weight / weight_at(d, now);
}

double
dhist_effective(const struct dhist *d)
{
	return d->weight2 > 0 ? d->weight * d->weight / d->weight2 : 0;
}

/* Not `weight`: that has been rounded differently and would not meet them at
 * the end. */
static double
sum_of_counts(const struct dhist *d)
{
	double sum = 0;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		sum += (double)d->count[i];
	return sum;
}

usec
dhist_quantile(const struct dhist *d, double q)
{
	double rank = q * sum_of_counts(d), seen = 0;
	double part, width;
	unsigned i, at = HIST_BUCKETS;

	for (i = 0; i < HIST_BUCKETS; i++) {
		if (d->count[i] <= 0)
			continue;
		at = i;
		if (seen + (double)d->count[i] >= rank)
			break;
		seen += (double)d->count[i];
	}
	if (at == HIST_BUCKETS)
		return -1;
	if (i == HIST_BUCKETS) /* q beyond 1 */
		return hist_floor(at + 1) - 1;
	part = (rank - seen) / (double)d->count[at];
	width = (double)(hist_floor(at + 1) - hist_floor(at));
	/* the part * width-th of the bucket's values, counted from 1 */
	return hist_floor(at) + (usec)fmax(ceil(part * width - 1e-9), 1) - 1;
}
