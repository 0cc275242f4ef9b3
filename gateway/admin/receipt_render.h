/* gateway/admin/receipt_render.h - receipts as JSON, and in a sentence. */
#ifndef GATEWAY_ADMIN_RECEIPT_RENDER_H
#define GATEWAY_ADMIN_RECEIPT_RENDER_H

#include <jansson.h>

#include "gateway/admin/labels.h"
#include "gateway/admin/receipts.h"

/* NULL without memory. */
json_t *receipt_json(const struct receipt *, const struct labels *);
/* A line of the list: what one looks for. */
json_t *receipt_line_json(const struct receipt *, const struct labels *);

/* One sentence that says why this serving and not a cheaper one, or why
 * none. */
void receipt_why(
    const struct receipt *, const struct labels *, struct buf *out);

#endif
