/* router/forecast_test.c - what is known before anything was measured. */
#include "router/testing.h"

#include <math.h>

#include "router/forecast.h"

static struct forecast
of_hardware(const char *name)
{
	struct conf_backend b = { .hardware = name };
	struct forecast f;

	forecast_init(&f, &b);
	return f;
}

static void
a_new_serving_is_what_its_configuration_says(void **state)
{
	struct conf_backend b = { .hardware = "gpu",
		.profile = { .step = 7777, .per_token = 3 } };
	struct forecast f;

	forecast_init(&f, &b);
	assert_true(fabs(f.profile.step - 7777) < 1e-9);
	assert_true(fabs(f.profile.per_token - 3) < 1e-9);
	assert_true(fabs(f.ttft_typical - 1) < 1e-9);
	assert_true(fabs(f.itl_typical - 1) < 1e-9);
	assert_true(fabs(spread_at(&f.ttft, 0.5) - 1) < 0.02);
	assert_true(fabs(spread_at(&f.itl, 0.5) - 1) < 0.02);
}

static void
nothing_was_measured_of_it(void **state)
{
	struct forecast f = of_hardware("gpu");

	assert_true((double)f.ttft.n <= 0 && (double)f.itl.n <= 0);
	for (int i = 0; i < PHASE_COUNT; i++) {
		assert_int_equal(f.seen[i].p50, -1);
		assert_int_equal(f.seen[i].p95, -1);
		assert_int_equal(f.seen[i].p99, -1);
		assert_true(f.seen[i].n <= 0);
	}
}

static void
of_unknown_hardware_anything_is_possible(void **state)
{
	struct forecast told = of_hardware("gpu"), guessed = of_hardware("");

	assert_true(
	    spread_at(&guessed.ttft, 0.95) > spread_at(&told.ttft, 0.95));
	assert_true(
	    spread_share(&guessed.itl, 0.5) > spread_share(&told.itl, 0.5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_serving_is_what_its_configuration_says),
		cmocka_unit_test(nothing_was_measured_of_it),
		cmocka_unit_test(of_unknown_hardware_anything_is_possible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
