/* router/trace_test.c - what a receipt will say of a plan. */
#include "router/testing.h"

#include <math.h>

#define CHAT                                                                   \
	"slo = ( { name = \"chat\"; ttft = \"2s\"; itl = \"60ms\";"            \
	" priority = \"standard\"; } );\n"                                     \
	"default_slo = \"chat\";\n"
#define GPU(name, price, rest)                                                 \
	BACKEND(name, "hardware = \"gpu\"; " PRICE(price, price) rest)
#define DEAR_AND_CHEAP                                                         \
	CONF(GPU("dear", 9, "") ", " GPU("cheap", 1, ""),                      \
	    SERVING("dear", "") ", " SERVING("cheap", ""))                     \
	CHAT
#define OBSERVE "policy = \"observe\";\n"

static const struct route_row *
row_of(const struct rig *g, const struct route_trace *t, const char *backend)
{
	uint32_t id = rig_serving(g, backend)->id;

	for (unsigned i = 0; i < t->n; i++)
		if (t->row[i].serving == id)
			return &t->row[i];
	fail_msg("no row for %s", backend);
	return NULL;
}

static void
assert_verdict(const struct rig *g, const struct route_trace *t,
    const char *backend, enum verdict want)
{
	enum verdict got = row_of(g, t, backend)->verdict;

	if (got != want)
		print_message("%s: %s\n", backend, verdict_name(got));
	assert_string_equal(verdict_name(got), verdict_name(want));
}

/* One backend for each way to stand there. */
#define ALL_KINDS                                                              \
	CONF(GPU("best", 1.2, "slots = 9; ") ", " GPU("dear", 9, "") ", " GPU( \
		 "rated", 1, "") ", " GPU("busy", 5,                           \
		 "slots = 1; ") ", " GPU("cold", 1,                            \
		 "command = [ \"serve\" ]; ") ", " GPU("out", 1,               \
		 "") ", " GPU("limited", 1, "") ", " GPU("mute", 1,            \
		 "") ", " GPU("spare", 1, "") ", " BACKEND("slow",             \
		 "hardware = \"cpu\"; profile = { step = \"1s\"; }; " PRICE(   \
		     1, 1)),                                                   \
	    SERVING("best", "") ", " SERVING("dear", "") ", " SERVING(         \
		"rated", "") ", " SERVING("busy", "") ", " SERVING("cold",     \
		"") ", " SERVING("out", "") ", " SERVING("limited",            \
		"") ", " SERVING("mute",                                       \
		"caps = [ \"embeddings\" ];") ", " SERVING("spare",            \
		"fallback = true;") ", " SERVING("slow", ""))                  \
	CHAT

static void
make_all_kinds(struct rig *g, struct ask *busy)
{
	struct load full = { .has = LOAD_LIMIT_REQUESTS, .left_requests = 100 };
	struct load scarce = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 3,
		.reset_requests = 60 * USEC_SEC };
	struct load none = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 0,
		.reset_requests = 60 * USEC_SEC };

	rig_init(g, ALL_KINDS);
	rig_limits(g, "rated", &full);
	rig_limits(g, "rated", &scarce);
	rig_limits(g, "limited", &none);
	rig_probe(g, "out", FAULT_REFUSED);
	*busy = ask_for(g);
	busy->req.pin = rig_backend(g, "busy");
	assert_goes(g, busy, "busy");
}

