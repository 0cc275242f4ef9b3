/* router/weigh.c - what speaks for each of several servings, and against it. */
#include "router/weigh.h"

#include <math.h>

#include "policies/admit.h"
#include "policies/price.h"
#include "policies/shortage.h"
#include "policies/slo.h"
#include "router/bound.h"

#define FULLNESS 0.3 /* what a full backend adds to its price */
#define RESERVE_WANTED 0.9 /* of a burst, while premium is in need */
#define HOPELESS 0.1 /* of its price: worth to one that will miss */
#define NEARLY_SURE 0.05 /* below the percentile */
#define AT_EASE 0.5 /* of slots and of a rate limit: plenty is left */
#define SELDOM 0.2 /* of the premium that is where most of it is */

static double
occupancy(const struct site *s, usec now)
{
	double slots = site_slots_warming(s, now);

	return slots > 0 ? s->in_flight / slots : 0;
}

/* Who is lost in a shortage leaves those alone who are not, and whose target is
 * as tight. */
static bool
yields(const struct candidate *c, const struct demand *d)
{
	bool shortage = d->priority == PRIORITY_PREMIUM ? d->dire : d->shortage;

	return shortage && predict_is_lost(c->outlook.chance);
}

/* Whether the room there is for somebody else: there, or to come. */
static bool
spoils(const struct candidate *c, const struct demand *d, usec now)
{
	const struct site *s = c->cell->site;
	usec tightest = site_tightest(s, NULL);
	bool as_tight =
	    tightest > 0 && (d->slo->itl <= 0 || tightest <= d->slo->itl);

	return s->in_flight > 0 && (as_tight || site_is_wanted(s, now)) &&
	    !predict_room(c->cell, d, &c->outlook, now);
}

/* Whether somebody of a higher priority is there, or may come. */
static bool
is_shared(const struct site *s, const struct demand *d, usec now)
{
	usec tightest;

	if (d->priority == PRIORITY_PREMIUM)
		return false;
	tightest = site_tightest(s, NULL);
	return (tightest > 0 && (d->slo->itl <= 0 || tightest < d->slo->itl)) ||
	    site_is_wanted(s, now);
}

double
weigh_waited(const struct demand *d)
{
	const struct slo *slo = d->slo;
	usec target = slo->ttft > 0 ? slo->ttft : slo->total;

	return target > 0 ? d->waited / (double)target : 1;
}

/* How likely a tighter target has to remain met. */
static double
asked_of(const struct candidate *c, const struct demand *d, usec now)
{
	bool due = admit_is_due(weigh_waited(d)) &&
	    c->outlook.chance >= greater(d->required, 0);

	return site_is_wanted(c->cell->site, now) && !due
	    ? d->courtesy
	    : admit_courtesy(d->priority);
}

/* A call is a call, so that in a shortage they are for who takes much. What is
 * full refills no more: then for whoever is due, too. */
static bool
is_worth_a_call(const struct cell *c, const struct demand *d, usec now)
{
	return d->much || d->late || c->allowance.at == 0 ||
	    (cell_allowance(c, now) >= 1 && admit_is_due(weigh_waited(d)));
}

/* Whether it may have one of its calls. */
static bool
may_call(const struct cell *c, const struct demand *d, usec now)
{
	double reserve = admit_reserve(d->priority);

	if (c->allowance.far)
		return cell_has_allowance(c, 0, now);
	if (d->late && cell_allowance(c, now) < 1)
		return false;
	if (d->shortage && d->priority != PRIORITY_PREMIUM)
		return is_worth_a_call(c, d, now) &&
		    cell_has_allowance(c, SHORTAGE_RESERVE, now);
	if (d->priority != PRIORITY_PREMIUM && site_is_wanted(c->site, now))
		reserve = greater(reserve, RESERVE_WANTED);
	return cell_has_allowance(c, reserve, now);
}

