/* router/measure_test.c - what attempts tell of their serving's speed. */
#include "router/testing.h"

#define ONE                                                                    \
	CONF(BACKEND("a", "hardware = \"gpu\"; " PRICE(1, 1)), SERVING("a", ""))

/* One whole answer, streamed or not. */
static void
answer(struct rig *g, bool stream, const struct route_result *r)
{
	struct ask a = ask_for(g);

	a.facts.stream = stream;
	a.facts.prefix_hash = 99;
	assert_goes(g, &a, "a");
	if (r->ttft >= 0)
		router_first_token(g->router, a.ticket, g->now, r->ttft);
	router_finished(g->router, a.ticket, r, g->now);
	rig_pass(g, 100 * USEC_MS);
}

static struct route_result
result(usec ttft, usec itl, usec total, uint32_t output)
{
	return (struct route_result){ .ttft = ttft,
		.itl = itl,
		.total = total,
		.usage = {
		    .known = output > 0, .input = 1000, .output = output } };
}

/* One of another kind, which takes so long. */
static void
pass_through(struct rig *g, enum dialect dialect, usec total)
{
	struct route_result r = result(-1, -1, total, 0);
	struct ask a = ask_for(g);

	a.facts = (struct facts){ .dialect = dialect };
	assert_goes(g, &a, "a");
	router_finished(g->router, a.ticket, &r, g->now);
	rig_pass(g, 100 * USEC_MS);
}

/* What a request like those of answer() would be told. */
static struct plan
plan_of(struct rig *g, bool stream)
{
	struct ask a = ask_for(g);

	a.facts.stream = stream;
	a.facts.prefix_hash = 99;
	assert_goes(g, &a, "a");
	ask_cancel(g, &a);
	return a.plan;
}

static struct serving_view
view_after_tick(struct rig *g)
{
	rig_pass(g, 2 * USEC_SEC); /* people are told once a second */
	rig_tick(g);
	return rig_view(g, "a");
}

static void
a_stream_tells_of_each_of_its_parts(void **state)
{
	struct route_result r =
	    result(300 * USEC_MS, 7 * USEC_MS, 1000 * USEC_MS, 101);
	struct serving_view v;
	struct rig g;

	rig_init(&g, ONE);
	answer(&g, true, &r);
	v = view_after_tick(&g);
	assert_in_range(v.live[PHASE_TTFT].p50, 290 * USEC_MS, 310 * USEC_MS);
	assert_in_range(v.live[PHASE_ITL].p50, 6800, 7200);
	assert_in_range(v.live[PHASE_TOTAL].p50, 970 * USEC_MS, 1030 * USEC_MS);
	rig_fini(&g);
}

static void
a_whole_answer_has_no_first_token(void **state)
{
	struct route_result r = result(9 * USEC_SEC, -1, 9 * USEC_SEC, 101);
	struct serving_view v;
	struct rig g;

	rig_init(&g, ONE);
	answer(&g, false, &r);
	v = view_after_tick(&g);
	assert_int_equal(v.live[PHASE_TTFT].p50, -1);
	assert_int_equal(v.live[PHASE_ITL].p50, -1);
	assert_in_range(v.live[PHASE_TOTAL].p50, 8 * USEC_SEC, 10 * USEC_SEC);
	rig_fini(&g);
}

static void
a_broken_answer_has_no_total(void **state)
{
	struct route_result r =
	    result(300 * USEC_MS, 7 * USEC_MS, 400 * USEC_MS, 10);
	struct serving_view v;
	struct rig g;

	rig_init(&g, ONE);
	r.fault.kind = FAULT_CUT;
	answer(&g, true, &r);
	v = view_after_tick(&g);
	assert_int_equal(v.live[PHASE_TOTAL].p50, -1);
	/* but what had come of it came when it came */
	assert_true(v.live[PHASE_TTFT].p50 > 0);
	rig_fini(&g);
}

static void
what_is_given_up_makes_it_look_slower(void **state)
{
	struct rig g;
	struct plan before, after;

	rig_init(&g, ONE);
	before = plan_of(&g, true);
	for (int i = 0; i < 5; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "a");
		rig_pass(&g, 20 * USEC_SEC);
		ask_fail(&g, &a, FAULT_TTFT_TIMEOUT);
		rig_tick(&g);
	}
	after = plan_of(&g, true);
	assert_true(after.ttft > 5 * before.ttft);
	rig_fini(&g);
}

/* Clients may have less patience than timeouts.ttft, or a second. */
static void
who_leaves_what_is_late_makes_it_look_slower(void **state)
{
	struct rig g;
	struct plan before, after;

	rig_init(&g, ONE);
	before = plan_of(&g, true);
	for (int i = 0; i < 10; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "a");
		rig_pass(&g, 700 * USEC_MS);
		ask_cancel(&g, &a);
		rig_tick(&g);
	}
	after = plan_of(&g, true);
	assert_true(after.ttft > 2 * before.ttft);
	rig_fini(&g);
}