static void
every_serving_gets_a_verdict(void **state)
{
	static const struct {
		const char *backend;
		enum verdict verdict;
		enum cause cause;
	} want[] = {
		{ "best", VERDICT_CHOSEN, CAUSE_NONE },
		{ "dear", VERDICT_DEARER, CAUSE_NONE },
		{ "rated", VERDICT_RESERVED, CAUSE_NONE },
		{ "busy", VERDICT_BUSY, CAUSE_SLOTS },
		{ "cold", VERDICT_COLD, CAUSE_LOADING },
		{ "out", VERDICT_OUT, CAUSE_BREAKER },
		{ "limited", VERDICT_LIMITED, CAUSE_RATE_USED_UP },
		{ "mute", VERDICT_INELIGIBLE, CAUSE_ABILITY },
		{ "spare", VERDICT_FALLBACK, CAUSE_NONE },
		{ "slow", VERDICT_UNLIKELY, CAUSE_NONE },
	};
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a, busy;

	make_all_kinds(&g, &busy);
	a = ask_for(&g);
	a.req.trace = &t;
	a.req.slo.ttft = 1 * USEC_SEC;
	while (
	    ask_submit(&g, &a) == PLAN_GO && a.plan.reason == REASON_EXPLORING)
		ask_cancel(&g, &a);
	assert_int_equal(t.n, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		assert_verdict(&g, &t, want[i].backend, want[i].verdict);
	for (size_t i = 0; i < COUNT(want); i++)
		assert_string_equal(
		    cause_name(row_of(&g, &t, want[i].backend)->plight.cause),
		    cause_name(want[i].cause));
	assert_int_equal(row_of(&g, &t, "out")->plight.fault, FAULT_REFUSED);
	rig_fini(&g);
}

static void
what_was_weighed_says_how_much(void **state)
{
	static const char *const weighed[] = { "best", "dear", "slow" };
	static const char *const not [] = { "busy", "cold", "out", "mute" };
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a, busy;

	make_all_kinds(&g, &busy);
	a = ask_for(&g);
	a.req.trace = &t;
	ask_submit(&g, &a);
	for (size_t i = 0; i < COUNT(weighed); i++) {
		const struct route_row *r = row_of(&g, &t, weighed[i]);

		assert_true(r->ttft > 0 && r->itl > 0 && r->total > r->ttft);
		assert_true(r->confidence >= 0 && r->confidence <= 1);
		assert_true(r->price > 0 && (double)r->score < INFINITY);
	}
	for (size_t i = 0; i < COUNT(not ); i++) {
		const struct route_row *r = row_of(&g, &t, not [i]);

		assert_true(r->ttft < 0 && r->confidence < 0 && r->price < 0);
		assert_true((double)r->score >= INFINITY);
	}
	assert_true(t.required > 0.5F && t.required < 1);
	assert_true(row_of(&g, &t, "best")->confidence >= t.required);
	assert_true(row_of(&g, &t, "slow")->confidence < t.required);
	assert_int_equal(row_of(&g, &t, "busy")->in_flight, 1);
	rig_fini(&g);
}

static void
what_was_tried_is_named_in_the_next_plan(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a;

	rig_init(&g, DEAR_AND_CHEAP);
	a = ask_for(&g);
	a.req.trace = &t;
	assert_goes(&g, &a, "cheap");
	assert_verdict(&g, &t, "cheap", VERDICT_CHOSEN);
	ask_fail(&g, &a, FAULT_UNSUITED);
	assert_verdict(&g, &t, "cheap", VERDICT_TRIED);
	assert_verdict(&g, &t, "dear", VERDICT_CHOSEN);
	assert_int_equal(t.engine, rig_serving(&g, "dear")->id);
	rig_fini(&g);
}

static void
live_times_stand_beside_the_predicted_ones(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a;

	rig_init(&g, DEAR_AND_CHEAP);
	rig_teach(&g, "cheap", 100 * USEC_MS, 10 * USEC_MS, 20);
	a = ask_for(&g);
	a.req.trace = &t;
	ask_submit(&g, &a);
	assert_true(
	    fabsf(row_of(&g, &t, "cheap")->live_ttft.p50 - 1e5F) < 5e3F);
	assert_true(fabsf(row_of(&g, &t, "cheap")->live_itl.p99 - 1e4F) < 5e2F);
	assert_true(row_of(&g, &t, "dear")->live_ttft.p50 < 0);
	rig_fini(&g);
}

static void
a_wait_is_traced_too(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a, b;

	rig_init(&g, CONF(GPU("a", 1, "slots = 1; "), SERVING("a", "")) CHAT);
	a = ask_for(&g);
	b = ask_for(&g);
	b.req.trace = &t;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	assert_int_equal(t.n, 1);
	assert_verdict(&g, &t, "a", VERDICT_BUSY);
	assert_int_equal(t.engine, UINT32_MAX);
	rig_fini(&g);
}

/* --- policy "observe" --- */

static void
observing_serves_in_the_order_of_the_file(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;

	rig_init(&g, DEAR_AND_CHEAP OBSERVE);
	for (int i = 0; i < 50; i++) {
		struct ask a = ask_for(&g);

		a.req.slo.priority = PRIORITY_PREMIUM; /* tries no luck */
		a.req.trace = &t;
		assert_goes(&g, &a, "dear");
		/* and says what the engine would have done */
		assert_int_equal(t.engine, rig_serving(&g, "cheap")->id);
		assert_int_equal(t.reason, REASON_CHEAPEST_ADEQUATE);
		ask_cancel(&g, &a);
	}
	rig_fini(&g);
}

static void
observing_hedges_nothing(void **state)
{
	(void)state;
	for (int observing = 0; observing < 2; observing++) {
		struct rig g;
		struct ask a;

		rig_init(
		    &g, observing ? DEAR_AND_CHEAP OBSERVE : DEAR_AND_CHEAP);
		a = ask_for(&g);
		a.req.slo.priority = PRIORITY_PREMIUM;
		assert_int_equal(ask_submit(&g, &a), PLAN_GO);
		assert_int_equal(a.plan.hedge_after == HEDGE_NEVER, observing);
		rig_fini(&g);
	}
}

static void
observing_goes_to_the_next_where_the_first_is_unusable(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, DEAR_AND_CHEAP OBSERVE);
	rig_probe(&g, "dear", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "cheap");
	ask_fail(&g, &a, FAULT_UNSUITED);
	assert_int_equal(a.plan.kind, PLAN_NO);
	rig_fini(&g);
}

