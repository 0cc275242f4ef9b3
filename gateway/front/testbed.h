/* gateway/front/testbed.h - a front under test: a server thread whose core
 * answers by path.
 *
 * Included by tests only. The server's loop runs in a thread of its own, as a
 * worker's does; a test talks to it over sockets and reads its counters. */
#ifndef GATEWAY_FRONT_TESTBED_H
#define GATEWAY_FRONT_TESTBED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/front/front.h"
#include "gateway/lib/list.h"
#include "gateway/lib/log.h"

#include <cmocka.h> /* last: its fail() would hide ours */

/* --- the core under the front ---
 *
 * /hello      200 "hello", at once, inside on_request
 * /later      the same, from the loop
 * /echo       the body
 * /seen       method, path, query and x-test as the core sees them
 * /refused    FRONT_REFUSE; 401 at the end
 * /stream?N   N bytes of a pattern, streamed, held back by on_drain
 * /sized?N    the same with a known length
 * /flood      writes whatever write() says, up to 64 MiB or the end
 * /hold       never answers
 * /asleep     200 "hello", once the whole loop has stood still for 800 ms
 * /mid        headers and an event, then silence
 * /abort      headers and an event, then SINK_ABORT
 * /die        the same, but the event is on its way before
 * /short      a length of 100, 50 bytes, then a clean end
 * /tunnel     a 101, "hi ", then back what comes, up to a full stop
 * /deaf       a 101, and takes one piece alone
 * /gush       a 101, and 64 MiB as fast as write() lets it */

#define WRITE_PIECE 5000u

struct call {
	struct list node; /* of server.later */
	struct server *server;
	struct exchange *exchange;
	struct sink *sink;
	uint64_t left, at; /* of a pattern */
	bool refuse;
};

struct server {
	uv_loop_t loop;
	uv_thread_t thread;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_async_t async;
	struct front *front;
	struct front_settings settings;
	struct front_budget budget;
	struct conf_listen listen;
	int fd;
	char path[64];
	struct list later; /* struct call: to be answered by the loop */
	struct list dying; /* struct call: to be aborted, once all is quiet */
	atomic_bool stop, drain, configure;
	atomic_uint heads, requests, gone, closed, drains, closed_fronts;
	atomic_int last_refusal;
	atomic_llong gone_at, closed_at;
	atomic_ullong accepted_bytes; /* by sink.write() */
	atomic_uint connections, exchanges;
	atomic_uint tunnelled; /* bytes from clients */
};

static inline char
pattern(uint64_t at)
{
	return (char)('a' + at * 7 % 23);
}

static inline void
call_write_more(void *arg)
{
	struct call *c = arg;
	char bytes[WRITE_PIECE];
	bool more = true;
	size_t n;

	while (c->left > 0 && more) {
		n = c->left < WRITE_PIECE ? (size_t)c->left : WRITE_PIECE;
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(c->at + i);
		more = c->sink->ops->write(c->sink, slice_make(bytes, n));
		c->at += n;
		c->left -= n;
		atomic_fetch_add(&c->server->accepted_bytes, n);
	}
	if (c->left == 0)
		c->sink->ops->end(c->sink, SINK_CLEAN);
}

static inline void
call_drain(void *arg)
{
	struct call *c = arg;

	atomic_fetch_add(&c->server->drains, 1);
	call_write_more(c);
}

static inline void
call_gone(void *arg)
{
	struct call *c = arg;

	atomic_store(&c->server->gone_at, clock_now());
	atomic_fetch_add(&c->server->gone, 1);
}

static inline void
call_send(struct call *c, int status, const char *type, struct slice body)
{
	const struct header h[] = { { SLICE("content-type"), slice_of(type) },
		{ SLICE("x-request-id"), SLICE("req_1") } };

	c->sink->ops->headers(c->sink, status, h, 2, (int64_t)body.n);
	c->sink->ops->write(c->sink, body);
	c->sink->ops->end(c->sink, SINK_CLEAN);
}

static inline void
call_pattern(struct call *c, bool sized)
{
	const struct header h = { SLICE("content-type"), SLICE("text/plain") };
	uint64_t n = 0;

	slice_u64(exchange_query(c->exchange), &n);
	c->left = n;
	c->sink->ops->headers(
	    c->sink, 200, &h, 1, sized ? (int64_t)n : SINK_STREAMED);
	call_write_more(c);
}

