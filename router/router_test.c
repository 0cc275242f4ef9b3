/* router/router_test.c - a request's way through the calls. */
#include "router/testing.h"

#define THREE                                                                  \
	CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(                           \
		 "b", PRICE(2, 2)) ", " BACKEND("c", PRICE(3, 3)),             \
	    SERVING("a", "") ", " SERVING("b", "") ", " SERVING("c", ""))

static void
a_retry_never_returns_to_a_serving_that_failed(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &a), "b");
	ask_fail(&g, &a, FAULT_UNSUITED);
	assert_string_equal(ask_went(&g, &a), "c");
	ask_fail(&g, &a, FAULT_BAD_ANSWER);
	assert_string_equal(ask_went(&g, &a), "exhausted");
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	assert_int_equal(rig_view(&g, "c").in_flight, 0);
	rig_fini(&g);
}

static void
what_the_request_did_wrong_is_not_tried_again(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_fail(&g, &a, FAULT_REQUEST);
	assert_string_equal(ask_went(&g, &a), "exhausted");
	rig_fini(&g);
}

static void
boundaries_hold_on_a_retry(void **state)
{
	static const char *const ac[] = { "a", "c", NULL };
	struct conf_tenant t = { .name = "t", .backends = ac };
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, THREE);
	a = ask_for(&g);
	a.req.tenant = &t;
	assert_goes(&g, &a, "a");
	ask_fail(&g, &a, FAULT_RESET);
	assert_string_equal(ask_went(&g, &a), "c");
	ask_fail(&g, &a, FAULT_RESET);
	assert_string_equal(ask_went(&g, &a), "exhausted");
	rig_fini(&g);
}

static void
embeddings_are_only_retried_on_the_same_model(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(
		     "b", PRICE(2, 2)) ", " BACKEND("c", PRICE(3, 3)),
		SERVING("a", "model = \"bge\";") ", " SERVING(
		    "b", "model = \"nomic\";") ", " SERVING("c",
		    "model = \"bge\";")));
	a = ask_for(&g);
	a.facts.dialect = DIALECT_EMBEDDINGS;
	a.facts.needs = CAP_EMBEDDINGS;
	a.facts.stream = false;
	assert_goes(&g, &a, "a");
	ask_fail(&g, &a, FAULT_RESET);
	assert_string_equal(ask_went(&g, &a), "c");
	ask_fail(&g, &a, FAULT_RESET);
	assert_string_equal(ask_went(&g, &a), "exhausted");
	rig_fini(&g);
}

static void
a_loading_backend_is_gone_back_to(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(2, 2)),
		SERVING("a", "") ", " SERVING("b", "")));
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_fail(&g, &a, FAULT_LOADING);
	assert_string_equal(ask_went(&g, &a), "b");
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &a), "wait");
	rig_probe(&g, "a", FAULT_NONE);
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "a");
	rig_fini(&g);
}

static void
the_budget_bounds_only_retries_that_would_wait(void **state)
{
	enum { N = 60 };
	struct rig g;
	struct ask a[N], full;
	unsigned waiting = 0, refused = 0;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(
		     "b", "slots = 1; " PRICE(2, 2)),
		SERVING("a", "") ", " SERVING("b", "")));
	full = ask_for(&g);
	full.req.pin = rig_backend(&g, "b");
	assert_goes(&g, &full, "b");
	for (int i = 0; i < N; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], "a");
	}
	for (int i = 0; i < N; i++) {
		ask_fail(&g, &a[i], FAULT_UNSUITED);
		waiting += a[i].plan.kind == PLAN_WAIT;
		refused += a[i].plan.kind == PLAN_NO &&
		    a[i].plan.reason == REASON_RETRY_BUDGET;
	}
	/* a tenth of 61, and ten */
	assert_int_equal(waiting, 16);
	assert_int_equal(refused, N - 16);
	rig_fini(&g);
}

static void
retries_to_free_servings_are_not_rationed(void **state)
{
	enum { N = 200 };
	struct rig g;

	(void)state;
	rig_init(&g, THREE);
	for (int i = 0; i < N; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "a");
		ask_fail(&g, &a, FAULT_UNSUITED);
		assert_string_equal(ask_went(&g, &a), "b");
		ask_cancel(&g, &a);
	}
	rig_fini(&g);
}

static void
stale_tickets_change_nothing(void **state)
{
	struct rig g;
	struct ask a, b;
	struct ticket old;

	(void)state;
	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	old = a.ticket;
	ask_finish(&g, &a, 1000, 10, 10);
	b = ask_for(&g);
	assert_goes(&g, &b, "a");
	a.ticket = old;
	assert_int_equal(ask_cancel(&g, &a), 0);
	assert_int_equal(ask_finish(&g, &a, 1000, 10, 10), 0);
	ask_fail(&g, &a, FAULT_RESET);
	assert_int_equal(a.plan.kind, PLAN_NO);
	assert_int_equal(rig_view(&g, "a").in_flight, 1);
	rig_fini(&g);
}

