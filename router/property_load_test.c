/* router/property_load_test.c - more load, or less speed, never makes a backend
 * look better: random histories, many seeds. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"

#define HISTORIES 60
#define NEAR 0.005 /* buckets of the sketch */

#define PAIR                                                                   \
	CONF_OF(BACKEND("a",                                                   \
		    "hardware = \"gpu\"; slots = 40; " PRICE(                  \
			1, 1)) ", " BACKEND("b",                               \
		    "hardware = \"gpu\"; slots = 40; " PRICE(2, 2)),           \
	    MODEL("m", SERVING("a", "") ", " SERVING("b", "")))                \
	"slo = ( { name = \"chat\"; ttft = \"400ms\"; itl = \"30ms\"; } );\n"  \
	"default_slo = \"chat\";\n"

/* An answer of `a`, so long after it was asked. */
static void
answer(struct rig *g, usec ttft, usec itl, unsigned tokens)
{
	struct ask a = ask_for(g);

	a.req.pin = rig_backend(g, "a");
	assert_int_equal(ask_submit(g, &a), PLAN_GO);
	rig_pass(g, ttft + itl * tokens);
	ask_finish(g, &a, ttft, itl, tokens);
	rig_tick(g);
}

/* The same history, all of it so many times slower from the middle on. */
static void
history(struct rig *g, uint64_t seed, double factor)
{
	struct rng rng;
	double usual_ttft, usual_itl;

	rng_init(&rng, seed, 7);
	usual_ttft = 30e3 * exp(1.5 * rng_unit(&rng));
	usual_itl = 6e3 * exp(rng_unit(&rng));
	for (int i = 0; i < 60; i++) {
		double slower = i < 30 ? 1 : factor;
		double luck = exp(0.3 * rng_normal(&rng));
		unsigned tokens = 2 + rng_below(&rng, 60);

		answer(g, (usec)(slower * luck * usual_ttft),
		    (usec)(slower * luck * usual_itl), tokens);
	}
}

/* Of a request that would go to `a` now; it leaves no trace but its place. */
static double
chance(struct rig *g, struct ask *a)
{
	*a = ask_for(g);
	a->req.pin = rig_backend(g, "a");
	assert_int_equal(ask_submit(g, a), PLAN_GO);
	assert_true(a->plan.confidence >= 0);
	return a->plan.confidence;
}

static void
each_request_more_leaves_the_next_one_less_of_a_chance(void **state)
{
	double first = 0, last = 0;

	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		struct rig g;
		struct ask a[30];
		double before = 1;

		rig_init(&g, PAIR);
		history(&g, seed, 1);
		for (int i = 0; i < 30; i++) {
			double now = chance(&g, &a[i]);

			assert_true(now <= before + 1e-6);
			before = now;
			first += i == 0 ? now : 0;
		}
		last += before;
		rig_fini(&g);
	}
	assert_true(last < first - 1); /* it does fall */
}

static void
whoever_was_slower_has_less_of_a_chance(void **state)
{
	double most = 0;

	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		static const double slower[] = { 1, 1.3, 2, 4 };
		double before = 1;

		for (unsigned i = 0; i < COUNT(slower); i++) {
			struct rig g;
			struct ask a;
			double now;

			rig_init(&g, PAIR);
			history(&g, seed, slower[i]);
			now = chance(&g, &a);
			assert_true(now <= before + NEAR);
			most = fmax(most, before - now);
			before = now;
			rig_fini(&g);
		}
	}
	assert_true(most > 0.5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_request_more_leaves_the_next_one_less_of_a_chance),
		cmocka_unit_test(whoever_was_slower_has_less_of_a_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
