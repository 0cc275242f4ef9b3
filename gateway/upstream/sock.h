/* gateway/upstream/sock.h - libcurl's sockets, watched by a uv loop.
 *
 * A table from descriptor to watcher. The socket of a connection that works
 * keeps its watcher until libcurl closes it, however often libcurl loses
 * interest in between: a request on it then costs no system call here. */
#ifndef GATEWAY_UPSTREAM_SOCK_H
#define GATEWAY_UPSTREAM_SOCK_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

#include "gateway/upstream/peer.h"

struct sock;

struct sock_table {
	uv_loop_t *loop;
	struct sock **by_fd;
	size_t n; /* places in by_fd */
	unsigned open; /* watchers that uv has not let go of */
	struct peer_table peers; /* whose they are, and which idle */
	unsigned turn; /* claims made in it count */
	struct list
	    asked; /* kept connections in use again, the first one first */
	uv_timer_t hear; /* until the first of them must have been heard */
	/* From the loop: descriptor is ready; bits are CURL_CSELECT_*. */
	void (*on_ready)(void *owner, curl_socket_t, int bits);
	/* From the loop: the far end has closed a connection to a peer after it
	 * had idled for so long. May be NULL. */
	void (*on_lost)(void *lost_arg, uint32_t peer, usec idled);
	void *lost_arg;
	/* The last watcher is gone; only after sock_table_fini(). */
	void (*on_closed)(void *arg);
	void *arg;
	bool closing;
};

void sock_table_init(struct sock_table *, uv_loop_t *,
    void (*on_ready)(void *owner, curl_socket_t, int bits));
/* Says when every watcher is gone. All sockets must have been closed. */
void sock_table_fini(
    struct sock_table *, void (*on_closed)(void *arg), void *arg);

/* A non-blocking socket for a connection to that peer, or CURL_SOCKET_BAD and
 * errno. */
curl_socket_t sock_open(
    struct sock_table *, uint32_t peer, const struct curl_sockaddr *);
void sock_close(struct sock_table *, curl_socket_t);
/* It is somebody else's to watch from now on. */
void sock_let_go(struct sock_table *, curl_socket_t);
/* Whose transfer the socket is, as it stands when libcurl loses interest. */
enum sock_use {
	SOCK_CONNECTS, /* it is closed without a word (libcurl 7.88) */
	SOCK_PAUSES, /* the transfer goes on later */
	SOCK_IDLES, /* it is over; its end will be told with sock_close() */
	SOCK_IDLES_HTTP2, /* likewise, and the far end may speak */
};
/* What libcurl wants to know of the socket: CURL_POLL_*. */
void sock_want(struct sock_table *, void *owner, uint32_t peer, curl_socket_t,
    int what, enum sock_use);

/* The owner of an idle connection to the peer that nobody else has claimed in
 * this turn, the one used last where `fits` likes several; NULL: none. */
void *sock_claim(
    struct sock_table *, uint32_t peer, bool (*fits)(const void *owner));
/* Before idle connections are used: puts aside those on which something has
 * come since the loop looked. */
void sock_look(struct sock_table *);
/* Who has claimed one has begun to use it by now, or never will. */
void sock_next_turn(struct sock_table *);

#endif
