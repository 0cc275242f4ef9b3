/* bench/sim/fleet.h - a scenario's fleet: the truth, and what is told of it. */
#ifndef BENCH_SIM_FLEET_H
#define BENCH_SIM_FLEET_H

#include "bench/sim/scenario.h"

/* Loads s->fleet_path twice, and fills s->truth from its profiles and, where
 * they say nothing, from what is usual for such hardware. */
enum err fleet_load(struct scenario *, struct errmsg *why) MUST_USE;
/* Makes what is told wrong, by the seed; what was measured stays as the
 * configuration has it. */
void fleet_settle(struct scenario *);
/* That is told as it is: a gateway has learnt it. */
void fleet_tell(struct scenario *);

#endif
