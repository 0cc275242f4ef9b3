/* gateway/telemetry/misses.c - requests that missed their SLO, by cause. */
#include "gateway/telemetry/misses.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/lib/text.h"
#include "gateway/telemetry/shard.h"

const char *
miss_cause_name(enum miss_cause cause)
{
	static const char *const names[MISS_CAUSES] = {
		[MISS_TTFT] = "ttft",
		[MISS_ITL] = "itl",
		[MISS_TOTAL] = "total",
		[MISS_FAILED] = "failed",
		[MISS_OUT] = "out",
		[MISS_QUEUE] = "queue",
		[MISS_REFUSED] = "refused",
		[MISS_OTHER] = "other",
	};

	return names[cause];
}

/* --- whose it is --- */

static struct miss
serving_is(enum miss_cause cause, const struct attempt_report *a)
{
	return (struct miss){ .cause = cause,
		.serving = a != NULL ? a->serving : MISS_NOBODY };
}

static struct miss
attempt_failed(const struct attempt_report *a, enum fault_kind fault)
{
	return (struct miss){ .cause = MISS_FAILED,
		.serving = a != NULL ? a->serving : MISS_NOBODY,
		.detail = fault_rule(fault)->name };
}

/* What the serving took by itself, which may have stood in for another: for one
 * that had failed this request, or was out of use. */
static struct miss
slow_by_itself(const struct outcome *o, enum miss_cause cause,
    const struct attempt_report *a)
{
	if (o->lack == NULL || o->lacked == a->serving)
		return serving_is(cause, a);
	for (size_t i = 0; i < attempts_kept(o); i++)
		if (o->attempts[i].serving == o->lacked &&
		    o->attempts[i].fault != FAULT_NONE)
			return attempt_failed(
			    &o->attempts[i], o->attempts[i].fault);
	return (struct miss){
		.cause = MISS_OUT, .serving = o->lacked, .detail = o->lack
	};
}

/* It waited, or was turned away: for want of a place, and of that serving. */
static struct miss
no_room(const struct outcome *o, enum miss_cause cause, const char *detail)
{
	if (o->lack == NULL)
		return (struct miss){
			.cause = cause, .serving = MISS_NOBODY, .detail = detail
		};
	return (struct miss){ .cause = cause,
		.serving = o->lacked,
		.detail = detail != NULL ? detail : o->lack };
}

/* The attempt before the answering one that took longest; NULL: none did. */
static const struct attempt_report *
longest_before(const struct outcome *o, const struct attempt_report *answering)
{
	const struct attempt_report *longest = NULL, *a;

	for (size_t i = 0; i < attempts_kept(o); i++) {
		a = &o->attempts[i];
		if (a == answering || a->began > answering->began)
			continue;
		if (longest == NULL ||
		    a->ended - a->began > longest->ended - longest->began)
			longest = a;
	}
	return longest;
}

/* The answer came, but too late: `own` is what the answering attempt took. */
static struct miss
late(const struct outcome *o, const struct attempt_report *a,
    enum miss_cause cause, usec own, usec target)
{
	usec waited = o->queue > 0 ? o->queue : 0;
	const struct attempt_report *before = longest_before(o, a);
	usec lost = before != NULL ? before->ended - before->began : 0;

	if (own > target || (waited == 0 && before == NULL))
		return slow_by_itself(o, cause, a);
	if (waited >= lost)
		return no_room(o, MISS_QUEUE, NULL);
	/* the other answered first: this one was slow, or it would have */
	if (before->fault == FAULT_OUTRUN || before->fault == FAULT_NONE ||
	    before->fault == FAULT_CLIENT_GONE)
		return serving_is(cause, before);
	return attempt_failed(before, before->fault);
}

static bool
missed(const struct outcome *o, enum phase term)
{
	return (o->slo_missed & (1u << term)) != 0;
}

/* What of an attempt has not come yet has taken all of its time so far. */
static usec
so_far(const struct attempt_report *a, usec span)
{
	return span >= 0 ? span : a->ended - a->began;
}

/* Whoever leaves after the time that was promised leaves because of what took
 * so long. */
static struct miss
slow(const struct outcome *o)
{
	const struct attempt_report *a = attempt_answering(o);

	if (a == NULL)
		return no_room(o, MISS_QUEUE, NULL);
	if (missed(o, PHASE_TTFT))
		return late(
		    o, a, MISS_TTFT, so_far(a, a->ttft), o->targets.ttft);
	if (missed(o, PHASE_ITL))
		return slow_by_itself(o, MISS_ITL, a);
	return late(o, a, MISS_TOTAL, so_far(a, a->total) - o->stalled,
	    o->targets.total);
}

