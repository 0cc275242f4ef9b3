/* bench/sim/relax_test.c - bounds against every possibility, tried out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>

#include "bench/sim/relax.h"
#include "gateway/lib/rng.h"

#include <cmocka.h>

#define REQUESTS 7
#define CHOICES 3
#define RESOURCES 3
#define SLACK 1e-6

struct tiny {
	struct relax p;
	double cost[REQUESTS][CHOICES], use[REQUESTS][CHOICES];
	unsigned class[REQUESTS];
};

static void
tiny_init(struct tiny *t, uint64_t seed)
{
	struct rng r;

	*t = (struct tiny){ 0 };
	rng_init(&r, seed, 1);
	for (unsigned j = 0; j < RESOURCES; j++)
		relax_resource(&t->p, 0.5 + 3 * rng_unit(&r));
	for (unsigned i = 0; i < REQUESTS; i++) {
		t->class[i] = rng_below(&r, RELAX_CLASSES);
		relax_request(&t->p, t->class[i]);
		for (unsigned c = 0; c < CHOICES; c++) {
			t->cost[i][c] = 0.1 + 5 * rng_unit(&r);
			t->use[i][c] = 0.1 + rng_unit(&r);
			relax_choice(&t->p, t->cost[i][c]);
			relax_use(&t->p, c, t->use[i][c]);
		}
	}
	assert_false(t->p.failed);
}

/* What one of all the ways to choose comes to; false: it does not fit. */
struct way {
	double cost, met[RELAX_CLASSES];
};

static bool
way_of(const struct tiny *t, unsigned code, struct way *w)
{
	double used[RESOURCES] = { 0 };

	*w = (struct way){ 0 };
	for (unsigned i = 0; i < REQUESTS; i++, code /= CHOICES + 1) {
		unsigned c = code % (CHOICES + 1);

		if (c == CHOICES)
			continue;
		w->cost += t->cost[i][c];
		w->met[t->class[i]]++;
		used[c] += t->use[i][c];
	}
	for (unsigned j = 0; j < RESOURCES; j++)
		if (used[j] > t->p.capacity[j])
			return false;
	return true;
}

#define WAYS (1u << (2 * REQUESTS)) /* (CHOICES + 1) to the REQUESTS */

/* -INFINITY: no way meets the floors. */
static double
best_met(const struct tiny *t, const struct relax_terms *terms)
{
	double best = -INFINITY;
	struct way w;

	for (unsigned code = 0; code < WAYS; code++)
		if (way_of(t, code, &w) && w.cost <= terms->budget &&
		    w.met[0] >= terms->floor[0] &&
		    w.met[1] >= terms->floor[1] && w.met[2] >= terms->floor[2])
			best = fmax(best, w.met[0] + w.met[1] + w.met[2]);
	return best;
}

static double
best_cost(const struct tiny *t, const double need[RELAX_CLASSES])
{
	double best = INFINITY;
	struct way w;

	for (unsigned code = 0; code < WAYS; code++)
		if (way_of(t, code, &w) && w.met[0] >= need[0] &&
		    w.met[1] >= need[1] && w.met[2] >= need[2])
			best = fmin(best, w.cost);
	return best;
}

static const double all[RELAX_CLASSES] = { 1, 1, 1 };

static void
most_is_never_below_what_can_be_met(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		static const double budgets[] = { 1, 4, 10, INFINITY };
		struct tiny t;

		tiny_init(&t, seed);
		for (unsigned i = 0; i < 4; i++) {
			struct relax_terms terms = { .budget = budgets[i] };
			double bound = relax_most(&t.p, all, &terms, 400);
			double best = best_met(&t, &terms);

			assert_true(bound >= best - SLACK);
			/* and is of use: fractions add one a constraint */
			assert_true(bound <= best + RESOURCES + 1.5);
			assert_true(bound <= REQUESTS + SLACK);
		}
		relax_fini(&t.p);
	}
}

/* Floors make it no looser than it is without, and never too tight; those
 * that nobody can meet are found out where they are far off. */
static void
floors_are_kept(void **state)
{
	static const struct relax_terms terms[] = {
		{ 4, { 1, 0, 0 } },
		{ 6, { 2, 1, 0 } },
		{ INFINITY, { 0, 2, 2 } },
		{ 0.5, { 2, 2, 2 } },
	};
	unsigned tighter = 0, impossible = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct tiny t;

		tiny_init(&t, seed);
		for (unsigned i = 0; i < 4; i++) {
			struct relax_terms bare = { .budget = terms[i].budget };
			double bound = relax_most(&t.p, all, &terms[i], 800);
			double best = best_met(&t, &terms[i]);

			assert_true(bound >= best - SLACK);
			tighter +=
			    bound < relax_most(&t.p, all, &bare, 800) - 0.1;
			if (bound > -INFINITY)
				continue;
			impossible++;
			assert_true(best == -INFINITY);
		}
		relax_fini(&t.p);
	}
	assert_true(tighter >= 12);
	assert_true(impossible >= 12);
}

