/* router/hedge_test.c - two attempts at one request. */
#include "router/testing.h"

#define VOICE                                                                  \
	"slo = ( { name = \"voice\"; ttft = \"2s\"; percentile = 99;"          \
	" priority = \"premium\"; } );\n"                                      \
	"default_slo = \"voice\";\n"
#define AT(name, price)                                                        \
	BACKEND(name, "hardware = \"gpu\"; slots = 4; " PRICE(price, price))
#define THREE                                                                  \
	CONF(AT("a", 1) ", " AT("b", 2) ", " AT("c", 3),                       \
	    SERVING("a", "") ", " SERVING("b", "") ", " SERVING("c", ""))      \
	VOICE
#define ALONE CONF(AT("a", 1), SERVING("a", "")) VOICE
#define TWICE_ON_A                                                             \
	CONF(AT("a", 1) ", " AT("b", 2),                                       \
	    SERVING("a", "model = \"x\";") ", " SERVING(                       \
		"a", "model = \"y\";") ", " SERVING("b", ""))                  \
	VOICE

/* The second attempt, as an ask of its own. */
static struct ask
hedge(struct rig *g, const struct ask *first)
{
	struct ask second = *first;

	router_hedge(
	    g->router, first->ticket, g->now, &second.ticket, &second.plan);
	return second;
}

static unsigned
in_flight(const struct rig *g)
{
	unsigned n = 0;

	for (size_t i = 0; i < g->conf->n_servings; i++) {
		struct serving_view v;

		assert_true(router_view(
		    g->router, g->conf->servings[i].id, g->now, &v));
		n += v.in_flight;
	}
	return n;
}

static void
a_hedge_goes_to_another_backend(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "b");
	assert_string_equal(plan_reason_name(b.plan.reason), "hedge");
	assert_int_equal(b.plan.hedge_after, HEDGE_NEVER);
	assert_int_equal(in_flight(&g), 2);
	rig_fini(&g);
}

static void
another_serving_of_the_same_backend_is_no_other(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, TWICE_ON_A);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "b");
	ask_cancel(&g, &a);
	ask_cancel(&g, &b);
	a = ask_for(&g);
	rig_probe(&g, "b", FAULT_REFUSED);
	assert_goes(&g, &a, "a");
	assert_int_equal(a.plan.hedge_after, HEDGE_NEVER);
	assert_int_equal(hedge(&g, &a).plan.kind, PLAN_NO);
	assert_int_equal(in_flight(&g), 1);
	rig_fini(&g);
}

static enum verdict
verdict_of(
    const struct rig *g, const struct route_trace *t, const char *backend)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->row[i].serving == rig_serving(g, backend)->id)
			return t->row[i].verdict;
	fail_msg("no row for %s", backend);
	return VERDICT_COUNT;
}

static void
a_hedge_leaves_its_candidates(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	a.req.trace = &t;
	assert_goes(&g, &a, "a");
	rig_probe(&g, "c", FAULT_REFUSED);
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "b");
	assert_int_equal(t.n, 3);
	assert_int_equal(verdict_of(&g, &t, "a"), VERDICT_LATE);
	assert_int_equal(verdict_of(&g, &t, "b"), VERDICT_CHOSEN);
	assert_int_equal(verdict_of(&g, &t, "c"), VERDICT_OUT);
	assert_true(t.row[1].confidence >= 0 && t.required >= 0);
	/* what has failed is said to have, also beside what is late */
	ask_fail(&g, &b, FAULT_UNSUITED);
	rig_probe(&g, "c", FAULT_NONE);
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "c");
	assert_int_equal(verdict_of(&g, &t, "a"), VERDICT_LATE);
	assert_int_equal(verdict_of(&g, &t, "b"), VERDICT_TRIED);
	rig_fini(&g);
}

