/* gateway/admin/vigil.c - whether a target is being missed, and since when. */
#include "gateway/admin/vigil.h"

#include <math.h>

#define EXCESS_LEAST 2.5 /* a miss or two are no trouble yet */
#define SIGMAS 4 /* nor is what luck explains */
#define ROUNDING 1e-9
#define SILENT_STEPS 60 /* five minutes */

struct vigil_step
vigil_minute(const struct vigil *v)
{
	struct vigil_step sum = { .requests = 0 };

	for (unsigned i = 0; i < VIGIL_MINUTE; i++) {
		sum.requests += v->ring[i].requests;
		sum.met += v->ring[i].met;
		sum.missed += v->ring[i].missed;
		sum.cost += v->ring[i].cost;
	}
	return sum;
}

static void
forget(struct vigil *v)
{
	v->excess = v->allowed = 0;
	v->below = false;
}

/* What is allowed is a mean: that much more than it is a matter of luck. */
static bool
is_excessive(const struct vigil *v)
{
	return v->excess >= EXCESS_LEAST &&
	    v->excess > SIGMAS * sqrt(v->allowed);
}

void
vigil_note(
    struct vigil *v, usec from, uint64_t met, uint64_t missed, double target)
{
	double allowed = (1 - target) * (double)(met + missed);

	if (target <= 0 || met + missed == 0)
		return;
	if (v->excess <= 0 && !v->below) {
		v->began = from;
		v->allowed = 0;
	}
	v->allowed += allowed;
	v->excess += (double)missed - allowed;
	if (v->excess < 0 && !v->below)
		v->excess = 0;
}

static void
put(struct vigil *v, uint64_t step, const struct vigil_step *s)
{
	static const struct vigil_step none;

	for (uint64_t i = 1; i <= VIGIL_MINUTE && v->last + i < step; i++)
		v->ring[(v->last + i) % VIGIL_MINUTE] = none;
	v->ring[step % VIGIL_MINUTE] = *s;
	v->last = step;
}

void
vigil_turn(
    struct vigil *v, uint64_t step, const struct vigil_step *s, double target)
{
	uint32_t judged = s->met + s->missed;
	struct vigil_step minute;
	bool meets;

	put(v, step, s);
	v->silent = judged > 0 ? 0 : v->silent + 1;
	if (target <= 0 || v->silent >= SILENT_STEPS) {
		forget(v);
		return;
	}
	minute = vigil_minute(v);
	meets = minute.missed <=
	    (1 - target) * (minute.met + minute.missed) + ROUNDING;
	if (v->below && meets && judged > 0)
		forget(v);
	else if (!v->below && !meets)
		v->below = is_excessive(v);
}
