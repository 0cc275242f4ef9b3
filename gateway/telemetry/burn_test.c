/* gateway/telemetry/burn_test.c - how fast an error budget goes. */
#include <stdlib.h>

#include "gateway/telemetry/burn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MINUTE (60 * USEC_SEC)
#define DAY (1440 * MINUTE)
#define START (7 * DAY)

static struct burn_sum
sum_of(const struct burn *b, enum burn_window w, usec now)
{
	struct burn_sum sums[BURN_WINDOWS] = { { 0, 0 } };

	burn_add(b, now, sums);
	return sums[w];
}

static void
a_request_counts_for_as_long_as_its_window(void **state)
{
	static const usec length[BURN_WINDOWS] = { 5 * MINUTE, 60 * MINUTE,
		360 * MINUTE, 3 * DAY };
	struct burn *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	burn_record(b, false, START);
	for (enum burn_window w = 0; w < BURN_WINDOWS; w++) {
		assert_int_equal(sum_of(b, w, START).missed, 1);
		assert_int_equal(sum_of(b, w, START + length[w]).missed, 1);
		assert_int_equal(
		    sum_of(b, w, START + length[w] + length[w] / 30).missed, 0);
	}
	free(b);
}

static void
each_window_sees_its_own_past(void **state)
{
	struct burn *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	/* an hour of good ones, a second apart, then a bad minute */
	for (unsigned i = 0; i < 3540; i++)
		burn_record(b, true, START + i * USEC_SEC);
	for (unsigned i = 3540; i < 3600; i++)
		burn_record(b, false, START + i * USEC_SEC);
	assert_int_equal(
	    sum_of(b, BURN_5M, START + 3599 * USEC_SEC).missed, 60);
	assert_in_range(sum_of(b, BURN_5M, START + 3599 * USEC_SEC).met, 240,
	    245); /* and one span more */
	assert_int_equal(sum_of(b, BURN_3D, START + 3599 * USEC_SEC).met, 3540);
	assert_int_equal(
	    sum_of(b, BURN_3D, START + 3599 * USEC_SEC).missed, 60);
	free(b);
}

static void
the_rate_is_one_where_exactly_the_budget_is_spent(void **state)
{
	const struct burn_sum none = { 0, 0 }, some = { 95, 5 },
			      all = { 0, 10 };

	assert_float_equal(burn_attainment(&some), 0.95, 1e-12);
	assert_float_equal(burn_rate(&some, 0.95), 1, 1e-9);
	assert_float_equal(burn_rate(&all, 0.99), 100, 1e-6);
	assert_float_equal(burn_rate(&none, 0.95), -1, 0);
	assert_float_equal(burn_attainment(&none), -1, 0);
	assert_float_equal(burn_rate(&some, 1), -1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_counts_for_as_long_as_its_window),
		cmocka_unit_test(each_window_sees_its_own_past),
		cmocka_unit_test(
		    the_rate_is_one_where_exactly_the_budget_is_spent),
	};

	return cmocka_run_group_tests_name("telemetry/burn", tests, NULL, NULL);
}
