/* bench/sim/pilot.h - a router under test.
 *
 * The calls are those of router/router.h, and mean the same: the production
 * router is one pilot (slo.c), thin as can be; the others are what one would
 * use instead (a file or a row each). The world (world.h) plays the workers,
 * the backends and the clients, and knows nothing of how a pilot decides.
 * `now` is virtual. */
#ifndef BENCH_SIM_PILOT_H
#define BENCH_SIM_PILOT_H

#include "router/router.h"

#define PINNED_TABLE "pinned" /* found as a scenario is */

struct pilot_setup {
	struct conf *conf; /* what the operator would have written; profiles in
			      it are first estimates, not the truth */
	uint64_t seed;
	const char *pinned_table; /* class-pinned: the file; NULL: the
				     committed one, PINNED_TABLE */
};

struct pilot_ops {
	const char *name, *summary;
	/* NULL: without memory, or *why says what is wrong. */
	void *(*create)(const struct pilot_setup *, struct errmsg *why);
	void (*destroy)(void *);
	void (*submit)(void *, const struct route_request *, usec now,
	    struct ticket *, struct plan *);
	bool (*next)(
	    void *, usec now, void **owner, struct ticket *, struct plan *);
	void (*retry)(void *, struct ticket, const struct fault *, usec now,
	    struct plan *);
	void (*hedge)(void *, struct ticket, usec now, struct ticket *second,
	    struct plan *);
	void (*cancel)(void *, struct ticket, usec now);
	void (*first_token)(void *, struct ticket, usec now, usec ttft);
	void (*progress)(
	    void *, struct ticket, usec now, unsigned tokens, usec span);
	void (*finished)(
	    void *, struct ticket, const struct route_result *, usec now);
	void (*load)(void *, uint32_t backend, const struct load *,
	    const struct fault *, usec now);
	/* NULL: it reads no such headers. */
	void (*limits)(void *, uint32_t serving, const struct load *, usec now);
	void (*tick)(void *, usec now); /* every 100 ms */
	/* A question of its own, until there is none; NULL: it asks none. */
	bool (*probe)(void *, usec now, struct route_request *, struct ticket *,
	    struct plan *);
};

/* NULL-terminated, in the order of tables; NULL: no such pilot. */
extern const struct pilot_ops *const pilots[];
const struct pilot_ops *pilot_find(const char *name);

#endif
