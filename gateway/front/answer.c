/* gateway/front/answer.c - the sink: from the core's bytes to a response.
 *
 * Sink calls only record and leave word; libmicrohttpd is resumed from
 * front_settle(). It then pulls: an answer known as a whole is handed over
 * without copying, any other is read from the queue piece by piece. The last
 * piece of a known length is held back until the core has said that the body
 * is whole, so that an answer that fails at its end fails for the client. */
#include <stdlib.h>
#include <string.h>

#include "gateway/front/private.h"
#include "gateway/lib/log.h"

#define QUEUE_HIGH ((size_t)64 << 10) /* the source is held above */
#define QUEUE_LOW ((size_t)32 << 10) /* and goes on below */
/* More is read piece by piece, so that a client that stalls is noticed. */
#define WHOLE_MAX ((size_t)64 << 10)
#define PIECE ((size_t)16 << 10)

static struct exchange *
of(struct sink *s)
{
	return CONTAINER_OF(s, struct exchange, sink);
}

static size_t
queued(const struct exchange *x)
{
	return x->queue.n - x->taken;
}

/* --- the core's side --- */

static void
doom(struct exchange *x)
{
	x->dead = true;
	front_touch(x->front, x);
}

static bool
has_nul(struct slice s)
{
	return s.n > 0 && memchr(s.p, '\0', s.n) != NULL;
}

static char *
put(char *to, struct slice s)
{
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return to + s.n + 1;
}

/* Names are ours; a value may be a backend's. */
static void
keep_headers(struct buf *to, const struct header *list, size_t n)
{
	size_t sum = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		sum += list[i].name.n + list[i].value.n + 2;
	if (sum == 0 || !buf_reserve(to, sum))
		return;
	p = to->p;
	for (size_t i = 0; i < n; i++)
		if (!has_nul(list[i].value))
			p = put(put(p, list[i].name), list[i].value);
	to->n = (size_t)(p - to->p);
}

static void
answer_headers(struct sink *s, int status, const struct header *list, size_t n,
    int64_t length)
{
	struct exchange *x = of(s);

	if (x->dead || x->closed || x->status != 0)
		return;
	keep_headers(&x->headers, list, n);
	x->status = status;
	x->length = length;
	if (buf_err(&x->headers) != OK)
		doom(x);
	front_touch(x->front, x);
}

/* What has been sent makes room before the queue grows. */
static void
compact(struct exchange *x)
{
	if (x->taken == 0 || x->taken < x->queue.n / 2)
		return;
	buf_consume(&x->queue, x->taken);
	x->taken = 0;
}

static bool
answer_write(struct sink *s, struct slice bytes)
{
	struct exchange *x = of(s);

	if (x->dead || x->closed || x->ended)
		return true;
	if (x->head) /* counted by `length`, never sent */
		return true;
	x->written += bytes.n;
	compact(x);
	buf_add(&x->queue, bytes);
	if (buf_err(&x->queue) != OK)
		doom(x);
	front_touch(x->front, x);
	if (queued(x) > QUEUE_HIGH)
		x->choked = true;
	return !x->choked;
}

static bool
answer_give(struct sink *s, struct buf *b)
{
	struct exchange *x = of(s);
	bool room;

	if (x->dead || x->closed || x->ended || x->head || queued(x) > 0 ||
	    buf_err(b) != OK) {
		room = answer_write(s, buf_slice(b));
		buf_fini(b);
		return room;
	}
	buf_fini(&x->queue);
	x->taken = 0;
	x->written += b->n;
	x->queue.p = buf_take(b, &x->queue.n);
	x->queue.cap = x->queue.n;
	x->given = true;
	x->choked = queued(x) > QUEUE_HIGH;
	front_touch(x->front, x);
	return !x->choked;
}

static void
answer_end(struct sink *s, enum sink_end end)
{
	struct exchange *x = of(s);

	if (x->ended)
		return;
	x->ended = true;
	if (end == SINK_ABORT || x->status == 0)
		x->dead = true;
	if (!x->head && x->length >= 0 && x->written != (uint64_t)x->length)
		x->dead = true;
	if (!x->closed)
		front_touch(x->front, x);
}

const struct sink_ops answer_ops = {
	.headers = answer_headers,
	.write = answer_write,
	.give = answer_give,
	.end = answer_end,
};

/* --- libmicrohttpd's side --- */

/* How much may be sent now. */
static size_t
sendable(const struct exchange *x)
{
	if (!x->ended && x->length >= 0 && x->written >= (uint64_t)x->length)
		return 0;
	return queued(x);
}

bool
answer_ready(const struct exchange *x)
{
	if (x->dead)
		return true;
	if (x->stage == STAGE_ASKED)
		return x->status != 0 && (!x->head || x->ended);
	return x->ended || sendable(x) > 0;
}

