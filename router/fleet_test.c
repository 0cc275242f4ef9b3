/* router/fleet_test.c - what a reload keeps and what it forgets. */
#include "router/testing.h"

#define A(rest) BACKEND("a", rest PRICE(1, 1))
#define B BACKEND("b", PRICE(9, 9))
#define A_AND_B(rest)                                                          \
	CONF(A(rest) ", " B, SERVING("a", "") ", " SERVING("b", ""))
#define ONLY_B CONF(B, SERVING("b", ""))

static void
what_stayed_keeps_its_state(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask busy, a;

	(void)state;
	rig_init(&g, A_AND_B("slots = 1; "));
	busy = ask_for(&g);
	assert_goes(&g, &busy, "a");
	rig_probe(&g, "b", FAULT_REFUSED);
	old = rig_reload(&g, A_AND_B("slots = 1; ") "deadline = \"30s\";\n");
	assert_int_equal(rig_view(&g, "a").in_flight, 1);
	assert_int_equal(rig_view(&g, "b").breaker, BREAKER_OPEN);
	a = ask_for(&g);
	assert_goes(&g, &a, "wait");
	ask_cancel(&g, &busy);
	conf_unref(&old);
	rig_fini(&g);
}

#define MOVED                                                                  \
	CONF("{ name = \"a\"; adapter = \"vllm\"; "                            \
	     "url = \"http://elsewhere/v1\"; " PRICE(1, 1) " }, " B,           \
	    SERVING("a", "") ", " SERVING("b", ""))

static void
a_backend_at_a_new_address_starts_afresh(void **state)
{
	struct rig g;
	struct conf *old;

	(void)state;
	rig_init(&g, A_AND_B(""));
	rig_probe(&g, "a", FAULT_REFUSED);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	old = rig_reload(&g, MOVED);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	conf_unref(&old);
	rig_fini(&g);
}

static void
pass_through(struct rig *g)
{
	struct route_result r = {
		.ttft = -1, .itl = -1, .total = 50 * USEC_MS
	};
	struct ask a = ask_for(g);

	a.facts = (struct facts){ .dialect = DIALECT_RERANK };
	a.req.pin = rig_backend(g, "a");
	assert_goes(g, &a, "a");
	router_finished(g->router, a.ticket, &r, g->now);
	rig_pass(g, 2 * USEC_SEC); /* people are told once a second */
	rig_tick(g);
}

static void
a_new_address_is_known_by_what_it_does_first(void **state)
{
	struct rig g;
	struct conf *old;

	(void)state;
	rig_init(&g, A_AND_B(""));
	pass_through(&g);
	assert_true(rig_view(&g, "a").live[PHASE_TOTAL].p50 > 0);
	old = rig_reload(&g, MOVED);
	assert_int_equal(rig_view(&g, "a").live[PHASE_TOTAL].p50, -1);
	pass_through(&g);
	assert_true(rig_view(&g, "a").live[PHASE_TOTAL].p50 > 0);
	conf_unref(&old);
	rig_fini(&g);
}

/* Neither what was learnt, nor what was noted, nor what is being measured. */
static void
what_is_measured_at_the_old_address_says_nothing_of_the_new(void **state)
{
	struct ask last, late;
	struct rig g;
	struct conf *old;

	(void)state;
	rig_init(&g, A_AND_B(""));
	rig_teach(&g, "a", 300 * USEC_MS, 10 * USEC_MS, 50);
	assert_true(rig_view(&g, "a").live[PHASE_TTFT].p50 > 0);
	last = late = ask_for(&g);
	last.req.pin = late.req.pin = rig_backend(&g, "a");
	assert_goes(&g, &last, "a");
	assert_goes(&g, &late, "a");
	rig_pass(&g, USEC_SEC);
	ask_finish(&g, &last, 700 * USEC_MS, 10, 10);
	old = rig_reload(&g, MOVED);
	assert_int_equal(rig_view(&g, "a").live[PHASE_TTFT].p50, -1);
	rig_pass(&g, USEC_SEC);
	rig_tick(&g);
	ask_finish(&g, &late, 700 * USEC_MS, 10, 10);
	rig_tick(&g);
	assert_int_equal(rig_view(&g, "a").live[PHASE_TTFT].p50, -1);
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	conf_unref(&old);
	rig_fini(&g);
}

static void
what_fails_at_the_old_address_is_not_held_against_the_new(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask a;

	(void)state;
	rig_init(&g, A_AND_B(""));
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	old = rig_reload(&g, MOVED);
	assert_int_equal(rig_view(&g, "a").in_flight, 1);
	ask_fail(&g, &a, FAULT_RESET);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	conf_unref(&old);
	rig_fini(&g);
}

