/* router/limits_test.c - what is known of the rate limits of providers, and of
 * which model. */
#include "router/testing.h"

static void
a_429_is_obeyed_up_to_a_minute(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_one_ends(&g, FAULT_RATE_LIMITED, 5 * USEC_SEC);
	rig_pass(&g, 5 * USEC_SEC - 1);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_pass(&g, 1);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_one_ends(&g, FAULT_RATE_LIMITED, 3600 * USEC_SEC);
	rig_pass(&g, 60 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "a");
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	rig_fini(&g);
}

static void
wordless_429s_in_a_row_block_for_longer(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 4; i++) {
		rig_one_ends(&g, FAULT_RATE_LIMITED, 0);
		assert_int_equal(rig_view(&g, "a").opens_in, USEC_SEC << i);
		rig_pass(&g, USEC_SEC << i);
	}
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_finish(&g, &a, 1000, 10, 10);
	rig_one_ends(&g, FAULT_RATE_LIMITED, 0);
	assert_int_equal(rig_view(&g, "a").opens_in, USEC_SEC);
	rig_fini(&g);
}

static void
one_burst_of_429s_is_one_refusal(void **state)
{
	struct fault fault = { .kind = FAULT_RATE_LIMITED };
	struct rig g;
	struct ask a[5];

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 5; i++) {
		a[i] = ask_for(&g);
		a[i].req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a[i], "a");
	}
	for (int i = 0; i < 5; i++)
		router_retry(g.router, a[i].ticket, &fault, g.now, &a[i].plan);
	assert_in_range(rig_view(&g, "a").opens_in, USEC_SEC, 2 * USEC_SEC);
	rig_fini(&g);
}

static void
headers_that_say_nothing_is_left_are_believed(void **state)
{
	struct load empty = { .has = LOAD_LIMIT_TOKENS,
		.left_tokens = 0,
		.reset_tokens = 3 * USEC_SEC };
	struct load refilled = { .has = LOAD_LIMIT_TOKENS, .left_tokens = 500 };
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_limits(&g, "a", &empty);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_limits(&g, "a", &refilled);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_limits(&g, "a", &empty);
	rig_pass(&g, 3 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

static struct load
left(double requests, usec reset)
{
	return (struct load){ .has = LOAD_LIMIT_REQUESTS,
		.left_requests = requests,
		.reset_requests = reset };
}

/* Where one of that priority would go. */
static const char *
goes_as(struct rig *g, enum priority p)
{
	struct ask a = ask_for(g);
	const char *where;

	a.req.slo.priority = p;
	ask_submit(g, &a);
	where = ask_went(g, &a);
	ask_cancel(g, &a);
	return where;
}

static void
the_last_requests_of_a_rate_are_kept_for_premium(void **state)
{
	struct load plenty = left(20, 20 * USEC_SEC);
	struct load few = left(3, 17 * USEC_SEC);
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_limits(&g, "a", &plenty);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "a");
	rig_limits(&g, "a", &few);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "b");
	assert_string_equal(goes_as(&g, PRIORITY_BATCH), "b");
	assert_string_equal(goes_as(&g, PRIORITY_PREMIUM), "a");
	/* it refills as the headers say */
	rig_pass(&g, 17 * USEC_SEC);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "a");
	rig_fini(&g);
}

static void
of_a_burst_that_is_used_up_the_first_call_is_back_soon(void **state)
{
	struct load plenty = left(20, 20 * USEC_SEC);
	struct load none = left(0, 20 * USEC_SEC);
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_limits(&g, "a", &plenty);
	rig_limits(&g, "a", &none);
	rig_pass(&g, 9 * USEC_SEC / 10);
	assert_string_equal(goes_as(&g, PRIORITY_PREMIUM), "b");
	rig_pass(&g, 2 * USEC_SEC / 10);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "b");
	assert_string_equal(goes_as(&g, PRIORITY_PREMIUM), "a");
	rig_fini(&g);
}

