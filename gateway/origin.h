/* gateway/origin.h - which hosts this gateway is, and which web pages may call
 * it from a browser. */
#ifndef GATEWAY_ORIGIN_H
#define GATEWAY_ORIGIN_H

#include "gateway/conf/conf.h"

struct request;

/* Whether an open listener answers to that Host header. */
bool origin_host_allowed(struct slice host, const struct conf_listen *);
/* Whether a page of that origin comes from that listener itself, which was
 * asked for as `host`. */
bool origin_is_own(
    struct slice origin, struct slice host, const struct conf_listen *);
/* Whether a page of that origin may use the gateway from a browser: one of
 * cors_origins, or the operators' page. */
bool origin_allowed(const struct request *, struct slice origin);

#endif
