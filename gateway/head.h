/* gateway/head.h - what a request's headers say, before its body is read. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "gateway/request.h"

/* Authenticates and finds the route: sets verdict, route, tenant, refusal. */
void head_judge(struct request *);

/* Of `Authorization: Bearer KEY`, `x-api-key` or `api-key`; empty: none. */
struct slice head_presented_key(const struct exchange *);

#endif
