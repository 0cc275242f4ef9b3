/* router/choose.c - one of several servings that could take a request now.
 *
 * Sets are of candidates, by their indices. */
#include "router/choose.h"

#include <math.h>

#include "policies/admit.h"
#include "policies/price.h"
#include "policies/shortage.h"
#include "policies/slo.h"
#include "router/bound.h"
#include "router/set.h"

#define LATE_MOST 2.0 /* times as late as it has to be, for a lower price */
#define CHEAPER 0.7 /* of a price: worth waiting for, to batch */
#define NEARLY 0.15 /* short of the required chance: go rather than wait */

struct field {
	const struct candidate *list;
	unsigned n;
	struct set all;
	struct rng *rng;
};

/* --- drawing from a set --- */

/* Requests at work, as a share of slots where they are known. */
static bool
busier(const struct candidate *a, const struct candidate *b)
{
	const struct site *sa = a->cell->site, *sb = b->cell->site;
	uint64_t slots_a = site_slots(sa), slots_b = site_slots(sb);

	if (slots_a == 0 || slots_b == 0)
		slots_a = slots_b = 1;
	return sa->in_flight * slots_b > sb->in_flight * slots_a;
}

static unsigned
quieter_of_two(const struct field *f, const struct set *set)
{
	unsigned n = set_count(set);
	unsigned i, j;

	if (n == 1)
		return set_next(set, 0);
	i = rng_below(f->rng, n);
	j = rng_below(f->rng, n - 1);
	j += j >= i;
	i = set_nth(set, i);
	j = set_nth(set, j);
	return busier(&f->list[i], &f->list[j]) ? j : i;
}

static struct set
best_quality(const struct field *f, const struct set *set)
{
	double best = -INFINITY;
	struct set found = { 0 };

	SET_EACH (i, set) {
		double q = f->list[i].cell->conf->quality;

		if (q > best) {
			best = q;
			found = (struct set){ 0 };
		}
		if (q >= best)
			set_add(&found, i);
	}
	return found;
}

static struct set
ties_of(const struct set *set, const double *key, double tie)
{
	double least = INFINITY;
	struct set ties = { 0 };

	SET_EACH (i, set)
		least = lesser(least, key[i]);
	SET_EACH (i, set)
		if (key[i] <= least + fabs(least) * (tie - 1))
			set_add(&ties, i);
	return ties;
}

/* Of the set: those of the least `key`, then the best, then the quieter. */
static unsigned
least_of(
    const struct field *f, const struct set *set, const double *key, double tie)
{
	struct set ties = ties_of(set, key, tie);

	ties = best_quality(f, &ties);
	return quieter_of_two(f, &ties);
}

static unsigned
cheapest(const struct field *f, const struct set *set)
{
	double price[CONF_SERVINGS_MAX];

	for (unsigned i = 0; i < f->n; i++)
		price[i] = f->list[i].price;
	return least_of(f, set, price, CHOOSE_TIE);
}

static unsigned
least_score(const struct field *f, const struct set *set)
{
	double score[CONF_SERVINGS_MAX];

	for (unsigned i = 0; i < f->n; i++)
		score[i] = f->list[i].score;
	return least_of(f, set, score, CHOOSE_TIE);
}

static unsigned
fastest(const struct field *f, const struct set *set)
{
	double ttft[CONF_SERVINGS_MAX];

	for (unsigned i = 0; i < f->n; i++)
		ttft[i] = f->list[i].outlook.ttft;
	return least_of(f, set, ttft, CHOOSE_TIE);
}

static struct set
with_verdict(const struct field *f, unsigned verdicts)
{
	struct set set = { 0 };

	for (unsigned i = 0; i < f->n; i++)
		if ((verdicts & 1u << f->list[i].verdict) != 0)
			set_add(&set, i);
	return set;
}

/* --- the choices --- */

static double
best_chance(const struct field *f, const struct set *from)
{
	double best = 0;

	SET_EACH (i, from)
		best = greater(best, f->list[i].outlook.chance);
	return best;
}

/* The one that typically misses least; where nobody can ever be in time, a
 * price that is so many times as high is worth being so many times less late.
 * Of two alike the cheaper one is busier then, which makes it no worse. */
static unsigned
least_late(const struct field *f, const struct set *from,
    const struct demand *d, bool never)
{
	double miss[CONF_SERVINGS_MAX], worth[CONF_SERVINGS_MAX];
	struct set set = *from;

	for (unsigned i = 0; i < f->n; i++) {
		miss[i] = predict_excess(d, &f->list[i].outlook);
		/* an unknown price is infinite, and 0 of that no number */
		worth[i] = miss[i] > 0 ? f->list[i].price * miss[i] : 0;
	}
	if (never) {
		set = ties_of(&set, miss, LATE_MOST);
		set = ties_of(&set, worth, CHOOSE_TIE);
	}
	return least_of(f, &set, miss, CHOOSE_TIE);
}

