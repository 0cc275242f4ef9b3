/* router/plight_test.c - what an operator is told of a serving: why, since when
 * and for how long. */
#include "router/testing.h"

#include <math.h>
#include <stdlib.h>

#include "router/engine.h"

#define ONE CONF(BACKEND("a", "slots = 2; "), SERVING("a", ""))

static void
assert_plight(const struct rig *g, enum cause cause, enum fault_kind fault,
    double since, double until)
{
	const struct plight p = rig_view(g, "a").plight;

	assert_string_equal(cause_name(p.cause), cause_name(cause));
	assert_int_equal(p.fault, fault);
	assert_true(since < 0 ? p.since < 0
			      : fabs((double)p.since / 1e6 - since) < 0.01);
	assert_true(until < 0 ? p.until < 0
			      : fabs((double)p.until / 1e6 - until) < 0.01);
}

static void
fail_with(struct rig *g, enum fault_kind kind)
{
	struct ask a = ask_for(g);

	assert_goes(g, &a, "a");
	ask_fail(g, &a, kind);
}

static void
nothing_ails_it(void **state)
{
	struct rig g;

	rig_init(&g, ONE);
	assert_plight(&g, CAUSE_NONE, FAULT_NONE, -1, -1);
	rig_fini(&g);
}

static void
a_breaker_says_what_opened_it(void **state)
{
	struct ask a, b;
	struct rig g;
	usec opens;

	rig_init(&g, ONE);
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "a");
	ask_fail(&g, &a, FAULT_REFUSED);
	opens = rig_view(&g, "a").opens_in;
	rig_pass(&g, USEC_SEC / 2);
	/* what comes in late did not open it */
	ask_fail(&g, &b, FAULT_RATE_LIMITED);
	assert_plight(
	    &g, CAUSE_BREAKER, FAULT_REFUSED, 0.5, (double)opens / 1e6 - 0.5);
	/* it is down since then, however often it is tried */
	rig_pass(&g, 2 * USEC_SEC);
	assert_plight(&g, CAUSE_TRIAL, FAULT_REFUSED, 2.5, -1);
	fail_with(&g, FAULT_RESET);
	rig_pass(&g, USEC_SEC / 2);
	assert_plight(&g, CAUSE_BREAKER, FAULT_RESET, 3,
	    (double)rig_view(&g, "a").opens_in / 1e6);
	rig_pass(&g, 60 * USEC_SEC);
	for (unsigned i = 0; i < BREAKER_PROBES; i++) {
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_MS, USEC_MS, 10);
	}
	assert_plight(&g, CAUSE_NONE, FAULT_NONE, -1, -1);
	rig_fini(&g);
}

static void
a_key_is_refused_since_the_first_time(void **state)
{
	const double rest = CONF_KEY_REST / 1e6;
	struct rig g;

	rig_init(&g, ONE);
	fail_with(&g, FAULT_KEY);
	rig_pass(&g, 10 * USEC_SEC);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 10, rest - 10);
	rig_pass(&g, CONF_KEY_REST);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 10 + rest, -1);
	fail_with(&g, FAULT_KEY);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 10 + rest, rest);
	conf_unref(&(struct conf *){ rig_reload(&g, ONE) });
	fail_with(&g, FAULT_KEY);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 0, rest);
	rig_fini(&g);
}

static void
answer(struct rig *g)
{
	struct ask a = ask_for(g);

	assert_goes(g, &a, "a");
	ask_finish(g, &a, USEC_MS, USEC_MS, 10);
}

/* One that has just worked is asked on with, and yet it is said at once. */
static void
a_key_that_worked_is_refused_since_then(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE);
	rig_pass(&g, USEC_SEC);
	answer(&g);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	rig_pass(&g, USEC_SEC);
	fail_with(&g, FAULT_KEY);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 0, -1);
	rig_pass(&g, 2 * USEC_SEC);
	ask_finish(&g, &a, USEC_MS, USEC_MS, 10); /* it was let in before */
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 2, -1);
	while (rig_view(&g, "a").breaker == BREAKER_CLOSED)
		fail_with(&g, FAULT_KEY);
	assert_plight(&g, CAUSE_KEY, FAULT_NONE, 2,
	    (double)rig_view(&g, "a").opens_in / 1e6);
	rig_pass(&g, 30 * USEC_SEC);
	answer(&g);
	assert_plight(&g, CAUSE_TRIAL, FAULT_KEY, 30, -1);
	rig_fini(&g);
}

