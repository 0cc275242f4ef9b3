/* router/fair_test.c - whose turn it is, over a long time. */
#include "router/testing.h"

#define ONE_AT_A_TIME                                                          \
	CONF(BACKEND("a", "slots = 1; " PRICE(1, 1)), SERVING("a", ""))

static const struct conf_tenant p = { .name = "p", .id = 0 };
static const struct conf_tenant q = { .name = "q", .id = 1 };

static struct ask
ask_of(const struct rig *g, const struct conf_tenant *who)
{
	struct ask a = ask_for(g);

	a.req.tenant = who;
	return a;
}

/* Of twelve places that come free, with both waiting, those of p. */
static unsigned
places_of_p(struct rig *g)
{
	struct ask first = ask_of(g, &q), waits[24], *at_work = &first, *next;
	unsigned n = 0;

	assert_goes(g, &first, "a");
	for (unsigned i = 0; i < COUNT(waits); i++) {
		waits[i] = ask_of(g, i % 2 == 0 ? &q : &p);
		assert_goes(g, &waits[i], "wait");
	}
	for (unsigned i = 0; i < 12; i++) {
		ask_finish(g, at_work, 1000, 10, 10);
		next = rig_next(g, 0);
		assert_non_null(next);
		assert_int_equal(next->plan.kind, PLAN_GO);
		n += next->req.tenant == &p;
		at_work = next;
	}
	return n;
}

/* The same, so long after p has been served 500 times while nobody waited. */
static unsigned
places_after(usec span, usec between_ticks)
{
	struct rig g;
	unsigned n;

	rig_init(&g, ONE_AT_A_TIME);
	rig_tick(&g);
	for (unsigned i = 0; i < 500; i++) {
		struct ask a = ask_of(&g, &p);

		assert_goes(&g, &a, "a");
		ask_finish(&g, &a, 1000, 10, 10);
	}
	for (usec left = span; left > 0; left -= between_ticks) {
		rig_pass(&g, between_ticks);
		rig_tick(&g);
	}
	n = places_of_p(&g);
	rig_fini(&g);
	return n;
}

/* What somebody had for himself is not held against him for ever. */
static void
who_was_served_long_ago_is_not_put_off(void **state)
{
	assert_in_range(places_after(10 * 60 * USEC_SEC, 6 * USEC_SEC), 5, 7);
	/* and after a night, asleep or not */
	assert_in_range(places_after(8 * 3600 * USEC_SEC, 60 * USEC_SEC), 5, 7);
	assert_in_range(
	    places_after(8 * 3600 * USEC_SEC, 8 * 3600 * USEC_SEC), 5, 7);
}

static void
who_was_served_a_moment_ago_is(void **state)
{
	assert_int_equal(places_after(0, 1), 0);
	assert_int_equal(places_after(USEC_SEC, USEC_SEC / 10), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_served_long_ago_is_not_put_off),
		cmocka_unit_test(who_was_served_a_moment_ago_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
