/* policies/confidence.c - what a probable miss is worth. */
#include "policies/confidence.h"

#include <math.h>

#define SLACK 0.25 /* below the percentile: adequate for a single request */
#define LEAST 0.5
#define GAIN 0.002 /* of the logarithm, for a request that met its SLO */
#define MISSES_USED 0.35 /* of those that the percentile allows */
#define PENALTY_LEAST 0.3
#define PENALTY_MOST 1000.0
#define ODDS_GAIN 0.1 /* of the logarithm, for a surprise */
#define ODDS_LEAST 0.1
#define ODDS_MOST 4.0

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

double
chance_in_odds(double chance, double odds)
{
	if (odds <= 0 || chance <= 0)
		return chance;
	return chance / (chance + odds * (1 - chance));
}

double
odds_after(double odds, double chance, bool met)
{
	double surprise = chance - (met ? 1 : 0);

	if (chance < 0)
		return odds;
	odds = (odds > 0 ? odds : 1) * exp(ODDS_GAIN * surprise);
	return fmin(fmax(odds, ODDS_LEAST), ODDS_MOST);
}
