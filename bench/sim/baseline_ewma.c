/* bench/sim/baseline_ewma.c - two choices, compared by Peak-EWMA.
 *
 * After Finagle's P2C balancer with the PeakEwma load metric: a cost that
 * jumps up to each latency above it and decays towards those below with a time
 * constant of 10 s, times what is pending and one; a node that has pending
 * requests but no latency yet is as good as infinite. As there, a latency is
 * that of the whole exchange; five failures in a row take a node out for 5 s,
 * doubling to 300. Slots are kept to, as a pool of connections would. */
#include <math.h>

#include "bench/sim/baseline.h"

#define DECAY ((double)(10 * USEC_SEC))
#define PENALTY ((double)(INT64_MAX >> 16) / 1000.0) /* there, in ns */

struct ewma {
	double cost; /* us */
	usec stamp;
};

static void
observe(struct ewma *e, double rtt, usec now)
{
	double w = exp(-(double)(now - e->stamp) / DECAY);

	e->stamp = now;
	e->cost = rtt > e->cost ? rtt : e->cost * w + rtt * (1 - w);
}

static double
load_of(struct base_site *s, usec now)
{
	struct ewma *e = s->own;

	observe(e, 0, now);
	if (e->cost == 0 && s->in_flight > 0)
		return PENALTY + s->in_flight;
	return e->cost * (s->in_flight + 1);
}

static uint32_t
pick(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	struct set others = *set;
	uint32_t n = set_count(set);
	uint32_t one = set_nth(set, rng_below(&b->rng, n)), two;

	if (n == 1)
		return one;
	set_drop(&others, one);
	two = set_nth(&others, rng_below(&b->rng, n - 1));
	return load_of(base_site(b, o, two), now) <
		load_of(base_site(b, o, one), now)
	    ? two
	    : one;
}

static void
ended(struct base_site *s, const struct base_order *o,
    const struct route_result *r, enum fault_kind fault, usec now)
{
	(void)r;
	(void)fault;
	observe(s->own, (double)(now - o->sent), now);
}

static const struct base_kind p2c_ewma = {
	.slots = true,
	.waits = true,
	.panics = true,
	.retries = UINT32_MAX,
	.failures = 5,
	.out_first = 5 * USEC_SEC,
	.out_most = 300 * USEC_SEC,
	.block = USEC_SEC,
	.site_size = sizeof(struct ewma),
	.pick = pick,
	.ended = ended,
};

BASELINE(p2c_ewma, "p2c-ewma", "the better of two by Peak-EWMA and pending",
    p2c_ewma);
