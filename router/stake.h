/* router/stake.h - what is at stake at a backend: what it would cost if those
 * at work there missed their SLO.
 *
 * Who comes slows down all who are there, and keeps those waiting who come
 * while its prompt is read. As a toll for that, a request of a lower priority
 * is charged, in its score, what it makes the higher ones likely to lose; so it
 * goes where it harms little, and pools that are alike come to serve different
 * classes. That is a congestion toll: Pigou, "The Economics of Welfare", 1920;
 * Vickrey, "Congestion theory and transport investment", American Economic
 * Review 59, 1969. */
#ifndef ROUTER_STAKE_H
#define ROUTER_STAKE_H

#include "gateway/lib/clock.h"

/* Of one priority at one backend; all zeros to begin with. */
struct stake {
	/* of those with an ITL target: what the miss of each is worth, USD */
	double at_work;
	double usual; /* the same, in the mean of the last seconds */
	/* of those with a TTFT target */
	double coming; /* USD a us: the worth of those who come, of late */
	double tokens; /* of their prompts, fading mean */
	usec ttft, itl; /* of the last who came with such a target; 0: none */
	/* of those with an ITL target, both of late */
	double came; /* how many */
	double displaced; /* USD that others pay more for keeping away */
};

/* One with that prompt and those targets (0: none) comes, and goes. */
void stake_enter(
    struct stake *, double worth, double tokens, usec ttft, usec itl);
void stake_leave(struct stake *, double worth, usec itl);
/* Somebody of a lower priority went where it costs so much more, USD, to keep
 * away from those at work; and what each who came has cost the others so. */
void stake_displace(struct stake *, double more);
double stake_displaced(const struct stake *);
/* Time passes. */
void stake_fade(struct stake *, usec span);

#endif
