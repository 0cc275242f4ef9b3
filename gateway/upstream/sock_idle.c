/* gateway/upstream/sock_idle.c - connections that idle, and what becomes of
 * them when they are used again. */
#include "gateway/upstream/sock_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "gateway/lib/log.h"

#define LAST_WORDS 64 /* reads of what an idle connection ends with */
#define DEAF_AFTER USEC_SEC /* as long as a connection may take to be made */

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

/* Nobody will use it again; true: its stream had ended. */
static bool
put_aside(struct sock *s)
{
	bool ended = bury(s->fd);

	sock_watch(s, 0);
	peer_lose(&s->link);
	return ended;
}

/* It idles no more. */
static void
end_idle(struct sock *s, bool closed)
{
	struct sock_table *t = s->table;
	bool idle = s->link.idle;
	usec idled = idle ? clock_now() - s->link.idle_since : 0;

	closed |= is_end(s->fd);
	closed |= put_aside(s);
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
void
sock_watch_idle(struct sock *s, bool ended, bool readable)
{
	if (s->use == SOCK_IDLES && (ended || (readable && has_come(s->fd))))
		end_idle(s, ended);
	else if (s->use == SOCK_IDLES_HTTP2 && (ended || is_end(s->fd)))
		end_idle(s, ended);
	else if (s->use == SOCK_IDLES)
		sock_watch(s, UV_READABLE);
	else
		sock_watch(s, s->use == SOCK_IDLES_HTTP2 ? UV_DISCONNECT : 0);
}

/* --- whether what is sent on a kept connection arrives --- */

/* Nothing of it has been acknowledged. A backend that is at work, or does not
 * read, acknowledges all the same: that is its kernel's. */
static bool
is_deaf(curl_socket_t fd)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
	    info.tcpi_unacked > 0 &&
	    info.tcpi_last_ack_recv >= DEAF_AFTER / USEC_MS;
}

static void
say_deaf(const struct sock *s, unsigned others)
{
	struct sockaddr_in6 a = { 0 }; /* an IPv4 one has its port there, too */
	socklen_t n = sizeof(a);
	char host[INET6_ADDRSTRLEN] = "?";

	if (getpeername(s->fd, (struct sockaddr *)&a, &n) == 0)
		(void)uv_ip_name(
		    (const struct sockaddr *)&a, host, sizeof(host));
	log_warn("upstream_deaf to=%s port=%u idled_s=%.1f others=%u "
		 "reason=\"what was sent on a kept connection is not "
		 "acknowledged\"",
	    host, ntohs(a.sin6_port),
	    (double)(s->asked_at - s->link.idle_since) / USEC_SEC, others);
}

/* What stood between has forgotten it, and most likely the others that idle: a
 * request would wait on each of them in turn. libcurl finds it at its end. */
static void
end_deaf(struct sock *s)
{
	struct list *idle = &s->link.peer->idle;
	unsigned others = 0;

	for (; !list_empty(idle); others++)
		put_aside(CONTAINER_OF(idle->next, struct sock, link.node));
	say_deaf(s, others);
	(void)shutdown(s->fd, SHUT_RDWR);
}

static void
on_hear(uv_timer_t *timer)
{
	struct sock_table *t = timer->data;
	usec now = clock_now();
	struct sock *s;

	while (!list_empty(&t->asked)) {
		s = CONTAINER_OF(t->asked.next, struct sock, asked);
		if (now - s->asked_at < DEAF_AFTER) {
			uv_timer_start(timer, on_hear,
			    (uint64_t)((s->asked_at + DEAF_AFTER - now) /
				    USEC_MS +
				1),
			    0);
			return;
		}
		list_remove(&s->asked);
		if (is_deaf(s->fd))
			end_deaf(s);
	}
}

/* libcurl takes it up again. */
void
sock_begin_use(struct sock *s)
{
	struct sock_table *t = s->table;

	if (s->link.idle) {
		s->asked_at = clock_now();
		list_append(&t->asked, &s->asked);
		if (!uv_is_active((uv_handle_t *)&t->hear))
			uv_timer_start(
			    &t->hear, on_hear, DEAF_AFTER / USEC_MS, 0);
	}
	peer_use(&s->link);
}
