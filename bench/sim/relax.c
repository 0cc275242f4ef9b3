/* bench/sim/relax.c - choices under shared capacity, bounded from one side. */
#include "bench/sim/relax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps begin at this share of a multiplier's natural size. */
#define STEP 0.5

/* --- building --- */

static bool
room(struct relax *p, void **array, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap > 0 ? 2 * *cap : 64;
	void *q;

	if (n < *cap)
		return true;
	q = realloc(*array, more * size);
	if (q == NULL) {
		p->failed = true;
		return false;
	}
	*array = q;
	*cap = more;
	return true;
}

#define ROOM(p, what)                                                          \
	room(p, (void **)&(p)->what, (p)->n_##what##s, &(p)->cap_##what##s,    \
	    sizeof(*(p)->what))

void
relax_fini(struct relax *p)
{
	free(p->request);
	free(p->choice);
	free(p->use);
	free(p->capacity);
	*p = (struct relax){ 0 };
}

uint32_t
relax_resource(struct relax *p, double capacity)
{
	if (!room(p, (void **)&p->capacity, p->n_resources, &p->cap_resources,
		sizeof(*p->capacity)))
		return 0;
	p->capacity[p->n_resources] = capacity;
	return (uint32_t)p->n_resources++;
}

void
relax_request(struct relax *p, unsigned class)
{
	if (ROOM(p, request))
		p->request[p->n_requests++] =
		    (struct relax_request){ .class = class,
			    .choices = (uint32_t)p->n_choices };
}

void
relax_choice(struct relax *p, double cost)
{
	if (!ROOM(p, choice))
		return;
	p->choice[p->n_choices++] =
	    (struct relax_choice){ .cost = nextafterf((float)cost, 0),
		    .uses = (uint32_t)p->n_uses };
	p->request[p->n_requests - 1].choices = (uint32_t)p->n_choices;
}

void
relax_use(struct relax *p, uint32_t resource, double amount)
{
	if (!ROOM(p, use))
		return;
	p->use[p->n_uses++] = (struct relax_use){ .resource = resource,
		.amount = nextafterf((float)amount, 0) };
	p->choice[p->n_choices - 1].uses = (uint32_t)p->n_uses;
}

/* --- the dual --- */

enum err
relax_dual_init(struct relax_dual *d, const struct relax *p)
{
	*d = (struct relax_dual){ 0 };
	d->price = calloc(p->n_resources + 1, sizeof(*d->price));
	d->used = calloc(p->n_resources + 1, sizeof(*d->used));
	if (d->price != NULL && d->used != NULL)
		return OK;
	relax_dual_fini(d);
	return ERR_MEMORY;
}

void
relax_dual_fini(struct relax_dual *d)
{
	free(d->price);
	free(d->used);
	*d = (struct relax_dual){ 0 };
}

static void
take(const struct relax *p, struct relax_dual *d, unsigned class, uint32_t at)
{
	uint32_t begin = at > 0 ? p->choice[at - 1].uses : 0;

	d->met[class]++;
	d->spent += (double)p->choice[at].cost;
	for (uint32_t u = begin; u < p->choice[at].uses; u++)
		d->used[p->use[u].resource] += (double)p->use[u].amount;
}

void
relax_evaluate(const struct relax *p, struct relax_dual *d)
{
	uint32_t c = 0, u = 0;

	d->gain = d->spent = 0;
	memset(d->met, 0, sizeof(d->met));
	memset(d->used, 0, p->n_resources * sizeof(*d->used));
	for (size_t r = 0; r < p->n_requests; r++) {
		unsigned class = p->request[r].class;
		double best = 0;
		uint32_t which = UINT32_MAX;

		if (d->value[class] <= 0) /* not even what is free */
			c = p->request[r].choices;
		u = c > 0 ? p->choice[c - 1].uses : 0;
		for (; c < p->request[r].choices; c++) {
			double v = d->value[class] -
			    d->money * (double)p->choice[c].cost;

			for (; u < p->choice[c].uses; u++)
				v -= d->price[p->use[u].resource] *
				    (double)p->use[u].amount;
			if (v > best) {
				best = v;
				which = c;
			}
		}
		d->gain += best;
		if (which != UINT32_MAX)
			take(p, d, class, which);
	}
}

/* --- steps --- */

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

double
relax_most(const struct relax *p, const double weight[RELAX_CLASSES],
    double budget, unsigned rounds)
{
	bool bounded = budget < INFINITY;
	struct pace *s = paces(p, 1), money = { .size = 1 / mean_cost(p) };
	struct relax_dual d;
	double best = INFINITY;

	if (s == NULL || relax_dual_init(&d, p) != OK) {
		free(s);
		return NAN;
	}
	memcpy(d.value, weight, sizeof(d.value));
	for (unsigned i = 0; i < rounds; i++) {
		double width = width_at(i, rounds);

		relax_evaluate(p, &d);
		best = fmin(best,
		    d.gain + rent(p, &d) + (bounded ? d.money * budget : 0));
		step_prices(p, &d, s, width);
		if (bounded)
			step(&d.money, &money, budget - d.spent, width);
	}
	relax_dual_fini(&d);
	free(s);
	return best;
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
