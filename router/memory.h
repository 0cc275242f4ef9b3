/* router/memory.h - what is remembered of one of a serving's times.
 *
 * Ratios of actual to predicted, in two histograms: one forgets half in 10 s,
 * the other in 300 s. Beside them an alarm: a cumulative sum (Page, "Continuous
 * inspection schemes", Biometrika 1954) of how often a ratio is beyond what is
 * habitual. Those that are late at the moment, and have not come yet, count
 * towards it as if they had, but only as long as they are late. */
#ifndef ROUTER_MEMORY_H
#define ROUTER_MEMORY_H

#include <stdint.h>

#include "router/learn.h"
#include "router/ratio.h"

#define MEMORY_HALF_LIFE_SLOW (300 * (double)USEC_SEC)

/* All zeros is empty. */
struct memory {
	struct ratios fast, slow;
	struct ratios late; /* since the last forecast */
	double habit; /* ratios beyond it are unusual; 0: not known yet */
	double sum; /* of unusual ones, less the usual ones */
	double silent; /* of that, what those who waited in vain added */
	unsigned late_unusual; /* as late */
	double vain; /* the least that was given up since less sufficed; 0 */
	uint64_t taken; /* ratios, late ones apart */
};

/* `own`: the part of the ratio that is the serving's own doing. */
void memory_take(struct memory *, double ratio, double own, enum sample_kind);
/* It was their own doing. */
void memory_forgive(struct memory *);
/* One that nobody heard from has answered with that ratio: where nobody had
 * waited for so little it was out, and what was given up meanwhile says nothing
 * of how long it takes. */
void memory_hear(struct memory *, double ratio);
void memory_scale(struct memory *, double factor); /* all ratios */
void memory_fade(struct memory *, double span); /* us */
/* For reading. What was late is then forgotten. */
void memory_mix(struct memory *, const struct spread *prior, bool ailing,
    struct spread *out);
/* What it is used to, from what it remembers. */
void memory_note_habit(struct memory *);

bool memory_is_alarmed(const struct memory *); /* far beyond its habit */
bool memory_is_at_rest(const struct memory *); /* quite usual again */
bool memory_is_usual(const struct memory *, double ratio); /* when well */
/* It has begun to ail, or is well again: what is remembered of the other state
 * is dropped. */
void memory_ail(struct memory *);
void memory_heal(struct memory *);
/* It has ailed for so long that this is how it is. */
void memory_accept(struct memory *);

/* What the slow histogram has, for others. */
void memory_tell(const struct memory *, struct measured_times *);

#endif
