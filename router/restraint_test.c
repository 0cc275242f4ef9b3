/* router/restraint_test.c - what an operator holds back of a backend, or of one
 * serving there. */
#include "router/testing.h"

#define TWO                                                                    \
	CONF(BACKEND("a", PRICE(1, 1) "slots = 4;") ", " BACKEND(              \
		 "b", PRICE(2, 2) "slots = 4;"),                               \
	    SERVING("a", "model = \"x\";") ", " SERVING(                       \
		"b", "model = \"x\";"))

static void
hold(struct rig *g, const char *backend, bool serving, struct restraint r)
{
	router_restrain(g->router, rig_backend(g, backend)->id,
	    serving ? rig_serving(g, backend)->id : 0, &r, g->now);
}

#define DRAINED                                                                \
	(struct restraint)                                                     \
	{                                                                      \
		.drained = true                                                \
	}
#define WITHHELD(share)                                                        \
	(struct restraint)                                                     \
	{                                                                      \
		.withheld = (share)                                            \
	}

static void
nothing_goes_to_a_drained_backend(void **state)
{
	struct ask before, after;
	struct rig g;

	rig_init(&g, TWO);
	before = ask_for(&g);
	after = ask_for(&g);
	assert_goes(&g, &before, "a");
	hold(&g, "a", false, DRAINED);
	assert_goes(&g, &after, "b");
	/* what was under way ends as ever */
	assert_int_equal(rig_view(&g, "a").site_in_flight, 1);
	ask_finish(&g, &before, 1000, 100, 10);
	assert_int_equal(rig_view(&g, "a").site_in_flight, 0);
	ask_cancel(&g, &after);
	hold(&g, "a", false, WITHHELD(0));
	after = ask_for(&g);
	assert_goes(&g, &after, "a");
	ask_cancel(&g, &after);
	rig_fini(&g);
}

static void
a_weight_of_nothing_is_as_drained(void **state)
{
	struct rig g;
	struct ask a;

	rig_init(&g, TWO);
	hold(&g, "a", false, WITHHELD(1));
	a = ask_for(&g);
	assert_goes(&g, &a, "b");
	ask_cancel(&g, &a);
	rig_fini(&g);
}

/* A worker that has not fetched its plan yet is told another one. */
static void
who_was_about_to_go_there_does_not(void **state)
{
	struct ask all[9], *next;
	struct rig g;

	rig_init(&g, TWO);
	for (unsigned i = 0; i < 9; i++) {
		all[i] = ask_for(&g);
		all[i].req.pin =
		    i < 8 ? rig_backend(&g, i < 4 ? "a" : "b") : NULL;
		ask_submit(&g, &all[i]);
	}
	assert_string_equal(ask_went(&g, &all[8]), "wait");
	ask_finish(&g, &all[0], 1000, 100, 10); /* it may go to a, now */
	hold(&g, "a", false, DRAINED);
	assert_null(rig_next(&g, 0));
	ask_finish(&g, &all[4], 1000, 100, 10);
	next = rig_next(&g, 0);
	assert_ptr_equal(next, &all[8]);
	assert_string_equal(ask_went(&g, next), "b");
	for (unsigned i = 1; i < 9; i++)
		if (i != 4)
			ask_cancel(&g, &all[i]);
	rig_fini(&g);
}

static void
who_waits_for_nothing_else_is_told(void **state)
{
	struct ask busy[4], waits, comes;
	struct rig g;

	rig_init(&g,
	    CONF(BACKEND("a", FREE_OF_CHARGE "slots = 4;"),
		SERVING("a", "model = \"x\";")));
	for (unsigned i = 0; i < 4; i++) {
		busy[i] = ask_for(&g);
		assert_goes(&g, &busy[i], "a");
	}
	waits = ask_for(&g);
	assert_goes(&g, &waits, "wait");
	hold(&g, "a", false, DRAINED);
	assert_ptr_equal(rig_next(&g, 0), &waits);
	assert_string_equal(ask_went(&g, &waits), "drained");
	comes = ask_for(&g);
	assert_goes(&g, &comes, "drained");
	assert_int_equal(comes.plan.retry_after, 0);
	for (unsigned i = 0; i < 4; i++)
		ask_cancel(&g, &busy[i]);
	rig_fini(&g);
}

static void
one_at_its_limit_is_a_better_excuse(void **state)
{
	struct rig g;
	struct ask a, b;

	rig_init(&g, TWO);
	a = ask_for(&g);
	a.req.pin = rig_backend(&g, "b");
	ask_submit(&g, &a);
	ask_fail(&g, &a, FAULT_RATE_LIMITED);
	hold(&g, "a", false, DRAINED);
	b = ask_for(&g);
	assert_goes(&g, &b, "rate_limited");
	rig_fini(&g);
}

static unsigned
fill(struct rig *g, struct ask *list, unsigned n, const char *backend)
{
	unsigned went = 0;

	for (unsigned i = 0; i < n; i++) {
		list[i] = ask_for(g);
		list[i].req.pin = rig_backend(g, backend);
		went += ask_submit(g, &list[i]) == PLAN_GO;
	}
	return went;
}

static void
empty(struct rig *g, struct ask *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ask_cancel(g, &list[i]);
}

