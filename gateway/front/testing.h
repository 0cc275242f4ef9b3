/* gateway/front/testing.h - for this folder's unit tests: a blocking client of
 * the testbed, and what it expects. */
#ifndef GATEWAY_FRONT_TESTING_H
#define GATEWAY_FRONT_TESTING_H

#include "gateway/front/testbed.h"

#define POST "POST /echo HTTP/1.1\r\nHost: a\r\n" /* and what follows */

struct client {
	int fd;
	struct buf in; /* read and not yet used */
	bool eof;
};

struct reply {
	int status;
	char *head; /* status line and headers, ending in NUL */
	struct buf body;
	bool whole; /* the body came to its proper end */
};

static inline struct client
client_socket(const struct server *s)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct client c = { .eof = false };

	buf_init(&c.in, (size_t)1 << 30);
	c.fd = socket(
	    s->listen.path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(c.fd >= 0);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return c;
}

static inline void
client_join(struct client *c, const struct server *s)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);

	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&a, n), 0);
}

static inline struct client
client_connect(const struct server *s)
{
	struct client c = client_socket(s);

	client_join(&c, s);
	return c;
}

static inline void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	buf_fini(&c->in);
}

/* False: the server does not take it all. */
static inline bool
client_send(struct client *c, struct slice s)
{
	ssize_t n;

	while (s.n > 0) {
		n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		s = slice_make(s.p + n, s.n - (size_t)n);
	}
	return true;
}

static inline bool
client_text(struct client *c, const char *text)
{
	return client_send(c, slice_of(text));
}

static inline void
client_get(struct client *c, const char *target)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
	assert_true(client_text(c, text));
}

static inline bool
client_read(struct client *c)
{
	char bytes[65536];
	ssize_t n = c->eof ? 0 : recv(c->fd, bytes, sizeof(bytes), 0);

	if (n <= 0) {
		c->eof = true;
		return false;
	}
	buf_add(&c->in, slice_make(bytes, (size_t)n));
	return true;
}

/* The bytes up to and with `end`; empty where the connection ends first. */
static inline struct slice
client_until(struct client *c, const char *end)
{
	const char *at = NULL;

	for (;;) {
		if (c->in.n > 0)
			at = memmem(c->in.p, c->in.n, end, strlen(end));
		if (at != NULL)
			return slice_make(
			    c->in.p, (size_t)(at - c->in.p) + strlen(end));
		if (!client_read(c))
			return slice_make(NULL, 0);
	}
}

static inline bool
client_take(struct client *c, struct buf *out, uint64_t n)
{
	while (c->in.n < n)
		if (!client_read(c))
			break;
	if (n > c->in.n) {
		buf_add(out, buf_slice(&c->in));
		buf_consume(&c->in, c->in.n);
		return false;
	}
	buf_add(out, slice_make(c->in.p, (size_t)n));
	buf_consume(&c->in, (size_t)n);
	return true;
}

static inline bool
read_chunks(struct client *c, struct buf *out)
{
	struct buf crlf;
	struct slice line;
	unsigned long n;
	bool ok;

	do {
		line = client_until(c, "\r\n");
		if (line.n == 0)
			return false;
		n = strtoul(line.p, NULL, 16);
		buf_consume(&c->in, line.n);
		buf_init(&crlf, 2);
		ok = client_take(c, out, n) && client_take(c, &crlf, 2);
		buf_fini(&crlf);
	} while (ok && n > 0);
	return ok;
}

static inline const char *
reply_header(const struct reply *r, const char *name)
{
	const char *p = r->head != NULL ? strcasestr(r->head, name) : NULL;

	return p != NULL ? p + strlen(name) : NULL;
}

/* Status 0: none came. */
static inline struct reply
client_reply_to(struct client *c, bool head_only)
{
	struct reply r = { .status = 0 };
	struct slice head;
	const char *length;

	buf_init(&r.body, (size_t)1 << 30);
	do {
		free(r.head);
		r.head = NULL;
		head = client_until(c, "\r\n\r\n");
		if (head.n == 0)
			return r;
		r.head = slice_dup(head);
		buf_consume(&c->in, head.n);
		r.status = (int)strtol(r.head + strlen("HTTP/1.1 "), NULL, 10);
	} while (r.status == 100);
	length = reply_header(&r, "\r\ncontent-length: ");
	if (head_only)
		r.whole = true;
	else if (reply_header(&r, "\r\ntransfer-encoding: chunked") != NULL)
		r.whole = read_chunks(c, &r.body);
	else if (length != NULL)
		r.whole = client_take(c, &r.body, strtoull(length, NULL, 10));
	else
		client_take(c, &r.body, UINT64_MAX);
	return r;
}

static inline struct reply
client_reply(struct client *c)
{
	return client_reply_to(c, false);
}

static inline void
reply_free(struct reply *r)
{
	free(r->head);
	buf_fini(&r->body);
}

/* Takes the next reply and compares. */
static inline void
expect_reply(struct client *c, int status, const char *body)
{
	struct reply r = client_reply(c);

	assert_int_equal(r.status, status);
	assert_true(r.whole);
	assert_int_equal(r.body.n, strlen(body));
	assert_memory_equal(r.body.p, body, r.body.n);
	reply_free(&r);
}

/* The server has closed and nothing more came. */
static inline void
expect_end(struct client *c)
{
	assert_int_equal(c->in.n, 0);
	assert_false(client_read(c));
}

#endif
