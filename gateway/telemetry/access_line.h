/* gateway/telemetry/access_line.h - one request as one logfmt line.
 *
 * Names may come from strangers. What is not plain is quoted and escaped to
 * printable ASCII, and long values are cut ("..."): no value can end its line
 * or add a key. What is not known is left out. Needs no memory. */
#ifndef GATEWAY_TELEMETRY_ACCESS_LINE_H
#define GATEWAY_TELEMETRY_ACCESS_LINE_H

#include "gateway/lib/inference.h"

#define ACCESS_LINE_MAX 2048

struct access_line {
	size_t n; /* with the newline */
	char p[ACCESS_LINE_MAX];
};

/* `wall` is the time of day. */
void access_line(const struct outcome *, usec wall, struct access_line *);

#endif
