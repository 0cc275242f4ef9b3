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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_token_of_the_answer_counts_for_more_than_one_of_the_prompt),
		cmocka_unit_test(silence_saves_nothing_up),
		cmocka_unit_test(who_was_served_most_is_not_forgiven),
		cmocka_unit_test(turns_even_out_what_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
