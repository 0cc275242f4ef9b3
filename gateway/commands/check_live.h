/* gateway/commands/check_live.h - `check --live`: every serving is asked. */
#ifndef GATEWAY_COMMANDS_CHECK_LIVE_H
#define GATEWAY_COMMANDS_CHECK_LIVE_H

#include "gateway/conf/conf.h"
#include "gateway/lib/buf.h"

/* Of each serving: is it there, is the key good, how fast is the first token.
 * Children are started for it. A line each on stdout, or added to `rows`, if
 * that is not NULL, as an array of JSON. Whether all are good. */
bool check_live(const struct conf *, struct buf *rows);

#endif
