/* router/fit_test.c - a line through the latest points. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/rng.h"
#include "router/fit.h"

static double
at(const struct fit_line *line, double x)
{
	return line->base + line->slope * x;
}

static struct fit_line
line_of(const struct fit *f)
{
	struct fit_line line = { 0 };

	assert_true(fit_read(f, &line));
	return line;
}

static void
no_points_no_line(void **state)
{
	const struct fit_line like = { 1, 1 };
	struct fit f = { 0 };
	struct fit_line line;

	assert_false(fit_read(&f, &line));
	assert_false(fit_shaped(&f, &like, 10, &line));
}

static void
a_noisy_line_is_found(void **state)
{
	struct fit f = { 0 };
	struct fit_line line;
	struct rng rng;

	rng_init(&rng, 3, 0);
	for (int i = 0; i < 500; i++) {
		double x = rng_below(&rng, 4000);

		fit_add(&f, x, (20000 + 50 * x) * (1 + 0.2 * rng_normal(&rng)));
	}
	line = line_of(&f);
	assert_true(fabs(line.slope - 50) < 10);
	assert_true(fabs(at(&line, 2000) - 120000) < 12000);
}

static void
points_that_are_alike_give_a_flat_line(void **state)
{
	struct fit f = { 0 };
	struct fit_line line;

	for (int i = 0; i < 100; i++)
		fit_add(&f, 1000, 5000 + i);
	line = line_of(&f);
	assert_true(line.slope <= 0);
	assert_true(fabs(line.base - 5050) < 50);
}

static void
neither_part_is_negative(void **state)
{
	struct fit falling = { 0 }, steep = { 0 };
	struct fit_line line;

	for (int i = 1; i <= 100; i++) {
		fit_add(&falling, i, 1000 - i);
		fit_add(&steep, 100 + i, i);
	}
	line = line_of(&falling);
	assert_true(line.slope >= 0 && line.base > 0);
	line = line_of(&steep);
	assert_true(line.slope >= 0 && line.base > 0);
}

static void
a_rare_outlier_moves_it_little(void **state)
{
	struct fit f = { 0 };
	struct fit_line line;

	for (int i = 0; i < 100; i++)
		fit_add(&f, i, 1000);
	fit_add(&f, 50, 1e9);
	line = line_of(&f);
	assert_true(at(&line, 50) < 1100);
}

static void
it_follows_a_change(void **state)
{
	struct fit f = { 0 };
	struct fit_line line;

	for (int i = 0; i < 500; i++)
		fit_add(&f, i % 100, 1000);
	for (int i = 0; i < 1000; i++)
		fit_add(&f, i % 100, 2000);
	line = line_of(&f);
	assert_true(fabs(at(&line, 50) - 2000) < 50);
}

static void
points_that_are_alike_take_the_slope_from_the_shape(void **state)
{
	const struct fit_line like = { 100, 1 };
	struct fit f = { 0 };
	struct fit_line line;

	for (int i = 0; i < 100; i++)
		fit_add(&f, 1000, 5500);
	assert_true(fit_shaped(&f, &like, 12, &line));
	/* as steep as the shape at that height, which is five times its own */
	assert_true(fabs(at(&line, 1000) - 5500) < 55);
	assert_true(fabs(line.slope - 5) < 0.5);
}

static void
points_that_differ_soon_weigh_more_than_the_shape(void **state)
{
	const struct fit_line wrong = { 100, 100 };
	struct fit f = { 0 };
	struct fit_line line;
	struct rng rng;

	rng_init(&rng, 4, 0);
	for (int i = 0; i < 200; i++) {
		double x = rng_below(&rng, 4000);

		fit_add(&f, x, 20000 + 2 * x);
	}
	assert_true(fit_shaped(&f, &wrong, 12, &line));
	assert_true(fabs(at(&line, 500) / 21000 - 1) < 0.2);
	assert_true(fabs(at(&line, 3500) / 27000 - 1) < 0.2);
}

/* What is less than a clock tells, or than what is reckoned apart. */
static void
a_line_at_nought_can_be_left(void **state)
{
	struct fit f = { 0 };
	struct fit_line line;

	for (int i = 0; i < 100; i++)
		fit_add(&f, i % 10, 0);
	for (int i = 0; i < 1000; i++)
		fit_add(&f, i % 10, 5000 + 100 * (i % 10));
	line = line_of(&f);
	assert_true(fabs(line.base / 5000 - 1) < 0.05);
	assert_true(fabs(line.slope / 100 - 1) < 0.1);
}

static void
without_weight_the_shape_says_nothing(void **state)
{
	const struct fit_line like = { 1, 99 };
	struct fit f = { 0 };
	struct fit_line plain, shaped;

	for (int i = 0; i < 100; i++)
		fit_add(&f, i, 1000 + 3 * i);
	plain = line_of(&f);
	assert_true(fit_shaped(&f, &like, 0, &shaped));
	assert_true(fabs(plain.base - shaped.base) < 1e-6);
	assert_true(fabs(plain.slope - shaped.slope) < 1e-6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_points_no_line),
		cmocka_unit_test(a_noisy_line_is_found),
		cmocka_unit_test(points_that_are_alike_give_a_flat_line),
		cmocka_unit_test(neither_part_is_negative),
		cmocka_unit_test(a_rare_outlier_moves_it_little),
		cmocka_unit_test(it_follows_a_change),
		cmocka_unit_test(
		    points_that_are_alike_take_the_slope_from_the_shape),
		cmocka_unit_test(
		    points_that_differ_soon_weigh_more_than_the_shape),
		cmocka_unit_test(a_line_at_nought_can_be_left),
		cmocka_unit_test(without_weight_the_shape_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