static void
a_client_that_leaves_tells_nothing(void **state)
{
	struct rig g;
	struct plan before, after;

	rig_init(&g, ONE);
	before = plan_of(&g, true);
	for (int i = 0; i < 20; i++) {
		struct ask a = ask_for(&g);

		assert_goes(&g, &a, "a");
		rig_pass(&g, 30 * USEC_MS);
		ask_cancel(&g, &a);
	}
	rig_pass(&g, 60 * USEC_SEC);
	rig_tick(&g);
	after = plan_of(&g, true);
	assert_in_range(
	    after.ttft, before.ttft * 9 / 10, before.ttft * 11 / 10);
	rig_fini(&g);
}

/* Its place is free and kept for it, but its worker has not heard yet. */
static void
nor_does_one_that_was_not_sent_yet(void **state)
{
	struct plan before, after;
	struct ask first, second;
	struct rig g;

	rig_init(&g,
	    CONF(BACKEND("a", "slots = 1; hardware = \"gpu\"; " PRICE(1, 1)),
		SERVING("a", "")));
	before = plan_of(&g, true);
	first = ask_for(&g);
	second = ask_for(&g);
	assert_goes(&g, &first, "a");
	assert_int_equal(ask_submit(&g, &second), PLAN_WAIT);
	rig_pass(&g, 30 * USEC_MS);
	ask_cancel(&g, &first);
	ask_cancel(&g, &second);
	rig_pass(&g, 2 * USEC_SEC);
	rig_tick(&g);
	after = plan_of(&g, true);
	assert_in_range(
	    after.ttft, before.ttft * 9 / 10, before.ttft * 11 / 10);
	rig_fini(&g);
}

/* One comes when the one before has left: none waits as long as a long answer
 * may take, but all of them together. */
static void
leave_in_turn(struct rig *g, int times, usec patience, usec pause)
{
	for (int i = 0; i < times; i++) {
		struct ask a = ask_for(g);

		a.facts.stream = false;
		a.facts.prefix_hash = 99;
		assert_goes(g, &a, "a");
		rig_pass(g, patience);
		ask_cancel(g, &a);
		rig_tick(g);
		rig_pass(g, pause);
	}
}

static void
who_leave_one_after_the_other_have_waited_together(void **state)
{
	struct plan before, after;
	struct rig g;

	rig_init(&g, ONE);
	before = plan_of(&g, false);
	assert_true(before.total > USEC_SEC);
	leave_in_turn(&g, 5, USEC_SEC, 60 * USEC_SEC);
	after = plan_of(&g, false);
	assert_in_range(
	    after.total, before.total * 9 / 10, before.total * 11 / 10);
	leave_in_turn(&g, 40, USEC_SEC, USEC_MS);
	after = plan_of(&g, false);
	assert_true(after.total > 2 * before.total);
	rig_fini(&g);
}

/* Nor does it matter who left before that. */
static void
who_leaves_between_answers_tells_nothing(void **state)
{
	struct route_result r = result(-1, -1, 3 * USEC_SEC, 100);
	struct plan before, after;
	struct rig g;

	rig_init(&g, ONE);
	for (int i = 0; i < 100; i++)
		answer(&g, false, &r);
	rig_tick(&g);
	before = plan_of(&g, false);
	for (int i = 0; i < 20; i++) {
		leave_in_turn(&g, 3, USEC_SEC, USEC_MS);
		answer(&g, false, &r);
	}
	after = plan_of(&g, false);
	assert_true(after.total < before.total * 11 / 10);
	rig_fini(&g);
}

static void
answers_teach_how_long_answers_are(void **state)
{
	struct route_result shorter =
	    result(100 * USEC_MS, 10 * USEC_MS, 300 * USEC_MS, 20);
	struct rig g;
	struct plan before, after;

	rig_init(&g, ONE);
	before = plan_of(&g, true);
	for (int i = 0; i < 50; i++)
		answer(&g, true, &shorter);
	rig_pass(&g, 2 * USEC_SEC);
	rig_tick(&g);
	after = plan_of(&g, true);
	assert_true(after.total < before.total / 3);
	rig_fini(&g);
}

static void
a_cached_beginning_makes_the_next_one_faster(void **state)
{
	struct route_result fresh =
	    result(115 * USEC_MS, 10 * USEC_MS, 400 * USEC_MS, 20);
	struct route_result cached = fresh;
	struct rig plain, warm;

	cached.usage.cached = 900;
	rig_init(&plain, ONE);
	rig_init(&warm, ONE);
	for (int i = 0; i < 30; i++) {
		answer(&plain, true, &fresh);
		answer(&warm, true, &cached);
	}
	assert_true(
	    plan_of(&warm, true).ttft < plan_of(&plain, true).ttft * 7 / 10);
	/* nor are as many tokens of its prompts reckoned with */
	assert_true(view_after_tick(&warm).measured.reckoned <
	    view_after_tick(&plain).measured.reckoned * 0.7);
	assert_true(rig_view(&plain, "a").measured.heard >= 2e6);
	rig_fini(&plain);
	rig_fini(&warm);
}

