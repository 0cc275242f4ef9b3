/* router/lack_test.c - who is missed where what was chosen is not good
 * enough. */
#include "router/testing.h"

#define VOICE                                                                  \
	"slo = ( { name = \"voice\"; ttft = \"100ms\"; percentile = 95; "      \
	"priority = \"premium\"; } );\n"                                       \
	"default_slo = \"voice\";\n"
#define FAST_AND_SLOW_OF(rest)                                                 \
	CONF(BACKEND("slow", PRICE(1, 1)) ", " BACKEND("fast", PRICE(2, 2)),   \
	    SERVING("slow", "") ", " SERVING("fast", rest))                    \
	VOICE
#define FAST_AND_SLOW FAST_AND_SLOW_OF("")
#define THREE                                                                  \
	CONF(BACKEND("slow", PRICE(1, 1)) ", " BACKEND(                        \
		 "fast", PRICE(2, 2)) ", " BACKEND("other", PRICE(9, 9)),      \
	    SERVING("slow", "") ", " SERVING("fast", "") ", " SERVING(         \
		"other", ""))                                                  \
	VOICE
#define ONE_AT_A_TIME                                                          \
	CONF(BACKEND("slow", PRICE(1, 1) "slots = 1; ") ", " BACKEND(          \
		 "fast", PRICE(2, 2) "slots = 1; "),                           \
	    SERVING("slow", "") ", " SERVING("fast", ""))                      \
	VOICE

#define NOBODY NULL, CAUSE_NONE, FAULT_NONE

static void
assert_misses(const struct rig *g, const struct ask *a, const char *backend,
    enum cause cause, enum fault_kind fault)
{
	const struct lack *l = &a->plan.lack;

	assert_string_equal(
	    cause_name((enum cause)l->cause), cause_name(cause));
	assert_int_equal(l->fault, fault);
	if (cause != CAUSE_NONE)
		assert_string_equal(
		    g->conf->models[0].servings[l->at].backend->name, backend);
}

/* The next request, where it goes and whom it does without. */
static void
next_misses(struct rig *g, struct ask *a, const char *goes, const char *backend,
    enum cause cause, enum fault_kind fault)
{
	*a = ask_for(g);
	assert_goes(g, a, goes);
	assert_misses(g, a, backend, cause, fault);
}

/* It is known of all but "slow" that they are in time. */
static void
rig_known(struct rig *g, const char *conf)
{
	const struct conf_model *m;

	rig_init(g, conf);
	m = &g->conf->models[0];
	for (size_t i = 0; i < m->n_servings; i++) {
		const char *name = m->servings[i].backend->name;
		usec ttft = strcmp(name, "slow") == 0 ? 400 : 40;

		rig_teach(g, name, ttft * USEC_MS, USEC_MS, 80);
	}
}

static void
break_by(struct rig *g, const char *backend, enum fault_kind kind)
{
	struct ask a = ask_for(g);

	a.req.pin = rig_backend(g, backend);
	assert_goes(g, &a, backend);
	ask_fail(g, &a, kind);
}

static void
one_that_stands_in_names_whom_it_stands_in_for(void **state)
{
	struct rig g;
	struct ask a;

	rig_known(&g, FAST_AND_SLOW);
	next_misses(&g, &a, "fast", NOBODY);
	ask_finish(&g, &a, 40 * USEC_MS, USEC_MS, 10);
	break_by(&g, "fast", FAULT_REFUSED);
	next_misses(&g, &a, "slow", "fast", CAUSE_BREAKER, FAULT_REFUSED);
	rig_fini(&g);
}

static void
who_is_far_slower_than_usual_is_missed(void **state)
{
	struct rig g;
	struct ask a;

	rig_known(&g, FAST_AND_SLOW);
	rig_teach(&g, "fast", 900 * USEC_MS, USEC_MS, 20);
	assert_true(rig_view(&g, "fast").measured.ailing);
	/* one finds out how it is, and the next does without */
	for (unsigned i = 0; i < 2; i++) {
		a = ask_for(&g);
		a.req.slo.priority = PRIORITY_STANDARD;
		assert_goes(&g, &a, i == 0 ? "fast" : "slow");
	}
	assert_misses(&g, &a, "fast", CAUSE_SLOWED, FAULT_NONE);
	rig_fini(&g);
}

