/* router/plan.c - what to do with a request now. */
#include <math.h>

#include "gateway/lib/hash.h"
#include "policies/hedge.h"
#include "policies/slo.h"
#include "router/choose.h"
#include "router/engine.h"
#include "router/trace.h"

#define QUEUE_RETRY USEC_SEC /* at least, when the queue is full */
#define QUEUE_RETRY_MAX (60 * USEC_SEC)
#define DRAIN_MARGIN 1.2
#define HEDGE_RANK 0.95
#define HUMBLE_FRESH (60 * USEC_SEC)
#define LOADING_RETRY (5 * USEC_SEC)
#define RETURN_SPREAD 8 /* parts of the time told: so far apart */

static struct cell *
cell_at(const struct fleet *f, const struct order *o, unsigned i)
{
	return fleet_cell(f, o->req->model->servings[i].id);
}

/* When to ask for it again. Not all at once: some a little later. */
static usec
comes_back(const struct order *o, const struct site *s, usec now)
{
	usec until = s->breaker.until, back = site_returns(s, now);
	uint64_t luck = hash_mix(o->author.by[AUTHOR_REQUEST], (uint64_t)now);

	back += (usec)(luck % (uint64_t)((back - now) / RETURN_SPREAD + 1));
	return back < until ? back : until;
}

static void
look(const struct fleet *f, const struct order *o, usec now, struct survey *s)
{
	*s = (struct survey){ .reopens = USEC_NEVER };
	SET_EACH (i, &o->eligible) {
		const struct cell *c = cell_at(f, o, i);
		enum standing st = STANDING_OUT;
		usec until = USEC_NEVER;

		if (c != NULL)
			st = cell_standing_for(c, &o->author, now, &until);
		if (st == STANDING_OUT && c != NULL &&
		    until == c->site->breaker.until)
			until = comes_back(o, c->site, now);
		if (st <= STANDING_LIMITED && until < s->reopens)
			s->reopens = until;
		set_add(&s->is[st], i);
		if (st == STANDING_FREE && !c->site->back &&
		    breaker_state(&c->site->breaker, now) != BREAKER_CLOSED)
			set_add(&s->trial, i);
	}
}

/* Premium is not for trying out what was broken a moment ago, as long as there
 * is other traffic to do so. */
static void
spare_premium(
    const struct router *r, const struct order *o, usec now, struct survey *s)
{
	struct set *free = &s->is[STANDING_FREE], *out = &s->is[STANDING_OUT];
	struct set sound = set_minus(free, &s->trial), trial;

	sound = set_minus(&sound, &o->fallbacks);
	if (o->priority != PRIORITY_PREMIUM || set_is_empty(&sound) ||
	    r->humble_at == 0 || now - r->humble_at > HUMBLE_FRESH)
		return;
	trial = set_and(free, &s->trial);
	*out = set_or(out, &trial);
	*free = set_minus(free, &trial);
}

usec
plan_reopens(const struct fleet *f, const struct order *o, usec now)
{
	struct order all = { .req = o->req, .eligible = o->wanted };
	struct survey s;

	look(f, &all, now, &s);
	return s.reopens < USEC_NEVER && s.reopens > now ? s.reopens - now : 0;
}

void
plan_refuse(struct plan *p, enum plan_reason reason, usec retry_after)
{
	*p = (struct plan){ .kind = PLAN_NO,
		.reason = reason,
		.ttft = -1,
		.itl = -1,
		.total = -1,
		.confidence = -1,
		.retry_after = retry_after,
		.hedge_after = HEDGE_NEVER };
}

static unsigned
list_cells(const struct fleet *f, const struct order *o, const struct set *set,
    const struct cell **list)
{
	unsigned n = 0;

	SET_EACH (i, set)
		list[n++] = cell_at(f, o, i);
	return n;
}

static unsigned
gather(const struct fleet *f, const struct order *o, const struct set *set,
    struct candidate *list)
{
	unsigned n = 0;

	SET_EACH (i, set) {
		list[n].at = i;
		list[n++].cell = cell_at(f, o, i);
	}
	return n;
}

/* --- going --- */

/* What a receipt should say: the most telling of what is true. */
static enum plan_reason
reason_of(const struct order *o, unsigned at, enum plan_reason chosen)
{
	if (o->req->pin != NULL)
		return REASON_PINNED;
	if (set_has(&o->fallbacks, at))
		return REASON_FALLBACK;
	if (chosen == REASON_BEST_EFFORT)
		return chosen;
	if (set_count(&o->wanted) == 1)
		return REASON_ONLY;
	return chosen;
}

/* The next best of the others, for a hedge: likely enough, and it fails for
 * other reasons. */
