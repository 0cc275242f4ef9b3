/* router/tick_test.c - what the passing of time brings. */
#include "router/testing.h"

#define SLO                                                                    \
	"slo = ( { name = \"chat\"; ttft = \"500ms\";"                         \
	" priority = \"premium\"; } );\n"                                      \
	"default_slo = \"chat\";\n"
#define TWO                                                                    \
	CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(2, 2)),         \
	    SERVING("a", "") ", " SERVING("b", ""))                            \
	SLO
#define ONE(rest) CONF(BACKEND("a", rest FREE_OF_CHARGE), SERVING("a", ""))

static void
nothing_is_learnt_before_a_tick(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, TWO);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_finish(&g, &a, 100 * USEC_MS, 10 * USEC_MS, 11);
	assert_int_equal(rig_view(&g, "a").live[PHASE_TTFT].p50, -1);
	rig_tick(&g);
	assert_in_range(rig_view(&g, "a").live[PHASE_TTFT].p50, 97 * USEC_MS,
	    104 * USEC_MS);
	assert_in_range(
	    rig_view(&g, "a").live[PHASE_ITL].p99, 9 * USEC_MS, 11 * USEC_MS);
	assert_in_range(rig_view(&g, "a").live[PHASE_TOTAL].p50, 190 * USEC_MS,
	    210 * USEC_MS);
	rig_fini(&g);
}

static void
pass_with_ticks(struct rig *g, usec span)
{
	for (usec end = g->now + span; g->now < end; rig_tick(g))
		rig_pass(g, 100 * USEC_MS);
}

/* So that one crowds the next out the less. */
static struct ask
short_ask(const struct rig *g)
{
	struct ask a = ask_for(g);

	a.facts.prompt_bytes = 100;
	a.req.slo.itl = 60 * USEC_MS;
	return a;
}

/* Half a minute of batch traffic, answered well wherever it goes. */
static void
live_on(struct rig *g)
{
	for (int i = 0; i < 60; i++) {
		struct ask a = short_ask(g);

		a.req.slo = (struct slo){ .name = "night",
			.priority = PRIORITY_BATCH,
			.percentile = 95,
			.total = 60 * USEC_SEC };
		if (ask_submit(g, &a) == PLAN_GO)
			ask_finish(g, &a, 40 * USEC_MS, 10 * USEC_MS, 101);
		else
			ask_cancel(g, &a);
		pass_with_ticks(g, 500 * USEC_MS);
	}
}

static void
a_backend_that_stalls_stops_looking_healthy(void **state)
{
	struct rig g;
	struct ask a[20], b;

	rig_init(&g, TWO);
	rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 50);
	rig_teach(&g, "b", 100 * USEC_MS, 10 * USEC_MS, 50);
	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = short_ask(&g);
		a[i].req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a[i], "a");
	}
	b = short_ask(&g);
	assert_goes(&g, &b, "a");
	ask_cancel(&g, &b);
	/* nobody answers; nothing has failed yet either */
	pass_with_ticks(&g, 1500 * USEC_MS);
	b = short_ask(&g);
	assert_goes(&g, &b, "b");
	ask_cancel(&g, &b);
	/* their clients leave, and others find that it is well again */
	for (size_t i = 0; i < COUNT(a); i++)
		ask_cancel(&g, &a[i]);
	live_on(&g);
	b = short_ask(&g);
	assert_goes(&g, &b, "a");
	rig_fini(&g);
}

static void
a_stream_that_slows_down_shows_before_it_ends(void **state)
{
	struct rig g;
	struct ask a[20], b;

	rig_init(&g, TWO);
	rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 50);
	rig_teach(&g, "b", 100 * USEC_MS, 10 * USEC_MS, 50);
	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = short_ask(&g);
		a[i].req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a[i], "a");
		router_first_token(g.router, a[i].ticket, g.now, 100 * USEC_MS);
	}
	b = short_ask(&g);
	assert_goes(&g, &b, "a");
	ask_cancel(&g, &b);
	for (size_t i = 0; i < COUNT(a); i++)
		router_progress(g.router, a[i].ticket, g.now, 5, 500 * USEC_MS);
	pass_with_ticks(&g, 200 * USEC_MS);
	b = short_ask(&g);
	assert_goes(&g, &b, "b");
	/* and no longer once they were up to speed again */
	ask_cancel(&g, &b);
	for (size_t i = 0; i < COUNT(a); i++) {
		router_progress(
		    g.router, a[i].ticket, g.now, 50, 500 * USEC_MS);
		ask_finish(&g, &a[i], 100 * USEC_MS, 12 * USEC_MS, 101);
	}
	live_on(&g);
	b = short_ask(&g);
	assert_goes(&g, &b, "a");
	rig_fini(&g);
}

/* What becomes of "a" when ten streams there get ten times slower, while it
 * may be reading a long prompt. */
