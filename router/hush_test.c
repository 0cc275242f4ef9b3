/* router/hush_test.c - whether silence says more of who asks than of who
 * should answer. */
#include "router/testing.h"

#include "gateway/lib/rng.h"
#include "router/hush.h"

#define AT_WORK 256
#define STEP (10 * USEC_MS)
#define USUAL (100 * USEC_MS)
#define PATIENCE (5 * USEC_SEC)
#define CHAT                                                                   \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; percentile = 95; } );\n"    \
	"default_slo = \"chat\";\n"

static const struct conf_tenant p = { .name = "p", .id = 0 };
static const struct conf_tenant q = { .name = "q", .id = 1 };

/* Ten requests a second, and what becomes of them. */
struct play {
	double share; /* of them that are p's */
	double hangs; /* of these, that are never answered */
	bool at_a; /* but at "b" */
	bool both; /* q's are as p's */
	bool open; /* no tenants: p's are one request, over and over */
	usec silent; /* nobody is answered by "a" from then on; 0: they are */
	uint64_t seed;
};

struct tally {
	unsigned asked, away; /* q's; that were not sent to "a" */
	unsigned lost; /* sent to "a" in the second after it fell silent */
};

struct call {
	struct ask ask;
	bool used, hangs;
	usec sent, answered;
};

static struct call calls[AT_WORK];

static bool
is_at_a(const struct rig *g, const struct call *c)
{
	return strcmp(ask_went(g, &c->ask), "a") == 0;
}

/* Those who have to wait are not interesting here, and leave. */
static void
was_planned(
    struct rig *g, const struct play *play, struct call *c, struct rng *rng)
{
	double luck = rng_unit(rng);

	if (c->ask.plan.kind == PLAN_WAIT)
		ask_cancel(g, &c->ask);
	c->used = c->ask.plan.kind == PLAN_GO;
	c->sent = g->now;
	c->answered =
	    g->now + (usec)((double)USUAL * (0.8 + 0.5 * luck * luck));
	if ((c->hangs && (!play->at_a || is_at_a(g, c))) ||
	    (play->silent > 0 && is_at_a(g, c) && c->answered >= play->silent))
		c->answered = USEC_NEVER;
}

static void
begin(
    struct rig *g, const struct play *play, struct rng *rng, struct tally *out)
{
	bool is_p = rng_unit(rng) < play->share;
	unsigned bytes = play->open && is_p ? 3998 : 3900 + rng_below(rng, 90);
	struct call *c = calls;

	while (c->used)
		c++;
	*c = (struct call){ .ask = ask_for(g) };
	c->hangs = rng_unit(rng) < play->hangs && (is_p || play->both);
	c->ask.req.tenant = play->open ? NULL : is_p ? &p : &q;
	c->ask.facts.prompt_bytes = bytes;
	ask_submit(g, &c->ask);
	was_planned(g, play, c, rng);
	out->asked += !is_p;
	out->away += !is_p && !is_at_a(g, c);
	out->lost += play->silent > 0 && g->now >= play->silent &&
	    g->now < play->silent + USEC_SEC && is_at_a(g, c);
}

static void
go_on(struct rig *g, const struct play *play, struct call *c, struct rng *rng)
{
	if (g->now >= c->answered) {
		ask_finish(g, &c->ask, g->now - c->sent, 10 * USEC_MS, 11);
		c->used = false;
	} else if (g->now - c->sent >= PATIENCE) {
		ask_fail(g, &c->ask, FAULT_TTFT_TIMEOUT);
		was_planned(g, play, c, rng);
	}
}

static struct tally
run(struct rig *g, const struct play *play, usec span)
{
	usec end = g->now + span, tick = g->now, next = g->now;
	struct tally out = { 0 };
	struct rng rng;

	rng_init(&rng, play->seed, 0);
	for (; g->now < end; rig_pass(g, STEP)) {
		for (unsigned i = 0; i < AT_WORK; i++)
			if (calls[i].used)
				go_on(g, play, &calls[i], &rng);
		if (g->now >= tick) {
			rig_tick(g);
			tick += 100 * USEC_MS;
		}
		if (g->now >= next) {
			begin(g, play, &rng, &out);
			next += 50 * USEC_MS + rng_below(&rng, 100 * USEC_MS);
		}
	}
	for (unsigned i = 0; i < AT_WORK; i++)
		if (calls[i].used)
			ask_cancel(g, &calls[i].ask);
	memset(calls, 0, sizeof(calls));
	return out;
}

