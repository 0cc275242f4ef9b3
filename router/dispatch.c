/* router/dispatch.c - taking places and leaving them.
 *
 * Invariant: an order that is AT_WORK, or READY with PLAN_GO, holds exactly one
 * place in its cell; no other order holds any. When a call returns, nobody
 * whose turn it was waits who could go, save those beyond its bounds. */
#include "router/engine.h"

#include <math.h>

#include "policies/fairness.h"
#include "policies/shortage.h"
#include "policies/slo.h"

/* What one call may do for those who wait. What it leaves undone, the next one
 * or the tick does. */
static const struct bounds {
	unsigned goes; /* requests that it lets go */
	struct round_bounds asks;
} in_a_call = { 16, { .servings = 64, .others = 1, .every = 4, .kinds = 8 } },
  in_a_tick = { 128,
	  { .servings = 128, .others = 2, .every = 1, .kinds = QUEUE_ROUND } };
#define DEMOTE_MAX 256
#define FEW 64 /* late ones: they show no want of capacity */
#define PACE_SPAN (5.0 * USEC_SEC) /* to measure it */
#define WAIT_SHARE 0.5 /* of the time left, by the pace of the queue */

/* When silence begins to tell: a whole answer shows nothing before its end. */
static usec
late_after(const struct order *o, const struct place *place)
{
	double tokens = o->req->facts->stream ? 0 : place->output_high;

	return (usec)(ORDER_LATE *
	    forecast_span(place->cell->forecast, &place->crowd, tokens));
}

/* Who cannot be in time asks nothing of those who come after it. */
static void
take_place(
    struct router *r, struct order *o, const struct place *place, usec now)
{
	const struct slo *slo = &o->req->slo;

	if (place->beaten && o->priority == PRIORITY_PREMIUM)
		shortage_lost(&r->premium);
	o->at = place->at;
	o->crowd = place->crowd;
	o->output = place->output;
	o->late_after = late_after(o, place);
	o->first_token = o->hushed = o->blames = false;
	o->told.tokens = o->told.span = 0;
	o->lately.itl = 0;
	o->lately.late = false;
	o->stay = (struct stay){ .ttft = place->lost ? 0 : slo->ttft,
		.itl = place->lost ? 0 : slo->itl,
		.priority = o->priority,
		.stake = place->stake,
		.tokens =
		    place->crowd.tokens - place->cell->site->prompt_tokens };
	cell_enter(place->cell, &o->stay, now);
	if (o->plan.reason == REASON_EXPLORING) {
		place->cell->site->explored_at = now;
		hush_explored(&place->cell->hush, &o->author, now);
	}
	cell_prefix_sent(place->cell, o->req->facts->prefix_hash, now);
}

/* Those whose place was promised come on top. */
static bool
is_full(const struct router *r, const struct order *o)
{
	return !o->promised &&
	    r->queue.n - r->queue.promised >= r->conf->queue_limit;
}

bool
dispatch_is_pressed(const struct router *r)
{
	const struct queue *q = &r->queue;

	return q->late >= FEW || q->last >= (r->conf->queue_limit + 1) / 2;
}

static bool
knows_pace(const struct router *r)
{
	return r->drain.pressed >= PACE_SPAN && r->drain.last_per_us > 0;
}

/* Whether it would wait most of its time away behind all the others of the
 * lowest priority: better told at once. */
static bool
is_hopeless(const struct router *r, const struct order *o, usec now)
{
	double left = (double)(o->req->deadline - now);

	if (o->promised || o->priority < PRIORITY_BATCH || !knows_pace(r))
		return false;
	/* then who takes little does not stand behind the others */
	if (!o->late && shortage_is(&r->shortage))
		return false;
	return r->queue.last / r->drain.last_per_us > WAIT_SHARE * left;
}

/* Who comes back may miss its SLO again and then wait with the last. */
static double
pace_of_return(const struct router *r)
{
	double pace = r->drain.per_us;

	if (knows_pace(r))
		pace = fmin(pace, r->drain.last_per_us);
	return shortage_is(&r->shortage) ? SHORTAGE_RETURN * pace : pace;
}

/* To come back later; whom it did without is still to be told. */
static void
turn_away(struct router *r, struct order *o, usec now)
{
	struct lack lack = o->plan.lack;

	plan_refuse(&o->plan, REASON_QUEUE_FULL,
	    promises_make(&r->promises, o,
		accounts_of(&r->accounts, o->req->tenant), pace_of_return(r),
		plan_drain(r), now));
	o->plan.lack = lack;
}

static usec
turn_of(const struct router *r, const struct order *o)
{
	if (o->late || !shortage_is(&r->shortage))
		return o->due;
	return shortage_turn(o->due, demand_work(r, o));
}

/* One that waits makes room: it goes wherever it can, or away. */
static void shed(struct router *, struct order *, usec now);

/* Room in the queue: for a higher priority somebody else's. */
static bool
join_queue(struct router *r, struct order *o, usec now)
{
	struct account *a = accounts_of(&r->accounts, o->req->tenant);
	struct order *victim;

	o->turn = turn_of(r, o);
	if (is_full(r, o)) {
		victim = queue_victim(&r->queue, o->priority);
		if (victim == NULL)
			return false;
		shed(r, victim, now);
	}
	if (!queue_add(&r->queue, o, a))
		return false;
	o->state = ORDER_WAITING;
	return true;
}