static void
who_failed_this_one_is_missed(void **state)
{
	struct rig g;
	struct ask a;

	rig_known(&g, FAST_AND_SLOW);
	next_misses(&g, &a, "fast", NOBODY);
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &a), "slow");
	assert_misses(&g, &a, "fast", CAUSE_FAILING, FAULT_SERVER_ERROR);
	rig_fini(&g);
}

static void
nobody_is_missed_where_another_will_do(void **state)
{
	struct rig g;
	struct ask a;

	rig_known(&g, THREE);
	/* in time, if less surely and at a higher price */
	rig_teach(&g, "other", 75 * USEC_MS, USEC_MS, 80);
	break_by(&g, "fast", FAULT_REFUSED);
	next_misses(&g, &a, "other", NOBODY);
	rig_fini(&g);
}

static void
nobody_is_missed_who_would_be_late(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, FAST_AND_SLOW);
	rig_teach(&g, "slow", 400 * USEC_MS, USEC_MS, 80);
	rig_teach(&g, "fast", 300 * USEC_MS, USEC_MS, 80);
	break_by(&g, "fast", FAULT_REFUSED);
	next_misses(&g, &a, "slow", NOBODY);
	rig_fini(&g);
}

static void
nobody_is_missed_who_would_not_be_used(void **state)
{
	static const char *const confs[] = {
		FAST_AND_SLOW_OF("fallback = true;"),
		FAST_AND_SLOW
		"policy = \"observe\";\n", /* the first that can */
	};
	struct rig g;
	struct ask a;

	for (size_t i = 0; i < 2; i++) {
		rig_known(&g, confs[i]);
		break_by(&g, "fast", FAULT_REFUSED);
		next_misses(&g, &a, "slow", NOBODY);
		rig_fini(&g);
	}
}

static void
of_two_it_is_the_cheaper(void **state)
{
	struct rig g;
	struct ask a;

	rig_known(&g, THREE);
	break_by(&g, "other", FAULT_REFUSED);
	break_by(&g, "fast", FAULT_RESET);
	next_misses(&g, &a, "slow", "fast", CAUSE_BREAKER, FAULT_RESET);
	rig_fini(&g);
}

static void
who_is_full_is_not_missed(void **state)
{
	struct rig g;
	struct ask a[3];

	rig_init(&g, ONE_AT_A_TIME "queue_limit = 0;\n");
	for (unsigned i = 0; i < 2; i++) {
		a[i] = ask_for(&g);
		assert_int_equal(ask_submit(&g, &a[i]), PLAN_GO);
	}
	next_misses(&g, &a[2], "queue_full", NOBODY);
	rig_fini(&g);
}

static void
who_is_turned_away_misses_who_is_out(void **state)
{
	const struct restraint drained = { .drained = true };
	struct rig g;
	struct ask a, b;

	rig_init(&g, ONE_AT_A_TIME "queue_limit = 0;\n");
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	next_misses(&g, &b, "queue_full", "fast", CAUSE_BREAKER, FAULT_REFUSED);
	ask_cancel(&g, &a);
	router_restrain(
	    g.router, rig_backend(&g, "slow")->id, 0, &drained, g.now);
	b = ask_for(&g);
	assert_goes(&g, &b, "unavailable");
	assert_int_not_equal(b.plan.lack.cause, CAUSE_NONE);
	rig_fini(&g);
}

static void
who_waits_misses_who_is_out(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, ONE_AT_A_TIME);
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	next_misses(&g, &b, "wait", "fast", CAUSE_BREAKER, FAULT_REFUSED);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    one_that_stands_in_names_whom_it_stands_in_for),
		cmocka_unit_test(who_is_far_slower_than_usual_is_missed),
		cmocka_unit_test(who_failed_this_one_is_missed),
		cmocka_unit_test(nobody_is_missed_where_another_will_do),
		cmocka_unit_test(nobody_is_missed_who_would_be_late),
		cmocka_unit_test(nobody_is_missed_who_would_not_be_used),
		cmocka_unit_test(of_two_it_is_the_cheaper),
		cmocka_unit_test(who_is_full_is_not_missed),
		cmocka_unit_test(who_is_turned_away_misses_who_is_out),
		cmocka_unit_test(who_waits_misses_who_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
