/* router/memory_test.c - habits, and what breaks them. */
#include "router/testing.h"

#include <math.h>

#include "router/memory.h"

#define UNUSUAL 4.0 /* times what is usual */

static void
take_many(struct memory *m, double ratio, enum sample_kind kind, unsigned n)
{
	while (n-- > 0)
		memory_take(m, ratio, ratio, kind);
}

static struct memory
used_to_one(void)
{
	struct memory m = { 0 };

	take_many(&m, 1, SAMPLE_MEASURED, 100);
	memory_note_habit(&m);
	return m;
}

/* P(ratio <= 2). */
static double
chance(struct memory *m, bool ailing)
{
	struct spread prior, s;

	spread_prior(&prior, 1, 0.3);
	memory_mix(m, &prior, ailing, &s);
	return spread_share(&s, 2);
}

static void
a_few_that_came_are_an_alarm(void **state)
{
	struct memory m = used_to_one();

	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 2);
	assert_false(memory_is_alarmed(&m));
	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 1);
	assert_true(memory_is_alarmed(&m));
}

static void
those_that_are_late_together_count_at_once(void **state)
{
	struct memory m = used_to_one();

	take_many(&m, UNUSUAL, SAMPLE_LATE, 2);
	assert_false(memory_is_alarmed(&m));
	take_many(&m, UNUSUAL, SAMPLE_LATE, 1);
	assert_true(memory_is_alarmed(&m));
	chance(&m, false);
	assert_false(memory_is_alarmed(&m)); /* they are not late any more */
}

static void
one_that_stays_late_is_an_alarm_in_the_end(void **state)
{
	struct memory m = used_to_one();
	unsigned ticks = 0;

	while (!memory_is_alarmed(&m) && ticks < 100) {
		chance(&m, false);
		take_many(&m, UNUSUAL, SAMPLE_LATE, 1);
		ticks++;
	}
	assert_in_range(ticks, 5, 20);
}

static void
what_is_the_fault_of_others_is_no_alarm(void **state)
{
	struct memory m = used_to_one();

	for (int i = 0; i < 50; i++)
		memory_take(&m, UNUSUAL, 1, SAMPLE_LATE);
	assert_false(memory_is_alarmed(&m));
	assert_true(chance(&m, false) < 0.8); /* but slow it is */
}

static void
without_a_habit_there_is_no_alarm(void **state)
{
	struct memory m = { 0 };

	for (int i = 0; i < 50; i++)
		take_many(&m, i % 4 == 0 ? UNUSUAL : 1, SAMPLE_MEASURED, 4);
	memory_note_habit(&m);
	take_many(&m, 3 * UNUSUAL, SAMPLE_MEASURED, 20);
	assert_false(memory_is_alarmed(&m));
}

/* As it is with little traffic: the habit is looked at after each. */
static void
the_first_unusual_one_does_not_change_the_habit(void **state)
{
	struct memory m = used_to_one();

	for (int i = 0; i < 3; i++) {
		assert_false(memory_is_alarmed(&m));
		take_many(&m, UNUSUAL, SAMPLE_MEASURED, 1);
		memory_note_habit(&m);
	}
	assert_true(memory_is_alarmed(&m));
}

static void
while_it_ails_its_better_days_do_not_count(void **state)
{
	struct memory m = used_to_one();

	take_many(&m, UNUSUAL, SAMPLE_LATE, 3);
	assert_true(memory_is_alarmed(&m));
	memory_ail(&m);
	assert_true(chance(&m, true) < 0.2);
}

static void
once_healed_its_bad_days_do_not_count(void **state)
{
	struct memory m = used_to_one();

	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 40);
	memory_ail(&m);
	assert_false(memory_is_at_rest(&m));
	take_many(&m, 1, SAMPLE_MEASURED, 5);
	assert_true(memory_is_at_rest(&m));
	memory_heal(&m);
	assert_true(chance(&m, false) > 0.99);
}

static void
what_lasts_becomes_the_habit(void **state)
{
	struct memory m = used_to_one();

	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 40);
	memory_ail(&m);
	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 60);
	memory_accept(&m);
	assert_true(chance(&m, false) < 0.1);
	memory_note_habit(&m);
	take_many(&m, UNUSUAL, SAMPLE_MEASURED, 20);
	assert_false(memory_is_alarmed(&m));
}

/* Of the last row of them only, and as long as it takes no longer itself. */
static void
what_was_given_up_in_a_silence_is_forgotten(void **state)
{
	struct memory m = { 0 };

	take_many(&m, 3, SAMPLE_GIVEN_UP, 2);
	take_many(&m, 1, SAMPLE_MEASURED, 6);
	take_many(&m, 40, SAMPLE_GIVEN_UP, 8);
	memory_hear(&m, 50);
	assert_true(chance(&m, false) < 0.5);
	memory_scale(&m, 0.5);
	memory_hear(&m, 1);
	assert_in_range(lround((double)m.slow.n), 8, 8);
	assert_in_range(lround((double)m.fast.n), 8, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_that_came_are_an_alarm),
		cmocka_unit_test(those_that_are_late_together_count_at_once),
		cmocka_unit_test(one_that_stays_late_is_an_alarm_in_the_end),
		cmocka_unit_test(what_is_the_fault_of_others_is_no_alarm),
		cmocka_unit_test(without_a_habit_there_is_no_alarm),
		cmocka_unit_test(
		    the_first_unusual_one_does_not_change_the_habit),
		cmocka_unit_test(while_it_ails_its_better_days_do_not_count),
		cmocka_unit_test(once_healed_its_bad_days_do_not_count),
		cmocka_unit_test(what_lasts_becomes_the_habit),
		cmocka_unit_test(what_was_given_up_in_a_silence_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
