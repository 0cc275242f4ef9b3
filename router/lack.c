/* router/lack.c - whom a plan has to do without.
 *
 * Where nothing that can be used is good enough, what was chosen stands in for
 * something better. Who asks why it was late is told of that one, as it was
 * when the plan was made. Invariant: this only tells; nothing is decided by
 * it. */
#include "policies/price.h"
#include "policies/slo.h"
#include "router/choose.h"
#include "router/engine.h"

/* What one that cannot be used would do for the request, were it well. */
struct absent {
	unsigned at; /* in the model's servings */
	struct plight plight;
	double chance, price;
};

/* What is full is in use, and what is off or gone from the file was never to be
 * counted on. */
static bool
is_absent(const struct plight *p)
{
	switch ((enum cause)p->cause) {
	case CAUSE_NONE:
	case CAUSE_SLOTS:
	case CAUSE_OFF:
	case CAUSE_REMOVED:
		return false;
	default:
		return true;
	}
}

/* One failure for this request alone is no plight. */
static struct plight
plight_of(const struct cell *c, const struct order *o, unsigned at, usec now)
{
	struct plight p;

	cell_plight(c, now, &p);
	if (p.cause == CAUSE_NONE && !set_has(&o->eligible, at) &&
	    o->failed.backend == c->site->id) {
		p.cause = CAUSE_FAILING;
		p.fault = (uint8_t)o->failed.kind;
	}
	return p;
}

static struct absent
absent_of(const struct router *r, const struct order *o, const struct demand *d,
    unsigned at, usec now)
{
	const struct conf_serving *s = &o->req->model->servings[at];
	const struct cell *c = fleet_cell(&r->fleet, s->id);
	struct absent a = { .at = at };

	if (c == NULL)
		return a;
	a.plight = plight_of(c, o, at, now);
	if (!is_absent(&a.plight))
		return a;
	a.chance = predict_well(c, d, now);
	a.price = price_rank(
	    price_of_request(&s->price, d->input, d->output, &d->units));
	return a;
}

/* Whether it would have been chosen instead, if only for being in time. */
static bool
would_do_better(const struct router *r, const struct order *o,
    const struct demand *d, const struct absent *a, const struct candidate *to,
    double stake)
{
	if (set_has(&o->fallbacks, a->at) && !set_has(&o->fallbacks, to->at))
		return false;
	if (a->chance < d->required || a->chance <= to->outlook.chance)
		return false;
	if (router_observes(r))
		return a->at < to->at;
	return to->outlook.chance < d->required ||
	    a->price + stake * (1 - a->chance) < to->score;
}

static bool
is_better(const struct absent *a, const struct absent *b)
{
	double more = a->chance - b->chance;

	return more > CHOOSE_CHANCE_TIE ||
	    (more >= -CHOOSE_CHANCE_TIE && a->price < b->price);
}

/* Whether it will do, as far as anybody can tell. */
static bool
is_good_enough(
    const struct order *o, const struct demand *d, const struct candidate *to)
{
	return o->req->prefer != PREFER_SLO || !slo_has_targets(d->slo) ||
	    to->outlook.chance >= d->slo->percentile / 100;
}

struct lack
lack_of(const struct router *r, const struct order *o, const struct demand *d,
    const struct candidate *to, double stake, usec now)
{
	struct absent best = { .at = 0 }, a;

	if (to != NULL && is_good_enough(o, d, to))
		return (struct lack){ 0 };
	SET_EACH (i, &o->wanted) {
		if (to != NULL && to->at == i)
			continue;
		a = absent_of(r, o, d, i, now);
		if (!is_absent(&a.plight) ||
		    (to != NULL && !would_do_better(r, o, d, &a, to, stake)))
			continue;
		if (!is_absent(&best.plight) || is_better(&a, &best))
			best = a;
	}
	return (struct lack){ .at = (uint8_t)best.at,
		.cause = best.plight.cause,
		.fault = best.plight.fault };
}
