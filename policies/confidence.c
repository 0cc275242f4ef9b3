/* policies/confidence.c - what a probable miss is worth. */
#include "policies/confidence.h"

#include <math.h>

#define SLACK 0.25 /* below the percentile: adequate for a single request */
#define LEAST 0.5
#define GAIN 0.002 /* of the logarithm, for a request that met its SLO */
#define MISSES_USED 0.3 /* of those that the percentile allows */
#define PENALTY_LEAST 1.0
#define PENALTY_MOST 1000.0

double
confidence_required(const struct slo *slo)
{
	return fmax(slo->percentile / 100 - SLACK, LEAST);
}

double
penalty_after(double penalty, const struct slo *slo, bool met)
{
	double allowed = MISSES_USED * (1 - slo->percentile / 100);
	double change = met ? -1 : 1 / allowed - 1;

	return fmin(
	    fmax(penalty * exp(GAIN * change), PENALTY_LEAST), PENALTY_MOST);
}
