/* router/shortage_test.c - where more is asked for than there is. */
#include "router/engine.h"
#include "router/market.h"

#define CLASSES                                                                \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; itl = \"60ms\"; } );\n"     \
	"default_slo = \"chat\";\n"

static const char one[] =
    CLASSES CONF(BACKEND("only", "slots = 1; "), SERVING("only", ));

static struct ask
ask_of(const struct rig *g, uint64_t tokens)
{
	struct ask a = ask_for(g);

	a.facts.prompt_bytes = 4 * tokens;
	return a;
}

/* One is at work, and some wait until their SLO is lost. */
static void
make_short(struct rig *g, struct ask *at_work, struct ask *late, unsigned n)
{
	*at_work = ask_of(g, 100);
	assert_goes(g, at_work, "only");
	for (unsigned i = 0; i < n; i++) {
		late[i] = ask_of(g, 100);
		assert_goes(g, &late[i], "wait");
	}
	rig_pass(g, 3 * USEC_SEC / 2);
	rig_tick(g);
}

/* Both wait; the short one came later. */
static void
long_then_short(struct rig *g, struct ask *longer, struct ask *shorter)
{
	*longer = ask_of(g, 3000);
	assert_goes(g, longer, "wait");
	rig_pass(g, USEC_SEC / 10);
	*shorter = ask_of(g, 100);
	assert_goes(g, shorter, "wait");
}

static void
short_prompts_go_first(void **state)
{
	struct ask at_work, late[4], longer, shorter;
	struct rig g;

	(void)state;
	rig_init(&g, one);
	make_short(&g, &at_work, late, 4);
	long_then_short(&g, &longer, &shorter);
	ask_finish(&g, &at_work, 1000, 10, 10);
	assert_ptr_equal(rig_next(&g, 0), &shorter);
	assert_null(rig_next(&g, 0));
	rig_fini(&g);
}

static void
elsewhere_whoever_is_due_first_does(void **state)
{
	struct ask at_work, longer, shorter;
	struct rig g;

	(void)state;
	rig_init(&g, one);
	make_short(&g, &at_work, NULL, 0);
	long_then_short(&g, &longer, &shorter);
	ask_finish(&g, &at_work, 1000, 10, 10);
	assert_ptr_equal(rig_next(&g, 0), &longer);
	rig_fini(&g);
}

/* Nor are the late left out where nobody else is there. */
static void
who_is_late_is_served_in_the_end(void **state)
{
	struct ask at_work, late[3], *next;
	struct rig g;

	(void)state;
	rig_init(&g, one);
	make_short(&g, &at_work, late, 3);
	for (unsigned i = 0; i < 3; i++) {
		ask_finish(&g, &at_work, 1000, 10, 10);
		next = rig_next(&g, 0);
		assert_non_null(next);
		assert_string_equal(ask_went(&g, next), "only");
		at_work = *next;
	}
	rig_fini(&g);
}

/* --- choosing --- */

static void
a_place_is_not_for_who_will_miss_anyway(void **state)
{
	struct market *m = market();

	(void)state;
	may_wait(m);
	slow_down(m, 0, 30, 0.1);
	slow_down(m, 1, 30, 0.1);
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	m->demand.shortage = true;
	assert_waits(m);
	m->demand.late = true; /* all others have been asked */
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	free(m);
}

static void
nobody_waits_long_for_a_price(void **state)
{
	struct market *m = market();
	const struct cell *cheap = &m->stall[0].cell;

	(void)state;
	/* only the dear one has a free slot */
	m->list[0] = m->list[1];
	m->n = 1;
	set_class(m, PRIORITY_BATCH, 0, 0, 60 * USEC_SEC);
	m->quest.may_wait = true;
	m->quest.hopes = &cheap;
	m->quest.n_hopes = 1;
	m->demand.waited = 5e6;
	assert_waits(m);
	m->demand.shortage = true;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

/* 10 ms alone and 0.2 more for each at work: 14 ms with all slots taken. */
static void
others_fill_up_what_premium_leaves(void **state)
{
	struct market *m = market();
	struct site *s = &m->stall[0].site;

	(void)state;
	m->n = 1;
	slow_down(m, 0, 1, 0.02);
	occupy(m, 0, 1, 14 * USEC_MS);
	occupy(m, 0, 8, 0);
	m->demand.shortage = true;
	may_wait(m);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE); /* 12 ms */
	s->fill = 2000.0 / FILL_MEMORY; /* a tenth of the time: 13.4 */
	assert_waits(m);
	assert_verdict(m, 0, VERDICT_CROWDED);
	s->fill = 0;
	occupy(m, 0, 6, 0); /* 13.2 */
	assert_waits(m);
	free(m);
}

