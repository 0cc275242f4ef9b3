/* router/breaker_test.c - whether a backend may be sent requests. */
#include "router/testing.h"

#include "router/breaker.h"

static struct rng rng;
static const usec start = 100 * USEC_SEC;

static int
seed(void **state)
{
	(void)state;
	rng_init(&rng, 7, 0);
	return 0;
}

static bool
fails(struct breaker *b, usec now)
{
	return breaker_failure(b, breaker_enter(b, now), false, now, &rng);
}

static bool
fails_outright(struct breaker *b, usec now)
{
	return breaker_failure(b, breaker_enter(b, now), true, now, &rng);
}

static void
goes_well(struct breaker *b, usec now)
{
	breaker_success(b, breaker_enter(b, now), false, now);
}

/* When it lets the next request through. */
static usec
reopens(const struct breaker *b, usec now)
{
	while (!breaker_permits(b, now))
		now += USEC_MS;
	return now;
}

static void
half_of_ten_calls_open_it(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		goes_well(&b, start);
	for (int i = 0; i < 4; i++)
		assert_false(fails(&b, start));
	assert_true(breaker_permits(&b, start));
	assert_true(fails(&b, start));
	assert_int_equal(breaker_state(&b, start), BREAKER_OPEN);
	assert_false(breaker_permits(&b, start));
}

static void
nine_failures_alone_do_not(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		assert_false(fails(&b, start));
	assert_true(breaker_permits(&b, start));
}

static void
failures_a_window_apart_do_not_add_up(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	for (int i = 0; i < 9; i++)
		fails(&b, start);
	for (int i = 0; i < 9; i++)
		assert_false(fails(&b, start + 10 * USEC_SEC));
	assert_int_equal(breaker_state(&b, start), BREAKER_CLOSED);
}

static void
one_outright_failure_opens_it(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	goes_well(&b, start);
	assert_true(fails_outright(&b, start));
	assert_false(breaker_permits(&b, start));
}

static void
open_spans_double_up_to_thirty_seconds(void **state)
{
	static const int seconds[] = { 1, 2, 4, 8, 16, 30, 30 };
	struct breaker b = { 0 };
	usec now = start, span;

	(void)state;
	for (size_t i = 0; i < COUNT(seconds); i++) {
		fails_outright(&b, now);
		span = reopens(&b, now) - now;
		assert_in_range(span, seconds[i] * 800 * USEC_MS,
		    seconds[i] * 1200 * USEC_MS + USEC_MS);
		now += span;
	}
}

static void
backends_that_fail_together_do_not_return_together(void **state)
{
	struct breaker a = { 0 }, b = { 0 };

	(void)state;
	fails_outright(&a, start);
	fails_outright(&b, start);
	assert_int_not_equal(reopens(&a, start), reopens(&b, start));
}

static void
half_open_lets_one_through_then_three(void **state)
{
	struct breaker b = { 0 };
	usec now;
	uint32_t first, epoch;

	(void)state;
	fails_outright(&b, start);
	now = reopens(&b, start);
	first = breaker_enter(&b, now);
	assert_false(breaker_permits(&b, now));
	breaker_success(&b, first, false, now);

	epoch = breaker_enter(&b, now);
	breaker_enter(&b, now);
	assert_true(breaker_permits(&b, now));
	breaker_enter(&b, now);
	assert_false(breaker_permits(&b, now));
	breaker_success(&b, epoch, false, now);
	assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
	breaker_success(&b, epoch, false, now);
	assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
}

static void
a_first_token_counts_before_the_answer_ends(void **state)
{
	struct breaker b = { 0 };
	usec now;
	uint32_t epoch;

	(void)state;
	fails_outright(&b, start);
	now = reopens(&b, start);
	epoch = breaker_enter(&b, now);
	breaker_vouch(&b, epoch, now);
	assert_true(breaker_permits(&b, now));
	/* and its good end is not a second success */
	breaker_success(&b, epoch, true, now);
	goes_well(&b, now);
	assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
	goes_well(&b, now);
	assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
}