struct miss
miss_of(const struct outcome *o)
{
	const struct attempt_report *last = attempt_answering(o);

	switch (o->result) {
	case RESULT_OK:
	case RESULT_CLIENT_GONE:
		return slow(o);
	case RESULT_REFUSED:
		if (last != NULL && last->fault != FAULT_NONE)
			return attempt_failed(last, last->fault);
		return no_room(o, MISS_REFUSED, o->reason);
	default:
		return attempt_failed(last, o->fault);
	}
}

/* --- counting --- */

static bool
same(const struct miss *a, const struct miss *b)
{
	return a->cause == b->cause && a->serving == b->serving &&
	    same_text(a->detail, b->detail);
}

static bool
is_stale(const struct miss_cell *c, uint32_t number)
{
	return number - c->newest >= BURN_SPANS;
}

/* The cell of that cause: its own, a new one, one that nothing is left in, or
 * the one for all others. NULL: no memory. */
static struct miss_cell *
cell_of(struct misses *m, const struct miss *what, uint32_t number)
{
	static const struct miss others = { .cause = MISS_OTHER,
		.serving = MISS_NOBODY };
	struct miss_cell **place = NULL;

	for (size_t i = 0; i < MISSES_MAX; i++) {
		if (m->cell[i] != NULL && same(&m->cell[i]->what, what))
			return m->cell[i];
		if (place == NULL &&
		    (m->cell[i] == NULL || is_stale(m->cell[i], number)))
			place = &m->cell[i];
	}
	if (place == NULL) {
		place = &m->other;
		what = &others;
	}
	if (LAZY(*place) == NULL)
		return NULL;
	if (!same(&(*place)->what, what))
		**place = (struct miss_cell){ .what = *what };
	(*place)->what = *what;
	return *place;
}

void
misses_record(struct misses *m, const struct miss *what, usec now)
{
	uint32_t number = burn_span_number(BURN_5M, now);
	struct miss_cell *c = cell_of(m, what, number);

	if (c == NULL)
		return;
	if (is_stale(c, number))
		memset(c->count, 0, sizeof(c->count));
	else
		while (c->newest != number)
			c->count[++c->newest % BURN_SPANS] = 0;
	c->newest = number;
	c->count[number % BURN_SPANS]++;
}

void
misses_fini(struct misses *m)
{
	for (size_t i = 0; i < MISSES_MAX; i++)
		free(m->cell[i]);
	free(m->other);
	*m = (struct misses){ 0 };
}

/* --- reading --- */

static uint64_t
window(const struct miss_cell *c, uint32_t number)
{
	uint64_t n = 0;

	/* a writer's clock may be ahead of a reader's */
	for (uint32_t i = c->newest; i > 0 && c->newest - i < BURN_SPANS; i--)
		if (i <= number && number - i < BURN_SPANS)
			n += c->count[i % BURN_SPANS];
	return n;
}

static void
add_sum(struct miss_sums *s, const struct miss *what, uint64_t n)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(&s->row[i].what, what)) {
			s->row[i].n += n;
			return;
		}
	if (s->n == MISS_SUMS_MAX) {
		s->row[MISS_SUMS_MAX - 1].n += n;
		return;
	}
	s->row[s->n] = (struct miss_sum){ *what, n };
	if (s->n == MISS_SUMS_MAX - 1)
		s->row[s->n].what = (struct miss){ .cause = MISS_OTHER,
			.serving = MISS_NOBODY };
	s->n++;
}

static void
add_cell(const struct miss_cell *c, uint32_t number, struct miss_sums *into)
{
	uint64_t n = c != NULL ? window(c, number) : 0;

	if (n > 0)
		add_sum(into, &c->what, n);
}

void
misses_add(const struct misses *m, usec now, struct miss_sums *into)
{
	uint32_t number = burn_span_number(BURN_5M, now);

	for (size_t i = 0; i < MISSES_MAX; i++)
		add_cell(m->cell[i], number, into);
	add_cell(m->other, number, into);
}

static int
most_first(const void *a, const void *b)
{
	const struct miss_sum *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

void
misses_sort(struct miss_sums *s)
{
	qsort(s->row, s->n, sizeof(s->row[0]), most_first);
}
