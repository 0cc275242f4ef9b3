/* gateway/admin/vigil.h - whether a target is being missed, and since when.
 *
 * Fed with the counts of each second, and judged each step of five. When more
 * are missed than the target allows is told by a cumulative sum of the excess,
 * which also remembers when it began to grow: that is when the trouble did
 * (Page, "Continuous inspection schemes", Biometrika 41, 1954). It is over once
 * the last minute met the target again, or when nothing was asked for five
 * minutes. */
#ifndef GATEWAY_ADMIN_VIGIL_H
#define GATEWAY_ADMIN_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/lib/clock.h"

#define VIGIL_MINUTE 12 /* steps */

struct vigil_step {
	uint32_t requests, met, missed;
	float cost; /* USD */
};

/* All zeros is a good start. */
struct vigil {
	struct vigil_step ring[VIGIL_MINUTE]; /* by step modulo */
	double excess; /* missed beyond what the target allows, so far */
	double allowed; /* meanwhile */
	usec began; /* when it left zero */
	uint64_t last; /* the step of the last turn */
	unsigned silent; /* steps without a request */
	bool below;
};

/* What was met and missed since `from`. `target` is the share that is to meet
 * the SLO; 0: there is none. */
void vigil_note(
    struct vigil *, usec from, uint64_t met, uint64_t missed, double target);
/* Once for every step, in their order, after what was noted in it; in one that
 * is left out there was nothing. */
void vigil_turn(
    struct vigil *, uint64_t step, const struct vigil_step *, double target);
/* What the last minute came to. */
struct vigil_step vigil_minute(const struct vigil *);

#endif
