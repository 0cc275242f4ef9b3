/* bench/sim/testing.h - short runs for tests, and a witness of every decision.
 *
 * The witness stands between the world and the production router and writes
 * down what either says, in order of time. */
#ifndef BENCH_SIM_TESTING_H
#define BENCH_SIM_TESTING_H

#include "bench/sim/slo.h"
#include "bench/sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum saying {
	SAID_ASKED, /* a request came */
	SAID_SENT, /* it goes to `serving` */
	SAID_WAITS,
	SAID_REFUSED,
	SAID_TOKEN, /* its first token */
};
enum occasion { ON_SUBMIT, ON_NEXT, ON_RETRY, ON_HEDGE };

struct note {
	usec at;
	uint64_t id; /* of the request */
	enum saying said;
	enum occasion on;
	enum plan_reason reason;
	enum priority priority;
	uint32_t serving;
	unsigned prompt;
};

struct witness {
	void *inner;
	struct note *note;
	size_t n, cap;
	struct held {
		struct errand *errand;
		uint32_t serving;
	} * held; /* by index of ticket */
	size_t n_held;
	usec barred[64]; /* by id of backend: a 429 told when to come back */
	/* Whose requests are treated at another priority; NULL: nobody's. */
	const char *raise;
	enum priority to;
	/* Premium that has no token by then asks for a hedge, whatever the
	 * plan says; 0: as planned. */
	usec eager;
	const struct conf *conf;
};

static struct witness witness; /* of the present run */

static inline void
witness_note(enum saying said, enum occasion on, const struct errand *c,
    const struct plan *p, usec now)
{
	struct witness *w = &witness;

	if (w->n == w->cap) {
		w->cap = w->cap > 0 ? 2 * w->cap : 4096;
		w->note = realloc(w->note, w->cap * sizeof(*w->note));
		assert_non_null(w->note);
	}
	w->note[w->n++] = (struct note){ .at = now,
		.id = c->request.id,
		.said = said,
		.on = on,
		.reason = p != NULL ? p->reason : REASON_COUNT,
		.priority = c->route.slo.priority,
		.serving = p != NULL ? p->serving : UINT32_MAX,
		.prompt = c->request.prompt };
}

static inline struct errand *
witness_errand(struct ticket t)
{
	assert_true(t.index < witness.n_held);
	return witness.held[t.index].errand;
}

static inline void
witness_ticket(struct ticket t, struct errand *c, const struct plan *p)
{
	struct witness *w = &witness;

	if (t.index >= w->n_held) {
		w->n_held = (size_t)t.index * 2 + 64;
		w->held = realloc(w->held, w->n_held * sizeof(*w->held));
		assert_non_null(w->held);
	}
	w->held[t.index] = (struct held){ .errand = c, .serving = p->serving };
}

static inline uint32_t
witness_backend(uint32_t serving)
{
	const struct conf_serving *s = conf_find_serving(witness.conf, serving);

	assert_non_null(s);
	assert_true(s->backend->id < 64);
	return s->backend->id;
}

/* Whoever is sent somewhere is sent where requests may go. */
static inline void
witness_plan(
    enum occasion on, const struct errand *c, const struct plan *p, usec now)
{
	struct serving_view v;

	if (p->kind == PLAN_WAIT) {
		witness_note(SAID_WAITS, on, c, p, now);
		return;
	}
	if (p->kind == PLAN_NO) {
		witness_note(SAID_REFUSED, on, c, p, now);
		return;
	}
	witness_note(SAID_SENT, on, c, p, now);
	assert_true(
	    router_view(slo_router(witness.inner), p->serving, now, &v));
	assert_true(now >= witness.barred[witness_backend(p->serving)]);
	assert_int_not_equal(v.breaker, BREAKER_OPEN);
	assert_int_equal(v.opens_in, 0);
	assert_true(v.warm && !v.key_off && !v.model_gone);
	assert_true(now < c->route.deadline);
}

static inline void
witness_hurry(const struct errand *c, struct plan *p)
{
	if (witness.eager > 0 && p->kind == PLAN_GO &&
	    c->route.slo.priority == PRIORITY_PREMIUM)
		p->hedge_after = witness.eager;
}

static inline void *
witness_create(const struct pilot_setup *setup, struct errmsg *why)
{
	free(witness.note);
	free(witness.held);
	witness.note = NULL;
	witness.held = NULL;
	witness.n = witness.cap = witness.n_held = 0;
	memset(witness.barred, 0, sizeof(witness.barred));
	witness.conf = setup->conf;
	witness.inner = pilot_slo.create(setup, why);
	return &witness;
}

static inline void
witness_destroy(void *self)
{
	(void)self;
	pilot_slo.destroy(witness.inner);
}

