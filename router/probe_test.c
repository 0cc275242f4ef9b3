/* router/probe_test.c - questions that the router asks of its own accord. */
#include "router/testing.h"

#define PREMIUM                                                                \
	"slo = ( { name = \"voice\"; ttft = \"250ms\"; itl = \"15ms\"; "       \
	"percentile = 99; priority = \"premium\"; } );\n"                      \
	"default_slo = \"voice\";\n"
#define TWO(rest)                                                              \
	CONF(BACKEND("cheap", PRICE(1, 1)) ", " BACKEND("dear", PRICE(5, 5)),  \
	    SERVING("cheap", "") ", " SERVING("dear", ""))                     \
	PREMIUM rest

struct probe {
	struct route_request req;
	struct ticket ticket;
	struct plan plan;
};

static bool
ask(struct rig *g, struct probe *p)
{
	return router_probe(g->router, g->now, &p->req, &p->ticket, &p->plan);
}

static const char *
asked(const struct rig *g, const struct probe *p)
{
	return conf_find_serving(g->conf, p->plan.serving)->backend->name;
}

static void
answer(struct rig *g, struct probe *p, usec ttft, usec itl)
{
	struct route_result r = { .ttft = ttft, .itl = itl, .total = -1 };

	router_first_token(g->router, p->ticket, g->now, ttft);
	router_finished(g->router, p->ticket, &r, g->now);
}

/* A premium request, pinned, is answered well; a tick goes by. */
static void
live(struct rig *g, const char *backend)
{
	struct ask a = ask_for(g);

	a.req.pin = rig_backend(g, backend);
	assert_goes(g, &a, backend);
	ask_finish(g, &a, 50 * USEC_MS, 8 * USEC_MS, 101);
	rig_tick(g);
}

/* What is asked in a while of such traffic, all answered alike; by backend. */
static void
count(struct rig *g, const char *serves, usec span, usec itl, unsigned *cheap,
    unsigned *dear)
{
	struct probe p;

	*cheap = *dear = 0;
	for (usec end = g->now + span; g->now < end;
	     rig_pass(g, 100 * USEC_MS)) {
		live(g, serves);
		while (ask(g, &p)) {
			*(strcmp(asked(g, &p), "cheap") == 0 ? cheap : dear) +=
			    1;
			answer(g, &p, 5 * itl, itl);
		}
	}
}

static void
without_traffic_nothing_is_asked(void **state)
{
	struct probe p;
	struct rig g;

	rig_init(&g, TWO(""));
	for (int i = 0; i < 100; i++) {
		rig_pass(&g, USEC_SEC);
		rig_tick(&g);
		assert_false(ask(&g, &p));
	}
	rig_fini(&g);
}

static void
what_is_cheaper_and_untried_is_asked_ever_more_seldom(void **state)
{
	unsigned cheap, dear, later;
	struct rig g;

	rig_init(&g, TWO(""));
	count(&g, "dear", 60 * USEC_SEC, 8 * USEC_MS, &cheap, &dear);
	assert_in_range(cheap, 2, 4);
	assert_int_equal(dear, 0); /* requests tell of it */
	count(&g, "dear", 600 * USEC_SEC, 8 * USEC_MS, &later, &dear);
	assert_in_range(later, 1, 8);
	rig_fini(&g);
}

static void
a_refuge_is_asked_less_than_what_is_cheaper(void **state)
{
	unsigned cheap, dear;
	struct rig g;

	rig_init(&g, TWO(""));
	count(&g, "cheap", 60 * USEC_SEC, 8 * USEC_MS, &cheap, &dear);
	assert_int_equal(cheap, 0);
	assert_int_equal(dear, 1);
	rig_fini(&g);
}

static void
make_it_ail(struct rig *g)
{
	for (int i = 0; i < 100; i++)
		rig_teach(g, "cheap", 50 * USEC_MS, 8 * USEC_MS, 1);
	for (int i = 0; i < 5; i++)
		rig_teach(g, "cheap", 400 * USEC_MS, 64 * USEC_MS, 1);
}

