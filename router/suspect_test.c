/* router/suspect_test.c - whether failures say more of who asks than of who
 * answers. */
#include "router/testing.h"

#include "gateway/lib/rng.h"
#include "router/suspect.h"

#define ALONE CONF(BACKEND("a", PRICE(1, 1)), SERVING("a", ""))

static const struct conf_tenant p = { .name = "p", .id = 0 };
static const struct conf_tenant q = { .name = "q", .id = 1 };

/* One request to "a" a tenth of a second later, of a prompt so long; of
 * FAULT_NONE it is answered. False: it was not sent to "a". */
static bool
asks(struct rig *g, const struct conf_tenant *who, unsigned bytes,
    enum fault_kind kind)
{
	struct ask a = ask_for(g);

	rig_pass(g, 100 * USEC_MS);
	a.req.arrived = g->now;
	a.req.tenant = who;
	a.req.pin = rig_backend(g, "a");
	a.facts.prompt_bytes = bytes;
	if (ask_submit(g, &a) != PLAN_GO)
		return false;
	if (kind == FAULT_NONE)
		ask_finish(g, &a, 1000, 10, 10);
	else
		ask_fail(g, &a, kind);
	return true;
}

static bool
is_open(const struct rig *g, const char *backend)
{
	return rig_view(g, backend).breaker == BREAKER_OPEN;
}

/* But for an unlucky beginning, when nobody has been answered yet. */
static void
what_only_one_tenant_fails_at_opens_nothing(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_SERVER_ERROR,
		FAULT_TTFT_TIMEOUT, FAULT_BAD_ANSWER, FAULT_CUT };
	unsigned refused = 0;
	struct rig g;
	struct rng rng;

	for (size_t k = 0; k < COUNT(kinds); k++) {
		rig_init(&g, ALONE);
		rng_init(&rng, k, 0);
		for (unsigned i = 0; i < 2000; i++) {
			bool poison = rng_unit(&rng) < 0.5;

			refused += !asks(&g, poison ? &p : &q, i,
			    poison ? kinds[k] : FAULT_NONE);
		}
		rig_fini(&g);
	}
	assert_in_range(refused, 0, 80); /* of 8000; nine in ten were */
}

/* In a gateway without tenants, too; others of its own are answered. */
static void
what_only_one_request_fails_at_opens_nothing(void **state)
{
	struct rig g;

	rig_init(&g, ALONE);
	for (unsigned i = 0; i < 200; i++) {
		assert_true(asks(&g, NULL, 77, FAULT_SERVER_ERROR));
		assert_true(asks(&g, NULL, 1000 + i, FAULT_NONE));
	}
	rig_fini(&g);
}

/* A connection that it cuts is taken for an outage once. */
static void
who_cuts_connections_opens_it_once(void **state)
{
	struct rig g;

	rig_init(&g, ALONE);
	assert_true(asks(&g, &p, 1, FAULT_RESET));
	assert_true(is_open(&g, "a"));
	rig_pass(&g, 2 * USEC_SEC);
	for (unsigned i = 0; i < 3; i++)
		assert_true(asks(&g, &q, 2, FAULT_NONE));
	for (unsigned i = 0; i < 100; i++) {
		assert_true(asks(&g, &p, 3, FAULT_RESET));
		assert_false(is_open(&g, "a"));
		assert_true(asks(&g, &q, 4, FAULT_NONE));
	}
	/* somebody else's is an outage at once */
	assert_true(asks(&g, &q, 5, FAULT_RESET));
	assert_true(is_open(&g, "a"));
	rig_fini(&g);
}

/* Failures until it is open, of those turns. */
static unsigned
outage(struct rig *g, const char *turns)
{
	unsigned n = 0;

	while (!is_open(g, "a")) {
		const struct conf_tenant *who =
		    turns[n % strlen(turns)] == 'p' ? &p : &q;

		assert_true(asks(g, who, 7000 + n, FAULT_SERVER_ERROR));
		n++;
	}
	return n;
}

