/* policies/price_test.c - what a request costs. */
#include "gateway/conf/testing.h"

#include <math.h>

#include "policies/price.h"

#define NO PRICE_UNKNOWN
#define NO_CALLS                                                               \
	.cache_write = NO, .request = NO, .image = NO, .characters = NO,       \
	.minute = NO
#define TOKENS(in, out, of_cached, an_hour)                                    \
	{                                                                      \
		.input = in, .output = out, .cached = of_cached, NO_CALLS,     \
		.hourly = an_hour                                              \
	}

static const struct conf_price metered = TOKENS(2.0, 10.0, NO, NO);
static const struct conf_price cheap_cache = TOKENS(2.0, 10.0, 0.5, NO);
static const struct conf_price by_the_hour = TOKENS(NO, NO, NO, 12.0);
static const struct conf_price no_charge = TOKENS(0, 0, NO, NO);
static const struct conf_price silent = TOKENS(NO, NO, NO, NO);
static const struct conf_price input_only = TOKENS(2.0, NO, NO, NO);
static const struct units none;

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
	struct conf_price dear_writes = cheap_cache;

	(void)state;
	assert_usd(price_of_usage(&metered, &u, &none), 0.003);
	assert_usd(price_of_usage(&cheap_cache, &u, &none),
	    (400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6);
	dear_writes.cache_write = 2.5;
	u.cache_write = 300;
	assert_usd(price_of_usage(&dear_writes, &u, &none),
	    (100 * 2.0 + 600 * 0.5 + 300 * 2.5 + 100 * 10.0) / 1e6);
	assert_usd(price_of_usage(&cheap_cache, &u, &none),
	    (400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6);
	/* a backend that counts wrongly must not earn money */
	u.cached = 5000;
	assert_usd(price_of_usage(&cheap_cache, &u, &none),
	    (1000 * 0.5 + 100 * 10.0) / 1e6);
}

static void
unknown_usage_is_known_only_where_it_is_free(void **state)
{
	struct usage u = { .known = false, .input = 10, .output = 10 };

	(void)state;
	assert_usd(price_of_usage(&metered, &u, &none), PRICE_UNKNOWN);
	assert_usd(price_of_usage(&by_the_hour, &u, &none), 0);
	assert_usd(price_of_usage(&no_charge, &u, &none), 0);
}

/* What is not said of tokens then costs nothing; of other calls neither. */
static void
calls_have_prices_of_their_own(void **state)
{
	struct conf_price p = silent;
	const struct units pictures = { .images = 3 };
	const struct units words = { .characters = 2000000 };
	const struct usage nothing = { .known = false };

	(void)state;
	p.request = 0.5;
	assert_usd(price_expected(&p, 100, 100), 0.5);
	assert_usd(price_of_usage(&p, &nothing, &none), 0.5);
	p.image = 0.04;
	p.characters = 15;
	assert_usd(price_of_request(&p, 100, 0, &pictures), 0.62);
	assert_usd(price_of_usage(&p, &nothing, &pictures), 0.62);
	assert_usd(price_of_request(&p, 0, 0, &words), 30.5);
	p = silent;
	p.image = 0; /* free */
	assert_usd(price_of_usage(&p, &nothing, &pictures), 0);
}

static void
tokens_cost_beside_what_has_another_price(void **state)
{
	struct conf_price p = metered;
	const struct units pictures = { .images = 1 };
	struct usage u = { .known = true, .input = 1000, .output = 200 };

	(void)state;
	p.image = 0.04;
	assert_usd(price_of_usage(&p, &u, &pictures), 0.044);
	u.known = false;
	assert_usd(price_of_usage(&p, &u, &pictures), PRICE_UNKNOWN);
}

static void
sound_costs_what_the_answer_says(void **state)
{
	struct conf_price p = silent;
	const struct units sound = { .seconds = 60 };
	struct usage u = { .known = false, .seconds = 90 };

	(void)state;
	p.minute = 0.006;
	assert_usd(price_of_request(&p, 0, 0, &sound), 0.006);
	assert_usd(price_of_usage(&p, &u, &sound), 0.009);
	u.seconds = 0;
	assert_usd(price_of_usage(&p, &u, &sound), PRICE_UNKNOWN);
	assert_usd(price_of_usage(&p, &u, &none), 0);
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
		cmocka_unit_test(calls_have_prices_of_their_own),
		cmocka_unit_test(tokens_cost_beside_what_has_another_price),
		cmocka_unit_test(sound_costs_what_the_answer_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
