/* gateway/upstream/multi.h - a set of CURLMs on one uv loop.
 *
 * libcurl looks at all open connections to a host for each new transfer, so
 * each CURLM carries few transfers and there are as many as it takes. A place
 * is taken where a connection idles, else first fit: load gathers in the first
 * ones, where connections stay warm, and the last ones fall idle and are
 * freed.
 *
 * Streams of HTTP/2 share no connection. Of one whose client is slow libcurl
 * would take in as much as its window allows (32 MB in 7.88, 10 MB in 8.23)
 * where the socket could hold the far end up, and that may refuse the others
 * meanwhile; and 7.88 to 8.14 keep RST_STREAM until the connection has traffic
 * again, where closing it is heard at once. */
#ifndef GATEWAY_UPSTREAM_MULTI_H
#define GATEWAY_UPSTREAM_MULTI_H

#include "gateway/lib/clock.h"
#include "gateway/lib/list.h"
#include "gateway/upstream/sock.h"

#define MULTI_TRANSFERS 32 /* of one CURLM, which takes 40 KB */

struct multi;

struct multi_set {
	uv_loop_t *loop;
	struct sock_table socks;
	struct multi **all; /* a freed one leaves a NULL */
	size_t n, first_free; /* no room before first_free */
	unsigned used; /* of all, not NULL */
	struct list due; /* libcurl wants to run these at once */
	struct list again; /* and these once more, next loop turn */
	bool starts; /* there are transfers that have not run yet */
	unsigned inside; /* calls into libcurl that may call back */
	uv_timer_t trim;
	uv_idle_t idle; /* active while `again` has any */
	unsigned open; /* uv handles not closed yet, but for sockets */
	/* A transfer is complete; not inside libcurl. The owner takes it off
	 * with multi_remove(). */
	void (*on_complete)(CURL *, CURLcode);
	void (*on_closed)(void *arg);
	void *arg;
};

void multi_set_init(
    struct multi_set *, uv_loop_t *, void (*on_complete)(CURL *, CURLcode));
/* All transfers must be off. on_closed comes from the loop. */
void multi_set_fini(
    struct multi_set *, void (*on_closed)(void *arg), void *arg);

/* What there is to know of a transfer. */
struct multi_word {
	uint32_t peer; /* to whom; 0: nobody that matters */
	bool fresh; /* no idle connection will do */
	const bool *answered; /* becomes true with the answer's first byte */
	const bool *held; /* true while libcurl is not to read more */
};
/* The multi that took it: one with an idle connection to the peer, if there is
 * any; NULL without memory. */
struct multi *multi_add(struct multi_set *, CURL *, const struct multi_word *);
/* Closes the connection of an unfinished transfer. */
void multi_remove(struct multi *, CURL *);
/* curl_easy_pause(CURLPAUSE_CONT): bytes may come from within. */
CURLcode multi_unpause(struct multi *, CURL *);
/* Runs what is due; true when anything was. */
bool multi_set_run(struct multi_set *);

#endif
