/* policies/fairness_test.c - whose turn it is among tenants. */
#include "gateway/conf/testing.h"

#include "policies/fairness.h"

static void
a_token_of_the_answer_counts_for_more_than_one_of_the_prompt(void **state)
{
	assert_true(fair_cost(0, 1) > fair_cost(1, 0));
	assert_true(fair_cost(1, 0) > 0);
	assert_true(fair_cost(300, 20) > fair_cost(200, 20));
}

static void
silence_saves_nothing_up(void **state)
{
	assert_true(fair_lift(100, 5000) >= 5000);
}

static void
who_was_served_most_is_not_forgiven(void **state)
{
	assert_true(fair_lift(9000, 5000) >= 9000);
}

/* Two that always have something waiting, one of them with answers ten times
 * as long: what they are served never differs by more than one request. */
static void
turns_even_out_what_is_served(void **state)
{
	double served[2] = { 0 },
	       cost[2] = { fair_cost(100, 50), fair_cost(100, 500) };

	for (int i = 0; i < 1000; i++) {
		int turn = served[1] < served[0];
		double gap;

		served[turn] += cost[turn];
		gap = served[0] - served[1];
		assert_true(gap <= cost[0] && -gap <= cost[1]);
	}
}

/* Scaling is exact: nobody passes, or comes level with, anybody. */
static void
what_was_served_a_minute_ago_counts_half(void **state)
{
	double weight = 1, old = 3, late, scale;

	assert_true(fair_scale(weight) >= 1);
	weight = fair_weight(weight, FAIR_HALF_LIFE);
	assert_true(fabs(weight - 2) < 1e-9);
	for (int i = 0; i < 60; i++)
		weight = fair_weight(weight, FAIR_HALF_LIFE);
	late = weight * 3;
	scale = fair_scale(weight);
	assert_true(scale < 1);
	assert_true(late * scale / scale - late == 0);
	assert_true(old * scale > 0 && old * scale < late * scale);
	assert_true(fair_scale(weight * scale) >= 1);
	assert_true(isfinite(fair_weight(1, 1e18)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_token_of_the_answer_counts_for_more_than_one_of_the_prompt),
		cmocka_unit_test(silence_saves_nothing_up),
		cmocka_unit_test(who_was_served_most_is_not_forgiven),
		cmocka_unit_test(turns_even_out_what_is_served),
		cmocka_unit_test(what_was_served_a_minute_ago_counts_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
