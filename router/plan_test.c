/* router/plan_test.c - go, wait or no. */
#include "router/testing.h"

#define REAL_AND_SPARE(real)                                                   \
	CONF(BACKEND("real", real PRICE(9, 9)) ", " BACKEND(                   \
		 "spare", FREE_OF_CHARGE),                                     \
	    SERVING("real", "") ", " SERVING("spare", "fallback = true;"))
#define ONE(rest) CONF(BACKEND("a", rest FREE_OF_CHARGE), SERVING("a", ""))

static void
a_fallback_is_not_used_while_anything_else_can_be(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, REAL_AND_SPARE(""));
	a = ask_for(&g);
	assert_goes(&g, &a, "real");
	rig_fini(&g);
}

static void
a_busy_backend_is_waited_for_whatever_the_fallback(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, REAL_AND_SPARE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "real");
	assert_goes(&g, &b, "wait");
	assert_string_equal(plan_reason_name(b.plan.reason), "queued");
	rig_fini(&g);
}

static void
a_full_queue_takes_the_fallback(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, REAL_AND_SPARE("slots = 1; ") "queue_limit = 0;\n");
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "real");
	assert_goes(&g, &b, "spare");
	rig_fini(&g);
}

static void
a_cold_limited_or_broken_backend_lets_the_fallback_in(void **state)
{
	static const enum fault_kind faults[] = { FAULT_LOADING,
		FAULT_RATE_LIMITED, FAULT_REFUSED, FAULT_KEY, FAULT_MODEL };

	for (size_t i = 0; i < COUNT(faults); i++) {
		struct rig g;
		struct ask a, b;

		rig_init(&g, REAL_AND_SPARE(""));
		a = ask_for(&g);
		assert_goes(&g, &a, "real");
		ask_fail(&g, &a, faults[i]);
		assert_string_equal(ask_went(&g, &a), "spare");
		b = ask_for(&g);
		assert_goes(&g, &b, "spare");
		assert_string_equal(
		    plan_reason_name(b.plan.reason), "fallback");
		rig_fini(&g);
	}
}

/* Who leaves before a first token opens no breaker. */
static void
so_does_one_that_nobody_hears_from(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, REAL_AND_SPARE(""));
	for (int i = 0; i < 3; i++) {
		a = ask_for(&g);
		assert_goes(&g, &a, "real");
		rig_pass(&g, 3 * USEC_SEC);
		ask_cancel(&g, &a);
		rig_tick(&g);
	}
	assert_string_equal(rig_next_goes(&g), "spare");
	rig_pass(&g, 9 * USEC_SEC);
	a = ask_for(&g); /* finds out */
	assert_goes(&g, &a, "real");
	assert_string_equal(rig_next_goes(&g), "spare");
	ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
	assert_string_equal(rig_next_goes(&g), "real");
	rig_fini(&g);
}

/* Ten seconds in which somebody leaves the full queue every `span`, and as many
 * come; then what a newcomer is told. */
static usec
told_when_one_goes_every(usec span)
{
	struct rig g;
	struct ask *a = calloc(200, sizeof(*a)), *at_work = a;
	usec told;
	unsigned n = 0;

	assert_non_null(a);
	rig_init(&g, ONE("slots = 1; ") "queue_limit = 5;\n");
	for (int i = 0; i < 6; i++) {
		a[n] = ask_for(&g);
		ask_submit(&g, &a[n++]);
	}
	for (usec t = 0; t < 10 * USEC_SEC; t += 100 * USEC_MS) {
		rig_pass(&g, 100 * USEC_MS);
		if (t % span == 0) {
			ask_finish(&g, at_work, 1000, 10, 10);
			at_work = rig_next(&g, 0);
			assert_non_null(at_work);
			a[n] = ask_for(&g);
			assert_goes(&g, &a[n], "wait");
			n++;
		}
		rig_tick(&g);
	}
	a[n] = ask_for(&g);
	assert_goes(&g, &a[n], "queue_full");
	told = a[n].plan.retry_after;
	rig_fini(&g);
	free(a);
	return told;
}

static void
a_full_queue_says_when_to_come_back(void **state)
{
	usec soon = told_when_one_goes_every(500 * USEC_MS);
	usec late = told_when_one_goes_every(2 * USEC_SEC);

	/* five wait: not before they have gone, nor long after */
	assert_in_range(soon, 2 * USEC_SEC, 6 * USEC_SEC);
	assert_in_range(late, 8 * USEC_SEC, 24 * USEC_SEC);
}

static void
a_higher_priority_takes_the_place_of_a_lower_one(void **state)
{
	struct rig g;
	struct ask a, b, c, d;

	rig_init(&g, ONE("slots = 1; ") "queue_limit = 1;\n");
	a = ask_for(&g);
	b = ask_for(&g);
	c = ask_for(&g);
	d = ask_for(&g);
	b.req.slo.priority = PRIORITY_BATCH;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	assert_goes(&g, &c, "wait");
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "queue_full");
	assert_true(b.plan.retry_after > 0);
	/* but not that of its own kind */
	assert_goes(&g, &d, "queue_full");
	assert_int_equal(router_queue_length(g.router), 1);
	rig_fini(&g);
}

