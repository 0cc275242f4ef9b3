/* router/lack_test.c - who is missed where what was chosen is not good
 * enough. */
#include "router/testing.h"

#define VOICE                                                                  \
	"slo = ( { name = \"voice\"; ttft = \"100ms\"; percentile = 95; "      \
	"priority = \"premium\"; } );\n"                                       \
	"default_slo = \"voice\";\n"
#define FAST_AND_SLOW                                                          \
	CONF(BACKEND("fast", PRICE(2, 2)) ", " BACKEND("slow", PRICE(1, 1)),   \
	    SERVING("fast", "") ", " SERVING("slow", ""))                      \
	VOICE

static void
assert_lack(const struct rig *g, const struct ask *a, const char *backend,
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

static void
teach(struct rig *g)
{
	rig_teach(g, "fast", 40 * USEC_MS, USEC_MS, 80);
	rig_teach(g, "slow", 400 * USEC_MS, USEC_MS, 80);
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

	rig_init(&g, FAST_AND_SLOW);
	teach(&g);
	a = ask_for(&g);
	assert_goes(&g, &a, "fast");
	assert_lack(&g, &a, NULL, CAUSE_NONE, FAULT_NONE);
	ask_finish(&g, &a, 40 * USEC_MS, USEC_MS, 10);
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	assert_lack(&g, &a, "fast", CAUSE_BREAKER, FAULT_REFUSED);
	ask_finish(&g, &a, 400 * USEC_MS, USEC_MS, 10);
	rig_fini(&g);
}

static void
who_is_far_slower_than_usual_is_missed(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, FAST_AND_SLOW);
	teach(&g);
	rig_teach(&g, "fast", 900 * USEC_MS, USEC_MS, 20);
	assert_true(rig_view(&g, "fast").measured.ailing);
	/* one finds out how it is, and the next does without */
	for (unsigned i = 0; i < 2; i++) {
		a = ask_for(&g);
		a.req.slo.priority = PRIORITY_STANDARD;
		assert_goes(&g, &a, i == 0 ? "fast" : "slow");
	}
	assert_lack(&g, &a, "fast", CAUSE_SLOWED, FAULT_NONE);
	rig_fini(&g);
}

static void
who_failed_this_one_is_missed(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, FAST_AND_SLOW);
	teach(&g);
	a = ask_for(&g);
	assert_goes(&g, &a, "fast");
	ask_fail(&g, &a, FAULT_SERVER_ERROR);
	assert_string_equal(ask_went(&g, &a), "slow");
	assert_lack(&g, &a, "fast", CAUSE_FAILING, FAULT_SERVER_ERROR);
	rig_fini(&g);
}

#define THREE                                                                  \
	CONF(BACKEND("fast", PRICE(2, 2)) ", " BACKEND(                        \
		 "other", PRICE(9, 9)) ", " BACKEND("slow", PRICE(1, 1)),      \
	    SERVING("fast", "") ", " SERVING("other", "") ", " SERVING(        \
		"slow", ""))                                                   \
	VOICE

/* Nobody is missed where another is as good, and nobody who would be late. */
static void
only_who_would_have_helped_is_missed(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, THREE);
	teach(&g);
	rig_teach(&g, "other", 40 * USEC_MS, USEC_MS, 80);
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "other");
	assert_lack(&g, &a, NULL, CAUSE_NONE, FAULT_NONE);
	rig_fini(&g);

	rig_init(&g, FAST_AND_SLOW);
	rig_teach(&g, "fast", 300 * USEC_MS, USEC_MS, 80);
	rig_teach(&g, "slow", 400 * USEC_MS, USEC_MS, 80);
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	assert_lack(&g, &a, NULL, CAUSE_NONE, FAULT_NONE);
	rig_fini(&g);
}

static void
of_two_it_is_the_cheaper(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, THREE);
	teach(&g);
	rig_teach(&g, "other", 40 * USEC_MS, USEC_MS, 80);
	break_by(&g, "other", FAULT_REFUSED);
	break_by(&g, "fast", FAULT_RESET);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	assert_lack(&g, &a, "fast", CAUSE_BREAKER, FAULT_RESET);
	rig_fini(&g);
}

#define FEW                                                                    \
	CONF(BACKEND("fast", PRICE(2, 2) "slots = 1; ") ", " BACKEND(          \
		 "slow", PRICE(1, 1) "slots = 1; "),                           \
	    SERVING("fast", "") ", " SERVING("slow", ""))                      \
	VOICE

static void
who_waits_or_is_turned_away_misses_who_is_out(void **state)
{
	const struct restraint drained = { .drained = true };
	struct rig g;
	struct ask a, b;

	rig_init(&g, FEW "queue_limit = 0;\n");
	a = ask_for(&g);
	b = ask_for(&g);
	ask_submit(&g, &a);
	ask_submit(&g, &b);
	a = ask_for(&g);
	assert_goes(&g, &a, "queue_full");
	assert_lack(&g, &a, NULL, CAUSE_NONE, FAULT_NONE);
	rig_fini(&g);

	rig_init(&g, FEW "queue_limit = 0;\n");
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	b = ask_for(&g);
	assert_goes(&g, &b, "queue_full");
	assert_lack(&g, &b, "fast", CAUSE_BREAKER, FAULT_REFUSED);
	ask_cancel(&g, &a);
	router_restrain(
	    g.router, rig_backend(&g, "slow")->id, 0, &drained, g.now);
	b = ask_for(&g);
	assert_goes(&g, &b, "unavailable");
	assert_int_not_equal(b.plan.lack.cause, CAUSE_NONE);
	rig_fini(&g);

	rig_init(&g, FEW);
	break_by(&g, "fast", FAULT_REFUSED);
	a = ask_for(&g);
	assert_goes(&g, &a, "slow");
	b = ask_for(&g);
	assert_goes(&g, &b, "wait");
	assert_lack(&g, &b, "fast", CAUSE_BREAKER, FAULT_REFUSED);
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
		cmocka_unit_test(only_who_would_have_helped_is_missed),
		cmocka_unit_test(of_two_it_is_the_cheaper),
		cmocka_unit_test(who_waits_or_is_turned_away_misses_who_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
