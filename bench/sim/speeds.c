/* bench/sim/speeds.c - how fast each serving of a fleet really is. */
#include "bench/sim/speeds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/sim/scenario.h"
#include "gateway/lib/rng.h"
#include "router/profile.h"

#define STREAM_FORTUNE 5000
#define MEDIAN (MEASURED_RANKS / 2)
#define FACTOR_LEAST 0.02
#define FACTOR_MOST 50.0
#define PLAYED_FEW 50 /* samples to correct by */
#define LOW 1 /* of measured_ranks: the 5th and the 95th of a hundred */
#define HIGH (MEASURED_RANKS - 2)

static double
bounded(double factor)
{
	return fmin(fmax(factor, FACTOR_LEAST), FACTOR_MOST);
}

/* Half way, so that it does not swing. */
static double
gentle(double factor)
{
	return sqrt(fmin(fmax(factor, 0.7), 1.4));
}

/* --- who is who --- */

bool
speeds_is_of(const struct measured_serving *m, const struct conf_serving *s)
{
	return strcmp(m->backend, s->backend->name) == 0 &&
	    strcmp(m->model, s->model->name) == 0 &&
	    (m->upstream == NULL || strcmp(m->upstream, s->upstream) == 0);
}

static bool
is_enough(const struct measured *m)
{
	return m->ttft.samples >= SPEEDS_FEW || m->itl.samples >= SPEEDS_FEW;
}

static const struct measured_serving *
find(struct measured_fleet *f, const struct conf_serving *s)
{
	for (size_t i = 0; i < f->n; i++) {
		struct measured_serving *m = &f->list[i];

		if (!speeds_is_of(m, s))
			continue;
		m->used = true;
		return is_enough(&m->measured) ? m : NULL;
	}
	return NULL;
}

/* --- the usual --- */

static struct profile
profile_in(const struct measured *m)
{
	return (
	    struct profile){ m->rtt, m->step, m->per_sequence, m->per_token };
}

static double
median(const struct measured_times *t)
{
	return t->ratio[MEDIAN] > 0 ? t->ratio[MEDIAN] : 1;
}

/* The profile, moved to where the times have been of late: in the crowd that
 * they were measured in, the medians are as they were. */
static void
centre(const struct measured *m, struct serving_speed *s)
{
	const struct profile p = profile_in(m);
	const struct crowd usual = { .sequences = m->sequences,
		.tokens = m->tokens };
	double itl = median(&m->itl), steps = profile_steps(&p, &usual);
	double whole = profile_ttft(&p, &usual), rest = whole - steps;
	double k = 1;

	if (rest > 0)
		k = bounded((median(&m->ttft) * whole - itl * steps) / rest);
	s->step = fmax(p.step * itl, 1);
	s->per_sequence = p.per_sequence * itl;
	s->rtt = p.rtt * k;
	s->per_token = p.per_token * k;
	if (m->reckoned > 0)
		s->per_token *= m->reckoned;
}

static void
spread(const struct measured_times *t, struct luck *l)
{
	for (unsigned i = 0; i < MEASURED_RANKS; i++)
		l->log[i] = t->ratio[i] > 0 ? log(t->ratio[i] / median(t)) : 0;
}

static void
settle(const struct measured_serving *m, const struct backend_truth *t,
    struct serving_speed *s)
{
	*s = (struct serving_speed){ .from = m,
		.rtt = (double)t->rtt,
		.step = t->facts.step,
		.per_sequence = t->facts.per_sequence,
		.per_token = t->facts.per_token };
	if (m == NULL)
		return;
	centre(&m->measured, s);
	spread(&m->measured.ttft, &s->ttft);
	spread(&m->measured.itl, &s->itl);
}

/* --- machines --- */

static double
samples(const struct serving_speed *s)
{
	const struct measured *m = &s->from->measured;

	return (double)(m->ttft.samples + m->itl.samples);
}

/* The serving that its machine has the speed of; NULL: none is measured. */
static const struct serving_speed *
best_of(const struct conf *c, const struct serving_speed *list,
    const struct conf_backend *b)
{
	const struct serving_speed *best = NULL;

	for (size_t i = 0; i < c->n_servings; i++)
		if (c->servings[i].backend == b && list[i].from != NULL &&
		    (best == NULL || samples(&list[i]) > samples(best)))
			best = &list[i];
	return best;
}

static void
build(const struct conf_backend *b, const struct serving_speed *s,
    struct backend_truth *t)
{
	const unsigned slots = s->from->measured.slots;