static void
a_neutral_end_makes_room_for_the_next_probe(void **state)
{
	struct breaker b = { 0 };
	usec now;

	(void)state;
	fails_outright(&b, start);
	now = reopens(&b, start);
	breaker_leave(&b, breaker_enter(&b, now));
	assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
	assert_true(breaker_permits(&b, now));
}

static void
a_failed_probe_opens_it_for_longer(void **state)
{
	struct breaker b = { 0 };
	usec now;

	(void)state;
	fails_outright(&b, start);
	now = reopens(&b, start);
	assert_true(fails(&b, now));
	assert_in_range(
	    reopens(&b, now) - now, 1600 * USEC_MS, 2400 * USEC_MS + USEC_MS);
}

static void
news_from_before_it_opened_is_old(void **state)
{
	struct breaker b = { 0 };
	uint32_t old = breaker_enter(&b, start);
	usec now;

	(void)state;
	fails_outright(&b, start);
	now = reopens(&b, start);
	breaker_enter(&b, now);
	assert_false(breaker_failure(&b, old, true, now, &rng));
	breaker_success(&b, old, false, now);
	breaker_leave(&b, old);
	assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
	assert_false(breaker_permits(&b, now));
}

static void
thirty_good_seconds_are_forgiveness(void **state)
{
	struct breaker b = { 0 };
	usec now = start;

	(void)state;
	for (int i = 0; i < 4; i++) {
		fails_outright(&b, now);
		now = reopens(&b, now);
	}
	for (int i = 0; i < 3; i++)
		goes_well(&b, now);
	now += 31 * USEC_SEC;
	fails_outright(&b, now);
	assert_in_range(
	    reopens(&b, now) - now, 800 * USEC_MS, 1200 * USEC_MS + USEC_MS);
}

static void
a_good_probe_ends_the_open_time_early(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	fails_outright(&b, start);
	breaker_probe_well(&b, start + 1);
	assert_int_equal(breaker_state(&b, start + 1), BREAKER_HALF_OPEN);
	assert_true(breaker_permits(&b, start + 1));
}

static void
failed_probes_do_not_prolong_an_open_time(void **state)
{
	struct breaker b = { 0 };
	usec until;

	(void)state;
	assert_true(breaker_probe_failed(&b, start, &rng));
	until = reopens(&b, start);
	assert_false(breaker_probe_failed(&b, start + 1, &rng));
	assert_int_equal(reopens(&b, start), until);
	assert_true(breaker_probe_failed(&b, until, &rng));
}

/* Opened, found well by a probe at once, and closed by three that go well. */
static usec
opens_and_closes(struct breaker *b, usec now)
{
	assert_true(fails_outright(b, now));
	assert_true(breaker_probe_well(b, now + USEC_MS));
	for (int i = 0; i < BREAKER_PROBES; i++)
		goes_well(b, now + USEC_MS);
	assert_int_equal(breaker_state(b, now + USEC_MS), BREAKER_CLOSED);
	return now + 5 * USEC_SEC;
}

static void
who_relapses_waits_its_time_out(void **state)
{
	struct breaker b = { 0 };
	usec now = start;

	(void)state;
	now = opens_and_closes(&b, now);
	now = opens_and_closes(&b, now);
	assert_true(fails_outright(&b, now));
	assert_false(breaker_probe_well(&b, now + USEC_MS));
	assert_int_equal(breaker_state(&b, now + USEC_MS), BREAKER_OPEN);
	/* a third opening in a row: four seconds, more or less */
	now = reopens(&b, now);
	for (int i = 0; i < BREAKER_PROBES; i++)
		goes_well(&b, now);
	assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
	/* and well for long: forgiven */
	now += BREAKER_FORGIVE + 1;
	opens_and_closes(&b, now);
}

