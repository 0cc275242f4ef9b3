/* router/dispatch_test.c - who goes when something frees. */
#include "router/testing.h"

#define ONE(rest) CONF(BACKEND("a", rest FREE_OF_CHARGE), SERVING("a", ""))
#define TWO_ONE_SLOT                                                             \
	CONF(                                                                    \
	    BACKEND("a",                                                         \
		"slots = 1; region = \"us\"; " FREE_OF_CHARGE) ", " BACKEND("b", \
		"slots = 1; region = \"eu\"; " FREE_OF_CHARGE),                  \
	    SERVING("a", "") ", " SERVING("b", ""))

static void
the_earliest_deadline_goes_first_within_a_priority(void **state)
{
	static const struct {
		enum priority priority;
		int left; /* seconds */
		int place;
	} asks[] = {
		{ PRIORITY_STANDARD, 50, 3 },
		{ PRIORITY_BATCH, 5, 5 },
		{ PRIORITY_STANDARD, 20, 2 },
		{ PRIORITY_PREMIUM, 60, 1 },
		{ PRIORITY_PREMIUM, 55, 0 },
		{ PRIORITY_STANDARD, 50, 4 },
	};
	struct rig g;
	struct ask first, a[COUNT(asks)];

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	first = ask_for(&g);
	assert_goes(&g, &first, "a");
	for (size_t i = 0; i < COUNT(asks); i++) {
		a[i] = ask_for(&g);
		a[i].req.slo.priority = asks[i].priority;
		a[i].req.deadline = g.now + asks[i].left * USEC_SEC;
		assert_goes(&g, &a[i], "wait");
	}
	assert_int_equal(router_queue_length(g.router), COUNT(asks));
	ask_cancel(&g, &first);
	for (size_t place = 0; place < COUNT(asks); place++) {
		struct ask *next = rig_next(&g, 0);

		assert_non_null(next);
		assert_int_equal(asks[next - a].place, place);
		assert_null(rig_next(&g, 0));
		ask_finish(&g, next, 1000, 10, 10);
	}
	rig_fini(&g);
}

static void
each_worker_is_woken_for_its_own(void **state)
{
	struct rig g;
	struct ask first, a, b;

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	first = ask_for(&g);
	a = ask_for(&g);
	b = ask_for(&g);
	a.req.worker = 1;
	assert_goes(&g, &first, "a");
	assert_goes(&g, &a, "wait");
	assert_goes(&g, &b, "wait");
	assert_int_equal(ask_cancel(&g, &first), 1 << 1);
	assert_null(rig_next(&g, 0));
	assert_ptr_equal(rig_next(&g, 1), &a);
	assert_int_equal(ask_finish(&g, &a, 1000, 10, 10), 1 << 0);
	assert_ptr_equal(rig_next(&g, 0), &b);
	rig_fini(&g);
}

static void
a_place_is_taken_before_its_worker_wakes(void **state)
{
	struct rig g;
	struct ask a, b, c;

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	c = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	ask_cancel(&g, &a);
	assert_int_equal(rig_view(&g, "a").in_flight, 1);
	assert_goes(&g, &c, "wait");
	/* who leaves before being fetched gives it back */
	assert_int_equal(ask_cancel(&g, &b), 1);
	assert_ptr_equal(rig_next(&g, 0), &c);
	assert_null(rig_next(&g, 0));
	rig_fini(&g);
}

static void
the_head_does_not_block_who_can_go_elsewhere(void **state)
{
	static const char *const us[] = { "us", NULL };
	struct conf_tenant american = { .name = "t", .regions = us };
	struct rig g;
	struct ask a, b, head, other;

	(void)state;
	rig_init(&g, TWO_ONE_SLOT);
	a = ask_for(&g);
	b = ask_for(&g);
	head = ask_for(&g);
	other = ask_for(&g);
	a.req.pin = rig_backend(&g, "a");
	b.req.pin = rig_backend(&g, "b");
	head.req.tenant = &american;
	head.req.slo.priority = PRIORITY_PREMIUM;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "b");
	assert_goes(&g, &head, "wait");
	assert_goes(&g, &other, "wait");
	ask_cancel(&g, &b);
	assert_ptr_equal(rig_next(&g, 0), &other);
	assert_string_equal(ask_went(&g, &other), "b");
	ask_cancel(&g, &a);
	assert_ptr_equal(rig_next(&g, 0), &head);
	assert_string_equal(ask_went(&g, &head), "a");
	rig_fini(&g);
}

static void
everybody_gets_a_look_when_time_has_passed(void **state)
{
	struct rig g;
	struct ask a, head, other;

	(void)state;
	rig_init(&g, TWO_ONE_SLOT);
	rig_probe(&g, "b", FAULT_REFUSED);
	a = ask_for(&g);
	head = ask_for(&g);
	other = ask_for(&g);
	head.req.pin = rig_backend(&g, "a");
	head.req.slo.priority = PRIORITY_PREMIUM;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &head, "wait");
	assert_goes(&g, &other, "wait");
	rig_pass(&g, 2 * USEC_SEC);
	rig_tick(&g);
	assert_ptr_equal(rig_next(&g, 0), &other);
	assert_string_equal(ask_went(&g, &other), "b");
	assert_null(rig_next(&g, 0));
	rig_fini(&g);
}

