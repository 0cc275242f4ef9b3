/* gateway/front/tunnel.c - an exchange whose connection changes protocols.
 *
 *	101 queued --libmicrohttpd has sent it--> open --tunnel_close()--> over
 *
 * While it is open the socket is ours to poll, read and write; libmicrohttpd
 * closes it once it is told to. What the client sends goes on from one buffer
 * on the stack: nothing is queued here in that direction.
 *
 * Not behind TLS: there libmicrohttpd hands out one end of a pair of sockets,
 * and carries the bytes itself, in what is left of the connection's memory.
 * That is next to nothing: 0.9.75 takes four bytes at a time, and never notices
 * that its end was closed. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "gateway/front/private.h"

#define PIECE ((size_t)16 << 10) /* bytes read at once */
#define PIECES 4 /* before others have a turn */

struct tunnel {
	uv_poll_t poll;
	struct exchange *exchange; /* NULL: it is over */
	struct MHD_UpgradeResponseHandle *urh; /* NULL: not open */
	int fd;
	int watched; /* UV_* events */
	bool held; /* on_bytes has said no */
	bool (*on_bytes)(void *arg, struct slice);
	struct buf early; /* came with the request's head */
};

const struct exchange_refusal *
exchange_untunnelled(const struct exchange *x)
{
	static const struct exchange_refusal old = { 426, "upgrade_required",
		"HTTP/1.0 knows no upgrade: use HTTP/1.1" };
	static const struct exchange_refusal tls = { 501, "not_supported",
		"this gateway's own TLS carries no WebSocket: use its address "
		"without TLS, or a proxy that ends TLS in front of it" };

	if (x->http10)
		return &old;
	return daemon_is_tls(x->connection->daemon) ? &tls : NULL;
}

bool
exchange_tunnel(struct exchange *x, bool (*on_bytes)(void *arg, struct slice))
{
	x->tunnel = calloc(1, sizeof(*x->tunnel));
	if (x->tunnel == NULL)
		return false;
	x->tunnel->exchange = x;
	x->tunnel->fd = -1;
	x->tunnel->on_bytes = on_bytes;
	buf_init(&x->tunnel->early, x->front->settings.limits.header);
	return true;
}

/* --- the socket --- */

static void on_poll(uv_poll_t *, int status, int events);

static void
watch(struct tunnel *t)
{
	int events = UV_DISCONNECT;

	if (!t->held)
		events |= UV_READABLE;
	if (t->exchange->queue.n > t->exchange->taken)
		events |= UV_WRITABLE;
	if (events != t->watched)
		uv_poll_start(&t->poll, events, on_poll);
	t->watched = events;
}

static void
hand_on(struct tunnel *t, struct slice bytes)
{
	struct exchange *x = t->exchange;

	if (!x->dead && !x->ended && !t->on_bytes(x->sink.arg, bytes))
		t->held = true;
}

/* The end of what it sends is the end of a client. */
static void
take_in(struct tunnel *t)
{
	char bytes[PIECE];
	ssize_t n;

	for (int i = 0; i < PIECES && !t->held; i++) {
		n = recv(t->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0) {
			hand_on(t, slice_make(bytes, (size_t)n));
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			exchange_gone(t->exchange);
		return;
	}
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct tunnel *t = CONTAINER_OF(h, struct tunnel, poll);

	if (t->urh == NULL)
		return;
	if (status == 0 && (events & UV_READABLE) != 0)
		take_in(t);
	/* who is not read from would not be noticed otherwise */
	if (status != 0 || (t->held && (events & UV_DISCONNECT) != 0))
		exchange_gone(t->exchange);
	front_touch(t->exchange->front, t->exchange);
}

/* False: nobody is there to take it. */
static bool
send_out(struct tunnel *t)
{
	struct exchange *x = t->exchange;
	ssize_t n;

	while (x->queue.n > x->taken) {
		n = send(t->fd, x->queue.p + x->taken, x->queue.n - x->taken,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		answer_took(x, (size_t)n);
		connection_wait(x->connection, WAIT_NOTHING);
	}
	return true;
}

/* --- life --- */

static void
on_poll_closed(uv_handle_t *h)
{
	struct tunnel *t = CONTAINER_OF((uv_poll_t *)h, struct tunnel, poll);

	front_handle_closed(h);
	buf_fini(&t->early);
	free(t);
}

void
tunnel_close(struct exchange *x)
{
	struct tunnel *t = x->tunnel;
	struct MHD_UpgradeResponseHandle *urh = t->urh;

	x->tunnel = NULL;
	t->exchange = NULL;
	t->urh = NULL;
	if (urh == NULL) { /* it never opened */
		buf_fini(&t->early);
		free(t);
		return;
	}
	connection_wait(x->connection, WAIT_NOTHING);
	x->connection->sending = true; /* whenever it likes */
	uv_close((uv_handle_t *)&t->poll, on_poll_closed);
	daemon_touch(x->connection->daemon);
	MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
}

/* Called inside libmicrohttpd: the 101 is out. */
static void
on_upgrade(void *cls, struct MHD_Connection *mhd, void *con_cls,
    const char *extra, size_t n, MHD_socket fd,
    struct MHD_UpgradeResponseHandle *urh)
{
	struct exchange *x = cls;
	struct tunnel *t = x->tunnel;
	const int on = 1;

	(void)mhd;
	(void)con_cls;
	/* of a Unix socket there is nothing to set */
	(void)setsockopt(
	    x->connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	x->stage = STAGE_TUNNEL;
	connection_wait(x->connection, WAIT_NOTHING);
	front_touch(x->front, x);
	if (uv_poll_init(x->front->loop, &t->poll, fd) != 0) {
		x->dead = true;
		MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	t->urh = urh;
	t->fd = fd;
	t->poll.data = x->front;
	x->front->n_handles++;
	buf_add(&t->early, slice_make(extra, n));
}

struct MHD_Response *
tunnel_response(struct exchange *x)
{
	return MHD_create_response_for_upgrade(on_upgrade, x);
}

static void
hand_on_early(struct tunnel *t)
{
	if (t->early.n == 0)
		return;
	hand_on(t, buf_slice(&t->early));
	buf_fini(&t->early);
}

void
tunnel_settle(struct exchange *x)
{
	struct tunnel *t = x->tunnel;

	if (t == NULL) /* libmicrohttpd is closing it */
		return;
	hand_on_early(t);
	if (!x->dead && !send_out(t))
		exchange_gone(x);
	if (x->dead || (x->ended && (x->gone || x->queue.n == x->taken))) {
		tunnel_close(x);
		return;
	}
	if (x->queue.n > x->taken && x->connection->wait == WAIT_NOTHING)
		connection_wait(x->connection, WAIT_CLIENT);
	watch(t);
}

void
exchange_tunnel_resume(struct exchange *x)
{
	if (x->tunnel == NULL || !x->tunnel->held)
		return;
	x->tunnel->held = false;
	front_touch(x->front, x);
}
