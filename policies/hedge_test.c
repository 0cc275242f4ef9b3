/* policies/hedge_test.c - when a second attempt is started. */
#include "gateway/conf/testing.h"

#include "policies/hedge.h"

#define SHARE 0.05

/* Of that many requests of so many tokens, each hedged if it may be: tokens
 * spent on hedges. */
static double
spend(struct hedge_budget *b, unsigned n, double tokens)
{
	double spent = 0;

	for (unsigned i = 0; i < n; i++) {
		hedge_budget_request(b, tokens);
		if (hedge_budget_take(b, tokens))
			spent += tokens;
	}
	return spent;
}

static void
hedges_cost_no_more_than_their_share(void **state)
{
	struct hedge_budget b;
	double spent;

	hedge_budget_init(&b, SHARE);
	spend(&b, 1000, 700); /* what was saved up is gone */
	spent = spend(&b, 10000, 700);
	assert_true(spent <= (SHARE * 10000 + 1) * 700);
	assert_true(spent >= (SHARE * 10000 - 1) * 700);
}

static void
a_long_prompt_costs_as_many_short_ones(void **state)
{
	struct hedge_budget b;
	unsigned n = 0;

	hedge_budget_init(&b, SHARE);
	for (int i = 0; i < 1000; i++)
		hedge_budget_request(&b, 100);
	assert_false(hedge_budget_take(&b, 100000));
	while (hedge_budget_take(&b, 100))
		n++;
	assert_in_range(n, 1, 100);
}

static void
what_a_quiet_hour_saves_up_is_bounded(void **state)
{
	struct hedge_budget short_while, long_while;
	unsigned a = 0, b = 0;

	hedge_budget_init(&short_while, SHARE);
	hedge_budget_init(&long_while, SHARE);
	for (int i = 0; i < 1000; i++)
		hedge_budget_request(&short_while, 100);
	for (int i = 0; i < 50000; i++)
		hedge_budget_request(&long_while, 100);
	while (hedge_budget_take(&short_while, 100))
		a++;
	while (hedge_budget_take(&long_while, 100))
		b++;
	assert_int_equal(a, b);
}

static void
without_a_share_there_are_no_hedges(void **state)
{
	struct hedge_budget b;

	hedge_budget_init(&b, 0);
	assert_true(spend(&b, 1000, 100) <= 0);
}

static void
what_was_not_used_is_given_back(void **state)
{
	struct hedge_budget b;
	unsigned n = 0;

	hedge_budget_init(&b, SHARE);
	spend(&b, 1000, 100);
	while (hedge_budget_take(&b, 100))
		continue;
	hedge_budget_give_back(&b, 300);
	while (hedge_budget_take(&b, 100))
		n++;
	assert_in_range(n, 2, 4);
}

/* Over all that may be known of either. */
static void
it_waits_past_the_tail_and_not_too_long(void **state)
{
	for (double late = 10e3; late < 1e6; late += 30e3)
		for (double other = 10e3; other < 1e6; other += 30e3) {
			usec delay = hedge_delay(late, other, 1e6);

			if (delay == USEC_NEVER) {
				assert_true(late + other > 900e3);
				continue;
			}
			assert_true((double)delay >= late);
			assert_true((double)delay + other <= 1e6);
		}
}

static void
where_the_other_is_too_slow_there_is_none(void **state)
{
	assert_int_equal(hedge_delay(100e3, 1e6, 1e6), USEC_NEVER);
	assert_int_equal(hedge_delay(100e3, 50e3, -10), USEC_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hedges_cost_no_more_than_their_share),
		cmocka_unit_test(a_long_prompt_costs_as_many_short_ones),
		cmocka_unit_test(what_a_quiet_hour_saves_up_is_bounded),
		cmocka_unit_test(without_a_share_there_are_no_hedges),
		cmocka_unit_test(what_was_not_used_is_given_back),
		cmocka_unit_test(it_waits_past_the_tail_and_not_too_long),
		cmocka_unit_test(where_the_other_is_too_slow_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