static void
a_hedge_that_is_not_made_leaves_no_trace(void **state)
{
	struct route_trace t = { 0 };
	struct rig g;
	struct ask a;

	rig_init(&g, THREE);
	a = ask_for(&g);
	a.req.trace = &t;
	assert_goes(&g, &a, "a");
	assert_int_equal(t.n, 3);
	rig_probe(&g, "b", FAULT_REFUSED);
	rig_probe(&g, "c", FAULT_REFUSED);
	assert_int_equal(hedge(&g, &a).plan.kind, PLAN_NO);
	assert_int_equal(t.n, 0);
	rig_fini(&g);
}

#define WITH_B(own)                                                            \
	CONF(AT("a", 1) ", " AT("b", 2) ", " AT("c", 3),                       \
	    SERVING("a", "") ", " SERVING("b", own) ", " SERVING("c", ""))     \
	VOICE

/* b is nearer, but cannot do it: it is c, or nobody. */
static void
abilities_hold_for_a_hedge_and_what_follows_it(void **state)
{
	static const char *const files[] = { WITH_B("caps = [ \"chat\" ];"),
		WITH_B("context = 500;") };
	struct rig g;
	struct ask a, b;

	for (unsigned i = 0; i < 2; i++) {
		rig_init(&g, files[i]);
		a = ask_for(&g);
		a.facts.needs |= CAP_TOOLS;
		assert_goes(&g, &a, "a");
		b = hedge(&g, &a);
		assert_string_equal(ask_went(&g, &b), "c");
		/* both fail: b is still none */
		ask_fail(&g, &b, FAULT_SERVER_ERROR);
		ask_fail(&g, &a, FAULT_SERVER_ERROR);
		assert_int_equal(a.plan.kind, PLAN_NO);
		rig_fini(&g);
	}
}

static void
boundaries_hold_for_a_hedge(void **state)
{
	static const char *const ac[] = { "a", "c", NULL };
	struct conf_tenant t = { .name = "t", .backends = ac };
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	a.req.tenant = &t;
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "c");
	rig_fini(&g);
}

static void
only_premium_with_a_choice_is_told_when(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_in_range(a.plan.hedge_after, 1, 2 * USEC_SEC);
	a = ask_for(&g);
	a.req.slo.priority = PRIORITY_STANDARD;
	assert_int_equal(ask_submit(&g, &a), PLAN_GO);
	assert_int_equal(a.plan.hedge_after, HEDGE_NEVER);
	rig_fini(&g);
	rig_init(&g, ALONE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_int_equal(a.plan.hedge_after, HEDGE_NEVER);
	rig_fini(&g);
}

/* All of it comes at once, by its total, or when a stream would have ended. It
 * is late when a long one would be, and the other could still bring a usual
 * one. */
static void
a_whole_answer_is_late_as_a_whole(void **state)
{
	struct rig g;
	struct ask stream, whole, lax;

	rig_init(&g, THREE);
	rig_teach(&g, "a", USEC_SEC / 20, USEC_SEC / 100, 100);
	rig_teach(&g, "b", USEC_SEC / 20, USEC_SEC / 100, 100);
	stream = ask_for(&g);
	stream.req.slo.ttft = 20 * USEC_SEC;
	assert_int_equal(ask_submit(&g, &stream), PLAN_GO);
	whole = stream;
	whole.facts.stream = false;
	whole.req.slo.itl = 0;
	assert_int_equal(ask_submit(&g, &whole), PLAN_GO);
	lax = whole;
	whole.req.slo.total = 20 * USEC_SEC;
	assert_int_equal(ask_submit(&g, &whole), PLAN_GO);
	assert_int_equal(
	    lax.plan.hedge_after / USEC_MS, whole.plan.hedge_after / USEC_MS);
	assert_true(whole.plan.hedge_after < stream.plan.hedge_after);
	assert_true(whole.plan.hedge_after > whole.plan.total);
	lax = whole;
	lax.req.slo.total = 30 * USEC_SEC;
	lax.req.slo.itl = 1;
	assert_int_equal(ask_submit(&g, &lax), PLAN_GO);
	assert_int_equal(
	    lax.plan.hedge_after / USEC_MS, whole.plan.hedge_after / USEC_MS);
	lax.req.slo.itl = USEC_SEC;
	assert_int_equal(ask_submit(&g, &lax), PLAN_GO);
	assert_true(
	    lax.plan.hedge_after > whole.plan.hedge_after + 9 * USEC_SEC);
	/* no time for two */
	lax.req.slo.total = lax.plan.total + 40 * USEC_MS;
	assert_int_equal(ask_submit(&g, &lax), PLAN_GO);
	assert_int_equal(lax.plan.hedge_after, HEDGE_NEVER);
	rig_fini(&g);
}

static void
ask_short(struct rig *g, struct ask *a, bool whole)
{
	*a = ask_for(g);
	a->facts.stream = !whole;
	a->req.slo.ttft = 20 * USEC_SEC;
	a->facts.prompt_bytes = 399;
	assert_goes(g, a, "a");
}

/* An answer that is late as a whole may have to be paid twice: that takes from
 * the same budget as streams have brought. */
static void
a_whole_answer_takes_more_of_the_budget(void **state)
{
	unsigned n[2] = { 0, 0 };

	for (unsigned whole = 0; whole < 2; whole++) {
		struct rig g;
		struct ask a, b = { .plan.kind = PLAN_GO };

		rig_init(&g, THREE);
		for (unsigned i = 0; i < 200; i++) {
			ask_short(&g, &a, false);
			ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 300);
		}
		while (b.plan.kind == PLAN_GO && n[whole] < 100) {
			ask_short(&g, &a, whole);
			b = hedge(&g, &a);
			n[whole] += b.plan.kind == PLAN_GO;
			if (b.plan.kind == PLAN_GO)
				ask_cancel(&g, &b);
			ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 300);
		}
		rig_fini(&g);
	}
	assert_in_range(n[1], 1, n[0] / 2);
}

