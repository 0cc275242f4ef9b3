/* policies/hedge.c - when a second attempt is started beside a late first. */
#include "policies/hedge.h"

#include <math.h>

#define BURST 10 /* hedges of a usual size that can be saved up */
#define MARGIN (30.0 * USEC_MS) /* for the other one to be a little slow */
#define KEEP 0.99

void
hedge_budget_init(struct hedge_budget *b, double share)
{
	*b = (struct hedge_budget){ .share = share };
}

void
hedge_budget_request(struct hedge_budget *b, double tokens)
{
	if (b->usual <= 0) {
		b->usual = tokens;
		b->tokens = BURST * tokens / 2;
	}
	b->usual = KEEP * b->usual + (1 - KEEP) * tokens;
	b->tokens = fmin(b->tokens + b->share * tokens, BURST * b->usual);
}

bool
hedge_budget_take(struct hedge_budget *b, double tokens)
{
	if (b->share <= 0 || b->tokens < tokens)
		return false;
	b->tokens -= tokens;
	return true;
}

void
hedge_budget_give_back(struct hedge_budget *b, double tokens)
{
	b->tokens += tokens;
}

usec
hedge_delay(double late, double other, double left)
{
	double latest = left - other - MARGIN;

	return latest > late ? (usec)latest : USEC_NEVER;
}