/* Of q's requests, in percent, those that were not sent to "a" in a minute in
 * which that share of all is p's, who is never answered. */
static unsigned
away(struct play play, bool cold, double share)
{
	struct tally sum = { 0 }, one;
	struct rig g;

	for (play.seed = 1; play.seed <= 3; play.seed++) {
		rig_init(&g, CHAT);
		play.share = play.hangs = 0;
		if (!cold)
			run(&g, &play, 15 * USEC_SEC);
		play.share = share;
		play.hangs = 1;
		one = run(&g, &play, 60 * USEC_SEC);
		sum.asked += one.asked;
		sum.away += one.away;
		rig_fini(&g);
	}
	return 100 * sum.away / sum.asked;
}

static const struct play anywhere, without_tenants = { .open = true },
				   at_a = { .at_a = true };

static void
whose_prompts_hang_drives_nobody_away(void **state)
{
	assert_in_range(away(anywhere, false, 0.1), 0, 2);
	assert_in_range(away(anywhere, false, 0.5), 0, 2);
	assert_in_range(away(anywhere, false, 0.7), 0, 2);
	assert_in_range(away(anywhere, true, 0.3), 0, 2);
	assert_in_range(away(anywhere, true, 0.5), 0, 40);
}

static void
nor_does_one_request_that_always_does(void **state)
{
	assert_in_range(away(without_tenants, false, 0.1), 0, 2);
	assert_in_range(away(without_tenants, false, 0.5), 0, 2);
	assert_in_range(away(without_tenants, true, 0.3), 0, 2);
}

/* The others find out, one after the other, however often he does himself. */
static void
nor_does_who_makes_most_of_the_traffic(void **state)
{
	assert_in_range(away(anywhere, false, 0.9), 0, 15);
	assert_in_range(away(at_a, true, 0.8), 0, 15);
}

/* As fast as if nobody knew of tenants: p is alone there, q is, or both are. */
static void
silence_for_all_is_noticed_as_fast(void **state)
{
	static const double shares[] = { 1, 0, 0.5, 0.9 };
	struct rig g;

	for (unsigned i = 0; i < COUNT(shares); i++) {
		struct play play = { .seed = i + 1, .share = shares[i] };

		rig_init(&g, CHAT);
		run(&g, &play, 15 * USEC_SEC);
		play.silent = g.now + 5 * USEC_SEC;
		assert_in_range(run(&g, &play, 6 * USEC_SEC).lost, 1, 6);
		rig_fini(&g);
	}
}

/* Whoever makes it known that he hangs does not hide it: at most his own are
 * lost until another is. */
static void
nor_is_it_later_where_one_hangs_anyway(void **state)
{
	struct rig g;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct play play = { .seed = seed, .share = 0.3, .hangs = 1 };

		rig_init(&g, CHAT);
		run(&g, &play, 15 * USEC_SEC);
		play.silent = g.now + 5 * USEC_SEC;
		assert_in_range(run(&g, &play, 6 * USEC_SEC).lost, 1, 12);
		rig_fini(&g);
	}
}

/* Half of everybody's are never answered: that is the backend's doing. */
static void
who_is_not_alone_is_no_excuse(void **state)
{
	struct play play = {
		.seed = 1, .share = 0.5, .both = true, .at_a = true
	};
	struct tally t;
	struct rig g;

	rig_init(&g, CHAT);
	run(&g, &play, 15 * USEC_SEC);
	play.hangs = 0.5;
	t = run(&g, &play, 30 * USEC_SEC);
	assert_in_range(t.away, t.asked * 8 / 10, t.asked);
	rig_fini(&g);
}

