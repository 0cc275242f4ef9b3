/* bench/sim/clairvoyant.c - a router that knows what none can know: how long
 * each answer will be, and all about every machine.
 *
 * It sends a request only where it and all who are at work there will be in
 * time, as far as it can compute; by priority, and below premium the least work
 * first; who cannot be in time any more is turned away. So it is no bound, but
 * shows what may be had. What is to come it does not know. A blind one does not
 * know how long answers will be either, only how long those to such prompts
 * were: no online router can know more of them. */
#include <stdlib.h>

#include "bench/sim/baseline_parts.h"
#include "bench/sim/sight.h"
#include "router/filter.h"
#include "router/plan.h"

#define DEPTH 12 /* of those who wait: looked at in one call */
#define PATIENCE (30 * USEC_MS) /* before its target: time to get there */
#define OUTPUT 3.0 /* what a token of an answer counts, in prompt tokens */
#define RESERVE 0.5 /* of a rate limit, for premium */
#define BEHIND 1e9 /* more than any work: for a lower priority */
#define MUCH 1500 /* work that is better given to who counts calls */

struct guest {
	struct list link; /* of those who wait, or of the free */
	uint32_t index, generation; /* odd while it lives */
	const struct route_request *req;
	struct errand *errand;
	struct set eligible; /* of its model's servings */
	double key; /* whose turn it is: the least */
};

struct clairvoyant {
	struct guest **guests;
	size_t n_guests;
	struct list free, waiting;
	struct sight sight;
	struct account lengths; /* of answers so far */
};

static void *
seer_create(const struct pilot_setup *setup, struct errmsg *why)
{
	struct clairvoyant *c = calloc(1, sizeof(*c));

	if (c != NULL && setup->conf->n_backends > SIGHT_SERVERS) {
		fail(why, ERR_LIMIT,
		    "clairvoyant: want at most %d backends, got %zu",
		    SIGHT_SERVERS, setup->conf->n_backends);
		free(c);
		c = NULL;
	}
	if (c == NULL)
		return NULL;
	list_init(&c->free);
	list_init(&c->waiting);
	return c;
}

/* The same, but for the lengths of answers: it knows what those to such prompts
 * were. */
static void *
blind_create(const struct pilot_setup *setup, struct errmsg *why)
{
	struct clairvoyant *c = seer_create(setup, why);

	if (c != NULL)
		c->sight.lengths = &c->lengths;
	return c;
}

static void
seer_destroy(void *self)
{
	struct clairvoyant *c = self;

	for (size_t i = 0; i < c->n_guests; i++)
		free(c->guests[i]);
	free(c->guests);
	free(c);
}

/* --- whose turn it is --- */

static double
work_of(const struct clairvoyant *c, const struct guest *g)
{
	return g->errand->request.prompt +
	    OUTPUT * sight_length(&c->sight, g->errand);
}

/* By priority; of premium whoever came first, else who takes the least. */
static double
turn_of(const struct clairvoyant *c, const struct guest *g)
{
	enum priority p = g->req->slo.priority;

	return p == PRIORITY_PREMIUM ? 0 : BEHIND * (int)p + work_of(c, g);
}

static bool
is_lost(const struct guest *g, usec now)
{
	const struct slo *slo = &g->req->slo;
	usec most = slo->ttft > 0 ? slo->ttft : slo->total;

	return most > 0 && now - g->req->arrived > most - PATIENCE;
}

/* Calls of a rate limit are for premium, or else for those who take much. */
static bool
may_call(const struct clairvoyant *c, const struct guest *g,
    const struct server *s, usec now)
{
	return s->truth->rate <= 0 ||
	    g->req->slo.priority == PRIORITY_PREMIUM ||
	    (sight_calls(s, now) >= RESERVE && work_of(c, g) >= MUCH);
}

/* The cheapest that will do. */
static struct server *
place_for(struct clairvoyant *c, const struct guest *g, usec now, uint32_t *id)
{
	const struct world *w = g->errand->world;
	const struct conf_model *m = g->req->model;
	struct server *best = NULL;

	SET_EACH (i, &g->eligible) {
		struct server *s = w->server_of[m->servings[i].id];

		if (!may_call(c, g, s, now) ||
		    !sight_will_do(&c->sight, s, g->errand, now) ||
		    (best != NULL &&
			s->conf->price.input >= best->conf->price.input))
			continue;
		best = s;
		*id = m->servings[i].id;
	}
	return best;
}

static bool
try(struct clairvoyant *c, struct guest *g, usec now, struct plan *p)
{
	uint32_t id = 0;
	struct server *s = place_for(c, g, now, &id);

	if (s == NULL) {
		plan_refuse(p, REASON_QUEUED, 0);
		p->kind = PLAN_WAIT;
		if (is_lost(g, now))
			plan_refuse(p, REASON_SLO_UNATTAINABLE, 0);
		return p->kind == PLAN_NO;
	}
	plan_refuse(p, REASON_CHEAPEST_ADEQUATE, 0);
	p->kind = PLAN_GO;
	p->serving = id;
	sight_sent(&c->sight, s, g->errand->request.prompt, now);
	return true;
}

/* --- the calls of a pilot --- */

