/* router/predict.c - what a serving would do for a request. */
#include "router/predict.h"

#include <math.h>

#include "policies/slo.h"

#define LOAD_FRESH (15 * USEC_SEC) /* a reported load is believed for so long */
#define FELT_BY 64.0 /* tokens that share the delay of a new prompt */
#define SURE 0.999
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
	return fmax(there - s->load_in_flight, 0);
}

/* Requests ahead for each that runs: by slots, or by its own word. */
static double
queue_ahead(const struct site *s, double sequences, usec now)
{
	double slots = site_slots(s);
	double since = (double)s->in_flight - (double)s->load_in_flight;

	if (slots > 0)
		return fmax(sequences + 1 - slots, 0) / slots;
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

struct crowd
cell_crowd(const struct cell *c, const struct demand *d, usec now)
{
	const struct site *s = c->site;
	struct crowd crowd = { .sequences = s->in_flight + strangers(s, now),
		.tokens = s->prompt_tokens + uncached(c, d, now),
		.prefill = s->prefill };
	double ahead = queue_ahead(s, crowd.sequences, now);

	if (ahead > 0)
		crowd.wait = ahead * d->output *
		    profile_itl(&c->forecast->profile, &crowd);
	return crowd;
}

/* --- chances --- */

struct terms {
	double ttft, itl; /* the profile's */
	double typical_ttft, typical_itl;
};

static double
chance_of_length(
    const struct forecast *f, const struct terms *t, double output, double left)
{
	double rest = output - 1;

	if (rest <= 0)
		return spread_share(&f->ttft, left / t->ttft);
	/* either part may be late, given a usual other one */
	return fmin(
	    spread_share(&f->ttft, (left - t->typical_itl * rest) / t->ttft),
	    spread_share(&f->itl, (left - t->typical_ttft) / rest / t->itl));
}

/* Over the lengths that an answer may have. */
static double
chance_of_total(const struct forecast *f, const struct demand *d,
    const struct terms *t, double left)
{
	double high = chance_of_length(f, t, d->output_high, left);

	if (high > SURE)
		return high;
	return 0.6 * chance_of_length(f, t, d->output, left) + 0.3 * high +
	    0.1 * chance_of_length(f, t, d->output_most, left);
}

/* An answer that is not streamed shows its first token with its last. */
static double
chance_of_ttft(const struct forecast *f, const struct demand *d,
    const struct terms *t, double left)
{
	if (!d->stream)
		return chance_of_total(f, d, t, left);
	return spread_share(&f->ttft, left / t->ttft);
}

static double
chance(const struct forecast *f, const struct demand *d, const struct terms *t)
{
	const struct slo *slo = d->slo;
	double p = 1;

	if (!slo_has_targets(slo))
		return -1;
	if (slo->ttft > 0)
		p = chance_of_ttft(f, d, t, (double)slo->ttft - d->waited);
	if (slo->itl > 0 && d->stream)
		p *= spread_share(&f->itl, (double)slo->itl / t->itl);
	if (slo->total > 0)
		p = fmin(p,
		    chance_of_total(f, d, t, (double)slo->total - d->waited));
	return p;
}

static double
excess(const struct demand *d, const struct outlook *o)
{
	const struct slo *slo = d->slo;
	double ttft = d->stream ? o->ttft : o->total, worst = 0;

	if (slo->ttft > 0)
		worst = (d->waited + ttft) / (double)slo->ttft;
	if (slo->itl > 0 && d->stream)
		worst = fmax(worst, o->itl / (double)slo->itl);
	if (slo->total > 0)
		worst =
		    fmax(worst, (d->waited + o->total) / (double)slo->total);
	return worst;
}

static struct terms
terms_of(const struct forecast *f, const struct crowd *crowd)
{
	struct terms t = { .ttft = profile_ttft(&f->profile, crowd),
		.itl = profile_itl(&f->profile, crowd) };

	t.ttft = fmax(t.ttft, 1);
	t.itl = fmax(t.itl, 1);
	t.typical_ttft = t.ttft * f->ttft_typical;
	t.typical_itl = t.itl * f->itl_typical;
	return t;
}

static double
reliability(const struct site *s)
{
	return 1 - s->failures / (s->calls + TRIALS);
}

/* The chance that a usual request of premium, coming next, has its first token
 * in time: behind this one's prompt. */
static double
next_in_time(const struct cell *c, const struct crowd *with)
{
	const struct forecast *f = c->forecast;
	const struct wanted *w = &c->site->wanted;
	struct crowd next = *with;

	next.tokens += w->tokens;
	return spread_share(&f->ttft,
	    (double)w->ttft / fmax(profile_ttft(&f->profile, &next), 1));
}

/* Whether the tightest target at work there, or that of a premium request that
 * may come next, still holds with this one there. */
static double
courtesy(const struct cell *c, const struct demand *d,
    const struct crowd *crowd, const struct terms *t, usec now)
{
	const struct forecast *f = c->forecast;
	const struct wanted *w = &c->site->wanted;
	bool wanted = site_is_wanted(c->site, now);
	double felt = f->profile.per_token * uncached(c, d, now) / FELT_BY;
	double p = 1;
	usec tightest = site_tightest(c->site, NULL);

	if (wanted && w->itl > 0 && (tightest == 0 || w->itl < tightest))
		tightest = w->itl;
	if (tightest > 0)
		p = spread_share(&f->itl, (double)tightest / (t->itl + felt));
	if (wanted && w->ttft > 0)
		p = fmin(p, next_in_time(c, crowd));
	return p;
}

void
predict(
    const struct cell *c, const struct demand *d, usec now, struct outlook *o)
{
	const struct forecast *f = c->forecast;
	struct crowd crowd = cell_crowd(c, d, now);
	struct terms t = terms_of(f, &crowd);

	o->ttft = t.typical_ttft;
	o->itl = t.typical_itl;
	o->total = o->ttft + o->itl * fmax(d->output - 1, 0);
	o->excess = excess(d, o);
	o->chance = chance(f, d, &t);
	if (o->chance > 0)
		o->chance *= reliability(c->site);
	o->courtesy = d->priority != PRIORITY_PREMIUM
	    ? courtesy(c, d, &crowd, &t, now)
	    : 1;
}

double
predict_idle(const struct cell *c, const struct demand *d, usec now)
{
	const struct forecast *f = c->forecast;
	struct crowd alone = { .tokens = uncached(c, d, now) };
	struct terms t = terms_of(f, &alone);

	return chance(f, d, &t) * reliability(c->site);
}