/* Whether the room there is for those of higher priority. */
static bool
keeps_out(const struct candidate *c, const struct demand *d, usec now)
{
	const struct site *s = c->cell->site;
	bool shared = is_shared(s, d, now);

	if (yields(c, d) && spoils(c, d, now))
		return true;
	if (d->shortage)
		return shared && s->in_flight > 0 &&
		    !predict_room(c->cell, d, &c->outlook, now);
	return c->full >= admit_ceiling(d->priority, shared) ||
	    (shared && s->in_flight > 0 &&
		predict_courtesy(c->cell, d, &c->outlook, now) <
		    asked_of(c, d, now));
}

static enum verdict
judge(const struct candidate *c, const struct demand *d, bool spare, usec now)
{
	if (spare && weigh_is_ailing(c->cell, d, now))
		return VERDICT_AILING;
	if (!may_call(c->cell, d, now))
		return VERDICT_RESERVED;
	if (keeps_out(c, d, now))
		return VERDICT_CROWDED;
	if (c->outlook.chance >= 0 && c->outlook.chance < d->required)
		return VERDICT_UNLIKELY;
	return VERDICT_DEARER;
}

static void
weigh_one(struct candidate *c, const struct demand *d, bool spare, usec now)
{
	c->full = occupancy(c->cell->site, now);
	c->price = price_rank(price_of_request(
	    &c->cell->conf->price, d->input, d->output, &d->units));
	predict(c->cell, d, now, &c->outlook);
	c->verdict = judge(c, d, spare, now);
}

/* What worth is reckoned in; where nothing has a price, anything does. */
static double
dearest(const struct candidate *list, unsigned n)
{
	double most = 0;

	for (unsigned i = 0; i < n; i++)
		if (list[i].price < INFINITY)
			most = greater(most, list[i].price);
	return most > 0 ? most : 1;
}

double
weigh_stake(const struct candidate *list, unsigned n, const struct demand *d)
{
	return slo_has_targets(d->slo) ? d->penalty * dearest(list, n) : 0;
}

static bool
is_any_priced(const struct candidate *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].price < INFINITY)
			return true;
	return false;
}

/* Whether it would harm the higher ones there more than it is worth: its price
 * or its own miss, whatever is more; little where it misses anyway. */
static bool
is_too_harmful(const struct candidate *c, const struct demand *d, double stake,
    double price, double dearest_price)
{
	/* an answer is worth something where it costs nothing, too */
	if (price <= 0)
		price = dearest_price;

	if (c->verdict == VERDICT_UNLIKELY)
		return c->toll > HOPELESS * price;
	return c->verdict == VERDICT_DEARER &&
	    c->toll > greater(price, admit_toll(stake, d->penalty));
}

/* What it takes from others there: premium calls from those who need them more,
 * and the place from those who then pay more elsewhere. */
static double
taken(const struct candidate *c, const struct demand *d, double stake,
    double dearest_price, usec now)
{
	double sum;

	if (d->priority != PRIORITY_PREMIUM)
		return c->toll;
	sum = stake * admit_call(cell_allowance(c->cell, now));
	if (!d->shortage && d->slo->itl > 0)
		sum += stake_displaced(&c->cell->site->stakes[d->priority]);
	if (d->shortage && !d->much && c->cell->allowance.at > 0)
		sum += SHORTAGE_CALL * dearest_price;
	return sum;
}

/* Its price, its own probable miss, and those that it would cause. Where nobody
 * knows a price all cost the same. */
static void
score(struct candidate *list, unsigned n, const struct demand *d, usec now)
{
	double most = dearest(list, n);
	double stake = weigh_stake(list, n, d);
	bool priced = is_any_priced(list, n);

	for (unsigned i = 0; i < n; i++) {
		struct candidate *c = &list[i];
		double price = priced ? c->price : most;

		c->score = price * (1 + FULLNESS * c->full * c->full);
		if (stake > 0)
			c->score += stake * (1 - c->outlook.chance);
		c->toll = predict_toll(c->cell, d, &c->outlook, now);
		c->score += taken(c, d, stake, most, now);
		if (c->toll > 0 && !d->shortage &&
		    is_too_harmful(c, d, stake, price, most))
			c->verdict = VERDICT_CROWDED;
	}
}

