/* router/doubt.c - who finds out how a serving is that is left alone.
 *
 * One is left alone that ails, or that is thought too slow for what another
 * alone has waited there for in vain. */
#include "router/choose.h"

#include <math.h>

#include "policies/slo.h"
#include "router/bound.h"

#define ASKED (600 * USEC_SEC) /* it may refuse ours what it grants others */
#define SILENT_LEAST (5 * USEC_SEC)
#define SILENT_MOST (30 * USEC_SEC)

/* Whoever asks one that says nothing is lost: as long as it was waited for. */
static usec
pause_of_silent(const struct cell *c)
{
	usec span = cell_is_mute(c) ? c->vain.until - c->vain.since
				    : c->stalled.until - c->stalled.since;

	if (span < SILENT_LEAST)
		return SILENT_LEAST;
	return span < SILENT_MOST ? span : SILENT_MOST;
}

/* How long to leave an ailing one alone between two that find out: a slow one
 * still answers batch; one that fails costs whoever asks it. */
static usec
pause_of(const struct cell *c, enum priority p)
{
	if (cell_is_silent(c))
		return pause_of_silent(c);
	if (c->site->failed_in_a_row > 0)
		return 15 * USEC_SEC;
	return p == PRIORITY_BATCH ? USEC_SEC / 2 : 5 * USEC_SEC;
}

/* Only somebody else has waited there in vain. */
static bool
is_anothers(const struct cell *c, const struct demand *d, usec now)
{
	return d->author != NULL && hush_is_anothers(&c->hush, d->author, now);
}

/* `below`: one that is merely unlikely, too, where it costs less than that. */
static bool
is_in_doubt(
    const struct candidate *c, const struct demand *d, double below, usec now)
{
	bool anothers = is_anothers(c->cell, d, now);

	if (c->verdict == VERDICT_AILING)
		return anothers || c->cell->site->in_flight < CHOOSE_IDLE;
	return anothers && c->verdict == VERDICT_UNLIKELY && c->price < below;
}

/* The least price of what will do. */
static double
least_price(const struct candidate *list, unsigned n)
{
	double least = INFINITY;

	for (unsigned i = 0; i < n; i++)
		if (list[i].verdict == VERDICT_DEARER)
			least = lesser(least, list[i].price);
	return least;
}

/* Who finds out in vain may take longer for it than others are to wait. Who
 * asks for no target is in no hurry: where nothing was heard since. */
static usec
left_since(const struct cell *c, const struct demand *d)
{
	usec since = c->site->explored_at;

	if (cell_is_silent(c) && since < c->vain.until)
		since = c->vain.until;
	if (cell_is_silent(c) && since < c->stalled.until)
		since = c->stalled.until;
	if (slo_has_targets(d->slo))
		return since;
	since = since > c->heard_at ? since : c->heard_at;
	return since > c->site->failed_at ? since : c->site->failed_at;
}

/* Than who has waited there in vain. */
static bool
has_failed_another(const struct cell *c)
{
	uint64_t silent = latest_who(&c->hush.by[AUTHOR_TENANT].silent);

	return c->site->failed_in_a_row > 0 &&
	    latest_who(&c->site->failed) != silent;
}

/* Where all that speaks against it is another's doing the next one asks at
 * once: the first who waits in vain ends that. Whoever it is that hangs there
 * does not keep the others from asking by finding out himself. Where we ask
 * (probe.c) hardly anybody does: an answer to us ends it. */
static usec
due_at(const struct cell *c, const struct demand *d, usec now)
{
	if (cell_is_mute(c) && c->asked > 0)
		return c->vain.until +
		    (cell_has_relapsed(c, now) ? SILENT_MOST : ASKED);
	if (is_anothers(c, d, now) && !has_failed_another(c))
		return c->hush.explored_at + HUSH_APART;
	return left_since(c, d) + pause_of(c, d->priority);
}

bool
choose_doubtful(const struct candidate *list, unsigned n,
    const struct demand *d, usec now, unsigned *out)
{
	usec first = USEC_NEVER;
	double below = least_price(list, n);

	if (d->priority == PRIORITY_PREMIUM)
		return false;
	for (unsigned i = 0; i < n; i++) {
		usec due = due_at(list[i].cell, d, now);

		if (is_in_doubt(&list[i], d, below, now) && due <= now &&
		    due < first) {
			first = due;
			*out = i;
		}
	}
	return first < USEC_NEVER;
}