static void
a_model_is_gone_since_it_answered_last(void **state)
{
	struct rig g;

	rig_init(&g, ONE);
	rig_teach(&g, "a", 100 * USEC_MS, USEC_MS, 1);
	fail_with(&g, FAULT_MODEL);
	rig_pass(&g, 3 * USEC_SEC);
	assert_plight(&g, CAUSE_NONE, FAULT_NONE, -1, -1);
	fail_with(&g, FAULT_MODEL);
	rig_pass(&g, USEC_SEC);
	assert_plight(&g, CAUSE_MODEL, FAULT_NONE, 4, 1);
	rig_fini(&g);
}

static void
a_429_is_not_a_rate_used_up(void **state)
{
	struct load none = { .has = LOAD_LIMIT_REQUESTS,
		.reset_requests = 20 * USEC_SEC };
	struct fault fault = { .kind = FAULT_RATE_LIMITED,
		.retry_after = 7 * USEC_SEC };
	struct ask a;
	struct rig g;

	rig_init(&g, ONE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	router_retry(g.router, a.ticket, &fault, g.now, &a.plan);
	assert_plight(&g, CAUSE_ANSWERED_429, FAULT_NONE, -1, 7);
	rig_limits(&g, "a", &none);
	assert_plight(&g, CAUSE_RATE_USED_UP, FAULT_NONE, -1, 20);
	rig_fini(&g);
}

static void
what_loads_does_so_since(void **state)
{
	struct rig g;

	rig_init(&g, ONE);
	rig_probe(&g, "a", FAULT_LOADING);
	rig_pass(&g, 40 * USEC_SEC);
	rig_probe(&g, "a", FAULT_LOADING);
	assert_plight(&g, CAUSE_LOADING, FAULT_NONE, 40, -1);
	rig_fini(&g);
	rig_init(&g,
	    CONF(BACKEND("a", "command = [ \"serve\" ]; "), SERVING("a", "")));
	rig_pass(&g, 5 * USEC_SEC);
	assert_plight(&g, CAUSE_LOADING, FAULT_NONE, 5, -1);
	rig_fini(&g);
}

static void
restrain(struct rig *g, bool drained, double withheld)
{
	const struct restraint r = { .drained = drained, .withheld = withheld };

	router_restrain(g->router, rig_backend(g, "a")->id, 0, &r, g->now);
}

static void
an_operator_is_named(void **state)
{
	struct ask a;
	struct rig g;

	rig_init(&g, ONE);
	restrain(&g, false, 0.5);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_plight(&g, CAUSE_WEIGHT, FAULT_NONE, -1, -1);
	rig_pass(&g, USEC_SEC);
	restrain(&g, true, 0);
	rig_pass(&g, USEC_SEC);
	restrain(&g, true, 0); /* it was already */
	assert_plight(&g, CAUSE_DRAINED, FAULT_NONE, 1, -1);
	restrain(&g, false, 1);
	assert_plight(&g, CAUSE_WEIGHT_ZERO, FAULT_NONE, 1, -1);
	restrain(&g, false, 0);
	assert_plight(&g, CAUSE_NONE, FAULT_NONE, -1, -1);
	rig_fini(&g);
}

static void
slots_and_failures_are_told_apart(void **state)
{
	struct ask a[2];
	struct rig g;

	rig_init(&g, ONE);
	for (unsigned i = 0; i < 2; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], "a");
	}
	assert_plight(&g, CAUSE_SLOTS, FAULT_NONE, -1, -1);
	ask_cancel(&g, &a[0]);
	ask_cancel(&g, &a[1]);
	for (unsigned i = 0; i < FAILS_ALWAYS; i++)
		fail_with(&g, FAULT_SERVER_ERROR);
	assert_plight(&g, CAUSE_FAILING, FAULT_SERVER_ERROR, -1, -1);
	rig_fini(&g);
}

static void
off_is_off(void **state)
{
	struct rig g;

	unsetenv("PLIGHT_TEST_KEY");
	rig_init(&g,
	    CONF(BACKEND("a",
		     "api_key = \"env:PLIGHT_TEST_KEY\"; ") ", " BACKEND("b",
		     ""),
		SERVING("a", "") ", " SERVING("b", "")));
	assert_plight(&g, CAUSE_OFF, FAULT_NONE, -1, -1);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_ails_it),
		cmocka_unit_test(a_breaker_says_what_opened_it),
		cmocka_unit_test(a_key_is_refused_since_the_first_time),
		cmocka_unit_test(a_key_that_worked_is_refused_since_then),
		cmocka_unit_test(a_model_is_gone_since_it_answered_last),
		cmocka_unit_test(a_429_is_not_a_rate_used_up),
		cmocka_unit_test(what_loads_does_so_since),
		cmocka_unit_test(an_operator_is_named),
		cmocka_unit_test(slots_and_failures_are_told_apart),
		cmocka_unit_test(off_is_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
