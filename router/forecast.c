/* router/forecast.c - what a serving is known to do. */
#include "router/forecast.h"

#include <math.h>

static const double ranks[CURVE_POINTS] = { 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5,
	0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985,
	0.99, 0.995, 0.998, 0.999, 1.0 };

double
curve_rank(unsigned point)
{
	return ranks[point];
}

static double
between(double x, double x0, double x1, double y0, double y1)
{
	return x1 > x0 ? y0 + (y1 - y0) * (x - x0) / (x1 - x0) : y1;
}

double
curve_at(const struct curve *c, double rank)
{
	unsigned low = 0, high = CURVE_POINTS - 1;

	if (rank <= ranks[0])
		return (double)c->value[0];
	if (rank >= 1)
		return (double)c->value[high];
	while (high - low > 1) {
		unsigned mid = (low + high) / 2;

		if (ranks[mid] < rank)
			low = mid;
		else
			high = mid;
	}
	return between(rank, ranks[low], ranks[high], (double)c->value[low],
	    (double)c->value[high]);
}

double
curve_share(const struct curve *c, double value)
{
	unsigned low = 0, high = CURVE_POINTS - 1;

	if (value < (double)c->value[0])
		return 0;
	if (value >= (double)c->value[high])
		return 1;
	while (high - low > 1) {
		unsigned mid = (low + high) / 2;

		if ((double)c->value[mid] <= value)
			low = mid;
		else
			high = mid;
	}
	return between(value, (double)c->value[low], (double)c->value[high],
	    ranks[low], ranks[high]);
}

double
cautious_rank(double q, double z, double n)
{
	double bound = q + z * sqrt(q * (1 - q) / n);
	double tellable = fmax(q, 1 - 0.5 / n);

	return fmin(bound, tellable);
}

double
sizing_at(const struct sizing *s, double tokens)
{
	return s->base + s->per_token * tokens;
}

void
forecast_init(struct forecast *f)
{
	*f = (struct forecast){ .seen_ttft = { -1, -1, -1, 0 } };
}
