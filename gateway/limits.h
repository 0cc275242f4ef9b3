/* gateway/limits.h - a request and the limits of its tenant and key. */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

#include "gateway/lib/digits.h"
#include "gateway/request.h"

/* Before the router is asked: reserves what the request will take. False: a
 * limit is in the way, *e says which, and nothing was taken. *e has no status
 * when there are too many at a time for the first time: that somebody has left
 * may not have been heard of yet, so it is to be asked again. */
bool limits_take(struct request *, struct error_reply *);
/* The longest answer, where there is a cap: what the client has said, or the
 * cap; 0: there is none. */
uint32_t limits_longest(const struct request *);
/* No backend will see it: ahead of an answer that says so, and what is left. */
void limits_give_back(struct request *);
/* A session goes on, and has used so much in all: charges what is new of it.
 * NULL; or a budget is spent: the setting's name, for good, and *e says it as
 * to a request. */
const char *limits_charge(
    struct request *, const struct usage *, struct error_reply *e);
/* Once, at FINISH, when the outcome is complete. */
void limits_settle(struct request *);

/* x-ratelimit-* and x-pointsman-budget, as far as there are such limits. */
#define LIMIT_HEADERS_MAX 7
struct limit_headers {
	struct header list[LIMIT_HEADERS_MAX];
	char text[LIMIT_HEADERS_MAX][DIGITS_MAX];
	size_t n;
};
void limits_headers(const struct request *, struct limit_headers *);

#endif
