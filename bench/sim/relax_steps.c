/* bench/sim/relax_steps.c - the search for good multipliers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/relax.h"

/* Steps begin at this share of a multiplier's natural size. */
#define STEP 0.5

/* A multiplier's natural size, and the squares of its slopes so far. */
struct pace {
	double size, squares;
};

static void
step(double *x, struct pace *s, double slope, double width)
{
	s->squares += slope * slope;
	if (s->squares > 0)
		*x -= width * s->size * slope / sqrt(s->squares);
	if (*x < 0)
		*x = 0;
}

/* The value of a class is its weight and its floor's multiplier. */
static void
step_floor(
    double *value, struct pace *s, double weight, double slope, double width)
{
	double extra = *value - weight;

	step(&extra, s, slope, width);
	*value = weight + extra;
}

/* A resource's price is naturally a request's value over its mean use. */
static struct pace *
paces(const struct relax *p, double value)
{
	struct pace *s = calloc(p->n_resources + 1, sizeof(*s));
	double *sum = calloc(p->n_resources + 1, sizeof(*sum));

	for (size_t u = 0; s != NULL && sum != NULL && u < p->n_uses; u++) {
		sum[p->use[u].resource] += (double)p->use[u].amount;
		s[p->use[u].resource].size++;
	}
	for (size_t j = 0; s != NULL && sum != NULL && j < p->n_resources; j++)
		s[j].size = sum[j] > 0 ? value * s[j].size / sum[j] : 0;
	if (sum == NULL) {
		free(s);
		s = NULL;
	}
	free(sum);
	return s;
}

static double
mean_cost(const struct relax *p)
{
	double sum = 0;

	for (size_t c = 0; c < p->n_choices; c++)
		sum += (double)p->choice[c].cost;
	return sum > 0 ? sum / (double)p->n_choices : 1;
}

/* What all capacity is worth at its prices. */
static double
rent(const struct relax *p, const struct relax_dual *d)
{
	double sum = 0;

	for (size_t j = 0; j < p->n_resources; j++)
		sum += d->price[j] * p->capacity[j];
	return sum;
}

static void
step_prices(
    const struct relax *p, struct relax_dual *d, struct pace *s, double width)
{
	for (size_t j = 0; j < p->n_resources; j++)
		step(&d->price[j], &s[j], p->capacity[j] - d->used[j], width);
}

static double
width_at(unsigned round, unsigned rounds)
{
	return STEP * (1 - 0.9 * (double)round / (double)rounds);
}

/* The dual of relax_most at d, which is evaluated. */
static double
most_at(const struct relax *p, const struct relax_dual *d,
    const double weight[RELAX_CLASSES], const struct relax_terms *t)
{
	double bound = d->gain + rent(p, d);

	if (t->budget < INFINITY)
		bound += d->money * t->budget;
	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		bound -= (d->value[k] - weight[k]) * t->floor[k];
	return bound;
}

/* No choice can weigh less than its floors do. */
static double
unless_impossible(double best, const double weight[RELAX_CLASSES],
    const struct relax_terms *t)
{
	double least = 0;

	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		least += weight[k] * t->floor[k];
	return best < least ? -INFINITY : best;
}

/* size: how far the value of a class that has a floor may have to rise. */
static double
most_by_steps(const struct relax *p, const double weight[RELAX_CLASSES],
    const struct relax_terms *t, unsigned rounds, double size)
{
	struct pace *s = paces(p, 1), money = { .size = 1 / mean_cost(p) };
	struct pace extra[RELAX_CLASSES];
	struct relax_dual d;
	double best = INFINITY;

	if (s == NULL || relax_dual_init(&d, p) != OK) {
		free(s);
		return NAN;
	}
	memcpy(d.value, weight, sizeof(d.value));
	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		extra[k] = (struct pace){ .size = size };
	for (unsigned i = 0; i < rounds; i++) {
		double width = width_at(i, rounds);

		relax_evaluate(p, &d);
		best = fmin(best, most_at(p, &d, weight, t));
		step_prices(p, &d, s, width);
		if (t->budget < INFINITY)
			step(&d.money, &money, t->budget - d.spent, width);
		for (unsigned k = 0; k < RELAX_CLASSES; k++)
			if (t->floor[k] > 0)
				step_floor(&d.value[k], &extra[k], weight[k],
				    d.met[k] - t->floor[k], width);
	}
	relax_dual_fini(&d);
	free(s);
	return best;
}

double
relax_most(const struct relax *p, const double weight[RELAX_CLASSES],
    const struct relax_terms *t, unsigned rounds)
{
	struct relax_terms bare = { .budget = t->budget };
	double best = most_by_steps(p, weight, &bare, rounds, 1);
	bool floors = false;

	for (unsigned k = 0; k < RELAX_CLASSES; k++)
		floors = floors || t->floor[k] > 0;
	for (double size = 1; floors && size <= 16 && !isnan(best); size *= 4) {
		double other = most_by_steps(p, weight, t, rounds, size);

		best = isnan(other) ? NAN : fmin(best, other);
	}
	return isnan(best) ? NAN : unless_impossible(best, weight, t);
}

double
relax_least(
    const struct relax *p, const double need[RELAX_CLASSES], unsigned rounds)
{
	double usual = mean_cost(p), most = 0, best = 0;
	struct pace *s = paces(p, usual), value[RELAX_CLASSES];
	struct relax_dual d;

	if (s == NULL || relax_dual_init(&d, p) != OK) {
		free(s);
		return NAN;
	}
	d.money = 1;
	for (unsigned k = 0; k < RELAX_CLASSES; k++) {
		value[k] = (struct pace){ .size = usual };
		d.value[k] = 2 * usual;
	}
	/* dearer than every request at its dearest: out of reach */
	for (size_t c = 0; c < p->n_choices; c++)
		most += (double)p->choice[c].cost;
	for (unsigned i = 0; i < rounds; i++) {
		double width = width_at(i, rounds);
		double bound;

		relax_evaluate(p, &d);
		bound = -d.gain - rent(p, &d);
		for (unsigned k = 0; k < RELAX_CLASSES; k++)
			bound += d.value[k] * need[k];
		best = fmax(best, bound);
		step_prices(p, &d, s, width);
		for (unsigned k = 0; k < RELAX_CLASSES; k++)
			step(&d.value[k], &value[k], d.met[k] - need[k], width);
	}
	relax_dual_fini(&d);
	free(s);
	return best > most ? INFINITY : best;
}