static void
models_share_the_slots_of_a_backend_in_order(void **state)
{
	struct rig g;
	struct ask a, m, n;

	(void)state;
	rig_init(&g,
	    CONF_OF(BACKEND("a", "slots = 1; " FREE_OF_CHARGE),
		MODEL("m", SERVING("a", "")) ", " MODEL(
		    "n", SERVING("a", ""))));
	a = ask_for(&g);
	m = ask_for(&g);
	n = ask_for(&g);
	n.req.model = &g.conf->models[1];
	n.req.deadline -= USEC_SEC;
	assert_goes(&g, &a, "a");
	assert_goes(&g, &m, "wait");
	assert_goes(&g, &n, "wait");
	ask_cancel(&g, &a);
	assert_ptr_equal(rig_next(&g, 0), &n);
	assert_null(rig_next(&g, 0));
	rig_fini(&g);
}

static void
a_newcomer_does_not_overtake_who_waits(void **state)
{
	struct rig g;
	struct ask old, new, urgent;

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	old = ask_for(&g);
	assert_goes(&g, &old, "a");
	ask_fail(&g, &old, FAULT_LOADING);
	assert_string_equal(ask_went(&g, &old), "wait");
	/* warm by now, but no tick has come to say so */
	rig_pass(&g, 2 * USEC_SEC);
	new = ask_for(&g);
	assert_goes(&g, &new, "wait");
	assert_ptr_equal(rig_next(&g, 0), &old);
	assert_string_equal(ask_went(&g, &old), "a");
	urgent = ask_for(&g);
	urgent.req.slo.priority = PRIORITY_PREMIUM;
	assert_goes(&g, &urgent, "wait");
	ask_cancel(&g, &old);
	assert_ptr_equal(rig_next(&g, 0), &urgent);
	rig_fini(&g);
}

static void
who_can_only_wait_for_a_backend_that_breaks_is_refused_at_once(void **state)
{
	struct rig g;
	struct ask a, b;

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	assert_int_equal(ask_fail(&g, &a, FAULT_REFUSED), 1);
	assert_string_equal(ask_went(&g, &a), "exhausted");
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "unavailable");
	assert_true(b.plan.retry_after > 0);
	rig_fini(&g);
}

static void
a_plan_that_broke_before_it_was_fetched_is_made_anew(void **state)
{
	struct rig g;
	struct ask a, b, c;

	(void)state;
	rig_init(&g, TWO_ONE_SLOT);
	a = ask_for(&g);
	b = ask_for(&g);
	c = ask_for(&g);
	a.req.pin = rig_backend(&g, "a");
	b.req.pin = rig_backend(&g, "b");
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "b");
	assert_goes(&g, &c, "wait");
	ask_cancel(&g, &a);
	rig_probe(&g, "a", FAULT_REFUSED);
	ask_cancel(&g, &b);
	assert_ptr_equal(rig_next(&g, 0), &c);
	assert_string_equal(ask_went(&g, &c), "b");
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	rig_fini(&g);
}

static void
a_plan_fetched_after_its_deadline_is_none(void **state)
{
	struct rig g;
	struct ask a, b;

	(void)state;
	rig_init(&g, ONE("slots = 1; "));
	a = ask_for(&g);
	b = ask_for(&g);
	assert_goes(&g, &a, "a");
	assert_goes(&g, &b, "wait");
	ask_cancel(&g, &a);
	rig_pass(&g, 61 * USEC_SEC);
	assert_ptr_equal(rig_next(&g, 0), &b);
	assert_string_equal(ask_went(&g, &b), "deadline");
	assert_int_equal(rig_view(&g, "a").in_flight, 0);
	rig_fini(&g);
}

static void
a_backend_that_comes_up_is_not_flooded_by_one_call(void **state)
{
	enum { WAITERS = 300 };
	struct rig g;
	struct ask *a = calloc(WAITERS, sizeof(*a));
	unsigned first, n = 0;

	(void)state;
	rig_init(&g, ONE("command = [ \"serve\" ]; "));
	for (int i = 0; i < WAITERS; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], "wait");
	}
	rig_probe(&g, "a", FAULT_NONE);
	while (rig_next(&g, 0) != NULL)
		n++;
	first = n;
	assert_in_range(first, 1, WAITERS - 1);
	for (int i = 0; i < 3; i++)
		rig_tick(&g);
	while (rig_next(&g, 0) != NULL)
		n++;
	assert_int_equal(n, WAITERS);
	rig_fini(&g);
	free(a);
}

