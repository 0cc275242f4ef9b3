/* bench/load/conn.c - the load client's connections.
 *
 * A connection is on one of two lists: idle, or busy with one request. It is
 * freed once libuv has closed it; every end of a request goes through
 * finish(), which counts it and lets the next one start. */
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"

struct load_conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_connect_t connect;
	struct list on;
	struct load_run *l;
	struct reply reply;
	struct answer answer;
	struct buf request;
	usec due, sent; /* when it was to start, and did */
	usec origin; /* of the earliest schedule that its tokens fit */
	bool busy, closing;
};

struct write {
	uv_write_t req;
	char bytes[];
};

static void
on_closed(uv_handle_t *h)
{
	struct load_conn *c = h->data;

	reply_fini(&c->reply);
	answer_fini(&c->answer);
	buf_fini(&c->request);
	free(c);
}

static void
conn_close(struct load_conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	list_remove(&c->on);
	uv_close(&c->u.handle, on_closed);
}

/* The request is over, well or not; the connection is idle. */
static void
release(struct load_conn *c)
{
	struct load_run *l = c->l;

	c->busy = false;
	l->n_busy--;
	l->n_silent -= c->answer.tokens == 0;
	list_remove(&c->on);
	list_append(&l->idle, &c->on);
}

static void
finish_bad(struct load_conn *c, enum load_fault fault)
{
	struct load_run *l = c->l;

	l->total.faults[fault]++;
	release(c);
	conn_close(c);
	load_pump(l);
}

static void
finish_whole(struct load_conn *c, usec now)
{
	struct load_run *l = c->l;
	struct load_result *t = &l->total;
	bool good_status = c->reply.status >= 200 && c->reply.status < 300;

	if (!good_status || (l->o->stream && !answer_whole(&c->answer))) {
		finish_bad(c, good_status ? LOAD_ANSWER : LOAD_STATUS);
		return;
	}
	t->ok++;
	t->bytes += c->answer.bytes;
	hist_record(&t->latency, now - c->due);
	release(c);
	if (!reply_reusable(&c->reply))
		conn_close(c);
	load_pump(l);
}

/* --- replies --- */

/* How late the token is against its stream's pace, which jitter alone does
 * not tell: a stream that falls behind does so a little with each token.
 * (Delay variation against the minimum, as in RFC 5481.) */
static void
note_lag(struct load_conn *c, uint64_t nth, usec gap, usec now)
{
	usec origin = now - (usec)nth * gap;

	if (nth == 0 || origin < c->origin)
		c->origin = origin;
	hist_record(&c->l->total.lag, origin - c->origin);
}

static void
on_token(void *arg, const struct answer *a, usec now)
{
	struct load_conn *c = arg;
	struct load_run *l = c->l;
	struct load_result *t = &l->total;
	usec pace = (usec)(l->o->gap_ms * 1e3), off;

	if (l->o->gap_ms >= 0)
		note_lag(c, a->tokens, pace, now);
	t->tokens++;
	if (a->tokens == 0) {
		hist_record(&t->ttft, now - c->due);
		l->n_silent--;
		return;
	}
	hist_record(&t->gap, now - a->last);
	if (l->o->gap_ms < 0)
		return;
	off = now - a->last - pace;
	hist_record(&t->jitter, off < 0 ? -off : off);
}

static bool
take_body(struct load_conn *c, struct slice body, usec now)
{
	if (c->reply.events)
		return answer_events(&c->answer, body, now, on_token, c);
	answer_plain(&c->answer, body);
	return true;
}

static void
read_reply(struct load_conn *c, struct slice in, usec now)
{
	enum reply_state state;
	struct slice body;

	while ((state = reply_read(&c->reply, &in, &body)) == REPLY_BODY)
		if (!take_body(c, body, now)) {
			finish_bad(c, LOAD_ANSWER);
			return;
		}
	if (state == REPLY_BAD || in.n > 0) /* more than was asked for */
		finish_bad(c, LOAD_BROKEN);
	else if (state == REPLY_END)
		finish_whole(c, now);
}

static void
on_alloc(uv_handle_t *h, size_t want, uv_buf_t *out)
{
	struct load_conn *c = h->data;

	(void)want;
	*out = uv_buf_init(c->l->in, sizeof(c->l->in));
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct load_conn *c = s->data;

	if (n > 0 && c->busy)
		read_reply(c, slice_make(b->base, (size_t)n), clock_now());
	else if (!c->busy && n != 0) /* EOF, or bytes nobody asked for */
		conn_close(c);
	else if (n == UV_EOF && reply_eof(&c->reply))
		finish_whole(c, clock_now());
	else if (n < 0)
		finish_bad(c, LOAD_BROKEN);
}

