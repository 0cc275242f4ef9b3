/* router/toll_test.c - who is kept out for the sake of others gets its turn,
 * and they pay for where it goes, and keep no more than they need. */
#include "router/engine.h"
#include "router/market.h"

#include <string.h>

#define CLASSES                                                                \
	"slo = ( { name = \"voice\"; priority = \"premium\"; ttft = "          \
	"\"150ms\";"                                                           \
	" itl = \"30ms\"; percentile = 99; },\n"                               \
	"{ name = \"chat\"; ttft = \"2s\"; itl = \"60ms\"; },\n"               \
	"{ name = \"night\"; priority = \"batch\"; ttft = \"5s\"; } );\n"

static const char paid[] =
    CLASSES CONF(BACKEND("only", PRICE(1, 2)), SERVING("only", ));
static const char unpaid[] =
    CLASSES CONF(BACKEND("only", FREE_OF_CHARGE), SERVING("only", ));

static const char two[] =
    CLASSES CONF(BACKEND("pool", PRICE(1, 1)) ", " BACKEND("dear", PRICE(9, 9)),
	SERVING("pool", ) ", " SERVING("dear", ));

static struct ask
ask_in_class(const struct rig *g, const char *class)
{
	struct ask a = ask_for(g);

	a.req.slo = *conf_find_slo(g->conf, slice_of(class));
	return a;
}

/* One after the other, for a minute; half of the time nobody is there. */
static void
premium_comes(struct rig *g, usec each)
{
	for (usec t = 0; t < 60 * USEC_SEC; t += each) {
		struct ask a = ask_in_class(g, "voice");

		assert_goes(g, &a, "only");
		rig_pass(g, each / 2);
		rig_tick(g);
		ask_finish(g, &a, 60 * USEC_MS, 10 * USEC_MS, 51);
		rig_pass(g, each / 2);
		rig_tick(g);
	}
}

static void
a_long_prompt_goes_where_nobody_is(void **state)
{
	struct ask a;
	struct rig g;

	rig_init(&g, paid);
	premium_comes(&g, 100 * USEC_MS);
	a = ask_in_class(&g, "chat");
	a.facts.prompt_bytes = 40000; /* more than a moment of reading */
	assert_goes(&g, &a, "wait");
	rig_pass(&g, 3 * USEC_SEC / 2);
	rig_tick(&g); /* more than half of its time has gone */
	assert_ptr_equal(rig_next(&g, 0), &a);
	assert_string_equal(ask_went(&g, &a), "only");
	ask_cancel(&g, &a);
	rig_fini(&g);
}

static void
nothing_is_kept_for_premium_that_has_left(void **state)
{
	struct ask a, beside;
	struct rig g;

	rig_init(&g, unpaid);
	premium_comes(&g, USEC_SEC);
	for (unsigned i = 0; i < 6000; i++) {
		rig_pass(&g, USEC_SEC / 10);
		rig_tick(&g);
	}
	beside = ask_in_class(&g, "night");
	assert_goes(&g, &beside, "only");
	a = ask_in_class(&g, "night");
	a.req.arrived -= 10 * USEC_SEC; /* too late anyway */
	assert_goes(&g, &a, "only");
	ask_cancel(&g, &a);
	ask_cancel(&g, &beside);
	rig_fini(&g);
}

/* Ten times a second one of premium, and so many with a long prompt; where all
 * went in the end. */