static void
an_outage_opens_it_as_fast_whoever_asks(void **state)
{
	static const char *const turns[] = { "p", "pq", "pppq", "ppppppppppq" };
	struct rig g;

	for (size_t t = 0; t < COUNT(turns); t++) {
		rig_init(&g, ALONE);
		assert_int_equal(outage(&g, turns[t]), 10);
		rig_fini(&g);
		/* and as fast where all were answered before, if others than
		 * one ask */
		rig_init(&g, ALONE);
		for (unsigned i = 0; i < 24; i++)
			asks(&g, i % 2 == 0 ? &p : &q, i, FAULT_NONE);
		if (strchr(turns[t], 'q') != NULL)
			assert_in_range(outage(&g, turns[t]), 24, 32);
		rig_fini(&g);
	}
}

/* Nine calls in ten are the poison's, of which one in ten is answered: the
 * others have hardly any time to prove anything. */
static void
nor_does_what_one_tenant_mostly_fails_at(void **state)
{
	unsigned refused = 0;
	struct rig g;
	struct rng rng;

	for (unsigned seed = 0; seed < 10; seed++) {
		rig_init(&g, ALONE);
		rng_init(&rng, seed, 0);
		asks(&g, &q, 1, FAULT_NONE);
		for (unsigned i = 0; i < 600; i++) {
			bool poison = rng_unit(&rng) < 0.9;
			bool fails = poison && rng_unit(&rng) < 0.9;

			refused += !asks(&g, poison ? &p : &q, i,
			    fails ? FAULT_SERVER_ERROR : FAULT_NONE);
		}
		rig_fini(&g);
	}
	assert_in_range(refused, 0, 30); /* of 6000; most were */
}

/* Nor from a cold start, where the poison came first: one that only one tenant
 * has failed at is out for that one alone. */
static void
nor_does_what_only_one_has_tried(void **state)
{
	unsigned refused = 0;
	struct rig g;
	struct rng rng;

	for (unsigned seed = 0; seed < 10; seed++) {
		rig_init(&g, ALONE);
		rng_init(&rng, seed, 0);
		for (unsigned i = 0; i < 600; i++) {
			bool poison = rng_unit(&rng) < 0.9;
			bool fails = poison && rng_unit(&rng) < 0.9;

			refused +=
			    !asks(&g, poison ? &p : &q, i,
				fails ? FAULT_SERVER_ERROR : FAULT_NONE) &&
			    !poison;
		}
		rig_fini(&g);
	}
	assert_in_range(refused, 0, 6); /* of 600 */
}

/* A real outage costs the others one call. */
static void
who_tries_what_another_failed_at_tries_it_once(void **state)
{
	struct rig g;

	rig_init(&g, ALONE);
	assert_int_equal(outage(&g, "p"), 10);
	assert_false(asks(&g, &p, 1, FAULT_SERVER_ERROR));
	assert_true(asks(&g, &q, 1, FAULT_SERVER_ERROR));
	for (unsigned i = 0; i < 5; i++)
		assert_false(asks(&g, &q, i, FAULT_SERVER_ERROR));
	/* also once its time is up: who fails then is not alone */
	rig_pass(&g, 30 * USEC_SEC);
	assert_true(asks(&g, &p, 1, FAULT_SERVER_ERROR));
	assert_false(asks(&g, &q, 1, FAULT_SERVER_ERROR));
	rig_fini(&g);
}

/* The others were answered before, and then ask no more. */
static void
who_fails_alone_goes_elsewhere_itself(void **state)
{
	struct ask a;
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	for (unsigned i = 0; i < 9; i++)
		asks(&g, &q, i, FAULT_NONE);
	for (unsigned i = 0; i < 9; i++)
		asks(&g, &p, i, FAULT_SERVER_ERROR);
	for (unsigned i = 0; i < 2; i++) {
		a = ask_for(&g);
		a.req.tenant = i == 0 ? &p : &q;
		ask_submit(&g, &a);
		assert_string_equal(ask_went(&g, &a), i == 0 ? "b" : "a");
		ask_cancel(&g, &a);
	}
	/* nobody is believed for long */
	rig_pass(&g, SUSPECT_WITNESS);
	assert_int_equal(outage(&g, "p"), 10);
	rig_fini(&g);
}