static inline void
call_seen(struct call *c)
{
	struct slice m = exchange_method(c->exchange),
		     p = exchange_path(c->exchange),
		     q = exchange_query(c->exchange),
		     h = exchange_header(c->exchange, "X-Test");
	char text[512];

	snprintf(text, sizeof(text), "%.*s|%.*s|%.*s|%.*s", SLICE_ARG(m),
	    SLICE_ARG(p), SLICE_ARG(q), SLICE_ARG(h));
	call_send(c, 200, "text/plain", slice_of(text));
}

static inline void
call_begin_stream(struct call *c)
{
	const struct header h = { SLICE("content-type"),
		SLICE("text/event-stream") };

	c->sink->ops->headers(c->sink, 200, &h, 1, SINK_STREAMED);
	c->sink->ops->write(c->sink, SLICE("data: 1\n\n"));
}

static inline void
call_flood(struct call *c)
{
	call_begin_stream(c);
	c->left = (uint64_t)64 << 20;
	call_write_more(c);
}

static inline bool
call_parrot(void *arg, struct slice bytes)
{
	struct call *c = arg;

	atomic_fetch_add(&c->server->tunnelled, (unsigned)bytes.n);
	if (slice_is(exchange_path(c->exchange), "/deaf"))
		return false;
	c->sink->ops->write(c->sink, bytes);
	if (slice_ends(bytes, SLICE(".")))
		c->sink->ops->end(c->sink, SINK_CLEAN);
	return true;
}

static inline void
call_tunnel(struct call *c, bool gushes)
{
	const struct header h = { SLICE("upgrade"), SLICE("x") };

	assert_null(exchange_untunnelled(c->exchange));
	assert_true(exchange_tunnel(c->exchange, call_parrot));
	c->sink->ops->headers(c->sink, 101, &h, 1, SINK_STREAMED);
	c->sink->ops->write(c->sink, SLICE("hi "));
	if (!gushes)
		return;
	c->left = (uint64_t)64 << 20;
	call_write_more(c);
}

static inline void
call_answer(struct call *c)
{
	const struct exchange_refusal *r = exchange_refusal(c->exchange);
	struct slice path = exchange_path(c->exchange);

	if (r->status != 0)
		call_send(c, r->status, "text/plain", slice_of(r->code));
	else if (c->refuse)
		call_send(c, 401, "text/plain", SLICE("who?"));
	else if (slice_is(path, "/echo"))
		call_send(c, 200, "text/plain", exchange_body(c->exchange));
	else if (slice_is(path, "/stream"))
		call_pattern(c, false);
	else if (slice_is(path, "/sized"))
		call_pattern(c, true);
	else if (slice_is(path, "/flood"))
		call_flood(c);
	else if (slice_is(path, "/tunnel") || slice_is(path, "/deaf"))
		call_tunnel(c, false);
	else if (slice_is(path, "/gush"))
		call_tunnel(c, true);
	else if (slice_is(path, "/mid"))
		call_begin_stream(c);
	else if (slice_is(path, "/asleep")) {
		usleep(800000);
		call_send(c, 200, "text/plain", SLICE("hello"));
	} else if (slice_is(path, "/die")) {
		call_begin_stream(c);
		list_append(&c->server->dying, &c->node);
	} else if (slice_is(path, "/abort")) {
		call_begin_stream(c);
		c->sink->ops->end(c->sink, SINK_ABORT);
	} else if (slice_is(path, "/short")) {
		c->sink->ops->headers(c->sink, 200, NULL, 0, 100);
		c->sink->ops->write(c->sink,
		    SLICE(
			"01234567890123456789012345678901234567890123456789"));
		c->sink->ops->end(c->sink, SINK_CLEAN);
	} else if (slice_is(path, "/hello") || slice_is(path, "/later"))
		call_send(c, 200, "text/plain", SLICE("hello"));
	else if (!slice_is(path, "/hold"))
		call_seen(c);
}

static inline enum front_verdict
on_headers(void *arg, struct exchange *x)
{
	struct server *s = arg;
	struct call *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->server = s;
	c->exchange = x;
	c->sink = exchange_sink(x);
	c->sink->on_drain = call_drain;
	c->sink->on_gone = call_gone;
	c->sink->arg = c;
	list_init(&c->node);
	exchange_set_arg(x, c);
	atomic_fetch_add(&s->heads, 1);
	c->refuse = slice_is(exchange_path(x), "/refused");
	return c->refuse ? FRONT_REFUSE : FRONT_READ;
}

static inline void
on_request(void *arg, struct exchange *x)
{
	struct server *s = arg;
	struct call *c = exchange_arg(x);

	atomic_fetch_add(&s->requests, 1);
	if (slice_is(exchange_path(x), "/hello"))
		call_answer(c);
	else
		list_append(&s->later, &c->node);
}