static const struct candidate *
another(const struct candidate *list, unsigned n, const struct candidate *first)
{
	const struct candidate *best = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct candidate *c = &list[i];

		if (c->cell->site == first->cell->site ||
		    c->verdict == VERDICT_RESERVED ||
		    c->verdict == VERDICT_AILING ||
		    c->verdict == VERDICT_CROWDED)
			continue;
		if (best == NULL || c->outlook.chance > best->outlook.chance)
			best = c;
	}
	return best;
}

/* Hardly ever later: the first token, or a long answer as a whole. */
static double
late_of(const struct candidate *c, const struct demand *d)
{
	const struct forecast *f = c->cell->forecast;
	double ttft =
	    spread_at(&f->ttft, HEDGE_RANK) * c->outlook.ttft / f->ttft_typical;

	if (d->stream)
		return ttft;
	return ttft +
	    spread_at(&f->itl, HEDGE_RANK) * c->outlook.itl / f->itl_typical *
	    fmax(d->output_high - 1, 0);
}

/* When there has to be something for the client, of a long answer that is not
 * streamed all of it; 0: no matter. */
static usec
target_of(const struct demand *d)
{
	double due = d->stream ? 0 : slo_whole(d->slo, d->output_high);

	return due > 0 ? (usec)due : d->slo->ttft;
}

static usec
hedge_after(const struct candidate *list, unsigned n,
    const struct candidate *first, const struct demand *d)
{
	usec target = target_of(d);
	const struct candidate *other;

	if (d->priority != PRIORITY_PREMIUM || target <= 0)
		return HEDGE_NEVER;
	other = another(list, n, first);
	if (other == NULL)
		return HEDGE_NEVER;
	return hedge_delay(late_of(first, d),
	    d->stream ? other->outlook.ttft : other->outlook.total,
	    (double)target - d->waited);
}

static void
take(const struct order *o, const struct candidate *c, const struct demand *d,
    double stake, enum plan_reason reason, usec now, struct plan *p,
    struct place *place)
{
	*place = (struct place){ .at = c->at,
		.cell = c->cell,
		.crowd = c->outlook.crowd,
		.stake = stake,
		.output = d->output,
		.output_high = d->output_high };
	if (predict_is_lost(c->outlook.chance))
		predict_loss(c->cell, d, now, &place->lost, &place->beaten);
	p->kind = PLAN_GO;
	if (breaker_state(&c->cell->site->breaker, now) != BREAKER_CLOSED)
		reason = REASON_EXPLORING;
	p->reason = reason_of(o, c->at, reason);
	p->serving = c->cell->id;
	p->ttft = (usec)c->outlook.ttft;
	p->itl = (usec)c->outlook.itl;
	p->total = (usec)c->outlook.total;
	p->confidence = c->outlook.chance;
}

static unsigned
first_in_file(const struct candidate *list, unsigned n)
{
	unsigned first = 0;

	for (unsigned i = 1; i < n; i++)
		if (list[i].at < list[first].at)
			first = i;
	return first;
}

static enum choice_kind
go(struct router *r, const struct order *o, const struct survey *s,
    const struct set *set, const struct demand *d, bool may_wait, usec now,
    struct plan *p, struct place *place)
{
	struct candidate list[CONF_SERVINGS_MAX];
	struct route_trace *t = o->req->trace;
	unsigned n = gather(&r->fleet, o, set, list), used;
	double stake;
	struct set soon = set_or(&s->is[STANDING_FREE], &s->is[STANDING_BUSY]);
	struct set hopeful = set_minus(&soon, &o->fallbacks);
	const struct cell *hopes[CONF_SERVINGS_MAX];
	struct quest q = { o->req, d, may_wait, hopes, 0, r->conf->explore };
	struct choice c;

	if (!set_is_empty(&hopeful))
		hopeful = set_or(&hopeful, set);
	q.n_hopes = list_cells(&r->fleet, o, &hopeful, hopes);
	c = choose(list, n, &q, now, &r->rng);
	used = c.index;
	if (t != NULL) {
		route_trace_candidates(o, list, n, d, now, t);
		t->reason = c.reason;
		if (c.kind == CHOICE_GO)
			t->engine = list[c.index].cell->id;
	}
	if (router_observes(r)) {
		used = first_in_file(list, n);
		if (c.kind != CHOICE_GO)
			c.reason = REASON_BEST_EFFORT;
	} else if (c.kind != CHOICE_GO) {
		return c.kind;
	}
	if (!router_observes(r) &&
	    (c.reason == REASON_CHEAPEST_ADEQUATE ||
		c.reason == REASON_BEST_EFFORT))
		weigh_displaced(list, n, &list[used], d);
	stake = weigh_stake(list, n, d);
	take(o, &list[used], d, stake, c.reason, now, p, place);
	p->lack = lack_of(r, o, d, &list[used], stake, now);
	/* a hedge would be the engine's as well; and its budget is in tokens,
	 * which what passes is not counted in */
	if (!router_observes(r) && !dialect_passes(o->req->facts->dialect))
		p->hedge_after = hedge_after(list, n, &list[used], d);
	if (t != NULL)
		t->row[list[used].at].verdict = VERDICT_CHOSEN;
	return CHOICE_GO;
}

