/* gateway/upstream/scripted.h - for tests: a server that follows a script, and
 * a client that drives an upstream.
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
#include "gateway/upstream/upstream.h"

/* cmocka has a macro named fail(): it comes after our own headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONNECTIONS_MAX 256
#define PATIENCE (10 * USEC_SEC) /* no step of a test takes longer */

/* --- server --- */

struct server;

struct connection {
	struct server *server;
	pthread_t thread;
	int fd;
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
	close(c->fd);
	c->fd = -1;
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
		c->fd = fd;
		c->number = atomic_load(&s->n);
		buf_init(&c->head, 65536);
		buf_init(&c->body, (size_t)64 << 20);
		s->connections[c->number] = c;
		pthread_create(&c->thread, NULL, connection_main, c);
		atomic_fetch_add(&s->n, 1);
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

		if (c->fd >= 0)
			shutdown(c->fd, SHUT_RDWR);
		pthread_join(c->thread, NULL);
		buf_fini(&c->head);
		buf_fini(&c->body);
		free(c);
	}
}

/* --- client --- */

struct client {
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t guard;
	struct upstream *up;
	bool closed;
};

struct call {
	struct transfer *transfer;
	struct transfer_result result;
	struct buf headers, body; /* headers as "name=value;" */
	unsigned heads; /* times that on_headers_end came */
	int status;
	bool done;
	size_t pause_every; /* says false once so many bytes have come */
	size_t since_pause, largest;
	bool paused;
	usec came_at; /* last bytes */
	void (*on_bytes_hook)(struct call *);
	void *hook_arg;
};

static inline void
call_header(void *arg, struct slice name, struct slice value)
{
	struct call *c = arg;

	buf_addf(&c->headers, "%.*s=%.*s;", SLICE_ARG(name), SLICE_ARG(value));
}

static inline void
call_headers_end(void *arg, int status)
{
	struct call *c = arg;

	c->heads++;
	c->status = status;
}

static inline bool
call_bytes(void *arg, struct slice bytes)
{
	struct call *c = arg;

	assert_false(c->paused);
	buf_add(&c->body, bytes);
	c->came_at = clock_now();
	c->since_pause += bytes.n;
	if (bytes.n > c->largest)
		c->largest = bytes.n;
	if (c->on_bytes_hook != NULL)
		c->on_bytes_hook(c);
	if (c->pause_every > 0 && c->since_pause >= c->pause_every) {
		c->since_pause = 0;
		c->paused = true;
		return false;
	}
	return true;
}

static inline void
call_done(void *arg, const struct transfer_result *r)
{
	struct call *c = arg;

	assert_false(c->done);
	c->done = true;
	c->result = *r;
	c->transfer = NULL;
}

static const struct transfer_ops call_ops = {
	.on_header = call_header,
	.on_headers_end = call_headers_end,
	.on_bytes = call_bytes,
	.on_done = call_done,
};

static inline void
client_settle(struct client *c)
{
	if (c->up != NULL)
		upstream_settle(c->up);
}

static inline void
client_on_prepare(uv_prepare_t *h)
{
	client_settle(h->data);
}

static inline void
client_on_check(uv_check_t *h)
{
	client_settle(h->data);
}

static inline void
client_on_guard(uv_timer_t *h)
{
	(void)h;
}

static inline void
client_start(struct client *c)
{
	struct errmsg why;

	memset(c, 0, sizeof(*c));
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&c->loop);
	uv_prepare_init(&c->loop, &c->prepare);
	uv_check_init(&c->loop, &c->check);
	uv_timer_init(&c->loop, &c->guard);
	c->prepare.data = c->check.data = c;
	uv_prepare_start(&c->prepare, client_on_prepare);
	uv_check_start(&c->check, client_on_check);
	uv_timer_start(&c->guard, client_on_guard, 5, 5);
	c->up = upstream_new(&c->loop, &why);
	assert_non_null(c->up);
}

static inline void
client_on_closed(void *arg)
{
	*(bool *)arg = true;
}

static inline void
client_stop(struct client *c)
{
	upstream_close(&c->up, client_on_closed, &c->closed);
	uv_close((uv_handle_t *)&c->prepare, NULL);
	uv_close((uv_handle_t *)&c->check, NULL);
	uv_close((uv_handle_t *)&c->guard, NULL);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	assert_true(c->closed);
	assert_int_equal(uv_loop_close(&c->loop), 0);
}

/* Turns the loop until *flag, or fails. */
static inline void
run_until(struct client *c, const bool *flag)
{
	usec end = clock_now() + PATIENCE;

	while (!*flag && clock_now() < end)
		uv_run(&c->loop, UV_RUN_ONCE);
	assert_true(*flag);
}

static inline void
run_for(struct client *c, usec span)
{
	usec end = clock_now() + span;

	while (clock_now() < end)
		uv_run(&c->loop, UV_RUN_ONCE);
}

static inline void
call_init(struct call *c)
{
	memset(c, 0, sizeof(*c));
	buf_init(&c->headers, 65536);
	buf_init(&c->body, (size_t)64 << 20);
}

static inline void
call_fini(struct call *c)
{
	buf_fini(&c->headers);
	buf_fini(&c->body);
}

/* A request for tests to change: a POST without a body. */
static inline struct transfer_request
post_to(const char *url)
{
	return (struct transfer_request){
		.method = "POST",
		.url = url,
		.local = true,
		.headers = SLICE("content-type: application/json\n"),
		.connect_timeout = 5 * USEC_SEC,
	};
}

static inline void
call_start(
    struct client *client, struct call *c, const struct transfer_request *req)
{
	c->transfer = transfer_start(client->up, req, &call_ops, c);
	assert_non_null(c->transfer);
}

static inline void
call_run(
    struct client *client, struct call *c, const struct transfer_request *req)
{
	call_start(client, c, req);
	run_until(client, &c->done);
}

/* Resumes whenever it pauses. */
static inline void
resume_and_run(struct client *client, struct call *c)
{
	usec end = clock_now() + PATIENCE;

	while (!c->done && clock_now() < end) {
		if (c->paused && c->transfer != NULL) {
			c->paused = false;
			transfer_resume(c->transfer);
		}
		uv_run(&client->loop, UV_RUN_NOWAIT);
	}
	assert_true(c->done);
}

static inline void
assert_body(const struct call *c, const char *want)
{
	assert_int_equal(c->body.n, strlen(want));
	assert_memory_equal(c->body.p, want, strlen(want));
}

/* A call that must fail: how it did. */
static inline enum fault_kind
fault_of_call(struct client *client, const struct transfer_request *req)
{
	enum fault_kind fault;
	struct call c;

	call_init(&c);
	call_run(client, &c, req);
	fault = c.result.fault;
	if (fault != FAULT_NONE)
		assert_true(c.result.message[0] != '\0');
	call_fini(&c);
	return fault;
}

#endif
