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

struct sock;

struct sock_table {
	uv_loop_t *loop;
	struct sock **by_fd;
	size_t n; /* places in by_fd */
	unsigned open; /* watchers that uv has not let go of */
	/* From the loop: descriptor is ready; bits are CURL_CSELECT_*. */
	void (*on_ready)(void *owner, curl_socket_t, int bits);
	/* The last watcher is gone; only after sock_table_fini(). */
	void (*on_closed)(void *arg);
	void *arg;
	bool closing;
};

/* Says when every watcher is gone: at once if there is none. All sockets must
 * have been closed. */
void sock_table_fini(
    struct sock_table *, void (*on_closed)(void *arg), void *arg);

/* A non-blocking socket, or CURL_SOCKET_BAD and errno. */
curl_socket_t sock_open(struct sock_table *, const struct curl_sockaddr *);
void sock_close(struct sock_table *, curl_socket_t);
/* What libcurl wants to know of the socket: CURL_POLL_*. `works`: the
 * connection is established and in use, so that its end will be told with
 * sock_close(). libcurl (7.88) closes others without a word. */
void sock_want(
    struct sock_table *, void *owner, curl_socket_t, int what, bool works);

#endif
