/* router/learn.c - from measurements to forecasts. */
#include "router/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/hist.h"
#include "router/fit.h"
#include "router/memory.h"

#define HALF_LIFE_SEEN (30 * USEC_SEC) /* of what people are shown */
#define REFIT_POINTS 8 /* before the profile is touched */
#define SHAPE_POINTS 2.0 /* that the first profile's shape is worth */
#define REFIT_AT 0.05 /* relative change that is worth it */
#define TOKENS_FEW 16 /* output below which a total is mostly TTFT */
#define AILING_MOST (600 * USEC_SEC) /* then that is how it is now */
#define QUIET USEC_SEC /* between forecasts where nothing happens */

struct lessons {
	struct profile first, profile;
	struct spread prior;
	struct fit prefill, decode;
	struct crowd usual; /* mean of late: where the profile is compared */
	struct { /* sums over what the slow ratios remember */
		double n, sequences, tokens;
	} met;
	struct memory ttft, itl;
	struct dhist times[PHASE_COUNT];
	struct seen seen[PHASE_COUNT];
	struct measured measured;
	double ttft_usual, itl_usual; /* medians, when it was well last */
	usec faded, told, shown, turned; /* last time */
	usec since; /* what was sent before was sent elsewhere */
	usec heard; /* after a silence, the last time */
	bool news, ailing;
};

bool
samples_init(struct samples *s)
{
	s->n = 0;
	s->list = malloc(SAMPLES_MAX * sizeof(*s->list));
	return s->list != NULL;
}

void
samples_fini(struct samples *s)
{
	free(s->list);
	s->list = NULL;
	s->n = 0;
}

void
samples_add(struct samples *s, const struct sample *sample)
{
	if (s->n < SAMPLES_MAX)
		s->list[s->n++] = *sample;
}

static void
begin(struct lessons *l, const struct conf_backend *b, usec now)
{
	double sigma;

	l->first = l->profile = profile_of(b, &sigma);
	spread_prior(&l->prior, 1, sigma);
	l->ttft_usual = l->itl_usual = 1;
	l->usual = (struct crowd){ .sequences = 1, .tokens = 256 };
	l->faded = l->told = now;
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		dhist_init(&l->times[i], HALF_LIFE_SEEN, now);
}

struct lessons *
lessons_new(const struct conf_backend *b, usec now)
{
	struct lessons *l = calloc(1, sizeof(*l));

	if (l != NULL)
		begin(l, b, now);
	return l;
}

void
lessons_restart(struct lessons *l, const struct conf_backend *b, usec now)
{
	*l = (struct lessons){ .since = now };
	begin(l, b, now);
}

void
lessons_free(struct lessons **l)
{
	free(*l);
	*l = NULL;
}

/* --- taking --- */

/* A time at nought, by which nothing can be divided: as predict.c reckons. */
static double
at_least_1(double us)
{
	return fmax(us, 1);
}

/* `profiled`: what the profile says of such a sample. */
static void
remember(struct memory *m, const struct sample *s, double profiled)
{
	double actual = (double)s->value, expected = at_least_1(profiled);

	memory_take(
	    m, actual / expected, (actual - s->others) / expected, s->kind);
}

static void
get_used_to(struct lessons *l, const struct crowd *c)
{
	const double keep = 0.95;

	l->usual.sequences =
	    keep * l->usual.sequences + (1 - keep) * c->sequences;
	l->usual.tokens = keep * l->usual.tokens + (1 - keep) * c->tokens;
	l->usual.prefill = keep * l->usual.prefill + (1 - keep) * c->prefill;
}

static void
meet(struct lessons *l, const struct crowd *c)
{
	l->met.n++;
	l->met.sequences += c->sequences;
	l->met.tokens += c->tokens;
}

static void
forget_met(struct lessons *l, double span)
{
	double keep = exp2(-span / MEMORY_HALF_LIFE_SLOW);

	l->met.n *= keep;
	l->met.sequences *= keep;
	l->met.tokens *= keep;
}

