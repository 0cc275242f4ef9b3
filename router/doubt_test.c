/* router/doubt_test.c - who finds out how a serving is that is left alone. */
#include "router/testing.h"

#include "router/choose.h"

#define USUAL (100 * USEC_MS)
#define WITH_TARGETS                                                           \
	CHEAP_OR_DEAR                                                          \
	"slo = ( { name = \"chat\"; ttft = \"1s\"; percentile = 95; } );\n"    \
	"default_slo = \"chat\";\n"

/* "a" is known, and says nothing for a second and a half: it ails. */
static void
falls_silent(struct rig *g)
{
	struct ask silent[4];

	rig_teach(g, "a", USUAL, 10 * USEC_MS, 80);
	for (unsigned i = 0; i < 30; i++) {
		rig_pass(g, USEC_SEC / 10);
		rig_teach(g, "a", USUAL, 10 * USEC_MS, 1);
	}
	for (unsigned i = 0; i < COUNT(silent); i++) {
		silent[i] = ask_for(g);
		assert_goes(g, &silent[i], "a");
	}
	for (unsigned i = 0; i < 15; i++) {
		rig_pass(g, USEC_SEC / 10);
		rig_tick(g);
	}
	for (unsigned i = 0; i < COUNT(silent); i++)
		ask_cancel(g, &silent[i]);
	assert_true(rig_view(g, "a").measured.ailing);
}

/* Seconds until it is used as before, with ten requests a second that are
 * answered as ever. */
static unsigned
is_back_after(struct rig *g)
{
	unsigned in_a_row = 0, n;

	for (n = 0; in_a_row < 10 && n < 6100; n++) {
		struct ask a = ask_for(g);

		assert_int_equal(ask_submit(g, &a), PLAN_GO);
		in_a_row = strcmp(ask_went(g, &a), "a") == 0 ? in_a_row + 1 : 0;
		rig_pass(g, USUAL);
		ask_finish(g, &a, USUAL, 10 * USEC_MS, 10);
		rig_tick(g);
	}
	return n / 10;
}

/* It is left alone also by those who ask for no target; so they find out. */
static void
what_ails_is_found_well_with_targets_or_without(void **state)
{
	static const char *const texts[] = { WITH_TARGETS, CHEAP_OR_DEAR };
	struct rig g;

	for (size_t i = 0; i < COUNT(texts); i++) {
		rig_init(&g, texts[i]);
		falls_silent(&g);
		assert_in_range(is_back_after(&g), 1, 60);
		rig_fini(&g);
	}
}

static const struct author x = { { 1, 11 } }, y = { { 2, 22 } };

/* Two that ail, at rest for a minute. */
struct scene {
	struct site sites[2];
	struct cell cells[2];
	struct candidate list[2];
	struct slo slo;
	struct demand demand;
	usec now;
};

static void
scene_init(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->now = 1000 * USEC_SEC;
	s->slo.ttft = USEC_SEC;
	s->demand.slo = &s->slo;
	s->demand.priority = PRIORITY_STANDARD;
	for (unsigned i = 0; i < 2; i++) {
		s->cells[i].site = &s->sites[i];
		s->sites[i].explored_at = s->now - 60 * USEC_SEC;
		s->list[i].cell = &s->cells[i];
		s->list[i].verdict = VERDICT_AILING;
	}
}

/* The one that it is now; -1: none. */
static int
chosen(const struct scene *s)
{
	unsigned i = 0;

	return choose_doubtful(s->list, 2, &s->demand, s->now, &i) ? (int)i
								   : -1;
}

/* The first one alone is due after so long since then. */
static void
assert_due(struct scene *s, usec since, usec pause)
{
	s->list[1].verdict = VERDICT_RESERVED;
	s->now = since + pause - 1;
	assert_int_equal(chosen(s), -1);
	s->now++;
	assert_int_equal(chosen(s), 0);
}

static void
the_pause_is_by_who_asks_and_what_is_wrong(void **state)
{
	struct scene s;
	usec at;

	scene_init(&s);
	at = s.sites[0].explored_at = s.now;
	assert_due(&s, at, 5 * USEC_SEC);
	s.demand.priority = PRIORITY_BATCH;
	assert_due(&s, at, USEC_SEC / 2);
	s.sites[0].failed_in_a_row = 1;
	assert_due(&s, at, 15 * USEC_SEC);
	s.demand.priority = PRIORITY_PREMIUM;
	assert_int_equal(chosen(&s), -1);
}

static void
it_is_counted_from_what_was_heard_last(void **state)
{
	struct scene s;
	usec at;

	scene_init(&s);
	at = s.sites[0].explored_at = s.now;
	s.cells[0].vain.since = at;
	s.cells[0].vain.until = at + 1;
	s.cells[0].heard_at = at + 3;
	s.sites[0].failed_at = at + 2;
	assert_due(&s, at, 5 * USEC_SEC);
	s.cells[0].vain.n = VAIN_ALWAYS;
	assert_due(&s, at + 1, 5 * USEC_SEC);
	s.slo.ttft = 0;
	assert_due(&s, at + 3, 5 * USEC_SEC);
	s.sites[0].failed_at = at + 4;
	assert_due(&s, at + 4, 5 * USEC_SEC);
	s.cells[0].vain.since = s.cells[0].vain.until = at - 1;
	s.slo.ttft = USEC_SEC;
	assert_due(&s, at, 5 * USEC_SEC);
}