/* A request would wait for half the time that it has: no longer. */
static void
who_would_wait_most_of_his_time_is_told_at_once(void **state)
{
	enum { MANY = 200 };
	struct rig g;
	struct ask *a = calloc(MANY, sizeof(*a)), *at_work = a;
	unsigned n = 0, waiting = 0;

	(void)state;
	rig_init(&g, ONE("slots = 1; ") "queue_limit = 150;\n");
	while (n < MANY / 2) {
		a[n] = ask_for(&g);
		a[n].req.slo.priority = PRIORITY_BATCH;
		a[n].req.deadline = g.now + 600 * USEC_SEC;
		ask_submit(&g, &a[n++]);
	}
	/* as long as nothing is known of the pace, all may */
	assert_int_equal(router_queue_length(g.router), n - 1);
	for (int i = 0; i < 10; i++) {
		rig_pass(&g, USEC_SEC);
		ask_finish(&g, at_work, 1000, 10, 10);
		at_work = rig_next(&g, 0);
		assert_non_null(at_work);
		rig_tick(&g);
	}
	a[n] = ask_for(&g);
	a[n].req.slo.priority = PRIORITY_BATCH;
	assert_goes(&g, &a[n], "queue_full");
	assert_true(a[n].plan.retry_after > 0);
	n++;
	/* but who has the time */
	a[n] = ask_for(&g);
	a[n].req.slo.priority = PRIORITY_BATCH;
	a[n].req.deadline = g.now + 6000 * USEC_SEC;
	assert_goes(&g, &a[n], "wait");
	n++;
	/* or goes before them */
	a[n] = ask_for(&g);
	assert_goes(&g, &a[n], "wait");
	waiting = router_queue_length(g.router);
	assert_int_equal(waiting, 100 - 1 - 10 + 2);
	rig_fini(&g);
	free(a);
}

static void
a_call_lets_only_so_many_go(void **state)
{
	enum { WAITERS = 100 };
	struct rig g;
	struct ask *a = calloc(WAITERS, sizeof(*a)), head;
	unsigned n = 0;

	(void)state;
	rig_init(&g, ONE("command = [ \"serve\" ]; "));
	for (int i = 0; i < WAITERS; i++) {
		a[i] = ask_for(&g);
		assert_goes(&g, &a[i], "wait");
	}
	head = ask_for(&g);
	head.req.slo.priority = PRIORITY_PREMIUM;
	assert_goes(&g, &head, "wait");
	rig_probe(&g, "a", FAULT_NONE);
	assert_ptr_equal(rig_next(&g, 0), &head);
	while (rig_next(&g, 0) != NULL)
		n++;
	assert_in_range(n, 1, 30);
	rig_fini(&g);
	free(a);
}

static void
who_was_failed_by_a_drill_alone_comes_back_after_it(void **state)
{
	static const struct {
		enum fault_kind kind;
		bool returns;
	} cases[] = { { FAULT_DRILL, true }, { FAULT_RATE_LIMITED, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rig g;
		struct ask first, a;

		rig_init(&g, TWO_ONE_SLOT);
		first = ask_for(&g);
		first.req.pin = rig_backend(&g, "b");
		a = ask_for(&g);
		assert_goes(&g, &first, "b");
		assert_goes(&g, &a, "a");
		ask_fail(&g, &a, cases[i].kind);
		assert_string_equal(ask_went(&g, &a), "wait");
		rig_pass(&g, 5 * USEC_SEC);
		assert_int_equal(rig_tick(&g), 0);
		router_drill_over(g.router, g.now);
		assert_int_equal(router_owed(g.router), cases[i].returns);
		assert_int_equal(
		    router_queue_length(g.router), !cases[i].returns);
		if (cases[i].returns) {
			assert_ptr_equal(rig_next(&g, 0), &a);
			assert_string_equal(ask_went(&g, &a), "a");
			/* a fault of its own is one */
			ask_fail(&g, &a, FAULT_RATE_LIMITED);
			router_drill_over(g.router, g.now);
			assert_int_equal(router_queue_length(g.router), 1);
		}
		ask_finish(&g, &first, 1000, 10, 10);
		assert_ptr_equal(rig_next(&g, 0), &a);
		assert_string_equal(ask_went(&g, &a), "b");
		rig_fini(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    the_earliest_deadline_goes_first_within_a_priority),
		cmocka_unit_test(each_worker_is_woken_for_its_own),
		cmocka_unit_test(a_place_is_taken_before_its_worker_wakes),
		cmocka_unit_test(the_head_does_not_block_who_can_go_elsewhere),
		cmocka_unit_test(everybody_gets_a_look_when_time_has_passed),
		cmocka_unit_test(models_share_the_slots_of_a_backend_in_order),
		cmocka_unit_test(a_newcomer_does_not_overtake_who_waits),
		cmocka_unit_test(
		    who_can_only_wait_for_a_backend_that_breaks_is_refused_at_once),
		cmocka_unit_test(
		    a_plan_that_broke_before_it_was_fetched_is_made_anew),
		cmocka_unit_test(a_plan_fetched_after_its_deadline_is_none),
		cmocka_unit_test(
		    a_backend_that_comes_up_is_not_flooded_by_one_call),
		cmocka_unit_test(
		    who_would_wait_most_of_his_time_is_told_at_once),
		cmocka_unit_test(a_call_lets_only_so_many_go),
		cmocka_unit_test(
		    who_was_failed_by_a_drill_alone_comes_back_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
