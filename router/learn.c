/* router/learn.c - from measurements to forecasts. */
#include "router/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/hist.h"
#include "router/fit.h"

#define HALF_LIFE_FAST (10 * (double)USEC_SEC)
#define HALF_LIFE_SLOW (300 * (double)USEC_SEC)
#define HALF_LIFE_SEEN (30 * USEC_SEC) /* of what people are shown */
#define FAST_KEPT 8 /* fast samples that outlive silence */
#define SLOW_MAX 20.0 /* samples that the slow histogram may count for */
#define PRIOR_PARTS 4.0
#define PRIOR_FADES 8.0 /* samples that halve the prior's parts */
#define REFIT_POINTS 8 /* before the profile is touched */
#define SHAPE_POINTS 2.0 /* that the first profile's shape is worth */
#define REFIT_AT 0.05 /* relative change that is worth it */
#define TOKENS_FEW 16 /* output below which a total is mostly TTFT */
#define ALARM_AT 5.0 /* unusual ratios, less the usual ones: it is ailing */
#define ALARM_MOST ALARM_AT /* so many usual ones in a row end it */
#define ALARM_LATE 0.25 /* what a late one counts, each tick */
#define AILING_MOST (600 * USEC_SEC) /* then that is how it is now */
#define TURN_KEEPS 0.1 /* of the fast samples */
#define USUAL 0.75 /* of what is unusual: that is well again */
#define HABIT_RANK 0.99
#define HABIT_TIMES 3.0 /* the median, at least */
#define STEADY 2.6 /* times the median, at most */
#define HABIT_SAMPLES 60 /* before there is a habit */
#define QUIET USEC_SEC /* between forecasts where nothing happens */

/* A cumulative sum (Page, "Continuous inspection schemes", Biometrika 1954) of
 * how often ratios are beyond what is habitual. */
struct alarm {
	double habit; /* ratios beyond it are unusual; 0: not known yet */
	double sum; /* 0..ALARM_MOST */
};

struct memory {
	struct ratios fast, slow, late;
	struct alarm alarm;
};

