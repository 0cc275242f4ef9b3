/* policies/fairness.h - whose turn it is among tenants of one priority.
 *
 * A virtual token counter per tenant: who has been served least goes first.
 * After Sheng et al., "Fairness in serving large language models", OSDI 2024:
 * a tenant that comes back after a pause is lifted to the least counter of
 * those who wait, so that silence saves nothing up. */
#ifndef POLICIES_FAIRNESS_H
#define POLICIES_FAIRNESS_H

#define FAIR_INPUT 1.0 /* what a prompt token counts */
#define FAIR_OUTPUT 2.0

static inline double
fair_cost(double input, double output)
{
	return FAIR_INPUT * input + FAIR_OUTPUT * output;
}

static inline double
fair_lift(double counter, double least_waiting)
{
	return counter > least_waiting ? counter : least_waiting;
}

#endif
