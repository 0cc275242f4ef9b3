/* policies/admit.h - how much of a backend each priority may fill.
 *
 * Where higher priorities are at work, lower ones leave room: slots, and what
 * is left of a rate limit. Fixed shares: they do not oscillate. */
#ifndef POLICIES_ADMIT_H
#define POLICIES_ADMIT_H

#include "gateway/lib/inference.h"

/* The share of slots that may be at work when one more comes. `shared`:
 * somebody with a tighter target is there. */
double admit_ceiling(enum priority, bool shared);
/* The share of a rate limit's burst that must be left after it. */
double admit_reserve(enum priority);
/* The chance that the tightest target at work there is still met; below it,
 * the newcomer keeps out. */
double admit_courtesy(enum priority);
/* The same while premium has nowhere else to go: the more, the more of its
 * requests have missed their SLO of late. Starts with admit_courtesy(). */
double admit_courtesy_after(double courtesy, const struct slo *, bool met);
/* What premium's next request from a rate limit is worth to those of premium
 * who come later, as a share of what a miss is worth; `left` of the burst
 * is. */
double admit_call(double left);
/* Whether it has waited for so great a share of its tightest target that, if it
 * would still meet that, no more than admit_courtesy() is asked of it. */
bool admit_is_due(double waited);
/* The most that a request below premium may make higher ones likely to lose (a
 * toll, router/stake.h), USD: a share of what its own miss is worth. */
double admit_toll(double worth, double penalty);
/* How long a request may wait for better, as a share of its tightest target:
 * after that it takes what there is. */
double admit_patience(enum priority);

#endif
