/* gateway/lib/rng_test.c - random streams: repeatable and well shaped. */
#include <math.h>

#include "gateway/lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define DRAWS 100000

static void
it_is_the_published_generator(void **state)
{
	/* pcg32 demo, seed 42, stream 54 */
	static const uint32_t want[] = { 0xa15c02b7, 0x7b47f409, 0xba1d3330,
		0x83d2f293, 0xbfa4784b, 0xcbed606e };
	struct rng r;

	rng_init(&r, 42, 54);
	for (int i = 0; i < 6; i++)
		assert_int_equal(rng_u32(&r), want[i]);
}

static void
streams_of_one_seed_differ(void **state)
{
	struct rng a, b;
	int same = 0;

	rng_init(&a, 1, 1);
	rng_init(&b, 1, 2);
	for (int i = 0; i < 1000; i++)
		same += rng_u32(&a) == rng_u32(&b);
	assert_true(same < 3);
}

static void
below_is_even_and_below(void **state)
{
	int seen[6] = { 0 };
	struct rng r;

	rng_init(&r, 3, 3);
	for (int i = 0; i < DRAWS; i++) {
		uint32_t v = rng_below(&r, 6);

		assert_in_range(v, 0, 5);
		seen[v]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], DRAWS / 6 - 700, DRAWS / 6 + 700);
}

static void
shapes_have_their_means(void **state)
{
	double unit = 0, normal = 0, square = 0, exponential = 0, v;
	struct rng r;

	rng_init(&r, 4, 4);
	for (int i = 0; i < DRAWS; i++) {
		v = rng_unit(&r);
		assert_true(v >= 0 && v < 1);
		unit += v / DRAWS;
		v = rng_normal(&r);
		normal += v / DRAWS;
		square += v * v / DRAWS;
		v = rng_exponential(&r, 5);
		assert_true(v >= 0 && isfinite(v));
		exponential += v / DRAWS;
	}
	assert_true(fabs(unit - 0.5) < 0.01);
	assert_true(fabs(normal) < 0.02);
	assert_true(fabs(square - 1) < 0.03);
	assert_true(fabs(exponential - 5) < 0.1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_published_generator),
		cmocka_unit_test(streams_of_one_seed_differ),
		cmocka_unit_test(below_is_even_and_below),
		cmocka_unit_test(shapes_have_their_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
