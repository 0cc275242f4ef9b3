/* gateway/lib/edits.h - a changed document as a list of slices.
 *
 * Edits are recorded against a borrowed original that is never copied;
 * edits_pieces() gives the result as slices of the original and of the
 * replacements, ready for a gathering write. */
#ifndef GATEWAY_LIB_EDITS_H
#define GATEWAY_LIB_EDITS_H

#include "gateway/lib/err.h"
#include "gateway/lib/scan.h"

#define EDITS_MAX 32
#define EDITS_PIECES_MAX (2 * EDITS_MAX + 1)

struct edit {
	size_t at, n; /* the bytes of the original that go */
	struct slice with; /* what comes in their place; borrowed */
};

struct edits {
	struct slice original;
	size_t n;
	struct edit list[EDITS_MAX]; /* kept in order of `at` */
};

void edits_init(struct edits *, struct slice original);
/* ERR_LIMIT past EDITS_MAX; ERR_INVALID for an overlap. `span` lies inside
 * the original. */
enum err edits_replace(
    struct edits *, struct slice span, struct slice with) MUST_USE;
/* Removes members of the top-level object by index, commas included, however
 * many and wherever they are. Once per document: commas are shared. */
enum err edits_remove_members(struct edits *, const struct scan_member *,
    size_t n_members, const bool *remove) MUST_USE;
/* Adds `members` ("\"a\":1,\"b\":2", no outer braces or commas) at the end of
 * the top-level object; `left` says whether any member stays in it. */
enum err edits_append_members(
    struct edits *, struct slice members, bool left) MUST_USE;

/* Writes at most EDITS_PIECES_MAX pieces, none of them empty; returns how
 * many. *total is their length together. */
size_t edits_pieces(
    const struct edits *, struct slice pieces[EDITS_PIECES_MAX], size_t *total);

#endif
