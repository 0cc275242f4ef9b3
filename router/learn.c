/* router/learn.c - from measurements to forecasts. */
#include "router/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/hist.h"
#include "router/fit.h"

#define HALF_LIFE_FAST (10 * USEC_SEC)
#define HALF_LIFE_SLOW (300 * USEC_SEC)
#define HALF_LIFE_SEEN (30 * USEC_SEC) /* of what people are shown */
#define SLOW_MAX 20.0 /* samples that the slow histogram may count for */
#define RATIO_ONE 1e6 /* a ratio of 1, in a histogram of microseconds */
#define WAIT_SHARE_MAX 0.75 /* of a TTFT that is put down to a queue */

struct memory {
	struct dhist fast, slow;
	float late[HIST_BUCKETS]; /* weights, of late samples */
	unsigned n_late;
};

struct lessons {
	struct fit fit;
	struct memory ttft, itl, total;
	struct dhist seen_ttft;
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
memory_init(struct memory *m, usec now)
{
	dhist_init(&m->fast, HALF_LIFE_FAST, now);
	dhist_init(&m->slow, HALF_LIFE_SLOW, now);
}

struct lessons *
lessons_new(usec now)
{
	struct lessons *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	memory_init(&l->ttft, now);
	memory_init(&l->itl, now);
	memory_init(&l->total, now);
	dhist_init(&l->seen_ttft, HALF_LIFE_SEEN, now);
	return l;
}

void
lessons_free(struct lessons **l)
{
	free(*l);
	*l = NULL;
}

static void
memory_take(struct memory *m, usec value, enum sample_kind kind, usec now)
{
	if (kind == SAMPLE_LATE) {
		m->late[hist_bucket(value)]++;
		m->n_late++;
		return;
	}
	dhist_record(&m->fast, value, now);
	dhist_record(&m->slow, value, now);
}

static void
take_ttft(struct lessons *l, const struct sample *s, usec now)
{
	double actual = (double)s->value;
	double wait = fmin(s->crowd.wait, WAIT_SHARE_MAX * actual);
	struct sizing line;
	double unit;

	/* One given up on is a poor point for a line, but better than none:
	 * a backend that never answered must not stay an unknown promise. */
	if (s->kind == SAMPLE_GIVEN_UP && !fit_line(&l->fit, &line))
		fit_add(&l->fit, s->tokens, (actual - wait) / s->crowd.factor);
	if (s->kind == SAMPLE_MEASURED) {
		fit_add(&l->fit, s->tokens, (actual - wait) / s->crowd.factor);
		dhist_record(&l->seen_ttft, s->value, now);
	}
	if (!fit_line(&l->fit, &line))
		return;
	unit = sizing_at(&line, s->tokens) * s->crowd.factor + s->crowd.wait;
	memory_take(
	    &l->ttft, (usec)(actual / fmax(unit, 1) * RATIO_ONE), s->kind, now);
}

void
lessons_take(struct lessons *l, const struct sample *s, usec now)
{
	switch (s->phase) {
	case PHASE_TTFT:
		take_ttft(l, s, now);
		break;
	case PHASE_ITL:
		memory_take(&l->itl, s->value, s->kind, now);
		break;
	case PHASE_TOTAL:
		memory_take(&l->total, s->value, s->kind, now);
		break;
	default:
		break;
	}
}

/* Silence takes weight away, unevenness makes what is left worth less. */
static double
evidence(const struct dhist *d, usec now)
{
	return fmin(dhist_weight(d, now), dhist_effective(d));
}

/* Reads the values at all the ranks off weights that are spread evenly over
 * each bucket. */
static void
curve_read(const float *weight, double total, double unit, struct curve *c)
{
	double seen = 0, top = 0;
	unsigned point = 0;

	for (unsigned b = 0; b < HIST_BUCKETS && point < CURVE_POINTS; b++) {
		double w = (double)weight[b];
		double low = (double)hist_floor(b);
		double width = (double)hist_floor(b + 1) - low;

		if (w <= 0)
			continue;
		while (point < CURVE_POINTS &&
		    curve_rank(point) * total <= seen + w) {
			double part = (curve_rank(point) * total - seen) / w;

			c->value[point++] =
			    (float)((low + fmax(part, 0) * width) / unit);
		}
		seen += w;
		top = low + width;
	}
	/* rounding may leave the sum a hair short of the last rank */
	while (point < CURVE_POINTS)
		c->value[point++] = (float)(top / unit);
}

static void
memory_forecast(struct memory *m, double unit, usec now, struct curve *out)
{
	double fast = evidence(&m->fast, now);
	double slow = fmin(evidence(&m->slow, now), SLOW_MAX);
	double per_fast = m->fast.weight > 0 ? fast / m->fast.weight : 0;
	double per_slow = m->slow.weight > 0 ? slow / m->slow.weight : 0;
	float mixed[HIST_BUCKETS];
	double total = 0;

	out->n = (float)(fast + slow + m->n_late);
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		mixed[i] = (float)(per_fast * (double)m->fast.count[i] +
			       per_slow * (double)m->slow.count[i]) +
		    m->late[i];
		total += (double)mixed[i];
	}
	if (curve_known(out))
		curve_read(mixed, total, unit, out);
	if (m->n_late > 0) {
		memset(m->late, 0, sizeof(m->late));
		m->n_late = 0;
	}
}

void
lessons_forecast(struct lessons *l, usec now, struct forecast *f)
{
	fit_line(&l->fit, &f->sizing);
	memory_forecast(&l->ttft, RATIO_ONE, now, &f->ttft);
	memory_forecast(&l->itl, 1, now, &f->itl);
	memory_forecast(&l->total, 1, now, &f->total);
	f->seen_ttft.p50 = dhist_quantile(&l->seen_ttft, 0.5);
	f->seen_ttft.p95 = dhist_quantile(&l->seen_ttft, 0.95);
	f->seen_ttft.p99 = dhist_quantile(&l->seen_ttft, 0.99);
	f->seen_ttft.n = evidence(&l->seen_ttft, now);
}
