/* bench/sim/bound.c - what no router can beat, on a fleet whose truth is known.
 *
 * Intervals of several lengths, each half over the next, and one of the whole
 * run: a request's work counts in those that hold it whole, from its arrival
 * to its last moment. Any set of intervals is valid; short ones see bursts and
 * incidents, long ones lose little at their edges. */
#include "bench/sim/bound.h"

#include <math.h>

#include "gateway/lib/count.h"
#include "policies/price.h"

#define ROUNDING 2.0 /* us: times are whole microseconds */

static const usec lengths[] = { 20 * USEC_SEC, 60 * USEC_SEC, 240 * USEC_SEC,
	960 * USEC_SEC };
#define N_LENGTHS COUNT(lengths)

/* --- one machine --- */

static usec
span_end(const struct bound_backend *b, size_t i)
{
	return i + 1 < b->n_spans ? b->spans[i + 1].from : USEC_NEVER;
}

/* The least slowness at any time within; up: whether it is, at any. */
static double
least_slow(const struct bound_backend *b, usec from, usec to, bool *up)
{
	double least = INFINITY;

	*up = false;
	for (size_t i = 0; i < b->n_spans; i++) {
		if (b->spans[i].from > to || span_end(b, i) <= from)
			continue;
		least = fmin(least, b->spans[i].slow);
		*up |= b->spans[i].up;
	}
	return least;
}

double
bound_longest(const struct machine_facts *f)
{
	return f->step + f->per_sequence * f->slots + f->per_token * f->chunk;
}

static double
luck(const struct bound_backend *b)
{
	return b->noise != NULL ? b->noise->least : 1;
}

/* The shortest time of a step on the clock; half of the clock's tick is lost
 * or won by each, or by each run of them. */
static double
ticks(const struct bound_backend *b)
{
	double slow = INFINITY, shortest;

	for (size_t i = 0; i < b->n_spans; i++)
		slow = fmin(slow, b->spans[i].slow);
	shortest = fmax(1, b->facts.step * luck(b) * slow);
	return isinf(shortest) ? 1 : 1 + 0.5 / fmax(0.5, shortest - 0.5);
}

double
bound_capacity(const struct bound_backend *b, usec from, usec to)
{
	double sum = bound_noise_beyond(b->noise, from, to);

	for (size_t i = 0; i < b->n_spans; i++) {
		usec begin = b->spans[i].from > from ? b->spans[i].from : from;
		usec end = span_end(b, i) < to ? span_end(b, i) : to;

		if (begin >= end)
			continue;
		sum +=
		    bound_noise_work(b->noise, begin, end) / b->spans[i].slow;
		/* a step begun before the change keeps its pace to its end */
		if (i > 0 && b->spans[i].from >= from)
			sum += bound_longest(&b->facts);
	}
	return sum * ticks(b);
}

/* The last moment at which it can be in time, from its arrival. */
static usec
allowance(const struct bound_request *r)
{
	usec least = r->deadline;

	if (r->slo.total > 0 && r->slo.total < least)
		least = r->slo.total;
	if (r->slo.ttft > 0 && r->slo.itl > 0 &&
	    r->slo.ttft + (r->slo.itl + 1) * (r->output - 1) < least)
		least = r->slo.ttft + (r->slo.itl + 1) * (r->output - 1);
	return least;
}

/* The most that its steps of decoding may take in the mean. */
static double
patience(const struct bound_request *r, double ttft)
{
	double left = (double)allowance(r) - ttft + ROUNDING;
	double mean = left / (r->output > 1 ? r->output - 1 : 1);

	if (r->slo.itl > 0 && (double)r->slo.itl + ROUNDING < mean)
		mean = (double)r->slo.itl + ROUNDING;
	return mean;
}

/* The time that its steps of decoding take in the mean, at most, on a machine
 * without noise: by its targets and the luckiest noise, and by what the machine
 * can do at all while it runs. */
static double
mean_step(const struct bound_backend *b, const struct bound_request *r,
    double ttft, double fill)
{
	bool up;
	double slow =
	    luck(b) * least_slow(b, r->due, r->due + allowance(r), &up);
	double all = bound_capacity(b, r->due, r->due + allowance(r)) - fill;

	return fmin(patience(r, ttft) / slow, all / (r->output - 1));
}

