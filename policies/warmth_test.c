/* policies/warmth_test.c - connections that are kept open, in invented time. */
#include "policies/warmth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define S USEC_SEC
#define START (1000 * USEC_SEC)

static struct warmth_round
ask(struct warmth *w, unsigned open, unsigned idle, usec used, usec now)
{
	const struct connections c = {
		.open = open, .idle = idle, .used = used
	};

	return warmth_round(w, &c, now);
}

static void
so_many_at_once_and_one_are_kept(void **state)
{
	struct warmth w = { 0 };
	struct warmth_round r;

	assert_int_equal(ask(&w, 0, 0, 0, START).questions, 0);
	for (int i = 0; i < 3; i++)
		warmth_begin(&w, START);
	for (int i = 0; i < 3; i++)
		warmth_end(&w, false);
	r = ask(&w, 3, 3, START, START + S);
	assert_true(r.fresh);
	assert_int_equal(r.questions, 1);
	r = ask(&w, 1, 1, START, START + 2 * S);
	assert_int_equal(r.questions, 3);
	assert_int_equal(ask(&w, 4, 4, START, START + 3 * S).questions, 0);
	for (int i = 0; i < 100; i++)
		warmth_begin(&w, START + 3 * S);
	r = ask(&w, 0, 0, 0, START + 5 * S);
	assert_int_equal(r.questions, WARMTH_MOST);
}

static void
a_peak_is_forgotten(void **state)
{
	struct warmth w = { 0 };

	for (int i = 0; i < 5; i++)
		warmth_begin(&w, START);
	for (int i = 0; i < 5; i++)
		warmth_end(&w, false);
	for (int t = 20; t <= 160; t += 20) {
		warmth_begin(&w, START + t * S);
		warmth_end(&w, false);
	}
	assert_int_equal(
	    ask(&w, 0, 0, 0, START + 161 * S).questions, 1 + WARMTH_SPARE);
}

static void
nothing_is_kept_where_no_premium_request_came(void **state)
{
	struct warmth w = { 0 };

	warmth_begin(&w, START);
	warmth_end(&w, false);
	assert_true(warmth_active(&w, START + 200 * S));
	assert_false(warmth_active(&w, START + 301 * S));
	assert_int_equal(ask(&w, 0, 0, 0, START + 301 * S).questions, 0);
	warmth_begin(&w, START + 400 * S); /* however long it takes */
	assert_true(warmth_active(&w, START + 900 * S));
}

/* Asked before the backend closes them, as soon as it is known when that is;
 * one is left alone. */
static void
idle_ones_are_asked_in_time(void **state)
{
	struct warmth w = { 0 };
	struct warmth_round r;

	warmth_begin(&w, START);
	warmth_end(&w, false);
	assert_int_equal(ask(&w, 2, 2, START, START + 29 * S).questions, 0);
	assert_int_equal(ask(&w, 2, 2, START, START + 31 * S).questions, 1);
	warmth_lost(&w, 5 * S, START + 5 * S);
	assert_int_equal(w.limit, 0); /* it may have been a restart */
	warmth_lost(&w, 5 * S + 10, START + 11 * S);
	assert_int_equal(w.limit, 5 * S);
	r = ask(&w, 4, 4, START + 40 * S, START + 42 * S);
	assert_int_equal(r.questions, 0);
	r = ask(&w, 4, 4, START + 40 * S, START + 43 * S);
	assert_int_equal(r.questions, 3);
	assert_false(r.fresh);
}

static void
one_restart_teaches_nothing(void **state)
{
	struct warmth w = { 0 };

	warmth_begin(&w, START);
	for (int i = 0; i < 8; i++)
		warmth_lost(&w, (i + 1) * USEC_MS, START + i * USEC_MS);
	assert_int_equal(w.limit, 0);
	warmth_lost(&w, 60 * S, START + 70 * S);
	assert_int_equal(w.limit, 0);
	warmth_lost(&w, 61 * S, START + 140 * S);
	assert_int_equal(w.limit, 60 * S);
	/* and what was learnt is learnt anew when it changes */
	warmth_lost(&w, 10 * S, START + 200 * S);
	warmth_lost(&w, 10 * S, START + 220 * S);
	assert_int_equal(w.limit, 10 * S);
}

