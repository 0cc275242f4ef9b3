/* bench/load/offer.c - requests as they fall due. */
#include "bench/load/offer.h"

#include <math.h>

/* Lognormal: exp(mu) is the median, and the 95th percentile is 1.645 sigma
 * above it. */
struct lengths {
	double median, p95, most;
};
static const struct lengths prompts = { 1020, 4083, 16384 };
static const struct lengths outputs = { 129, 451, 4096 };

static unsigned
draw(struct rng *r, const struct lengths *l)
{
	double sigma = log(l->p95 / l->median) / 1.644854;
	double v = l->median * exp(sigma * rng_normal(r));

	return (unsigned)fmin(fmax(v, 1), l->most);
}

/* From the time of a steady process to that of one with bursts. */
static usec
stretch(const struct bursts *b, usec steady)
{
	const double quiet = (double)(b->every - b->length);
	const double cycle = quiet + b->factor * (double)b->length;
	double whole, rest;

	if (b->factor <= 0)
		return steady;
	whole = floor((double)steady / cycle);
	rest = (double)steady - whole * cycle;
	if (rest > quiet)
		rest = quiet + (rest - quiet) / b->factor;
	return (usec)(whole * (double)b->every + rest);
}

static unsigned
draw_class(struct offer *d)
{
	const struct offer_setup *s = d->setup;
	double at = rng_unit(&d->who) * d->shares;
	unsigned i = 0;

	while (i + 1 < s->n_classes && at >= s->classes[i].share)
		at -= s->classes[i++].share;
	return i;
}

/* The class of that name; `otherwise` where there is none. */
static unsigned
class_named(const struct offer *d, struct slice name, unsigned otherwise)
{
	const struct offer_setup *s = d->setup;

	for (unsigned i = 0; i < s->n_classes; i++)
		if (slice_is(name, s->classes[i].name))
			return i;
	return otherwise;
}

/* Whom a trace names, by its class or else by its tenant. */
static unsigned
class_of(const struct offer *d, unsigned asker, unsigned drawn)
{
	const struct asker *a;

	if (asker == 0)
		return drawn;
	a = &d->arrivals.askers[asker - 1];
	return class_named(d, a->slo, class_named(d, a->tenant, drawn));
}

static unsigned
first_of(unsigned fixed, unsigned traced, unsigned drawn)
{
	if (fixed > 0)
		return fixed;
	return traced > 0 ? traced : drawn;
}

/* Draws everything each time, so that fixing one thing moves no other. */
static void
take(struct offer *d)
{
	const struct offer_setup *s = d->setup;
	const struct arrival *a = &d->arrivals.next;
	unsigned prompt = draw(&d->length, &prompts);
	unsigned output = draw(&d->length, &outputs);

	d->due = stretch(&s->bursts, a->due);
	d->class = class_of(d, a->asker, draw_class(d));
	d->prompt = first_of(s->prompt, a->prompt, prompt);
	d->output = first_of(s->output, a->output, output);
	d->over = d->arrivals.over;
}

enum err
offer_init(struct offer *d, const struct offer_setup *s, struct errmsg *why)
{
	enum err rc = OK;

	*d = (struct offer){ .setup = s };
	rng_init(&d->who, s->seed, 2);
	rng_init(&d->length, s->seed, 3);
	for (unsigned i = 0; i < s->n_classes; i++)
		d->shares += s->classes[i].share;
	if (s->trace != NULL)
		rc = arrivals_trace(&d->arrivals, s->trace, s->speed, why);
	else
		arrivals_random(&d->arrivals, s->rate, s->seed);
	if (rc == OK)
		take(d);
	return rc;
}

void
offer_step(struct offer *d)
{
	arrivals_step(&d->arrivals);
	take(d);
}

void
offer_fini(struct offer *d)
{
	arrivals_fini(&d->arrivals);
}