static void
an_ailing_one_is_asked_each_second_until_it_is_well(void **state)
{
	unsigned cheap, dear;
	struct rig g;
	struct ask a;

	rig_init(&g, TWO(""));
	make_it_ail(&g);
	count(&g, "dear", 20 * USEC_SEC, 64 * USEC_MS, &cheap, &dear);
	assert_in_range(cheap, 15, 21);
	a = ask_for(&g);
	assert_goes(&g, &a, "dear");
	ask_cancel(&g, &a);
	count(&g, "dear", 10 * USEC_SEC, 8 * USEC_MS, &cheap, &dear);
	assert_in_range(cheap, 4, 11);
	a = ask_for(&g);
	assert_goes(&g, &a, "cheap");
	rig_fini(&g);
}

static void
nobody_is_asked_where_others_find_out(void **state)
{
	struct probe p;
	struct rig g;

	rig_init(&g, TWO(""));
	make_it_ail(&g);
	for (int i = 0; i < 200; i++) {
		struct ask a = ask_for(&g);

		live(&g, "dear");
		a.req.slo = (struct slo){ .name = "night",
			.priority = PRIORITY_BATCH,
			.percentile = 95,
			.total = 60 * USEC_SEC };
		ask_submit(&g, &a);
		assert_false(ask(&g, &p));
		ask_finish(&g, &a, 400 * USEC_MS, 64 * USEC_MS, 101);
		rig_pass(&g, 100 * USEC_MS);
	}
	rig_fini(&g);
}

static void
no_more_is_spent_than_the_budget(void **state)
{
	unsigned cheap, dear;
	struct rig g;
	double cost = (PROBE_INPUT + PROBE_OUTPUT) / 1e6;

	rig_init(&g, TWO("probe_budget = 0.0064;\n"));
	make_it_ail(&g);
	count(&g, "dear", 600 * USEC_SEC, 64 * USEC_MS, &cheap, &dear);
	assert_in_range(cheap, 40, 0.0064 / 6 / cost + 0.0064 / 10 / cost);
	rig_fini(&g);
}

static void
asked_of_nobody(const char *text)
{
	unsigned cheap, dear;
	struct rig g;

	rig_init(&g, text);
	make_it_ail(&g);
	count(&g, "dear", 60 * USEC_SEC, 64 * USEC_MS, &cheap, &dear);
	assert_int_equal(cheap + dear, 0);
	rig_fini(&g);
}

static void
it_can_be_switched_off(void **state)
{
	asked_of_nobody(TWO("probe_every = \"0s\";\n"));
	asked_of_nobody(TWO("probe_budget = 0;\n"));
	asked_of_nobody(TWO("policy = \"observe\";\n"));
}

static void
an_unknown_price_is_not_paid(void **state)
{
	asked_of_nobody(CONF(BACKEND("cheap", "") ", " BACKEND("dear", ""),
	    SERVING("cheap", "") ", " SERVING("dear", "")) PREMIUM);
}

static void
hardware_by_the_hour_is_asked_for_nothing(void **state)
{
	unsigned cheap, dear;
	struct rig g;

	rig_init(&g,
	    CONF(BACKEND("cheap", "price = { hourly = 3; };") ", " BACKEND(
		     "dear", PRICE(5, 5)),
		SERVING("cheap", "") ", " SERVING("dear", "")) PREMIUM
	    "probe_budget = 0;\n");
	make_it_ail(&g);
	count(&g, "dear", 20 * USEC_SEC, 64 * USEC_MS, &cheap, &dear);
	assert_in_range(cheap, 15, 21);
	rig_fini(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_traffic_nothing_is_asked),
		cmocka_unit_test(
		    what_is_cheaper_and_untried_is_asked_ever_more_seldom),
		cmocka_unit_test(a_refuge_is_asked_less_than_what_is_cheaper),
		cmocka_unit_test(
		    an_ailing_one_is_asked_each_second_until_it_is_well),
		cmocka_unit_test(nobody_is_asked_where_others_find_out),
		cmocka_unit_test(no_more_is_spent_than_the_budget),
		cmocka_unit_test(it_can_be_switched_off),
		cmocka_unit_test(an_unknown_price_is_not_paid),
		cmocka_unit_test(hardware_by_the_hour_is_asked_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
