/* router/property_turn_test.c - whose turn it is where many wait, and that
 * nobody waits for ever: random requests, many seeds. */
#include "router/testing.h"

#include <math.h>

#include "gateway/lib/list.h"
#include "gateway/lib/rng.h"
#include "policies/fairness.h"

/* --- whose turn it is --- */

#define TENANTS 4
#define KEPT 20 /* of each tenant, waiting or at work */
#define SLOTS 6
#define ANSWERS 6000
#define LONGEST 1010 /* tokens of an answer */

/* That of Sheng et al., "Fairness in serving large language models", OSDI 2024,
 * for those who always wait: twice the dearest that can be at work for
 * one tenant. */
#define BOUND (2 * FAIR_OUTPUT * SLOTS * LONGEST)

#define ONE(slots)                                                             \
	CONF_OF(BACKEND("a", "slots = " slots "; " PRICE(1, 1)),               \
	    MODEL("m", SERVING("a", "")))                                      \
	"queue_limit = 1000;\n"                                                \
	"slo = ( { name = \"bulk\"; priority = \"batch\"; } );\n"              \
	"default_slo = \"bulk\";\n"                                            \
	"tenants = ( "                                                         \
	"{ name = \"t0\"; keys = [ \"sha256:" KEY "0\" ]; }, "                 \
	"{ name = \"t1\"; keys = [ \"sha256:" KEY "1\" ]; }, "                 \
	"{ name = \"t2\"; keys = [ \"sha256:" KEY "2\" ]; }, "                 \
	"{ name = \"t3\"; keys = [ \"sha256:" KEY "3\" ]; } );\n"
#define KEY "000000000000000000000000000000000000000000000000000000000000000"

struct customer {
	struct ask ask;
	unsigned tenant, output;
	bool at_work;
};

struct hall {
	struct rig g;
	struct rng rng;
	struct customer customer[TENANTS * KEPT];
	double served[TENANTS]; /* what was really made for them */
};

/* Tenants differ in how long their prompts and answers are. */
static void
come(struct hall *h, struct customer *c)
{
	unsigned t = c->tenant;

	c->ask = ask_for(&h->g);
	c->ask.req.tenant = &h->g.conf->tenants[t];
	c->ask.req.deadline = h->g.now + 36000 * USEC_SEC;
	c->ask.facts.prompt_bytes =
	    4 * (50 + rng_below(&h->rng, 200 + 900 * t));
	c->output = 10 + rng_below(&h->rng, (LONGEST - 10) / (t + 1));
	ask_submit(&h->g, &c->ask);
	c->at_work = c->ask.plan.kind == PLAN_GO;
	assert_int_not_equal(c->ask.plan.kind, PLAN_NO);
}

static void
fetch(struct hall *h)
{
	struct ask *a;

	while ((a = rig_next(&h->g, 0)) != NULL) {
		struct customer *c = CONTAINER_OF(a, struct customer, ask);

		assert_int_equal(a->plan.kind, PLAN_GO);
		c->at_work = true;
	}
}

/* One of those at work gets its answer, and asks again. */
static void
leave(struct hall *h)
{
	struct customer *c;

	do {
		c = &h->customer[rng_below(&h->rng, TENANTS * KEPT)];
	} while (!c->at_work);
	h->served[c->tenant] +=
	    fair_cost(tokens_of_bytes(c->ask.facts.prompt_bytes), c->output);
	c->at_work = false;
	ask_finish(&h->g, &c->ask, 50000, 1000, c->output);
	rig_pass(&h->g, 20000);
	if (rng_below(&h->rng, 8) == 0)
		rig_tick(&h->g);
	fetch(h);
	come(h, c);
}

static double
gap(const double *served)
{
	double least = HUGE_VAL, most = 0;

	for (unsigned t = 0; t < TENANTS; t++) {
		least = fmin(least, served[t]);
		most = fmax(most, served[t]);
	}
	return most - least;
}

static void
tenants_that_always_wait_are_served_alike(void **state)
{
	struct hall *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (uint64_t seed = 1; seed <= 4; seed++) {
		memset(h, 0, sizeof(*h));
		rig_init(&h->g, ONE("6"));
		rng_init(&h->rng, seed, 3);
		for (unsigned i = 0; i < TENANTS * KEPT; i++) {
			h->customer[i].tenant = i % TENANTS;
			come(h, &h->customer[i]);
		}
		for (unsigned i = 0; i < ANSWERS; i++) {
			leave(h);
			assert_true(gap(h->served) <= BOUND);
		}
		assert_true(h->served[0] > 50 * BOUND);
		rig_fini(&h->g);
	}
	free(h);
}

/* --- nobody waits for ever --- */

#define GUESTS 60
#define PATIENCE (20 * USEC_SEC)

struct guest {
	struct ask ask;
	enum plan_kind is;
	bool batch;
};

static void
enter(struct rig *g, struct guest *x, struct rng *rng)
{
	x->ask = ask_for(g);
	x->ask.req.tenant = &g->conf->tenants[rng_below(rng, TENANTS)];
	x->ask.req.slo.priority =
	    x->batch ? PRIORITY_BATCH : (enum priority)rng_below(rng, 2);
	x->ask.req.deadline = g->now + (x->batch ? PATIENCE : 36000 * USEC_SEC);
	x->is = ask_submit(g, &x->ask);
}

/* Ten minutes in which the others always wait for every slot. */
static void
crowded(struct rig *g, struct rng *rng, unsigned count[3])
{
	struct guest guest[GUESTS];
	struct ask *a;

	for (unsigned i = 0; i < GUESTS; i++) {
		guest[i].batch = i % 3 == 0;
		enter(g, &guest[i], rng);
	}
	for (int t = 0; t < 6000; t++) {
		struct guest *x = &guest[rng_below(rng, GUESTS)];

		if (x->is == PLAN_GO) {
			ask_finish(g, &x->ask, 50000, 1000, 50);
			count[PLAN_GO] += x->batch;
			enter(g, x, rng);
		}
		rig_pass(g, 100 * USEC_MS);
		rig_tick(g);
		while ((a = rig_next(g, 0)) != NULL) {
			x = CONTAINER_OF(a, struct guest, ask);
			x->is = a->plan.kind;
			count[PLAN_NO] += x->is == PLAN_NO;
		}
		for (unsigned i = 0; i < GUESTS; i++) {
			x = &guest[i];
			count[PLAN_WAIT] += x->is == PLAN_WAIT && !x->batch;
			if (x->is == PLAN_WAIT)
				assert_true(g->now < x->ask.req.deadline);
			if (x->is == PLAN_NO)
				enter(g, x, rng);
		}
	}
	for (unsigned i = 0; i < GUESTS; i++)
		if (guest[i].is != PLAN_NO)
			ask_cancel(g, &guest[i].ask);
}

static void
whoever_cannot_be_served_is_told_by_the_deadline(void **state)
{
	unsigned count[3] = { 0 };

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct rng rng;
		struct rig g;

		rng_init(&rng, seed, 4);
		rig_init(&g, ONE("6"));
		crowded(&g, &rng, count);
		rig_fini(&g);
	}
	print_message("batch: %u served, %u told; others waited %u times\n",
	    count[PLAN_GO], count[PLAN_NO], count[PLAN_WAIT]);
	assert_true(count[PLAN_NO] > 100 && count[PLAN_WAIT] > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tenants_that_always_wait_are_served_alike),
		cmocka_unit_test(
		    whoever_cannot_be_served_is_told_by_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
