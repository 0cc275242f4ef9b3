/* gateway/upstream/scripted.h - for tests: a server that follows a script.
 *
 * Each connection to a server runs the script in a thread of its own, in plain
 * blocking calls; it is closed when the script returns. */
#ifndef GATEWAY_UPSTREAM_SCRIPTED_H
#define GATEWAY_UPSTREAM_SCRIPTED_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"

/* cmocka has a macro named fail(): it comes after our own headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONNECTIONS_MAX 256
#define PATIENCE (10 * USEC_SEC) /* no step of a test takes longer */

struct server;

struct connection {
	struct server *server;
	pthread_t thread;
	pthread_mutex_t closing; /* the descriptor */
	int fd; /* -1: closed */
	unsigned number; /* 0, 1, ... in the order of arrival */
	SSL *ssl;
	struct buf head, body; /* of the request read last */
};

struct server {
	void (*script)(struct connection *);
	SSL_CTX *tls; /* or NULL */
	int listen_fd;
	char url[128];
	pthread_t thread;
	atomic_uint n; /* connections accepted */
	atomic_llong gone_at; /* a script's: when the client had left */
	struct connection *connections[CONNECTIONS_MAX];
};

static inline ssize_t
hear(struct connection *c, char *p, size_t n)
{
	return c->ssl != NULL ? SSL_read(c->ssl, p, (int)n)
			      : recv(c->fd, p, n, 0);
}

/* False: the client has left. */
static inline bool
say_bytes(struct connection *c, const char *p, size_t n)
{
	ssize_t sent;

	while (n > 0) {
		sent = c->ssl != NULL ? SSL_write(c->ssl, p, (int)n)
				      : send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static inline bool
say(struct connection *c, const char *text)
{
	return say_bytes(c, text, strlen(text));
}

static inline bool
say_chunk(struct connection *c, const char *text)
{
	char size[32];

	snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	return say(c, size) && say(c, text) && say(c, "\r\n");
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* Everything up to the blank line, then nothing. */
static inline bool
hear_head(struct connection *c)
{
	char ch;

	buf_reset(&c->head);
	buf_reset(&c->body);
	while (hear(c, &ch, 1) == 1) {
		buf_add_char(&c->head, ch);
		if (c->head.n >= 4 &&
		    memcmp(c->head.p + c->head.n - 4, "\r\n\r\n", 4) == 0) {
			buf_add_char(&c->head, '\0');
			return true;
		}
	}
	return false;
}

static inline size_t
announced_length(const struct connection *c)
{
	const char *p = strcasestr(c->head.p, "\r\ncontent-length:");

	return p != NULL ? strtoul(p + strlen("\r\ncontent-length:"), NULL, 10)
			 : 0;
}

static inline bool
hear_request(struct connection *c)
{
	char part[16384];
	size_t want;
	ssize_t n;

	if (!hear_head(c))
		return false;
	want = announced_length(c);
	while (c->body.n < want) {
		n = hear(c, part,
		    want - c->body.n < sizeof(part) ? want - c->body.n
						    : sizeof(part));
		if (n <= 0)
			return false;
		buf_add(&c->body, slice_make(part, (size_t)n));
	}
	return true;
}

/* Waits for the client to leave and notes when. */
static inline void
await_leaving(struct connection *c)
{
	char part[256];

	while (hear(c, part, sizeof(part)) > 0)
		continue;
	atomic_store(&c->server->gone_at, clock_now());
}

/* The client's next call finds a reset, not an end. */
static inline void
slam(struct connection *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static inline void *
connection_main(void *arg)
{
	struct connection *c = arg;

	if (c->server->tls != NULL) {
		c->ssl = SSL_new(c->server->tls);
		SSL_set_fd(c->ssl, c->fd);
	}
	if (c->ssl == NULL || SSL_accept(c->ssl) == 1)
		c->server->script(c);
	if (c->ssl != NULL)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	shutdown(c->fd, SHUT_WR);
	pthread_mutex_lock(&c->closing);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->closing);
	return NULL;
}

static inline void *
server_main(void *arg)
{
	struct server *s = arg;
	struct connection *c;
	int fd;

	while ((fd = accept(s->listen_fd, NULL, NULL)) >= 0) {
		c = calloc(1, sizeof(*c));
		c->server = s;
		pthread_mutex_init(&c->closing, NULL);
		c->fd = fd;
		c->number = atomic_load(&s->n);
		buf_init(&c->head, 65536);
		buf_init(&c->body, (size_t)64 << 20);
		s->connections[c->number] = c;
		/* before it can answer: who is answered looks at it */
		atomic_fetch_add(&s->n, 1);
		pthread_create(&c->thread, NULL, connection_main, c);
	}
	return NULL;
}

static inline void
server_start(struct server *s, void (*script)(struct connection *))
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	s->script = script;
	s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listen_fd, 128), 0);
	getsockname(s->listen_fd, (struct sockaddr *)&a, &len);
	snprintf(s->url, sizeof(s->url), "%s://localhost:%d/v1/x",
	    s->tls != NULL ? "https" : "http", ntohs(a.sin_port));
	pthread_create(&s->thread, NULL, server_main, s);
}

static inline void
server_start_unix(
    struct server *s, const char *path, void (*script)(struct connection *))
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	s->script = script;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	snprintf(s->url, sizeof(s->url), "http://localhost/v1/x");
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
	    bind(s->listen_fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->listen_fd, 16), 0);
	pthread_create(&s->thread, NULL, server_main, s);
}

static inline void
server_stop(struct server *s)
{
	shutdown(s->listen_fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->listen_fd);
	for (unsigned i = 0; i < s->n; i++) {
		struct connection *c = s->connections[i];

		pthread_mutex_lock(&c->closing);
		if (c->fd >= 0) /* else its number may be another's */
			shutdown(c->fd, SHUT_RDWR);
		pthread_mutex_unlock(&c->closing);
		pthread_join(c->thread, NULL);
		pthread_mutex_destroy(&c->closing);
		buf_fini(&c->head);
		buf_fini(&c->body);
		free(c);
	}
}

/* --- scripts that many tests share --- */

static inline void
script_ok(struct connection *c)
{
	while (hear_request(c))
		say(c, OK_2);
}

static inline void
say_answer(struct connection *c, const char *body, size_t n)
{
	char head[64];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
	say(c, head);
	say_bytes(c, body, n);
}

static inline void
script_echo(struct connection *c)
{
	while (hear_request(c))
		say_answer(c, c->body.p, c->body.n);
}

/* Answers with the request's head. */
static inline void
script_mirror(struct connection *c)
{
	while (hear_request(c))
		say_answer(c, c->head.p, strlen(c->head.p));
}

#define STREAM_EVENTS 40
#define STREAM_BYTES (10 * 9 + 30 * 10)
#define STREAM_GAP_US 2000

static inline void
script_stream(struct connection *c)
{
	char event[64];

	while (hear_request(c)) {
		say(c, OK_CHUNKED);
		for (int i = 0; i < STREAM_EVENTS; i++) {
			snprintf(event, sizeof(event), "data: %d\n\n", i);
			say_chunk(c, event);
			usleep(STREAM_GAP_US);
		}
		say(c, "0\r\n\r\n");
	}
}

#endif