/* Whether it would do, were it not for premium that is at work there, and for
 * nobody else whose ITL target is tighter. */
static bool
is_taken(const struct candidate *c, const struct demand *d)
{
	const struct stake *s = c->cell->site->stakes;
	const struct stake *peers = &s[PRIORITY_STANDARD];

	if (peers->at_work > 0 &&
	    (d->slo->itl <= 0 || peers->itl < d->slo->itl))
		return false;
	return s[PRIORITY_PREMIUM].at_work > 0 && c->full < 1 &&
	    c->outlook.chance >= d->required &&
	    (c->verdict == VERDICT_CROWDED || c->verdict == VERDICT_DEARER);
}

void
weigh_displaced(const struct candidate *list, unsigned n,
    const struct candidate *to, const struct demand *d)
{
	const struct candidate *best = NULL;
	double least = to->score;

	if (d->priority == PRIORITY_PREMIUM || d->shortage ||
	    to->score >= INFINITY)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct candidate *c = &list[i];
		double score = c->score - c->toll;

		if (c->price < to->price && score < least && is_taken(c, d)) {
			least = score;
			best = c;
		}
	}
	if (best != NULL)
		stake_displace(&best->cell->site->stakes[PRIORITY_PREMIUM],
		    to->score - least);
}

/* Whether premium has somewhere to go that nobody can take from it. */
static bool
is_at_ease(
    const struct candidate *list, unsigned n, const struct demand *d, usec now)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i].outlook.chance >= d->slo->percentile / 100 &&
		    cell_has_allowance(list[i].cell, AT_EASE, now) &&
		    list[i].full < AT_EASE)
			return true;
	}
	return false;
}

/* What misses of premium at work there would cost. */
static double
premium_at(const struct candidate *c)
{
	return c->cell->site->stakes[PRIORITY_PREMIUM].usual;
}

/* Where most of it is; NULL: nowhere. */
static const struct candidate *
home_of_premium(const struct candidate *list, unsigned n)
{
	const struct candidate *home = NULL;
	double most = 0;

	for (unsigned i = 0; i < n; i++)
		if (premium_at(&list[i]) > most) {
			most = premium_at(&list[i]);
			home = &list[i];
		}
	return home;
}

/* Whether premium, which is there as good as never, has another for as much:
 * of pools that are alike it does not need all. */
static bool
can_do_without(const struct candidate *c, const struct candidate *home)
{
	return home != NULL && premium_at(c) < SELDOM * premium_at(home) &&
	    c->price >= home->price && c->price <= home->price;
}

/* Keeps room for premium where it is served, or would be if nobody else were
 * there; as long as it has nowhere else to go. */
static void
want(struct candidate *list, unsigned n, const struct demand *d, usec now)
{
	double good = d->slo->percentile / 100 - NEARLY_SURE;
	const struct candidate *home;

	if (is_at_ease(list, n, d, now))
		return;
	home = home_of_premium(list, n);
	for (unsigned i = 0; i < n; i++)
		if (!can_do_without(&list[i], home) &&
		    (list[i].outlook.chance >= good ||
			predict_idle(list[i].cell, d, now) >= good))
			site_want(list[i].cell->site, d->slo, d->input, now);
}

void
weigh(struct candidate *list, unsigned n, const struct demand *d, bool spare,
    usec now)
{
	for (unsigned i = 0; i < n; i++)
		weigh_one(&list[i], d, spare, now);
	score(list, n, d, now);
	if (d->priority == PRIORITY_PREMIUM)
		want(list, n, d, now);
}
