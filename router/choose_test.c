/* router/choose_test.c - one of several that could take a request now. */
#include "router/testing.h"

#define CHAT_SLO                                                               \
	"slo = ( { name = \"chat\"; ttft = \"500ms\"; itl = \"50ms\"; } );\n"  \
	"default_slo = \"chat\";\n"
#define CHEAP_AND_DEAR                                                         \
	CONF(BACKEND("cheap", PRICE(1, 1)) ", " BACKEND("dear", PRICE(9, 9)),  \
	    SERVING("cheap", "") ", " SERVING("dear", ""))
#define FAST (50 * USEC_MS), (5 * USEC_MS)
#define SLOW (2 * USEC_SEC), (80 * USEC_MS)

/* Of n requests, each ended before the next, how many went there. */
static unsigned
share_of(struct rig *g, const struct ask *like, unsigned n, const char *where)
{
	unsigned there = 0;

	for (unsigned i = 0; i < n; i++) {
		struct ask a = *like;

		assert_int_equal(ask_submit(g, &a), PLAN_GO);
		there += strcmp(ask_went(g, &a), where) == 0;
		ask_cancel(g, &a);
	}
	return there;
}

static void
without_targets_the_cheapest_wins(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR);
	rig_teach(&g, "cheap", SLOW, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 100, "cheap"), 100);
	assert_goes(&g, &a, "cheap");
	assert_string_equal(plan_reason_name(a.plan.reason), "cheapest");
	rig_fini(&g);
}

static void
of_those_that_meet_the_target_the_cheapest_wins(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", FAST, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 100, "cheap"), 100);
	assert_goes(&g, &a, "cheap");
	assert_string_equal(
	    plan_reason_name(a.plan.reason), "cheapest_adequate");
	assert_true(a.plan.confidence > 0.95);
	assert_in_range(a.plan.ttft, 45 * USEC_MS, 80 * USEC_MS);
	assert_in_range(a.plan.itl, 4500, 6000);
	rig_fini(&g);
}

static void
a_serving_that_misses_is_passed_over(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", SLOW, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 200, "dear"), 200);
	rig_fini(&g);
}

static void
each_target_binds_by_itself(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", 50 * USEC_MS, 80 * USEC_MS, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 100, "dear"), 100);
	a.req.slo.itl = 0;
	assert_int_equal(share_of(&g, &a, 100, "cheap"), 100);
	/* answers have had 101 tokens: 8 s */
	a.req.slo.total = 7 * USEC_SEC;
	assert_int_equal(share_of(&g, &a, 100, "dear"), 100);
	/* unless it asks for less */
	a.facts.max_tokens = 50;
	assert_int_equal(share_of(&g, &a, 100, "cheap"), 100);
	rig_fini(&g);
}

static void
time_already_waited_counts(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", 300 * USEC_MS, 5 * USEC_MS, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 50, "cheap"), 50);
	a.req.arrived = g.now - 350 * USEC_MS;
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

static void
where_all_miss_the_class_decides(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", 9 * USEC_SEC, 5 * USEC_MS, 50);
	rig_teach(&g, "dear", 2 * USEC_SEC, 5 * USEC_MS, 50);
	a = ask_for(&g);
	assert_goes(&g, &a, "dear");
	assert_string_equal(plan_reason_name(a.plan.reason), "best_effort");
	assert_true(a.plan.confidence < 0.05);
	a = ask_for(&g);
	a.req.slo.on_miss = ON_MISS_REFUSE;
	assert_goes(&g, &a, "slo_unattainable");
	rig_fini(&g);
}

static void
an_unknown_serving_gets_some_traffic_not_all(void **state)
{
	struct rig g;
	struct ask a[6];

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "dear", FAST, 50);
	for (int i = 0; i < 6; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], i < 2 ? "cheap" : "dear");
	}
	assert_string_equal(plan_reason_name(a[0].plan.reason), "exploring");
	assert_int_equal(a[0].plan.ttft, -1);
	assert_true(a[0].plan.confidence < 0);
	rig_fini(&g);
}

static void
where_nothing_is_known_requests_spread(void **state)
{
	struct rig g;
	struct ask a[40];
	unsigned cheap = 0;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	for (int i = 0; i < 40; i++) {
		a[i] = ask_for(&g);
		assert_int_equal(ask_submit(&g, &a[i]), PLAN_GO);
		cheap += strcmp(ask_went(&g, &a[i]), "cheap") == 0;
	}
	assert_in_range(cheap, 18, 22);
	rig_fini(&g);
}