/* What stays down has not closed meanwhile: a probe brings it back. */
static void
an_outage_is_no_relapse(void **state)
{
	struct breaker b = { 0 };
	usec now = start;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_true(fails_outright(&b, now));
		now = reopens(&b, now);
	}
	assert_true(fails_outright(&b, now));
	assert_true(breaker_probe_well(&b, now + USEC_MS));
	assert_true(breaker_permits(&b, now + USEC_MS));
}

/* Its time waited out. */
static usec
closes(struct breaker *b, usec now)
{
	now = reopens(b, now);
	for (int i = 0; i < BREAKER_PROBES; i++)
		goes_well(b, now);
	assert_int_equal(breaker_state(b, now), BREAKER_CLOSED);
	return now;
}

/* Twice up for five seconds: it is the time up that counts. */
static void
relapses_foretell_the_next_one(void **state)
{
	struct breaker b = { 0 };
	usec now = start;
	double fresh, seasoned;

	(void)state;
	now = opens_and_closes(&b, now);
	assert_true(breaker_hazard(&b, now) == 0); /* once is no habit */
	now = opens_and_closes(&b, now);
	assert_true(fails_outright(&b, now));
	now = closes(&b, now);
	fresh = breaker_hazard(&b, now) * USEC_SEC;
	assert_true(fresh > 2 / 11.1 && fresh < 2 / 10.9);
	seasoned = breaker_hazard(&b, now + 15 * USEC_SEC) * USEC_SEC;
	assert_true(seasoned > 0 && seasoned < 0.5 * fresh);
	now += BREAKER_FORGIVE + 1;
	assert_true(breaker_hazard(&b, now) == 0);
	/* and the next outage is the first of a row again */
	now = opens_and_closes(&b, now);
	assert_true(breaker_hazard(&b, now) == 0);
}

/* Or who is feared would never be tried. */
static void
fear_passes_though_nobody_tries_it(void **state)
{
	struct breaker b = { 0 };
	usec now = opens_and_closes(&b, start);

	(void)state;
	assert_true(fails_outright(&b, now));
	now = reopens(&b, now);
	assert_true(breaker_hazard(&b, now) > 0);
	assert_true(breaker_hazard(&b, now + 9 * USEC_SEC) <
	    0.5 * breaker_hazard(&b, now));
	now += BREAKER_FORGIVE + USEC_MS;
	assert_int_equal(breaker_state(&b, now), BREAKER_HALF_OPEN);
	assert_true(breaker_hazard(&b, now) == 0);
}

/* The clock may be younger than what is forgiven. */
static void
the_first_opening_is_no_relapse(void **state)
{
	struct breaker b = { 0 };

	(void)state;
	opens_and_closes(&b, USEC_SEC);
	assert_true(breaker_hazard(&b, 2 * USEC_SEC) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_of_ten_calls_open_it),
		cmocka_unit_test(nine_failures_alone_do_not),
		cmocka_unit_test(failures_a_window_apart_do_not_add_up),
		cmocka_unit_test(one_outright_failure_opens_it),
		cmocka_unit_test(open_spans_double_up_to_thirty_seconds),
		cmocka_unit_test(
		    backends_that_fail_together_do_not_return_together),
		cmocka_unit_test(half_open_lets_one_through_then_three),
		cmocka_unit_test(a_first_token_counts_before_the_answer_ends),
		cmocka_unit_test(a_neutral_end_makes_room_for_the_next_probe),
		cmocka_unit_test(a_failed_probe_opens_it_for_longer),
		cmocka_unit_test(news_from_before_it_opened_is_old),
		cmocka_unit_test(thirty_good_seconds_are_forgiveness),
		cmocka_unit_test(a_good_probe_ends_the_open_time_early),
		cmocka_unit_test(failed_probes_do_not_prolong_an_open_time),
		cmocka_unit_test(who_relapses_waits_its_time_out),
		cmocka_unit_test(an_outage_is_no_relapse),
		cmocka_unit_test(relapses_foretell_the_next_one),
		cmocka_unit_test(fear_passes_though_nobody_tries_it),
		cmocka_unit_test(the_first_opening_is_no_relapse),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}