/* Who was at work when it began may still be answered: that proves nothing. */
static void
those_who_were_at_work_excuse_nobody(void **state)
{
	struct ask old[20];
	struct rig g;
	unsigned n;

	rig_init(&g, ALONE);
	for (unsigned i = 0; i < COUNT(old); i++) {
		old[i] = ask_for(&g);
		old[i].req.tenant = &p;
		old[i].req.pin = rig_backend(&g, "a");
		assert_int_equal(ask_submit(&g, &old[i]), PLAN_GO);
	}
	for (n = 0; !is_open(&g, "a"); n++) {
		assert_in_range(n, 0, 19);
		asks(&g, &p, n, FAULT_SERVER_ERROR);
		ask_finish(&g, &old[n], 1000, 10, 10);
	}
	assert_in_range(n, 5, 6); /* half of ten calls */
	for (; n < COUNT(old); n++)
		ask_cancel(&g, &old[n]);
	rig_fini(&g);
}

/* Once others fail as well nobody is excused. */
static void
an_outage_amid_poison_opens_it_as_fast(void **state)
{
	struct rig with, without;
	unsigned n = 0, m = 0;

	rig_init(&with, ALONE);
	rig_init(&without, ALONE);
	for (unsigned i = 0; i < 60; i++) {
		asks(&with, &p, i, FAULT_SERVER_ERROR);
		asks(&with, &q, i, FAULT_NONE);
		rig_pass(&without, 100 * USEC_MS);
		asks(&without, &q, i, FAULT_NONE);
	}
	for (; !is_open(&with, "a"); n++)
		asks(&with, n % 2 == 0 ? &p : &q, n, FAULT_SERVER_ERROR);
	for (; !is_open(&without, "a"); m++)
		asks(&without, m % 2 == 0 ? &p : &q, m, FAULT_SERVER_ERROR);
	assert_in_range(n, 1, m + 8);
	rig_fini(&with);
	rig_fini(&without);
}

static void
a_backend_that_fails_half_of_all_is_blamed(void **state)
{
	struct rig g;
	struct rng rng;
	unsigned n;

	for (unsigned seed = 0; seed < 100; seed++) {
		rig_init(&g, ALONE);
		rng_init(&rng, seed, 0);
		for (n = 0; !is_open(&g, "a") && n < 300; n++)
			asks(&g, rng_unit(&rng) < 0.5 ? &p : &q, n,
			    rng_unit(&rng) < 0.6 ? FAULT_SERVER_ERROR
						 : FAULT_NONE);
		assert_in_range(n, 10, 200);
		rig_fini(&g);
	}
}

/* Of a model that only one tenant uses nobody else can vouch: another model of
 * that backend says nothing of it, but stays in use. */
static void
others_vouch_for_what_they_used(void **state)
{
	struct rig g;
	struct ask other;
	unsigned n;

	rig_init(&g,
	    CONF_OF(BACKEND("a", PRICE(1, 1)),
		MODEL("m", SERVING("a", "")) ", " MODEL(
		    "n", SERVING("a", "model = \"other\";"))));
	for (n = 0; asks(&g, &p, n, FAULT_SERVER_ERROR); n++) {
		assert_in_range(n, 0, 20);
		other = ask_for(&g);
		other.req.model = &g.conf->models[1];
		other.req.tenant = &q;
		assert_goes(&g, &other, "a");
		ask_finish(&g, &other, 1000, 10, 10);
	}
	rig_fini(&g);
}

/* Breaks off after its first token; others' first tokens are no proof. */
static void
what_breaks_off_is_proved_by_whole_answers(void **state)
{
	struct route_result cut = { .fault = { .kind = FAULT_CUT },
		.ttft = 1000,
		.itl = -1,
		.total = -1,
		.said = true };
	struct rig g;
	unsigned n;

	rig_init(&g, ALONE);
	for (n = 0; !is_open(&g, "a"); n++) {
		struct ask a = ask_for(&g);

		assert_in_range(n, 0, 9);
		a.req.tenant = n % 2 == 0 ? &p : &q;
		a.facts.prompt_bytes = n;
		rig_pass(&g, 100 * USEC_MS);
		assert_int_equal(ask_submit(&g, &a), PLAN_GO);
		router_first_token(g.router, a.ticket, g.now, 1000);
		router_finished(g.router, a.ticket, &cut, g.now);
	}
	assert_int_equal(n, 10);
	rig_fini(&g);
}

