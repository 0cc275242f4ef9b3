/* router/property_test.c - what holds whatever happens.
 *
 * Random requests, ends, faults, probes and pauses. Throughout: a request goes
 * only where it is allowed and has not failed yet, to a backend that is up, has
 * a free slot and is not blocked; in the end every request has ended once and
 * every counter is back at zero. */
#include "router/testing.h"

#include "gateway/lib/list.h"
#include "gateway/lib/rng.h"

#define STEPS 60000
#define LIVE 200
#define BACKENDS_N 5

#define CHAOS                                                                  \
	CONF_OF(                                                               \
	    BACKEND("a",                                                       \
		"slots = 3; region = \"us\"; " PRICE(1, 2)) ", " BACKEND("b",  \
		"slots = 5; region = \"eu\"; " PRICE(3, 3)) ", " BACKEND("c",  \
		"region = \"us\"; " PRICE(9, 9)) ", " BACKEND("d",             \
		"slots = 2; price = { hourly = 2; }; ") ", " BACKEND("e",      \
		"slots = 4; command = [ \"serve\" ]; " FREE_OF_CHARGE),        \
	    MODEL("m",                                                         \
		SERVING("a", "quality = 3; model = \"x\";") ", " SERVING(      \
		    "b", "quality = 3; model = \"y\";") ", " SERVING("c",      \
		    "quality = 5; model = \"x\";") ", " SERVING("d",           \
		    "caps = [ \"chat\" ];") ", " SERVING("e",                  \
		    "fallback = true; context = 900;")) ", " MODEL("n",        \
		SERVING("a", "") ", " SERVING("e", "")))                       \
	"queue_limit = 40;\n"                                                  \
	"slo = ( { name = \"chat\"; ttft = \"400ms\"; total = \"20s\"; } );\n" \
	"default_slo = \"chat\";\n"

enum life { UNUSED, WAITING, AT_WORK };

struct actor {
	struct ask ask;
	enum life life;
	uint64_t failed; /* servings it must not see again */
};

struct world {
	struct rig g;
	struct rng rng;
	struct actor actors[LIVE];
	struct conf_tenant tenants[2];
	unsigned begun, ended;
	uint64_t hash; /* of everything that was decided */
};

static const char *const in_us[] = { "us", NULL };
static const char *const on_bde[] = { "b", "d", "e", NULL };

static unsigned
below(struct world *w, unsigned n)
{
	return rng_below(&w->rng, n);
}

static bool
any_of(const char *const *list, const char *name)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return list == NULL;
}

static void
check_place(struct world *w, struct actor *x)
{
	const struct route_request *req = &x->ask.req;
	const struct conf_serving *s =
	    conf_find_serving(w->g.conf, x->ask.plan.serving);
	struct serving_view v;
	unsigned at = (unsigned)(s - req->model->servings);

	assert_non_null(s);
	assert_in_range(at, 0, req->model->n_servings - 1);
	assert_int_equal(x->failed >> at & 1, 0);
	assert_int_equal((x->ask.facts.needs & ~s->caps), 0);
	assert_true(s->quality >= req->slo.min_quality);
	if (req->tenant != NULL) {
		assert_true(any_of(req->tenant->regions, s->backend->region));
		assert_true(any_of(req->tenant->backends, s->backend->name));
	}
	assert_true(router_view(w->g.router, s->id, w->g.now, &v));
	assert_int_not_equal(v.breaker, BREAKER_OPEN);
	assert_int_equal(v.opens_in, 0);
	assert_true(v.warm && !v.key_off && !v.model_gone);
}

static void
hear(struct world *w, struct actor *x)
{
	const struct plan *p = &x->ask.plan;

	w->hash = (w->hash ^ (uint64_t)(p->kind * 1000 + p->reason * 10) ^
		      (uint64_t)p->retry_after) *
	    UINT64_C(1099511628211);
	switch (p->kind) {
	case PLAN_GO:
		w->hash ^= p->serving;
		x->life = AT_WORK;
		check_place(w, x);
		assert_true(w->g.now < x->ask.req.deadline);
		break;
	case PLAN_WAIT:
		x->life = WAITING;
		break;
	case PLAN_NO:
		x->life = UNUSED;
		w->ended++;
		break;
	}
}

