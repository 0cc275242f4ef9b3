/* policies/hedge.h - when a second attempt is started beside a late first.
 *
 * Before the first token only, for premium only, since it pays for the whole
 * prompt again. A budget in tokens bounds it: each request adds a twentieth of
 * what a hedge of it would take. After Dean and Barroso, "The tail at
 * scale", CACM 2013. */
#ifndef POLICIES_HEDGE_H
#define POLICIES_HEDGE_H

#include "gateway/lib/inference.h"

struct hedge_budget {
	double share; /* of prompt tokens, 0..1 */
	double tokens; /* that may be spent now */
	double usual; /* prompt tokens of a request, fading mean */
};

void hedge_budget_init(struct hedge_budget *, double share);
void hedge_budget_request(struct hedge_budget *, double tokens);
bool hedge_budget_take(struct hedge_budget *, double tokens);
void hedge_budget_give_back(struct hedge_budget *, double tokens); /* unused */

/* How long to wait for the first token: as long as the other could still be in
 * time, since most that are late by then would have come. `late` is a high
 * percentile of the first's TTFT, `other` the second's typical one, `left` what
 * is left of the target. USEC_NEVER: the other would have to be asked before
 * the first is late. */
usec hedge_delay(double late, double other, double left);

#endif
