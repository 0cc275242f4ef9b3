/* bench/sim/slo.c - the production router as a pilot: one worker, no lock. */
#include "bench/sim/slo.h"

#include <stdlib.h>

struct slo_pilot {
	struct router *router;
	struct router_tables *tables;
};

static void
slo_destroy(void *self)
{
	struct slo_pilot *p = self;

	router_tables_free(&p->tables);
	router_free(&p->router);
	free(p);
}

static void *
slo_create(const struct pilot_setup *setup, struct errmsg *why)
{
	struct slo_pilot *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->router = router_new(1, setup->seed);
	p->tables = router_tables_new();
	if (p->router == NULL || p->tables == NULL ||
	    router_configure(p->router, setup->conf, 0) != OK) {
		slo_destroy(p);
		fail(why, ERR_MEMORY, "slo: out of memory");
		return NULL;
	}
	return p;
}

/* Which workers to wake matters to nobody: there is one, and the world asks
 * for the next after every event. */
static void
slo_submit(void *self, const struct route_request *req, usec now,
    struct ticket *t, struct plan *plan)
{
	struct slo_pilot *p = self;

	router_submit(p->router, req, now, t, plan);
}

static bool
slo_next(
    void *self, usec now, void **owner, struct ticket *t, struct plan *plan)
{
	struct slo_pilot *p = self;
	return router_next(p->router, 0, now, owner, t, plan);
}

static void
slo_retry(void *self, struct ticket t, const struct fault *fault, usec now,
    struct plan *plan)
{
	router_retry(((struct slo_pilot *)self)->router, t, fault, now, plan);
}

static void
slo_hedge(void *self, struct ticket t, usec now, struct ticket *second,
    struct plan *plan)
{
	router_hedge(((struct slo_pilot *)self)->router, t, now, second, plan);
}

static void
slo_cancel(void *self, struct ticket t, usec now)
{
	router_cancel(((struct slo_pilot *)self)->router, t, now);
}

static void
slo_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	router_first_token(((struct slo_pilot *)self)->router, t, now, ttft);
}

static void
slo_progress(void *self, struct ticket t, usec now, unsigned tokens, usec span)
{
	router_progress(
	    ((struct slo_pilot *)self)->router, t, now, tokens, span);
}

static void
slo_finished(
    void *self, struct ticket t, const struct route_result *result, usec now)
{
	router_finished(((struct slo_pilot *)self)->router, t, result, now);
}

static void
slo_load(void *self, uint32_t backend, const struct load *load,
    const struct fault *fault, usec now)
{
	router_load(
	    ((struct slo_pilot *)self)->router, backend, load, fault, now);
}

static void
slo_limits(void *self, uint32_t serving, const struct load *l, usec now)
{
	router_limits(((struct slo_pilot *)self)->router, serving, l, now);
}

static void
slo_tick(void *self, usec now)
{
	struct slo_pilot *p = self;

	router_tick_begin(p->router, p->tables, now);
	router_tick_build(p->tables);
	router_tick_end(p->router, p->tables, now);
}

static bool
slo_probe(void *self, usec now, struct route_request *req, struct ticket *t,
    struct plan *plan)
{
	return router_probe(
	    ((struct slo_pilot *)self)->router, now, req, t, plan);
}

const struct router *
slo_router(const void *self)
{
	return ((const struct slo_pilot *)self)->router;
}

const struct pilot_ops pilot_slo = {
	.name = "slo",
	.summary = "Pointsman's own: the cheapest that meets the targets",
	.create = slo_create,
	.destroy = slo_destroy,
	.submit = slo_submit,
	.next = slo_next,
	.retry = slo_retry,
	.hedge = slo_hedge,
	.cancel = slo_cancel,
	.first_token = slo_first_token,
	.progress = slo_progress,
	.finished = slo_finished,
	.load = slo_load,
	.limits = slo_limits,
	.tick = slo_tick,
	.probe = slo_probe,
};
