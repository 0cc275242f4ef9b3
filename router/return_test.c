/* router/return_test.c - when whoever is turned away in an outage is told to
 * come back. */
#include "router/testing.h"

#define ALONE CONF(BACKEND("a", PRICE(1, 1)), SERVING("a", ""))

/* Tries it until it is refused; what it is then told. */
static usec
told(struct rig *g)
{
	struct ask a;

	for (;;) {
		a = ask_for(g);
		if (ask_submit(g, &a) != PLAN_GO)
			break;
		ask_fail(g, &a, FAULT_REFUSED);
		if (a.plan.retry_after > 0)
			break;
	}
	assert_int_equal(a.plan.kind, PLAN_NO);
	return a.plan.retry_after;
}

/* An outage so far, with a probe a second or none, and as many requests. What
 * the last of them is told. */
static usec
told_after(struct rig *g, unsigned seconds, bool probed)
{
	usec span = 0;

	for (unsigned i = 0; i <= seconds * 10; i++) {
		if (probed && i % 10 == 0)
			rig_probe(g, "a", FAULT_REFUSED);
		span = told(g);
		assert_in_range(span, 1, rig_view(g, "a").opens_in);
		rig_pass(g, 100 * USEC_MS);
	}
	return span;
}

static void
a_client_comes_back_when_a_probe_may_have_found_it(void **state)
{
	static const unsigned out[] = { 4, 8, 10, 16, 40 };
	struct rig g;
	usec span, most;

	for (size_t i = 0; i < COUNT(out); i++) {
		rig_init(&g, ALONE);
		span = told_after(&g, out[i], true);
		most = (usec)(0.7 * out[i] * 9 / 8 * USEC_SEC);
		assert_in_range(span, 1, most);
		rig_fini(&g);
	}
}

/* One that a probe finds and that fails again soon has to wait its time. */
static void
of_one_that_comes_and_goes_it_is_told_the_breakers_time(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ALONE);
	for (unsigned i = 0; i < 4; i++) {
		rig_probe(&g, "a", FAULT_REFUSED);
		rig_pass(&g, 30 * USEC_SEC);
		for (unsigned n = 0; n < 3; n++) {
			a = ask_for(&g);
			assert_goes(&g, &a, "a");
			ask_finish(&g, &a, 1000, 10, 10);
		}
		rig_pass(&g, USEC_SEC);
	}
	rig_probe(&g, "a", FAULT_REFUSED);
	assert_in_range(rig_view(&g, "a").opens_in, 10 * USEC_SEC, USEC_NEVER);
	assert_int_equal(told(&g), rig_view(&g, "a").opens_in);
	rig_fini(&g);
}

static void
where_nobody_probes_it_is_told_when_the_breaker_lets_it_try(void **state)
{
	struct rig g;

	rig_init(&g, ALONE);
	told_after(&g, 10, false);
	assert_int_equal(told(&g), rig_view(&g, "a").opens_in);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_client_comes_back_when_a_probe_may_have_found_it),
		cmocka_unit_test(
		    of_one_that_comes_and_goes_it_is_told_the_breakers_time),
		cmocka_unit_test(
		    where_nobody_probes_it_is_told_when_the_breaker_lets_it_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
