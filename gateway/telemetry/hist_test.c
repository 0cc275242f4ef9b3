/* gateway/telemetry/hist_test.c - the error bound, and quantiles. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"
#include "gateway/telemetry/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const double quantiles[] = { 0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95,
	0.99, 0.999, 1 };

static int
compare(const void *a, const void *b)
{
	usec x = *(const usec *)a, y = *(const usec *)b;

	return (x > y) - (x < y);
}

/* Even over the orders of magnitude from 1 us to 71 minutes. */
static usec
random_span(struct rng *rng)
{
	return (usec)exp(rng_unit(rng) * log(4294967295.0));
}

static void
assert_close(usec got, usec want, double bound)
{
	if (fabs((double)(got - want)) > bound * (double)want)
		fail_msg("want %lld within 1/%g, got %lld", (long long)want,
		    1 / bound, (long long)got);
}

static void
a_value_is_kept_to_one_part_in_64(void **state)
{
	struct rng rng;
	usec v;

	for (v = 0; v < 100000; v++)
		assert_close(hist_value(hist_bucket(v)), v, 1.0 / 64);
	rng_init(&rng, 1, 1);
	for (unsigned i = 0; i < 100000; i++) {
		v = random_span(&rng);
		assert_close(hist_value(hist_bucket(v)), v, 1.0 / 64);
	}
}

static void
buckets_tile_the_range(void **state)
{
	assert_int_equal(hist_floor(0), 0);
	for (unsigned b = 0; b < HIST_BUCKETS; b++) {
		assert_true(hist_floor(b + 1) > hist_floor(b));
		assert_int_equal(hist_bucket(hist_floor(b)), b);
		assert_int_equal(hist_bucket(hist_floor(b + 1) - 1), b);
	}
}

static void
values_beyond_the_range_go_to_its_ends(void **state)
{
	assert_int_equal(hist_bucket(-1), 0);
	assert_int_equal(hist_bucket(INT64_MIN), 0);
	assert_int_equal(hist_bucket((usec)1 << 32), HIST_BUCKETS - 1);
	assert_int_equal(hist_bucket(INT64_MAX), HIST_BUCKETS - 1);
}

static void
quantiles_agree_with_a_sorted_array(void **state)
{
	enum { N = 7919 };
	usec values[N];
	struct hist h = { 0 };
	struct rng rng;
	size_t rank;

	rng_init(&rng, 2, 1);
	for (unsigned i = 0; i < N; i++) {
		values[i] = random_span(&rng);
		hist_record(&h, values[i]);
	}
	qsort(values, N, sizeof(values[0]), compare);
	for (unsigned i = 0; i < COUNT(quantiles); i++) {
		rank = (size_t)ceil(quantiles[i] * N);
		assert_close(hist_quantile(&h, quantiles[i]),
		    values[rank > 0 ? rank - 1 : 0], 1.0 / 64);
	}
}

static void
a_rank_is_not_pushed_up_by_rounding(void **state)
{
	struct hist h = { 0 };

	for (usec v = 1; v <= 50; v++) { /* each in a bucket of its own */
		hist_record(&h, v);
		hist_record(&h, v);
	}
	assert_true(0.56 * 100 > 56); /* what makes it hard */
	assert_int_equal(hist_quantile(&h, 0.56), 28);
	assert_int_equal(hist_quantile(&h, 0.5), 25);
}

static void
an_empty_histogram_has_no_quantile(void **state)
{
	struct hist h = { 0 };

	assert_int_equal(hist_quantile(&h, 0.5), -1);
	assert_int_equal(hist_count_below(&h, 1000), 0);
}

static void
merging_is_recording_both(void **state)
{
	struct hist a = { 0 }, b = { 0 }, both = { 0 };
	struct rng rng;
	usec v;

	rng_init(&rng, 3, 1);
	for (unsigned i = 0; i < 1000; i++) {
		v = random_span(&rng);
		hist_record(i % 3 > 0 ? &a : &b, v);
		hist_record(&both, v);
	}
	hist_merge(&a, &b);
	assert_int_equal(a.n, both.n);
	assert_true(fabs(a.sum - both.sum) <= 1e-9 * both.sum);
	assert_memory_equal(a.count, both.count, sizeof(a.count));
}

static void
counting_below_includes_the_value_itself(void **state)
{
	struct hist h = { 0 };

	hist_record(&h, 10);
	hist_record(&h, 20);
	hist_record(&h, 5000000);
	assert_int_equal(hist_count_below(&h, -1), 0);
	assert_int_equal(hist_count_below(&h, 9), 0);
	assert_int_equal(hist_count_below(&h, 10), 1);
	assert_int_equal(hist_count_below(&h, 4000000), 2);
	assert_int_equal(hist_count_below(&h, USEC_NEVER), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_kept_to_one_part_in_64),
		cmocka_unit_test(buckets_tile_the_range),
		cmocka_unit_test(values_beyond_the_range_go_to_its_ends),
		cmocka_unit_test(quantiles_agree_with_a_sorted_array),
		cmocka_unit_test(a_rank_is_not_pushed_up_by_rounding),
		cmocka_unit_test(an_empty_histogram_has_no_quantile),
		cmocka_unit_test(merging_is_recording_both),
		cmocka_unit_test(counting_below_includes_the_value_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
