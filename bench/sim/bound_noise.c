/* bench/sim/bound_noise.c - what a machine's noise lets it do, slice by slice.
 *
 * A step keeps the factor of the slice in which it begins. So all of a slice
 * is worked at its own factor but for what the one step that crosses its left
 * edge still takes of it; docs/simulator.md has the proof. */
#include "bench/sim/bound.h"

#include <math.h>
#include <stdlib.h>

#define SPAN ((double)MACHINE_NOISE_SLICE)

static usec
slice_at(size_t k)
{
	return (usec)k * MACHINE_NOISE_SLICE;
}

/* The least and the greatest slowness of the spans that meet a slice, and are
 * not without end; false: none is. */
static bool
slowness(const struct bound_backend *b, size_t k, double *least, double *most)
{
	*least = INFINITY;
	*most = 0;
	for (size_t i = 0; i < b->n_spans; i++) {
		if (b->spans[i].from >= slice_at(k + 1) ||
		    (i + 1 < b->n_spans &&
			b->spans[i + 1].from <= slice_at(k)) ||
		    isinf(b->spans[i].slow))
			continue;
		*least = fmin(*least, b->spans[i].slow);
		*most = fmax(*most, b->spans[i].slow);
	}
	return *most > 0;
}

/* What the step that crosses the left edge of a slice can do in it beyond the
 * slice's own pace; it began in one of those before. */
static double
gain(const struct bound_noise *n, const struct bound_backend *b, size_t k,
    double greatest)
{
	double longest = bound_longest(&b->facts), best = 0, least, most;

	if (!slowness(b, k, &least, &most))
		return 0;
	for (size_t i = k; i-- > 0;) {
		double gap = SPAN * (double)(k - 1 - i);
		double rest = longest * most * n->factor[i] - gap;
		double pace = 1 / n->factor[i] - 1 / n->factor[k];

		if (longest * most * greatest <= gap)
			break;
		if (rest > 0 && pace > 0)
			best = fmax(best, fmin(rest, SPAN) * pace / least);
	}
	return best;
}

enum err
bound_noise_init(struct bound_noise *n, const struct bound_backend *b,
    uint64_t seed, usec until)
{
	size_t slices = (size_t)(until / MACHINE_NOISE_SLICE) + 1;
	double greatest = 1;

	*n = (struct bound_noise){ .n = slices, .least = 1 };
	n->factor = calloc(slices, sizeof(*n->factor));
	n->work = calloc(slices + 1, sizeof(*n->work));
	n->beyond = calloc(slices + 1, sizeof(*n->beyond));
	if (n->factor == NULL || n->work == NULL || n->beyond == NULL) {
		bound_noise_fini(n);
		return ERR_MEMORY;
	}
	for (size_t k = 0; k < slices; k++) {
		n->factor[k] = machine_noise(seed, b->facts.noise, slice_at(k));
		n->least = fmin(n->least, n->factor[k]);
		greatest = fmax(greatest, n->factor[k]);
	}
	for (size_t k = 0; k < slices; k++) {
		n->work[k + 1] = n->work[k] + SPAN / n->factor[k];
		n->beyond[k + 1] = n->beyond[k] + gain(n, b, k, greatest);
	}
	return OK;
}

void
bound_noise_fini(struct bound_noise *n)
{
	free(n->factor);
	free(n->work);
	free(n->beyond);
	*n = (struct bound_noise){ 0 };
}

static double
work_until(const struct bound_noise *n, usec t)
{
	size_t k = (size_t)(t / MACHINE_NOISE_SLICE);
	double rest;

	if (k >= n->n) {
		rest = (double)(t - slice_at(n->n));
		return n->work[n->n] + rest / n->least;
	}
	rest = (double)(t - slice_at(k));
	return n->work[k] + rest / n->factor[k];
}

double
bound_noise_work(const struct bound_noise *n, usec from, usec to)
{
	if (n == NULL)
		return (double)(to - from);
	return work_until(n, to) - work_until(n, from);
}

double
bound_noise_beyond(const struct bound_noise *n, usec from, usec to)
{
	size_t first, last;

	if (n == NULL)
		return 0;
	/* what began before `from` does not count: only later edges do */
	first = (size_t)(from / MACHINE_NOISE_SLICE) + 1;
	last = (size_t)(to / MACHINE_NOISE_SLICE) + 1;
	last = last < n->n ? last : n->n;
	return first < last ? n->beyond[last] - n->beyond[first] : 0;
}
