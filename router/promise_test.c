/* router/promise_test.c - places kept for those who come back when told to. */
#include "router/testing.h"

#include "router/promise.h"

#define A_SECOND (1.0 / USEC_SEC) /* requests per us */

static const struct conf_serving serving = { .id = 1 };
static const struct conf_model model = { .servings = &serving,
	.n_servings = 1 };
static const struct conf_tenant tenants[2] = { { .id = 1 }, { .id = 2 } };

/* Somebody's request, told apart by the length of its prompt. */
struct caller {
	struct facts facts;
	struct route_request req;
	struct order order;
};

struct desk {
	struct promises promises;
	struct account account[2];
	usec now;
};

static struct desk *
desk(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	promises_init(&d->promises);
	d->now = USEC_SEC;
	return d;
}

static const struct order *
calls(struct caller *c, unsigned tenant, unsigned bytes)
{
	*c = (struct caller){ .facts = { .prompt_bytes = bytes },
		.req = { .facts = &c->facts,
		    .model = &model,
		    .tenant = &tenants[tenant] },
		.order = { .req = &c->req } };
	c->order.author = author_of(&c->req);
	return &c->order;
}

static usec
turn_away(struct desk *d, unsigned tenant, unsigned bytes)
{
	struct caller c;

	return promises_make(&d->promises, calls(&c, tenant, bytes),
	    &d->account[tenant], A_SECOND, USEC_SEC, d->now);
}

static bool
comes(struct desk *d, unsigned tenant, unsigned bytes)
{
	struct caller c;

	return promises_redeem(&d->promises, calls(&c, tenant, bytes), d->now);
}

static void
they_are_told_one_after_the_other(void **state)
{
	struct desk *d = desk();
	usec last = 0;

	for (unsigned i = 0; i < 20; i++) {
		usec told = turn_away(d, 0, 100 + i);

		assert_true(i > 0 || told == USEC_SEC);
		/* half of one a second */
		assert_true(i == 0 || told == last + 2 * USEC_SEC);
		last = told;
	}
	free(d);
}

static void
who_comes_when_told_has_a_place_once(void **state)
{
	struct desk *d = desk();
	usec told = turn_away(d, 0, 7);

	assert_false(comes(d, 0, 8));
	assert_false(comes(d, 1, 7));
	assert_false(comes(d, 0, 7)); /* at once */
	d->now += told;
	assert_true(comes(d, 0, 7));
	assert_false(comes(d, 0, 7));
	free(d);
}

static void
who_comes_much_too_late_has_none(void **state)
{
	struct desk *d = desk();

	d->now += turn_away(d, 0, 7) + 60 * USEC_SEC;
	assert_false(comes(d, 0, 7));
	free(d);
}

static void
who_comes_too_early_is_told_the_same_time(void **state)
{
	struct desk *d = desk();
	usec told;

	turn_away(d, 0, 1);
	told = turn_away(d, 0, 7);
	d->now += USEC_SEC;
	assert_int_equal(turn_away(d, 0, 7), told - USEC_SEC);
	/* which costs nobody behind it anything */
	assert_int_equal(turn_away(d, 0, 8), told + USEC_SEC);
	free(d);
}

static void
one_tenants_many_do_not_put_off_another(void **state)
{
	struct desk *d = desk();

	for (unsigned i = 0; i < 1000; i++)
		turn_away(d, 0, i);
	assert_int_equal(turn_away(d, 1, 1), USEC_SEC);
	free(d);
}

static void
where_nobody_comes_back_times_are_denser(void **state)
{
	struct desk *d = desk();
	usec first = 0;

	for (unsigned i = 0; i < 200; i++)
		d->now += turn_away(d, 0, i);
	for (unsigned i = 0; i < 200; i++) {
		d->now += USEC_SEC;
		promises_sweep(&d->promises, d->now);
	}
	assert_int_equal(d->promises.owed, 0);
	assert_int_equal(d->account[0].owed, 0);
	assert_true(d->promises.kept < 0.2);
	first = turn_away(d, 0, 1000);
	assert_true(turn_away(d, 0, 1001) - first < USEC_SEC);
	free(d);
}

static void
a_full_table_still_says_when(void **state)
{
	struct desk *d = desk();
	unsigned n = 0;

	for (unsigned i = 0; i < 4 * PROMISES; i++) {
		usec told = turn_away(d, i % 2, i);

		assert_in_range(told, USEC_SEC, PROMISE_MAX + 60 * USEC_SEC);
	}
	for (unsigned i = 0; i < PROMISES; i++)
		n += d->promises.list[i].key != 0;
	assert_int_equal(d->account[0].owed + d->account[1].owed, n);
	free(d);
}

/* --- with a router --- */

#define ONE_WAITS                                                              \
	CONF(BACKEND("a", "slots = 1; " FREE_OF_CHARGE), SERVING("a", ""))     \
	"queue_limit = 1;\n"

static void
whom_the_router_told_it_lets_in(void **state)
{
	struct rig g;
	struct ask work, waits, told, other;

	rig_init(&g, ONE_WAITS);
	work = ask_for(&g);
	waits = ask_for(&g);
	waits.req.slo.priority = PRIORITY_PREMIUM;
	told = ask_for(&g);
	told.facts.prompt_bytes = 5000;
	assert_goes(&g, &work, "a");
	assert_goes(&g, &waits, "wait");
	assert_goes(&g, &told, "queue_full");
	assert_true(told.plan.retry_after > 0);
	rig_pass(&g, told.plan.retry_after);
	other = ask_for(&g);
	other.facts.prompt_bytes = 6000;
	assert_goes(&g, &other, "queue_full");
	told = ask_for(&g);
	told.facts.prompt_bytes = 5000;
	assert_goes(&g, &told, "wait");
	/* and nobody takes its place */
	other.req.slo.priority = PRIORITY_PREMIUM;
	assert_goes(&g, &other, "queue_full");
	assert_int_equal(router_queue_length(g.router), 2);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_told_one_after_the_other),
		cmocka_unit_test(who_comes_when_told_has_a_place_once),
		cmocka_unit_test(who_comes_much_too_late_has_none),
		cmocka_unit_test(who_comes_too_early_is_told_the_same_time),
		cmocka_unit_test(one_tenants_many_do_not_put_off_another),
		cmocka_unit_test(where_nobody_comes_back_times_are_denser),
		cmocka_unit_test(a_full_table_still_says_when),
		cmocka_unit_test(whom_the_router_told_it_lets_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
