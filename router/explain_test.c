/* router/explain_test.c - what the router would tell a person. */
#include "router/testing.h"

static void
every_reason_and_state_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < REASON_COUNT; i++) {
		assert_non_null(plan_reason_name((enum plan_reason)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    plan_reason_name((enum plan_reason)i),
			    plan_reason_name((enum plan_reason)k));
	}
	for (int i = 0; i < VERDICT_COUNT; i++) {
		assert_non_null(verdict_name((enum verdict)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(verdict_name((enum verdict)i),
			    verdict_name((enum verdict)k));
	}
	assert_string_equal(breaker_state_name(BREAKER_CLOSED), "closed");
	assert_string_equal(breaker_state_name(BREAKER_OPEN), "open");
	assert_string_equal(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
}

static void
a_view_tells_what_is_going_on(void **state)
{
	struct rig g;
	struct ask a, b;
	struct serving_view v;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("a", "slots = 1; " FREE_OF_CHARGE), SERVING("a", "")));
	v = rig_view(&g, "a");
	assert_true(v.warm);
	assert_int_equal(v.opens_in, 0);
	assert_int_equal(v.live[PHASE_QUEUE].p50, -1);
	a = ask_for(&g);
	b = ask_for(&g);
	ask_submit(&g, &a);
	ask_submit(&g, &b);
	v = rig_view(&g, "a");
	assert_int_equal(v.in_flight, 1);
	assert_int_equal(v.waiting, 1);
	assert_int_equal(v.backend, rig_backend(&g, "a")->id);
	rig_probe(&g, "a", FAULT_DNS);
	v = rig_view(&g, "a");
	assert_int_equal(v.breaker, BREAKER_OPEN);
	assert_int_equal(v.last_fault, FAULT_DNS);
	assert_in_range(v.opens_in, 800 * USEC_MS, 1200 * USEC_MS);
	rig_fini(&g);
}

static void
there_is_no_view_of_what_is_not_there(void **state)
{
	struct rig g;
	struct serving_view v;

	(void)state;
	rig_init(&g, CONF(BACKEND("a", FREE_OF_CHARGE), SERVING("a", "")));
	assert_false(router_view(g.router, 999, g.now, &v));
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_and_state_has_a_name_of_its_own),
		cmocka_unit_test(a_view_tells_what_is_going_on),
		cmocka_unit_test(there_is_no_view_of_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
