/* router/health_test.c - what attempts, probes and headers say. */
#include "router/testing.h"

static void
every_fault_blames_whom_its_row_says(void **state)
{
	for (int k = FAULT_NONE + 1; k < FAULT_COUNT; k++) {
		enum blame blame = fault_rule((enum fault_kind)k)->blame;
		bool at_once = blame != BLAME_NONE && blame != BLAME_BACKEND;
		struct rig g;

		rig_init(&g, CHEAP_OR_DEAR);
		rig_one_ends(&g, (enum fault_kind)k, 0);
		assert_string_equal(rig_next_goes(&g), at_once ? "b" : "a");
		for (int i = 0; i < 9 && !at_once; i++)
			rig_one_ends(&g, (enum fault_kind)k, 0);
		assert_string_equal(
		    rig_next_goes(&g), blame != BLAME_NONE ? "b" : "a");
		rig_fini(&g);
	}
}

static void
a_refused_key_is_tried_again_after_five_minutes(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	for (int i = 0; i < 2; i++) {
		rig_one_ends(&g, FAULT_KEY, 0);
		rig_pass(&g, 299 * USEC_SEC);
		rig_probe(&g, "a", FAULT_NONE); /* asked without a key */
		assert_string_equal(rig_next_goes(&g), "b");
		rig_pass(&g, USEC_SEC);
	}
	assert_string_equal(rig_next_goes(&g), "a");
	assert_false(rig_view(&g, "a").key_off);
	rig_fini(&g);
}

static void
a_refused_key_is_off_until_the_next_configuration(void **state)
{
	struct rig g;
	struct conf *old;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_one_ends(&g, FAULT_KEY, 0);
	assert_string_equal(rig_next_goes(&g), "b");
	assert_true(rig_view(&g, "a").key_off);
	assert_int_equal(rig_view(&g, "a").opens_in, USEC_NEVER);
	old = rig_reload(&g, CHEAP_OR_DEAR);
	assert_string_equal(rig_next_goes(&g), "a");
	conf_unref(&old);
	rig_fini(&g);
}

static void
a_key_that_has_just_worked_is_believed(void **state)
{
	struct rig g;
	struct ask a;
	unsigned refused;

	(void)state;
	rig_init(&g, CHEAP_OR_DEAR);
	rig_pass(&g, USEC_SEC);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_finish(&g, &a, 1000, 10, 10);
	rig_one_ends(&g, FAULT_KEY, 0);
	assert_false(rig_view(&g, "a").key_off);
	assert_string_equal(rig_next_goes(&g), "a");
	/* refused again and again it is as good as down */
	for (refused = 1; rig_view(&g, "a").breaker == BREAKER_CLOSED;
	     refused++)
		rig_one_ends(&g, FAULT_KEY, 0);
	assert_in_range(refused, 2, 10);
	assert_false(rig_view(&g, "a").key_off);
	/* and a minute after the last answer by it, wrong */
	rig_pass(&g, 60 * USEC_SEC);
	rig_one_ends(&g, FAULT_KEY, 0);
	assert_true(rig_view(&g, "a").key_off);
	rig_fini(&g);
}

/* A resolver that is out is not the backend: those with a kept connection are
 * answered. */
static void
a_name_that_is_not_found_blames_nobody_who_answers(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, CHEAP_OR_DEAR);
	for (unsigned i = 0; i < 20; i++) {
		rig_pass(&g, USEC_SEC);
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, 1000, 10, 10);
		for (unsigned n = 0; n < 3; n++)
			rig_one_ends(&g, FAULT_DNS, 0);
		rig_probe(&g, "a", FAULT_DNS);
		assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	}
	/* where nobody is it is out, as ever */
	rig_pass(&g, 10 * USEC_SEC);
	rig_one_ends(&g, FAULT_DNS, 0);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	rig_fini(&g);
}

static void
a_refusal_of_the_old_key_does_not_shut_the_new_one(void **state)
{
	const char *text = CONF(BACKEND("a",
				    "api_key = \"env:ROUTER_TEST_KEY\"; " PRICE(
					1, 1)) ", " BACKEND("b", PRICE(9, 9)),
	    SERVING("a", "") ", " SERVING("b", ""));
	struct rig g;
	struct conf *old;
	struct ask a;

	setenv("ROUTER_TEST_KEY", "stale", 1);
	rig_init(&g, text);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	setenv("ROUTER_TEST_KEY", "fresh", 1);
	old = rig_reload(&g, text);
	ask_fail(&g, &a, FAULT_KEY);
	assert_string_equal(rig_next_goes(&g), "a");
	conf_unref(&old);
	rig_fini(&g);
}

