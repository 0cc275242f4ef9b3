/* router/router.c - who serves which request, and when: the calls.
 *
 * Each call brings one order from a state to the next, then lets go those who
 * wait for what it freed. */
#include "router/router.h"

#include <assert.h>
#include <stdlib.h>

#include "policies/admit.h"
#include "policies/confidence.h"
#include "policies/slo.h"
#include "router/engine.h"
#include "router/filter.h"
#include "router/trace.h"

#define IN(state) (1u << (state))

struct router *
router_new(unsigned workers, uint64_t seed)
{
	struct router *r;

	assert(workers > 0 && workers <= ROUTER_WORKERS_MAX);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->workers = workers;
	r->service = 1;
	r->courtesy = admit_courtesy(PRIORITY_STANDARD);
	for (unsigned i = 0; i < workers; i++)
		list_init(&r->ready[i]);
	list_init(&r->silent);
	list_init(&r->slow);
	hedge_budget_init(&r->hedges, 0);
	rng_init(&r->rng, seed, 0);
	queue_init(&r->queue);
	promises_init(&r->promises);
	retry_budget_init(&r->budget, 0);
	if (!orders_init(&r->orders) || !samples_init(&r->samples))
		router_free(&r);
	return r;
}

void
router_free(struct router **rp)
{
	struct router *r = *rp;

	if (r == NULL)
		return;
	queue_fini(&r->queue);
	orders_fini(&r->orders);
	samples_fini(&r->samples);
	accounts_forget(&r->accounts, &(struct accounts){ 0 });
	fleet_forget(&r->fleet, &(struct fleet){ 0 });
	conf_unref(&r->conf);
	free(r);
	*rp = NULL;
}

void
router_restrain(struct router *r, uint32_t backend, uint32_t serving,
    const struct restraint *what, usec now)
{
	fleet_restrain(&r->fleet, backend, serving, what, now);
	dispatch_waiting(r, backend, now);
}

/* --- one order --- */

static void
forget(struct router *r, struct order *o)
{
	if (o->twin != NULL)
		health_pass_on(o);
	hedge_part(o);
	orders_drop(&r->orders, o);
}

/* Its attempt tells how the serving does. */
static void
note_heard(struct router *r, const struct order *o, usec now)
{
	struct cell *c = order_cell(r, o);

	c->heard_at = now;
	if (!o->probe)
		c->asked = 0;
}

/* The caller is told the plan; PLAN_NO ends the order. */
static void
answer(struct router *r, struct order *o, usec now, struct plan *plan)
{
	*plan = o->plan;
	if (plan->kind == PLAN_GO)
		dispatch_begin(r, o, now);
	else if (plan->kind == PLAN_NO)
		forget(r, o);
}

/* A place is free for a newcomer, but somebody has been waiting for that
 * backend (a block or a breaker ended since the last tick): all in order. */
static void
take_turn(struct router *r, struct order *o, usec now)
{
	uint32_t site = order_serving(o)->backend->id;

	if (!queue_waits_for(&r->queue, site, o->priority))
		return;
	breaker_leave(&order_cell(r, o)->site->breaker, o->stay.epoch);
	dispatch_end(r, o);
	dispatch_waiting(r, site, now);
	dispatch(r, o, dispatch_room(r, o, now), now);
}

/* When its SLO is missed, whatever is done. */
static usec
due_of(const struct route_request *req)
{
	usec due = req->deadline;

	if (req->slo.ttft > 0 && req->arrived + req->slo.ttft < due)
		due = req->arrived + req->slo.ttft;
	else if (req->slo.total > 0 && req->arrived + req->slo.total < due)
		due = req->arrived + req->slo.total;
	return due;
}

void
router_submit(struct router *r, const struct route_request *req, usec now,
    struct ticket *t, struct plan *plan)
{
	struct sieve sieve;
	struct order *o;

