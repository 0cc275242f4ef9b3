/* bench/sim/errand.c - a client's request, from when it is due to its end. */
#include <math.h>
#include <stdlib.h>

#include "bench/sim/world.h"
#include "gateway/lib/rng.h"

#define STREAM_BYTES (UINT64_C(1) << 32) /* of the seed, one per request */

static void on_timer(void *arg, usec now);

static struct errand *
errand_new(struct world *w, const struct workload_request *q)
{
	struct list *node = list_pop(&w->free_errands);
	struct errand *c = node != NULL
	    ? CONTAINER_OF(node, struct errand, link)
	    : arena_alloc(&w->arena, sizeof(*c));

	if (c == NULL)
		abort(); /* without memory there is no result */
	*c = (struct errand){ .world = w,
		.request = *q,
		.timer = { .run = on_timer, .arg = c },
		.hedge_at = USEC_NEVER,
		.sent = -1,
		.first = -1,
		.confidence = -1 };
	list_append(&w->errands, &c->link);
	return c;
}

/* Who routes sees bytes, and guesses tokens from them. */
static uint64_t
bytes_of(const struct scenario *s, const struct workload_request *q)
{
	double bytes = (double)q->prompt * TOKEN_BYTES;
	struct rng r;

	if (s->tokens_vary > 0) {
		rng_init(&r, s->seed, STREAM_BYTES + q->id);
		bytes *= exp(s->tokens_vary * rng_normal(&r));
	}
	return (uint64_t)fmax(bytes, 1);
}

void
errand_start(
    struct world *w, const struct workload_request *q, bool again, usec now)
{
	struct errand *c = errand_new(w, q);
	bool whole =
	    w->scenario->batch_whole && q->slo->priority == PRIORITY_BATCH;
	struct ticket t = { 0 };
	struct plan plan;

	c->again = again;
	c->facts = (struct facts){ .dialect = DIALECT_CHAT,
		.model = slice_of(q->model->name),
		.needs = CAP_CHAT,
		.stream = !whole,
		.prompt_bytes = bytes_of(w->scenario, q),
		.max_tokens = w->scenario->max_tokens ? q->output : 0 };
	c->route = (struct route_request){ .facts = &c->facts,
		.model = q->model,
		.tenant = q->tenant,
		.slo = *q->slo,
		.arrived = now,
		.deadline = now + w->scenario->fleet->deadline,
		.owner = c };
	w->decisions++;
	w->pilot->submit(w->self, &c->route, now, &t, &plan);
	errand_follow(c, t, &plan, now);
}

void
errands_probe(struct world *w, usec now)
{
	const struct workload_request q = {
		.due = now, .prompt = PROBE_INPUT, .output = PROBE_OUTPUT
	};
	struct ticket t;
	struct plan plan;

	if (w->pilot->probe == NULL)
		return;
	for (;;) {
		struct errand *c = errand_new(w, &q);

		if (!w->pilot->probe(w->self, now, &c->route, &t, &plan)) {
			list_remove(&c->link);
			list_append(&w->free_errands, &c->link);
			return;
		}
		c->probe = true;
		c->facts = *c->route.facts;
		w->decisions++;
		errand_follow(c, t, &plan, now);
	}
}

void
errand_arm(struct errand *c, usec now)
{
	usec at = c->route.deadline;

	if (c->hedge_at < at && c->hedge_at >= now)
		at = c->hedge_at;
	agenda_set(&c->world->agenda, &c->timer, RANK_TRIAL, at);
}

void
errand_follow(
    struct errand *c, struct ticket t, const struct plan *plan, usec now)
{
	c->waiting = plan->kind == PLAN_WAIT;
	c->ticket = t;
	if (plan->kind == PLAN_NO) {
		if (c->attempts == 0)
			c->plan = *plan;
		errand_end(c, c->attempts > 0 ? ENDING_FAILED : ENDING_SHED,
		    NULL, now);
		return;
	}
	c->hedge_at = USEC_NEVER;
	if (plan->kind == PLAN_GO) {
		if (plan->hedge_after != HEDGE_NEVER)
			c->hedge_at = now + plan->hedge_after;
		trial_start(c, t, plan, now);
	}
	errand_arm(c, now);
}

/* --- its timer: a hedge, then the deadline --- */

static void
hedge(struct errand *c, usec now)
{
	struct world *w = c->world;
	struct trial *t = c->trial[0] != NULL ? c->trial[0] : c->trial[1];
	struct ticket second = { 0 };
	struct plan plan;

	c->hedge_at = USEC_NEVER;
	if (t == NULL || t->first != 0 ||
	    (c->trial[0] != NULL && c->trial[1] != NULL))
		return;
	w->decisions++;
	w->pilot->hedge(w->self, t->ticket, now, &second, &plan);
	if (plan.kind != PLAN_GO)
		return;
	w->hedges++;
	c->hedged = true;
	trial_start(c, second, &plan, now);
}

