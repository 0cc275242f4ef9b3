/* policies/window_test.c - counting the last ten seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policies/window.h"

static void
events_count_for_ten_seconds(void **state)
{
	struct window w = { 0 };

	(void)state;
	window_add(&w, 500 * USEC_MS);
	window_add(&w, 9900 * USEC_MS);
	assert_int_equal(window_count(&w, 9900 * USEC_MS), 2);
	assert_int_equal(window_count(&w, 10 * USEC_SEC), 1);
	assert_int_equal(window_count(&w, 18900 * USEC_MS), 1);
	assert_int_equal(window_count(&w, 19 * USEC_SEC), 0);
}

static void
counting_does_not_change_the_count(void **state)
{
	struct window w = { 0 };

	(void)state;
	window_add(&w, 5 * USEC_SEC);
	assert_int_equal(window_count(&w, 60 * USEC_SEC), 0);
	assert_int_equal(window_count(&w, 5 * USEC_SEC), 1);
}

static void
a_place_is_wiped_when_its_second_comes_round(void **state)
{
	struct window w = { 0 };

	(void)state;
	for (int i = 0; i < 7; i++)
		window_add(&w, 3 * USEC_SEC);
	window_add(&w, 13 * USEC_SEC);
	assert_int_equal(window_count(&w, 13 * USEC_SEC), 1);
	window_add(&w, 1000 * USEC_SEC);
	assert_int_equal(window_count(&w, 1000 * USEC_SEC), 1);
}

static void
a_steady_rate_is_its_rate_times_the_span(void **state)
{
	struct window w = { 0 };
	usec now;

	(void)state;
	for (now = 0; now < 60 * USEC_SEC; now += 10 * USEC_MS)
		window_add(&w, now);
	assert_in_range(window_count(&w, now), 900, 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_count_for_ten_seconds),
		cmocka_unit_test(counting_does_not_change_the_count),
		cmocka_unit_test(a_place_is_wiped_when_its_second_comes_round),
		cmocka_unit_test(a_steady_rate_is_its_rate_times_the_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
