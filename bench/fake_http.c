/* bench/fake_http.c - fakellm's connections: just enough HTTP/1.1 to serve
 * proxies on loopback (Content-Length and chunked bodies, keep-alive), and to
 * break it where a script says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fake.h"
#include "gateway/lib/hex.h"

#define HEAD_MAX ((size_t)64 << 10)
#define BODY_MAX ((size_t)256 << 20)
#define CALLS_KEPT 20000

struct fake_conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	struct fake *f;
	struct fake_call *call; /* being answered */
	struct buf in, out; /* out: while corked */
	bool closing, corked;
	char chunk[65536];
};

struct fake_listener {
	union {
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
};

struct write {
	uv_write_t req;
	char bytes[];
};

static void
call_free(struct fake_call *c)
{
	EVP_MD_CTX_free(c->hash);
	buf_fini(&c->body);
	free(c);
}

/* Calls with an id are remembered, the newest CALLS_KEPT of them. */
static void
call_end(struct fake *f, struct fake_call *c)
{
	struct list *oldest;

	fake_forget(f, c);
	c->conn = NULL;
	c->ended_at = clock_now();
	buf_fini(&c->body);
	if (c->id[0] == '\0') {
		call_free(c);
		return;
	}
	list_append(&f->calls, &c->on_line);
	if (++f->n_calls > CALLS_KEPT) {
		oldest = list_pop(&f->calls);
		f->n_calls--;
		call_free(CONTAINER_OF(oldest, struct fake_call, on_line));
	}
}

static void
on_conn_closed(uv_handle_t *h)
{
	struct fake_conn *conn = h->data;

	conn->f->open--;
	buf_fini(&conn->in);
	buf_fini(&conn->out);
	free(conn);
}

static void
conn_close(struct fake_conn *conn, bool reset)
{
	if (conn->closing)
		return;
	fake_uncork(conn);
	conn->closing = true;
	if (!reset || conn->u.handle.type != UV_TCP ||
	    uv_tcp_close_reset(&conn->u.tcp, on_conn_closed) != 0)
		uv_close(&conn->u.handle, on_conn_closed);
}

void
fake_hang_up(struct fake_call *c, bool reset)
{
	struct fake_conn *conn = c->conn;

	conn->call = NULL;
	conn_close(conn, reset);
	c->gone_at = 0;
	call_end(conn->f, c);
}

static void
client_left(struct fake_conn *conn)
{
	struct fake_call *c = conn->call;

	if (c != NULL) {
		conn->call = NULL;
		c->cancelled = true;
		c->gone_at = clock_now();
		conn->f->cancelled++;
		call_end(conn->f, c);
	}
	conn_close(conn, false);
}

static void
on_written(uv_write_t *req, int status)
{
	(void)status; /* a broken connection shows in the reader */
	free(req->data);
}

void
fake_send_raw(struct fake_conn *conn, struct slice s)
{
	uv_buf_t b = { .base = (char *)(uintptr_t)s.p, .len = s.n };
	struct write *w;
	int n;

	if (conn->closing || s.n == 0)
		return;
	if (conn->corked) {
		buf_add(&conn->out, s);
		return;
	}
	n = uv_try_write(&conn->u.stream, &b, 1);
	n = n > 0 ? n : 0;
	if ((size_t)n == s.n)
		return;
	w = malloc(sizeof(*w) + s.n - (size_t)n);
	if (w == NULL)
		abort();
	memcpy(w->bytes, s.p + n, s.n - (size_t)n);
	w->req.data = w;
	b = uv_buf_init(w->bytes, (unsigned)(s.n - (size_t)n));
	if (uv_write(&w->req, &conn->u.stream, &b, 1, on_written) != 0)
		free(w);
}

void
fake_cork(struct fake_conn *conn)
{
	conn->corked = true;
}

void
fake_uncork(struct fake_conn *conn)
{
	conn->corked = false;
	fake_send_raw(conn, buf_slice(&conn->out));
	buf_reset(&conn->out);
}

void
fake_count(struct fake_call *c, struct slice s)
{
	if (c->id[0] != '\0') {
		if (c->hash == NULL) {
			c->hash = EVP_MD_CTX_new();
			EVP_DigestInit_ex(c->hash, EVP_sha256(), NULL);
		}
		EVP_DigestUpdate(c->hash, s.p, s.n);
	}
	c->bytes += s.n;
}

/* --- requests --- */

static struct slice
header_of(struct slice head, const char *name)
{
	struct slice line, want = slice_of(name);

	while (slice_next(&head, '\n', &line))
		if (line.n > want.n && line.p[want.n] == ':' &&
		    slice_istarts(line, want))
			return slice_trim(slice_make(
			    line.p + want.n + 1, line.n - want.n - 1));
	return SLICE("");
}

static size_t
chunk_size(struct slice line)
{
	size_t n = 0;

	for (size_t i = 0; i < line.n && n <= BODY_MAX; i++) {
		int digit = hex_value(line.p[i]);

		if (digit < 0)
			break;
		n = n * 16 + (size_t)digit;
	}
	return n;
}

/* A whole chunked body out of `in`; 0: not all there. Its length on the
 * wire otherwise. */
static size_t
read_chunks(struct slice in, struct buf *body)
{
	struct slice rest = in, line;
	size_t n;

	do {
		if (slice_find(rest, '\n') < 0)
			return 0;
		slice_next(&rest, '\n', &line);
		n = chunk_size(line);
		if (rest.n < n + 2)
			return 0;
		buf_add(body, slice_make(rest.p, n));
		rest = slice_make(rest.p + n + 2, rest.n - n - 2);
	} while (n > 0);
	return (size_t)(rest.p - in.p);
}

/* The end of the head in `in`, or 0. */
static size_t
head_length(struct slice in)
{
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - in.p) + 4 : 0;
}