/* The likeliest to meet the targets, by price among equals. */
static unsigned
likeliest(const struct field *f, const struct set *from, const struct demand *d,
    bool never)
{
	double best = best_chance(f, from);
	struct set set = { 0 };

	if (best <= CHOOSE_CHANCE_TIE)
		return least_late(f, from, d, never);
	SET_EACH (i, from)
		if (f->list[i].outlook.chance >= best - CHOOSE_CHANCE_TIE)
			set_add(&set, i);
	return cheapest(f, &set);
}

/* Cheaper than the choice and usually good enough: the one least known. */
static bool
stalest(const struct field *f, unsigned chosen, const struct demand *d,
    unsigned *out)
{
	float least = INFINITY;

	for (unsigned i = 0; i < f->n; i++) {
		const struct candidate *c = &f->list[i];

		if (c->verdict != VERDICT_UNLIKELY ||
		    c->price >= f->list[chosen].price ||
		    c->cell->forecast->ttft.n >= least ||
		    predict_excess(d, &c->outlook) > 1)
			continue;
		least = c->cell->forecast->ttft.n;
		*out = i;
	}
	return least < INFINITY;
}

static bool
is_patient(const struct quest *q)
{
	return q->may_wait &&
	    weigh_waited(q->demand) < admit_patience(q->demand->priority);
}

/* Whether batch still waits for a lower price. */
static bool
is_thrifty(const struct quest *q)
{
	const struct demand *d = q->demand;
	double patience = admit_patience(d->priority);

	if (d->shortage)
		patience *= SHORTAGE_PATIENCE;
	return d->priority == PRIORITY_BATCH && q->may_wait &&
	    weigh_waited(d) < patience;
}

/* Whether it would be adequate if nobody else were there. */
static bool
is_hope(const struct quest *q, const struct cell *c, usec now)
{
	double chance;

	if (weigh_is_ailing(c, q->demand, now))
		return false;
	chance = predict_idle(c, q->demand, now);
	return chance < 0 || chance >= q->demand->required;
}

static bool
is_hopeful(const struct quest *q, usec now)
{
	for (unsigned i = 0; i < q->n_hopes; i++)
		if (is_hope(q, q->hopes[i], now))
			return true;
	return false;
}

static bool
is_worth_waiting(const struct quest *q, double price, usec now)
{
	const struct demand *d = q->demand;

	for (unsigned i = 0; i < q->n_hopes; i++) {
		const struct cell *c = q->hopes[i];

		if (price_rank(price_of_request(&c->conf->price, d->input,
			d->output, &d->units)) < CHEAPER * price &&
		    is_hope(q, c, now))
			return true;
	}
	return false;
}

static struct choice
choose_adequate(const struct field *f, const struct set *adequate,
    const struct quest *q, usec now)
{
	struct choice c = { CHOICE_GO, least_score(f, adequate),
		REASON_CHEAPEST_ADEQUATE };

	if (is_thrifty(q) && is_worth_waiting(q, f->list[c.index].price, now))
		return (struct choice){ CHOICE_WAIT, 0, REASON_QUEUED };
	if (q->req->slo.priority == PRIORITY_STANDARD && f->n > 1 &&
	    rng_unit(f->rng) < q->explore &&
	    stalest(f, c.index, q->demand, &c.index))
		c.reason = REASON_EXPLORING;
	return c;
}

static struct choice
go_likeliest(const struct field *f, const struct set *set,
    const struct demand *d, bool never)
{
	return (struct choice){ CHOICE_GO, likeliest(f, set, d, never),
		REASON_BEST_EFFORT };
}

static struct set
nearly_adequate(const struct field *f, const struct demand *d)
{
	struct set set = { 0 };

	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].verdict == VERDICT_UNLIKELY &&
		    (f->list[i].outlook.chance >= d->required - NEARLY ||
			f->list[i].cell->site->in_flight < CHOOSE_IDLE))
			set_add(&set, i);
	return set;
}

/* Kept for those who may come; but nobody is there. */
static struct set
kept_empty(const struct field *f)
{
	struct set set = { 0 };

	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].verdict == VERDICT_CROWDED &&
		    f->list[i].cell->site->in_flight == 0)
			set_add(&set, i);
	return set;
}

/* In a shortage a place is not for one that will probably miss: somebody waits
 * who would not. Who has lost his SLO is asked after all others. */
static struct set
worth_a_start(const struct field *f, struct set set, const struct demand *d)
{
	struct set worth = set;

	SET_EACH (i, &set) {
		double chance = f->list[i].outlook.chance;

		if (d->shortage && !d->late && chance >= 0 &&
		    chance < SHORTAGE_CHANCE)
			set_drop(&worth, i);
	}
	return worth;
}

