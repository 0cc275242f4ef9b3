/* policies/limit_test.c - how much a tenant or a key may use. */
#include "gateway/conf/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "policies/limit.h"

#define SEC ((nsec)1000000000)

/* Takes units at `now` if they may be. */
static bool
take(const struct limit_rate *r, nsec *arrival, nsec now, double units)
{
	nsec next, wait;

	if (!limit_take(r, *arrival, now, limit_span(r, units), &next, &wait)) {
		assert_true(wait > 0);
		return false;
	}
	*arrival = next;
	return true;
}

static unsigned
admitted(const struct limit_rate *r, nsec span, double per_second)
{
	nsec arrival = 0;
	unsigned n = 0;

	for (double at = 0; at < (double)span; at += 1e9 / per_second)
		n += take(r, &arrival, (nsec)at, 1);
	return n;
}

static void
three_times_the_rate_is_admitted_once(void **state)
{
	struct limit_rate r = limit_rate_of(600, 5 * USEC_SEC);
	unsigned n = admitted(&r, 600 * SEC, 30);

	assert_in_range(n, 6000, 6060);
}

static void
what_is_below_the_rate_is_never_refused(void **state)
{
	struct limit_rate r = limit_rate_of(600, 5 * USEC_SEC);

	assert_int_equal(admitted(&r, 100 * SEC, 10), 1000);
}

static void
a_burst_may_come_at_once_and_no_more(void **state)
{
	struct limit_rate r = limit_rate_of(600, 5 * USEC_SEC);
	nsec arrival = 0;
	unsigned n = 0;

	while (take(&r, &arrival, 7 * SEC, 1))
		n++;
	assert_int_equal(n, 50);
}

static void
one_always_may_however_short_the_burst(void **state)
{
	struct limit_rate r = limit_rate_of(1, USEC_MS);
	nsec arrival = 0;

	assert_true(take(&r, &arrival, 0, 1));
	assert_false(take(&r, &arrival, 59 * SEC, 1));
	assert_true(take(&r, &arrival, 60 * SEC, 1));
}

static void
the_wait_that_is_told_is_enough_and_not_too_long(void **state)
{
	struct limit_rate r = limit_rate_of(60, 5 * USEC_SEC);
	nsec arrival = 0, next, wait, now = SEC;

	while (take(&r, &arrival, now, 1))
		continue;
	limit_take(&r, arrival, now, limit_span(&r, 1), &next, &wait);
	assert_false(take(&r, &arrival, now + wait - 1, 1));
	assert_true(take(&r, &arrival, now + wait, 1));
}

static void
more_than_a_burst_waits_until_nothing_is_owed(void **state)
{
	struct limit_rate r = limit_rate_of(6000, 5 * USEC_SEC);
	nsec arrival = 0;

	assert_true(take(&r, &arrival, 0, 1)); /* 10 ms */
	assert_false(take(&r, &arrival, 9 * SEC / 1000, 2000));
	assert_true(take(&r, &arrival, 10 * SEC / 1000, 2000));
	assert_false(take(&r, &arrival, 10 * SEC, 600));
}

/* Whatever is reserved, and whenever it is settled, what is used in the end
 * stays within the rate, the burst and what was under way. */
static void
what_is_used_stays_within_the_rate(void **state)
{
	struct limit_rate r = limit_rate_of(60000, 5 * USEC_SEC);
	nsec arrival = 0, now = 0, due[32] = { 0 };
	double reserved[32] = { 0 }, actual, used = 0;
	struct rng rng;

	rng_init(&rng, 7, 0);
	for (size_t i = 0; i < 200000; i++) {
		size_t at = i % 32;

		now += SEC / 200;
		if (reserved[at] > 0 && now >= due[at]) {
			actual = reserved[at] * rng_unit(&rng);
			arrival -= limit_span(&r, reserved[at] - actual);
			used += actual;
			reserved[at] = 0;
		}
		if (reserved[at] <= 0 && take(&r, &arrival, now, 300)) {
			reserved[at] = 300;
			due[at] =
			    now + (nsec)(rng_unit(&rng) * 2 * (double)SEC);
		}
		assert_true(used <= 1000.0 * (double)now / 1e9 + 5000);
	}
	/* and little of the rate is lost */
	assert_true(used > 0.97 * 1000.0 * (double)now / 1e9);
}

static void
what_is_left_and_when_it_is_full_again(void **state)
{
	struct limit_rate r = limit_rate_of(600, 5 * USEC_SEC);
	nsec arrival = 0, now = 100 * SEC;

	assert_int_equal((int)limit_left(&r, arrival, now), 50);
	assert_int_equal(limit_refill(arrival, now), 0);
	take(&r, &arrival, now, 10);
	assert_int_equal((int)limit_left(&r, arrival, now), 40);
	assert_int_equal(limit_refill(arrival, now), SEC);
}

static void
a_number_that_was_made_up_is_bounded(void **state)
{
	struct limit_rate r = limit_rate_of(1, 5 * USEC_SEC);

	assert_int_equal(limit_span(&r, 2.0 * UINT32_MAX), 86400 * SEC);
	assert_int_equal(limit_span(&r, INFINITY), 86400 * SEC);
}

static void
a_budget_warns_and_ends(void **state)
{
	assert_int_equal(budget_state(0, 0, 0.8), BUDGET_LEFT);
	assert_int_equal(budget_state((int64_t)7.9e9, 10, 0.8), BUDGET_LEFT);
	assert_int_equal(budget_state((int64_t)8e9, 10, 0.8), BUDGET_SOFT);
	assert_int_equal(budget_state((int64_t)9.99e9, 10, 0.8), BUDGET_SOFT);
	assert_int_equal(budget_state((int64_t)10e9, 10, 0.8), BUDGET_SPENT);
}

static void
days_and_months_end_at_midnight_utc(void **state)
{
	/* 2028-02-29 23:59:59.5 and half a second later */
	const usec before = 1835481599 * USEC_SEC + USEC_SEC / 2;
	struct budget_period a, b;

	budget_period_at(before, &a);
	budget_period_at(before + USEC_SEC / 2, &b);
	assert_int_equal(b.day, a.day + 1);
	assert_int_equal(b.month, a.month + 1);
	assert_int_equal(a.day_ends, 1835481600 * USEC_SEC);
	assert_int_equal(a.month_ends, a.day_ends);
	assert_int_equal(b.month_ends, b.day_ends + 30 * 86400 * USEC_SEC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_times_the_rate_is_admitted_once),
		cmocka_unit_test(what_is_below_the_rate_is_never_refused),
		cmocka_unit_test(a_burst_may_come_at_once_and_no_more),
		cmocka_unit_test(one_always_may_however_short_the_burst),
		cmocka_unit_test(
		    the_wait_that_is_told_is_enough_and_not_too_long),
		cmocka_unit_test(more_than_a_burst_waits_until_nothing_is_owed),
		cmocka_unit_test(what_is_used_stays_within_the_rate),
		cmocka_unit_test(what_is_left_and_when_it_is_full_again),
		cmocka_unit_test(a_number_that_was_made_up_is_bounded),
		cmocka_unit_test(a_budget_warns_and_ends),
		cmocka_unit_test(days_and_months_end_at_midnight_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
