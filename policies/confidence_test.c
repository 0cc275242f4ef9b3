/* policies/confidence_test.c - what a probable miss is worth. */
#include <math.h>

#include "gateway/conf/testing.h"

#include "policies/confidence.h"

static const struct slo p99 = { .percentile = 99 }, p90 = { .percentile = 90 };

/* After so many requests of which that share missed, evenly spread. */
static double
after(double penalty, const struct slo *slo, unsigned n, double missed)
{
	double due = 0;

	for (unsigned i = 0; i < n; i++) {
		bool miss = (due += missed) >= 1;

		due -= miss ? 1 : 0;
		penalty = penalty_after(penalty, slo, !miss);
	}
	return penalty;
}

static void
a_higher_percentile_asks_for_more(void **state)
{
	assert_true(confidence_required(&p99) > confidence_required(&p90));
	/* a promise about many is not one about each */
	assert_true(confidence_required(&p99) < 0.99);
	assert_true(confidence_required(&p90) >= 0.5);
}

static void
a_miss_raises_it_more_than_a_hit_lowers_it(void **state)
{
	double met = penalty_after(PENALTY_START, &p90, true);
	double missed = penalty_after(PENALTY_START, &p90, false);

	assert_true(missed > PENALTY_START && met < PENALTY_START);
	assert_true(missed - PENALTY_START > 5 * (PENALTY_START - met));
}

static void
a_miss_weighs_more_where_fewer_are_allowed(void **state)
{
	assert_true(penalty_after(PENALTY_START, &p99, false) >
	    penalty_after(PENALTY_START, &p90, false));
}

static void
it_rises_while_too_many_miss_and_falls_while_too_few_do(void **state)
{
	assert_true(after(PENALTY_START, &p90, 1000, 0.10) > PENALTY_START);
	assert_true(after(PENALTY_START, &p90, 200, 0.20) >
	    after(PENALTY_START, &p90, 200, 0.10));
	assert_true(after(PENALTY_START, &p90, 1000, 0.02) < PENALTY_START);
}

static void
it_stays_within_reason(void **state)
{
	double most = after(PENALTY_START, &p99, 10000, 1);
	double least = after(PENALTY_START, &p90, 100000, 0);

	assert_true(most > PENALTY_START && most < 1e6);
	assert_true(least > 0 && least < PENALTY_START);
	/* and comes back from either end */
	assert_true(after(most, &p90, 5000, 0) < most / 2);
	assert_true(after(least, &p90, 5000, 0.5) > 2 * least);
}

/* The odds that come of so many requests that were all given that chance. */
static double
odds_of(double chance, unsigned n, double missed)
{
	double odds = 0, due = 0;

	for (unsigned i = 0; i < n; i++) {
		bool miss = (due += missed) >= 1;

		due -= miss ? 1 : 0;
		odds = odds_after(odds, chance_in_odds(chance, odds), !miss);
	}
	return odds;
}

static void
a_forecast_that_is_off_comes_right(void **state)
{
	const double chance[] = { 0.6, 0.8, 0.95 };
	const double missed[] = { 0.15, 0.25, 0.1 };

	for (unsigned i = 0; i < 3; i++) {
		double odds = odds_of(chance[i], 2000, missed[i]);
		double now = chance_in_odds(chance[i], odds);

		assert_true(fabs(1 - missed[i] - now) < 0.03);
	}
}

static void
a_forecast_that_is_right_is_left_alone(void **state)
{
	assert_true(fabs(odds_of(0.9, 2000, 0.1) - 1) < 0.2);
	assert_true(chance_in_odds(0.7, 0) >= 0.7);
	assert_true(odds_after(0.5, -1, false) <= 0.5); /* nothing foreseen */
}

static void
odds_keep_order_and_certainty(void **state)
{
	assert_true(chance_in_odds(0, 0.1) <= 0);
	assert_true(chance_in_odds(1, 4) >= 1);
	assert_true(chance_in_odds(-1, 4) < 0);
	for (double p = 0.1; p < 0.9; p += 0.1)
		assert_true(chance_in_odds(p, 3) < chance_in_odds(p + 0.1, 3));
	/* no run of luck makes it blind */
	assert_true(chance_in_odds(0.05, odds_of(0.5, 100000, 0)) < 0.5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_higher_percentile_asks_for_more),
		cmocka_unit_test(a_miss_raises_it_more_than_a_hit_lowers_it),
		cmocka_unit_test(a_miss_weighs_more_where_fewer_are_allowed),
		cmocka_unit_test(
		    it_rises_while_too_many_miss_and_falls_while_too_few_do),
		cmocka_unit_test(it_stays_within_reason),
		cmocka_unit_test(a_forecast_that_is_off_comes_right),
		cmocka_unit_test(a_forecast_that_is_right_is_left_alone),
		cmocka_unit_test(odds_keep_order_and_certainty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