static void
batch_only_minds_its_total(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", SLOW, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	a.req.slo.priority = PRIORITY_BATCH;
	a.req.slo.total = 60 * USEC_SEC;
	assert_int_equal(share_of(&g, &a, 50, "cheap"), 50);
	a.req.slo.total = 5 * USEC_SEC;
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

static void
one_standard_request_in_a_hundred_tries_its_luck(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	/* misses at the 95th percentile, not by its median */
	rig_teach(&g, "cheap", FAST, 80);
	rig_teach(&g, "cheap", SLOW, 20);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	assert_in_range(share_of(&g, &a, 2000, "cheap"), 5, 40);
	a.req.slo.priority = PRIORITY_PREMIUM;
	assert_int_equal(share_of(&g, &a, 2000, "cheap"), 0);
	rig_fini(&g);
}

static void
an_unknown_price_is_the_last_resort(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("mystery", "") ", " BACKEND("dear", PRICE(99, 99)),
		SERVING("mystery", "") ", " SERVING("dear", "")));
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

static void
among_equal_prices_quality_wins_then_the_idler(void **state)
{
	struct rig g;
	struct ask a, b;

	(void)state;
	rig_init(&g,
	    CONF(BACKEND("a", PRICE(100, 100)) ", " BACKEND(
		     "b", PRICE(101, 101)) ", " BACKEND("c", PRICE(101, 101)),
		SERVING("a", "quality = 1;") ", " SERVING(
		    "b", "quality = 2;") ", " SERVING("c", "quality = 2;")));
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 100, "a"), 0);
	assert_in_range(share_of(&g, &a, 400, "b"), 120, 280);
	ask_submit(&g, &a);
	b = ask_for(&g);
	assert_int_equal(share_of(&g, &b, 50, ask_went(&g, &a)), 0);
	rig_fini(&g);
}

static void
prefer_fastest_and_cheapest_override_the_target(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "cheap", SLOW, 50);
	rig_teach(&g, "dear", FAST, 50);
	a = ask_for(&g);
	a.req.prefer = PREFER_CHEAPEST;
	assert_int_equal(share_of(&g, &a, 50, "cheap"), 50);
	rig_teach(&g, "cheap", FAST, 500);
	rig_teach(&g, "dear", 20 * USEC_MS, 5 * USEC_MS, 500);
	a.req.prefer = PREFER_FASTEST;
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

static void
fastest_goes_where_speed_is_known(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	rig_teach(&g, "dear", SLOW, 5);
	a = ask_for(&g);
	a.req.prefer = PREFER_FASTEST;
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

static void
whole_answers_are_judged_by_their_whole_time(void **state)
{
	struct rig g;
	struct ask a;

	(void)state;
	rig_init(&g, CHEAP_AND_DEAR CHAT_SLO);
	/* 100 tokens of 20 ms: 2 s until anything is seen of it */
	rig_teach(&g, "cheap", 20 * USEC_MS, 20 * USEC_MS, 50);
	rig_teach(&g, "dear", 20 * USEC_MS, 1 * USEC_MS, 50);
	a = ask_for(&g);
	assert_int_equal(share_of(&g, &a, 50, "cheap"), 50);
	a.facts.stream = false;
	assert_int_equal(share_of(&g, &a, 50, "dear"), 50);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_targets_the_cheapest_wins),
		cmocka_unit_test(
		    of_those_that_meet_the_target_the_cheapest_wins),
		cmocka_unit_test(a_serving_that_misses_is_passed_over),
		cmocka_unit_test(each_target_binds_by_itself),
		cmocka_unit_test(time_already_waited_counts),
		cmocka_unit_test(where_all_miss_the_class_decides),
		cmocka_unit_test(an_unknown_serving_gets_some_traffic_not_all),
		cmocka_unit_test(where_nothing_is_known_requests_spread),
		cmocka_unit_test(batch_only_minds_its_total),
		cmocka_unit_test(
		    one_standard_request_in_a_hundred_tries_its_luck),
		cmocka_unit_test(an_unknown_price_is_the_last_resort),
		cmocka_unit_test(
		    among_equal_prices_quality_wins_then_the_idler),
		cmocka_unit_test(
		    prefer_fastest_and_cheapest_override_the_target),
		cmocka_unit_test(fastest_goes_where_speed_is_known),
		cmocka_unit_test(whole_answers_are_judged_by_their_whole_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