static void
an_open_breaker_is_skipped_and_says_until_when(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE(""));
	rig_probe(&g, "a", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "unavailable");
	assert_in_range(a.plan.retry_after, 800 * USEC_MS, 1200 * USEC_MS);
	rig_pass(&g, a.plan.retry_after);
	assert_goes(&g, &a, "a");
	rig_fini(&g);
}

static void
premium_does_not_try_out_what_was_broken_while_others_may(void **state)
{
	struct rig g;
	struct ask first, other, premium;

	rig_init(&g, CHEAP_OR_DEAR);
	premium = ask_for(&g);
	premium.req.slo.priority = PRIORITY_PREMIUM;
	first = premium;
	rig_probe(&g, "a", FAULT_REFUSED);
	rig_pass(&g, 2 * USEC_SEC);
	assert_goes(&g, &first, "a"); /* there is nobody else to */
	ask_fail(&g, &first, FAULT_REFUSED);
	rig_pass(&g, 5 * USEC_SEC);
	other = ask_for(&g);
	other.req.pin = rig_backend(&g, "b");
	assert_goes(&g, &other, "b");
	assert_goes(&g, &premium, "b");
	other = ask_for(&g);
	assert_goes(&g, &other, "a");
	rig_fini(&g);
}

static void
all_over_their_limit_is_told_apart_from_broken(void **state)
{
	struct load none_left = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 0,
		.reset_requests = 7 * USEC_SEC };
	struct rig g;
	struct ask a;

	rig_init(&g,
	    CONF(BACKEND("a", FREE_OF_CHARGE) ", " BACKEND("b", FREE_OF_CHARGE),
		SERVING("a", "") ", " SERVING("b", "")));
	rig_limits(&g, "a", &none_left);
	a = ask_for(&g);
	assert_goes(&g, &a, "b");
	rig_limits(&g, "b", &none_left);
	assert_goes(&g, &a, "rate_limited");
	assert_int_equal(a.plan.retry_after, 7 * USEC_SEC);
	rig_probe(&g, "b", FAULT_REFUSED);
	assert_goes(&g, &a, "unavailable");
	rig_fini(&g);
}

static void
a_loading_child_is_waited_for(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE("command = [ \"serve\" ]; "));
	a = ask_for(&g);
	assert_goes(&g, &a, "wait");
	assert_int_equal(rig_probe(&g, "a", FAULT_LOADING), 0);
	assert_int_equal(rig_probe(&g, "a", FAULT_NONE), 1);
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "a");
	rig_fini(&g);
}

static void
a_child_that_never_loads_is_named_at_the_deadline(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE("command = [ \"serve\" ]; "));
	a = ask_for(&g);
	assert_goes(&g, &a, "wait");
	rig_pass(&g, 60 * USEC_SEC);
	assert_int_equal(rig_tick(&g), 1);
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "loading");
	rig_fini(&g);
}

static void
a_request_past_its_deadline_goes_nowhere(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE(""));
	a = ask_for(&g);
	a.req.deadline = g.now;
	assert_goes(&g, &a, "deadline");
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	rig_fini(&g);
}

static void
a_backend_that_is_off_is_not_there(void **state)
{
	struct rig g;
	struct ask a;

	unsetenv("ROUTER_TEST_KEY");
	rig_init(&g, ONE("api_key = \"env:ROUTER_TEST_KEY\"; "));
	a = ask_for(&g);
	assert_goes(&g, &a, "unavailable");
	assert_int_equal(a.plan.retry_after, 0);
	rig_fini(&g);
}

static void
pins_and_single_servings_are_named(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, REAL_AND_SPARE(""));
	a = ask_for(&g);
	a.req.pin = rig_backend(&g, "spare");
	assert_goes(&g, &a, "spare");
	assert_string_equal(plan_reason_name(a.plan.reason), "pinned");
	rig_fini(&g);
	rig_init(&g, ONE(""));
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_string_equal(plan_reason_name(a.plan.reason), "only");
	assert_int_equal(a.plan.hedge_after, HEDGE_NEVER);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_fallback_is_not_used_while_anything_else_can_be),
		cmocka_unit_test(
		    a_busy_backend_is_waited_for_whatever_the_fallback),
		cmocka_unit_test(a_full_queue_takes_the_fallback),
		cmocka_unit_test(
		    a_cold_limited_or_broken_backend_lets_the_fallback_in),
		cmocka_unit_test(so_does_one_that_nobody_hears_from),
		cmocka_unit_test(a_full_queue_says_when_to_come_back),
		cmocka_unit_test(
		    a_higher_priority_takes_the_place_of_a_lower_one),
		cmocka_unit_test(
		    an_open_breaker_is_skipped_and_says_until_when),
		cmocka_unit_test(
		    premium_does_not_try_out_what_was_broken_while_others_may),
		cmocka_unit_test(
		    all_over_their_limit_is_told_apart_from_broken),
		cmocka_unit_test(a_loading_child_is_waited_for),
		cmocka_unit_test(
		    a_child_that_never_loads_is_named_at_the_deadline),
		cmocka_unit_test(a_request_past_its_deadline_goes_nowhere),
		cmocka_unit_test(a_backend_that_is_off_is_not_there),
		cmocka_unit_test(pins_and_single_servings_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
