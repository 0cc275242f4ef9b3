/* bench/sim/baseline_random_test.c - whatever happens, in whatever order, the
 * compared routers lose no request and count right. */
#include "router/testing.h"

#include "bench/sim/baseline.h"
#include "gateway/lib/rng.h"

extern const struct pilot_ops pilot_class_pinned, pilot_round_robin,
    pilot_least_connections, pilot_p2c_ewma, pilot_litellm_latency,
    pilot_openrouter, pilot_static_priority;

static const struct pilot_ops *const all[] = { &pilot_class_pinned,
	&pilot_round_robin, &pilot_least_connections, &pilot_p2c_ewma,
	&pilot_litellm_latency, &pilot_openrouter, &pilot_static_priority };

#define ASKS 40
#define TURNS 4000

enum stage { IDLE, WAITING, AT_WORK };

struct play {
	struct fixture files;
	const struct pilot_ops *ops;
	void *pilot;
	usec now;
	struct rng rng;
	struct ask ask[ASKS];
	enum stage stage[ASKS];
};

static void
settle(struct play *p, unsigned i)
{
	const struct ask *a = &p->ask[i];

	p->stage[i] = a->plan.kind == PLAN_GO ? AT_WORK
	    : a->plan.kind == PLAN_WAIT       ? WAITING
					      : IDLE;
}

static void
submit(struct play *p, unsigned i)
{
	struct ask *a = &p->ask[i];

	*a = (struct ask){ .facts = { .dialect = DIALECT_CHAT,
			       .stream = true,
			       .needs = CAP_CHAT,
			       .prompt_bytes = 4000 },
		.req = { .model = &p->files.conf->models[0],
		    .slo = *p->files.conf->default_slo,
		    .arrived = p->now,
		    .owner = a,
		    .deadline = p->now + 5 * USEC_SEC } };
	a->req.facts = &a->facts;
	a->req.slo.priority = (enum priority)rng_below(&p->rng, 3);
	p->ops->submit(p->pilot, &a->req, p->now, &a->ticket, &a->plan);
	settle(p, i);
}

static void
fail_one(struct play *p, unsigned i)
{
	static const enum fault_kind kinds[] = { FAULT_REFUSED, FAULT_RESET,
		FAULT_SERVER_ERROR, FAULT_RATE_LIMITED, FAULT_TTFT_TIMEOUT,
		FAULT_LOADING, FAULT_REQUEST, FAULT_CUT };
	struct fault f = { .kind = kinds[rng_below(&p->rng, COUNT(kinds))],
		.retry_after = (usec)rng_below(&p->rng, 3) * USEC_SEC };

	p->ops->retry(p->pilot, p->ask[i].ticket, &f, p->now, &p->ask[i].plan);
	settle(p, i);
}

static void
finish(struct play *p, unsigned i)
{
	struct route_result r = { .ttft = 1000,
		.itl = 100,
		.total = 5000,
		.usage = { .known = true, .output = 41 } };

	if (rng_below(&p->rng, 8) == 0)
		r.fault.kind = FAULT_CUT;
	p->ops->first_token(p->pilot, p->ask[i].ticket, p->now, r.ttft);
	p->ops->finished(p->pilot, p->ask[i].ticket, &r, p->now);
	p->stage[i] = IDLE;
}

static void
drain(struct play *p)
{
	struct ticket t;
	struct plan plan;
	void *owner;

	while (p->ops->next(p->pilot, p->now, &owner, &t, &plan)) {
		struct ask *a = owner;
		unsigned i = (unsigned)(a - p->ask);

		assert_true(i < ASKS);
		assert_int_equal(p->stage[i], WAITING);
		assert_int_not_equal(plan.kind, PLAN_WAIT);
		a->ticket = t;
		a->plan = plan;
		settle(p, i);
	}
}

/* What the pilot counts is what there is. */
static void
count(const struct play *p)
{
	const struct base *b = p->pilot;
	unsigned at_work = 0, waiting = 0, counted = 0;

	for (unsigned i = 0; i < ASKS; i++) {
		at_work += p->stage[i] == AT_WORK;
		waiting += p->stage[i] == WAITING;
	}
	for (size_t i = 0; i < b->n_sites; i++)
		counted += b->sites[i].in_flight;
	assert_int_equal(counted, at_work);
	assert_int_equal(b->waiting, waiting);
}

static void
turn(struct play *p)
{
	unsigned i = rng_below(&p->rng, ASKS);

	p->now += (usec)rng_below(&p->rng, 200) * USEC_MS;
	if (p->stage[i] == IDLE)
		submit(p, i);
	else if (rng_below(&p->rng, 10) == 0) {
		p->ops->cancel(p->pilot, p->ask[i].ticket, p->now);
		p->stage[i] = IDLE;
	} else if (p->stage[i] == AT_WORK && rng_below(&p->rng, 3) == 0)
		fail_one(p, i);
	else if (p->stage[i] == AT_WORK)
		finish(p, i);
	drain(p);
	count(p);
}

static void
nothing_is_lost(void **state)
{
	struct fixture table;
	struct play *p = calloc(1, sizeof(*p));
	char path[128];

	assert_non_null(p);
	fixture_init(&table);
	fixture_write(&table, "pinned.conf",
	    "tables = ( { backends = [ \"a\", \"b\", \"c\" ];\n"
	    "premium = ( { use = [ \"a\", \"b\", \"c\" ]; cap = 9; } );\n"
	    "standard = ( { use = [ \"b\", \"c\" ]; cap = 4; } );\n"
	    "batch = ( { use = [ \"c\" ]; cap = 2; } ); } );\n");
	snprintf(path, sizeof(path), "%s/pinned.conf", table.folder);
	for (unsigned k = 0; k < 3 * COUNT(all); k++) {
		struct pilot_setup setup = { .seed = k, .pinned_table = path };
		struct errmsg why;

		*p = (struct play){ .ops = all[k % COUNT(all)] };
		fixture_init(&p->files);
		fixture_load(&p->files,
		    CONF(BACKEND("a", PRICE(1, 1) "slots = 3;") ", " BACKEND(
			     "b", PRICE(2, 2) "slots = 3;") ", " BACKEND("c",
			     PRICE(3, 3) "slots = 3;"),
			SERVING("a", "") ", " SERVING("b", "") ", " SERVING(
			    "c", "")),
		    NULL);
		assert_int_equal(p->files.rc, OK);
		setup.conf = p->files.conf;
		rng_init(&p->rng, k, 1);
		p->now = 1000 * USEC_SEC;
		p->pilot = p->ops->create(&setup, &why);
		assert_non_null(p->pilot);
		for (unsigned i = 0; i < TURNS; i++)
			turn(p);
		p->ops->destroy(p->pilot);
		fixture_fini(&p->files);
	}
	fixture_fini(&table);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