static void
take_ttft(struct lessons *l, const struct sample *s)
{
	double actual = (double)s->value;
	const struct crowd *c = &s->crowd;

	if (s->kind == SAMPLE_MEASURED && !l->ailing) {
		fit_add(&l->prefill, c->tokens,
		    fmax(actual - c->wait - profile_steps(&l->profile, c), 0));
		get_used_to(l, c);
	}
	if (s->kind == SAMPLE_MEASURED)
		meet(l, c);
	remember(&l->ttft, s, profile_ttft(&l->profile, c));
}

static void
take_itl(struct lessons *l, const struct sample *s)
{
	double actual = (double)s->value;
	const struct crowd *c = &s->crowd;

	if (s->kind == SAMPLE_MEASURED && !l->ailing)
		fit_add(&l->decode, c->sequences + 1,
		    actual * (1 - profile_prefill_share(&l->profile, c)));
	remember(&l->itl, s, profile_itl(&l->profile, c));
}

/* A whole answer, not streamed: its parts are not seen, but its length tells
 * which of them it was mostly made of. */
static void
take_total(struct lessons *l, const struct sample *s)
{
	double ttft = profile_ttft(&l->profile, &s->crowd);
	double rest =
	    profile_itl(&l->profile, &s->crowd) * fmax(s->output - 1, 0);
	bool mostly_tokens = s->output >= TOKENS_FEW;

	if (s->streamed)
		return;
	if (s->kind == SAMPLE_MEASURED)
		meet(l, &s->crowd);
	remember(mostly_tokens ? &l->itl : &l->ttft, s, ttft + rest);
}

/* What was under way at a turn, or when a silence ended, tells of both states,
 * so of neither. */
static bool
is_mixture(const struct lessons *l, const struct sample *s)
{
	return s->sent < l->heard ||
	    (s->sent < l->turned && (s->kind == SAMPLE_MEASURED || !l->ailing));
}

static void
turn(struct lessons *l, usec now)
{
	l->ailing = !l->ailing;
	l->turned = now;
}

static void
heal(struct lessons *l, usec now)
{
	memory_heal(&l->ttft);
	memory_heal(&l->itl);
	turn(l, now);
}

/* What ails for its silence alone is well with the first usual answer. */
static void
hear(struct lessons *l, const struct sample *s, usec now)
{
	const struct crowd *c = &s->crowd;
	bool whole = s->phase == PHASE_TOTAL;
	double ratio, span = profile_ttft(&l->profile, c);

	if (whole)
		span += profile_itl(&l->profile, c) * fmax(s->output - 1, 0);
	ratio = (double)s->value / at_least_1(span);
	memory_hear(&l->ttft, ratio);
	memory_hear(&l->itl, ratio);
	l->heard = now;
	if (l->ailing && memory_is_usual(whole ? &l->itl : &l->ttft, ratio))
		heal(l, now);
}

void
lessons_take(struct lessons *l, const struct sample *s, usec now)
{
	if (s->sent < l->since)
		return;
	l->news = true;
	if (s->kind == SAMPLE_OWN) {
		memory_forgive(&l->ttft);
		memory_forgive(&l->itl);
		return;
	}
	if (s->kind == SAMPLE_HEARD) {
		hear(l, s, now);
		return;
	}
	if (s->kind == SAMPLE_MEASURED)
		dhist_record(&l->times[s->phase], s->value, now);
	if (is_mixture(l, s))
		return;
	switch (s->phase) {
	case PHASE_TTFT:
		take_ttft(l, s);
		break;
	case PHASE_ITL:
		take_itl(l, s);
		break;
	case PHASE_TOTAL:
		take_total(l, s);
		break;
	default:
		break;
	}
}

/* --- the profile --- */

static struct profile
fitted(const struct lessons *l)
{
	struct profile p = l->profile;
	struct fit_line line;

	if (l->decode.points >= REFIT_POINTS &&
	    fit_shaped(&l->decode,
		&(struct fit_line){ l->first.step, l->first.per_sequence },
		SHAPE_POINTS, &line)) {
		p.step = line.base;
		p.per_sequence = line.slope;
	}
	if (l->prefill.points >= REFIT_POINTS &&
	    fit_shaped(&l->prefill,
		&(struct fit_line){ l->first.rtt, l->first.per_token },
		SHAPE_POINTS, &line)) {
		p.rtt = line.base;
		p.per_token = line.slope;
	}
	return p;
}