/* A day's, as of a provider that tells of no other. */
static void
nothing_is_kept_of_what_nobody_lives_to_see_refilled(void **state)
{
	static const enum priority all[] = { PRIORITY_STANDARD,
		PRIORITY_BATCH };
	struct load morning = left(14400, 86000 * USEC_SEC);
	struct load evening = left(200, 3000 * USEC_SEC);
	struct load last = left(0, 2999 * USEC_SEC);
	struct rig g;

	for (size_t i = 0; i < COUNT(all); i++) {
		rig_init(&g, CONF(BACKEND("a", PRICE(1, 1)), SERVING("a", "")));
		rig_limits(&g, "a", &morning);
		rig_limits(&g, "a", &evening);
		assert_string_equal(goes_as(&g, all[i]), "a");
		rig_limits(&g, "a", &last);
		assert_string_equal(goes_as(&g, all[i]), "rate_limited");
		/* and then it is asked whether that is still so */
		rig_pass(&g, 61 * USEC_SEC);
		assert_string_equal(goes_as(&g, all[i]), "a");
		rig_fini(&g);
	}
}

/* As when it is first heard of while it is used up. */
static void
a_burst_that_seems_small_keeps_nobody_out_for_good(void **state)
{
	static const enum priority all[] = { PRIORITY_STANDARD,
		PRIORITY_BATCH };
	struct rig g;
	struct ask a;

	for (size_t i = 0; i < COUNT(all); i++)
		for (unsigned n = 0; n < 6; n++) {
			struct load some = left(n, USEC_SEC);

			rig_init(&g,
			    CONF(BACKEND("a", PRICE(1, 1)), SERVING("a", "")));
			a = ask_for(&g);
			assert_goes(&g, &a, "a");
			rig_limits(&g, "a", &some);
			ask_finish(&g, &a, 1000, 10, 10);
			rig_pass(&g, 2 * USEC_SEC);
			assert_string_equal(goes_as(&g, all[i]), "a");
			rig_fini(&g);
		}
}

static void
where_no_refill_is_told_of_nobody_is_kept_out_for_good(void **state)
{
	struct load most = left(50, 0), few = left(5, 0), none = left(0, 0);
	struct rig g;

	rig_init(&g, CONF(BACKEND("a", PRICE(1, 1)), SERVING("a", "")));
	rig_limits(&g, "a", &most);
	rig_limits(&g, "a", &few);
	assert_string_equal(goes_as(&g, PRIORITY_BATCH), "a");
	rig_limits(&g, "a", &none);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "rate_limited");
	rig_pass(&g, 2 * USEC_SEC);
	assert_string_equal(goes_as(&g, PRIORITY_STANDARD), "a");
	assert_string_equal(goes_as(&g, PRIORITY_BATCH), "a");
	rig_fini(&g);
}

static void
what_is_sent_counts_before_the_next_headers_come(void **state)
{
	struct load plenty = left(10, 0);
	struct rig g;
	struct ask a[20];
	unsigned there = 0;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_limits(&g, "a", &plenty);
	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = ask_for(&g);
		a[i].req.slo.priority = PRIORITY_PREMIUM;
		ask_submit(&g, &a[i]);
		there += strcmp(ask_went(&g, &a[i]), "a") == 0;
	}
	assert_int_equal(there, 10);
	rig_fini(&g);
}

/* --- of several models at one backend --- */

#define PLACES BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(9, 9))
#define AT_BOTH(upstream)                                                      \
	SERVING("a", "model = \"" upstream "\";")                              \
	", " SERVING("b", "model = \"" upstream "\";")
#define PAIR                                                                   \
	CONF_OF(PLACES, MODEL("m", AT_BOTH("x")) ", " MODEL("n", AT_BOTH("y")))

enum { M, N };

static struct ask
ask_of(const struct rig *g, unsigned model)
{
	struct ask a = ask_for(g);

	a.req.model = &g->conf->models[model];
	return a;
}

static const char *
goes_of(struct rig *g, unsigned model)
{
	struct ask a = ask_of(g, model);
	const char *where;

	ask_submit(g, &a);
	where = ask_went(g, &a);
	ask_cancel(g, &a);
	return where;
}

