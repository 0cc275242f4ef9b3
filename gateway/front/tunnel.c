/* gateway/front/tunnel.c - an exchange whose connection changes protocols.
 *
 *	101 queued --libmicrohttpd has sent it--> open --tunnel_close()--> over
 *
 * While it is open the socket is ours to poll, read and write; libmicrohttpd
 * closes it once it is told to. What the client sends goes on from one buffer
 * on the stack: nothing is queued here in that direction.
 *
 * Behind TLS libmicrohttpd would hand out one end of a pair of sockets, and
 * carry the bytes itself, in what is left of the connection's memory. That is
 * next to nothing: 0.9.75 takes four bytes at a time, and never notices that
 * its end was closed. So there it hears of no upgrade:
 *
 *	suspended --tunnel_open()--> open --tunnel_close()--> resumed, closed
 *
 * While a connection is suspended libmicrohttpd uses neither its socket nor its
 * TLS session, and we use both. What came before the 101 it may have read; a
 * client has to wait for that (RFC 6455, 4.1). Of a record that the socket did
 * not take the rest is kept here: GnuTLS would send it once more if the client
 * asked for new keys in between. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/front/private.h"

#define PIECE ((size_t)16 << 10) /* bytes read at once: all of a TLS record */
#define PIECES 4 /* before others have a turn */
#define SEALED_MAX ((size_t)64 << 10) /* a record, and alerts */

struct tunnel {
	uv_poll_t poll;
	struct exchange *exchange; /* NULL: it is over */
	bool open;
	struct MHD_UpgradeResponseHandle *urh; /* NULL: it is behind TLS */
	void *tls; /* then; else NULL */
	struct buf sealed; /* the rest of a record */
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

	return x->http10 ? &old : NULL;
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
	buf_init(&x->tunnel->sealed, SEALED_MAX);
	return true;
}

/* --- the socket --- */

static void on_poll(uv_poll_t *, int status, int events);

static bool
has_more(const struct tunnel *t)
{
	return t->exchange->queue.n > t->exchange->taken || t->sealed.n > 0;
}