struct lessons {
	struct profile first, profile;
	struct spread prior;
	struct fit prefill, decode;
	struct crowd usual; /* mean of late: where the profile is compared */
	struct memory ttft, itl;
	struct dhist times[PHASE_COUNT];
	struct seen seen[PHASE_COUNT];
	usec faded, told, shown, turned; /* last time */
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

struct lessons *
lessons_new(const struct conf_backend *b, usec now)
{
	struct lessons *l = calloc(1, sizeof(*l));
	double sigma;

	if (l == NULL)
		return NULL;
	l->first = l->profile = profile_of(b, &sigma);
	spread_prior(&l->prior, 1, sigma);
	l->usual = (struct crowd){ .sequences = 1, .tokens = 256 };
	l->faded = l->told = now;
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		dhist_init(&l->times[i], HALF_LIFE_SEEN, now);
	return l;
}

void
lessons_free(struct lessons **l)
{
	free(*l);
	*l = NULL;
}

/* --- taking --- */

static void
alarm_take(struct alarm *a, double ratio, enum sample_kind kind)
{
	double step = kind == SAMPLE_LATE ? ALARM_LATE : 1;

	if (a->habit <= 0)
		return;
	if (ratio > a->habit)
		a->sum = fmin(a->sum + step, ALARM_MOST);
	else if (kind == SAMPLE_MEASURED && ratio < USUAL * a->habit)
		a->sum = fmax(a->sum - 1, 0);
}

static void
memory_take(struct memory *m, double ratio, enum sample_kind kind)
{
	alarm_take(&m->alarm, ratio, kind);
	if (kind == SAMPLE_LATE) {
		ratios_add(&m->late, ratio, 1);
		return;
	}
	ratios_add(&m->fast, ratio, 1);
	ratios_add(&m->slow, ratio, 1);
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
take_ttft(struct lessons *l, const struct sample *s)
{
	double actual = (double)s->value;
	const struct crowd *c = &s->crowd;

	if (s->kind == SAMPLE_MEASURED && !l->ailing) {
		fit_add(&l->prefill, c->tokens,
		    fmax(actual - c->wait - profile_steps(&l->profile, c), 0));
		get_used_to(l, c);
	}
	memory_take(&l->ttft, actual / profile_ttft(&l->profile, c), s->kind);
}

static void
take_itl(struct lessons *l, const struct sample *s)
{
	double actual = (double)s->value;
	const struct crowd *c = &s->crowd;

	if (s->kind == SAMPLE_MEASURED && !l->ailing)
		fit_add(&l->decode, c->sequences + 1,
		    actual * (1 - profile_prefill_share(&l->profile, c)));
	memory_take(&l->itl, actual / profile_itl(&l->profile, c), s->kind);
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
	memory_take(mostly_tokens ? &l->itl : &l->ttft,
	    (double)s->value / (ttft + rest), s->kind);
}

void
lessons_take(struct lessons *l, const struct sample *s, usec now)
{
	l->news = true;
	if (s->kind == SAMPLE_MEASURED)
		dhist_record(&l->times[s->phase], s->value, now);
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
memory_scale(struct memory *m, double factor)
{
	ratios_scale(&m->fast, factor);
	ratios_scale(&m->slow, factor);
	m->alarm.habit *= factor;
}

static void
refit(struct lessons *l)
{
	struct profile p = fitted(l);

	if (!has_moved(l, &p))
		return;
	memory_scale(&l->ttft,
	    profile_ttft(&l->profile, &l->usual) / profile_ttft(&p, &l->usual));
	memory_scale(&l->itl,
	    profile_itl(&l->profile, &l->usual) / profile_itl(&p, &l->usual));
	l->profile = p;
}

/* --- the forecast --- */

static void
memory_fade(struct memory *m, double span)
{
	bool scarce = m->fast.n <= FAST_KEPT;

	ratios_fade(
	    &m->fast, exp2(-span / (scarce ? HALF_LIFE_SLOW : HALF_LIFE_FAST)));
	ratios_fade(&m->slow, exp2(-span / HALF_LIFE_SLOW));
}

static void
memory_mix(struct memory *m, const struct spread *prior, bool ailing,
    struct spread *out)
{
	double known = (double)m->slow.n;
	const struct spread_part parts[] = {
		{ &m->fast, (double)m->fast.n },
		/* what it did when it was well says nothing of it now */
		{ &m->slow, ailing ? 0 : fmin(known, SLOW_MAX) },
		{ &m->late, (double)m->late.n },
	};

	spread_mix(out, parts, 3, prior,
	    PRIOR_PARTS * PRIOR_FADES / (PRIOR_FADES + known));
	if (m->late.n > 0)
		m->late = (struct ratios){ 0 };
}

/* One whose times vary that much anyway has no habit to break. */
static void
note_habit(struct memory *m)
{
	double usual = ratios_at(&m->slow, 0.5);
	bool steady = m->slow.n >= HABIT_SAMPLES &&
	    ratios_at(&m->slow, HABIT_RANK) <= STEADY * usual;

	m->alarm.habit = steady ? HABIT_TIMES * usual : 0;
	if (!steady)
		m->alarm.sum = 0;
}

/* At a turn, what was remembered of the other state is no guide. */
static void
turn(struct lessons *l, bool ailing, usec now)
{
	l->ailing = ailing;
	l->turned = now;
	ratios_fade(&l->ttft.fast, TURN_KEEPS);
	ratios_fade(&l->itl.fast, TURN_KEEPS);
	if (!ailing)
		l->ttft.alarm.sum = l->itl.alarm.sum = 0;
}

static void
watch(struct lessons *l, usec now)
{
	double worst = fmax(l->ttft.alarm.sum, l->itl.alarm.sum);

	if (!l->ailing && worst >= ALARM_AT)
		turn(l, true, now);
	else if (l->ailing && (worst <= 0 || now - l->turned > AILING_MOST))
		turn(l, false, now);
}

static void
look_back(struct lessons *l, usec now)
{
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		const struct dhist *d = &l->times[i];
		struct seen *s = &l->seen[i];

		s->n = fmin(dhist_weight(d, now), dhist_effective(d));
		s->p50 = dhist_quantile(d, 0.5);
		s->p95 = dhist_quantile(d, 0.95);
		s->p99 = dhist_quantile(d, 0.99);
	}
	if (!l->ailing) {
		note_habit(&l->ttft);
		note_habit(&l->itl);
	}
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
	l->faded = l->told = now;
	l->news = false;
	refit(l);
	watch(l, now);
	f->ailing = l->ailing;
	f->profile = l->profile;
	memory_mix(&l->ttft, &l->prior, l->ailing, &f->ttft);
	memory_mix(&l->itl, &l->prior, l->ailing, &f->itl);
	f->ttft_typical = spread_at(&f->ttft, 0.5);
	f->itl_typical = spread_at(&f->itl, 0.5);
	if (l->shown == 0 || now - l->shown >= QUIET)
		look_back(l, now);
	memcpy(f->seen, l->seen, sizeof(f->seen));
}