/* Fails wherever it is sent, but at "c". Where it was answered. */
static const char *
fails_along(struct rig *g, enum fault_kind kind)
{
	struct ask a = ask_for(g);
	const char *where;

	rig_pass(g, 10 * USEC_MS);
	a.req.tenant = &p;
	ask_submit(g, &a);
	while (a.plan.kind == PLAN_GO && strcmp(ask_went(g, &a), "c") != 0)
		ask_fail(g, &a, kind);
	where = ask_went(g, &a);
	if (a.plan.kind == PLAN_GO)
		ask_finish(g, &a, 1000, 10, 10);
	return where;
}

static const char *
first_goes(struct rig *g)
{
	struct ask a = ask_for(g);
	const char *where;

	a.req.tenant = &p;
	ask_submit(g, &a);
	where = ask_went(g, &a);
	ask_cancel(g, &a);
	return where;
}

static void
a_second_backend_that_fails_the_same_way_is_not_blamed(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	assert_string_equal(fails_along(&g, FAULT_RESET), "exhausted");
	assert_true(is_open(&g, "a"));
	assert_false(is_open(&g, "b"));
	rig_fini(&g);
}

/* But once a third answers, both are: then it always fails, and is left
 * alone. */
static void
it_is_blamed_once_another_answers(void **state)
{
	struct rig g;

	rig_init(&g, CHEAP_FAIR_OR_DEAR);
	for (unsigned i = 0; i < 5; i++)
		assert_string_equal(fails_along(&g, FAULT_SERVER_ERROR), "c");
	assert_string_equal(first_goes(&g), "c");
	rig_fini(&g);
	rig_init(&g, CHEAP_OR_DEAR);
	for (unsigned i = 0; i < 5; i++)
		fails_along(&g, FAULT_SERVER_ERROR);
	assert_string_equal(first_goes(&g), "b");
	rig_fini(&g);
}

/* A second one that is out is found to be as soon as it is the first. */
static void
an_outage_of_all_opens_all(void **state)
{
	struct rig g;
	unsigned n = 0;

	rig_init(&g, CHEAP_OR_DEAR);
	for (; !is_open(&g, "a") || !is_open(&g, "b"); n++)
		fails_along(&g, FAULT_SERVER_ERROR);
	assert_in_range(n, 10, 20);
	rig_fini(&g);
}

/* Who always fails where others do not is sent elsewhere first. */
static void
who_always_fails_there_goes_elsewhere(void **state)
{
	struct ask a;
	struct rig g;

	rig_init(&g, CHEAP_OR_DEAR);
	for (unsigned i = 0; i < 9; i++) {
		asks(&g, &p, i, FAULT_SERVER_ERROR);
		asks(&g, &q, i, FAULT_NONE);
	}
	for (unsigned i = 0; i < 3; i++) {
		a = ask_for(&g);
		a.req.tenant = i == 1 ? &q : &p;
		ask_submit(&g, &a);
		assert_string_equal(ask_went(&g, &a), i == 0 ? "b" : "a");
		ask_finish(&g, &a, 1000, 10, 10);
		if (i == 1)
			rig_pass(&g, 15 * USEC_SEC);
	}
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_one_tenant_fails_at_opens_nothing),
		cmocka_unit_test(what_only_one_request_fails_at_opens_nothing),
		cmocka_unit_test(who_cuts_connections_opens_it_once),
		cmocka_unit_test(an_outage_opens_it_as_fast_whoever_asks),
		cmocka_unit_test(nor_does_what_one_tenant_mostly_fails_at),
		cmocka_unit_test(nor_does_what_only_one_has_tried),
		cmocka_unit_test(
		    who_tries_what_another_failed_at_tries_it_once),
		cmocka_unit_test(who_fails_alone_goes_elsewhere_itself),
		cmocka_unit_test(those_who_were_at_work_excuse_nobody),
		cmocka_unit_test(an_outage_amid_poison_opens_it_as_fast),
		cmocka_unit_test(a_backend_that_fails_half_of_all_is_blamed),
		cmocka_unit_test(others_vouch_for_what_they_used),
		cmocka_unit_test(what_breaks_off_is_proved_by_whole_answers),
		cmocka_unit_test(
		    a_second_backend_that_fails_the_same_way_is_not_blamed),
		cmocka_unit_test(it_is_blamed_once_another_answers),
		cmocka_unit_test(an_outage_of_all_opens_all),
		cmocka_unit_test(who_always_fails_there_goes_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
