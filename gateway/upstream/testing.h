/* gateway/upstream/testing.h - for this folder's unit tests: a client that
 * drives an upstream, its calls, and a scripted server to call. */
#ifndef GATEWAY_UPSTREAM_TESTING_H
#define GATEWAY_UPSTREAM_TESTING_H

#include "gateway/upstream/upstream.h"

#include "gateway/upstream/scripted.h" /* cmocka's fail() comes last */

/* --- a client --- */

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

/* Turns the loop until a script has seen its client leave. */
static inline void
await_gone(struct client *c, struct server *s)
{
	usec end = clock_now() + PATIENCE;

	while (atomic_load(&s->gone_at) == 0 && clock_now() < end)
		uv_run(&c->loop, UV_RUN_ONCE);
	assert_true(atomic_load(&s->gone_at) != 0);
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

/* What one call to `url` fails with. */
static inline enum fault_kind
fault_at(const char *url, usec connect_timeout)
{
	struct client client;
	struct transfer_request req = post_to(url);
	enum fault_kind fault;

	req.connect_timeout = connect_timeout;
	client_start(&client);
	fault = fault_of_call(&client, &req);
	client_stop(&client);
	return fault;
}

/* --- both ends --- */

/* A server, a client of it, a request and a call that nobody has made yet. */
struct rig {
	struct server server;
	struct client client;
	struct transfer_request req;
	struct call call;
};

/* `tls`: taken; NULL: plain. */
static inline void
rig_start_tls(struct rig *r, SSL_CTX *tls, void (*script)(struct connection *))
{
	*r = (struct rig){ .server.tls = tls };
	server_start(&r->server, script);
	client_start(&r->client);
	call_init(&r->call);
	r->req = post_to(r->server.url);
}

static inline void
rig_start(struct rig *r, void (*script)(struct connection *))
{
	rig_start_tls(r, NULL, script);
}

static inline void
rig_stop(struct rig *r)
{
	call_fini(&r->call);
	client_stop(&r->client);
	server_stop(&r->server);
	SSL_CTX_free(r->server.tls);
}

/* Makes the call. */
static inline void
rig_run(struct rig *r)
{
	call_run(&r->client, &r->call, &r->req);
}

/* What a call of its own fails with. */
static inline enum fault_kind
rig_fault(struct rig *r)
{
	return fault_of_call(&r->client, &r->req);
}

#endif