/* --- requests --- */

static void
on_written(uv_write_t *req, int status)
{
	(void)status; /* a broken connection shows in the reader */
	free(req->data);
}

/* What the socket does not take at once is copied. */
static void
send_bytes(struct load_conn *c, struct slice s)
{
	uv_buf_t b = { .base = (char *)(uintptr_t)s.p, .len = s.n };
	int n = uv_try_write(&c->u.stream, &b, 1);
	struct write *w;

	n = n > 0 ? n : 0;
	if ((size_t)n == s.n)
		return;
	w = malloc(sizeof(*w) + s.n - (size_t)n);
	if (w == NULL)
		abort();
	memcpy(w->bytes, s.p + n, s.n - (size_t)n);
	w->req.data = w;
	b = uv_buf_init(w->bytes, (unsigned)(s.n - (size_t)n));
	if (uv_write(&w->req, &c->u.stream, &b, 1, on_written) != 0)
		free(w);
}

static void
send_request(struct load_conn *c)
{
	struct load_run *l = c->l;

	send_bytes(c, buf_slice(c->request.n > 0 ? &c->request : &l->request));
	buf_fini(&c->request);
}

static void
on_connect(uv_connect_t *req, int status)
{
	struct load_conn *c = req->data;

	if (c->closing)
		return;
	if (status != 0) {
		finish_bad(c, LOAD_CONNECT);
		return;
	}
	uv_read_start(&c->u.stream, on_alloc, on_read);
	send_request(c);
}

static int
conn_open(struct load_conn *c)
{
	struct load_run *l = c->l;
	const struct sockaddr *a = (const struct sockaddr *)&l->address;
	int rc;

	c->connect.data = c;
	if (l->o->unix_path != NULL) {
		uv_pipe_connect(
		    &c->connect, &c->u.pipe, l->o->unix_path, on_connect);
		return 0;
	}
	rc = uv_tcp_nodelay(&c->u.tcp, 1);
	return rc != 0 ? rc
		       : uv_tcp_connect(&c->connect, &c->u.tcp, a, on_connect);
}

static struct load_conn *
conn_new(struct load_run *l)
{
	struct load_conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	c->l = l;
	list_init(&c->on);
	reply_init(&c->reply);
	answer_init(&c->answer);
	if (l->o->unix_path != NULL)
		uv_pipe_init(&l->loop, &c->u.pipe, 0);
	else
		uv_tcp_init(&l->loop, &c->u.tcp);
	c->u.handle.data = c;
	return c;
}

static void
begin(struct load_conn *c, const struct arrival *a)
{
	struct load_run *l = c->l;

	reply_reset(&c->reply);
	answer_reset(&c->answer);
	c->sent = clock_now();
	/* A closed loop's next request is due when there is room for it. */
	c->due = l->o->mode == LOAD_OPEN ? l->began + a->due : c->sent;
	c->busy = true;
	list_remove(&c->on);
	list_append(&l->busy, &c->on);
	l->n_busy++;
	l->n_silent++;
	l->started++;
	hist_record(&l->total.late, c->sent - c->due);
	buf_init(&c->request, SIZE_MAX);
	if (a->prompt > 0)
		load_render(l->o, a, &c->request);
}

bool
load_start(struct load_run *l, const struct arrival *a)
{
	struct list *n = list_pop(&l->idle);
	struct load_conn *c;

	if (n != NULL) {
		c = CONTAINER_OF(n, struct load_conn, on);
		begin(c, a);
		send_request(c);
		return true;
	}
	c = conn_new(l);
	begin(c, a);
	if (conn_open(c) == 0)
		return true;
	l->total.faults[LOAD_CONNECT]++;
	release(c);
	conn_close(c);
	return false;
}

void
load_expire(struct load_run *l, usec then)
{
	struct load_conn *c;

	while (!list_empty(&l->busy)) {
		c = CONTAINER_OF(l->busy.next, struct load_conn, on);
		if (c->sent > then)
			return;
		finish_bad(c, LOAD_TIMEOUT);
	}
}

void
load_close_all(struct load_run *l)
{
	struct list *lists[] = { &l->idle, &l->busy };

	for (int i = 0; i < 2; i++)
		while (!list_empty(lists[i]))
			conn_close(
			    CONTAINER_OF(lists[i]->next, struct load_conn, on));
}
