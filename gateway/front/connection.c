/* gateway/front/connection.c - one client connection, its waits and its end.
 *
 * A connection stands in at most one queue of waits, each in order of time,
 * so that moving it is O(1) and only the heads are looked at. libmicrohttpd
 * does not notice that a suspended connection's client has left: a second
 * epoll set watches every client for that alone. A client that closes its
 * half counts as gone. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/front/private.h"
#include "gateway/lib/log.h"

#define WATCH_EVENTS 64 /* taken at once */
#define REFUSED_DRAINING USEC_SEC /* those refused may go on for so long */

struct connection *
connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

/* --- birth and death --- */

static bool
watch(struct connection *c)
{
	struct epoll_event e = { .events = EPOLLRDHUP | EPOLLET,
		.data.ptr = c };

	return epoll_ctl(c->front->watch_fd, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static void
name_peer(struct connection *c, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info != NULL ? info->client_addr : NULL;
	const struct sockaddr_in *in4 = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	char host[INET6_ADDRSTRLEN] = "?";

	if (a != NULL && a->sa_family == AF_INET) {
		inet_ntop(AF_INET, &in4->sin_addr, host, sizeof(host));
		snprintf(c->peer, sizeof(c->peer), "%s:%u", host,
		    ntohs(in4->sin_port));
	} else if (a != NULL && a->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(c->peer, sizeof(c->peer), "[%s]:%u", host,
		    ntohs(in6->sin6_port));
	} else {
		snprintf(c->peer, sizeof(c->peer), "unix");
	}
}

/* NULL: the connection is of no use and will be closed. */
static struct connection *
connection_new(struct daemon *d, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c;

	if (info == NULL)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c != NULL) {
		c->front = d->front;
		c->daemon = d;
		c->fd = info->connect_fd;
		c->wait = WAIT_NOTHING;
		list_init(&c->wait_node);
	}
	if (c == NULL || !watch(c)) {
		shutdown(info->connect_fd, SHUT_RDWR);
		free(c);
		return NULL;
	}
	name_peer(c, mhd);
	list_append(&d->connections, &c->node);
	d->n_connections++;
	d->n_silent++;
	d->front->n_connections++;
	atomic_fetch_add(&d->front->budget->connections, 1);
	connection_wait(c, WAIT_IDLE);
	front_start_tick(d->front);
	return c;
}

void
connection_spoke(struct connection *c)
{
	c->daemon->n_silent -= !c->spoken;
	c->spoken = true;
}

/* A request line that libmicrohttpd cannot keep in its memory ends the
 * connection without the notice that the request is over. */
static void
connection_free(struct connection *c)
{
	if (c->exchange != NULL)
		exchange_detach(c->exchange, false);
	(void)epoll_ctl(c->front->watch_fd, EPOLL_CTL_DEL, c->fd, NULL);
	if (c->certificate_read)
		buf_fini(&c->certificate);
	list_remove(&c->wait_node);
	list_remove(&c->node);
	connection_spoke(c);
	c->daemon->n_connections--;
	if ((c->cut && !c->left) || !linger_for(c->front, c->fd, c->sending))
		front_uncount(c->front);
	free(c);
}

void
connection_notify(void *cls, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = connection_new(cls, mhd);
	} else if (*context != NULL) {
		connection_free(*context);
		*context = NULL;
	}
}

/* Disconnecting a TCP socket sends a reset at once; libmicrohttpd's own close
 * would begin with a FIN, and that is how a body without a length ends. */
void
connection_cut(struct connection *c, bool reset)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	c->cut = true;
	if (!reset || connect(c->fd, &none, sizeof(none)) != 0)
		shutdown(c->fd, SHUT_RDWR);
	daemon_touch(c->daemon);
}

/* --- waits --- */

void
connection_wait(struct connection *c, enum wait wait)
{
	list_remove(&c->wait_node);
	c->wait = wait;
	c->daemon->fruitless = 0;
	if (wait == WAIT_NOTHING)
		return;
	c->since = clock_now();
	list_append(&c->front->waits[wait], &c->wait_node);
}

