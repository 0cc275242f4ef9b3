/* router/probe.c - questions of our own, where nobody else finds out.
 *
 * Premium never explores, and where there is nothing but premium nobody does:
 * an ailing serving would be left alone long after it is well, and a cheaper
 * one that nobody has tried would stay untried. So where requests with targets
 * come, the router has its servings asked something short:
 *
 *	ailing, or half open	each probe_every, unless somebody else was there
 *	not used and not heard	ten times as long, if it is cheaper than what is
 *	of for long		used; sixty, if it is dearer and only a refuge;
 *				twice as long each time that nothing came of it
 *
 * Without targets only what nobody hears from is asked, as often as what ails:
 * whoever finds out how that is waits in vain.
 *
 * What that costs is taken from a bucket that is filled at probe_budget. */
#include <math.h>
#include <string.h>

#include "policies/price.h"
#include "router/engine.h"

#define ANSWER_WITHIN (10 * USEC_SEC)
#define USED (30 * USEC_SEC) /* since a request with targets was sent there */
#define HOUR (3600.0 * USEC_SEC)
#define BUCKET 0.1 /* of an hour's budget; the rest of it is what flows in */
#define CHEAPER 10 /* times probe_every */
#define REFUGE 60
#define DOUBLINGS 6
#define IDLE 2 /* fewer at work than this */
#define ALLOWANCE_SPARED 0.5 /* of a rate limit: for requests */
#define TYPICAL_INPUT 1000.0 /* tokens, to compare prices */
#define TYPICAL_OUTPUT 256.0

static const struct facts question = { .dialect = DIALECT_CHAT,
	.needs = CAP_CHAT,
	.stream = true,
	.prompt_bytes = PROBE_INPUT * 4,
	.max_tokens = PROBE_OUTPUT };

static double
cost_of(const struct cell *c)
{
	return price_expected(&c->conf->price, PROBE_INPUT, PROBE_OUTPUT);
}

static void
refill(struct router *r, usec now)
{
	struct probe_purse *p = &r->purse;
	double most = BUCKET * r->conf->probe_budget;
	double rate = (1 - BUCKET) * r->conf->probe_budget / HOUR;

	p->usd = p->at == 0 ? most : p->usd + rate * (double)(now - p->at);
	p->usd = fmin(p->usd, most);
	p->at = now;
}

/* An unknown price is not paid, but where a request would find out for it. */
static bool
is_affordable(const struct router *r, const struct cell *c)
{
	double cost = cost_of(c);

	return cost >= 0 ? cost <= r->purse.usd : cell_is_mute(c);
}

static bool
is_used(const struct cell *c, usec now)
{
	return c->used_at > 0 && now - c->used_at < USED;
}

static double
typical_price(const struct cell *c)
{
	return price_rank(
	    price_expected(&c->conf->price, TYPICAL_INPUT, TYPICAL_OUTPUT));
}

/* The dearest of what serves requests with targets now; negative: none. */
static double
dearest_used(const struct router *r, const struct conf_model *m, usec now)
{
	double dearest = -1;

	for (size_t i = 0; i < m->n_servings; i++) {
		const struct cell *c = fleet_cell(&r->fleet, m->servings[i].id);

		if (c != NULL && is_used(c, now))
			dearest = fmax(dearest, typical_price(c));
	}
	return dearest;
}

/* Whether requests come, of whatever class: one was answered of late, or was
 * left in vain. */
static bool
is_asked_for(const struct router *r, const struct conf_model *m, usec now)
{
	for (size_t i = 0; i < m->n_servings; i++) {
		const struct cell *c = fleet_cell(&r->fleet, m->servings[i].id);

		if (c != NULL &&
		    ((c->answered_at > 0 && now - c->answered_at < USED) ||
			(c->vain.until > 0 && now - c->vain.until < USED)))
			return true;
	}
	return false;
}