static void
a_weight_is_a_share_of_its_slots(void **state)
{
	struct ask list[6];
	struct rig g;

	rig_init(&g, TWO);
	assert_int_equal(fill(&g, list, 6, "a"), 4);
	empty(&g, list, 6);
	hold(&g, "a", false, WITHHELD(0.5));
	assert_int_equal(rig_view(&g, "a").ceiling, 2);
	assert_int_equal(fill(&g, list, 6, "a"), 2);
	/* those who wait are let in with the rest of it */
	hold(&g, "a", false, WITHHELD(0));
	assert_non_null(rig_next(&g, 0));
	assert_non_null(rig_next(&g, 0));
	assert_null(rig_next(&g, 0));
	empty(&g, list, 6);
	/* as long as it is used at all, by one */
	hold(&g, "a", false, WITHHELD(0.99));
	assert_int_equal(fill(&g, list, 6, "a"), 1);
	empty(&g, list, 6);
	rig_fini(&g);
}

#define SHARED                                                                 \
	CONF_OF(BACKEND("a", FREE_OF_CHARGE "slots = 4;"),                     \
	    MODEL("m", SERVING("a", "model = \"x\";")) ", " MODEL(             \
		"n", SERVING("a", "model = \"y\";")))

static void
one_serving_may_be_drained_alone(void **state)
{
	struct ask m, n, list[5];
	struct rig g;

	rig_init(&g, SHARED);
	hold(&g, "a", true, DRAINED);
	m = ask_for(&g);
	n = ask_for(&g);
	n.req.model = &g.conf->models[1];
	assert_goes(&g, &m, "drained");
	assert_goes(&g, &n, "a");
	hold(&g, "a", true, WITHHELD(0.5));
	assert_int_equal(fill(&g, list, 5, "a"), 2);
	empty(&g, list, 5);
	ask_cancel(&g, &n);
	rig_fini(&g);
}

static void
it_outlives_a_reload_by_its_name(void **state)
{
	struct conf *old;
	struct rig g;

	rig_init(&g, TWO);
	hold(&g, "a", false, WITHHELD(0.25));
	hold(&g, "b", true, DRAINED);
	/* another place and another name there */
	old = rig_reload(&g,
	    CONF(BACKEND("c",
		     PRICE(1, 1) "slots = 4;") ", "
					       "{ name = \"a\"; adapter = "
					       "\"vllm\"; url = "
					       "\"http://other/v1\"; slots = "
					       "8; }, " BACKEND("b", ""),
		SERVING("c", "model = \"x\";") ", " SERVING("a",
		    "model = \"x\";") ", " SERVING("b", "model = \"x-2\";")));
	assert_true(rig_view(&g, "a").site.withheld == 0.25);
	assert_int_equal(rig_view(&g, "a").ceiling, 6);
	assert_true(rig_view(&g, "b").own.drained);
	assert_false(rig_view(&g, "c").own.drained);
	assert_false(rig_view(&g, "c").site.drained);
	conf_unref(&old);
	/* what is gone is forgotten */
	old = rig_reload(&g, CONF(BACKEND("c", ""), SERVING("c", "")));
	conf_unref(&old);
	old = rig_reload(&g, TWO);
	assert_true(rig_view(&g, "a").site.withheld == 0);
	assert_false(rig_view(&g, "b").own.drained);
	conf_unref(&old);
	rig_fini(&g);
}

static void
a_share_of_the_rate_limit_is_left_alone(void **state)
{
	const struct load limits = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 10,
		.reset_requests = 3600 * USEC_SEC };
	struct ask list[12];
	struct rig g;

	rig_init(&g,
	    CONF(BACKEND("a", FREE_OF_CHARGE), SERVING("a", "model = \"x\";")));
	rig_limits(&g, "a", &limits);
	hold(&g, "a", false, WITHHELD(0.5));
	assert_int_equal(fill(&g, list, 12, "a"), 5);
	hold(&g, "a", false, WITHHELD(0));
	while (rig_next(&g, 0) != NULL)
		continue;
	assert_int_equal(rig_view(&g, "a").in_flight, 12); /* pinned */
	empty(&g, list, 12);
	rig_fini(&g);
}

static void
who_is_not_known_is_left_alone(void **state)
{
	const struct restraint r = { .drained = true };
	struct rig g;

	rig_init(&g, TWO);
	router_restrain(g.router, 77, 0, &r, g.now);
	router_restrain(g.router, 77, 1, &r, g.now);
	router_restrain(g.router, rig_backend(&g, "a")->id,
	    rig_serving(&g, "b")->id, &r, g.now);
	assert_false(rig_view(&g, "a").own.drained);
	assert_false(rig_view(&g, "a").site.drained);
	assert_false(rig_view(&g, "b").own.drained);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_to_a_drained_backend),
		cmocka_unit_test(a_weight_of_nothing_is_as_drained),
		cmocka_unit_test(who_was_about_to_go_there_does_not),
		cmocka_unit_test(who_waits_for_nothing_else_is_told),
		cmocka_unit_test(one_at_its_limit_is_a_better_excuse),
		cmocka_unit_test(a_weight_is_a_share_of_its_slots),
		cmocka_unit_test(one_serving_may_be_drained_alone),
		cmocka_unit_test(it_outlives_a_reload_by_its_name),
		cmocka_unit_test(a_share_of_the_rate_limit_is_left_alone),
		cmocka_unit_test(who_is_not_known_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