static void
watch(struct tunnel *t)
{
	int events = UV_DISCONNECT;

	if (!t->held)
		events |= UV_READABLE;
	if (has_more(t))
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

static ssize_t
read_bytes(struct tunnel *t, char *out, size_t n)
{
	return t->tls != NULL ? tls_recv(t->tls, out, n)
			      : recv(t->fd, out, n, MSG_DONTWAIT);
}

static ssize_t
write_socket(struct tunnel *t, const char *bytes, size_t n)
{
	return send(t->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool
must_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* From TLS: takes all of it. */
static ssize_t
on_record(void *arg, const void *bytes, size_t n)
{
	struct tunnel *t = arg;
	ssize_t sent = t->sealed.n > 0 ? 0 : write_socket(t, bytes, n);
	struct slice rest = slice_make(bytes, n);

	if (sent < 0 && !must_wait())
		return -1;
	if (sent > 0)
		rest = slice_make(rest.p + sent, n - (size_t)sent);
	buf_add(&t->sealed, rest);
	if (buf_err(&t->sealed) == OK)
		return (ssize_t)n;
	errno = ENOMEM;
	return -1;
}

static ssize_t
send_sealed(struct tunnel *t)
{
	ssize_t n = write_socket(t, t->sealed.p, t->sealed.n);

	if (n > 0)
		buf_consume(&t->sealed, (size_t)n);
	if (t->sealed.n == 0)
		buf_fini(&t->sealed);
	return n;
}

static ssize_t
send_queued(struct tunnel *t)
{
	struct exchange *x = t->exchange;
	const char *bytes = x->queue.p + x->taken;
	size_t most = x->queue.n - x->taken;
	ssize_t n = t->tls != NULL ? tls_send(t->tls, bytes, most)
				   : write_socket(t, bytes, most);

	if (n > 0)
		answer_took(x, (size_t)n);
	return n;
}

/* The end of what it sends is the end of a client. */
static void
take_in(struct tunnel *t)
{
	char bytes[PIECE];
	ssize_t n;

	for (int i = 0; i < PIECES && !t->held; i++) {
		n = read_bytes(t, bytes, sizeof(bytes));
		if (n > 0) {
			hand_on(t, slice_make(bytes, (size_t)n));
			continue;
		}
		if (n == 0 || !must_wait())
			exchange_gone(t->exchange);
		return;
	}
}

static void
on_poll(uv_poll_t *h, int status, int events)
{
	struct tunnel *t = CONTAINER_OF(h, struct tunnel, poll);

	if (!t->open)
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
	while (has_more(t)) {
		if ((t->sealed.n > 0 ? send_sealed(t) : send_queued(t)) < 0)
			return must_wait();
		connection_wait(t->exchange->connection, WAIT_NOTHING);
	}
	return true;
}

/* --- life --- */

static void
tunnel_free(struct tunnel *t)
{
	buf_fini(&t->early);
	buf_fini(&t->sealed);
	free(t);
}

static void
on_poll_closed(uv_handle_t *h)
{
	struct tunnel *t = CONTAINER_OF((uv_poll_t *)h, struct tunnel, poll);

	front_handle_closed(h);
	tunnel_free(t);
}

void
tunnel_close(struct exchange *x)
{
	struct tunnel *t = x->tunnel;

	x->tunnel = NULL;
	t->exchange = NULL;
	if (!t->open) {
		tunnel_free(t);
		return;
	}
	t->open = false;
	connection_wait(x->connection, WAIT_NOTHING);
	x->connection->sending = true; /* whenever it likes */
	uv_close((uv_handle_t *)&t->poll, on_poll_closed);
	if (t->tls != NULL) {
		tls_send_by(t->tls, NULL, NULL);
		x->dead = true; /* exchange_handle() says no */
		exchange_resume(x);
	} else {
		daemon_touch(x->connection->daemon);
		MHD_upgrade_action(t->urh, MHD_UPGRADE_ACTION_CLOSE);
	}
}

/* The 101 is out, or in front of the queue: false, and dead, where the socket
 * cannot be polled. */
static bool
begin(struct exchange *x, int fd)
{
	struct tunnel *t = x->tunnel;
	const int on = 1;

	/* of a Unix socket there is nothing to set */
	(void)setsockopt(
	    x->connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	connection_wait(x->connection, WAIT_NOTHING);
	front_touch(x->front, x);
	if (uv_poll_init(x->front->loop, &t->poll, fd) != 0) {
		x->dead = true;
		return false;
	}
	x->stage = STAGE_TUNNEL;
	t->open = true;
	t->fd = fd;
	t->poll.data = x->front;
	x->front->n_handles++;
	return true;
}

/* Called inside libmicrohttpd: the 101 is out. */
static void
on_upgrade(void *cls, struct MHD_Connection *mhd, void *con_cls,
    const char *extra, size_t n, MHD_socket fd,
    struct MHD_UpgradeResponseHandle *urh)
{
	struct exchange *x = cls;

	(void)mhd;
	(void)con_cls;
	if (!begin(x, fd)) {
		MHD_upgrade_action(urh, MHD_UPGRADE_ACTION_CLOSE);
		return;
	}
	x->tunnel->urh = urh;
	buf_add(&x->tunnel->early, slice_make(extra, n));
}

struct MHD_Response *
tunnel_response(struct exchange *x)
{
	return MHD_create_response_for_upgrade(on_upgrade, x);
}

/* --- behind TLS --- */

bool
tunnel_is_apart(const struct exchange *x)
{
	return x->tunnel != NULL && daemon_is_tls(x->connection->daemon);
}

/* In front of what is queued. A value with the end of a line is left out, as
 * libmicrohttpd would. */
static bool
queue_head(struct exchange *x)
{
	const char *p = x->headers.p, *end = p + x->headers.n, *name;
	struct buf all;

	buf_init(&all, x->queue.max);
	buf_add_str(&all,
	    "HTTP/1.1 101 Switching Protocols\r\n"
	    "Connection: Upgrade\r\n");
	while (p < end) {
		name = p;
		p += strlen(p) + 1;
		if (strpbrk(p, "\r\n") == NULL)
			buf_addf(&all, "%s: %s\r\n", name, p);
		p += strlen(p) + 1;
	}
	buf_add_str(&all, "\r\n");
	buf_add(&all, buf_slice(&x->queue)); /* none of it is sent yet */
	buf_fini(&x->headers);
	buf_fini(&x->queue);
	x->queue = all;
	return buf_err(&all) == OK;
}

bool
tunnel_open(struct exchange *x)
{
	struct tunnel *t = x->tunnel;
	const int off = 0;

	t->tls = tls_of(x);
	if (t->tls == NULL || !queue_head(x) || !begin(x, x->connection->fd)) {
		x->dead = true;
		return false;
	}
	/* libmicrohttpd leaves it corked behind an answer */
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof(off));
	tls_send_by(t->tls, on_record, t);
	take_in(t); /* what TLS has unpacked already makes no event */
	return true;
}

/* --- what is due --- */

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
	if (x->dead || (x->ended && (x->gone || !has_more(t)))) {
		tunnel_close(x);
		return;
	}
	if (has_more(t) && x->connection->wait == WAIT_NOTHING)
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