static bool next_request(struct fake_conn *);

void
fake_done(struct fake_call *c)
{
	struct fake_conn *conn = c->conn;
	struct fake *f = conn->f;

	conn->call = NULL;
	f->finished += c->inference;
	call_end(f, c);
	while (!conn->closing && conn->call == NULL && next_request(conn))
		continue;
}

static void
start_call(struct fake_conn *conn, struct slice method, struct slice path,
    bool known, struct fake_call *c)
{
	struct fake *f = conn->f;

	c->conn = conn;
	c->arrived = clock_now();
	c->fault = f->fault;
	c->status = f->status;
	c->after = f->after;
	if (!known) {
		c->fault = FAKE_STATUS;
		c->status = 401;
	}
	c->tokens = f->o.tokens;
	list_init(&c->on_line);
	conn->call = c;
	fake_answer(f, c, method, path);
}

/* Takes one request off conn->in; false: not a whole one there. */
static bool
next_request(struct fake_conn *conn)
{
	struct slice in = buf_slice(&conn->in), head, line, method, path;
	size_t n = head_length(in), body = 0, wire;
	struct fake_call *c;
	uint64_t length = 0;
	char request_line[512];
	bool chunked, known;

	if (n == 0)
		return false;
	head = slice_make(in.p, n);
	chunked = slice_is(header_of(head, "transfer-encoding"), "chunked");
	slice_u64(header_of(head, "content-length"), &length);
	body = (size_t)length;
	if (slice_is(header_of(head, "expect"), "100-continue") && in.n == n)
		fake_send_raw(conn, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
	if (!chunked && in.n - n < body)
		return false;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	buf_init(&c->body, BODY_MAX);
	wire = body;
	if (chunked)
		wire = read_chunks(slice_make(in.p + n, in.n - n), &c->body);
	else
		buf_add(&c->body, slice_make(in.p + n, body));
	if (chunked && wire == 0) {
		call_free(c);
		return false;
	}
	known = fake_lets_in(conn->f, header_of(head, "authorization"));
	slice_next(&head, '\n', &line);
	snprintf(request_line, sizeof(request_line), "%.*s", SLICE_ARG(line));
	buf_consume(&conn->in, n + wire);
	line = slice_of(request_line);
	slice_next(&line, ' ', &method);
	if (!slice_next(&line, ' ', &path))
		path = SLICE("/");
	start_call(conn, method, path, known, c);
	return true;
}

static void
on_alloc(uv_handle_t *h, size_t want, uv_buf_t *out)
{
	struct fake_conn *conn = h->data;

	(void)want;
	*out = uv_buf_init(conn->chunk, sizeof(conn->chunk));
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct fake_conn *conn = s->data;

	if (n < 0) {
		client_left(conn);
		return;
	}
	buf_add(&conn->in, slice_make(b->base, (size_t)n));
	while (!conn->closing && conn->call == NULL && next_request(conn))
		continue;
}

static void
on_connection(uv_stream_t *listener, int status)
{
	struct fake *f = listener->data;
	struct fake_conn *conn;

	if (status != 0)
		return;
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		abort();
	conn->f = f;
	buf_init(&conn->in, HEAD_MAX + BODY_MAX);
	buf_init(&conn->out, BODY_MAX);
	if (f->o.unix_path != NULL)
		uv_pipe_init(&f->loop, &conn->u.pipe, 0);
	else
		uv_tcp_init(&f->loop, &conn->u.tcp);
	conn->u.handle.data = conn;
	f->open++;
	if (uv_accept(listener, &conn->u.stream) != 0) {
		conn_close(conn, false);
		return;
	}
	if (f->o.unix_path == NULL)
		uv_tcp_nodelay(&conn->u.tcp, 1);
	uv_read_start(&conn->u.stream, on_alloc, on_read);
}

int
fake_listen(struct fake *f)
{
	struct fake_listener *l = calloc(1, sizeof(*l));
	struct sockaddr_in a;
	int rc;

	if (l == NULL)
		return UV_ENOMEM;
	if (f->o.unix_path != NULL) {
		remove(f->o.unix_path);
		uv_pipe_init(&f->loop, &l->u.pipe, 0);
		rc = uv_pipe_bind(&l->u.pipe, f->o.unix_path);
	} else {
		uv_ip4_addr("127.0.0.1", f->o.port, &a);
		uv_tcp_init(&f->loop, &l->u.tcp);
		rc = uv_tcp_bind(&l->u.tcp, (const struct sockaddr *)&a, 0);
	}
	l->u.stream.data = f;
	return rc != 0 ? rc : uv_listen(&l->u.stream, 1024, on_connection);
}
