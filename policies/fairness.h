/* policies/fairness.h - whose turn it is among tenants of one priority.
 *
 * A virtual token counter per tenant: who has been served least goes first.
 * After Sheng et al., "Fairness in serving large language models", OSDI 2024:
 * a tenant that comes back after a pause is lifted to the least counter of
 * those who wait, so that silence saves nothing up.
 *
 * Counters are of late: what was served a minute ago counts half. Else what
 * somebody had for himself while nobody waited would be held against him in the
 * first shortage, until all others had as much. As that has to leave their
 * order as it is, what is served now counts ever more (forward decay: Cormode
 * et al., ICDE 2009), until all is scaled down at once. */
#ifndef POLICIES_FAIRNESS_H
#define POLICIES_FAIRNESS_H

#include <math.h>

#define FAIR_HALF_LIFE 60e6 /* us */
#define FAIR_SCALE 40 /* powers of two: when to */

#define FAIR_INPUT 1.0 /* what a prompt token counts */
#define FAIR_OUTPUT 2.0

static inline double
fair_cost(double input, double output)
{
	return FAIR_INPUT * input + FAIR_OUTPUT * output;
}

/* What counts ever more, after so long. */
static inline double
fair_weight(double weight, double span)
{
	/* after a long sleep that is enough */
	return weight * exp2(fmin(span / FAIR_HALF_LIFE, FAIR_SCALE));
}

/* What to multiply all counters by, and the weight: exactly, so that none
 * passes another. 1: nothing yet. */
static inline double
fair_scale(double weight)
{
	int halves = ilogb(weight);

	return halves > FAIR_SCALE ? ldexp(1, -halves) : 1;
}

static inline double
fair_lift(double counter, double least_waiting)
{
	return counter > least_waiting ? counter : least_waiting;
}

#endif