/* Who hangs there, and only there, is sent elsewhere himself. */
static void
who_always_hangs_there_goes_elsewhere(void **state)
{
	struct play play = {
		.seed = 1, .share = 0.3, .hangs = 1, .at_a = true
	};
	struct rig g;

	rig_init(&g, CHAT);
	run(&g, &play, 14 * USEC_SEC);
	for (unsigned i = 0; i < 2; i++) {
		struct ask a = ask_for(&g);

		a.req.tenant = i == 0 ? &p : &q;
		assert_goes(&g, &a, i == 0 ? "b" : "a");
		ask_cancel(&g, &a);
	}
	rig_fini(&g);
}

/* Two of one tenant, and one each of two others; soon after the clock began. */
static const struct author x = { { 1, 11 } }, x_again = { { 1, 12 } },
			   y = { { 2, 22 } }, z = { { 3, 33 } };
#define SOON (2 * USEC_SEC)

static void
it_is_anothers_after_a_while_and_for_a_while(void **state)
{
	usec t = SOON, later = t + HUSH_MEMORY;
	struct hush h = { 0 };

	assert_false(hush_is_anothers(&h, &y, t));
	hush_silent(&h, &x, t, false, t);
	assert_false(hush_is_anothers(&h, &x, t + HUSH_APART));
	assert_false(hush_is_anothers(&h, &y, t + HUSH_APART - 1));
	assert_true(hush_is_anothers(&h, &y, t + HUSH_APART));
	assert_true(hush_is_anothers(&h, &y, later - 1));
	assert_false(hush_is_anothers(&h, &y, later));

	hush_explored(&h, &x, t + HUSH_APART);
	assert_int_equal(h.explored_at, 0);
	hush_explored(&h, &y, t + HUSH_APART);
	assert_int_equal(h.explored_at, t + HUSH_APART);
	assert_false(hush_answered(&h, &x, t, true, t + HUSH_APART));
	assert_false(hush_answered(&h, &y, t, false, t + HUSH_APART));
	assert_true(hush_answered(&h, &y, t, true, t + HUSH_APART));

	hush_silent(&h, &x, later, false, later);
	assert_false(hush_is_anothers(&h, &y, later + HUSH_APART - 1));
	/* by either request: one tenant's still */
	hush_silent(&h, &x_again, later, false, later + HUSH_APART);
	assert_true(hush_is_anothers(&h, &y, later + HUSH_APART));
}

static void
nobodys_that_two_share_until_many_are_answered(void **state)
{
	usec t = SOON, at = t + HUSH_APART;
	struct hush h = { 0 };

	hush_silent(&h, &x, t, false, t);
	hush_silent(&h, &y, t, false, t);
	for (unsigned i = 0; i < HUSH_ALONE; i++) {
		assert_false(hush_answered(&h, &z, at, true, at));
		assert_false(hush_answered(&h, &z, at, false, at));
	}
	assert_false(hush_is_own(&h, &y, t, at));
	assert_true(hush_answered(&h, &z, at, true, at));
	assert_true(hush_is_own(&h, &y, t, at));
}

/* Silent over and over, each time while y's, sent then, is answered. */
static struct hush
known_to_hang(const struct author *who, unsigned times, usec sent, usec now)
{
	struct hush h = { 0 };

	hush_answered(&h, &y, sent, true, now);
	for (unsigned i = 0; i < times; i++) {
		hush_silent(&h, who, sent - 1, false, now);
		hush_silent(&h, who, sent - 1, true, now);
	}
	return h;
}