	assert(r->conf != NULL && req->worker < r->workers);
	retry_budget_request(&r->budget, now);
	filter(req, &sieve);
	if (set_is_empty(&sieve.eligible)) {
		plan_refuse(plan, sieve.why_none, 0);
		route_trace_unfit(&r->fleet, req, now);
		return;
	}
	o = orders_take(&r->orders, req);
	if (o == NULL) {
		plan_refuse(plan, REASON_QUEUE_FULL, USEC_SEC);
		return;
	}
	o->author = author_of(req);
	o->wanted = o->eligible = sieve.eligible;
	o->fallbacks = sieve.fallbacks;
	o->priority = req->slo.priority;
	o->due = due_of(req);
	if (slo_has_targets(&req->slo))
		shortage_asked(o->priority == PRIORITY_PREMIUM ? &r->premium
							       : &r->shortage,
		    demand_work(r, o));
	hedge_budget_request(&r->hedges, demand_again(r, o));
	o->promised = promises_redeem(&r->promises, o, now);
	if (dispatch(r, o, dispatch_room(r, o, now), now) == PLAN_GO)
		take_turn(r, o, now);
	*t = o->ticket;
	answer(r, o, now, plan);
}

/* Whether what was planned for a ready order still makes sense. */
static bool
recheck(struct router *r, struct order *o, usec now)
{
	if (o->plan.kind != PLAN_GO ||
	    (plan_holds(&r->fleet, o, now) && now < o->req->deadline))
		return true;
	breaker_leave(&order_cell(r, o)->site->breaker, o->stay.epoch);
	dispatch_end(r, o);
	return dispatch(r, o, REASON_QUEUED, now) != PLAN_WAIT;
}

bool
router_next(struct router *r, unsigned worker, usec now, void **owner,
    struct ticket *t, struct plan *plan)
{
	struct list *node;

	while ((node = list_pop(&r->ready[worker])) != NULL) {
		struct order *o = CONTAINER_OF(node, struct order, link);

		if (!recheck(r, o, now))
			continue;
		*owner = o->req->owner;
		*t = o->ticket;
		answer(r, o, now, plan);
		return true;
	}
	return false;
}

uint64_t
router_owed(struct router *r)
{
	uint64_t mask = r->owed;

	r->owed = 0;
	return mask;
}

/* --- the end of an attempt --- */

static void
rule_out(struct order *o, unsigned at, enum fault_kind kind)
{
	if (failover_may_return(kind))
		return;
	set_drop(&o->eligible, at);
	if (kind == FAULT_DRILL)
		o->drilled = (uint16_t)(at + 1);
}

/* What is left to try after `fault`. */
static void
narrow(struct order *o, const struct fault *fault)
{
	const struct conf_model *m = o->req->model;

	rule_out(o, o->at, fault->kind);
	for (unsigned i = 0; i < m->n_servings; i++)
		if (!failover_interchangeable(o->req->facts->dialect,
			&m->servings[o->at], &m->servings[i]))
			set_drop(&o->eligible, i);
}

static void
plan_again(
    struct router *r, struct order *o, const struct fault *fault, usec now)
{
	enum plan_reason no_wait = dispatch_room(r, o, now);
	struct place place;

	narrow(o, fault);
	if (!fault_rule(fault->kind)->retry || set_is_empty(&o->eligible)) {
		plan_refuse(&o->plan, REASON_EXHAUSTED,
		    plan_reopens(&r->fleet, o, now));
		return;
	}
	/* going somewhere free is always allowed, and waiting for a model to
	 * load is no second try of anything: only other waits are rationed */
	plan_make(r, o, no_wait, now, &o->plan, &place);
	if (o->plan.kind == PLAN_WAIT && !failover_may_return(fault->kind) &&
	    !retry_budget_take(&r->budget, now))
		no_wait = REASON_RETRY_BUDGET;
	dispatch(r, o, no_wait, now);
}

void
router_retry(struct router *r, struct ticket t, const struct fault *fault,
    usec now, struct plan *plan)
{
	struct order *o = orders_find(&r->orders, t, IN(ORDER_AT_WORK));
	uint32_t site;

	if (o == NULL) {
		plan_refuse(plan, REASON_EXHAUSTED, 0);
		return;
	}
	site = order_serving(o)->backend->id;
	measure_silence(r, o, fault, now);
	health_note(r, o, fault, now);
	dispatch_end(r, o);
	if (o->twin != NULL) {
		rule_out(o->twin, o->at, fault->kind); /* nor may the other */
		plan_refuse(&o->plan, REASON_TWIN, 0);
	} else {
		plan_again(r, o, fault, now);
	}
	answer(r, o, now, plan);
	dispatch_waiting(r, site, now);
}

