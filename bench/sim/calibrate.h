/* bench/sim/calibrate.h - machines on which a gateway measures what it has
 * measured.
 *
 * A profile and its ratios are what a gateway makes of an engine, not the
 * engine. Where prompts of others are half read when a request comes, it finds
 * less per token and more per trip than there is; and of the spread of the
 * ratios a part is what its formula leaves out, which a machine that is played
 * has of its own. So the busiest minutes of the traffic are played first, with
 * the production router, as dense as it takes for requests to meet as many
 * others as they did. It measures the machines as the gateway measured the
 * backends, and they are put right by what it finds. That is indirect inference
 * (Gourieroux, Monfort and Renault, "Indirect inference", J. of Applied
 * Econometrics 1993), a few steps of it. */
#ifndef BENCH_SIM_CALIBRATE_H
#define BENCH_SIM_CALIBRATE_H

#include "bench/sim/scenario.h"

/* Changes the speeds of what was measured, and the machines. */
enum err calibrate(struct scenario *, struct errmsg *why) MUST_USE;

#endif
