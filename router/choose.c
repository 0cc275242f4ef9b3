/* router/choose.c - one of several servings that could take a request now.
 *
 * Sets of candidates are bit masks over their indices. */
#include "router/choose.h"

#include <math.h>

#include "policies/price.h"
#include "policies/slo.h"

#define CHANCE_TIE 0.02 /* chances closer than this are equal */
#define CAUTION 1.0 /* standard errors */
#define CAUTION_PREMIUM 1.64

struct field {
	const struct candidate *list;
	unsigned n;
	struct rng *rng;
};

void
demand_of(
    const struct route_request *req, double output, usec now, struct demand *d)
{
	const struct facts *facts = req->facts;
	const struct slo *slo = &req->slo;
	bool premium = slo->priority == PRIORITY_PREMIUM;

	*d = (struct demand){ .slo = slo,
		.stream = facts->stream,
		.only_total = slo->priority == PRIORITY_BATCH,
		.input = tokens_of_bytes(facts->prompt_bytes),
		.output = output,
		.waited = (double)(now - req->arrived),
		.rank = slo->percentile / 100,
		.z = premium ? CAUTION_PREMIUM : CAUTION };
	if (facts->max_tokens > 0)
		d->output = fmin(d->output, facts->max_tokens);
	if (facts->dialect == DIALECT_EMBEDDINGS)
		d->output = 0;
	if (!slo_has_targets(slo) || req->prefer == PREFER_FASTEST) {
		d->rank = 0.5;
		d->z = 0;
	}
}

/* --- drawing from a set --- */

static unsigned
nth(uint64_t set, unsigned n)
{
	while (n-- > 0)
		set &= set - 1;
	return (unsigned)__builtin_ctzll(set);
}

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
quieter_of_two(const struct field *f, uint64_t set)
{
	unsigned n = (unsigned)__builtin_popcountll(set);
	unsigned i, j;

	if (n == 1)
		return nth(set, 0);
	i = rng_below(f->rng, n);
	j = rng_below(f->rng, n - 1);
	j += j >= i;
	i = nth(set, i);
	j = nth(set, j);
	return busier(&f->list[i], &f->list[j]) ? j : i;
}

static uint64_t
best_quality(const struct field *f, uint64_t set)
{
	double best = -INFINITY;
	uint64_t found = 0;

	for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
		unsigned i = nth(rest, 0);
		double q = f->list[i].cell->conf->quality;

		if (q > best) {
			best = q;
			found = 0;
		}
		if (q >= best)
			found |= UINT64_C(1) << i;
	}
	return found;
}

static unsigned
cheapest(const struct field *f, uint64_t set)
{
	double least = INFINITY;
	uint64_t ties = 0;

	for (uint64_t rest = set; rest != 0; rest &= rest - 1)
		least = fmin(least, f->list[nth(rest, 0)].price);
	for (uint64_t rest = set; rest != 0; rest &= rest - 1)
		if (f->list[nth(rest, 0)].price <= least * CHOOSE_TIE)
			ties |= rest & -rest;
	return quieter_of_two(f, best_quality(f, ties));
}

/* --- what makes a set --- */

static uint64_t
where(const struct field *f,
    bool (*holds)(const struct candidate *, const void *), const void *arg)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < f->n; i++)
		if (holds(&f->list[i], arg))
			set |= UINT64_C(1) << i;
	return set;
}

static bool
is_adequate(const struct candidate *c, const void *arg)
{
	(void)arg;
	return c->outlook.violation <= 1 &&
	    (c->outlook.known || c->cell->in_flight < EXPLORE_AT_ONCE);
}

static bool
is_unknown(const struct candidate *c, const void *arg)
{
	(void)arg;
	return c->outlook.violation <= 1 && !c->outlook.known;
}

static bool
misses_little(const struct candidate *c, const void *violation)
{
	return c->outlook.violation <= *(const double *)violation * CHOOSE_TIE;
}

static bool
is_fast(const struct candidate *c, const void *ttft)
{
	return c->outlook.ttft >= 0 &&
	    c->outlook.ttft <= *(const double *)ttft * CHOOSE_TIE;
}

static uint64_t
all(const struct field *f)
{
	return f->n > 0 ? ~UINT64_C(0) >> (64 - f->n) : 0;
}

/* --- the choices --- */