static void
expire(struct connection *c)
{
	static const char *const reasons[WAIT_KINDS + 1] = {
		[WAIT_IDLE] = "idle",
		[WAIT_HEADERS] = "header_timeout",
		[WAIT_BODY] = "body_timeout",
		[WAIT_REFUSED] = "body_timeout",
		[WAIT_CLIENT] = "client_stall",
		[WAIT_NOTHING] = "nothing",
	};
	struct exchange *x = c->exchange;
	enum wait wait = c->wait;

	log_line(wait == WAIT_IDLE ? LOG_DEBUG : LOG_INFO,
	    "connection_closed peer=%s reason=%s", c->peer, reasons[wait]);
	connection_wait(c, WAIT_NOTHING);
	if (x != NULL && (wait == WAIT_BODY || wait == WAIT_REFUSED))
		exchange_refuse_slow(x);
	if (x != NULL && wait == WAIT_CLIENT) {
		x->dead = true;
		exchange_gone(x);
	}
	connection_cut(c, wait == WAIT_CLIENT);
}

/* The process does not wait for those who get nothing from it anyway. */
static usec
refused_limit(const struct front *f, usec now)
{
	if (f->drained != 0 && now - f->drained >= REFUSED_DRAINING)
		return 1;
	return f->settings.body_timeout;
}

void
connections_expire(struct front *f, usec now)
{
	const usec limits[WAIT_KINDS] = {
		[WAIT_IDLE] = f->settings.idle_timeout,
		[WAIT_HEADERS] = f->settings.header_timeout,
		[WAIT_BODY] = f->settings.body_timeout,
		[WAIT_REFUSED] = refused_limit(f, now),
		[WAIT_CLIENT] = f->settings.client_stall,
	};
	struct connection *c;
	struct list *head;

	for (int kind = 0; kind < WAIT_KINDS; kind++) {
		head = &f->waits[kind];
		while (limits[kind] > 0 && !list_empty(head)) {
			c = CONTAINER_OF(
			    head->next, struct connection, wait_node);
			if (now - c->since < limits[kind])
				break;
			expire(c);
		}
	}
}

bool
connections_end_oldest(struct front *f, enum wait wait, usec at_least)
{
	struct list *head = &f->waits[wait];
	struct connection *c;

	if (list_empty(head))
		return false;
	c = CONTAINER_OF(head->next, struct connection, wait_node);
	if (clock_now() - c->since < at_least)
		return false;
	log_debug("connection_closed peer=%s reason=connection_limit", c->peer);
	connection_wait(c, WAIT_NOTHING);
	if (c->exchange != NULL)
		exchange_refuse(c->exchange, 503, "connection_limit",
		    "The gateway has as many connections as it may.");
	connection_cut(c, false);
	return true;
}

/* --- who has left --- */

/* Where the last bytes and the end come at once, libmicrohttpd reads the bytes
 * and waits for an edge that has passed: it has to be told. An answer that is
 * whole may still reach a client that has only closed its half. */
static void
client_left(struct connection *c)
{
	if (c->left) /* cutting it makes an edge as well */
		return;
	c->left = true;
	if (c->exchange == NULL || !c->exchange->known)
		connection_cut(c, false);
	else if (c->exchange->stage != STAGE_TUNNEL) /* it reads to the end */
		exchange_gone(c->exchange);
}

void
connections_watch(uv_poll_t *h, int status, int events)
{
	struct front *f = CONTAINER_OF(h, struct front, watch_poll);
	struct epoll_event list[WATCH_EVENTS];
	int n;

	(void)status;
	(void)events;
	do {
		n = epoll_wait(f->watch_fd, list, WATCH_EVENTS, 0);
		for (int i = 0; i < n; i++) {
			client_left(list[i].data.ptr);
		}
	} while (n == WATCH_EVENTS);
}