static void
there_is_no_hedge_after_the_first_token(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	router_first_token(g.router, a.ticket, g.now, 1000);
	assert_int_equal(hedge(&g, &a).plan.kind, PLAN_NO);
	assert_int_equal(in_flight(&g), 1);
	rig_fini(&g);
}

static void
two_at_a_time_are_enough(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	assert_int_equal(b.plan.kind, PLAN_GO);
	assert_int_equal(hedge(&g, &a).plan.kind, PLAN_NO);
	assert_int_equal(hedge(&g, &b).plan.kind, PLAN_NO);
	assert_int_equal(in_flight(&g), 2);
	rig_fini(&g);
}

static void
who_has_left_is_not_hedged(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_cancel(&g, &a);
	b = hedge(&g, &a);
	assert_int_equal(b.plan.kind, PLAN_NO);
	assert_int_equal(b.ticket.generation, 0);
	assert_int_equal(in_flight(&g), 0);
	rig_fini(&g);
}

static void
whoever_loses_leaves_no_trace(void **state)
{
	(void)state;
	for (int first_wins = 0; first_wins < 2; first_wins++) {
		struct rig g;
		struct ask a, b, *winner, *loser;

		rig_init(&g, THREE);
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		b = hedge(&g, &a);
		winner = first_wins ? &a : &b;
		loser = first_wins ? &b : &a;
		router_first_token(g.router, winner->ticket, g.now, 1000);
		ask_cancel(&g, loser);
		assert_int_equal(in_flight(&g), 1);
		ask_cancel(&g, loser); /* twice is once */
		assert_int_equal(in_flight(&g), 1);
		assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
		assert_int_equal(rig_view(&g, "b").breaker, BREAKER_CLOSED);
		ask_finish(&g, winner, 1000, 10, 10);
		assert_int_equal(in_flight(&g), 0);
		rig_fini(&g);
	}
}

static void
the_one_that_fails_leaves_it_to_the_other(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	ask_fail(&g, &b, FAULT_RESET);
	assert_string_equal(ask_went(&g, &b), "twin");
	assert_int_equal(in_flight(&g), 1);
	/* which is a request like any other from now on */
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_int_equal(a.plan.kind, PLAN_GO);
	assert_int_equal(in_flight(&g), 1);
	rig_fini(&g);
}