static struct guest *
guest_new(struct clairvoyant *c)
{
	struct list *l = list_pop(&c->free);
	struct guest *g, **more;

	if (l != NULL)
		return CONTAINER_OF(l, struct guest, link);
	more = realloc(c->guests, (c->n_guests + 1) * sizeof(struct guest *));
	g = calloc(1, sizeof(*g));
	if (more == NULL || g == NULL)
		abort(); /* without memory there is no result */
	c->guests = more;
	g->index = (uint32_t)c->n_guests;
	c->guests[c->n_guests++] = g;
	list_init(&g->link);
	return g;
}

static void
let_go(struct clairvoyant *c, struct guest *g)
{
	g->generation++;
	list_remove(&g->link);
	list_append(&c->free, &g->link);
}

static struct guest *
guest_of(struct clairvoyant *c, struct ticket t)
{
	if (t.generation == 0 || t.index >= c->n_guests ||
	    c->guests[t.index]->generation != t.generation)
		return NULL;
	return c->guests[t.index];
}

static void
wait_in_line(struct clairvoyant *c, struct guest *g)
{
	struct list *l = c->waiting.next;

	while (l != &c->waiting &&
	    CONTAINER_OF(l, struct guest, link)->key <= g->key)
		l = l->next;
	list_append(l, &g->link); /* before it */
}

static void
seer_submit(void *self, const struct route_request *req, usec now,
    struct ticket *t, struct plan *plan)
{
	struct clairvoyant *c = self;
	struct guest *g;
	struct sieve sieve;

	*t = (struct ticket){ 0 };
	filter(req, &sieve);
	if (set_is_empty(&sieve.eligible)) {
		plan_refuse(plan, sieve.why_none, 0);
		return;
	}
	g = guest_new(c);
	g->generation++;
	g->req = req;
	g->errand = req->owner;
	g->eligible = sieve.eligible;
	g->key = turn_of(c, g);
	if (req->slo.priority == PRIORITY_PREMIUM) {
		c->sight.itl = req->slo.itl;
		c->sight.ttft = req->slo.ttft;
	}
	*t = (struct ticket){ .index = g->index, .generation = g->generation };
	if (!try(c, g, now, plan)) {
		wait_in_line(c, g);
		return;
	}
	if (plan->kind == PLAN_NO)
		let_go(c, g);
}

static bool
seer_next(
    void *self, usec now, void **owner, struct ticket *t, struct plan *plan)
{
	struct clairvoyant *c = self;
	unsigned seen = 0;

	for (struct list *l = c->waiting.next; l != &c->waiting;) {
		struct guest *g = CONTAINER_OF(l, struct guest, link);

		l = l->next;
		if (seen++ < DEPTH ? !try(c, g, now, plan) : !is_lost(g, now))
			continue;
		if (seen > DEPTH)
			plan_refuse(plan, REASON_SLO_UNATTAINABLE, 0);
		list_remove(&g->link);
		*owner = g->errand;
		*t = (struct ticket){ .index = g->index,
			.generation = g->generation };
		if (plan->kind == PLAN_NO)
			let_go(c, g);
		return true;
	}
	return false;
}

static void
seer_retry(void *self, struct ticket t, const struct fault *fault, usec now,
    struct plan *plan)
{
	struct clairvoyant *c = self;
	struct guest *g = guest_of(c, t);

	(void)fault;
	(void)now;
	plan_refuse(plan, REASON_EXHAUSTED, 0);
	if (g != NULL)
		let_go(c, g);
}

static void
seer_cancel(void *self, struct ticket t, usec now)
{
	struct guest *g = guest_of(self, t);

	(void)now;
	if (g != NULL)
		let_go(self, g);
}

static void
seer_first_token(void *self, struct ticket t, usec now, usec ttft)
{
	(void)self;
	(void)t;
	(void)now;
	(void)ttft;
}

static void
seer_finished(
    void *self, struct ticket t, const struct route_result *result, usec now)
{
	struct clairvoyant *c = self;
	struct guest *g = guest_of(c, t);

	if (g != NULL && result->usage.known)
		account_answered(&c->lengths, g->errand->request.prompt,
		    result->usage.output);
	seer_cancel(self, t, now);
}

static void
seer_load(void *self, uint32_t backend, const struct load *load,
    const struct fault *fault, usec now)
{
	(void)self;
	(void)backend;
	(void)load;
	(void)fault;
	(void)now;
}

/* The calls are the same for both. */
#define SEER                                                                   \
	.destroy = seer_destroy, .submit = seer_submit, .next = seer_next,     \
	.retry = seer_retry, .hedge = base_hedge, .cancel = seer_cancel,       \
	.first_token = seer_first_token, .progress = base_progress,            \
	.finished = seer_finished, .load = seer_load, .tick = base_tick

const struct pilot_ops pilot_clairvoyant = {
	.name = "clairvoyant",
	.summary = "knows every length and machine: what may be had",
	.create = seer_create,
	SEER,
};

const struct pilot_ops pilot_clairvoyant_blind = {
	.name = "clairvoyant-blind",
	.summary = "the same, but for lengths: what such prompts had so far",
	.create = blind_create,
	SEER,
};