static void
what_does_not_help_is_tried_less_and_less(void **state)
{
	struct warmth w = { 0 };
	unsigned rounds = 0;
	usec now = START;

	warmth_begin(&w, now);
	for (; now < START + 60 * S; now += 100 * USEC_MS)
		rounds += ask(&w, 0, 0, 0, now).questions > 0;
	assert_in_range(rounds, 5, 9);
	/* a connection that comes ends it */
	now += 40 * S;
	assert_int_equal(ask(&w, 0, 0, 0, now).questions, 2);
	assert_int_equal(ask(&w, 2, 2, now, now + S).questions, 0);
	assert_int_equal(ask(&w, 1, 1, now, now + 2 * S).questions, 1);
	warmth_failed(&w);
	assert_int_equal(ask(&w, 1, 1, now, now + 2400 * USEC_MS).questions, 0);
	assert_int_equal(w.failed, 1);
}

/* Who interrupts closes a connection each time, and asks again at once. */
static void
who_is_cut_off_leaves_a_spare_for_who_follows(void **state)
{
	struct warmth w = { 0 };
	unsigned questions;
	usec now = START;

	for (int i = 0; i < 5; i++)
		warmth_begin(&w, now);
	assert_int_equal(ask(&w, 5, 0, 0, now).questions, 1);
	for (int round = 0; round < 9; round++) {
		now += 300 * USEC_MS;
		for (int i = 0; i < 3; i++) {
			warmth_end(&w, true);
			warmth_begin(&w, now);
		}
		/* what came of the round before is used up, no failure */
		questions = ask(&w, round == 0 ? 5 : 6, 1, now, now).questions;
		assert_int_equal(questions, round == 0 ? 4 : 3);
		assert_int_equal(w.failed, 0);
	}
	/* of what there is already no more is made, nor a habit */
	assert_int_equal(ask(&w, 9, 4, now, now + S).questions, 0);
	for (int i = 0; i < 4; i++) {
		now += S;
		warmth_end(&w, true);
		warmth_begin(&w, now);
		assert_int_equal(
		    ask(&w, 20 - i, 15 - i, now, now).questions, 0);
	}
	assert_int_equal(w.cut_peak, 3);
	/* and it is forgotten as a peak is */
	for (int i = 0; i < 4; i++) {
		now += 60 * S;
		warmth_end(&w, false);
		warmth_begin(&w, now);
	}
	assert_int_equal(ask(&w, 5, 0, 0, now).questions, WARMTH_SPARE);
}

static void
what_idles_is_bounded_and_what_works_is_not(void **state)
{
	struct warmth w = { 0 };

	for (int i = 0; i < 40; i++)
		warmth_begin(&w, START);
	assert_int_equal(ask(&w, 40, 0, 0, START).questions, WARMTH_SPARE);
	for (int i = 0; i < 30; i++)
		warmth_end(&w, true);
	assert_int_equal(
	    ask(&w, 13, 3, 0, START + S).questions, WARMTH_MOST - 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_one_are_kept),
		cmocka_unit_test(who_is_cut_off_leaves_a_spare_for_who_follows),
		cmocka_unit_test(what_idles_is_bounded_and_what_works_is_not),
		cmocka_unit_test(a_peak_is_forgotten),
		cmocka_unit_test(nothing_is_kept_where_no_premium_request_came),
		cmocka_unit_test(idle_ones_are_asked_in_time),
		cmocka_unit_test(one_restart_teaches_nothing),
		cmocka_unit_test(what_does_not_help_is_tried_less_and_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