/* Who waited keeps its snapshot, and so goes to the old address. */
static void
nor_is_what_is_sent_there_afterwards(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask busy, late[3];

	rig_init(&g, CONF(A("slots = 1; "), SERVING("a", "")));
	busy = ask_for(&g);
	assert_goes(&g, &busy, "a");
	for (size_t i = 0; i < COUNT(late); i++) {
		late[i] = ask_for(&g);
		assert_goes(&g, &late[i], "wait");
	}
	old = rig_reload(&g, MOVED);
	ask_finish(&g, &busy, 1000, 10, 10);
	assert_ptr_equal(rig_next(&g, 0), &late[0]);
	ask_fail(&g, &late[0], FAULT_REFUSED);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	assert_ptr_equal(rig_next(&g, 0), &late[1]);
	ask_fail(&g, &late[1], FAULT_RATE_LIMITED);
	assert_int_equal(rig_view(&g, "a").opens_in, 0);
	assert_ptr_equal(rig_next(&g, 0), &late[2]);
	ask_finish(&g, &late[2], 1000, 10, 10);
	conf_unref(&old);
	rig_fini(&g);
}

static void
a_backend_that_went_is_not_used_even_by_older_requests(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask a;

	(void)state;
	rig_init(&g, A_AND_B(""));
	a = ask_for(&g);
	old = rig_reload(&g, ONLY_B);
	assert_goes(&g, &a, "b");
	conf_unref(&old);
	rig_fini(&g);
}

static void
what_is_in_flight_may_end_after_its_backend_went(void **state)
{
	struct rig g;
	struct conf *first, *second, *third;
	struct ask a, b;
	struct serving_view v;
	uint32_t id;

	(void)state;
	rig_init(&g, A_AND_B(""));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "a");
	id = rig_serving(&g, "a")->id;
	first = rig_reload(&g, ONLY_B);
	second = rig_reload(&g, ONLY_B "deadline = \"9s\";\n");
	rig_tick(&g);
	assert_true(router_view(g.router, id, g.now, &v));
	assert_int_equal(v.in_flight, 2);
	ask_finish(&g, &a, 1000, 10, 10);
	ask_fail(&g, &b, FAULT_RESET);
	assert_string_equal(ask_went(&g, &b), "b");
	/* and is forgotten by the next reload */
	third = rig_reload(&g, ONLY_B);
	assert_false(router_view(g.router, id, g.now, &v));
	rig_tick(&g);
	conf_unref(&first);
	conf_unref(&second);
	conf_unref(&third);
	rig_fini(&g);
}

static void
who_waits_for_what_went_is_told(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask a, b;

	(void)state;
	rig_init(&g, CONF(A("slots = 1; "), SERVING("a", "")));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	old = rig_reload(&g, ONLY_B);
	assert_int_equal(rig_tick(&g), 1);
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "unavailable");
	conf_unref(&old);
	rig_fini(&g);
}

static void
more_slots_let_waiters_in(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask a[3];

	(void)state;
	rig_init(&g, CONF(A("slots = 1; "), SERVING("a", "")));
	for (int i = 0; i < 3; i++) {
		a[i] = ask_for(&g);
		ask_submit(&g, &a[i]);
	}
	old = rig_reload(&g, CONF(A("slots = 2; "), SERVING("a", "")));
	assert_ptr_equal(rig_next(&g, 0), &a[1]);
	assert_null(rig_next(&g, 0));
	conf_unref(&old);
	rig_fini(&g);
}

static void
one_that_is_not_probed_any_more_is_presumed_to_have_loaded(void **state)
{
	struct rig g;
	struct conf *old;
	struct ask a;

	rig_init(&g, CONF(A(""), SERVING("a", "")));
	rig_probe(&g, "a", FAULT_LOADING);
	a = ask_for(&g);
	assert_goes(&g, &a, "wait");
	old = rig_reload(
	    &g, CONF(A("probe_interval = \"0s\"; "), SERVING("a", "")));
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "a");
	ask_cancel(&g, &a);
	conf_unref(&old);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stayed_keeps_its_state),
		cmocka_unit_test(a_new_address_is_known_by_what_it_does_first),
		cmocka_unit_test(a_backend_at_a_new_address_starts_afresh),
		cmocka_unit_test(
		    what_is_measured_at_the_old_address_says_nothing_of_the_new),
		cmocka_unit_test(
		    what_fails_at_the_old_address_is_not_held_against_the_new),
		cmocka_unit_test(nor_is_what_is_sent_there_afterwards),
		cmocka_unit_test(
		    a_backend_that_went_is_not_used_even_by_older_requests),
		cmocka_unit_test(
		    what_is_in_flight_may_end_after_its_backend_went),
		cmocka_unit_test(who_waits_for_what_went_is_told),
		cmocka_unit_test(more_slots_let_waiters_in),
		cmocka_unit_test(
		    one_that_is_not_probed_any_more_is_presumed_to_have_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
