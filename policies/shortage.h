/* policies/shortage.h - whether there is less than is asked for, and then what.
 *
 * Counted are those below premium who lose their SLO while they wait, as a share
 * of all below premium; both fade. Where more is asked for than there is, some
 * must miss, whatever is done. The most are met if those who take much are
 * left for last: the shortest job first (Smith, "Various optimizers for
 * single-stage production", Naval Research Logistics Quarterly 3, 1956), while
 * the earliest deadline first makes everybody late in turn (Locke, "Best-effort
 * decision-making for real-time scheduling", 1986). */
#ifndef POLICIES_SHORTAGE_H
#define POLICIES_SHORTAGE_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

/* All zeros to begin with. */
struct shortage {
	double asked, lost; /* requests, fading */
};

void shortage_asked(struct shortage *);
void shortage_lost(struct shortage *);
void shortage_fade(struct shortage *, usec span);
bool shortage_is(const struct shortage *);

/* When it is the turn of one that is due then, with so long a prompt: each token
 * counts as being due that much later. */
usec shortage_turn(usec due, double prompt);
/* The least chance to meet its SLO with which a request takes a place that
 * others wait for. */
#define SHORTAGE_CHANCE 0.3
/* Of its usual patience for a lower price: who waits longer then may find no
 * place at all. */
#define SHORTAGE_PATIENCE 0.1
/* What it costs premium to be where a full house would break its target, as a
 * multiple of the dearest price: it keeps others out of there, so that any other
 * place is better. */
#define SHORTAGE_HOUSE 1.2

#endif
