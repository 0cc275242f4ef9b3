/* router/forecast_test.c - reading curves. */
#include "router/testing.h"

#include <math.h>

#include "router/forecast.h"

/* Values equal to 1000 * rank. */
static struct curve
straight(void)
{
	struct curve c = { .n = 100 };

	for (unsigned i = 0; i < CURVE_POINTS; i++)
		c.value[i] = (float)(1000 * curve_rank(i));
	return c;
}

static void
ranks_rise_to_one(void **state)
{
	(void)state;
	for (unsigned i = 1; i < CURVE_POINTS; i++)
		assert_true(curve_rank(i) > curve_rank(i - 1));
	assert_true(curve_rank(CURVE_POINTS - 1) >= 1);
}

static void
values_and_shares_are_each_others_inverse(void **state)
{
	struct curve c = straight();

	(void)state;
	for (double r = 0.02; r < 1; r += 0.007) {
		assert_true(fabs(curve_at(&c, r) - 1000 * r) < 0.01);
		assert_true(fabs(curve_share(&c, 1000 * r) - r) < 1e-5);
	}
}

static void
the_ends_are_held(void **state)
{
	struct curve c = straight();

	(void)state;
	assert_true(curve_at(&c, 0) >= 9.9 && curve_at(&c, 0) < 10.1);
	assert_true(fabs(curve_at(&c, 2) - 1000) < 0.01);
	assert_true(curve_share(&c, 1) <= 0);
	assert_true(curve_share(&c, 1e9) >= 1);
	assert_true(curve_share(&c, -5) <= 0);
}

static void
a_constant_is_all_or_nothing(void **state)
{
	struct curve c = { .n = 5 };

	(void)state;
	for (unsigned i = 0; i < CURVE_POINTS; i++)
		c.value[i] = 7;
	assert_true(curve_share(&c, 6.99) <= 0);
	assert_true(curve_share(&c, 7) >= 1);
	assert_true(fabs(curve_at(&c, 0.5) - 7) < 1e-9);
}

static void
few_samples_are_read_further_out(void **state)
{
	double few = cautious_rank(0.95, 1, 30);
	double many = cautious_rank(0.95, 1, 3000);

	(void)state;
	assert_true(few > many && many > 0.95 && few < 1);
	assert_true(cautious_rank(0.95, 1.64, 3000) > many);
}

static void
no_rank_is_read_beyond_what_the_samples_can_tell(void **state)
{
	(void)state;
	for (double n = 1; n < 1000; n *= 1.7) {
		double r = cautious_rank(0.99, 1.64, n);

		assert_true(r >= 0.99 && r <= fmax(0.99, 1 - 0.5 / n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_rise_to_one),
		cmocka_unit_test(values_and_shares_are_each_others_inverse),
		cmocka_unit_test(the_ends_are_held),
		cmocka_unit_test(a_constant_is_all_or_nothing),
		cmocka_unit_test(few_samples_are_read_further_out),
		cmocka_unit_test(
		    no_rank_is_read_beyond_what_the_samples_can_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