static struct choice
choose_fastest(const struct field *f)
{
	double least = INFINITY;
	uint64_t set;

	for (unsigned i = 0; i < f->n; i++)
		if (f->list[i].outlook.ttft >= 0)
			least = fmin(least, f->list[i].outlook.ttft);
	set = where(f, is_fast, &least);
	return (struct choice){
		set != 0 ? cheapest(f, set) : quieter_of_two(f, all(f)),
		REASON_FASTEST,
	};
}

/* The likeliest to meet the targets, by price among equals; where none has a
 * chance worth the name, the one whose cautious forecast misses least. A
 * cautious forecast alone would let two slow answers in a hundred turn all
 * traffic to a backend that is slow every time. */
static struct choice
choose_best_effort(const struct field *f, const struct demand *d, usec now)
{
	double share[CONF_SERVINGS_MAX], best = 0, least = INFINITY;
	uint64_t set = 0;

	for (unsigned i = 0; i < f->n; i++) {
		share[i] = predict_confidence(f->list[i].cell, d, now);
		best = fmax(best, share[i]);
	}
	for (unsigned i = 0; i < f->n; i++)
		if (share[i] >= best - CHANCE_TIE)
			set |= UINT64_C(1) << i;
	if (best > CHANCE_TIE)
		return (struct choice){ cheapest(f, set), REASON_BEST_EFFORT };
	for (unsigned i = 0; i < f->n; i++)
		least = fmin(least, f->list[i].outlook.violation);
	return (struct choice){
		cheapest(f, where(f, misses_little, &least)),
		REASON_BEST_EFFORT,
	};
}

/* Cheaper than the choice and usually good enough: the one least known. */
static bool
stalest(const struct field *f, const struct demand *d, unsigned chosen,
    usec now, unsigned *out)
{
	struct demand typical = *d;
	double least = INFINITY;

	typical.rank = 0.5;
	typical.z = 0;
	for (unsigned i = 0; i < f->n; i++) {
		const struct candidate *c = &f->list[i];
		struct outlook o;

		if (c->price >= f->list[chosen].price || !c->outlook.known)
			continue;
		predict(c->cell, &typical, now, &o);
		if (o.violation > 1 ||
		    (double)c->cell->forecast.ttft.n >= least)
			continue;
		least = (double)c->cell->forecast.ttft.n;
		*out = i;
	}
	return least < INFINITY;
}

static struct choice
choose_adequate(const struct field *f, uint64_t adequate,
    const struct route_request *req, const struct demand *d, usec now)
{
	struct choice c = { cheapest(f, adequate), REASON_CHEAPEST_ADEQUATE };

	if (!f->list[c.index].outlook.known)
		c.reason = REASON_EXPLORING;
	else if (req->slo.priority == PRIORITY_STANDARD && f->n > 1 &&
	    rng_unit(f->rng) < EXPLORE_SHARE &&
	    stalest(f, d, c.index, now, &c.index))
		c.reason = REASON_EXPLORING;
	return c;
}

bool
choose(struct candidate *list, unsigned n, const struct route_request *req,
    const struct demand *d, usec now, struct rng *rng, struct choice *out)
{
	const struct field f = { list, n, rng };
	bool by_price = req->prefer == PREFER_CHEAPEST ||
	    (req->prefer == PREFER_SLO && !slo_has_targets(d->slo));
	uint64_t set;

	for (unsigned i = 0; i < n; i++) {
		const struct cell *c = list[i].cell;

		list[i].price = price_rank(price_expected(
		    &c->conf->backend->price, d->input, d->output));
		if (!by_price)
			predict(c, d, now, &list[i].outlook);
	}
	if (by_price) {
		*out =
		    (struct choice){ cheapest(&f, all(&f)), REASON_CHEAPEST };
		return true;
	}
	if (req->prefer == PREFER_FASTEST) {
		*out = choose_fastest(&f);
		return true;
	}
	set = where(&f, is_adequate, NULL);
	if (set != 0) {
		*out = choose_adequate(&f, set, req, d, now);
		return true;
	}
	set = where(&f, is_unknown, NULL);
	if (set != 0) {
		*out = (struct choice){ req->slo.priority == PRIORITY_BATCH
			    ? cheapest(&f, set)
			    : quieter_of_two(&f, set),
			REASON_EXPLORING };
		return true;
	}
	if (req->slo.on_miss == ON_MISS_REFUSE)
		return false;
	*out = choose_best_effort(&f, d, now);
	return true;
}
