/* gateway/translation/returned.h - what only the backend that it came from can
 * read, and wants back: through clients whose format has no place for it, and
 * without anything kept here. Private to the translation.
 *
 * What Gemini signs a call with rides behind the call's id, which each client
 * sends back, in letters that ids may have; a thought is marked by its
 * signature. Both say whose they are: to anybody else they are not shown, as
 * many refuse a request for a member that they do not know. */
#ifndef GATEWAY_TRANSLATION_RETURNED_H
#define GATEWAY_TRANSLATION_RETURNED_H

#include "gateway/lib/buf.h"

#define RETURNED_MAX ((size_t)32 << 10) /* of a call; what is more is dropped */

/* The id, and what its call has beside it: an object or empty. An origin of 0
 * is that of nobody. */
void returned_add_id(
    struct buf *, struct slice id, struct slice extra, uint32_t origin);
/* The id as its backend gave it. */
struct slice returned_id(struct slice id);
/* The member "extra_content" with a comma ahead, where the id has one that came
 * from there. */
void returned_add_extra(struct buf *, struct slice id, uint32_t origin);

/* The signature of a thought that chat has in a member of that name. */
void returned_add_mark(struct buf *, const char *name, uint32_t origin);
/* That name; NULL: it is not from there, or not to be returned. */
const char *returned_name(struct slice mark, uint32_t origin);

#endif