static bool
may_be_asked(const struct router *r, const struct cell *c, usec now)
{
	const struct site *s = c->site;
	usec until;

	return cell_standing(c, now, &until) == STANDING_FREE &&
	    s->in_flight < IDLE && (c->conf->caps & CAP_CHAT) != 0 &&
	    !conf_is_pattern(c->conf->upstream) &&
	    cell_has_allowance(c, ALLOWANCE_SPARED, now) && is_affordable(r, c);
}

static bool
is_due(const struct router *r, const struct cell *c, double dearest, usec now)
{
	const struct site *s = c->site;
	usec pause = r->conf->probe_every;
	usec heard =
	    c->heard_at > s->explored_at ? c->heard_at : s->explored_at;

	if (cell_is_ailing(c) ||
	    breaker_state(&s->breaker, now) == BREAKER_HALF_OPEN)
		return now - s->explored_at >= pause;
	if (is_used(c, now))
		return false;
	pause *= typical_price(c) < dearest ? CHEAPER : REFUGE;
	return heard == 0 || now - heard >= pause << c->asked;
}

static struct cell *
find(struct router *r, const struct conf_model *m, usec now, unsigned *at)
{
	double dearest = dearest_used(r, m, now);

	if (dearest < 0 && !is_asked_for(r, m, now))
		return NULL;
	for (unsigned i = 0; i < m->n_servings; i++) {
		struct cell *c = fleet_cell(&r->fleet, m->servings[i].id);

		if (c != NULL && (dearest >= 0 || cell_is_mute(c)) &&
		    is_due(r, c, dearest, now) && may_be_asked(r, c, now)) {
			*at = i;
			return c;
		}
	}
	return NULL;
}

static void
plan_probe(const struct cell *c, const struct demand *d, usec now,
    struct plan *p, struct place *place)
{
	struct outlook o;

	predict(c, d, now, &o);
	*p = (struct plan){ .kind = PLAN_GO,
		.reason = REASON_EXPLORING,
		.serving = c->id,
		.ttft = (usec)o.ttft,
		.itl = (usec)o.itl,
		.total = (usec)o.total,
		.confidence = -1,
		.hedge_after = HEDGE_NEVER };
	place->crowd = o.crowd;
	place->output = place->output_high = PROBE_OUTPUT;
}

static bool
ask(struct router *r, struct cell *c, const struct place *where, usec now,
    struct route_request *req, struct ticket *t, struct plan *plan)
{
	const struct demand d = { .slo = &req->slo,
		.priority = PRIORITY_BATCH,
		.stream = true,
		.input = PROBE_INPUT,
		.output = PROBE_OUTPUT,
		.output_high = PROBE_OUTPUT,
		.output_most = PROBE_OUTPUT };
	struct order *o = orders_take(&r->orders, req);
	struct place place = *where;

	if (o == NULL)
		return false;
	o->author = author_of(req);
	set_add(&o->wanted, place.at);
	set_add(&o->eligible, place.at);
	o->probe = true;
	o->priority = PRIORITY_BATCH;
	o->due = req->deadline;
	plan_probe(c, &d, now, &o->plan, &place);
	dispatch_probe(r, o, &place, now);
	c->asked += c->asked < DOUBLINGS;
	r->purse.usd -= fmax(cost_of(c), 0);
	r->humble_at = now; /* premium need not try what has been broken */
	*t = o->ticket;
	*plan = o->plan;
	return true;
}

bool
router_probe(struct router *r, usec now, struct route_request *req,
    struct ticket *t, struct plan *plan)
{
	const struct conf *conf = r->conf;
	struct place where = { 0 };

	if (conf->probe_every == 0 || router_observes(r))
		return false;
	refill(r, now);
	for (size_t i = 0; i < conf->n_models; i++) {
		const struct conf_model *m = &conf->models[i];

		where.cell = find(r, m, now, &where.at);
		if (where.cell == NULL)
			continue;
		*req = (struct route_request){ .facts = &question,
			.model = m,
			.slo = { .name = "", .priority = PRIORITY_BATCH },
			.arrived = now,
			.deadline = now + ANSWER_WITHIN };
		return ask(r, where.cell, &where, now, req, t, plan);
	}
	return false;
}