/* All slots but one are of those who are in time, at 29 ms of 30. */
static struct market *
full_of_the_like(enum priority p)
{
	struct market *m = market();

	m->n = 1;
	set_class(m, p, 200 * USEC_MS, 30 * USEC_MS, 0);
	slow_down(m, 0, 2, 0.02);
	occupy(m, 0, 18, 30 * USEC_MS);
	m->demand.waited = 250e3;
	m->demand.shortage = true;
	m->demand.late = p != PRIORITY_PREMIUM;
	may_wait(m);
	return m;
}

static void
who_is_lost_leaves_those_alone_who_are_not(void **state)
{
	struct market *m = full_of_the_like(PRIORITY_STANDARD);

	(void)state;
	assert_waits(m);
	assert_verdict(m, 0, VERDICT_CROWDED);
	m->demand.shortage = false; /* then one more does no harm */
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	free(m);
	m = market();
	m->n = 1;
	may_wait(m);
	m->demand.waited = 250e3;
	m->demand.shortage = m->demand.late = true;
	occupy(m, 0, 9, 30 * USEC_MS); /* half empty */
	assert_int_equal(chosen(m).kind, CHOICE_GO);
	free(m);
}

static void
premium_that_is_lost_does_so_where_premium_is_short(void **state)
{
	struct market *m = full_of_the_like(PRIORITY_PREMIUM);

	(void)state;
	assert_sent(m, 0, REASON_BEST_EFFORT); /* those below are short */
	m->demand.dire = true;
	assert_waits(m);
	/* those with a laxer target than its own are no reason */
	m->req.slo.itl = 29 * USEC_MS;
	assert_sent(m, 0, REASON_BEST_EFFORT);
	free(m);
}

/* Neither what waits, nor what is out of reach, has a target to be kept. */
static void
who_is_lost_asks_nothing_of_others(void **state)
{
	struct ask at_work, late[3], *next;
	const struct site *s;
	struct rig g;

	(void)state;
	rig_init(&g, one);
	s = fleet_site(&g.router->fleet, rig_backend(&g, "only")->id);
	make_short(&g, &at_work, late, 3);
	assert_int_equal(site_tightest(s, NULL), 60 * USEC_MS);
	ask_finish(&g, &at_work, 1000, 10, 10);
	next = rig_next(&g, 0);
	assert_non_null(next);
	assert_int_equal(s->in_flight, 1);
	assert_int_equal(site_tightest(s, NULL), 0);
	rig_fini(&g);
}

#define VOICE(slots)                                                           \
	"slo = ( { name = \"voice\"; ttft = \"1s\"; itl = \"60ms\"; "          \
	"priority = \"premium\"; } );\n"                                       \
	"default_slo = \"voice\";\n" CONF(                                     \
	    BACKEND("only", slots), SERVING("only", ))

static void
premium_is_short_where_it_loses_many_in_the_queue(void **state)
{
	struct ask at_work, late[3];
	struct rig g;

	(void)state;
	rig_init(&g, VOICE("slots = 1; "));
	make_short(&g, &at_work, late, 3);
	assert_true(shortage_is_dire(&g.router->premium));
	rig_fini(&g);
}

/* Late before it came, so that no place would do; with time for its target it
 * would have been met. Where the target is out of reach nothing is short. */
static void
premium_is_short_where_it_goes_too_late(void **state)
{
	struct ask a[4];
	struct rig g;

	(void)state;
	rig_init(&g, VOICE("slots = 8; "));
	rig_pass(&g, 5 * USEC_SEC);
	for (unsigned i = 0; i < 4; i++) {
		a[i] = ask_of(&g, 100);
		a[i].req.slo.ttft = 1;
		assert_goes(&g, &a[i], "only");
	}
	assert_false(shortage_is_dire(&g.router->premium));
	for (unsigned i = 0; i < 4; i++) {
		a[i] = ask_of(&g, 100);
		a[i].req.arrived -= 2 * USEC_SEC;
		assert_goes(&g, &a[i], "only");
	}
	assert_true(shortage_is_dire(&g.router->premium));
	rig_fini(&g);
}