static inline void
on_closed(void *arg, struct exchange *x)
{
	struct server *s = arg;
	struct call *c = exchange_arg(x);

	list_remove(&c->node);
	free(c);
	atomic_store(&s->last_refusal, exchange_refusal(x)->status);
	atomic_store(&s->closed_at, clock_now());
	atomic_fetch_add(&s->closed, 1);
}

static const struct front_ops test_ops = { on_headers, on_request, on_closed };

/* --- the server's loop --- */

static inline void
settle(struct server *s)
{
	struct list *n;
	struct call *c;
	bool busy = s->front != NULL;

	while (busy) {
		while ((n = list_pop(&s->later)) != NULL)
			call_answer(CONTAINER_OF(n, struct call, node));
		busy = front_settle(s->front);
		if (!busy && (n = list_pop(&s->dying)) != NULL) {
			c = CONTAINER_OF(n, struct call, node);
			c->sink->ops->end(c->sink, SINK_ABORT);
			busy = true;
		}
	}
	if (s->front != NULL) {
		atomic_store(&s->connections, front_connections(s->front));
		atomic_store(&s->exchanges, front_exchanges(s->front));
	}
}

static inline void
on_prepare(uv_prepare_t *h)
{
	settle(h->data);
}

static inline void
on_check(uv_check_t *h)
{
	settle(h->data);
}

static inline void
on_front_closed(void *arg)
{
	struct server *s = arg;

	atomic_fetch_add(&s->closed_fronts, 1);
	uv_close((uv_handle_t *)&s->prepare, NULL);
	uv_close((uv_handle_t *)&s->check, NULL);
	uv_close((uv_handle_t *)&s->async, NULL);
}

static inline void
on_async(uv_async_t *h)
{
	struct server *s = h->data;

	if (atomic_exchange(&s->drain, false)) {
		front_drain(s->front);
		front_stop_accepting(s->front);
	}
	if (atomic_exchange(&s->configure, false))
		front_configure(s->front, &s->settings);
	if (atomic_exchange(&s->stop, false))
		front_close(&s->front, on_front_closed, s);
}

static inline void
server_main(void *arg)
{
	struct server *s = arg;

	uv_run(&s->loop, UV_RUN_DEFAULT);
}

/* Settings may be changed before; the defaults are generous. */
static inline struct server *
server_new(bool unix_socket)
{
	struct server *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	log_set_level(LOG_ERROR);
	s->settings = (struct front_settings){
		.limits = { .header = 16 << 10,
		    .body = 1 << 20,
		    .bodies = 64 << 20 },
		.header_timeout = 30 * USEC_SEC,
		.body_timeout = 30 * USEC_SEC,
		.idle_timeout = 60 * USEC_SEC,
		.client_stall = 60 * USEC_SEC,
	};
	s->listen.address = "127.0.0.1";
	if (unix_socket) {
		snprintf(s->path, sizeof(s->path), "/tmp/front-test-%d.sock",
		    (int)getpid());
		s->listen.path = s->path;
	}
	return s;
}

static inline void
server_start(struct server *s)
{
	struct errmsg why;

	list_init(&s->later);
	list_init(&s->dying);
	assert_int_equal(front_listen(&s->listen, &s->fd, &why), OK);
	uv_loop_init(&s->loop);
	uv_prepare_init(&s->loop, &s->prepare);
	uv_check_init(&s->loop, &s->check);
	uv_async_init(&s->loop, &s->async, on_async);
	s->prepare.data = s->check.data = s->async.data = s;
	uv_prepare_start(&s->prepare, on_prepare);
	uv_check_start(&s->check, on_check);
	s->front = front_new(
	    &s->loop, s->fd, &s->settings, &s->budget, &test_ops, s, &why);
	assert_non_null(s->front);
	assert_int_equal(uv_thread_create(&s->thread, server_main, s), 0);
}

static inline struct server *
server_default(void)
{
	struct server *s = server_new(false);

	server_start(s);
	return s;
}

static inline void
server_stop(struct server *s)
{
	atomic_store(&s->stop, true);
	uv_async_send(&s->async);
	uv_thread_join(&s->thread);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	assert_int_equal(atomic_load(&s->heads), atomic_load(&s->closed));
	assert_int_equal(atomic_load(&s->budget.held), 0);
	assert_int_equal(atomic_load(&s->budget.connections), 0);
	front_unlisten(&s->listen, s->fd);
	free(s);
}

/* Waits for a fact, not for a time; false after five seconds. */
static inline bool
reaches(atomic_uint *counter, unsigned value)
{
	for (int i = 0; i < 5000; i++) {
		if (atomic_load(counter) == value)
			return true;
		usleep(1000);
	}
	return false;
}

#endif