	t->rtt = (usec)s->rtt;
	t->facts.step = s->step;
	t->facts.per_sequence = s->per_sequence;
	t->facts.per_token = s->per_token;
	t->facts.noise = 0; /* it is in what each request meets */
	if (b->slots == 0 && slots > 0) {
		t->facts.kv = t->facts.kv / t->facts.slots * slots;
		t->facts.slots = slots;
	}
}

/* One among as many as it was measured with. */
static double
pace(const struct machine_facts *f, double others)
{
	return f->step + f->per_sequence * (others + 1);
}

static void
fit_in(struct serving_speed *s, const struct machine_facts *f)
{
	double others = s->from != NULL ? s->from->measured.sequences : 1;
	const struct machine_facts own = { .step = s->step,
		.per_sequence = s->per_sequence };

	s->stretch = bounded(pace(&own, others) / pace(f, others));
	s->fill = f->per_token > 0 ? bounded(s->per_token / f->per_token) : 1;
}

struct serving_speed *
speeds_new(const struct conf *c, struct measured_fleet *fleet,
    const struct backend_truth *truth)
{
	struct serving_speed *list = calloc(c->n_servings + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < c->n_servings; i++)
		settle(find(fleet, &c->servings[i]),
		    &truth[c->servings[i].backend - c->backends], &list[i]);
	return list;
}

void
speeds_build(const struct conf *c, struct serving_speed *list,
    struct backend_truth *truth)
{
	const struct serving_speed *best;

	for (size_t i = 0; i < c->n_backends; i++) {
		best = best_of(c, list, &c->backends[i]);
		if (best != NULL)
			build(&c->backends[i], best, &truth[i]);
	}
	for (size_t i = 0; i < c->n_servings; i++)
		fit_in(&list[i],
		    &truth[c->servings[i].backend - c->backends].facts);
}

bool
speeds_know(const struct conf *c, const struct serving_speed *list,
    const struct conf_backend *b)
{
	return best_of(c, list, b) != NULL;
}

/* --- what the same router measured of them --- */

/* On a logarithmic scale; 0: not known. */
static double
width(const struct measured_times *t)
{
	return t->ratio[LOW] > 0 ? log(t->ratio[HIGH] / t->ratio[LOW]) : 0;
}

/* Variances add up: the machine's own, and what is drawn. */
static void
correct_luck(double *luck, const struct measured_times *real,
    const struct measured_times *played)
{
	double want = width(real), drawn = *luck * want;
	double own = pow(width(played), 2) - drawn * drawn;

	if (want > 0)
		*luck = sqrt(fmax(1 - fmax(own, 0) / (want * want), 0));
}

static void
correct(double *value, double real, double played)
{
	if (played > 0)
		*value *= gentle(real / played);
}

void
speed_correct(struct serving_speed *s, const struct measured *played)
{
	struct serving_speed was, is;
	const struct measured *real;

	if (s->from == NULL || played->ttft.samples < PLAYED_FEW)
		return;
	real = &s->from->measured;
	centre(real, &was);
	centre(played, &is);
	correct(&s->rtt, was.rtt, is.rtt);
	correct(&s->per_token, was.per_token, is.per_token);
	correct_luck(&s->ttft_luck, &real->ttft, &played->ttft);
	if (played->itl.samples < PLAYED_FEW)
		return;
	correct(&s->step, was.step, is.step);
	correct(&s->per_sequence, was.per_sequence, is.per_sequence);
	correct_luck(&s->itl_luck, &real->itl, &played->itl);
}

/* --- fortune --- */

static double
log_at(const struct luck *l, double rank)
{
	const double *at = measured_ranks;
	unsigned i = 0;
	double in;

	if (rank <= at[0])
		return l->log[0];
	while (i < MEASURED_RANKS - 1 && at[i + 1] < rank)
		i++;
	if (i == MEASURED_RANKS - 1)
		return l->log[i];
	in = (rank - at[i]) / (at[i + 1] - at[i]);
	return l->log[i] + in * (l->log[i + 1] - l->log[i]);
}

struct fortune
speeds_draw(const struct serving_speed *s, uint64_t seed, uint64_t request)
{
	struct fortune f;
	struct rng r;

	rng_init(&r, seed, STREAM_FORTUNE + request);
	f.ttft = exp(s->ttft_luck * log_at(&s->ttft, rng_unit(&r)));
	f.itl = exp(s->itl_luck * log_at(&s->itl, rng_unit(&r)));
	return f;
}
