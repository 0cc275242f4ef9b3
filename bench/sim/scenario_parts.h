/* bench/sim/scenario_parts.h - a scenario being read; private to it. */
#ifndef BENCH_SIM_SCENARIO_PARTS_H
#define BENCH_SIM_SCENARIO_PARTS_H

#include <libconfig.h>

#include "bench/sim/scenario.h"

struct reading {
	struct scenario *s;
	const char *path;
	bool foreign; /* the fleet is not the scenario's own */
	struct buf *notes;
	struct errmsg *why;
};

/* Of a scenario whose fleet is loaded. */
enum err read_traffic(struct reading *, const config_setting_t *) MUST_USE;
enum err read_backends(struct reading *, const config_setting_t *top) MUST_USE;
enum err read_incidents(struct reading *, const config_setting_t *top) MUST_USE;

#endif