static void
what_either_has_tried_is_not_tried_again(void **state)
{
	(void)state;
	for (int second_fails = 0; second_fails < 2; second_fails++) {
		struct rig g;
		struct ask a, b, *last;

		rig_init(&g, THREE);
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		b = hedge(&g, &a);
		assert_string_equal(ask_went(&g, &b), "b");
		ask_fail(&g, second_fails ? &b : &a, FAULT_UNSUITED);
		last = second_fails ? &a : &b;
		ask_fail(&g, last, FAULT_UNSUITED);
		assert_string_equal(ask_went(&g, last), "c");
		ask_fail(&g, last, FAULT_UNSUITED);
		assert_string_equal(ask_went(&g, last), "exhausted");
		rig_fini(&g);
	}
}

static void
failing_together_ends_both(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g,
	    CONF(AT("a", 1) ", " AT("b", 2),
		SERVING("a", "") ", " SERVING("b", "")) VOICE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &a), "twin");
	ask_fail(&g, &b, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &b), "exhausted");
	assert_int_equal(in_flight(&g), 0);
	rig_fini(&g);
}

/* Every request is late: how many of n are hedged. */
static unsigned
hedged_of(struct rig *g, unsigned n, const struct facts *facts)
{
	unsigned hedges = 0;

	for (unsigned i = 0; i < n; i++) {
		struct ask a = ask_for(g), b;

		a.facts = *facts;
		assert_goes(g, &a, "a");
		b = hedge(g, &a);
		hedges += b.plan.kind == PLAN_GO;
		if (b.plan.kind == PLAN_GO)
			ask_cancel(g, &b);
		ask_cancel(g, &a);
	}
	return hedges;
}

static unsigned
hedged(struct rig *g, unsigned n)
{
	const struct ask usual = ask_for(g);

	return hedged_of(g, n, &usual.facts);
}

static void
hedges_stay_within_their_share(void **state)
{
	struct rig g;

	rig_init(&g, THREE);
	hedged(&g, 300); /* what was saved up is gone */
	assert_in_range(hedged(&g, 1000), 1, 51);
	rig_fini(&g);
}

/* What a whole answer would take more, those that ask for one bring. */
static void
whole_answers_to_short_prompts_have_the_same_share(void **state)
{
	struct facts whole;
	struct rig g;

	rig_init(&g, THREE);
	whole = ask_for(&g).facts;
	whole.stream = false;
	whole.prompt_bytes = 79;
	hedged_of(&g, 300, &whole);
	assert_in_range(hedged_of(&g, 1000, &whole), 48, 52);
	rig_fini(&g);
}

static void
a_hedge_that_cannot_be_costs_nothing(void **state)
{
	struct rig g;

	rig_init(&g, THREE);
	hedged(&g, 300);
	rig_probe(&g, "b", FAULT_REFUSED);
	rig_probe(&g, "c", FAULT_REFUSED);
	assert_int_equal(hedged(&g, 150), 0);
	rig_probe(&g, "b", FAULT_NONE);
	assert_in_range(hedged(&g, 10), 5, 10);
	rig_fini(&g);
}

/* Sent to "a", which says nothing; hedged, and the other one answers. */
static void
lose_a_hedge(struct rig *g)
{
	struct ask a = ask_for(g), b;

	assert_goes(g, &a, "a");
	rig_pass(g, USEC_SEC / 10);
	b = hedge(g, &a);
	assert_string_equal(ask_went(g, &b), "b");
	ask_cancel(g, &a);
	ask_finish(g, &b, USEC_SEC / 100, USEC_SEC / 100, 10);
}