static void
calls_are_left_to_who_takes_much(void **state)
{
	struct market *m = market();
	struct allowance *a = &m->stall[0].cell.allowance;

	(void)state;
	m->n = 1;
	slow_down(m, 0, 1, 0.02);
	*a = (struct allowance){ .at = m->now, .left = 15, .most = 20 };
	may_wait(m);
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	m->demand.shortage = true;
	assert_waits(m);
	assert_verdict(m, 0, VERDICT_RESERVED);
	m->demand.much = true;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	a->left = 8; /* the rest is premium's */
	assert_waits(m);
	m->demand.much = false;
	a->left = 20; /* what is full refills no more */
	assert_waits(m);
	m->demand.waited = 0.5 * (double)m->demand.slo->ttft;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	a->left = 15;
	assert_waits(m);
	free(m);
}

/* Of a burst of 20 five are used up, and there is less than is asked for. */
static void
make_short_of_calls(struct rig *g, const char *counted)
{
	const struct load full = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 20 };
	const struct load some = { .has = LOAD_LIMIT_REQUESTS,
		.left_requests = 15,
		.reset_requests = 5 * USEC_SEC };
	struct ask at_work, late[4];

	rig_limits(g, counted, &full);
	make_short(g, &at_work, late, 4);
	for (unsigned i = 0; i < 4; i++)
		router_cancel(g->router, late[i].ticket, g->now);
	ask_finish(g, &at_work, 1000, 10, 10);
	rig_limits(g, counted, &some);
	assert_true(shortage_is(&g->router->shortage));
}

static void
where_all_calls_are_counted_anybody_may_have_one(void **state)
{
	struct ask little;
	struct rig g;

	(void)state;
	rig_init(&g, one);
	make_short_of_calls(&g, "only");
	little = ask_of(&g, 20);
	assert_goes(&g, &little, "only");
	rig_fini(&g);
}

static void
premium_of_little_work_leaves_calls_to_others(void **state)
{
	struct market *m = market();

	(void)state;
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->demand.penalty = 6;
	slow_down(m, 0, 1, 0.02);
	slow_down(m, 1, 1, 0.02);
	m->stall[0].cell.allowance =
	    (struct allowance){ .at = m->now, .left = 20, .most = 20 };
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	m->demand.shortage = true;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	m->demand.much = true;
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	m->demand.much = false;
	slow_down(m, 1, 9, 0.02); /* the other would miss */
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

static void
premium_keeps_its_last_calls_for_who_needs_them(void **state)
{
	struct market *m = market();
	struct allowance *a = &m->stall[0].cell.allowance;

	(void)state;
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->demand.penalty = 6;
	slow_down(m, 0, 1, 0.02);
	slow_down(m, 1, 1, 0.02);
	*a = (struct allowance){ .at = m->now, .left = 20, .most = 20 };
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	a->left = 3;
	assert_sent(m, 1, REASON_CHEAPEST_ADEQUATE);
	slow_down(m, 1, 9, 0.02); /* the other would miss */
	assert_sent(m, 0, REASON_CHEAPEST_ADEQUATE);
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_prompts_go_first),
		cmocka_unit_test(elsewhere_whoever_is_due_first_does),
		cmocka_unit_test(who_is_late_is_served_in_the_end),
		cmocka_unit_test(a_place_is_not_for_who_will_miss_anyway),
		cmocka_unit_test(nobody_waits_long_for_a_price),
		cmocka_unit_test(others_fill_up_what_premium_leaves),
		cmocka_unit_test(who_is_lost_leaves_those_alone_who_are_not),
		cmocka_unit_test(
		    premium_that_is_lost_does_so_where_premium_is_short),
		cmocka_unit_test(who_is_lost_asks_nothing_of_others),
		cmocka_unit_test(
		    premium_is_short_where_it_loses_many_in_the_queue),
		cmocka_unit_test(premium_is_short_where_it_goes_too_late),
		cmocka_unit_test(calls_are_left_to_who_takes_much),
		cmocka_unit_test(
		    where_all_calls_are_counted_anybody_may_have_one),
		cmocka_unit_test(premium_of_little_work_leaves_calls_to_others),
		cmocka_unit_test(
		    premium_keeps_its_last_calls_for_who_needs_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
