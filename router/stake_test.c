/* router/stake_test.c - what is at stake at a backend. */
#include "router/testing.h"

#include <math.h>

#include "router/stake.h"

static void
who_comes_and_goes_leaves_nothing(void **state)
{
	struct stake s = { 0 };

	(void)state;
	stake_enter(&s, 0.1, 100, 0, 15 * USEC_MS);
	stake_enter(&s, 0.2, 100, 0, 20 * USEC_MS);
	assert_true(fabs(s.at_work - 0.3) < 1e-9);
	assert_int_equal(s.itl, 20 * USEC_MS);
	stake_leave(&s, 0.1, 15 * USEC_MS);
	stake_leave(&s, 0.2, 20 * USEC_MS);
	assert_true(s.at_work < 1e-9 && s.at_work >= 0);
}

static void
who_has_no_target_leaves_those_of_others(void **state)
{
	struct stake s = { 0 };
	double coming;

	(void)state;
	stake_enter(&s, 0.1, 100, USEC_SEC, 15 * USEC_MS);
	coming = s.coming;
	stake_enter(&s, 0.1, 900, 0, 0);
	assert_int_equal(s.ttft, USEC_SEC);
	assert_int_equal(s.itl, 15 * USEC_MS);
	assert_true(fabs(s.tokens - 100) < 1e-9);
	assert_true(fabs(s.coming - coming) < 1e-15);
	assert_true(fabs(s.at_work - 0.1) < 1e-9);
}

static void
the_usual_follows_within_seconds(void **state)
{
	struct stake s = { 0 };

	(void)state;
	stake_enter(&s, 1, 100, 0, 15 * USEC_MS);
	assert_true(s.usual <= 0);
	for (unsigned i = 0; i < 10; i++)
		stake_fade(&s, 100 * USEC_MS);
	assert_true(s.usual > 0.2 && s.usual < 0.4);
	stake_fade(&s, 20 * USEC_SEC);
	assert_true(s.usual > 0.99);
	stake_leave(&s, 1, 15 * USEC_MS);
	assert_true(s.usual > 0.99); /* the next may come any moment */
	stake_fade(&s, 20 * USEC_SEC);
	assert_true(s.usual < 0.01);
}

static void
what_comes_is_a_rate(void **state)
{
	struct stake s = { 0 };

	(void)state;
	for (unsigned i = 0; i < 600; i++) { /* ten a second, a minute long */
		stake_enter(&s, 0.5, i < 300 ? 100 : 400, USEC_SEC, 0);
		stake_leave(&s, 0.5, 0);
		stake_fade(&s, 100 * USEC_MS);
	}
	assert_true(fabs(s.coming * USEC_SEC / 5 - 1) < 0.05);
	assert_true(fabs(s.tokens - 400) < 1);
	assert_true(s.at_work <= 0); /* no ITL target to lose */
	stake_fade(&s, 60 * USEC_SEC);
	assert_true(s.coming * USEC_SEC < 0.05);
}

static void
who_keeps_others_away_pays_for_where_they_go(void **state)
{
	struct stake s = { 0 };

	(void)state;
	stake_displace(&s, 3);
	for (unsigned i = 0; i < 4; i++)
		stake_enter(&s, 1, 100, 0, 15 * USEC_MS);
	stake_displace(&s, 5);
	assert_true(fabs(stake_displaced(&s) - 2) < 1e-9);
	stake_enter(&s, 1, 100, USEC_SEC, 0); /* from it nobody keeps away */
	assert_true(fabs(stake_displaced(&s) - 2) < 1e-9);
	/* nobody comes any more, and nobody knows what it would cost */
	stake_fade(&s, 30 * USEC_SEC);
	assert_true(fabs(stake_displaced(&s) - 2) < 1e-9);
	stake_fade(&s, 300 * USEC_SEC);
	assert_true(stake_displaced(&s) < 0.01);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_and_goes_leaves_nothing),
		cmocka_unit_test(who_has_no_target_leaves_those_of_others),
		cmocka_unit_test(the_usual_follows_within_seconds),
		cmocka_unit_test(what_comes_is_a_rate),
		cmocka_unit_test(who_keeps_others_away_pays_for_where_they_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