usec
plan_drain(const struct router *r)
{
	double behind = r->queue.n / fmax(r->drain.per_us, 1e-9);

	return (usec)fmin(fmax(behind * DRAIN_MARGIN, (double)QUEUE_RETRY),
	    (double)QUEUE_RETRY_MAX);
}

static void
wait_or(struct router *r, enum plan_reason no_wait, struct plan *p)
{
	plan_refuse(p, no_wait, 0);
	if (no_wait == REASON_QUEUED)
		p->kind = PLAN_WAIT;
	else
		p->retry_after = plan_drain(r);
}

/* Among these servings, or else a wait for them. */
static void
go_or_wait(struct router *r, const struct order *o, const struct survey *s,
    const struct set *set, const struct demand *d, enum plan_reason no_wait,
    usec now, struct plan *p, struct place *place)
{
	switch (go(r, o, s, set, d, no_wait == REASON_QUEUED, now, p, place)) {
	case CHOICE_GO:
		break;
	case CHOICE_WAIT:
		wait_or(r, no_wait, p);
		break;
	case CHOICE_REFUSE:
		plan_refuse(p, REASON_SLO_UNATTAINABLE, plan_drain(r));
		break;
	}
}

/* Nobody to go to or wait for. */
static void
give_up(const struct fleet *f, const struct order *o, const struct survey *s,
    usec now, struct plan *p)
{
	enum plan_reason reason = REASON_DRAINED;

	if (!set_is_empty(&s->is[STANDING_OUT]))
		reason = REASON_UNAVAILABLE;
	else if (!set_is_empty(&s->is[STANDING_LIMITED]))
		reason = REASON_RATE_LIMITED;
	plan_refuse(p, reason, plan_reopens(f, o, now));
}

static void
be_late(const struct order *o, const struct survey *s, struct plan *p)
{
	if (set_equal(&s->is[STANDING_COLD], &o->eligible))
		plan_refuse(p, REASON_LOADING, LOADING_RETRY);
	else
		plan_refuse(p, REASON_DEADLINE, 0);
}

/* Fallbacks are among them where nobody hears from any of the others. */
static struct set
first_of(const struct fleet *f, const struct order *o, const struct survey *s)
{
	struct set first = set_minus(&s->is[STANDING_FREE], &o->fallbacks);

	SET_EACH (i, &first)
		if (!cell_is_silent(cell_at(f, o, i)))
			return first;
	return set_is_empty(&first) ? first : s->is[STANDING_FREE];
}

void
plan_make(struct router *r, const struct order *o, enum plan_reason no_wait,
    usec now, struct plan *p, struct place *place)
{
	const struct fleet *f = &r->fleet;
	struct set free, busy; /* before any fallback */
	struct demand d;
	struct survey s;

	look(f, o, now, &s);
	spare_premium(r, o, now, &s);
	if (o->priority != PRIORITY_PREMIUM)
		r->humble_at = now;
	demand_of(r, o, now, &d);
	free = first_of(f, o, &s);
	busy = set_minus(&s.is[STANDING_BUSY], &o->fallbacks);
	plan_refuse(p, no_wait, 0);
	if (o->req->trace != NULL)
		route_trace_begin(f, o, &s, now, o->req->trace);
	if (now >= o->req->deadline)
		be_late(o, &s, p);
	else if (!set_is_empty(&free))
		go_or_wait(r, o, &s, &free, &d, no_wait, now, p, place);
	else if (!set_is_empty(&busy) && no_wait == REASON_QUEUED)
		wait_or(r, no_wait, p);
	else if (!set_is_empty(&s.is[STANDING_FREE]))
		go_or_wait(
		    r, o, &s, &s.is[STANDING_FREE], &d, no_wait, now, p, place);
	else if (!set_is_empty(&s.is[STANDING_BUSY]) ||
	    !set_is_empty(&s.is[STANDING_COLD]))
		wait_or(r, no_wait, p);
	else
		give_up(f, o, &s, now, p);
	/* who waits on was told when it began to */
	if (p->kind == PLAN_NO ||
	    (p->kind == PLAN_WAIT && o->state != ORDER_WAITING))
		p->lack = lack_of(r, o, &d, NULL, 0, now);
}

bool
plan_holds(const struct fleet *f, const struct order *o, usec now)
{
	const struct cell *c = cell_at(f, o, o->at);
	usec until;

	/* BUSY may well be itself */
	return cell_standing(c, now, &until) >= STANDING_BUSY;
}