static void
begin(struct world *w, struct actor *x)
{
	*x = (struct actor){ .ask = ask_for(&w->g) };
	x->ask.req.model = &w->g.conf->models[below(w, 4) == 0];
	x->ask.req.worker = below(w, 2);
	x->ask.req.slo.priority = (enum priority)below(w, 3);
	x->ask.req.slo.min_quality = below(w, 4) == 0 ? 3 : 0;
	x->ask.req.slo.on_miss = (enum on_miss)(below(w, 8) == 0);
	x->ask.req.prefer = (enum preference)below(w, 3);
	x->ask.req.deadline = w->g.now + 1 + below(w, 20000) * USEC_MS;
	x->ask.facts.stream = below(w, 3) > 0;
	x->ask.facts.prompt_bytes = below(w, 8000);
	if (below(w, 5) == 0) {
		x->ask.facts.dialect = DIALECT_EMBEDDINGS;
		x->ask.facts.needs = CAP_EMBEDDINGS;
	}
	if (below(w, 3) > 0)
		x->ask.req.tenant = &w->tenants[below(w, 2)];
	w->begun++;
	ask_submit(&w->g, &x->ask);
	hear(w, x);
}

static void
fail_now(struct world *w, struct actor *x)
{
	enum fault_kind kind =
	    (enum fault_kind)(FAULT_REFUSED + below(w, FAULT_CLIENT_GONE - 1));
	const struct conf_serving *s =
	    conf_find_serving(w->g.conf, x->ask.plan.serving);

	if (kind != FAULT_LOADING)
		x->failed |= UINT64_C(1) << (s - x->ask.req.model->servings);
	ask_fail(&w->g, &x->ask, kind);
	hear(w, x);
}

static void
act(struct world *w, struct actor *x)
{
	unsigned dice = below(w, 100);

	if (x->life == UNUSED) {
		begin(w, x);
	} else if (x->life == WAITING) {
		if (dice < 10) {
			ask_cancel(&w->g, &x->ask);
			x->life = UNUSED;
			w->ended++;
		}
	} else if (dice < 15) {
		fail_now(w, x);
	} else if (dice < 20) {
		ask_cancel(&w->g, &x->ask);
		x->life = UNUSED;
		w->ended++;
	} else if (dice < 40) {
		router_first_token(w->g.router, x->ask.ticket, w->g.now,
		    below(w, 900) * USEC_MS);
	} else {
		ask_finish(&w->g, &x->ask, below(w, 900) * USEC_MS,
		    below(w, 50) * USEC_MS, 1 + below(w, 300));
		x->life = UNUSED;
		w->ended++;
	}
}

static void
fetch(struct world *w, unsigned worker)
{
	struct ask *a;

	while ((a = rig_next(&w->g, worker)) != NULL) {
		struct actor *x = CONTAINER_OF(a, struct actor, ask);

		assert_int_equal(x->life, WAITING);
		assert_int_equal(a->req.worker, worker);
		assert_int_not_equal(a->plan.kind, PLAN_WAIT);
		hear(w, x);
	}
}

static void
happen(struct world *w)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	static const enum fault_kind probes[] = { FAULT_NONE, FAULT_NONE,
		FAULT_LOADING, FAULT_REFUSED, FAULT_SERVER_ERROR };
	const char *name = names[below(w, BACKENDS_N)];
	struct load load = { .has = below(w, 128),
		.running = below(w, 8),
		.waiting = below(w, 4),
		.slots = below(w, 6),
		.warm = below(w, 4) > 0,
		.left_requests = below(w, 3),
		.left_tokens = below(w, 3),
		.reset_requests = below(w, 2000) * USEC_MS };

	switch (below(w, 4)) {
	case 0:
		rig_probe(&w->g, name, probes[below(w, COUNT(probes))]);
		break;
	case 1:
		rig_load(&w->g, name, &load);
		rig_limits(&w->g, name, &load);
		break;
	case 2:
		rig_tick(&w->g);
		break;
	default:
		rig_pass(&w->g, below(w, 500) * USEC_MS);
		break;
	}
}

