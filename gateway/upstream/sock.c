/* gateway/upstream/sock.c - libcurl's sockets, watched by a uv loop.
 *
 * Invariant: a watcher in the table belongs to a descriptor that libcurl has
 * open, or has just closed and is about to say so. Its memory goes when uv
 * has let go of it. */
#include "gateway/upstream/sock_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/lib/log.h"

#define TABLE_FIRST 64 /* places */
#define CLAIM_LOOK 8 /* idle connections that are looked at */
#define LOOK_MAX 256 /* sockets that are ready at one look */

static void on_poll(uv_poll_t *, int status, int events);

void
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

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct sock *s = poll->data;
	int bits = 0;

	if (status < 0)
		s->polled = 0; /* uv stops watching on an error */
	if (s->want == 0) {
		sock_watch_idle(s, status < 0 || (events & UV_DISCONNECT) != 0,
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
	list_remove(&s->asked);
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
	list_init(&s->asked);
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
sock_table_init(struct sock_table *t, uv_loop_t *loop,
    void (*on_ready)(void *owner, curl_socket_t, int bits))
{
	*t = (struct sock_table){ .loop = loop, .on_ready = on_ready };
	list_init(&t->asked);
	uv_timer_init(loop, &t->hear);
	t->hear.data = t;
	uv_unref((uv_handle_t *)&t->hear);
	t->open = 1;
}

static void
on_hear_closed(uv_handle_t *handle)
{
	struct sock_table *t = handle->data;

	t->open--;
	table_let_go(t);
}

/* libcurl has nothing open any more; what is left are attempts that it opened
 * and closed in one turn, and never told of. */
void
sock_table_fini(struct sock_table *t, void (*on_closed)(void *arg), void *arg)
{
	for (size_t fd = 0; fd < t->n; fd++)
		if (t->by_fd[fd] != NULL)
			sock_drop(t->by_fd[fd]);
	t->on_closed = on_closed;
	t->arg = arg;
	t->closing = true;
	uv_close((uv_handle_t *)&t->hear, on_hear_closed);
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
sock_let_go(struct sock_table *t, curl_socket_t fd)
{
	struct sock *s = sock_find(t, fd);

	if (s != NULL)
		sock_drop(s);
}

void
sock_close(struct sock_table *t, curl_socket_t fd)
{
	sock_let_go(t, fd);
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
	list_remove(&s->asked);
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
	sock_begin_use(s);
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
			sock_watch_idle(
			    s, false, (ready[i].events & EPOLLIN) != 0);
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