static void
share(struct rig *g, unsigned seconds, unsigned others, const char *premium,
    const char *rest)
{
	struct ask voice, chat[3];

	for (unsigned i = 0; i < 10 * seconds; i++) {
		voice = ask_in_class(g, "voice");
		ask_submit(g, &voice);
		for (unsigned k = 0; k < others; k++) {
			chat[k] = ask_in_class(g, "chat");
			chat[k].facts.prompt_bytes = 40000;
			ask_submit(g, &chat[k]);
		}
		rig_pass(g, 100 * USEC_MS);
		for (unsigned k = 0; k < others; k++) {
			if (chat[k].plan.kind == PLAN_GO)
				ask_finish(g, &chat[k], 100 * USEC_MS,
				    10 * USEC_MS, 51);
			else
				ask_cancel(g, &chat[k]);
		}
		ask_finish(g, &voice, 60 * USEC_MS, 10 * USEC_MS, 51);
		rig_tick(g);
	}
	assert_string_equal(ask_went(g, &voice), premium);
	for (unsigned k = 0; k < others; k++)
		assert_string_equal(ask_went(g, &chat[k]), rest);
}

static void
premium_leaves_a_pool_from_which_it_keeps_many(void **state)
{
	struct rig g;

	rig_init(&g, two);
	share(&g, 10, 0, "pool", "");
	share(&g, 30, 3, "dear", "pool");
	/* once they have left, it finds out that it could be back */
	share(&g, 200, 0, "pool", "");
	rig_fini(&g);
}

/* Batch goes where it costs twice as much, to keep away from premium. */
static void
what_others_keep_away_is_not_put_down_to_premium(void **state)
{
	struct market *m = market();
	struct stake *s = m->stall[0].site.stakes;
	const struct candidate *to = &m->list[1];

	set_class(m, PRIORITY_BATCH, USEC_SEC, 0, 0);
	s[PRIORITY_PREMIUM] = (struct stake){ .at_work = 1, .came = 1 };
	chosen(m);
	assert_true(m->list[0].score < to->score);
	m->list[0].verdict = VERDICT_CROWDED;
	weigh_displaced(m->list, m->n, to, &m->demand);
	assert_true(stake_displaced(s) > 0);
	/* who is no cheaper, or would not do, is not kept from it */
	s->displaced = 0;
	weigh_displaced(m->list, m->n, &m->list[0], &m->demand);
	m->list[0].outlook.chance = 0;
	weigh_displaced(m->list, m->n, to, &m->demand);
	assert_true(stake_displaced(s) <= 0);
	/* nor by premium alone, where standard is there as well */
	chosen(m);
	m->list[0].verdict = VERDICT_CROWDED;
	stake_enter(&s[PRIORITY_STANDARD], 1, 100, 0, 30 * USEC_MS);
	weigh_displaced(m->list, m->n, to, &m->demand);
	assert_true(stake_displaced(s) <= 0);
	free(m);
}

/* Which are kept for a premium request that finds all of them half full, where
 * premium of late was at the first, and so much of it at its like. */
static void
assert_wanted(double first, double like, const char *wanted)
{
	struct market *m = market();

	add_stall(m, 1);
	set_class(m, PRIORITY_PREMIUM, 200 * USEC_MS, 30 * USEC_MS, 0);
	m->stall[0].site.stakes[PRIORITY_PREMIUM].usual = first;
	m->stall[2].site.stakes[PRIORITY_PREMIUM].usual = like;
	for (unsigned i = 0; i < m->n; i++)
		occupy(m, i, 11, 0);
	chosen(m);
	for (unsigned i = 0; i < m->n; i++)
		assert_int_equal(site_is_wanted(&m->stall[i].site, m->now),
		    wanted[i] == 'y');
	free(m);
}

static void
of_pools_alike_those_are_kept_where_premium_is(void **state)
{
	assert_wanted(1, 0, "yyn"); /* the second is dearer: not alike */
	assert_wanted(1, 0.1, "yyn");
	assert_wanted(1, 0.5, "yyy");
	assert_wanted(0, 0, "yyy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_prompt_goes_where_nobody_is),
		cmocka_unit_test(nothing_is_kept_for_premium_that_has_left),
		cmocka_unit_test(
		    what_others_keep_away_is_not_put_down_to_premium),
		cmocka_unit_test(
		    premium_leaves_a_pool_from_which_it_keeps_many),
		cmocka_unit_test(
		    of_pools_alike_those_are_kept_where_premium_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
