/* gateway/shared/redis.h - a connection to a Redis server, on a uv loop.
 *
 *	down --redis_tick--> connecting, greeting --> up
 *	  ^------ an error, or no answer for long ----'
 *
 * It runs one script and nothing else. Works with Redis 5 and later, and with
 * what speaks its protocol (RESP2); not with a cluster, and without TLS.
 * Whatever it answers, it is the server that is left. Main thread. */
#ifndef GATEWAY_SHARED_REDIS_H
#define GATEWAY_SHARED_REDIS_H

#include <stdbool.h>
#include <uv.h>

#include "gateway/conf/conf.h"
#include "gateway/lib/clock.h"
#include "gateway/shared/resp.h"

struct redis;

#define REDIS_CALLS_MAX 256 /* that are under way */

struct redis_ops {
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const char *why);
	/* Of each call, once; NULL, when it goes down: nobody knows whether the
	 * script has run. */
	void (*on_reply)(void *arg, void *call, const struct resp_answer *);
};

struct redis *redis_new(
    uv_loop_t *, const char *script, const struct redis_ops *, void *arg);
/* Where it is, from now on; no address: nowhere. */
void redis_configure(struct redis *, const struct conf_shared_limits *);
/* Connects, if it is time to, and gives up what has taken too long. */
void redis_tick(struct redis *, usec now);
bool redis_is_up(const struct redis *);
/* Runs the script, of which the call is told; false: nothing was sent. */
bool redis_run(struct redis *, const struct slice *keys, size_t n_keys,
    const struct slice *args, size_t n_args, void *call);
/* The server is of no use, for this reason: down, and tried again later. */
void redis_fail(struct redis *, const char *why);
void redis_fail_as_told(struct redis *, struct slice error);
/* Lets go of the loop; free it once that has ended. */
void redis_stop(struct redis *);
void redis_free(struct redis **);

#endif
