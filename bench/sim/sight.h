/* bench/sim/sight.h - whether an answer will be in time, to one who can see
 * what every machine does and how long every answer will be.
 *
 * Times are computed from the truth about the machine, as if its pace stayed
 * what it is with the newcomer; so they are nearly right, not exact. */
#ifndef BENCH_SIM_SIGHT_H
#define BENCH_SIM_SIGHT_H

#include "bench/sim/world.h"
#include "router/account.h"

#define SIGHT_SERVERS 256

struct sight_post {
	double prefill; /* prompt tokens a us that were sent there, fading */
	usec at;
};

/* All zeros to begin with. */
struct sight {
	struct sight_post post[SIGHT_SERVERS]; /* by server */
	/* what answers to such prompts were; NULL: every answer's length is
	 * known beforehand; borrowed */
	const struct account *lengths;
	usec ttft, itl; /* premium's targets; 0: none, or nobody came yet */
};

/* Tokens of its answer, as far as that is known. */
double sight_length(const struct sight *, const struct errand *);
/* Whether it would be in time there, with all who are at work and premium's
 * next, sent now. */
bool sight_will_do(
    const struct sight *, const struct server *, const struct errand *, usec);
/* The share of its rate limit's burst that is left; 1: it has none. */
double sight_calls(const struct server *, usec now);
/* It goes there. */
void sight_sent(struct sight *, const struct server *, double prompt, usec now);

#endif
