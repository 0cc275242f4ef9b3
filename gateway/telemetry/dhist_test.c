/* gateway/telemetry/dhist_test.c - forgetting, against a plain list of
 * weighted values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/rng.h"
#include "gateway/telemetry/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define HALF_LIFE (10 * USEC_SEC)
#define START ((usec)123456789)

static void
assert_near(double got, double want, double error)
{
	if (!(fabs(got - want) <= error * fabs(want)))
		fail_msg("want %g, got %g", want, got);
}

static void
weight_halves_in_a_half_life(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	for (unsigned i = 0; i < 8; i++)
		dhist_record(&d, 1000, START + 5);
	assert_near(dhist_weight(&d, START + 5), 8, 1e-9);
	assert_near(dhist_weight(&d, START + 5 + HALF_LIFE), 4, 1e-9);
	assert_near(dhist_weight(&d, START + 5 + 3 * HALF_LIFE), 1, 1e-9);
}

static void
equal_weights_count_fully(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	assert_true(dhist_effective(&d) == 0);
	for (unsigned i = 0; i < 100; i++)
		dhist_record(&d, 1000, START + 3 * HALF_LIFE);
	assert_near(dhist_effective(&d), 100, 1e-9);
	/* one old among two: (1 + 1/8)^2 / (1 + 1/64) */
	dhist_init(&d, HALF_LIFE, START);
	dhist_record(&d, 1000, START);
	dhist_record(&d, 1000, START + 3 * HALF_LIFE);
	assert_near(dhist_effective(&d), 1.265625 / 1.015625, 1e-9);
}

static void
an_empty_one_knows_nothing(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	assert_int_equal(dhist_quantile(&d, 0.5), -1);
	assert_true(dhist_weight(&d, START + HALF_LIFE) == 0);
}

static void
the_new_outweighs_the_old(void **state)
{
	struct dhist d;
	usec now = START;

	dhist_init(&d, HALF_LIFE, now);
	for (unsigned i = 0; i < 1000; i++)
		dhist_record(&d, 100, now += USEC_MS);
	now += 6 * HALF_LIFE; /* a thousand weigh 16 */
	for (unsigned i = 0; i < 48; i++)
		dhist_record(&d, 400000, now);
	assert_true(dhist_quantile(&d, 0.2) <= 102);
	assert_true(dhist_quantile(&d, 0.3) >= 387500);
}

/* Over 60 half-lives the origin moves at least twice. */
static void
moving_the_origin_changes_no_share(void **state)
{
	enum { N = 6000 };
	const usec step = HALF_LIFE / 100;
	static const usec marks[] = { 200, 1000, 30000, 900000, 20000000 };
	usec values[N], now = START;
	double below, all = 0, squares = 0;
	struct dhist d;
	struct rng rng;

	rng_init(&rng, 4, 1);
	dhist_init(&d, HALF_LIFE, now);
	for (unsigned i = 0; i < N; i++) {
		values[i] = (usec)exp(rng_unit(&rng) * 18);
		dhist_record(&d, values[i], now += step);
		all += exp2((double)i / 100);
		squares += exp2((double)i / 50);
	}
	assert_near(dhist_effective(&d), all * all / squares, 1e-6);
	assert_true(d.origin > START);
	assert_near(dhist_weight(&d, now), all / exp2((N - 1) / 100.0), 1e-6);
	for (unsigned m = 0; m < sizeof(marks) / sizeof(marks[0]); m++) {
		below = 0;
		for (unsigned i = 0; i < N; i++)
			if (values[i] <= marks[m])
				below += exp2((double)i / 100);
		assert_true(
		    dhist_quantile(&d, below / all - 0.005) <= marks[m]);
		assert_true(dhist_quantile(&d, below / all + 0.005) > marks[m]);
	}
}

static int
compare(const void *a, const void *b)
{
	usec x = *(const usec *)a, y = *(const usec *)b;

	return (x > y) - (x < y);
}

static void
quantiles_agree_with_a_sorted_array(void **state)
{
	enum { N = 5003 };
	usec values[N], got, want;
	struct dhist d;
	struct rng rng;

	rng_init(&rng, 5, 1);
	dhist_init(&d, HALF_LIFE, START);
	for (unsigned i = 0; i < N; i++) {
		values[i] = (usec)exp(10 + 2 * rng_normal(&rng));
		dhist_record(&d, values[i], START);
	}
	qsort(values, N, sizeof(values[0]), compare);
	for (unsigned p = 1; p <= 100; p++) {
		got = dhist_quantile(&d, p / 100.0);
		want = values[(p * N + 99) / 100 - 1];
		assert_near((double)got, (double)want, 1.0 / 32);
	}
}

static void
a_bucket_is_spread_evenly(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	dhist_record(&d, 1000, START);
	dhist_record(&d, 1000, START);
	assert_int_equal(dhist_quantile(&d, 0), 992);
	assert_int_equal(dhist_quantile(&d, 0.25), 995);
	assert_int_equal(dhist_quantile(&d, 0.5), 999);
	assert_int_equal(dhist_quantile(&d, 1), 1007);
}

static void
a_lone_sample_is_every_quantile(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	dhist_record(&d, 40, START); /* a bucket of its own */
	assert_int_equal(dhist_quantile(&d, 0), 40);
	assert_int_equal(dhist_quantile(&d, 0.5), 40);
	assert_int_equal(dhist_quantile(&d, 1), 40);
}

static void
a_year_of_silence_leaves_nothing(void **state)
{
	const usec year = 365 * 86400 * USEC_SEC;
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	for (unsigned i = 0; i < 1000; i++)
		dhist_record(&d, 50000, START);
	assert_true(dhist_weight(&d, START + year) == 0);
	dhist_record(&d, 40, START + year);
	assert_int_equal(dhist_quantile(&d, 0.01), 40);
	assert_near(dhist_weight(&d, START + year), 1, 1e-9);
	assert_near(dhist_effective(&d), 1, 1e-9);
}

static void
a_late_sample_weighs_less(void **state)
{
	struct dhist d;

	dhist_init(&d, HALF_LIFE, START);
	dhist_record(&d, 40, START);
	dhist_record(&d, 20, START - HALF_LIFE);
	assert_int_equal(dhist_quantile(&d, 0.33), 20);
	assert_int_equal(dhist_quantile(&d, 0.34), 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weight_halves_in_a_half_life),
		cmocka_unit_test(equal_weights_count_fully),
		cmocka_unit_test(an_empty_one_knows_nothing),
		cmocka_unit_test(the_new_outweighs_the_old),
		cmocka_unit_test(moving_the_origin_changes_no_share),
		cmocka_unit_test(quantiles_agree_with_a_sorted_array),
		cmocka_unit_test(a_bucket_is_spread_evenly),
		cmocka_unit_test(a_lone_sample_is_every_quantile),
		cmocka_unit_test(a_year_of_silence_leaves_nothing),
		cmocka_unit_test(a_late_sample_weighs_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
