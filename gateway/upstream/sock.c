/* gateway/upstream/sock.c - libcurl's sockets, watched by a uv loop.
 *
 * Invariant: a watcher in the table belongs to a descriptor that libcurl has
 * open, or has just closed and is about to say so. Its memory goes when uv
 * has let go of it. */
#include "gateway/upstream/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/lib/log.h"

#define TABLE_FIRST 64 /* places */
#define CLAIM_LOOK 8 /* idle connections that are looked at */
#define LAST_WORDS 64 /* reads of what an idle connection ends with */
#define LOOK_MAX 256 /* sockets that are ready at one look */

struct sock {
	uv_poll_t poll;
	struct sock_table *table;
	void *owner; /* who asked last */
	curl_socket_t fd;
	int want; /* UV_* bits; 0: libcurl lets it be */
	enum sock_use use; /* as it is while nothing is wanted */
	int polled; /* UV_* bits as uv has them */
	struct peer_link link;
};

static void on_poll(uv_poll_t *, int status, int events);

static void
sock_watch(struct sock *s, int bits)
{
	int rc;

	if (s->polled == bits)
		return;
	rc = bits != 0 ? uv_poll_start(&s->poll, bits, on_poll)
		       : uv_poll_stop(&s->poll);
	if (rc != 0)
		log_error("upstream_socket fd=%d reason=\"%s\"", s->fd,
		    uv_strerror(rc));
	s->polled = rc == 0 ? bits : 0;
}

/* Whether what came on an idle connection is its end: that of the stream, or an
 * alert of TLS, as whoever closes sends one first and may wait for ours. In TLS
 * 1.3 it is dressed up as data, of two bytes, one for its kind and a tag of 16.
 */
static bool
is_end(curl_socket_t fd)
{
	enum { ALERT = 21, DATA = 23, SEALED = 2 + 1 + 16 };
	unsigned char head[5];
	ssize_t n = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(head))
		return n == 0;
	return head[0] == ALERT ||
	    (head[0] == DATA && head[3] == 0 && head[4] == SEALED);
}

/* What uv says may be old by now: libcurl may have read it while it was told of
 * another socket, and with it the end of the answer. */
