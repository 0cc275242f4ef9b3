/* gateway/live.h - `check --live`: every serving asked for real. */
#ifndef GATEWAY_LIVE_H
#define GATEWAY_LIVE_H

#include "gateway/conf/conf.h"

/* A line per serving: is it there, is the key good, how fast is the first
 * token. Children are started for it. The exit code: 0 all good, 1 not. */
int live_check(const struct conf *);

#endif
