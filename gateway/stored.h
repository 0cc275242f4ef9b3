/* gateway/stored.h - which backend keeps a response that a later one follows.
 *
 * /v1/responses may be asked to go on from an earlier answer by its id alone,
 * which only the backend that made it knows. 16,384 of them are remembered at
 * most, and nearly all of the last 8,000, for the life of the process. From any
 * thread. */
#ifndef GATEWAY_STORED_H
#define GATEWAY_STORED_H

#include <stdint.h>

#include "gateway/lib/slice.h"

struct stored;

struct stored *stored_new(void); /* NULL: no memory */
void stored_free(struct stored **);

/* The backend by its id in the configuration, which outlasts reloads. */
void stored_note(struct stored *, struct slice id, uint32_t backend);
/* False: not known, or no longer. */
bool stored_find(struct stored *, struct slice id, uint32_t *backend);

#endif
