/* gateway/upstream/sock_parts.h - what sock.c and sock_idle.c share: the
 * watcher of one socket. */
#ifndef GATEWAY_UPSTREAM_SOCK_PARTS_H
#define GATEWAY_UPSTREAM_SOCK_PARTS_H

#include "gateway/upstream/sock.h"

struct sock {
	uv_poll_t poll;
	struct sock_table *table;
	void *owner; /* who asked last */
	curl_socket_t fd;
	int want; /* UV_* bits; 0: libcurl lets it be */
	enum sock_use use; /* as it is while nothing is wanted */
	int polled; /* UV_* bits as uv has them */
	struct peer_link link;
	struct list asked; /* in the table's */
	usec asked_at;
};

void sock_watch(struct sock *, int bits);

/* --- sock_idle.c --- */

/* Looks at one that idles, and goes on watching it. */
void sock_watch_idle(struct sock *, bool ended, bool readable);
/* libcurl takes it up, perhaps again: then it is to be heard of soon. */
void sock_begin_use(struct sock *);

#endif
