/* gateway/head.h - what a request's headers say, before its body is read. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "gateway/request.h"

/* Authenticates and finds the route: sets verdict, route, tenant, refusal. */
void head_judge(struct request *);

/* Whether a page of that origin may use the gateway from a browser. */
bool head_origin_allowed(const struct conf *, struct slice origin);

/* Of `Authorization: Bearer KEY`, `x-api-key` or `api-key`; empty: none. */
struct slice head_presented_key(const struct exchange *);

/* Whether an open listener answers to that Host header. */
bool head_host_allowed(struct slice host, const struct conf_listen *);

#endif