bool
bound_feasible(
    const struct bound_backend *b, const struct bound_request *r, double *work)
{
	const struct machine_facts *f = &b->facts;
	usec first = r->slo.ttft > 0 ? r->slo.ttft : allowance(r);
	bool up;
	double fill = f->per_token * r->prompt, slow, alone, ttft, mean, n;

	slow = luck(b) * least_slow(b, r->due, r->due + first, &up);
	if (!up || isinf(slow))
		return false;
	alone = fill + f->step * ceil((double)r->prompt / f->chunk);
	ttft = (double)b->rtt + slow * alone;
	if (ttft > (double)first + ROUNDING ||
	    alone > bound_capacity(b, r->due, r->due + first) + ROUNDING)
		return false;
	*work = fill;
	if (r->output == 1)
		return true;
	mean = mean_step(b, r, ttft, alone);
	if (mean < f->step + f->per_sequence)
		return false;
	n = f->per_sequence > 0 ? (mean - f->step) / f->per_sequence : f->slots;
	n = fmax(1, fmin(n, f->slots));
	*work += (r->output - 1) * (f->per_sequence + f->step / n);
	return true;
}

/* --- the problem --- */

/* The intervals of one length: i runs from i * length / 2, for length. */
struct grid {
	usec length;
	uint32_t n;
	uint32_t work[BOUND_BACKENDS], calls[BOUND_BACKENDS]; /* the first's */
};

static void
add_grid(struct relax *p, const struct bound_backend *b, size_t n, usec length,
    usec end, struct grid *g)
{
	g->length = length;
	g->n = length >= end ? 1 : (uint32_t)(2 * end / length + 1);
	for (size_t k = 0; k < n; k++) {
		g->work[k] = (uint32_t)p->n_resources;
		for (uint32_t i = 0; i < g->n; i++)
			relax_resource(p,
			    bound_capacity(&b[k], i * length / 2,
				i * length / 2 + length));
		g->calls[k] = (uint32_t)p->n_resources;
		for (uint32_t i = 0; b[k].rate > 0 && i < g->n; i++)
			relax_resource(p,
			    b[k].burst +
				b[k].rate * (double)length / (double)USEC_SEC);
	}
}

static void
add_uses(struct relax *p, const struct grid *g, const struct bound_backend *b,
    size_t k, const struct bound_request *r, double work)
{
	usec until = r->due + allowance(r);
	usec half = g->length / 2;

	/* of two neighbours that hold its arrival */
	for (usec i = r->due / half; i >= 0 && i >= r->due / half - 1; i--) {
		if (i >= g->n || until > i * half + g->length)
			continue;
		relax_use(p, g->work[k] + (uint32_t)i, work);
		if (b[k].rate > 0)
			relax_use(p, g->calls[k] + (uint32_t)i, 1);
	}
}

/* USD; what is not known may be nothing. */
static double
least_cost(const struct bound_request *r, size_t k)
{
	return r->price == NULL
	    ? 0
	    : fmax(price_expected(&r->price[k], r->prompt, r->output), 0);
}

static void
add_request(struct relax *p, const struct grid *grids, size_t n_grids,
    const struct bound_backend *b, size_t n, const struct bound_request *r)
{
	relax_request(p, r->class);
	for (size_t k = 0; k < n; k++) {
		double work;

		if ((r->able >> k & 1) == 0 || !bound_feasible(&b[k], r, &work))
			continue;
		relax_choice(p, least_cost(r, k));
		for (size_t i = 0; i < n_grids; i++)
			add_uses(p, &grids[i], b, k, r, work);
	}
}

enum err
bound_build(struct relax *p, const struct bound_backend *b, size_t n_backends,
    const struct bound_request *r, size_t n_requests)
{
	struct grid grids[N_LENGTHS + 1];
	size_t n = 0;
	usec end = 1;

	if (n_backends > BOUND_BACKENDS)
		return ERR_LIMIT;
	for (size_t i = 0; i < n_requests; i++)
		if (r[i].due + allowance(&r[i]) > end)
			end = r[i].due + allowance(&r[i]);
	for (size_t i = 0; i < N_LENGTHS && lengths[i] < end; i++)
		add_grid(p, b, n_backends, lengths[i], end, &grids[n++]);
	add_grid(p, b, n_backends, end + 1, end, &grids[n++]);
	for (size_t i = 0; i < n_requests; i++)
		add_request(p, grids, n, b, n_backends, &r[i]);
	return p->failed ? ERR_MEMORY : OK;
}