/* What is left where nothing is adequate, or nearly, and nothing is to be
 * waited for. */
static struct set
last_resorts(const struct field *f, const struct demand *d)
{
	struct set set =
	    worth_a_start(f, with_verdict(f, 1u << VERDICT_UNLIKELY), d);

	if (set_is_empty(&set))
		set = worth_a_start(f, kept_empty(f), d);
	if (set_is_empty(&set))
		set =
		    worth_a_start(f, with_verdict(f, 1u << VERDICT_AILING), d);
	return set;
}

/* Late from the beginning, wherever it goes and whoever else is there: then an
 * idle one is no better. */
static bool
is_out_of_reach(const struct field *f, const struct quest *q, usec now)
{
	const struct slo *slo = q->demand->slo;
	bool lost =
	    (slo->ttft > 0 || slo->total > 0) && weigh_waited(q->demand) >= 1;

	if (lost || best_chance(f, &f->all) > CHOOSE_CHANCE_TIE)
		return false;
	for (unsigned i = 0; i < q->n_hopes; i++)
		if (predict_idle(q->hopes[i], q->demand, now) >
		    CHOOSE_CHANCE_TIE)
			return false;
	return true;
}

/* Premium goes at once, however small its chance, but where it has next to none
 * while a wait may help: lower ones would take the places that it could have
 * had. Where it is too much for itself it goes nowhere else either. */
static struct choice
choose_premium(
    const struct field *f, const struct quest *q, bool never, usec now)
{
	const struct choice wait = { CHOICE_WAIT, 0, REASON_QUEUED };
	const struct demand *d = q->demand;
	double least = d->dire ? SHORTAGE_CHANCE : PREDICT_LOST;
	struct set set = f->all;

	if (q->may_wait && best_chance(f, &f->all) < least &&
	    weigh_waited(d) < 1 && is_hopeful(q, now))
		return wait;
	if (q->may_wait && d->dire)
		set = with_verdict(f, ~(1u << VERDICT_CROWDED));
	return set_is_empty(&set) ? wait : go_likeliest(f, &set, d, never);
}

static struct choice
choose_without(const struct field *f, const struct quest *q, usec now)
{
	const struct choice wait = { CHOICE_WAIT, 0, REASON_QUEUED };
	struct set set =
	    worth_a_start(f, nearly_adequate(f, q->demand), q->demand);
	bool never = is_out_of_reach(f, q, now);

	if (q->req->slo.on_miss == ON_MISS_REFUSE) {
		if (q->may_wait && is_hopeful(q, now))
			return wait;
		return (
		    struct choice){ CHOICE_REFUSE, 0, REASON_SLO_UNATTAINABLE };
	}
	if (q->demand->priority == PRIORITY_PREMIUM)
		return choose_premium(f, q, never, now);
	if (!set_is_empty(&set) && !never)
		return go_likeliest(f, &set, q->demand, never);
	if (is_patient(q) && is_hopeful(q, now))
		return wait;
	set = last_resorts(f, q->demand);
	if (!set_is_empty(&set))
		return go_likeliest(f, &set, q->demand, never);
	return wait; /* or, where the queue is full, away */
}

/* Whether there is anything else to use, now or soon. */
static bool
can_spare(const struct quest *q, usec now)
{
	for (unsigned i = 0; i < q->n_hopes; i++)
		if (!weigh_is_ailing(q->hopes[i], q->demand, now))
			return true;
	return false;
}

struct choice
choose(struct candidate *list, unsigned n, const struct quest *q, usec now,
    struct rng *rng)
{
	const struct field f = { list, n, set_below(n), rng };
	struct set set;
	unsigned out;

	weigh(list, n, q->demand, can_spare(q, now), now);
	if ((slo_has_targets(q->demand->slo) || q->req->prefer == PREFER_SLO) &&
	    choose_doubtful(list, n, q->demand, now, &out))
		return (struct choice){ CHOICE_GO, out, REASON_EXPLORING };
	if (q->req->prefer == PREFER_CHEAPEST)
		return (struct choice){ CHOICE_GO, cheapest(&f, &f.all),
			REASON_CHEAPEST };
	if (q->req->prefer == PREFER_FASTEST)
		return (struct choice){ CHOICE_GO, fastest(&f, &f.all),
			REASON_FASTEST };
	if (q->req->pin != NULL)
		return (struct choice){ CHOICE_GO, cheapest(&f, &f.all),
			REASON_PINNED };
	set = with_verdict(&f, 1u << VERDICT_DEARER);
	if (set_is_empty(&set))
		return choose_without(&f, q, now);
	if (!slo_has_targets(q->demand->slo))
		return (struct choice){ CHOICE_GO, least_score(&f, &set),
			REASON_CHEAPEST };
	return choose_adequate(&f, &set, q, now);
}
