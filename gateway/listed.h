/* gateway/listed.h - which models backends list, for the wildcard `*`.
 *
 * What a probe was told last stays until the next one is told something: a
 * backend that is away now still has them. From any thread. */
#ifndef GATEWAY_LISTED_H
#define GATEWAY_LISTED_H

#include "gateway/lib/buf.h"
#include "gateway/lib/err.h"

struct listed;

struct listed *listed_new(void);
void listed_free(struct listed **);

/* Names, one a line; in place of those it had. Without memory these stay. */
void listed_set(struct listed *, uint32_t backend, struct slice names);
/* Appends them. */
void listed_add(struct listed *, uint32_t backend, struct buf *out);

#endif