static void
who_is_known_is_believed_while_others_are_well(void **state)
{
	usec t = SOON, at = t + USEC_SEC, end = at + HUSH_MEMORY;
	struct hush h = known_to_hang(&x, HUSH_KNOWN - 1, t, at);

	assert_true(hush_is_own(&h, &x, t - 1, at));
	assert_false(hush_is_own(&h, &x, t, at));
	h = known_to_hang(&x, HUSH_KNOWN, t, at);
	assert_true(hush_is_own(&h, &x, t, t + SUSPECT_WITNESS - 1));
	assert_false(hush_is_own(&h, &x, t, t + SUSPECT_WITNESS));
	assert_false(hush_is_own(&h, &z, t, at));

	hush_answered(&h, &y, end - 1, true, end - 1);
	assert_true(hush_is_own(&h, &x, end, end - 1));
	assert_false(hush_is_own(&h, &x, end, end));
	/* then from the beginning */
	hush_silent(&h, &x, t, true, end);
	assert_false(hush_is_own(&h, &x, end, end));
	for (unsigned i = 1; i < HUSH_KNOWN; i++)
		hush_silent(&h, &x, t, false, end);
	assert_true(hush_is_own(&h, &x, end, end));
	h.answers += HUSH_ALONE + 1;
	assert_false(hush_is_own(&h, &z, end, end));
	hush_silent(&h, &z, t, false, end);
	assert_false(hush_is_own(&h, &z, end, end));
}

/* Without a proof, or while another is silent. */
static void
not_each_silence_makes_known(void **state)
{
	usec t = SOON;
	struct hush h = known_to_hang(&x, HUSH_KNOWN - 1, t, t);

	hush_silent(&h, &x, t, false, t);
	assert_false(hush_is_own(&h, &x, t, t));
	hush_silent(&h, &z, t, false, t);
	hush_silent(&h, &x, t - 1, false, t);
	h.answers += HUSH_ALONE + 1;
	assert_false(hush_is_own(&h, &x, t, t));
	hush_silent(&h, &x, t - 1, false, t);
	assert_true(hush_is_own(&h, &x, t, t));
}

static void
one_request_is_believed_the_second_time(void **state)
{
	usec t = SOON;
	struct hush h = { 0 };

	hush_answered(&h, &x_again, t, true, t);
	hush_silent(&h, &x, t - 1, false, t);
	hush_silent(&h, &x, t - 1, true, t);
	assert_false(hush_is_own(&h, &x, t - 1, t));
	hush_silent(&h, &x, t - 1, false, t);
	assert_true(hush_is_own(&h, &x, t - 1, t));
	assert_false(hush_is_own(&h, &x, t, t));
}

static void
who_is_answered_once_is_not_kept_away(void **state)
{
	usec t = SOON, end = t + SUSPECT_REST;
	struct hush h = known_to_hang(&x, HUSH_KNOWN - 1, t, t);

	assert_false(hush_avoid(&h, &x, t));
	h = known_to_hang(&x, HUSH_KNOWN, t, t);
	hush_silent(&h, &x_again, t, false, t);
	hush_answered(&h, &y, t, false, t);
	h.answers += HUSH_ALONE + 1;
	assert_false(hush_avoid(&h, &y, t));
	assert_true(hush_avoid(&h, &x, end - 1));
	assert_false(hush_avoid(&h, &x, end));
	hush_silent(&h, &z, t, false, t);
	assert_false(hush_avoid(&h, &x, t));

	h = known_to_hang(&x, HUSH_KNOWN, t, t);
	hush_answered(&h, &x, t, false, t);
	assert_true(hush_is_own(&h, &x, t, t));
	assert_false(hush_avoid(&h, &x, t));
	hush_silent(&h, &x, t - 1, false, t);
	assert_false(hush_avoid(&h, &x, t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_prompts_hang_drives_nobody_away),
		cmocka_unit_test(nor_does_one_request_that_always_does),
		cmocka_unit_test(nor_does_who_makes_most_of_the_traffic),
		cmocka_unit_test(silence_for_all_is_noticed_as_fast),
		cmocka_unit_test(nor_is_it_later_where_one_hangs_anyway),
		cmocka_unit_test(who_is_not_alone_is_no_excuse),
		cmocka_unit_test(who_always_hangs_there_goes_elsewhere),
		cmocka_unit_test(it_is_anothers_after_a_while_and_for_a_while),
		cmocka_unit_test(
		    nobodys_that_two_share_until_many_are_answered),
		cmocka_unit_test(
		    who_is_known_is_believed_while_others_are_well),
		cmocka_unit_test(not_each_silence_makes_known),
		cmocka_unit_test(one_request_is_believed_the_second_time),
		cmocka_unit_test(who_is_answered_once_is_not_kept_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
