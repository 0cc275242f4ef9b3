/* policies/shortage_test.c - whether there is less than is asked for. */
#include "gateway/conf/testing.h"

#include "policies/shortage.h"

static void
ask(struct shortage *s, unsigned asked, unsigned lost)
{
	for (unsigned i = 0; i < asked; i++)
		shortage_asked(s, 100);
	for (unsigned i = 0; i < lost; i++)
		shortage_lost(s);
}

static void
a_few_in_a_hundred_who_miss_are_one(void **state)
{
	struct shortage s = { 0 };

	(void)state;
	assert_false(shortage_is(&s));
	ask(&s, 1000, 3);
	assert_false(shortage_is(&s));
	ask(&s, 0, 30);
	assert_true(shortage_is(&s));
}

static void
one_alone_is_chance(void **state)
{
	struct shortage s = { 0 };

	(void)state;
	ask(&s, 1, 1);
	assert_false(shortage_is(&s));
	ask(&s, 1, 1);
	assert_true(shortage_is(&s));
}

/* Premium's targets are tight: some miss them anywhere. */
static void
premium_is_short_when_one_in_ten_misses(void **state)
{
	struct shortage s = { 0 };

	(void)state;
	ask(&s, 100, 8);
	assert_true(shortage_is(&s));
	assert_false(shortage_is_dire(&s));
	ask(&s, 0, 4);
	assert_true(shortage_is_dire(&s));
	s = (struct shortage){ 0 };
	ask(&s, 1, 1);
	assert_false(shortage_is_dire(&s));
}

static void
it_ends_when_nobody_misses_any_more(void **state)
{
	struct shortage s = { 0 };
	unsigned seconds = 0;

	(void)state;
	ask(&s, 1000, 500);
	while (shortage_is(&s) && seconds < 1000) {
		ask(&s, 20, 0);
		shortage_fade(&s, USEC_SEC);
		seconds++;
	}
	assert_in_range(seconds, 30, 300);
}

static void
who_asks_much_is_left_for_last(void **state)
{
	(void)state;
	assert_true(shortage_turn(1000, 10) > shortage_turn(1000, 5));
	assert_true(shortage_turn(2000, 10) > shortage_turn(1000, 10));
	/* a short one that came later goes before a long one */
	assert_true(
	    shortage_turn(5 * USEC_SEC, 100) < shortage_turn(USEC_SEC, 4000));
	/* but not for ever */
	assert_true(
	    shortage_turn(60 * USEC_SEC, 100) > shortage_turn(USEC_SEC, 4000));
}

static void
calls_are_for_who_takes_more_than_the_mean(void **state)
{
	struct shortage s = { 0 };

	(void)state;
	assert_true(shortage_is_much(&s, 1)); /* nobody else has come */
	shortage_asked(&s, 100);
	shortage_asked(&s, 500);
	assert_false(shortage_is_much(&s, 299));
	assert_true(shortage_is_much(&s, 301));
	shortage_fade(&s, 10 * USEC_SEC); /* all of them alike */
	assert_false(shortage_is_much(&s, 299));
	assert_true(shortage_is_much(&s, 301));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_in_a_hundred_who_miss_are_one),
		cmocka_unit_test(one_alone_is_chance),
		cmocka_unit_test(premium_is_short_when_one_in_ten_misses),
		cmocka_unit_test(it_ends_when_nobody_misses_any_more),
		cmocka_unit_test(who_asks_much_is_left_for_last),
		cmocka_unit_test(calls_are_for_who_takes_more_than_the_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
