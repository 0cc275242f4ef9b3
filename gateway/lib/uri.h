/* gateway/lib/uri.h - percent-encoding, RFC 3986 section 2.1. */
#ifndef GATEWAY_LIB_URI_H
#define GATEWAY_LIB_URI_H

#include "gateway/lib/buf.h"

/* Appends with each %XX undone; a '%' that is not followed by two hexadecimal
 * digits stays as it is. */
void uri_unescape(struct slice, struct buf *out);

/* Appends with all but letters, digits and -_.~ as %XX. */
void uri_escape(struct slice, struct buf *out);

#endif
