/* router/forecast.c - what a serving is known to do. */
#include "router/forecast.h"

void
forecast_init(struct forecast *f, const struct conf_backend *b)
{
	double sigma;

	*f = (struct forecast){ .profile = profile_of(b, &sigma),
		.ttft_typical = 1,
		.itl_typical = 1 };
	spread_prior(&f->ttft, 1, sigma);
	spread_prior(&f->itl, 1, sigma);
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		f->seen[i].p50 = f->seen[i].p95 = f->seen[i].p99 = -1;
}
