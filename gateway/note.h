/* gateway/note.h - a request's receipt, as it comes about.
 *
 * Drafted when the router is first asked, filed when the request is over. All
 * of these do nothing where no receipts are kept, or memory is short. */
#ifndef GATEWAY_NOTE_H
#define GATEWAY_NOTE_H

#include "gateway/admin/receipts.h"

struct request;

/* Whether the request will have one; its id. */
bool note_expected(const struct request *);
void note_id(const struct request *, char id[RECEIPT_ID_BYTES]);

/* Before the router is asked, each time. */
void note_begin(struct request *);
/* After it has answered. */
void note_plan(struct request *, const struct plan *, bool hedge);
/* No more plans will be made, or none but after note_begin(). */
void note_last_plan(struct request *);
/* The outcome is complete: it is filed. */
void note_end(struct request *, struct instant);
/* The request goes: whatever was not filed is given back. */
void note_drop(struct request *);

#endif