/* One of that model at "a" fails so. */
static void
one_of_fails(struct rig *g, unsigned model, enum fault_kind kind)
{
	struct fault fault = { .kind = kind, .retry_after = 30 * USEC_SEC };
	struct ask a = ask_of(g, model);

	assert_goes(g, &a, "a");
	router_retry(g->router, a.ticket, &fault, g->now, &a.plan);
	assert_string_equal(ask_went(g, &a), "b");
	ask_cancel(g, &a);
}

static struct serving_view
view_of(const struct rig *g, unsigned model)
{
	struct serving_view v;

	assert_true(router_view(
	    g->router, g->conf->models[model].servings[0].id, g->now, &v));
	return v;
}

static void
one_models_429_leaves_the_others(void **state)
{
	struct rig g;

	rig_init(&g, PAIR);
	one_of_fails(&g, M, FAULT_RATE_LIMITED);
	assert_string_equal(goes_of(&g, M), "b");
	assert_string_equal(goes_of(&g, N), "a");
	/* and so it is told */
	assert_int_equal(view_of(&g, M).opens_in, 30 * USEC_SEC);
	assert_int_equal(view_of(&g, M).last_fault, FAULT_RATE_LIMITED);
	assert_int_equal(view_of(&g, N).opens_in, 0);
	assert_int_equal(view_of(&g, N).last_fault, FAULT_NONE);
	rig_pass(&g, 30 * USEC_SEC);
	assert_string_equal(goes_of(&g, M), "a");
	rig_fini(&g);
}

static void
where_all_count_together_each_costs_one_refusal(void **state)
{
	struct rig g;

	rig_init(&g, PAIR);
	one_of_fails(&g, M, FAULT_RATE_LIMITED);
	one_of_fails(&g, N, FAULT_RATE_LIMITED);
	for (int i = 0; i < 5; i++) {
		assert_string_equal(goes_of(&g, M), "b");
		assert_string_equal(goes_of(&g, N), "b");
	}
	rig_fini(&g);
}

static void
one_models_headers_leave_the_others(void **state)
{
	struct load plenty = left(20, 20 * USEC_SEC), none = left(0, 9e6);
	struct load few = left(3, 17 * USEC_SEC);
	struct rig g;

	rig_init(&g, PAIR);
	rig_limits(&g, "a", &plenty);
	rig_limits(&g, "a", &few); /* the rest is premium's */
	assert_string_equal(goes_of(&g, M), "b");
	assert_string_equal(goes_of(&g, N), "a");
	rig_limits(&g, "a", &none);
	assert_string_equal(goes_of(&g, M), "b");
	assert_string_equal(goes_of(&g, N), "a");
	assert_int_equal(view_of(&g, M).load.has, LOAD_LIMIT_REQUESTS);
	/* until the first of the 20 is back */
	assert_in_range(view_of(&g, M).opens_in, 450000, 450001);
	assert_int_equal(view_of(&g, N).load.has, 0);
	assert_int_equal(view_of(&g, N).last_fault, FAULT_NONE);
	rig_fini(&g);
}

static void
one_models_success_says_nothing_of_anothers_limit(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, PAIR);
	for (int i = 0; i < 3; i++) {
		rig_one_ends(&g, FAULT_RATE_LIMITED, 0);
		assert_int_equal(view_of(&g, M).opens_in, USEC_SEC << i);
		a = ask_of(&g, N);
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, 1000, 10, 10);
		rig_pass(&g, USEC_SEC << i);
	}
	rig_fini(&g);
}

static void
a_key_or_an_outage_concerns_all_models(void **state)
{
	static const enum fault_kind all[] = { FAULT_KEY, FAULT_REFUSED };
	struct rig g;

	for (size_t i = 0; i < COUNT(all); i++) {
		rig_init(&g, PAIR);
		one_of_fails(&g, M, FAULT_RATE_LIMITED);
		rig_pass(&g, 40 * USEC_SEC);
		one_of_fails(&g, M, all[i]);
		assert_string_equal(goes_of(&g, N), "b");
		assert_int_equal(view_of(&g, M).last_fault, all[i]);
		assert_int_equal(view_of(&g, N).last_fault, all[i]);
		rig_fini(&g);
	}
}

