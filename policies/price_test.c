/* policies/price_test.c - what a request costs. */
#include "gateway/conf/testing.h"

#include <math.h>

#include "policies/price.h"

#define NO PRICE_UNKNOWN

static const struct conf_price metered = { 2.0, 10.0, NO, NO, NULL };
static const struct conf_price cheap_cache = { 2.0, 10.0, 0.5, NO, NULL };
static const struct conf_price by_the_hour = { NO, NO, NO, 12.0, NULL };
static const struct conf_price no_charge = { 0, 0, NO, NO, NULL };
static const struct conf_price silent = { NO, NO, NO, NO, NULL };
static const struct conf_price input_only = { 2.0, NO, NO, NO, NULL };

static void
assert_usd(double got, double want)
{
	if (fabs(got - want) > 1e-12)
		print_message("got %.12g, want %.12g\n", got, want);
	assert_true(fabs(got - want) <= 1e-12);
}

static void
tokens_are_paid_by_the_million(void **state)
{
	(void)state;
	assert_usd(price_expected(&metered, 1000, 200), 0.004);
}

static void
paid_hardware_costs_nothing_more(void **state)
{
	(void)state;
	assert_usd(price_expected(&by_the_hour, 1e6, 1e6), 0);
	assert_usd(price_expected(&no_charge, 1e6, 1e6), 0);
}

static void
an_unknown_price_is_the_dearest(void **state)
{
	(void)state;
	assert_usd(price_expected(&silent, 1, 1), PRICE_UNKNOWN);
	assert_true(price_rank(price_expected(&silent, 1, 1)) >
	    price_rank(price_expected(&metered, 1e9, 1e9)));
}

static void
a_price_that_is_not_needed_may_be_unknown(void **state)
{
	(void)state;
	/* embeddings have no output */
	assert_usd(price_expected(&input_only, 500, 0), 0.001);
	assert_usd(price_expected(&input_only, 500, 1), PRICE_UNKNOWN);
}

static void
cached_input_has_its_own_price(void **state)
{
	struct usage u = {
		.known = true, .input = 1000, .output = 100, .cached = 600
	};

	(void)state;
	assert_usd(price_of_usage(&metered, &u), 0.003);
	assert_usd(price_of_usage(&cheap_cache, &u),
	    (400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6);
	/* a backend that counts wrongly must not earn money */
	u.cached = 5000;
	assert_usd(
	    price_of_usage(&cheap_cache, &u), (1000 * 0.5 + 100 * 10.0) / 1e6);
}

static void
unknown_usage_is_known_only_where_it_is_free(void **state)
{
	struct usage u = { .known = false, .input = 10, .output = 10 };

	(void)state;
	assert_usd(price_of_usage(&metered, &u), PRICE_UNKNOWN);
	assert_usd(price_of_usage(&by_the_hour, &u), 0);
	assert_usd(price_of_usage(&no_charge, &u), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_paid_by_the_million),
		cmocka_unit_test(paid_hardware_costs_nothing_more),
		cmocka_unit_test(an_unknown_price_is_the_dearest),
		cmocka_unit_test(a_price_that_is_not_needed_may_be_unknown),
		cmocka_unit_test(cached_input_has_its_own_price),
		cmocka_unit_test(unknown_usage_is_known_only_where_it_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