static bool
has_come(curl_socket_t fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* libcurl (7.88) takes a connection that has something to read for alive, an
 * alert too, and would send a request into it: it is given nothing to read. */
static bool
bury(curl_socket_t fd)
{
	char rest[512];
	ssize_t n = 1;

	for (int i = 0; i < LAST_WORDS && n > 0; i++)
		n = recv(fd, rest, sizeof(rest), MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_RDWR);
	return n == 0;
}

/* It idles no more, and nobody will use it again. */
static void
end_idle(struct sock *s, bool closed)
{
	struct sock_table *t = s->table;
	bool idle = s->link.idle;
	usec idled = idle ? clock_now() - s->link.idle_since : 0;

	closed |= is_end(s->fd);
	closed |= bury(s->fd);
	sock_watch(s, 0);
	peer_lose(&s->link);
	if (!closed)
		log_info("upstream_unasked fd=%d reason=\"bytes on an idle "
			 "connection\"",
		    s->fd);
	else if (idle && t->on_lost != NULL)
		t->on_lost(t->lost_arg, s->link.peer->id, idled);
}

/* In HTTP/1 nothing may come before the next request. Libcurl would take it for
 * that request's answer: one client would get what another asked for. HTTP/2
 * has much to say, and is left for libcurl to read before it uses the
 * connection again; and the end of the stream is waited for. */
static void
watch_idle(struct sock *s, bool ended, bool readable)
{
	if (s->use == SOCK_IDLES && (ended || (readable && has_come(s->fd))))
		end_idle(s, ended);
	else if (s->use == SOCK_IDLES_SHARED && (ended || is_end(s->fd)))
		end_idle(s, ended);
	else if (s->use == SOCK_IDLES)
		sock_watch(s, UV_READABLE);
	else
		sock_watch(s, s->use == SOCK_IDLES_SHARED ? UV_DISCONNECT : 0);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct sock *s = poll->data;
	int bits = 0;

	if (status < 0)
		s->polled = 0; /* uv stops watching on an error */
	if (s->want == 0) {
		watch_idle(s, status < 0 || (events & UV_DISCONNECT) != 0,
		    (events & UV_READABLE) != 0);
		return;
	}
	/* What came before an error is still there to be read: who refuses a
	 * long body may say why, and not wait for its end. Told of the error
	 * alone libcurl would not look, and told that it may write would do
	 * that first where it can. */
	if (status < 0) {
		bits = CURL_CSELECT_ERR;
		events = s->want & UV_READABLE ? UV_READABLE : s->want;
	}
	if (events & UV_READABLE)
		bits |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		bits |= CURL_CSELECT_OUT;
	s->table->on_ready(s->owner, s->fd, bits);
	if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
		sock_watch(s, s->want);
}

static struct sock *
sock_find(const struct sock_table *t, curl_socket_t fd)
{
	return fd >= 0 && (size_t)fd < t->n ? t->by_fd[fd] : NULL;
}

static bool
table_reach(struct sock_table *t, curl_socket_t fd)
{
	size_t n = t->n > 0 ? t->n : TABLE_FIRST;
	struct sock **p;

	if ((size_t)fd < t->n)
		return true;
	while (n <= (size_t)fd)
		n *= 2;
	p = realloc(t->by_fd, n * sizeof(struct sock *));
	if (p == NULL)
		return false;
	memset(p + t->n, 0, (n - t->n) * sizeof(struct sock *));
	t->by_fd = p;
	t->n = n;
	return true;
}

static void
table_let_go(struct sock_table *t)
{
	if (!t->closing || t->open > 0)
		return;
	free(t->by_fd);
	t->by_fd = NULL;
	t->n = 0;
	peer_table_fini(&t->peers);
	t->on_closed(t->arg);
}

static void
on_poll_closed(uv_handle_t *handle)
{
	struct sock *s = handle->data;
	struct sock_table *t = s->table;

	free(s);
	t->open--;
	table_let_go(t);
}

static void
sock_drop(struct sock *s)
{
	s->table->by_fd[s->fd] = NULL;
	peer_close(&s->link);
	uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static struct sock *
sock_new(struct sock_table *t, uint32_t peer, curl_socket_t fd)
{
	struct sock *s;

	if (!table_reach(t, fd))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->table = t;
	s->fd = fd;
	if (uv_poll_init(t->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	peer_open(&s->link, peer_get(&t->peers, peer));
	s->poll.data = s;
	t->by_fd[fd] = s;
	t->open++;
	return s;
}

void
sock_table_fini(struct sock_table *t, void (*on_closed)(void *arg), void *arg)
{
	t->on_closed = on_closed;
	t->arg = arg;
	t->closing = true;
	table_let_go(t);
}

/* libcurl may have closed a connection attempt unseen, and the kernel given
 * its number out again; and libcurl then takes the new socket to be watched as
 * the old one was. */
static struct sock *
sock_replace(struct sock_table *t, uint32_t peer, curl_socket_t fd)
{
	struct sock *old = sock_find(t, fd), *s;
	int want = 0;

	if (old != NULL) {
		want = old->want;
		sock_drop(old);
	}
	s = sock_new(t, peer, fd);
	if (s != NULL && want != 0) {
		s->owner = old->owner;
		s->want = want;
		sock_watch(s, want);
	}
	return s;
}

curl_socket_t
sock_open(struct sock_table *t, uint32_t peer, const struct curl_sockaddr *addr)
{
	curl_socket_t fd = socket(addr->family,
	    addr->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, addr->protocol);

	if (fd < 0)
		return CURL_SOCKET_BAD;
	if (sock_replace(t, peer, fd) == NULL) {
		close(fd);
		errno = ENOMEM;
		return CURL_SOCKET_BAD;
	}
	return fd;
}

void
sock_close(struct sock_table *t, curl_socket_t fd)
{
	struct sock *s = sock_find(t, fd);

	if (s != NULL)
		sock_drop(s);
	close(fd);
}

static void
lose_interest(struct sock *s, enum sock_use use)
{
	if (use == SOCK_CONNECTS) {
		sock_drop(s);
		return;
	}
	s->want = 0;
	s->use = use;
	if (use != SOCK_PAUSES && s->link.peer != NULL)
		peer_idle(&s->link, clock_now());
}

void
sock_want(struct sock_table *t, void *owner, uint32_t peer, curl_socket_t fd,
    int what, enum sock_use use)
{
	struct sock *s = sock_find(t, fd);

	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			lose_interest(s, use);
		return;
	}
	if (s == NULL)
		s = sock_new(t, peer, fd);
	if (s == NULL) {
		log_error("upstream_socket fd=%d reason=\"not watched\"", fd);
		return;
	}
	peer_use(&s->link);
	s->owner = owner;
	s->want = (what & CURL_POLL_IN ? UV_READABLE : 0) |
	    (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	if (s->want != 0)
		sock_watch(s, s->want);
}

void *
sock_claim(struct sock_table *t, uint32_t peer, bool (*fits)(const void *owner))
{
	const struct peer *p = peer_find(&t->peers, peer);
	struct list *node;
	struct sock *s;

	if (p == NULL)
		return NULL;
	node = p->idle.next;
	for (int i = 0; i < CLAIM_LOOK && node != &p->idle; i++) {
		s = CONTAINER_OF(node, struct sock, link.node);
		node = node->next;
		if (s->link.claimed == t->turn || !fits(s->owner))
			continue;
		s->link.claimed = t->turn;
		return s->owner;
	}
	return NULL;
}

void
sock_next_turn(struct sock_table *t)
{
	t->turn++;
}

static int
look_once(struct sock_table *t)
{
	struct epoll_event ready[LOOK_MAX];
	struct sock *s;
	int n = epoll_wait(uv_backend_fd(t->loop), ready, LOOK_MAX, 0);

	for (int i = 0; i < n; i++) {
		s = sock_find(t, ready[i].data.fd);
		if (s != NULL && s->want == 0 && s->use == SOCK_IDLES)
			watch_idle(s, false, (ready[i].events & EPOLLIN) != 0);
	}
	return n;
}

/* The kernel tells of those that are ready in turn; beside the table's there
 * are a few. */
void
sock_look(struct sock_table *t)
{
	size_t most = t->n / LOOK_MAX + 1;

	while (look_once(t) == LOOK_MAX && most-- > 0)
		continue;
}