#define MOVED                                                                  \
	CONF_OF(                                                               \
	    "{ name = \"a\"; adapter = \"vllm\"; url = "                       \
	    "\"http://c/v1\"; " PRICE(1, 1) " }, " BACKEND("b", PRICE(9, 9)),  \
	    MODEL("m", AT_BOTH("x")) ", " MODEL("n", AT_BOTH("y")))

static void
a_reload_forgets_no_limit_but_of_what_has_moved(void **state)
{
	struct load few = left(5, 5 * USEC_SEC);
	struct conf *old;
	struct rig g;

	rig_init(&g, PAIR);
	rig_limits(&g, "a", &few);
	one_of_fails(&g, M, FAULT_RATE_LIMITED);
	old = rig_reload(&g, PAIR);
	conf_unref(&old);
	assert_string_equal(goes_of(&g, M), "b");
	assert_string_equal(goes_of(&g, N), "a");
	assert_true(view_of(&g, M).load.left_requests > 4);
	old = rig_reload(&g, MOVED);
	conf_unref(&old);
	assert_string_equal(goes_of(&g, M), "a");
	assert_int_equal(view_of(&g, M).load.has, 0);
	assert_int_equal(view_of(&g, M).last_fault, FAULT_NONE);
	rig_fini(&g);
}

static void
a_weight_may_be_of_one_models_limit(void **state)
{
	const struct restraint half = { .withheld = 0.5 };
	struct load ten = left(10, 3600 * USEC_SEC);
	unsigned there = 0;
	struct rig g;

	rig_init(&g, PAIR);
	rig_limits(&g, "a", &ten);
	router_restrain(g.router, rig_backend(&g, "a")->id,
	    rig_serving(&g, "a")->id, &half, g.now);
	for (int i = 0; i < 12; i++) {
		struct ask a = ask_of(&g, M);

		ask_submit(&g, &a);
		there += strcmp(ask_went(&g, &a), "a") == 0;
	}
	assert_int_equal(there, 5);
	assert_string_equal(goes_of(&g, N), "a");
	rig_fini(&g);
}

/* The provider has put the account into another tier: nine tenths of what there
 * is now is left, with each answer. */
static void
a_limit_that_was_lowered_is_believed(void **state)
{
	struct load large = left(1000, 60 * USEC_SEC);
	struct load small = left(90, 60 * USEC_SEC);
	unsigned sent = 0;
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_limits(&g, "a", &large);
	for (unsigned i = 0; i < 30 * 60; i++) {
		rig_pass(&g, USEC_SEC);
		rig_limits(&g, "a", &small);
		sent += strcmp(rig_next_goes(&g), "a") == 0;
	}
	assert_in_range(sent, 9 * 60, 30 * 60);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_429_is_obeyed_up_to_a_minute),
		cmocka_unit_test(wordless_429s_in_a_row_block_for_longer),
		cmocka_unit_test(one_burst_of_429s_is_one_refusal),
		cmocka_unit_test(headers_that_say_nothing_is_left_are_believed),
		cmocka_unit_test(
		    the_last_requests_of_a_rate_are_kept_for_premium),
		cmocka_unit_test(
		    of_a_burst_that_is_used_up_the_first_call_is_back_soon),
		cmocka_unit_test(
		    nothing_is_kept_of_what_nobody_lives_to_see_refilled),
		cmocka_unit_test(
		    a_burst_that_seems_small_keeps_nobody_out_for_good),
		cmocka_unit_test(
		    where_no_refill_is_told_of_nobody_is_kept_out_for_good),
		cmocka_unit_test(
		    what_is_sent_counts_before_the_next_headers_come),
		cmocka_unit_test(one_models_429_leaves_the_others),
		cmocka_unit_test(
		    where_all_count_together_each_costs_one_refusal),
		cmocka_unit_test(one_models_headers_leave_the_others),
		cmocka_unit_test(
		    one_models_success_says_nothing_of_anothers_limit),
		cmocka_unit_test(a_key_or_an_outage_concerns_all_models),
		cmocka_unit_test(
		    a_reload_forgets_no_limit_but_of_what_has_moved),
		cmocka_unit_test(a_weight_may_be_of_one_models_limit),
		cmocka_unit_test(a_limit_that_was_lowered_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
