/* bench/sim/bound_world.h - the bound of a scenario. */
#ifndef BENCH_SIM_BOUND_WORLD_H
#define BENCH_SIM_BOUND_WORLD_H

#include "bench/sim/bound_report.h"
#include "bench/sim/scenario.h"

/* Adds one JSON object, or a table, to *out. */
enum err bound_scenario(const struct scenario *, const struct bound_terms *,
    bool json, struct buf *out, struct errmsg *why) MUST_USE;

#endif
