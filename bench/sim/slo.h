/* bench/sim/slo.h - the production router as a pilot; a look inside, for
 * tests. */
#ifndef BENCH_SIM_SLO_H
#define BENCH_SIM_SLO_H

#include "bench/sim/pilot.h"

extern const struct pilot_ops pilot_slo;
const struct router *slo_router(const void *self);

#endif
