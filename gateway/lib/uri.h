/* gateway/lib/uri.h - parts of a URL, and percent-encoding (RFC 3986). */
#ifndef GATEWAY_LIB_URI_H
#define GATEWAY_LIB_URI_H

#include "gateway/lib/buf.h"

/* What follows "http://" or "https://", of either case. False: it begins with
 * neither, and *rest is all of it. tls may be NULL. */
bool uri_after_scheme(struct slice url, struct slice *rest, bool *tls);
/* "localhost:7070" -> "localhost", "[::1]:7070" -> "[::1]". */
struct slice uri_host(struct slice host_and_port);

/* Appends with each %XX undone; a '%' that is not followed by two hexadecimal
 * digits stays as it is. */
void uri_unescape(struct slice, struct buf *out);

/* Appends with all but letters, digits and -_.~ as %XX. */
void uri_escape(struct slice, struct buf *out);

#endif