static void
observing_refuses_nobody_whom_the_engine_would(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a;

	rig_init(&g, DEAR_AND_CHEAP OBSERVE);
	a = ask_for(&g);
	a.req.trace = &t;
	a.req.slo.ttft = 1;
	a.req.slo.on_miss = ON_MISS_REFUSE;
	assert_goes(&g, &a, "dear");
	assert_int_equal(t.engine, UINT32_MAX);
	assert_int_equal(t.reason, REASON_SLO_UNATTAINABLE);
	rig_fini(&g);
}

static void
the_engine_agrees_with_itself_under_its_own_policy(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;

	rig_init(&g, DEAR_AND_CHEAP);
	for (int i = 0; i < 50; i++) {
		struct ask a = ask_for(&g);

		a.req.trace = &t;
		assert_int_equal(ask_submit(&g, &a), PLAN_GO);
		assert_int_equal(t.engine, a.plan.serving);
		ask_cancel(&g, &a);
		rig_pass(&g, USEC_SEC);
		rig_tick(&g);
	}
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_serving_gets_a_verdict),
		cmocka_unit_test(what_was_weighed_says_how_much),
		cmocka_unit_test(what_was_tried_is_named_in_the_next_plan),
		cmocka_unit_test(live_times_stand_beside_the_predicted_ones),
		cmocka_unit_test(a_wait_is_traced_too),
		cmocka_unit_test(observing_serves_in_the_order_of_the_file),
		cmocka_unit_test(observing_hedges_nothing),
		cmocka_unit_test(
		    observing_goes_to_the_next_where_the_first_is_unusable),
		cmocka_unit_test(
		    observing_refuses_nobody_whom_the_engine_would),
		cmocka_unit_test(
		    the_engine_agrees_with_itself_under_its_own_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