static void
whoever_is_outpaced_each_time_is_left_alone(void **state)
{
	struct rig g;
	struct ask early, late;

	rig_init(&g, THREE);
	for (int i = 0; i < 200; i++) { /* a share of these may be hedged */
		early = ask_for(&g);
		assert_goes(&g, &early, "a");
		ask_finish(&g, &early, USEC_SEC / 20, USEC_SEC / 100, 10);
	}
	early = ask_for(&g);
	assert_goes(&g, &early, "a");
	for (int i = 0; i < 3; i++)
		lose_a_hedge(&g);
	late = ask_for(&g);
	assert_goes(&g, &late, "b");
	ask_cancel(&g, &late);
	router_first_token(g.router, early.ticket, g.now, USEC_SEC);
	late = ask_for(&g);
	assert_goes(&g, &late, "a");
	ask_cancel(&g, &late);
	ask_cancel(&g, &early);
	rig_fini(&g);
}

/* Both attempts end with who asked. */
static void
a_client_that_leaves_outpaces_nobody(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	for (int i = 0; i < 200; i++) {
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, USEC_SEC / 20, USEC_SEC / 100, 10);
	}
	for (int i = 0; i < 4; i++) {
		a = ask_for(&g);
		assert_goes(&g, &a, "a");
		b = hedge(&g, &a);
		ask_cancel(&g, &a);
		ask_cancel(&g, &b);
	}
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	ask_cancel(&g, &a);
	rig_fini(&g);
}

/* What fails in the same way at a second backend says more of the request, also
 * where one of the two attempts was a hedge. */
static void
what_fails_at_a_hedge_as_before_is_the_requests(void **state)
{
	struct fault broken = { .kind = FAULT_RESET };
	struct rig g;
	struct ask a, b;

	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	router_retry(g.router, a.ticket, &broken, g.now, &a.plan);
	assert_string_equal(ask_went(&g, &a), "b");
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "c");
	router_retry(g.router, b.ticket, &broken, g.now, &b.plan);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_OPEN);
	assert_int_equal(rig_view(&g, "c").breaker, BREAKER_CLOSED);
	ask_cancel(&g, &a);
	rig_fini(&g);
	/* nor at the first attempt, after the hedge */
	rig_init(&g, THREE);
	a = ask_for(&g);
	assert_goes(&g, &a, "a");
	b = hedge(&g, &a);
	assert_string_equal(ask_went(&g, &b), "b");
	router_retry(g.router, b.ticket, &broken, g.now, &b.plan);
	router_retry(g.router, a.ticket, &broken, g.now, &a.plan);
	assert_int_equal(rig_view(&g, "b").breaker, BREAKER_OPEN);
	assert_int_equal(rig_view(&g, "a").breaker, BREAKER_CLOSED);
	ask_cancel(&g, &a);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hedge_goes_to_another_backend),
		cmocka_unit_test(
		    another_serving_of_the_same_backend_is_no_other),
		cmocka_unit_test(a_hedge_leaves_its_candidates),
		cmocka_unit_test(a_hedge_that_is_not_made_leaves_no_trace),
		cmocka_unit_test(
		    abilities_hold_for_a_hedge_and_what_follows_it),
		cmocka_unit_test(boundaries_hold_for_a_hedge),
		cmocka_unit_test(only_premium_with_a_choice_is_told_when),
		cmocka_unit_test(a_whole_answer_is_late_as_a_whole),
		cmocka_unit_test(a_whole_answer_takes_more_of_the_budget),
		cmocka_unit_test(there_is_no_hedge_after_the_first_token),
		cmocka_unit_test(two_at_a_time_are_enough),
		cmocka_unit_test(who_has_left_is_not_hedged),
		cmocka_unit_test(whoever_loses_leaves_no_trace),
		cmocka_unit_test(the_one_that_fails_leaves_it_to_the_other),
		cmocka_unit_test(what_either_has_tried_is_not_tried_again),
		cmocka_unit_test(failing_together_ends_both),
		cmocka_unit_test(hedges_stay_within_their_share),
		cmocka_unit_test(
		    whole_answers_to_short_prompts_have_the_same_share),
		cmocka_unit_test(a_hedge_that_cannot_be_costs_nothing),
		cmocka_unit_test(whoever_is_outpaced_each_time_is_left_alone),
		cmocka_unit_test(a_client_that_leaves_outpaces_nobody),
		cmocka_unit_test(
		    what_fails_at_a_hedge_as_before_is_the_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
