/* router/testing.h - for this folder's unit tests: a router over a
 * configuration from text, requests to it, and time that stands still until
 * told to pass. */
#ifndef ROUTER_TESTING_H
#define ROUTER_TESTING_H

#include "gateway/conf/testing.h"

#include "router/router.h"

#define BACKEND(name, rest)                                                    \
	"{ name = \"" name "\"; adapter = \"vllm\"; url = \"http://" name      \
	"/v1\"; " rest " }"
#define PRICE(in, out) "price = { input = " #in "; output = " #out "; }; "
#define FREE_OF_CHARGE PRICE(0, 0)
#define SERVING(backend, rest) "{ backend = \"" backend "\"; " rest " }"
#define MODEL(name, servings)                                                  \
	"{ name = \"" name "\"; serve = ( " servings " ); }"
#define CONF_OF(backends, models)                                              \
	"backends = ( " backends " );\nmodels = ( " models " );\n"
#define CONF(backends, servings) CONF_OF(backends, MODEL("m", servings))
/* What costs least is used, where nothing is wrong with it. */
#define CHEAP_OR_DEAR                                                          \
	CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND("b", PRICE(9, 9)),         \
	    SERVING("a", "") ", " SERVING("b", ""))
#define CHEAP_FAIR_OR_DEAR                                                     \
	CONF(BACKEND("a", PRICE(1, 1)) ", " BACKEND(                           \
		 "b", PRICE(5, 5)) ", " BACKEND("c", PRICE(9, 9)),             \
	    SERVING("a", "") ", " SERVING("b", "") ", " SERVING("c", ""))

struct rig {
	struct fixture files;
	struct conf *conf;
	struct router *router;
	struct router_tables *tables;
	usec now;
};

/* A request and what became of it. */
struct ask {
	struct facts facts;
	struct route_request req;
	struct ticket ticket;
	struct plan plan;
};

static inline void
rig_init(struct rig *g, const char *text)
{
	fixture_init(&g->files);
	fixture_load(&g->files, text, NULL);
	if (g->files.rc != OK)
		print_message("%s", g->files.text);
	assert_int_equal(g->files.rc, OK);
	g->conf = g->files.conf;
	g->now = 1000 * USEC_SEC;
	g->router = router_new(2, 42);
	g->tables = router_tables_new();
	assert_non_null(g->router);
	assert_non_null(g->tables);
	assert_int_equal(router_configure(g->router, g->conf, g->now), OK);
}

static inline void
rig_fini(struct rig *g)
{
	router_tables_free(&g->tables);
	router_free(&g->router);
	fixture_fini(&g->files);
}

/* Another configuration; the old snapshot stays for requests that have it. */
static inline struct conf *
rig_reload(struct rig *g, const char *text)
{
	struct conf *old = g->conf;

	free(g->files.text);
	g->files.conf = NULL;
	fixture_load(&g->files, text, old);
	if (g->files.rc != OK)
		print_message("%s", g->files.text);
	assert_int_equal(g->files.rc, OK);
	g->conf = g->files.conf;
	assert_int_equal(router_configure(g->router, g->conf, g->now), OK);
	return old; /* the caller's to unref */
}

static inline uint64_t
rig_tick(struct rig *g)
{
	router_tick_begin(g->router, g->tables, g->now);
	router_tick_build(g->tables);
	router_tick_end(g->router, g->tables, g->now);
	return router_owed(g->router);
}

static inline void
rig_pass(struct rig *g, usec span)
{
	g->now += span;
}

static inline const struct conf_backend *
rig_backend(const struct rig *g, const char *name)
{
	const struct conf_backend *b =
	    conf_find_backend(g->conf, slice_of(name));

	assert_non_null(b);
	return b;
}

/* The first model's serving on that backend. */
static inline const struct conf_serving *
rig_serving(const struct rig *g, const char *backend)
{
	const struct conf_model *m = &g->conf->models[0];

	for (size_t i = 0; i < m->n_servings; i++)
		if (strcmp(m->servings[i].backend->name, backend) == 0)
			return &m->servings[i];
	fail_msg("no serving on %s", backend);
	return NULL;
}

static inline struct serving_view
rig_view(const struct rig *g, const char *backend)
{
	struct serving_view v;

	assert_true(
	    router_view(g->router, rig_serving(g, backend)->id, g->now, &v));
	return v;
}

/* A streamed chat of 1000 prompt tokens for the first model, with the default
 * class, arriving now, with a minute to live. */