static void
least_is_never_above_what_it_costs(void **state)
{
	unsigned reachable = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		static const double needs[][RELAX_CLASSES] = { { 1, 0, 0 },
			{ 1, 1, 1 }, { 0, 2, 1 }, { 2, 2, 2 } };
		struct tiny t;

		tiny_init(&t, seed);
		for (unsigned i = 0; i < 4; i++) {
			double bound = relax_least(&t.p, needs[i], 800);
			double best = best_cost(&t, needs[i]);

			assert_true(bound <= best + SLACK);
			if (best == INFINITY)
				continue;
			reachable++;
			assert_true(bound >= 0.3 * best - SLACK);
		}
		relax_fini(&t.p);
	}
	assert_in_range(reachable, 12, 48);
}

/* Weak duality at whatever multipliers, not only at good ones. */
static void
any_multipliers_bound(void **state)
{
	struct rng r;

	rng_init(&r, 5, 5);
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct tiny t;
		struct relax_dual d;
		struct relax_terms terms = { .budget = 6,
			.floor = { 1, 0, 1 } };
		double best;

		tiny_init(&t, seed);
		best = best_met(&t, &terms);
		assert_int_equal(relax_dual_init(&d, &t.p), OK);
		for (unsigned i = 0; i < 200; i++) {
			double bound;

			d.money = rng_unit(&r) * rng_unit(&r);
			bound = d.money * terms.budget;
			for (unsigned k = 0; k < RELAX_CLASSES; k++) {
				double extra =
				    terms.floor[k] > 0 ? 3 * rng_unit(&r) : 0;

				d.value[k] = 1 + extra;
				bound -= extra * terms.floor[k];
			}
			for (unsigned j = 0; j < RESOURCES; j++) {
				d.price[j] = 2 * rng_unit(&r) * rng_unit(&r);
				bound += d.price[j] * t.p.capacity[j];
			}
			relax_evaluate(&t.p, &d);
			assert_true(bound + d.gain >= best - SLACK);
		}
		relax_dual_fini(&d);
		relax_fini(&t.p);
	}
}

/* A thousand of one kind: rounding is gone, and the bound is the optimum. */
static void
it_is_close_where_the_optimum_is_known(void **state)
{
	struct relax p = { 0 };
	double need[RELAX_CLASSES] = { 800, 0, 0 };
	struct relax_terms terms = { .budget = INFINITY };
	uint32_t cheap, dear;

	cheap = relax_resource(&p, 600);
	dear = relax_resource(&p, 300);
	for (unsigned i = 0; i < 1000; i++) {
		relax_request(&p, 0);
		relax_choice(&p, 1);
		relax_use(&p, cheap, 1);
		relax_choice(&p, 5);
		relax_use(&p, dear, 1);
	}
	assert_float_equal(relax_most(&p, all, &terms, 2000), 900, 9);
	/* 600 for 600, then 80 for 400 */
	terms.budget = 1000;
	assert_float_equal(relax_most(&p, all, &terms, 2000), 680, 7);
	assert_float_equal(relax_least(&p, need, 2000), 1600, 16);
	need[0] = 950;
	assert_true(relax_least(&p, need, 4000) > 2100);
	relax_fini(&p);
}

/* Those whose floor it is use ten times as much of what is short. */
static void
a_floor_costs_what_it_takes(void **state)
{
	struct relax p = { 0 };
	struct relax_terms terms = { .budget = INFINITY };
	uint32_t place;

	place = relax_resource(&p, 1000);
	for (unsigned i = 0; i < 2000; i++) {
		relax_request(&p, i % 2);
		relax_choice(&p, 1);
		relax_use(&p, place, i % 2 ? 1 : 10);
	}
	assert_float_equal(relax_most(&p, all, &terms, 2000), 1000, 10);
	/* 50 of them take half */
	terms.floor[0] = 50;
	assert_float_equal(relax_most(&p, all, &terms, 2000), 550, 10);
	terms.floor[0] = 150;
	assert_true(relax_most(&p, all, &terms, 4000) == -INFINITY);
	relax_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_is_never_below_what_can_be_met),
		cmocka_unit_test(floors_are_kept),
		cmocka_unit_test(least_is_never_above_what_it_costs),
		cmocka_unit_test(any_multipliers_bound),
		cmocka_unit_test(it_is_close_where_the_optimum_is_known),
		cmocka_unit_test(a_floor_costs_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
