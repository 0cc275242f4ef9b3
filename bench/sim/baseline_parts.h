/* bench/sim/baseline_parts.h - what the files of the shared body give one
 * another: a backend's standing, and a plan. */
#ifndef BENCH_SIM_BASELINE_PARTS_H
#define BENCH_SIM_BASELINE_PARTS_H

#include "bench/sim/baseline.h"

enum base_standing {
	BASE_OFF, /* key, configuration: not by itself */
	BASE_OUT, /* its failures; usable in a panic */
	BASE_BLOCKED, /* over its rate */
	BASE_COLD,
	BASE_FULL, /* and the kind keeps to slots */
	BASE_FREE,
};
/* *until: when OUT or BLOCKED ends; USEC_NEVER: not by itself. */
enum base_standing base_stands(
    const struct base *, const struct base_site *, usec now, usec *until);

/* An attempt there failed, or went well. */
void base_failed(
    struct base *, struct base_site *, const struct fault *, usec now);
void base_well(const struct base *, struct base_site *);

/* PLAN_GO takes a place; PLAN_WAIT and PLAN_NO change nothing. */
void base_plan(struct base *, struct base_order *, usec now, struct plan *);

#endif
