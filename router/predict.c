/* router/predict.c - what a serving would do for a request. */
#include "router/predict.h"

#include <math.h>

#include "policies/confidence.h"
#include "policies/slo.h"
#include "router/bound.h"

#define LOAD_FRESH (15 * USEC_SEC) /* a reported load is believed for so long */
#define SURE 0.999
#define QUEUE 3.0 /* who waits for a prompt makes as many others wait */
#define TRIALS 20 /* whole answers that a backend is credited with */

/* Requests at the backend that are not ours. */
static double
strangers(const struct site *s, usec now)
{
	double there = s->load.running;

	if (s->load_at == 0 || now - s->load_at > LOAD_FRESH)
		return 0;
	if ((s->load.has & LOAD_WAITING) != 0)
		there += s->load.waiting;
	return greater(there - s->load_in_flight, 0);
}

/* Requests ahead for each that runs: by slots, or by its own word. */
static double
queue_ahead(const struct site *s, double sequences, usec now)
{
	double slots = site_capacity(s);
	double since = (double)s->in_flight - (double)s->load_in_flight;

	if (slots > 0)
		return sequences + 1 > slots ? (sequences + 1 - slots) / slots
					     : 0;
	if (s->load_at == 0 || now - s->load_at > LOAD_FRESH ||
	    (s->load.has & LOAD_WAITING) == 0 || s->load.waiting <= 0)
		return 0;
	return fmax(s->load.waiting + since, 0) / fmax(s->load.running, 1);
}

double
uncached(const struct cell *c, const struct demand *d, usec now)
{
	return d->input * (1 - cell_prefix_share(c, d->prefix, now));
}

static void
meet_crowd(
    const struct cell *c, const struct demand *d, usec now, struct crowd *crowd)
{
	const struct site *s = c->site;
	double ahead;

	crowd->sequences = s->in_flight + strangers(s, now);
	crowd->tokens = s->prompt_tokens + uncached(c, d, now);
	crowd->prefill = s->prefill;
	crowd->wait = 0;
	ahead = queue_ahead(s, crowd->sequences, now);
	if (ahead > 0)
		crowd->wait = ahead * d->output *
		    profile_itl(&c->forecast->profile, crowd);
}

/* --- chances --- */

struct terms {
	double ttft, itl; /* the profile's */
	double typical_ttft, typical_itl;
};

/* How long all of it may still take; less than 0: it is late. */
static double
time_left(const struct demand *d, double output)
{
	double due =
	    d->stream ? (double)d->slo->total : slo_whole(d->slo, output);

	return due - d->waited;
}

static double
chance_of_length(const struct forecast *f, const struct demand *d,
    const struct terms *t, double output)
{
	double rest = output - 1, left = time_left(d, output);

	if (rest <= 0)
		return spread_share(&f->ttft, left / t->ttft);
	/* either part may be late, given a usual other one */
	return lesser(
	    spread_share(&f->ttft, (left - t->typical_itl * rest) / t->ttft),
	    spread_share(&f->itl, (left - t->typical_ttft) / rest / t->itl));
}

/* Over the lengths that an answer may have. Where all have the same time a long
 * one that is sure speaks for the shorter ones. */
static double
chance_of_total(
    const struct forecast *f, const struct demand *d, const struct terms *t)
{
	double high = chance_of_length(f, d, t, d->output_high);

	if (high > SURE && d->stream)
		return high;
	return 0.6 * chance_of_length(f, d, t, d->output) + 0.3 * high +
	    0.1 * chance_of_length(f, d, t, d->output_most);
}

static double
chance_of_ttft(
    const struct forecast *f, const struct demand *d, const struct terms *t)
{
	return spread_share(
	    &f->ttft, ((double)d->slo->ttft - d->waited) / t->ttft);
}

/* An answer that is not streamed. Where nothing says by when it is due it goes
 * where a stream would: to who begins in time. */
static double
chance_of_whole(
    const struct forecast *f, const struct demand *d, const struct terms *t)
{
	if (slo_whole(d->slo, d->output) > 0)
		return chance_of_total(f, d, t);
	return d->slo->ttft > 0 ? chance_of_ttft(f, d, t) : 1;
}

/* Whether even a long answer has all the time, for both of its parts, that the
 * other targets leave them: then those decide. */
static bool
total_is_lax(const struct demand *d, const struct terms *t)
{
	const struct slo *slo = d->slo;
	double left = (double)slo->total - d->waited;
	double rest = d->output_most - 1;

	return slo->ttft > 0 && slo->itl > 0 && rest > 0 &&
	    left - t->typical_itl * rest >= (double)slo->ttft - d->waited &&
	    left - t->typical_ttft >= (double)slo->itl * rest;
}

static double
chance(const struct forecast *f, const struct demand *d, const struct terms *t)
{
	const struct slo *slo = d->slo;
	double p = 1;

	if (!slo_has_targets(slo))
		return -1;
	if (!d->stream)
		return chance_of_whole(f, d, t);
	if (slo->ttft > 0)
		p = chance_of_ttft(f, d, t);
	if (slo->itl > 0)
		p *= spread_share(&f->itl, (double)slo->itl / t->itl);
	if (slo->total > 0 && !total_is_lax(d, t))
		p = lesser(p, chance_of_total(f, d, t));
	return p;
}