static inline struct ask
ask_for(const struct rig *g)
{
	return (struct ask){
		.facts = { .dialect = DIALECT_CHAT,
		    .stream = true,
		    .needs = CAP_CHAT,
		    .prompt_bytes = 3999 },
		.req = { .model = &g->conf->models[0],
		    .slo = *g->conf->default_slo,
		    .arrived = g->now,
		    .deadline = g->now + 60 * USEC_SEC },
	};
}

static inline enum plan_kind
ask_submit(struct rig *g, struct ask *a)
{
	a->req.facts = &a->facts;
	a->req.owner = a;
	router_submit(g->router, &a->req, g->now, &a->ticket, &a->plan);
	return a->plan.kind;
}

/* Where it was sent; "wait", or the reason why not. */
static inline const char *
ask_went(const struct rig *g, const struct ask *a)
{
	const struct conf_serving *s;

	if (a->plan.kind == PLAN_WAIT)
		return "wait";
	if (a->plan.kind == PLAN_NO)
		return plan_reason_name(a->plan.reason);
	s = conf_find_serving(g->conf, a->plan.serving);
	return s != NULL ? s->backend->name : "gone";
}

static inline uint64_t
ask_fail(struct rig *g, struct ask *a, enum fault_kind kind)
{
	struct fault fault = { .kind = kind };

	router_retry(g->router, a->ticket, &fault, g->now, &a->plan);
	return router_owed(g->router);
}

static inline uint64_t
ask_finish(struct rig *g, struct ask *a, usec ttft, usec itl, uint32_t tokens)
{
	struct route_result r = { .ttft = ttft,
		.itl = itl,
		.total = ttft + itl * ((usec)tokens - 1),
		.usage = { .known = true, .input = 1000, .output = tokens } };

	router_first_token(g->router, a->ticket, g->now, ttft);
	router_finished(g->router, a->ticket, &r, g->now);
	return router_owed(g->router);
}

static inline uint64_t
ask_cancel(struct rig *g, struct ask *a)
{
	router_cancel(g->router, a->ticket, g->now);
	return router_owed(g->router);
}

/* What the worker finds ready, if anything; its plan is then in the ask. */
static inline struct ask *
rig_next(struct rig *g, unsigned worker)
{
	struct ticket t;
	struct plan plan;
	void *owner;
	struct ask *a;

	if (!router_next(g->router, worker, g->now, &owner, &t, &plan))
		return NULL;
	a = owner;
	a->ticket = t;
	a->plan = plan;
	return a;
}

static inline void
rig_load(struct rig *g, const char *backend, const struct load *load)
{
	router_load(g->router, rig_backend(g, backend)->id, load, NULL, g->now);
}

/* As an answer of the first model tells. */
static inline void
rig_limits(struct rig *g, const char *backend, const struct load *limits)
{
	router_limits(g->router, rig_serving(g, backend)->id, limits, g->now);
}

static inline uint64_t
rig_probe(struct rig *g, const char *backend, enum fault_kind kind)
{
	struct fault fault = { .kind = kind };

	router_load(
	    g->router, rig_backend(g, backend)->id, NULL, &fault, g->now);
	return router_owed(g->router);
}

/* Answers of that speed from one backend, one after another, a second of
 * history in all, then a tick. The request is pinned, so that choosing does not
 * get in the way. */
static inline void
rig_teach(struct rig *g, const char *backend, usec ttft, usec itl, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct ask a = ask_for(g);

		a.req.pin = rig_backend(g, backend);
		assert_int_equal(ask_submit(g, &a), PLAN_GO);
		ask_finish(g, &a, ttft, itl, 101);
		rig_pass(g, USEC_SEC / n);
	}
	rig_tick(g);
}

#define assert_goes(g, a, where)                                               \
	do {                                                                   \
		ask_submit(g, a);                                              \
		assert_string_equal(ask_went(g, a), where);                    \
	} while (0)

/* Where the next request would go. */
static inline const char *
rig_next_goes(struct rig *g)
{
	struct ask a = ask_for(g);
	const char *where;

	ask_submit(g, &a);
	where = ask_went(g, &a);
	if (a.plan.kind != PLAN_NO)
		ask_cancel(g, &a);
	return where;
}

/* One request to "a" that ends so. */
static inline void
rig_one_ends(struct rig *g, enum fault_kind kind, usec retry_after)
{
	struct fault fault = { .kind = kind, .retry_after = retry_after };
	struct ask a = ask_for(g);

	a.req.pin = rig_backend(g, "a");
	assert_goes(g, &a, "a");
	router_retry(g->router, a.ticket, &fault, g->now, &a.plan);
	if (a.plan.kind == PLAN_WAIT)
		ask_cancel(g, &a);
}

#endif