void
router_cancel(struct router *r, struct ticket t, usec now)
{
	struct order *o = orders_find(&r->orders, t,
	    IN(ORDER_WAITING) | IN(ORDER_READY) | IN(ORDER_AT_WORK));
	uint32_t site = SITE_NONE;

	if (o == NULL)
		return;
	if (o->state == ORDER_WAITING) {
		queue_remove(&r->queue, o);
	} else if (o->plan.kind == PLAN_GO) {
		site = order_serving(o)->backend->id;
		if (o->state == ORDER_AT_WORK)
			measure_left(r, o, now);
		hedge_give_up(r, o, now);
		breaker_leave(&order_cell(r, o)->site->breaker, o->stay.epoch);
		dispatch_end(r, o);
	} else {
		list_remove(&o->link);
	}
	forget(r, o);
	dispatch_waiting(r, site, now);
}

void
router_first_token(struct router *r, struct ticket t, usec now, usec ttft)
{
	struct order *o = orders_find(&r->orders, t, IN(ORDER_AT_WORK));

	if (o == NULL || o->first_token)
		return;
	note_heard(r, o, now);
	if (!o->probe) { /* ours tell at their end: what stalls is not back */
		measure_answered(r, o, now);
		measure_first_token(r, o, ttft);
	}
	health_first_token(r, o, now);
	hedge_answers(r, o, now);
	cell_prefilled(order_cell(r, o), &o->stay);
	o->first_token = true;
	o->lately.prefilled = order_cell(r, o)->site->prefilled;
	o->ttft = now - o->req->arrived;
	list_remove(&o->link);
}

void
router_progress(
    struct router *r, struct ticket t, usec now, unsigned tokens, usec span)
{
	struct order *o = orders_find(&r->orders, t, IN(ORDER_AT_WORK));

	(void)now;
	if (o != NULL && o->first_token && tokens > 0 && span > 0)
		measure_progress(r, o, tokens, (double)span);
}

static bool
in_time(
    const struct order *o, const struct route_result *res, usec now, double due)
{
	const struct slo *slo = &o->req->slo;
	usec ttft = o->first_token ? o->ttft : now - o->req->arrived;
	bool stream = o->req->facts->stream;

	if (due > 0 && now - o->req->arrived - res->stalled > due)
		return false;
	return !stream ||
	    ((slo->ttft <= 0 || ttft <= slo->ttft) &&
		(slo->itl <= 0 || res->itl <= slo->itl));
}

/* By when all of it is due; 0: no matter. */
static double
due_of_answer(const struct order *o, const struct route_result *res)
{
	const struct slo *slo = &o->req->slo;

	if (o->req->facts->stream)
		return (double)slo->total;
	return slo_whole(
	    slo, res->usage.output > 0 ? res->usage.output : o->output);
}

/* Teaches how sure to be, where it was sure. Of an answer that is due at no
 * time there is nothing to learn. */
static void
judge(struct router *r, const struct order *o, const struct route_result *res,
    usec now)
{
	const struct slo *slo = &o->req->slo;
	double due = due_of_answer(o, res);
	bool met = res->fault.kind == FAULT_NONE && in_time(o, res, now, due);

	if (!slo_has_targets(slo) || (!o->req->facts->stream && due <= 0))
		return;
	if (res->fault.kind == FAULT_NONE) {
		double *odds = &order_cell(r, o)->odds[o->priority];

		*odds = odds_after(*odds, o->plan.confidence, met);
	}
	if (slo->priority == PRIORITY_PREMIUM)
		r->courtesy = admit_courtesy_after(r->courtesy, slo, met);
	if (o->plan.reason == REASON_CHEAPEST_ADEQUATE)
		account_judged(
		    accounts_of(&r->accounts, o->req->tenant), slo, met);
}

void
router_finished(struct router *r, struct ticket t,
    const struct route_result *result, usec now)
{
	struct order *o = orders_find(&r->orders, t, IN(ORDER_AT_WORK));
	uint32_t site;

	if (o == NULL)
		return;
	site = order_serving(o)->backend->id;
	if (o->probe || !o->first_token) {
		if (result->fault.kind == FAULT_NONE)
			measure_answered(
			    r, o, o->probe ? o->sent + result->ttft : now);
		measure_first_token(r, o, result->ttft);
	}
	note_heard(r, o, now);
	measure_result(r, o, result);
	judge(r, o, result, now);
	measure_silence(r, o, &result->fault, now);
	health_note(r, o, &result->fault, now);
	if (result->said)
		health_said(r, o, now);
	dispatch_end(r, o);
	forget(r, o);
	dispatch_waiting(r, site, now);
}
