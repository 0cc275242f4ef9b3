/* gateway/head.h - what a request's headers say, before its body is read. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "gateway/request.h"

/* Authenticates and finds the route: sets verdict, route, tenant, refusal. */
void head_judge(struct request *);

/* How many gateways it has come through; one more than HEAD_HOPS_MOST is as
 * good as any number. Said to a backend where it is not 0. */
#define HEAD_HOPS_MOST 4
unsigned head_hops(const struct exchange *);

/* Of `Authorization: Bearer KEY`, `x-api-key` or `api-key`; empty: none. */
struct slice head_presented_key(const struct exchange *);

#endif