static inline void
witness_submit(void *self, const struct route_request *r, usec now,
    struct ticket *t, struct plan *plan)
{
	struct errand *c = r->owner;

	(void)self;
	if (witness.raise != NULL &&
	    strcmp(r->tenant->name, witness.raise) == 0)
		c->route.slo.priority = witness.to;
	witness_note(SAID_ASKED, ON_SUBMIT, c, NULL, now);
	pilot_slo.submit(witness.inner, r, now, t, plan);
	if (plan->kind != PLAN_NO)
		witness_ticket(*t, c, plan);
	witness_plan(ON_SUBMIT, c, plan, now);
	witness_hurry(c, plan);
}

static inline bool
witness_next(
    void *self, usec now, void **owner, struct ticket *t, struct plan *plan)
{
	(void)self;
	if (!pilot_slo.next(witness.inner, now, owner, t, plan))
		return false;
	witness_ticket(*t, *owner, plan);
	witness_plan(ON_NEXT, *owner, plan, now);
	witness_hurry(*owner, plan);
	return true;
}

static inline void
witness_retry(void *self, struct ticket t, const struct fault *f, usec now,
    struct plan *plan)
{
	struct errand *c = witness_errand(t);
	usec *barred =
	    &witness.barred[witness_backend(witness.held[t.index].serving)];

	(void)self;
	if (f->kind == FAULT_RATE_LIMITED && now + f->retry_after > *barred)
		*barred = now + f->retry_after;
	pilot_slo.retry(witness.inner, t, f, now, plan);
	witness_ticket(t, c, plan);
	witness_plan(ON_RETRY, c, plan, now);
}

static inline void
witness_hedge(void *self, struct ticket t, usec now, struct ticket *second,
    struct plan *plan)
{
	struct errand *c = witness_errand(t);

	(void)self;
	pilot_slo.hedge(witness.inner, t, now, second, plan);
	if (plan->kind != PLAN_GO)
		return; /* the first goes on alone */
	witness_ticket(*second, c, plan);
	witness_plan(ON_HEDGE, c, plan, now);
}

static inline void
witness_cancel(void *self, struct ticket t, usec now)
{
	(void)self;
	pilot_slo.cancel(witness.inner, t, now);
}

static inline void
witness_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	(void)self;
	witness_note(SAID_TOKEN, ON_SUBMIT, witness_errand(t), NULL, now);
	pilot_slo.first_token(witness.inner, t, now, ttft);
}

static inline void
witness_progress(
    void *self, struct ticket t, usec now, unsigned tokens, usec span)
{
	(void)self;
	pilot_slo.progress(witness.inner, t, now, tokens, span);
}

static inline void
witness_finished(
    void *self, struct ticket t, const struct route_result *r, usec now)
{
	(void)self;
	pilot_slo.finished(witness.inner, t, r, now);
}

static inline void
witness_load(void *self, uint32_t backend, const struct load *load,
    const struct fault *fault, usec now)
{
	(void)self;
	pilot_slo.load(witness.inner, backend, load, fault, now);
}

static inline void
witness_tick(void *self, usec now)
{
	(void)self;
	pilot_slo.tick(witness.inner, now);
}

static const struct pilot_ops pilot_witness = {
	.name = "witness",
	.create = witness_create,
	.destroy = witness_destroy,
	.submit = witness_submit,
	.next = witness_next,
	.retry = witness_retry,
	.hedge = witness_hedge,
	.cancel = witness_cancel,
	.first_token = witness_first_token,
	.progress = witness_progress,
	.finished = witness_finished,
	.load = witness_load,
	.tick = witness_tick,
};

/* --- runs --- */

struct play {
	struct scenario scenario;
	struct world world;
};

/* A scenario of that name, so long. */
static inline struct play *
play_load(const char *name, uint64_t seed, usec duration)
{
	struct play *p = calloc(1, sizeof(*p));
	struct scenario_options o = { .name = name, .seed = seed };
	struct errmsg why;
	struct buf notes;

	assert_non_null(p);
	buf_init(&notes, SIZE_MAX);
	assert_int_equal(scenario_load(&p->scenario, &o, &notes, &why), OK);
	buf_fini(&notes);
	p->scenario.traffic.duration = duration;
	return p;
}

/* requests: a line each; NULL: none. */
static inline void
play_run(struct play *p, FILE *requests)
{
	struct world_options o = { .pilot = &pilot_witness,
		.scenario = &p->scenario,
		.requests = requests };
	struct errmsg why;

	assert_int_equal(world_run(&p->world, &o, &why), OK);
}

static inline void
play_end(struct play **p)
{
	world_fini(&(*p)->world);
	scenario_fini(&(*p)->scenario);
	free(*p);
	*p = NULL;
	free(witness.note);
	free(witness.held);
	witness = (struct witness){ .raise = NULL };
}

#endif
