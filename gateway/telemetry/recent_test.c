/* gateway/telemetry/recent_test.c - a minute, no more and no less. */
#include <string.h>

#include "gateway/lib/rng.h"
#include "gateway/telemetry/hist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define START (1000 * USEC_SEC)

static uint64_t
samples_at(struct recent *r, usec now)
{
	struct hist h = { 0 };

	recent_merge(r, now, &h);
	return h.n;
}

static void
a_value_is_seen_for_a_minute(void **state)
{
	struct recent r = { 0 };

	recent_record(&r, 500, START);
	assert_int_equal(samples_at(&r, START), 1);
	assert_int_equal(samples_at(&r, START + 59 * USEC_SEC), 1);
	assert_int_equal(samples_at(&r, START + 60 * USEC_SEC), 0);
	recent_fini(&r);
}

static void
each_slice_leaves_in_its_turn(void **state)
{
	struct recent r = { 0 };

	for (unsigned i = 0; i < 120; i++) /* one a second */
		recent_record(&r, 500, START + i * USEC_SEC);
	assert_int_equal(samples_at(&r, START + 119 * USEC_SEC), 60);
	assert_int_equal(samples_at(&r, START + 120 * USEC_SEC), 50);
	assert_int_equal(samples_at(&r, START + 165 * USEC_SEC), 10);
	assert_int_equal(samples_at(&r, START + 170 * USEC_SEC), 0);
	recent_fini(&r);
}

static void
nothing_survives_a_long_silence(void **state)
{
	struct recent r = { 0 };

	for (unsigned i = 0; i < 60; i++)
		recent_record(&r, 500, START + i * USEC_SEC);
	recent_record(&r, 700, START + 86400 * USEC_SEC);
	assert_int_equal(samples_at(&r, START + 86400 * USEC_SEC), 1);
	recent_fini(&r);
}

/* However many there are in a slice, they count as in a plain histogram. */
static void
many_values_count_like_few(void **state)
{
	static const unsigned numbers[] = { 1, 15, 16, 17, 895, 896, 897, 898,
		20000 };
	struct recent r = { 0 };
	struct rng rng;
	usec v;

	rng_init(&rng, 1, 1);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct hist want = { 0 }, got = { 0 };

		for (unsigned j = 0; j < numbers[i]; j++) {
			v = rng_below(&rng, 10000000);
			recent_record(&r, v, START + i * 60 * USEC_SEC);
			hist_record(&want, v);
		}
		recent_merge(&r, START + i * 60 * USEC_SEC, &got);
		assert_int_equal(got.n, want.n);
		assert_true(got.sum == want.sum);
		assert_memory_equal(got.count, want.count, sizeof(got.count));
	}
	recent_fini(&r);
}

static void
merging_adds_to_what_is_there(void **state)
{
	struct recent a = { 0 }, b = { 0 };
	struct hist h = { 0 };

	recent_record(&a, 10, START);
	recent_record(&b, 20, START);
	recent_merge(&a, START, &h);
	recent_merge(&b, START, &h);
	assert_int_equal(h.n, 2);
	assert_int_equal(hist_quantile(&h, 1), 20);
	recent_fini(&a);
	recent_fini(&b);
}

static void
a_clock_a_little_behind_is_harmless(void **state)
{
	struct recent r = { 0 };

	recent_record(&r, 10, START);
	recent_record(&r, 10, START - USEC_SEC);
	assert_int_equal(samples_at(&r, START - 2 * USEC_SEC), 2);
	recent_fini(&r);
}

static void
values_beyond_the_range_are_kept_at_its_ends(void **state)
{
	struct recent r = { 0 };
	struct hist h = { 0 };

	recent_record(&r, -7, START);
	recent_record(&r, USEC_NEVER, START);
	recent_merge(&r, START, &h);
	assert_int_equal(h.count[0], 1);
	assert_int_equal(h.count[HIST_BUCKETS - 1], 1);
	recent_fini(&r);
}

static void
a_quiet_one_costs_little_memory(void **state)
{
	struct recent r = { 0 };
	size_t numbers = 0;

	for (unsigned i = 0; i < 600; i++)
		recent_record(&r, 500, START + i * USEC_SEC);
	for (unsigned i = 0; i < RECENT_SLICES; i++)
		numbers += r.slice[i].cap;
	assert_true(numbers * sizeof(*r.slice[0].p) < 1024);
	recent_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_seen_for_a_minute),
		cmocka_unit_test(each_slice_leaves_in_its_turn),
		cmocka_unit_test(nothing_survives_a_long_silence),
		cmocka_unit_test(many_values_count_like_few),
		cmocka_unit_test(merging_adds_to_what_is_there),
		cmocka_unit_test(a_clock_a_little_behind_is_harmless),
		cmocka_unit_test(values_beyond_the_range_are_kept_at_its_ends),
		cmocka_unit_test(a_quiet_one_costs_little_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
