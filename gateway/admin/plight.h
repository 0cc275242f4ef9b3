/* gateway/admin/plight.h - what ails a serving, in words and as JSON. */
#ifndef GATEWAY_ADMIN_PLIGHT_H
#define GATEWAY_ADMIN_PLIGHT_H

#include <jansson.h>

#include "gateway/lib/buf.h"
#include "router/router.h"

/* "its breaker is open (refused), for 12 s, 1.6 s to go": a clause of its own.
 * Nothing where nothing ails it. */
void plight_say(const struct plight *, struct buf *out);

/* kind, fault, since, until, and the words; null where nothing ails it. wall:
 * of the moment that its spans are counted from, since 1970. words: instead of
 * its own; NULL: none are known. */
json_t *plight_json(const struct plight *, usec wall, const char *words);

#endif