static void
answer_suspend(struct exchange *x)
{
	connection_wait(x->connection, WAIT_NOTHING);
	x->suspended = true;
	MHD_suspend_connection(x->mhd);
}

void
answer_took(struct exchange *x, size_t n)
{
	x->taken += n;
	if (x->taken == x->queue.n) {
		x->taken = 0;
		buf_reset(&x->queue);
		if (x->queue.cap > PIECE || x->given)
			buf_fini(&x->queue);
		x->given = false;
	}
	if (x->choked && queued(x) < QUEUE_LOW) {
		x->choked = false;
		x->drained = true;
		front_touch(x->front, x);
	}
}

/* libmicrohttpd closes a connection from within a reader's answer, but frees it
 * only when it happens to look at it again. At those with a timeout of their
 * own it looks in every run. */
static void
closes_now(struct exchange *x)
{
	MHD_set_connection_option(x->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 1u);
	daemon_touch(x->connection->daemon);
}

static ssize_t
fail_read(struct exchange *x)
{
	if (x->http10)
		connection_cut(x->connection, true);
	closes_now(x);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t
end_read(struct exchange *x)
{
	if (x->http10)
		closes_now(x);
	return MHD_CONTENT_READER_END_OF_STREAM;
}

static ssize_t
answer_read(void *cls, uint64_t at, char *out, size_t max)
{
	struct exchange *x = cls;
	size_t n;

	(void)at;
	if (x->dead)
		return fail_read(x);
	n = sendable(x);
	if (n == 0 && !x->ended) {
		answer_suspend(x);
		return 0;
	}
	connection_wait(x->connection, WAIT_CLIENT);
	if (n == 0)
		return end_read(x);
	if (n > max)
		n = max;
	if (n > PIECE)
		n = PIECE;
	memcpy(out, x->queue.p + x->taken, n);
	answer_took(x, n);
	return (ssize_t)n;
}

/* libmicrohttpd takes the queue's memory. */
static struct MHD_Response *
whole_response(struct exchange *x)
{
	struct MHD_Response *response;
	size_t n;
	char *p;

	compact(x);
	p = buf_take(&x->queue, &n);
	if (p == NULL)
		return NULL;
	response = MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(p);
	return response;
}

/* Chunks are built in the connection's own memory: only a body that goes out
 * as it is needs a block of its own. */
static struct MHD_Response *
read_response(struct exchange *x)
{
	uint64_t length =
	    x->length >= 0 ? (uint64_t)x->length : MHD_SIZE_UNKNOWN;
	bool chunked = x->length < 0 && !x->http10;

	return MHD_create_response_from_callback(
	    length, chunked ? 1 : PIECE, answer_read, x, NULL);
}

/* A length or a coding is libmicrohttpd's to say. */
static bool
is_framing(const char *name)
{
	struct slice s = slice_of(name);

	return slice_iis(s, "content-length") ||
	    slice_iis(s, "transfer-encoding") || slice_iis(s, "keep-alive");
}

static void
add_headers(struct exchange *x, struct MHD_Response *response)
{
	const char *p = x->headers.p, *end = p + x->headers.n, *name;

	while (p < end) {
		name = p;
		p += strlen(p) + 1;
		if (!is_framing(name) &&
		    MHD_add_response_header(response, name, p) != MHD_YES)
			log_debug("header_dropped name=%s", name);
		p += strlen(p) + 1;
	}
	buf_fini(&x->headers);
}

/* libmicrohttpd ends a HEAD answer of unknown length with a chunk that no
 * client expects: only the close makes that harmless. */
static bool
must_close(const struct exchange *x)
{
	return x->close_after || x->front->draining ||
	    (x->head && x->length < 0);
}

enum MHD_Result
answer_queue(struct exchange *x)
{
	struct MHD_Response *response;
	enum MHD_Result rc;
	bool whole = x->ended && !x->head && queued(x) <= WHOLE_MAX;

	if (x->dead)
		return MHD_NO;
	if (!answer_ready(x) || tunnel_is_apart(x)) {
		answer_suspend(x);
		return MHD_YES;
	}
	if (x->tunnel != NULL)
		response = tunnel_response(x);
	else
		response = whole ? whole_response(x) : read_response(x);
	if (response == NULL)
		return MHD_NO;
	add_headers(x, response);
	if (must_close(x) && x->tunnel == NULL)
		MHD_add_response_header(response, "Connection", "close");
	x->stage = STAGE_ANSWER;
	connection_wait(x->connection, WAIT_CLIENT);
	rc = MHD_queue_response(x->mhd, (unsigned)x->status, response);
	MHD_destroy_response(response);
	return rc;
}
