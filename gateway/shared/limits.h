/* gateway/shared/limits.h - limits that several gateways hold together.
 *
 * Each gateway decides by its own quotas, without asking anybody; what it has
 * taken of them is told to a Redis server at every tick, and what all have
 * taken comes back. So limits hold to within what one tick lets through, and a
 * request never waits for the server. Where it cannot be reached, each goes on
 * by itself. Main thread. */
#ifndef GATEWAY_SHARED_LIMITS_H
#define GATEWAY_SHARED_LIMITS_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/conf/conf.h"
#include "gateway/quota/quota.h"

struct shared_limits;

extern const char shared_limits_script[]; /* Lua */

struct shared_limits *shared_limits_new(uv_loop_t *, struct quotas *);
/* What was spent before counts as known to all: after budgets are restored. */
void shared_limits_configure(
    struct shared_limits *, const struct conf_shared_limits *);
void shared_limits_tick(struct shared_limits *, usec now);
/* Nothing is under way any more, and no news will follow: whether the last have
 * been heard. */
bool shared_limits_drained(struct shared_limits *);

struct shared_limits_stats {
	bool wanted, up;
	uint64_t told; /* news of quotas that were heard */
	uint64_t lost; /* that may not have been */
};
void shared_limits_stats(
    const struct shared_limits *, struct shared_limits_stats *);

/* Lets go of the loop; free it once that has ended. */
void shared_limits_stop(struct shared_limits *);
void shared_limits_free(struct shared_limits **);

#endif
