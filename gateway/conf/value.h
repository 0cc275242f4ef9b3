/* gateway/conf/value.h - spans of time and numbers of bytes, as people write
 * them: "100ms", "1.5s", "64MiB". */
#ifndef GATEWAY_CONF_VALUE_H
#define GATEWAY_CONF_VALUE_H

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"

/* A decimal number and a unit (us, ms, s, m, h, d), nothing between them.
 * Beyond what usec holds the result is the largest there is. */
bool duration_parse(struct slice, usec *out);
/* In the largest unit that leaves a whole number: 90000000 is "90s". */
void duration_write(usec, struct buf *);

/* The same with B, KiB, MiB, GiB, TiB. */
bool size_parse(struct slice, uint64_t *out);
void size_write(uint64_t, struct buf *);

#endif
