/* policies/shortage.h - whether there is less than is asked for, and then what.
 *
 * Counted are those below premium who lose their SLO while they wait, as a
 * share of all below premium; both fade. Where more is asked for than there is,
 * some must miss, whatever is done. The most are met if those who take much are
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
	double work; /* of those asked (policies/fairness.h) */
};

void shortage_asked(struct shortage *, double work);
void shortage_lost(struct shortage *);
void shortage_fade(struct shortage *, usec span);
bool shortage_is(const struct shortage *);
/* The same of premium alone, which may be in want of what the others do not
 * need; a few misses are not that: its targets are tight. */
bool shortage_is_dire(const struct shortage *);

/* When it is the turn of one that is due then and takes so much work: each
 * token counts as being due that much later. */
usec shortage_turn(usec due, double work);
/* Whether that is more than the mean. Calls of a rate limit are for those: a
 * call is a call, however much work it takes off the others. */
bool shortage_is_much(const struct shortage *, double work);
/* The least chance to meet its SLO with which a request takes a place that
 * others wait for. */
#define SHORTAGE_CHANCE 0.3
/* Of its usual patience for a lower price: who waits longer then may find no
 * place at all. */
#define SHORTAGE_PATIENCE 0.1
/* Of the pace of the last in the queue: those who come back find others who
 * take less before them. */
#define SHORTAGE_RETURN 0.5
/* What a call of a rate limit costs premium that takes little, as a multiple of
 * the dearest price. */
#define SHORTAGE_CALL 1.0
/* The share of a rate limit's burst that all below premium leave it. */
#define SHORTAGE_RESERVE 0.45
/* The share of the tightest ITL target at work that the others there may fill
 * up; and how likely premium's next first token has to stay in time. */
#define SHORTAGE_FILL 0.91
#define SHORTAGE_FIRST 0.8

#endif
