/* gateway/admin/vigil_test.c - trouble is seen, dated and seen to end; luck is
 * not trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "gateway/admin/vigil.h"
#include "gateway/lib/rng.h"

#include <cmocka.h>

#define STEP (5 * USEC_SEC)

/* n steps with so many met and missed in each; the number of the next. */
static uint64_t
pass(struct vigil *v, uint64_t step, unsigned n, uint32_t met, uint32_t missed)
{
	const struct vigil_step s = { met + missed, met, missed, 0.5f };

	for (unsigned i = 0; i < n; i++, step++) {
		vigil_note(v, (usec)step * STEP, met, missed, 0.95);
		vigil_turn(v, step, &s, 0.95);
	}
	return step;
}

static void
trouble_began_when_it_did(void **state)
{
	struct vigil v = { .below = false };
	uint64_t step = pass(&v, 1, 200, 50, 1), began;

	assert_false(v.below);
	began = step;
	step = pass(&v, step, 1, 0, 50);
	assert_true(v.below);
	assert_int_equal(v.began, (usec)began * STEP);
	step = pass(&v, step, 100, 25, 25);
	assert_true(v.below);
	assert_int_equal(v.began, (usec)began * STEP);
	(void)step;
}

/* Twice as many as allowed takes a while to tell from luck; when it is told,
 * it is dated back. */
static void
slow_trouble_is_dated_back(void **state)
{
	struct vigil v = { .below = false };
	uint64_t step = pass(&v, 1, 100, 98, 2), began = step;

	while (!v.below && step < began + 24)
		step = pass(&v, step, 1, 88, 12);
	assert_true(v.below);
	assert_in_range(v.began, (usec)began * STEP, (usec)(began + 1) * STEP);
	assert_true(step > began + 1);
}

static void
it_ends_when_a_minute_is_good_again(void **state)
{
	struct vigil v = { .below = false };
	uint64_t step = pass(&v, 1, 5, 0, 10);

	assert_true(v.below);
	step = pass(&v, step, VIGIL_MINUTE - 1, 10, 0);
	assert_true(v.below); /* the minute still has some of it */
	step = pass(&v, step, 1, 10, 0);
	assert_false(v.below);
	/* and the next one has a date of its own */
	(void)pass(&v, step, 4, 0, 10);
	assert_true(v.below);
	assert_int_equal(v.began, (usec)step * STEP);
}

static void
silence_ends_it_after_a_while(void **state)
{
	struct vigil v = { .below = false };
	uint64_t step = pass(&v, 1, 5, 0, 10);

	step = pass(&v, step, 59, 0, 0);
	assert_true(v.below);
	(void)pass(&v, step, 1, 0, 0);
	assert_false(v.below);
}

/* One request in half a minute, and all of them late. */
static void
few_requests_are_enough_in_time(void **state)
{
	struct vigil v = { .below = false };
	uint64_t step = 1;

	for (unsigned i = 0; i < 2; i++) {
		step = pass(&v, step, 1, 0, 1);
		assert_false(v.below);
		step = pass(&v, step, 5, 0, 0);
	}
	(void)pass(&v, step, 1, 0, 1);
	assert_true(v.below);
	assert_int_equal(v.began, STEP);
}

/* Half of what is allowed is missed, at random, for ten days. */
static void
luck_is_no_trouble(void **state)
{
	struct vigil v = { .below = false };
	struct vigil_step s;
	struct rng rng;
	unsigned below = 0, steps = 10 * 24 * 720;

	rng_init(&rng, 7, 1);
	for (uint64_t step = 1; step <= steps; step++) {
		s = (struct vigil_step){ .requests = 10 };
		for (unsigned i = 0; i < 10; i++)
			s.missed += rng_unit(&rng) < 0.025;
		s.met = 10 - s.missed;
		vigil_note(&v, (usec)step * STEP, s.met, s.missed, 0.95);
		vigil_turn(&v, step, &s, 0.95);
		below += v.below;
	}
	/* a minute a day */
	assert_in_range(below, 0, 120);
}

static void
without_a_target_there_is_no_trouble(void **state)
{
	struct vigil v = { .below = false };
	const struct vigil_step s = { 10, 0, 10, 0 };

	for (unsigned i = 1; i < 50; i++) {
		vigil_note(&v, i, 0, 10, 0);
		vigil_turn(&v, i, &s, 0);
	}
	assert_false(v.below);
}

static void
a_minute_forgets_steps_that_were_left_out(void **state)
{
	struct vigil v = { .below = false };
	const struct vigil_step s = { 3, 2, 1, 0.25f };

	vigil_turn(&v, 1, &s, 0.5);
	vigil_turn(&v, 2, &s, 0.5);
	assert_int_equal(vigil_minute(&v).requests, 6);
	assert_float_equal(vigil_minute(&v).cost, 0.5, 1e-6);
	vigil_turn(&v, 13, &s, 0.5);
	assert_int_equal(vigil_minute(&v).requests, 6); /* of 2 and 13 */
	vigil_turn(&v, 500, &s, 0.5);
	assert_int_equal(vigil_minute(&v).missed, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trouble_began_when_it_did),
		cmocka_unit_test(slow_trouble_is_dated_back),
		cmocka_unit_test(it_ends_when_a_minute_is_good_again),
		cmocka_unit_test(silence_ends_it_after_a_while),
		cmocka_unit_test(few_requests_are_enough_in_time),
		cmocka_unit_test(luck_is_no_trouble),
		cmocka_unit_test(without_a_target_there_is_no_trouble),
		cmocka_unit_test(a_minute_forgets_steps_that_were_left_out),
	};

	return cmocka_run_group_tests_name("admin/vigil", tests, NULL, NULL);
}