double
predict_excess(const struct demand *d, const struct outlook *o)
{
	const struct slo *slo = d->slo;
	double due = d->stream ? 0 : slo_whole(slo, d->output), worst = 0;

	if (due > 0)
		return (d->waited + o->total) / due;
	if (slo->ttft > 0)
		worst = (d->waited + o->ttft) / (double)slo->ttft;
	if (slo->itl > 0 && d->stream)
		worst = fmax(worst, o->itl / (double)slo->itl);
	if (slo->total > 0)
		worst =
		    fmax(worst, (d->waited + o->total) / (double)slo->total);
	return worst;
}

/* While an answer is made some leave and others come. What is measured is
 * compared with the company that it had half way (measure.c), so that is what
 * is foreseen; one that finds many does not count on their leaving. */
static double
pace(const struct forecast *f, const struct crowd *crowd)
{
	struct crowd halfway = *crowd;

	halfway.sequences =
	    greater(crowd->sequences, (crowd->sequences + f->company) / 2);
	return profile_itl(&f->profile, &halfway);
}

static void
terms_of(const struct forecast *f, const struct crowd *crowd, struct terms *t)
{
	t->ttft = greater(profile_ttft(&f->profile, crowd), 1);
	t->itl = greater(pace(f, crowd), 1);
	t->typical_ttft = t->ttft * f->ttft_typical;
	t->typical_itl = t->itl * f->itl_typical;
}

static double
total_of(const struct demand *d, const struct terms *t)
{
	return t->typical_ttft + t->typical_itl * greater(d->output - 1, 0);
}

/* That an answer which takes so long comes whole. */
static double
reliability(const struct site *s, double span, usec now)
{
	double whole =
	    s->failures > 0 ? 1 - s->failures / (s->calls + TRIALS) : 1;

	if (s->breaker.relapses == 0)
		return whole;
	return whole * exp(-breaker_hazard(&s->breaker, now) * span);
}

/* Those at work with an ITL target: a step more for each of their tokens, and
 * the prompt in between. */
static double
toll_of_pace(const struct cell *c, const struct stake *s,
    const struct outlook *o, double prompt)
{
	const struct forecast *f = c->forecast;
	struct crowd before = o->crowd;
	double itl = (double)s->itl;

	before.sequences = greater(before.sequences - 1, 0);
	return s->usual *
	    greater(spread_share(&f->itl, itl / pace(f, &before)) -
		    spread_share(
			&f->itl, itl / (o->paced + prompt / PREDICT_FELT_BY)),
		0);
}

/* Those who come while its prompt is read wait for half of that in the mean,
 * and make others wait. */
static double
toll_of_wait(const struct cell *c, const struct stake *s,
    const struct outlook *o, double own, double prompt)
{
	const struct forecast *f = c->forecast;
	struct crowd next = o->crowd;
	double ttft;

	next.tokens += s->tokens - own;
	ttft = profile_ttft(&f->profile, &next);
	return QUEUE * s->coming * prompt *
	    greater(spread_share(&f->ttft, (double)s->ttft / ttft) -
		    spread_share(
			&f->ttft, (double)s->ttft / (ttft + prompt / 2)),
		0);
}

double
predict_toll(const struct cell *c, const struct demand *d,
    const struct outlook *o, usec now)
{
	double own, prompt, toll = 0;

	if (d->priority == PRIORITY_PREMIUM)
		return 0;
	own = uncached(c, d, now);
	prompt = own * c->forecast->profile.per_token;
	for (unsigned p = 0; p < (unsigned)d->priority; p++) {
		const struct stake *s = &c->site->stakes[p];

		if (s->usual > 0)
			toll += toll_of_pace(c, s, o, prompt);
		if (s->coming > 0 && s->ttft > 0)
			toll += toll_of_wait(c, s, o, own, prompt);
	}
	return toll;
}

void
predict(
    const struct cell *c, const struct demand *d, usec now, struct outlook *o)
{
	const struct forecast *f = c->forecast;
	struct terms t;

	meet_crowd(c, d, now, &o->crowd);
	terms_of(f, &o->crowd, &t);
	o->paced = t.itl;
	o->ttft = t.typical_ttft;
	o->itl = t.typical_itl;
	o->total = total_of(d, &t);
	o->chance = chance_in_odds(chance(f, d, &t), c->odds[d->priority]);
	if (o->chance > 0)
		o->chance *= reliability(c->site, o->total, now);
}

static double
chance_alone(
    const struct cell *c, const struct demand *d, usec now, struct terms *t)
{
	struct crowd alone = { .tokens = uncached(c, d, now) };

	terms_of(c->forecast, &alone, t);
	return chance_in_odds(chance(c->forecast, d, t), c->odds[d->priority]);
}

double
predict_idle(const struct cell *c, const struct demand *d, usec now)
{
	struct terms t;
	double p = chance_alone(c, d, now, &t);

	return p > 0 ? p * reliability(c->site, total_of(d, &t), now) : p;
}

/* Of one that ails its usual times are known, not how they vary. */
double
predict_well(const struct cell *c, const struct demand *d, usec now)
{
	const struct forecast *f = c->forecast;
	struct terms t;
	double p = chance_alone(c, d, now, &t);
	struct outlook o;

	if (!f->ailing || p < 0)
		return p;
	t.typical_ttft = o.ttft = t.ttft * f->ttft_usual;
	t.typical_itl = o.itl = t.itl * f->itl_usual;
	o.total = total_of(d, &t);
	return predict_excess(d, &o) <= 1 ? d->slo->percentile / 100 : 0;
}

void
predict_loss(const struct cell *c, const struct demand *d, usec now, bool *lost,
    bool *beaten)
{
	struct demand fresh = *d;

	fresh.waited = 0;
	*lost = predict_is_lost(predict_idle(c, d, now));
	*beaten = !predict_is_lost(predict_idle(c, &fresh, now));
}
