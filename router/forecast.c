/* router/forecast.c - what a serving is known to do. */
#include "router/forecast.h"

const double measured_ranks[MEASURED_RANKS] = { 0.01, 0.05, 0.1, 0.25, 0.5,
	0.75, 0.9, 0.95, 0.99 };

struct measured
measured_of(const struct profile *p)
{
	return (struct measured){ .rtt = p->rtt,
		.step = p->step,
		.per_sequence = p->per_sequence,
		.per_token = p->per_token };
}

void
forecast_init(struct forecast *f, const struct conf_backend *b)
{
	double sigma;

	*f = (struct forecast){ .profile = profile_of(b, &sigma),
		.ttft_typical = 1,
		.ttft_usual = 1,
		.itl_typical = 1,
		.itl_usual = 1 };
	f->measured = measured_of(&f->profile);
	spread_prior(&f->ttft, 1, sigma);
	spread_prior(&f->itl, 1, sigma);
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		f->seen[i].p50 = f->seen[i].p95 = f->seen[i].p99 = -1;
}