enum plan_kind
dispatch(struct router *r, struct order *o, enum plan_reason no_wait, usec now)
{
	struct place place;

	plan_make(r, o, no_wait, now, &o->plan, &place);
	if (o->plan.kind == PLAN_GO)
		take_place(r, o, &place, now);
	else if (o->plan.kind == PLAN_WAIT &&
	    (is_hopeless(r, o, now) || !join_queue(r, o, now)))
		turn_away(r, o, now);
	else if (o->plan.kind == PLAN_NO && o->plan.reason == REASON_QUEUE_FULL)
		turn_away(r, o, now);
	return o->plan.kind;
}

void
dispatch_begin(struct router *r, struct order *o, usec now)
{
	struct account *a = accounts_of(&r->accounts, o->req->tenant);

	if (!o->probe && dialect_reads_text(o->req->facts->dialect))
		a->served += r->service * fair_cost(o->stay.tokens, o->output);
	else if (!o->probe)
		a->served += r->service * demand_work(r, o);
	/* only chat can be tried out (probe.c) */
	if (slo_has_targets(&o->req->slo) &&
	    !dialect_passes(o->req->facts->dialect))
		order_cell(r, o)->used_at = now;
	o->state = ORDER_AT_WORK;
	o->sent = now;
	list_append(&r->silent, &o->link);
}

void
dispatch_probe(
    struct router *r, struct order *o, const struct place *place, usec now)
{
	take_place(r, o, place, now);
	dispatch_begin(r, o, now);
}

void
dispatch_end(struct router *r, struct order *o)
{
	cell_leave(order_cell(r, o), &o->stay);
	list_remove(&o->link);
}

static void
make_ready(struct router *r, struct order *o)
{
	o->state = ORDER_READY;
	list_append(&r->ready[o->req->worker], &o->link);
	r->owed |= UINT64_C(1) << o->req->worker;
}

static void
shed(struct router *r, struct order *o, usec now)
{
	queue_remove(&r->queue, o);
	dispatch(r, o, REASON_QUEUE_FULL, now);
	make_ready(r, o);
}

/* In a shortage those who wait for something better are not overtaken by
 * whoever has lost his SLO. */
static bool
is_out_of_place(const struct router *r, const struct order *o)
{
	return o->late && shortage_is(&r->shortage) &&
	    queue_waits_in_time(&r->queue, o->req->model);
}

/* Asks the next; false: there is nobody left to ask, and *gone is not set. */
static bool
ask(struct router *r, struct round *round, usec now, bool *gone)
{
	struct order *o = round_next(round);
	struct place place;
	struct plan plan;

	if (o == NULL)
		return false;
	*gone = !is_out_of_place(r, o);
	if (*gone) {
		plan_make(r, o, REASON_QUEUED, now, &plan, &place);
		*gone = plan.kind != PLAN_WAIT;
	}
	if (!*gone) {
		round_pass(round);
		return true;
	}
	queue_remove(&r->queue, o);
	o->plan = plan;
	if (plan.kind == PLAN_GO) {
		r->drain.left++;
		r->drain.last_left += o->priority == PRIORITY_BATCH;
		take_place(r, o, &place, now);
	}
	make_ready(r, o);
	return true;
}

void
dispatch_waiting(struct router *r, uint32_t site, usec now)
{
	const struct bounds *b = site == SITE_ANY ? &in_a_tick : &in_a_call;
	unsigned left = b->goes;
	bool gone = false;
	struct round round;

	round_begin(&round, &r->queue, site, &b->asks);
	while (left > 0 && ask(r, &round, now, &gone))
		left -= gone;
	round_end(&round);
}

/* Back into the queue, unless what is there is too long by now. */
static void
demote(struct router *r, struct order *o, usec now)
{
	struct account *a = accounts_of(&r->accounts, o->req->tenant);

	queue_remove(&r->queue, o);
	if (o->priority == PRIORITY_PREMIUM)
		shortage_lost(&r->premium);
	o->priority = PRIORITY_BATCH;
	o->late = true;
	o->due = o->turn = o->req->deadline;
	if (slo_has_targets(&o->req->slo))
		shortage_lost(&r->shortage);
	if (!is_hopeless(r, o, now) && queue_add(&r->queue, o, a))
		return;
	turn_away(r, o, now);
	make_ready(r, o);
}

void
dispatch_demote(struct router *r, usec now)
{
	unsigned left = DEMOTE_MAX;
	struct order *o;

	while (left-- > 0 && (o = queue_late(&r->queue, now)) != NULL)
		demote(r, o, now);
}

/* Its kind is by where it may go. */
static void
let_return(struct router *r, struct order *o, usec now)
{
	bool waits = o->state == ORDER_WAITING;

	if (waits)
		queue_remove(&r->queue, o);
	set_add(&o->eligible, o->drilled - 1u);
	o->drilled = 0;
	if (!waits ||
	    queue_add(&r->queue, o, accounts_of(&r->accounts, o->req->tenant)))
		return;
	turn_away(r, o, now);
	make_ready(r, o);
}

void
router_drill_over(struct router *r, usec now)
{
	struct orders *os = &r->orders;

	for (size_t i = 0; i < os->n_blocks * ORDERS_BLOCK; i++) {
		struct order *o =
		    &os->blocks[i / ORDERS_BLOCK][i % ORDERS_BLOCK];

		if (o->state != ORDER_UNUSED && o->drilled != 0)
			let_return(r, o, now);
	}
	dispatch_waiting(r, SITE_ANY, now);
}

enum plan_reason
dispatch_room(const struct router *r, const struct order *o, usec now)
{
	if (!set_is_empty(&o->fallbacks) && is_hopeless(r, o, now))
		return REASON_QUEUE_FULL;
	return !is_full(r, o) || queue_victim(&r->queue, o->priority) != NULL
	    ? REASON_QUEUED
	    : REASON_QUEUE_FULL;
}
