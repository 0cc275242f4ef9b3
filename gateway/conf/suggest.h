/* gateway/conf/suggest.h - "did you mean": the nearest of many names. */
#ifndef GATEWAY_CONF_SUGGEST_H
#define GATEWAY_CONF_SUGGEST_H

#include "gateway/lib/slice.h"

struct suggest {
	struct slice word;
	const char *best; /* NULL: nothing near enough so far */
	size_t distance; /* of best; else the first that is too far */
};

void suggest_init(struct suggest *, struct slice word);
/* Remembers the candidate if it is nearer than any before. NULL is ignored. */
void suggest_offer(struct suggest *, const char *candidate);

/* Single-character insertions, deletions, substitutions and swaps of
 * neighbours between the two; case is ignored.
 * Anything of more than SUGGEST_MAX characters is infinitely far. */
#define SUGGEST_MAX 64
size_t suggest_distance(struct slice, struct slice);

#endif
