/* policies/admit.c - how much of a backend each priority may fill. */
#include "policies/admit.h"

#include <math.h>

#define COURTESY_LEAST 0.5
#define COURTESY_MOST 0.999
#define COURTESY_GAIN 0.05
#define DUE 0.4 /* of its tightest target */
#define TOLL 0.35 /* of what its own miss is worth */
#define CALL 0.5 /* of a miss, for the last of a rate limit */
#define CALLS_AT_EASE 0.5 /* of the burst: plenty is left */
#define PENALTY_HEARD 20.0 /* more misses do not make it worth more */

static const struct {
	double ceiling, reserve, courtesy, patience;
} rows[] = {
	[PRIORITY_PREMIUM] = { 1.0, 0.0, 0.0, 0.0 },
	[PRIORITY_STANDARD] = { 0.85, 0.5, COURTESY_LEAST, 0.5 },
	[PRIORITY_BATCH] = { 0.55, 0.8, COURTESY_LEAST, 0.3 },
};

double
admit_ceiling(enum priority p, bool shared)
{
	return shared ? rows[p].ceiling : 1;
}

double
admit_reserve(enum priority p)
{
	return rows[p].reserve;
}

double
admit_courtesy(enum priority p)
{
	return rows[p].courtesy;
}

double
admit_courtesy_after(double courtesy, const struct slo *slo, bool met)
{
	double allowed = 1 - slo->percentile / 100;
	double change = COURTESY_GAIN * ((met ? 0 : 1) - allowed);

	return fmin(fmax(courtesy + change, COURTESY_LEAST), COURTESY_MOST);
}

double
admit_call(double left)
{
	return CALL * fmax(1 - left / CALLS_AT_EASE, 0);
}

bool
admit_is_due(double waited)
{
	return waited >= DUE;
}

double
admit_toll(double worth, double penalty)
{
	return TOLL * worth * fmin(1, PENALTY_HEARD / penalty);
}

double
admit_patience(enum priority p)
{
	return rows[p].patience;
}