static void
a_model_that_was_just_there_is_asked_for_again(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_OR_DEAR);
	rig_pass(&g, USEC_SEC);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_finish(&g, &a, 1000, 10, 10);
	for (int i = 0; i < 2; i++) {
		rig_one_ends(&g, FAULT_MODEL, 0);
		assert_string_equal(rig_next_goes(&g), "b");
		rig_pass(&g, 2 * USEC_SEC);
		assert_string_equal(rig_next_goes(&g), "a");
	}
	/* not for a minute: it is gone */
	rig_pass(&g, 60 * USEC_SEC);
	rig_one_ends(&g, FAULT_MODEL, 0);
	rig_pass(&g, 59 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_fini(&g);
}

static void
a_missing_model_is_missed_for_a_minute_there_only(void **state)
{
	struct rig g;
	struct ask other;

	rig_init(&g,
	    CONF_OF(BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(9, 9)),
		MODEL("m", SERVING("a", "") ", " SERVING("b", "")) ", " MODEL(
		    "n", SERVING("a", ""))));
	rig_one_ends(&g, FAULT_MODEL, 0);
	assert_string_equal(rig_next_goes(&g), "b");
	assert_true(rig_view(&g, "a").model_gone);
	other = ask_for(&g);
	other.req.model = &g.conf->models[1];
	assert_goes(&g, &other, "a");
	rig_pass(&g, 60 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

static void
a_loading_answer_is_retried_in_two_seconds_or_when_warm(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_one_ends(&g, FAULT_LOADING, 0);
	assert_false(rig_view(&g, "a").warm);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_pass(&g, 2 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_one_ends(&g, FAULT_LOADING, 0);
	rig_probe(&g, "a", FAULT_NONE);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

static void
a_loading_probe_holds_until_another_says_warm(void **state)
{
	struct load warm = { .has = LOAD_WARM, .warm = true };
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_probe(&g, "a", FAULT_LOADING);
	rig_pass(&g, 600 * USEC_SEC);
	assert_string_equal(rig_next_goes(&g), "b");
	rig_load(&g, "a", &warm);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

static void
a_child_that_does_not_listen_yet_is_cold_not_broken(void **state)
{
	struct rig g;

	rig_init(&g,
	    CONF(BACKEND("a", "command = [ \"serve\" ]; " PRICE(1, 1)),
		SERVING("a", "")));
	rig_probe(&g, "a", FAULT_REFUSED);
	assert_string_equal(rig_next_goes(&g), "wait");
	rig_probe(&g, "a", FAULT_NONE);
	assert_string_equal(rig_next_goes(&g), "a");
	/* but once it was up, a refusal is news */
	rig_probe(&g, "a", FAULT_REFUSED);
	assert_string_equal(rig_next_goes(&g), "unavailable");
	/* until its supervisor has started it again */
	rig_probe(&g, "a", FAULT_LOADING);
	assert_string_equal(rig_next_goes(&g), "wait");
	rig_fini(&g);
}

static void
probes_open_only_where_nothing_answers(void **state)
{
	static const struct {
		enum fault_kind kind;
		const char *goes;
	} cases[] = {
		{ FAULT_REFUSED, "b" },
		{ FAULT_DNS, "b" },
		{ FAULT_TLS, "b" },
		{ FAULT_UNREACHABLE, "b" },
		{ FAULT_SERVER_ERROR, "a" },
		{ FAULT_TTFT_TIMEOUT, "a" },
		{ FAULT_KEY, "a" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rig g;

		rig_init(&g, CHEAP_OR_DEAR);
		rig_probe(&g, "a", cases[i].kind);
		assert_string_equal(rig_next_goes(&g), cases[i].goes);
		rig_fini(&g);
	}
}

#define TWENTY_SLOTS                                                           \
	CONF(BACKEND("a", "slots = 20; " PRICE(1, 1)) ", " BACKEND(            \
		 "b", PRICE(9, 9)),                                            \
	    SERVING("a", "") ", " SERVING("b", ""))

/* From half open to closed. */
static void
try_until_closed(struct rig *g)
{
	for (int i = 0; i < 5; i++) {
		struct ask probe = ask_for(g);

		probe.req.pin = rig_backend(g, "a");
		assert_goes(g, &probe, "a");
		ask_finish(g, &probe, 1000, 10, 10);
	}
	assert_int_equal(rig_view(g, "a").breaker, BREAKER_CLOSED);
}

/* How many of twenty at once are sent to "a". */
static unsigned
taken(struct rig *g)
{
	struct ask a[20];
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = ask_for(g);
		ask_submit(g, &a[i]);
		n += strcmp(ask_went(g, &a[i]), "a") == 0;
	}
	for (size_t i = 0; i < COUNT(a); i++)
		ask_cancel(g, &a[i]);
	return n;
}

static void
an_outage_that_only_probes_saw_ends_slowly_too(void **state)
{
	struct rig g;

	rig_init(&g, TWENTY_SLOTS);
	assert_in_range(taken(&g), 12, 20);
	rig_probe(&g, "a", FAULT_REFUSED);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	rig_pass(&g, 2 * USEC_SEC);
	try_until_closed(&g);
	assert_in_range(taken(&g), 1, 10);
	rig_pass(&g, 60 * USEC_SEC);
	assert_in_range(taken(&g), 12, 20);
	rig_fini(&g);
}

static void
slots_come_back_from_when_a_probe_ends_the_outage(void **state)
{
	struct rig g;

	rig_init(&g, TWENTY_SLOTS);
	for (int i = 0; i < 7; i++) { /* it is open for longer each time */
		rig_pass(&g, 40 * USEC_SEC);
		rig_probe(&g, "a", FAULT_REFUSED);
	}
	rig_probe(&g, "a", FAULT_LOADING);
	rig_pass(&g, 100 * USEC_SEC);
	rig_probe(&g, "a", FAULT_NONE);
	try_until_closed(&g);
	assert_in_range(taken(&g), 1, 10);

	rig_pass(&g, 10 * USEC_SEC);
	rig_probe(&g, "a", FAULT_REFUSED);
	rig_pass(&g, 100 * USEC_MS);
	rig_probe(&g, "a", FAULT_NONE); /* long before the time is up */
	try_until_closed(&g);
	rig_pass(&g, 31 * USEC_SEC);
	assert_in_range(taken(&g), 12, 20);
	rig_fini(&g);
}

static void
after_an_outage_it_gets_its_slots_back_slowly(void **state)
{
	struct rig g;
	struct ask a[40];
	unsigned soon = 0, late = 0;

	rig_init(&g, TWENTY_SLOTS);
	rig_one_ends(&g, FAULT_RESET, 0);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	rig_pass(&g, 2 * USEC_SEC);
	try_until_closed(&g);
	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = ask_for(&g);
		ask_submit(&g, &a[i]);
		soon += strcmp(ask_went(&g, &a[i]), "a") == 0;
		if (i == COUNT(a) / 2)
			rig_pass(&g, 60 * USEC_SEC);
		if (i == COUNT(a) / 2 - 1)
			late = soon;
	}
	assert_in_range(late, 1, 10);
	assert_in_range(soon, late + 5, 20);
	rig_fini(&g);
}

static void
slots_that_a_backend_reports_bind_where_none_are_set(void **state)
{
	struct load two = { .has = LOAD_SLOTS, .slots = 2 };
	struct rig g;
	struct ask a[3];

	rig_init(&g, CHEAP_OR_DEAR);
	rig_load(&g, "a", &two);
	for (int i = 0; i < 3; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], i < 2 ? "a" : "b");
	}
	rig_fini(&g);
}

static void
load_reports_do_not_wipe_each_other(void **state)
{
	struct load queue = {
		.has = LOAD_RUNNING | LOAD_WAITING, .running = 5, .waiting = 2
	};
	struct load limits = { .has = LOAD_LIMIT_REQUESTS, .left_requests = 9 };
	struct rig g;
	struct load seen;

	rig_init(&g, CHEAP_OR_DEAR);
	rig_load(&g, "a", &queue);
	rig_limits(&g, "a", &limits);
	seen = rig_view(&g, "a").load;
	assert_int_equal(
	    seen.has, LOAD_RUNNING | LOAD_WAITING | LOAD_LIMIT_REQUESTS);
	assert_true(seen.running > 4 && seen.left_requests > 8);
	rig_fini(&g);
}

static void
word_of_unknown_backends_is_ignored(void **state)
{
	struct fault fault = { .kind = FAULT_REFUSED };
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	router_load(g.router, 12345, NULL, &fault, g.now);
	assert_int_equal(router_owed(g.router), 0);
	assert_string_equal(rig_next_goes(&g), "a");
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault_blames_whom_its_row_says),
		cmocka_unit_test(
		    a_refused_key_is_off_until_the_next_configuration),
		cmocka_unit_test(
		    a_refused_key_is_tried_again_after_five_minutes),
		cmocka_unit_test(a_key_that_has_just_worked_is_believed),
		cmocka_unit_test(
		    a_model_that_was_just_there_is_asked_for_again),
		cmocka_unit_test(
		    a_name_that_is_not_found_blames_nobody_who_answers),
		cmocka_unit_test(
		    a_refusal_of_the_old_key_does_not_shut_the_new_one),
		cmocka_unit_test(
		    a_missing_model_is_missed_for_a_minute_there_only),
		cmocka_unit_test(
		    a_loading_answer_is_retried_in_two_seconds_or_when_warm),
		cmocka_unit_test(a_loading_probe_holds_until_another_says_warm),
		cmocka_unit_test(
		    a_child_that_does_not_listen_yet_is_cold_not_broken),
		cmocka_unit_test(probes_open_only_where_nothing_answers),
		cmocka_unit_test(after_an_outage_it_gets_its_slots_back_slowly),
		cmocka_unit_test(
		    an_outage_that_only_probes_saw_ends_slowly_too),
		cmocka_unit_test(
		    slots_come_back_from_when_a_probe_ends_the_outage),
		cmocka_unit_test(
		    slots_that_a_backend_reports_bind_where_none_are_set),
		cmocka_unit_test(load_reports_do_not_wipe_each_other),
		cmocka_unit_test(word_of_unknown_backends_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