static enum verdict
verdict_on_slow_streams(bool reading)
{
	struct route_trace trace = { 0 };
	struct ask a[10], b, reader;
	struct rig g;

	rig_init(&g, TWO);
	for (int i = 0; i < 100; i++)
		rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 1);
	for (size_t i = 0; i < COUNT(a); i++) {
		a[i] = short_ask(&g);
		a[i].req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a[i], "a");
		router_first_token(g.router, a[i].ticket, g.now, 100 * USEC_MS);
	}
	reader = ask_for(&g);
	reader.facts.prompt_bytes = 40000;
	reader.req.pin = rig_backend(&g, reading ? "a" : "b");
	assert_goes(&g, &reader, reading ? "a" : "b");
	for (size_t i = 0; i < COUNT(a); i++)
		router_progress(g.router, a[i].ticket, g.now, 5, 500 * USEC_MS);
	rig_tick(&g);
	b = short_ask(&g);
	b.req.trace = &trace;
	ask_submit(&g, &b);
	rig_fini(&g);
	return trace.row[0].verdict;
}

static void
a_prompt_that_others_wait_for_is_no_ailment(void **state)
{
	assert_int_equal(verdict_on_slow_streams(false), VERDICT_AILING);
	assert_int_not_equal(verdict_on_slow_streams(true), VERDICT_AILING);
}

static void
first_tokens_end_the_wait_however_long_the_answer(void **state)
{
	struct rig g;
	struct ask a[40], b;

	rig_init(&g, TWO);
	rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 50);
	rig_teach(&g, "b", 100 * USEC_MS, 10 * USEC_MS, 50);
	for (int i = 0; i < 40; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], "a");
		router_first_token(g.router, a[i].ticket, g.now, 100 * USEC_MS);
	}
	rig_pass(&g, 5 * USEC_SEC);
	rig_tick(&g);
	b = ask_for(&g);
	assert_goes(&g, &b, "a");
	rig_fini(&g);
}

static void
timeouts_count_as_the_time_they_took(void **state)
{
	struct rig g;

	rig_init(&g, TWO);
	rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 10);
	rig_teach(&g, "b", 100 * USEC_MS, 10 * USEC_MS, 10);
	for (int i = 0; i < 5; i++) {
		struct ask a = ask_for(&g);

		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		rig_pass(&g, 2 * USEC_SEC);
		ask_fail(&g, &a, FAULT_TTFT_TIMEOUT);
	}
	rig_tick(&g);
	for (int i = 0; i < 20; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "b");
		ask_cancel(&g, &a);
	}
	rig_fini(&g);
}

static void
whole_answers_do_not_spoil_the_ttft_of_streams(void **state)
{
	struct rig g;
	struct route_result r = { .ttft = 9 * USEC_SEC,
		.itl = -1,
		.total = 9 * USEC_SEC,
		.usage = { .known = true, .input = 1000, .output = 101 } };

	rig_init(&g, TWO);
	rig_teach(&g, "a", 100 * USEC_MS, 10 * USEC_MS, 50);
	for (int i = 0; i < 200; i++) {
		struct ask a = ask_for(&g);

		a.facts.stream = false;
		a.req.pin = rig_backend(&g, "a");
		assert_goes(&g, &a, "a");
		router_first_token(g.router, a.ticket, g.now, 9 * USEC_SEC);
		router_finished(g.router, a.ticket, &r, g.now);
	}
	rig_pass(&g, 2 * USEC_SEC); /* people are told once a second */
	rig_tick(&g);
	assert_in_range(
	    rig_view(&g, "a").live[PHASE_TTFT].p99, 1, 110 * USEC_MS);
	assert_in_range(rig_view(&g, "a").live[PHASE_TOTAL].p99, 8 * USEC_SEC,
	    10 * USEC_SEC);
	rig_fini(&g);
}

static void
a_breaker_whose_time_is_up_lets_waiters_try(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g,
	    CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(
		     "b", "slots = 1; " PRICE(9, 9)),
		SERVING("a", "") ", " SERVING("b", "")));
	rig_probe(&g, "a", FAULT_REFUSED);
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "b");
	assert_goes(&g, &b, "wait");
	assert_int_equal(rig_tick(&g), 0);
	rig_pass(&g, 2 * USEC_SEC);
	assert_int_equal(rig_tick(&g), 1);
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "a");
	rig_fini(&g);
}

static void
nobody_waits_past_a_deadline(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, ONE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	b.req.deadline = g.now + USEC_SEC;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	rig_pass(&g, USEC_SEC);
	assert_int_equal(rig_tick(&g), 1);
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "deadline");
	assert_int_equal(router_queue_length(g.router), 0);
	rig_fini(&g);
}

static void
who_waits_for_a_key_that_is_refused_is_told(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, ONE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	assert_int_equal(ask_fail(&g, &a, FAULT_KEY), 1);
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "unavailable");
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_learnt_before_a_tick),
		cmocka_unit_test(a_backend_that_stalls_stops_looking_healthy),
		cmocka_unit_test(a_stream_that_slows_down_shows_before_it_ends),
		cmocka_unit_test(a_prompt_that_others_wait_for_is_no_ailment),
		cmocka_unit_test(
		    first_tokens_end_the_wait_however_long_the_answer),
		cmocka_unit_test(timeouts_count_as_the_time_they_took),
		cmocka_unit_test(
		    whole_answers_do_not_spoil_the_ttft_of_streams),
		cmocka_unit_test(a_breaker_whose_time_is_up_lets_waiters_try),
		cmocka_unit_test(nobody_waits_past_a_deadline),
		cmocka_unit_test(who_waits_for_a_key_that_is_refused_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
