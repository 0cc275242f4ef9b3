/* policies/confidence.h - what a probable miss is worth.
 *
 * "p95 <= x" is a promise about a population of requests, not about each. So a
 * request goes where price + penalty * P(miss) is least: a dear backend for
 * those that need it, a doubtful cheap one where that saves much. The penalty
 * calibrates itself: it rises with each miss and falls, by less, with each
 * request that met its SLO, so that most of the misses that the SLO allows are
 * used up. It is the multiplier of the constraint "misses <= allowed", found by
 * dual ascent on the outcomes, as in Gibbs and Candes, "Adaptive conformal
 * inference under distribution shift", NeurIPS 2021, and Balseiro, Lu and
 * Mirrokni, "Dual mirror descent for online allocation problems", ICML 2020. */
#ifndef POLICIES_CONFIDENCE_H
#define POLICIES_CONFIDENCE_H

#include <stdbool.h>

#include "gateway/lib/inference.h"

/* The least P(SLO met) that is adequate, whatever the price. */
double confidence_required(const struct slo *);

/* The penalty, as a multiple of what the request would cost at the dearest. */
#define PENALTY_START 6.0
double penalty_after(double penalty, const struct slo *, bool met);

/* Where forecasts are too fearful, or not enough, for a class at a serving: how
 * often it missed there against how often it was said to. The odds of a miss
 * are as many times those foreseen; 0: nothing is known yet. They follow the
 * outcomes by a gradient of the log loss, which is Platt's scaling with the
 * shift alone, online (Platt, "Probabilistic outputs for support vector
 * machines", 1999). `chance` is one with these odds in it; -1: none. */
double chance_in_odds(double chance, double odds);
double odds_after(double odds, double chance, bool met);

#endif
