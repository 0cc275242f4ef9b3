/* gateway/telemetry/recent.c - the last minute, in slices of ten seconds.
 *
 * Invariant of a slice: either it lists its n <= cap values, or `counted` is
 * set and its memory, of HIST_BUCKETS numbers, holds counts that sum to n. */
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/hist.h"

#define LIST_FIRST 16 /* values */

static void
slice_clear(struct recent_slice *s)
{
	s->n = 0;
	s->sum = 0;
	s->counted = false;
}

static void
slice_count(struct recent_slice *s)
{
	uint32_t values[HIST_BUCKETS];

	memcpy(values, s->p, sizeof(values));
	memset(s->p, 0, sizeof(values));
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		s->p[hist_bucket(values[i])]++;
	s->counted = true;
}

/* Makes room for one more; false without memory. */
static bool
slice_grow(struct recent_slice *s)
{
	uint32_t cap = s->cap > 0 ? s->cap * 2 : LIST_FIRST;
	uint32_t *p;

	if (s->cap == HIST_BUCKETS) {
		slice_count(s);
		return true;
	}
	if (cap > HIST_BUCKETS)
		cap = HIST_BUCKETS;
	p = realloc(s->p, cap * sizeof(*p));
	if (p == NULL)
		return false;
	s->p = p;
	s->cap = cap;
	return true;
}

static void
slice_record(struct recent_slice *s, uint32_t value)
{
	if (!s->counted && s->n == s->cap && !slice_grow(s))
		return;
	if (s->counted)
		s->p[hist_bucket(value)]++;
	else
		s->p[s->n] = value;
	s->n++;
	s->sum += value;
}

static void
slice_merge(const struct recent_slice *s, struct hist *into)
{
	into->n += s->n;
	into->sum += (double)s->sum;
	if (s->counted)
		for (unsigned i = 0; i < HIST_BUCKETS; i++)
			into->count[i] += s->p[i];
	else
		for (unsigned i = 0; i < s->n; i++)
			into->count[hist_bucket(s->p[i])]++;
}

/* Turns to the slice of `now`, emptying those that it passes. */
static void
advance(struct recent *r, usec now)
{
	usec turns;

	if (r->began == 0)
		r->began = now;
	if (now < r->began + RECENT_SLICE)
		return;
	turns = (now - r->began) / RECENT_SLICE;
	r->began += turns * RECENT_SLICE;
	for (usec i = 0; i < turns && i < RECENT_SLICES; i++) {
		r->current = (r->current + 1) % RECENT_SLICES;
		slice_clear(&r->slice[r->current]);
	}
}

void
recent_record(struct recent *r, usec value, usec now)
{
	advance(r, now);
	if (value < 0)
		value = 0;
	slice_record(&r->slice[r->current],
	    value < (usec)UINT32_MAX ? (uint32_t)value : UINT32_MAX);
}

void
recent_merge(struct recent *r, usec now, struct hist *into)
{
	advance(r, now);
	for (unsigned i = 0; i < RECENT_SLICES; i++)
		slice_merge(&r->slice[i], into);
}

void
recent_fini(struct recent *r)
{
	for (unsigned i = 0; i < RECENT_SLICES; i++)
		free(r->slice[i].p);
	*r = (struct recent){ 0 };
}