static bool
differs(double a, double b)
{
	return fabs(a - b) > REFIT_AT * fmax(a, b);
}

static bool
has_moved(const struct lessons *l, const struct profile *p)
{
	struct crowd many = l->usual, few = l->usual;

	many.sequences *= 2;
	many.tokens *= 2;
	few.sequences /= 2;
	few.tokens /= 2;
	return differs(
		   profile_ttft(p, &many), profile_ttft(&l->profile, &many)) ||
	    differs(profile_ttft(p, &few), profile_ttft(&l->profile, &few)) ||
	    differs(profile_itl(p, &many), profile_itl(&l->profile, &many)) ||
	    differs(profile_itl(p, &few), profile_itl(&l->profile, &few));
}

static void
refit(struct lessons *l)
{
	struct profile p = fitted(l);

	if (!has_moved(l, &p))
		return;
	memory_scale(&l->ttft,
	    at_least_1(profile_ttft(&l->profile, &l->usual)) /
		at_least_1(profile_ttft(&p, &l->usual)));
	memory_scale(&l->itl,
	    at_least_1(profile_itl(&l->profile, &l->usual)) /
		at_least_1(profile_itl(&p, &l->usual)));
	l->profile = p;
}

/* --- the forecast --- */

static void
watch(struct lessons *l, usec now)
{
	if (!l->ailing &&
	    (memory_is_alarmed(&l->ttft) || memory_is_alarmed(&l->itl))) {
		memory_ail(&l->ttft);
		memory_ail(&l->itl);
		turn(l, now);
	} else if (l->ailing && memory_is_at_rest(&l->ttft) &&
	    memory_is_at_rest(&l->itl)) {
		heal(l, now);
	} else if (l->ailing && now - l->turned > AILING_MOST) {
		memory_accept(&l->ttft);
		memory_accept(&l->itl);
		turn(l, now);
	}
}

static void
tell(struct lessons *l)
{
	l->measured = measured_of(&l->profile);
	if (l->met.n > 0) {
		l->measured.sequences = l->met.sequences / l->met.n;
		l->measured.tokens = l->met.tokens / l->met.n;
	}
	l->measured.ailing = l->ailing;
	memory_tell(&l->ttft, &l->measured.ttft);
	memory_tell(&l->itl, &l->measured.itl);
}

static void
look_back(struct lessons *l, usec now)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		const struct dhist *d = &l->times[i];
		struct seen *s = &l->seen[i];

		if (d->weight <= 0) { /* nothing comes of this phase */
			*s = (struct seen){ -1, -1, -1, 0 };
			continue;
		}
		s->n = fmin(dhist_weight(d, now), dhist_effective(d));
		s->p50 = dhist_quantile(d, 0.5);
		s->p95 = dhist_quantile(d, 0.95);
		s->p99 = dhist_quantile(d, 0.99);
	}
	if (!l->ailing) {
		memory_note_habit(&l->ttft);
		memory_note_habit(&l->itl);
	}
	tell(l);
	l->shown = now;
}

bool
lessons_have_news(const struct lessons *l, usec now)
{
	return l->news || now - l->told >= QUIET;
}

void
lessons_forecast(struct lessons *l, usec now, struct forecast *f)
{
	double span = (double)(now - l->faded);

	memory_fade(&l->ttft, span);
	memory_fade(&l->itl, span);
	forget_met(l, span);
	l->faded = l->told = now;
	l->news = false;
	refit(l);
	watch(l, now);
	f->ailing = l->ailing;
	f->profile = l->profile;
	f->company = l->usual.sequences;
	memory_mix(&l->ttft, &l->prior, l->ailing, &f->ttft);
	memory_mix(&l->itl, &l->prior, l->ailing, &f->itl);
	f->ttft_typical = spread_at(&f->ttft, 0.5);
	f->itl_typical = spread_at(&f->itl, 0.5);
	if (!l->ailing) {
		l->ttft_usual = f->ttft_typical;
		l->itl_usual = f->itl_typical;
	}
	f->ttft_usual = l->ttft_usual;
	f->itl_usual = l->itl_usual;
	if (l->shown == 0 || now - l->shown >= QUIET)
		look_back(l, now);
	memcpy(f->seen, l->seen, sizeof(f->seen));
	f->measured = l->measured;
}
