/* gateway/sent_name.h - what was sent for the star of a model's name, as it may
 * be shown: in logs, traces and the ledger, once attempts are gone.
 *
 * The request owns them: one of each serving that was tried. */
#ifndef GATEWAY_SENT_NAME_H
#define GATEWAY_SENT_NAME_H

#include <stdint.h>

#include "gateway/lib/slice.h"

struct sent_name; /* opaque; NULL: none */

/* Without memory there is none. */
void sent_names_note(struct sent_name **, uint32_t serving, struct slice);
const char *sent_names_find(const struct sent_name *, uint32_t serving);
void sent_names_free(struct sent_name **);

#endif
