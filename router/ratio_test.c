/* router/ratio_test.c - distributions of a ratio. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/ratio.h"

#define SAMPLES 20000
#define ERROR 0.016

static bool
about(double got, double want, double error)
{
	bool good = fabs(got / want - 1) <= error;

	if (!good)
		print_message("got %g, want %g\n", got, want);
	return good;
}

/* Nothing but what these hold. */
static struct spread
spread_of(const struct ratios *r)
{
	const struct spread_part part = { r, (double)r->n };
	struct spread s, prior;

	spread_prior(&prior, 1, 1);
	spread_mix(&s, &part, 1, &prior, 0);
	return s;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A tail of one in ten, ten times as slow. */
static struct ratios
tailed(uint64_t seed, double *value, unsigned n)
{
	struct ratios r = { 0 };
	struct rng rng;

	rng_init(&rng, seed, 0);
	for (unsigned i = 0; i < n; i++) {
		double v = exp(0.3 * rng_normal(&rng));

		v *= rng_below(&rng, 10) == 0 ? 10 : 1;
		ratios_add(&r, v, 1);
		if (value != NULL)
			value[i] = v;
	}
	return r;
}

static void
quantiles_are_off_by_a_bucket_at_most(void **state)
{
	static double value[SAMPLES];
	struct ratios r = tailed(1, value, SAMPLES);
	struct spread s = spread_of(&r);

	qsort(value, SAMPLES, sizeof(value[0]), by_size);
	for (unsigned i = 100; i < SAMPLES - 100; i += 97)
		assert_true(
		    about(spread_at(&s, (i + 0.5) / SAMPLES), value[i], ERROR));
}

static void
a_lone_value_comes_back(void **state)
{
	for (double v = 0.04; v < 200; v *= 1.009) {
		struct ratios r = { 0 };
		struct spread s;

		ratios_add(&r, v, 1);
		s = spread_of(&r);
		assert_true(about(spread_at(&s, 0.5), v, ERROR));
	}
}

static void
shares_and_values_are_each_others_inverse(void **state)
{
	struct ratios r = tailed(2, NULL, SAMPLES);
	struct spread s = spread_of(&r);

	for (double rank = 0.01; rank < 0.995; rank += 0.003)
		assert_true(
		    fabs(spread_share(&s, spread_at(&s, rank)) - rank) < 1e-4);
	for (double v = 0.6; v < 2; v += 0.013)
		assert_true(about(spread_at(&s, spread_share(&s, v)), v, 1e-3));
}

static void
both_rise(void **state)
{
	struct ratios r = tailed(3, NULL, 200);
	struct spread s = spread_of(&r);
	double share = 0, value = 0;

	for (double v = 0.001; v < 1000; v *= 1.01) {
		assert_true(spread_share(&s, v) >= share - 1e-6);
		share = spread_share(&s, v);
	}
	assert_true(share > 1 - 1e-6);
	for (double rank = 0; rank < 1; rank += 0.003) {
		assert_true(spread_at(&s, rank) >= value);
		value = spread_at(&s, rank);
	}
}

static void
what_is_out_of_range_is_kept_at_the_ends(void **state)
{
	struct ratios r = { 0 };
	struct spread s;

	ratios_add(&r, 0, 1);
	ratios_add(&r, 1e-9, 1);
	ratios_add(&r, 1e9, 1);
	ratios_add(&r, INFINITY, 1);
	s = spread_of(&r);
	assert_true(spread_share(&s, 0) <= 0);
	assert_true(spread_share(&s, -1) <= 0);
	assert_true(fabs(spread_share(&s, 1) - 0.5) < 1e-6);
	assert_true(spread_share(&s, INFINITY) >= 1);
	assert_true(spread_at(&s, 0.9) > 100);
}

static void
a_mixture_is_the_weighted_union(void **state)
{
	struct ratios a = tailed(4, NULL, 300), b = { 0 };
	struct spread sa = spread_of(&a), sb, prior, mix;
	const struct spread_part parts[] = { { &a, 30 }, { NULL, 0 },
		{ &b, 10 } };

	for (int i = 0; i < 50; i++)
		ratios_add(&b, 3 + i / 50.0, 1);
	sb = spread_of(&b);
	spread_prior(&prior, 1, 0.5);
	spread_mix(&mix, parts, 3, &prior, 60);
	assert_true(about((double)mix.n, 40, 1e-6));
	for (double v = 0.1; v < 20; v *= 1.03)
		assert_true(fabs(spread_share(&mix, v) -
				(0.3 * spread_share(&sa, v) +
				    0.1 * spread_share(&sb, v) +
				    0.6 * spread_share(&prior, v))) < 1e-5);
}

static void
nothing_seen_leaves_the_prior(void **state)
{
	struct ratios none = { 0 };
	const struct spread_part part = { &none, 0 };
	struct spread prior, s;

	spread_prior(&prior, 2, 0.5);
	spread_mix(&s, &part, 1, &prior, 4);
	assert_true((double)s.n <= 0);
	for (double v = 0.1; v < 20; v *= 1.1)
		assert_true(
		    fabs(spread_share(&s, v) - spread_share(&prior, v)) < 1e-6);
}

static void
a_prior_has_its_median_and_width(void **state)
{
	struct spread s;

	spread_prior(&s, 2, 0.5);
	assert_true(about(spread_at(&s, 0.5), 2, ERROR));
	assert_true(about(spread_at(&s, 0.8413), 2 * exp(0.5), ERROR));
	assert_true(about(spread_at(&s, 0.1587), 2 * exp(-0.5), ERROR));
}

static void
to_scale_is_to_shift_every_quantile(void **state)
{
	static const double factors[] = { 0.1, 0.5, 0.97, 1.2, 4 };
	struct ratios r = tailed(5, NULL, SAMPLES);
	struct spread before = spread_of(&r);

	for (size_t i = 0; i < COUNT(factors); i++) {
		struct ratios scaled = r;
		struct spread s;

		ratios_scale(&scaled, factors[i]);
		s = spread_of(&scaled);
		for (double rank = 0.05; rank < 0.99; rank += 0.05)
			assert_true(about(spread_at(&s, rank),
			    factors[i] * spread_at(&before, rank), ERROR));
	}
}

static void
what_is_scaled_beyond_the_range_is_not_lost(void **state)
{
	struct ratios r = { 0 };
	struct spread s;

	ratios_add(&r, 8, 1);
	ratios_scale(&r, 1e6);
	s = spread_of(&r);
	assert_true(spread_share(&s, 100) <= 0);
	assert_true(spread_share(&s, 1e9) >= 1);
}

static void
fading_takes_weight_but_not_shape(void **state)
{
	struct ratios r = tailed(6, NULL, 1000);
	struct spread before = spread_of(&r), s;

	for (int i = 0; i < 100; i++)
		ratios_fade(&r, exp2(-0.01));
	assert_true(about((double)r.n, 500, 1e-3));
	s = spread_of(&r);
	for (double rank = 0.05; rank < 1; rank += 0.05)
		assert_true(
		    about(spread_at(&s, rank), spread_at(&before, rank), 1e-3));
}

static void
what_is_above_and_what_is_below_is_all_there_was(void **state)
{
	struct ratios all = tailed(5, NULL, SAMPLES), low = all, high = all;

	ratios_keep_below(&low, 3);
	ratios_keep_above(&high, 3);
	assert_true(about((double)low.n, 0.9 * SAMPLES, 0.02));
	assert_true(ratios_at(&low, 1) <= 3 * (1 + ERROR));
	assert_true(ratios_at(&high, 0.001) >= 3 * (1 - 2 * ERROR));
	ratios_join(&low, &high);
	assert_memory_equal(low.weight, all.weight, sizeof(all.weight));
	assert_true(about((double)low.n, SAMPLES, 1e-4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_is_above_and_what_is_below_is_all_there_was),
		cmocka_unit_test(quantiles_are_off_by_a_bucket_at_most),
		cmocka_unit_test(a_lone_value_comes_back),
		cmocka_unit_test(shares_and_values_are_each_others_inverse),
		cmocka_unit_test(both_rise),
		cmocka_unit_test(what_is_out_of_range_is_kept_at_the_ends),
		cmocka_unit_test(a_mixture_is_the_weighted_union),
		cmocka_unit_test(nothing_seen_leaves_the_prior),
		cmocka_unit_test(a_prior_has_its_median_and_width),
		cmocka_unit_test(to_scale_is_to_shift_every_quantile),
		cmocka_unit_test(what_is_scaled_beyond_the_range_is_not_lost),
		cmocka_unit_test(fading_takes_weight_but_not_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
