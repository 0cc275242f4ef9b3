/* router/fit_test.c - a line through the latest points. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/fit.h"

static void
no_points_no_line(void **state)
{
	struct fit f = { 0 };
	struct sizing line;

	(void)state;
	assert_false(fit_line(&f, &line));
}

static void
a_noisy_line_is_found(void **state)
{
	struct fit f = { 0 };
	struct sizing line;
	struct rng rng;

	(void)state;
	rng_init(&rng, 3, 0);
	for (int i = 0; i < 500; i++) {
		double x = rng_below(&rng, 4000);

		fit_add(&f, x, (20000 + 50 * x) * (1 + 0.2 * rng_normal(&rng)));
	}
	assert_true(fit_line(&f, &line));
	assert_true(fabs(line.per_token - 50) < 10);
	assert_true(fabs(sizing_at(&line, 2000) - 120000) < 12000);
}

static void
one_size_of_prompt_gives_a_flat_line(void **state)
{
	struct fit f = { 0 };
	struct sizing line;

	(void)state;
	for (int i = 0; i < 100; i++)
		fit_add(&f, 1000, 5000 + i);
	assert_true(fit_line(&f, &line));
	assert_true(line.per_token <= 0);
	assert_true(fabs(line.base - 5050) < 50);
}

static void
neither_part_is_negative(void **state)
{
	struct fit falling = { 0 }, steep = { 0 };
	struct sizing line;

	(void)state;
	for (int i = 1; i <= 100; i++) {
		fit_add(&falling, i, 1000 - i);
		fit_add(&steep, 100 + i, i);
	}
	assert_true(fit_line(&falling, &line));
	assert_true(line.per_token >= 0 && line.base > 0);
	assert_true(fit_line(&steep, &line));
	assert_true(line.per_token >= 0 && line.base > 0);
}

static void
a_rare_outlier_moves_it_little(void **state)
{
	struct fit f = { 0 };
	struct sizing line;

	(void)state;
	for (int i = 0; i < 100; i++)
		fit_add(&f, i, 1000);
	fit_add(&f, 50, 1e9);
	assert_true(fit_line(&f, &line));
	assert_true(sizing_at(&line, 50) < 1100);
}

static void
it_follows_a_change(void **state)
{
	struct fit f = { 0 };
	struct sizing line;

	(void)state;
	for (int i = 0; i < 500; i++)
		fit_add(&f, i % 100, 1000);
	for (int i = 0; i < 1000; i++)
		fit_add(&f, i % 100, 2000);
	assert_true(fit_line(&f, &line));
	assert_true(fabs(sizing_at(&line, 50) - 2000) < 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_points_no_line),
		cmocka_unit_test(a_noisy_line_is_found),
		cmocka_unit_test(one_size_of_prompt_gives_a_flat_line),
		cmocka_unit_test(neither_part_is_negative),
		cmocka_unit_test(a_rare_outlier_moves_it_little),
		cmocka_unit_test(it_follows_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
