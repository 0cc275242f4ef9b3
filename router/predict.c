/* router/predict.c - what a serving would do for a request. */
#include "router/predict.h"

#include <math.h>

#define LOAD_FRESH (15 * USEC_SEC) /* a reported load is believed for so long */

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

/* Where slots are not known, its own word of a queue has to do. */
static double
reported_queue(const struct site *s, usec now)
{
	double since = (double)s->in_flight - (double)s->load_in_flight;

	if (s->load_at == 0 || now - s->load_at > LOAD_FRESH ||
	    (s->load.has & LOAD_WAITING) == 0 || s->load.waiting <= 0)
		return 0;
	return fmax(s->load.waiting + since, 0) / fmax(s->load.running, 1);
}

struct crowd
cell_crowd(const struct cell *c, usec now)
{
	const struct site *s = c->site;
	double slots = site_slots(s), n, queue;
	struct crowd crowd = { .factor = 1 };

	if (slots > 0) {
		n = s->in_flight + strangers(s, now);
		crowd.factor = 1 + fmin(n, slots) / slots;
		queue = fmax(n + 1 - slots, 0) / slots;
	} else {
		queue = reported_queue(s, now);
	}
	if (queue > 0 && curve_known(&c->forecast.total))
		crowd.wait = queue * curve_at(&c->forecast.total, 0.5);
	return crowd;
}

static double
read_curve(const struct curve *c, const struct demand *d)
{
	if (!curve_known(c))
		return -1;
	return curve_at(c, cautious_rank(d->rank, d->z, (double)c->n));
}

/* Where it was never seen to stream, whole answers are all there is. */
static double
predict_total(
    const struct forecast *f, const struct demand *d, double ttft, double itl)
{
	if (d->output <= 1 && ttft >= 0)
		return ttft;
	if (ttft >= 0 && itl >= 0)
		return ttft + itl * (d->output - 1);
	return read_curve(&f->total, d);
}

static void
judge(struct outlook *o, double waited, double predicted, usec target)
{
	if (target <= 0)
		return;
	if (predicted < 0)
		o->known = false;
	else
		o->violation =
		    fmax(o->violation, (waited + predicted) / (double)target);
}

void
predict(
    const struct cell *c, const struct demand *d, usec now, struct outlook *o)
{
	const struct forecast *f = &c->forecast;
	struct crowd crowd = cell_crowd(c, now);
	double ratio = read_curve(&f->ttft, d);
	double unit =
	    sizing_at(&f->sizing, d->input) * crowd.factor + crowd.wait;

	*o = (struct outlook){ .known = true };
	o->ttft = ratio >= 0 ? unit * ratio : -1;
	o->itl = read_curve(&f->itl, d);
	o->total = predict_total(f, d, o->ttft, o->itl);
	if (!d->stream) {
		/* the whole answer is the first that is seen of it */
		o->ttft = o->total;
		o->itl = -1;
	}
	judge(o, d->waited, o->total, d->slo->total);
	if (d->only_total)
		return;
	judge(o, d->waited, o->ttft, d->slo->ttft);
	if (d->stream)
		judge(o, 0, o->itl, d->slo->itl);
}

/* --- confidence --- */

static double
share_of_ttft(
    const struct cell *c, const struct demand *d, double left, usec now)
{
	struct crowd crowd = cell_crowd(c, now);
	const struct forecast *f = &c->forecast;
	double unit =
	    sizing_at(&f->sizing, d->input) * crowd.factor + crowd.wait;

	if (!curve_known(&f->ttft))
		return -1;
	return curve_share(&f->ttft, left / fmax(unit, 1));
}

static double
share_of_total(
    const struct cell *c, const struct demand *d, double left, usec now)
{
	const struct forecast *f = &c->forecast;
	struct demand typical = *d;
	struct outlook o;

	typical.rank = 0.5;
	typical.z = 0;
	typical.stream = true;
	predict(c, &typical, now, &o);
	if (o.ttft < 0 || o.itl < 0)
		return curve_known(&f->total) ? curve_share(&f->total, left)
					      : -1;
	if (d->output <= 1)
		return share_of_ttft(c, d, left, now);
	/* either part may be late, given a usual other one */
	return fmin(share_of_ttft(c, d, left - o.itl * (d->output - 1), now),
	    curve_share(&f->itl, (left - o.ttft) / (d->output - 1)));
}

double
predict_confidence(const struct cell *c, const struct demand *d, usec now)
{
	const struct slo *slo = d->slo;
	double ttft = 1, itl = 1, total = 1;

	if (slo->total <= 0 &&
	    (d->only_total || (slo->ttft <= 0 && slo->itl <= 0)))
		return -1;
	if (slo->total > 0)
		total =
		    share_of_total(c, d, (double)slo->total - d->waited, now);
	if (!d->only_total && slo->ttft > 0) {
		double left = (double)slo->ttft - d->waited;

		ttft = d->stream ? share_of_ttft(c, d, left, now)
				 : share_of_total(c, d, left, now);
	}
	if (!d->only_total && d->stream && slo->itl > 0)
		itl = curve_known(&c->forecast.itl)
		    ? curve_share(&c->forecast.itl, (double)slo->itl)
		    : -1;
	if (ttft < 0 || itl < 0 || total < 0)
		return -1;
	return fmin(ttft * itl, total);
}
