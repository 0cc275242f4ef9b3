/* gateway/shared/lookup.h - the addresses of a name, by a thread of its own.
 *
 * Nobody waits for it: a resolver that does not answer holds up neither a loop
 * nor the end of the process, as a thread of libuv's pool would. */
#ifndef GATEWAY_SHARED_LOOKUP_H
#define GATEWAY_SHARED_LOOKUP_H

#include <netdb.h>
#include <stdbool.h>

struct lookup;

/* NULL: it cannot begin. */
struct lookup *lookup_start(const char *name, unsigned port);
bool lookup_is_over(const struct lookup *);
/* Once it is over: the addresses; NULL, and why. */
const struct addrinfo *lookup_found(const struct lookup *, const char **why);
/* Whether it is over or not. */
void lookup_leave(struct lookup **);

#endif