/* Whoever asks it waits in vain, of whatever class. */
static void
what_says_nothing_is_asked_ever_more_seldom(void **state)
{
	static const usec waited[] = { 0, 20 * USEC_SEC, 60 * USEC_SEC };
	static const usec pause[] = { 5 * USEC_SEC, 20 * USEC_SEC,
		30 * USEC_SEC };
	struct scene s;
	struct cell *c;
	usec at;

	scene_init(&s);
	c = &s.cells[0];
	at = s.sites[0].explored_at = s.now;
	for (size_t i = 0; i < 2 * COUNT(waited); i++) {
		s.demand.priority =
		    i % 2 == 0 ? PRIORITY_BATCH : PRIORITY_STANDARD;
		c->vain.n = c->stalled.n = 0;
		c->vain.until = c->stalled.until = at;
		c->vain.since = c->stalled.since = at - waited[i / 2];
		*(i % 2 == 0 ? &c->vain.n : &c->stalled.n) = VAIN_ALWAYS;
		assert_due(&s, at, pause[i / 2]);
	}
}

/* The tenant that asks does not matter; nor that we ask, once what answered us
 * has failed the next. */
static void
where_we_ask_they_hardly_do(void **state)
{
	struct scene s;
	struct cell *c;
	usec at;

	scene_init(&s);
	c = &s.cells[0];
	at = c->vain.since = c->vain.until = s.now;
	c->vain.n = VAIN_ALWAYS;
	c->asked = 1;
	s.sites[0].explored_at = at + 1; /* by us */
	s.demand.author = &y;
	hush_silent(&c->hush, &x, at - USEC_SEC, false, at - USEC_SEC);
	assert_due(&s, at, 600 * USEC_SEC);
	s.demand.author = NULL;
	c->vain.again = true;
	c->vain.ended = at - 60 * USEC_SEC;
	assert_due(&s, at, 30 * USEC_SEC);
	c->vain.ended = at - 300 * USEC_SEC;
	assert_due(&s, at, 600 * USEC_SEC);
}

static void
of_several_the_longest_alone_that_is_all_but_idle(void **state)
{
	struct scene s;

	scene_init(&s);
	s.sites[0].explored_at++;
	assert_int_equal(chosen(&s), 1);
	s.sites[1].explored_at += 2;
	assert_int_equal(chosen(&s), 0);
	s.sites[0].in_flight = CHOOSE_IDLE;
	assert_int_equal(chosen(&s), 1);
	s.sites[1].in_flight = CHOOSE_IDLE;
	assert_int_equal(chosen(&s), -1);
}

/* Another's silence is no reason to wait for long, nor that it is busy. */
static void
another_asks_at_once_where_one_waits_in_vain(void **state)
{
	struct scene s;
	struct hush *h;
	usec at;

	scene_init(&s);
	h = &s.cells[0].hush;
	at = s.sites[0].explored_at = h->explored_at = s.now;
	s.sites[0].in_flight = CHOOSE_IDLE;
	s.demand.author = &y;
	hush_silent(h, &x, at - USEC_SEC, false, at - USEC_SEC);
	assert_due(&s, at, HUSH_APART);
	/* but that it failed one more */
	s.sites[0].failed_in_a_row = 1;
	latest_note(&s.sites[0].failed, x.by[AUTHOR_TENANT], at);
	assert_int_equal(chosen(&s), 0);
	latest_note(&s.sites[0].failed, 3, at + 1);
	assert_int_equal(chosen(&s), -1);
	assert_due(&s, at, 15 * USEC_SEC);
	s.demand.author = &x;
	assert_int_equal(chosen(&s), -1);
}

/* Where it costs less than what will do. */
static void
nor_that_it_is_unlikely(void **state)
{
	struct scene s;

	scene_init(&s);
	s.demand.author = &y;
	hush_silent(
	    &s.cells[0].hush, &x, s.now - USEC_SEC, false, s.now - USEC_SEC);
	s.list[0].verdict = VERDICT_UNLIKELY;
	s.list[1].verdict = VERDICT_DEARER;
	s.list[0].price = s.list[1].price = 1;
	assert_int_equal(chosen(&s), -1);
	s.list[1].price = 2;
	assert_int_equal(chosen(&s), 0);
	s.list[0].verdict = VERDICT_CROWDED;
	assert_int_equal(chosen(&s), -1);
	s.list[0].verdict = VERDICT_UNLIKELY;
	s.demand.author = &x;
	assert_int_equal(chosen(&s), -1);
	s.demand.author = NULL;
	assert_int_equal(chosen(&s), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_ails_is_found_well_with_targets_or_without),
		cmocka_unit_test(the_pause_is_by_who_asks_and_what_is_wrong),
		cmocka_unit_test(it_is_counted_from_what_was_heard_last),
		cmocka_unit_test(what_says_nothing_is_asked_ever_more_seldom),
		cmocka_unit_test(where_we_ask_they_hardly_do),
		cmocka_unit_test(
		    of_several_the_longest_alone_that_is_all_but_idle),
		cmocka_unit_test(another_asks_at_once_where_one_waits_in_vain),
		cmocka_unit_test(nor_that_it_is_unlikely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
