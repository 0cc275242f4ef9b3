/* bench/sim/baseline_plain.c - what a load balancer offers: taking turns, the
 * fewest in flight, the cheapest first.
 *
 * As one runs HAProxy or nginx in front of such a fleet with care: a limit and
 * a queue per backend, health checks, three failures within ten seconds take a
 * backend out for ten, and a request that failed goes to another. */
#include <math.h>

#include "bench/sim/baseline.h"
#include "policies/price.h"

#define BALANCER                                                               \
	.slots = true, .waits = true, .probes = true, .panics = true,          \
	.retries = UINT32_MAX, .failures = 3, .window = 10 * USEC_SEC,         \
	.out_first = 10 * USEC_SEC, .out_most = 10 * USEC_SEC,                 \
	.block = USEC_SEC

#define OUTPUT_USUAL 256 /* tokens, to compare prices by */

/* The first of the set from the model's turn on. */
static uint32_t
next_turn(struct base *b, const struct base_order *o, const struct set *set)
{
	unsigned *turn = &b->turn[o->req->model - b->conf->models];
	uint32_t at = set_next(set, *turn);

	if (at == SET_END)
		at = set_next(set, 0);
	*turn = at + 1;
	return at;
}

static uint32_t
pick_turn(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	(void)now;
	return next_turn(b, o, set);
}

/* Those with the fewest take turns. */
static uint32_t
pick_least(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	unsigned least = UINT32_MAX;
	struct set fewest = { 0 };

	(void)now;
	SET_EACH (i, set) {
		unsigned n = base_site(b, o, i)->in_flight;

		if (n < least)
			fewest = (struct set){ 0 };
		if (n <= least) {
			least = n;
			set_add(&fewest, i);
		}
	}
	return next_turn(b, o, &fewest);
}

static uint32_t
pick_cheapest(
    struct base *b, const struct base_order *o, const struct set *set, usec now)
{
	double input = tokens_of_bytes(o->req->facts->prompt_bytes);
	double least = INFINITY;
	struct set cheapest = { 0 };

	(void)now;
	SET_EACH (i, set) {
		double usd = price_rank(price_expected(
		    &o->req->model->servings[i].price, input, OUTPUT_USUAL));

		if (usd < least)
			cheapest = (struct set){ 0 };
		if (usd <= least) {
			least = usd;
			set_add(&cheapest, i);
		}
	}
	return next_turn(b, o, &cheapest);
}

static const struct base_kind round_robin = { BALANCER, .pick = pick_turn };
static const struct base_kind least_connections = { BALANCER,
	.pick = pick_least };
static const struct base_kind static_priority = { BALANCER,
	.pick = pick_cheapest };

BASELINE(round_robin, "round-robin", "each backend in turn", round_robin);
BASELINE(least_connections, "least-connections",
    "the backend with the fewest in flight", least_connections);
BASELINE(static_priority, "static-priority",
    "the cheapest backend; the next one when it is full or fails",
    static_priority);