static void
slowing_down_before_the_first_token_is_no_news(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, ONE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	router_progress(g.router, a.ticket, g.now, 1, 60 * USEC_SEC);
	router_progress(g.router, a.ticket, g.now, 0, 0);
	rig_tick(&g);
	assert_in_range(plan_of(&g, true).itl, 1, 100 * USEC_MS);
	rig_fini(&g);
}

/* Of what is asked of it first, and of chat in any case. */
static void
a_serving_is_known_by_one_kind_of_work(void **state)
{
	struct route_result r =
	    result(300 * USEC_MS, 7 * USEC_MS, 1000 * USEC_MS, 101);
	struct serving_view v;
	struct plan before;
	struct rig g;

	rig_init(&g, ONE);
	pass_through(&g, DIALECT_COUNTING, USEC_MS);
	v = view_after_tick(&g);
	assert_int_equal(v.live[PHASE_TOTAL].p50, -1);
	for (int i = 0; i < 20; i++)
		pass_through(&g, DIALECT_RERANK, 50 * USEC_MS);
	pass_through(&g, DIALECT_IMAGES, 20 * USEC_SEC);
	v = view_after_tick(&g);
	assert_in_range(v.live[PHASE_TOTAL].p50, 48 * USEC_MS, 52 * USEC_MS);
	assert_in_range(v.live[PHASE_TOTAL].p99, 48 * USEC_MS, 52 * USEC_MS);
	for (int i = 0; i < 20; i++)
		answer(&g, true, &r);
	rig_tick(&g);
	before = plan_of(&g, true);
	for (int i = 0; i < 20; i++)
		pass_through(&g, DIALECT_RERANK, 20 * USEC_SEC);
	rig_tick(&g);
	assert_in_range(plan_of(&g, true).ttft, before.ttft - before.ttft / 10,
	    before.ttft + before.ttft / 10);
	rig_fini(&g);
}

/* What chat would be told after three minutes in which it was used, and then
 * left alone, or painted with. */
static struct plan
plan_after_painting(unsigned pictures)
{
	struct route_result r =
	    result(300 * USEC_MS, 7 * USEC_MS, 1000 * USEC_MS, 101);
	struct route_result painted = result(-1, -1, 9 * USEC_SEC, 4000);
	struct plan plan;
	struct ask a;
	struct rig g;

	rig_init(&g, ONE);
	for (int i = 0; i < 20; i++)
		answer(&g, true, &r);
	rig_tick(&g);
	for (unsigned i = 0; i < 20; i++) {
		a = ask_for(&g);
		a.facts = (struct facts){ .dialect = DIALECT_IMAGES };
		if (i < pictures)
			assert_goes(&g, &a, "a");
		rig_pass(&g, 9 * USEC_SEC);
		rig_tick(&g); /* by what is known of chat it is late */
		if (i < pictures)
			router_finished(g.router, a.ticket, &painted, g.now);
	}
	rig_pass(&g, 9 * USEC_SEC);
	rig_tick(&g);
	plan = plan_of(&g, true);
	rig_fini(&g);
	return plan;
}

static void
what_passes_tells_nothing_of_chat(void **state)
{
	struct plan plan = plan_after_painting(20);
	struct plan alone = plan_after_painting(0);

	assert_in_range(
	    plan.ttft, alone.ttft - alone.ttft / 20, alone.ttft * 21 / 20);
	assert_in_range(
	    plan.total, alone.total - alone.total / 20, alone.total * 21 / 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_tells_of_each_of_its_parts),
		cmocka_unit_test(a_whole_answer_has_no_first_token),
		cmocka_unit_test(a_broken_answer_has_no_total),
		cmocka_unit_test(what_is_given_up_makes_it_look_slower),
		cmocka_unit_test(who_leaves_what_is_late_makes_it_look_slower),
		cmocka_unit_test(a_client_that_leaves_tells_nothing),
		cmocka_unit_test(nor_does_one_that_was_not_sent_yet),
		cmocka_unit_test(
		    who_leave_one_after_the_other_have_waited_together),
		cmocka_unit_test(who_leaves_between_answers_tells_nothing),
		cmocka_unit_test(answers_teach_how_long_answers_are),
		cmocka_unit_test(a_cached_beginning_makes_the_next_one_faster),
		cmocka_unit_test(
		    slowing_down_before_the_first_token_is_no_news),
		cmocka_unit_test(a_serving_is_known_by_one_kind_of_work),
		cmocka_unit_test(what_passes_tells_nothing_of_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
