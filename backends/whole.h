/* backends/whole.h - a long JSON answer, decoded a slice at a time: 43 MB of
 * vectors would hold up all others for a tenth of a second. */
#ifndef BACKENDS_WHOLE_H
#define BACKENDS_WHOLE_H

#include "backends/backend.h"
#include "gateway/lib/scan.h"

/* Shorter ones are decoded at once. */
#define WHOLE_LONG SCAN_SLICE

struct whole;

/* The body is borrowed, and stays where it is. NULL: no memory. */
struct whole *whole_new(struct slice body);
void whole_free(struct whole **);
/* SCAN_SLICE bytes of it. False: that was all. */
bool whole_more(struct whole *);
/* Then: what backend_decode() says of it. */
void whole_decode(
    const struct whole *, enum dialect, struct event *out, struct buf *scratch);

#endif
