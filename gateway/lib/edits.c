/* gateway/lib/edits.c - a changed document as a list of slices.
 *
 * Invariant: the list is in order of `at`, and no edit begins before the one
 * ahead of it has ended. */
#include "gateway/lib/edits.h"

#include <string.h>

void
edits_init(struct edits *e, struct slice original)
{
	e->original = original;
	e->n = 0;
}

/* What is inserted before a byte stands before what replaces it. */
static bool
goes_before(const struct edit *a, const struct edit *b)
{
	return a->at < b->at || (a->at == b->at && a->n == 0 && b->n > 0);
}

static enum err
add(struct edits *e, size_t at, size_t n, struct slice with)
{
	struct edit new = { at, n, with };
	struct edit *place = e->list + e->n;

	if (e->n == EDITS_MAX)
		return ERR_LIMIT;
	while (place > e->list && goes_before(&new, place - 1))
		place--;
	if (place > e->list && place[-1].at + place[-1].n > at)
		return ERR_INVALID;
	if (place < e->list + e->n && at + n > place->at)
		return ERR_INVALID;
	memmove(place + 1, place,
	    (size_t)(e->list + e->n - place) * sizeof(*place));
	*place = new;
	e->n++;
	return OK;
}

enum err
edits_replace(struct edits *e, struct slice span, struct slice with)
{
	return add(e, (size_t)(span.p - e->original.p), span.n, with);
}

static const char *
end_of(const struct scan_member *m)
{
	return m->whole.p + m->whole.n;
}

/* What has to go with members [first, past): a comma on one side, unless none
 * is left to be separated. A comma ahead goes only where none follows. */
static struct slice
removed_span(const struct scan_member *members, size_t n_members, size_t first,
    size_t past)
{
	const char *from = members[first].whole.p;
	const char *to = end_of(&members[past - 1]);

	if (past < n_members)
		to = members[past].whole.p;
	else if (first > 0)
		from = end_of(&members[first - 1]);
	return slice_make(from, (size_t)(to - from));
}

enum err
edits_remove_members(struct edits *e, const struct scan_member *members,
    size_t n_members, const bool *remove)
{
	struct edits before = *e;
	size_t first, past;
	enum err rc;

	for (first = 0; first < n_members; first = past) {
		past = first + 1;
		if (!remove[first])
			continue;
		while (past < n_members && remove[past])
			past++;
		rc = edits_replace(e,
		    removed_span(members, n_members, first, past),
		    slice_make(NULL, 0));
		if (rc != OK) {
			*e = before;
			return rc;
		}
	}
	return OK;
}

enum err
edits_append_members(struct edits *e, struct slice members, bool left)
{
	ptrdiff_t brace = slice_rfind(e->original, '}');
	enum err rc;

	if (brace < 0)
		return ERR_INVALID;
	if (e->n + 2 > EDITS_MAX)
		return ERR_LIMIT;
	if (left) {
		rc = add(e, (size_t)brace, 0, SLICE(","));
		if (rc != OK)
			return rc;
	}
	return add(e, (size_t)brace, 0, members);
}

/* Appends p[from..to) unless empty; the number of pieces then. */
static size_t
put(struct slice *pieces, size_t n, const char *p, size_t from, size_t to,
    size_t *total)
{
	if (from == to)
		return n;
	pieces[n] = slice_make(p + from, to - from);
	*total += to - from;
	return n + 1;
}

size_t
edits_pieces(
    const struct edits *e, struct slice pieces[EDITS_PIECES_MAX], size_t *total)
{
	const char *original = e->original.p;
	size_t at = 0, n = 0;

	*total = 0;
	for (const struct edit *d = e->list; d < e->list + e->n; d++) {
		n = put(pieces, n, original, at, d->at, total);
		n = put(pieces, n, d->with.p, 0, d->with.n, total);
		at = d->at + d->n;
	}
	return put(pieces, n, original, at, e->original.n, total);
}