static void
ends_that_come_twice_count_once(void **state)
{
	struct rig g;
	struct ask a, b;

	(void)state;
	rig_init(&g, THREE);
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "a");
	ask_cancel(&g, &a);
	ask_cancel(&g, &a);
	assert_int_equal(rig_view(&g, "a").in_flight, 1);
	rig_fini(&g);
}

static void
half_open_sends_one_probe_and_the_rest_elsewhere(void **state)
{
	struct rig g;
	struct ask a[3];

	(void)state;
	rig_init(&g, THREE);
	rig_probe(&g, "a", FAULT_REFUSED);
	rig_pass(&g, 2 * USEC_SEC);
	for (int i = 0; i < 3; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], i == 0 ? "a" : "b");
	}
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_HALF_OPEN);
	ask_fail(&g, &a[0], FAULT_RESET);
	assert_string_equal(ask_went(&g, &a[0]), "b");
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	rig_fini(&g);
}

static void
a_client_that_leaves_blames_nobody(void **state)
{
	struct rig g;

	(void)state;
	rig_init(&g, THREE);
	for (int i = 0; i < 50; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "a");
		ask_cancel(&g, &a);
	}
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	rig_fini(&g);
}

static void
a_cut_after_commit_counts_against_the_backend(void **state)
{
	struct route_result cut = { .fault = { .kind = FAULT_CUT },
		.ttft = -1,
		.itl = -1,
		.total = -1 };
	struct rig g;

	(void)state;
	rig_init(&g, THREE);
	for (int i = 0; i < 10; i++) {
		struct ask a = ask_for(&g);

		/* unpinned ones would leave it alone after a few */
		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		router_first_token(g.router, a.ticket, g.now, 1000);
		router_finished(g.router, a.ticket, &cut, g.now);
	}
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	rig_fini(&g);
}

static void
one_that_fails_every_time_is_left_alone(void **state)
{
	struct route_result cut = { .fault = { .kind = FAULT_CUT },
		.ttft = -1,
		.itl = -1,
		.total = -1 };
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, THREE);
	for (int i = 0; i < 5; i++) {
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		router_first_token(g.router, a.ticket, g.now, 1000);
		rig_pass(&g, USEC_MS);
		router_finished(g.router, a.ticket, &cut, g.now);
	}
	a = ask_for(&g);
	assert_goes(&g, &a, "b");
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	ask_cancel(&g, &a);
	rig_fini(&g);
}

static void
equal_seeds_and_calls_give_equal_plans(void **state)
{
	char plans[2][400];

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct rig g;
		size_t n = 0;

		rig_init(&g,
		    CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(
			     "b", PRICE(1, 1)) ", " BACKEND("c", PRICE(1, 1)),
			SERVING("a", "") ", " SERVING("b", "") ", " SERVING(
			    "c", "")));
		for (int i = 0; i < 300; i++) {
			struct ask a = ask_for(&g);

			ask_submit(&g, &a);
			plans[run][n++] = ask_went(&g, &a)[0];
			if (i % 3 == 0)
				ask_cancel(&g, &a);
		}
		plans[run][n] = '\0';
		rig_fini(&g);
	}
	assert_string_equal(plans[0], plans[1]);
	assert_non_null(strchr(plans[0], 'b'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_retry_never_returns_to_a_serving_that_failed),
		cmocka_unit_test(what_the_request_did_wrong_is_not_tried_again),
		cmocka_unit_test(boundaries_hold_on_a_retry),
		cmocka_unit_test(embeddings_are_only_retried_on_the_same_model),
		cmocka_unit_test(a_loading_backend_is_gone_back_to),
		cmocka_unit_test(
		    the_budget_bounds_only_retries_that_would_wait),
		cmocka_unit_test(retries_to_free_servings_are_not_rationed),
		cmocka_unit_test(stale_tickets_change_nothing),
		cmocka_unit_test(ends_that_come_twice_count_once),
		cmocka_unit_test(
		    half_open_sends_one_probe_and_the_rest_elsewhere),
		cmocka_unit_test(a_client_that_leaves_blames_nobody),
		cmocka_unit_test(a_cut_after_commit_counts_against_the_backend),
		cmocka_unit_test(one_that_fails_every_time_is_left_alone),
		cmocka_unit_test(equal_seeds_and_calls_give_equal_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