/* No backend has more in flight than its slots, and none has lost count. */
static void
check_counts(struct world *w)
{
	unsigned at_work = 0, waiting = 0, in_flight = 0;

	for (unsigned i = 0; i < LIVE; i++) {
		at_work += w->actors[i].life == AT_WORK;
		waiting += w->actors[i].life == WAITING;
	}
	for (size_t b = 0; b < w->g.conf->n_backends; b++) {
		const struct conf_backend *backend = &w->g.conf->backends[b];
		unsigned here = 0;

		for (size_t i = 0; i < w->g.conf->n_servings; i++) {
			const struct conf_serving *s = &w->g.conf->servings[i];
			struct serving_view v;

			if (s->backend != backend)
				continue;
			assert_true(
			    router_view(w->g.router, s->id, w->g.now, &v));
			here += v.in_flight;
		}
		if (backend->slots > 0)
			assert_in_range(here, 0, backend->slots);
		in_flight += here;
	}
	assert_in_range(in_flight, at_work, at_work + waiting);
	assert_in_range(router_queue_length(w->g.router), 0, waiting);
	assert_int_equal(w->begun - w->ended, at_work + waiting);
}

static void
world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	rig_init(&w->g, CHAOS);
	rng_init(&w->rng, seed, 1);
	w->tenants[0] = (struct conf_tenant){ .name = "us", .regions = in_us };
	w->tenants[1] =
	    (struct conf_tenant){ .name = "bde", .backends = on_bde };
	w->hash = 1;
}

static void
live(struct world *w, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		if (below(w, 10) == 0)
			happen(w);
		act(w, &w->actors[below(w, LIVE)]);
		if (below(w, 3) == 0)
			fetch(w, below(w, 2));
		if (i % 64 == 0)
			check_counts(w);
		/* a key that was refused needs a new configuration */
		if (i % 2000 == 0)
			assert_int_equal(
			    router_configure(w->g.router, w->g.conf, w->g.now),
			    OK);
	}
}

static void
wind_up(struct world *w)
{
	for (unsigned i = 0; i < LIVE; i++)
		if (w->actors[i].life == AT_WORK) {
			ask_finish(&w->g, &w->actors[i].ask, 1000, 10, 10);
			w->actors[i].life = UNUSED;
			w->ended++;
		}
	rig_pass(&w->g, 3600 * USEC_SEC);
	for (int i = 0; i < 10; i++) {
		rig_tick(&w->g);
		fetch(w, 0);
		fetch(w, 1);
	}
}

static void
every_request_ends_once_and_every_counter_returns_to_zero(void **state)
{
	struct world *w = malloc(sizeof(*w));

	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		world_init(w, seed);
		live(w, STEPS);
		wind_up(w);
		check_counts(w);
		assert_true(w->begun > STEPS / 10);
		assert_int_equal(w->begun, w->ended);
		assert_int_equal(router_queue_length(w->g.router), 0);
		for (size_t i = 0; i < w->g.conf->n_servings; i++) {
			struct serving_view v;

			assert_true(router_view(w->g.router,
			    w->g.conf->servings[i].id, w->g.now, &v));
			assert_int_equal(v.in_flight, 0);
			assert_int_equal(v.waiting, 0);
		}
		rig_fini(&w->g);
	}
	free(w);
}

static void
the_same_seed_lives_the_same_life(void **state)
{
	struct world *w = malloc(sizeof(*w));
	uint64_t hash[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		world_init(w, i == 2 ? 78 : 77);
		live(w, 5000);
		hash[i] = w->hash;
		wind_up(w);
		rig_fini(&w->g);
	}
	assert_true(hash[0] == hash[1]);
	assert_true(hash[0] != hash[2]);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_request_ends_once_and_every_counter_returns_to_zero),
		cmocka_unit_test(the_same_seed_lives_the_same_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