/* Thrice the forecast without a sign, and a second at least: as the gateway
 * judges who is to blame for a deadline. */
static bool
too_silent(const struct trial *t, usec now)
{
	usec forecast = t->errand->facts.stream ? t->plan.ttft : t->plan.total;
	usec limit = 3 * forecast > USEC_SEC ? 3 * forecast : USEC_SEC;

	if (t->first != 0 || (forecast <= 0 && !t->errand->facts.stream))
		return false;
	return now - t->sent > limit;
}

static void
give_up(struct errand *c, usec now)
{
	struct world *w = c->world;

	c->fault = FAULT_DEADLINE;
	if (c->waiting)
		w->pilot->cancel(w->self, c->ticket, now);
	for (int i = 0; i < 2; i++) {
		struct trial *t = c->trial[i];

		if (t == NULL)
			continue;
		if (t->first > 0)
			trial_settle(t, FAULT_DEADLINE, now);
		else if (too_silent(t, now))
			trial_settle(t, FAULT_TTFT_TIMEOUT, now);
		else
			w->pilot->cancel(w->self, t->ticket, now);
	}
	errand_end(c, c->attempts > 0 ? ENDING_FAILED : ENDING_SHED, NULL, now);
}

static void
on_timer(void *arg, usec now)
{
	struct errand *c = arg;

	if (now >= c->route.deadline) {
		give_up(c, now);
		return;
	}
	hedge(c, now);
	errand_arm(c, now);
}

void
errands_drain(struct world *w, usec now)
{
	struct ticket t;
	struct plan plan;
	void *owner;

	while (w->pilot->next(w->self, now, &owner, &t, &plan)) {
		w->decisions++;
		errand_follow(owner, t, &plan, now);
	}
}

/* --- the end --- */

struct comeback {
	struct moment event;
	struct world *world;
	struct workload_request request;
};

static void
on_comeback(void *arg, usec now)
{
	struct comeback *b = arg;

	b->world->coming--;
	errand_start(b->world, &b->request, true, now);
}

/* A client that obeys a retry-after does so once. */
static void
come_back(struct errand *c, usec now)
{
	struct world *w = c->world;
	struct comeback *b;

	if (!w->scenario->retry_after || c->again || c->request.flood ||
	    c->plan.retry_after <= 0)
		return;
	b = arena_alloc(&w->arena, sizeof(*b));
	if (b == NULL)
		abort(); /* without memory there is no result */
	b->world = w;
	b->request = c->request;
	b->event = (struct moment){ .run = on_comeback, .arg = b };
	w->again++;
	w->coming++;
	agenda_set(
	    &w->agenda, &b->event, RANK_ARRIVAL, now + c->plan.retry_after);
}

static void
judge(struct errand *c, enum ending ending, const struct trial *t, usec now)
{
	struct world *w = c->world;
	usec due = c->request.due;
	unsigned n = t != NULL ? t->produced : 0;
	struct scored s = { .priority = c->route.slo.priority,
		.slo = &c->route.slo,
		.ending = ending,
		.ttft = c->first >= 0 ? c->first - due : -1,
		.itl = -1,
		.total = ending == ENDING_WHOLE ? now - due : -1,
		.cost = c->cost,
		.confidence = c->confidence };

	if (c->facts.stream && n > 1 && c->first >= 0)
		s.itl = (now - c->first) / (n - 1);
	if (c->probe) {
		w->probe_cost += c->cost;
		return;
	}
	if (c->again) {
		w->again_whole += ending == ENDING_WHOLE;
		return;
	}
	if (!c->request.flood)
		score_add(&w->score, &s);
	mishaps_ended(w, c, score_met(&s));
	if (w->requests != NULL)
		record_errand(c, &s);
}

void
errand_end(
    struct errand *c, enum ending ending, const struct trial *answer, usec now)
{
	struct world *w = c->world;
	unsigned produced = answer != NULL ? answer->produced : 0;
	struct trial last = { .produced = produced };

	agenda_drop(&w->agenda, &c->timer);
	for (int i = 0; i < 2; i++)
		if (c->trial[i] != NULL)
			trial_drop(c->trial[i], now);
	judge(c, ending, answer != NULL ? &last : NULL, now);
	if (ending == ENDING_SHED)
		come_back(c, now);
	list_remove(&c->link);
	list_append(&w->free_errands, &c->link);
}
