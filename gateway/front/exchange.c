/* gateway/front/exchange.c - one request: its headers, its body, its end.
 *
 *	HEAD -> BODY -> ASKED -> ANSWER -> (detached) -> freed
 *	   \_____________/
 *	   refused at once: what follows cannot be trusted, or is not to come
 *
 * libmicrohttpd cannot answer in the middle of an upload, and a client that
 * is cut off while it sends never reads why. So what is refused is drained up
 * to a cap and answered at its end. */
#include <stdlib.h>
#include <string.h>

#include "gateway/front/private.h"
#include "gateway/lib/log.h"
#include "gateway/lib/uri.h"

#define DRAIN_BEYOND ((uint64_t)8 << 20) /* past limits.body */
#define RESERVE_MAX ((uint64_t)1 << 20) /* of a body, before it comes */
#define BODY_RATE 1024 /* bytes a second, on average, at least */
#define HEADERS_MAX ((size_t)1 << 20) /* of an answer */
#define QUEUE_MAX ((size_t)1 << 30) /* of an answer that came in one piece */

/* --- the body and its budget --- */

static bool
hold(struct exchange *x, size_t n)
{
	struct front *f = x->front;
	unsigned long long before;

	if (n <= x->held)
		return true;
	n -= x->held;
	before = atomic_fetch_add(&f->budget->held, n);
	x->held += n;
	return before + n <= f->settings.limits.bodies;
}

void
exchange_free_body(struct exchange *x)
{
	buf_fini(&x->body);
	atomic_fetch_sub(&x->front->budget->held, x->held);
	x->held = 0;
	room_forget(x);
}

void
exchange_refuse(
    struct exchange *x, int status, const char *code, const char *message)
{
	if (x->refusal.status != 0)
		return;
	x->refusal = (struct exchange_refusal){
		.status = status, .code = code, .message = message
	};
	x->close_after = true;
	x->keep_body = false;
	exchange_free_body(x);
}

void
exchange_refuse_slow(struct exchange *x)
{
	exchange_refuse(
	    x, 408, "request_timeout", "The request body came too slowly.");
}

static void
refuse_size(struct exchange *x)
{
	exchange_refuse(x, 413, "request_too_large",
	    "The request body is larger than this gateway takes.");
}

static void
refuse_memory(struct exchange *x)
{
	exchange_refuse(
	    x, 503, "overloaded", "The gateway uses as much memory as it may.");
}

static void
make_room(struct exchange *x, size_t n)
{
	if (buf_reserve(&x->body, n) && hold(x, x->body.cap))
		return;
	if (buf_err(&x->body) == ERR_LIMIT)
		refuse_size(x);
	else
		exchange_refuse(x, 503, "overloaded",
		    "The gateway holds too many request bodies now.");
}

static bool
too_slow(const struct exchange *x)
{
	usec limit = x->front->settings.body_timeout;
	usec spent = x->front->heard - x->body_began;

	return limit > 0 && spent > limit &&
	    (usec)x->seen * USEC_SEC < spent * BODY_RATE;
}

static enum MHD_Result
cut_body(const struct exchange *x, const char *reason)
{
	log_info("connection_closed peer=%s reason=%s", x->peer, reason);
	x->connection->cut = true;
	return MHD_NO;
}

static enum MHD_Result
take(struct exchange *x, struct slice bytes)
{
	x->seen += bytes.n;
	connection_wait(x->connection, x->keep_body ? WAIT_BODY : WAIT_REFUSED);
	if (too_slow(x)) {
		exchange_refuse_slow(x);
		return cut_body(x, "body_timeout");
	}
	if (x->seen > x->front->settings.limits.body + DRAIN_BEYOND)
		return cut_body(x, "body_beyond_draining");
	if (x->keep_body && !room_take(x, bytes.n))
		refuse_memory(x);
	if (x->keep_body)
		make_room(x, bytes.n);
	if (x->keep_body)
		buf_add(&x->body, bytes);
	return MHD_YES;
}

/* --- the headers --- */

/* What follows cannot be told from a next request, or need not come, or is
 * too much to drain. */
static bool
refused_at_once(
    const struct exchange *x, const struct framing *framing, bool sane)
{
	if (!sane)
		return true;
	if (x->keep_body || (framing->length == 0 && !framing->chunked))
		return false;
	return framing->expects ||
	    framing->length > x->front->settings.limits.body + DRAIN_BEYOND;
}

static void
prepare_body(struct exchange *x, const struct framing *framing)
{
	uint64_t limit = x->front->settings.limits.body;

	buf_init(&x->body, framing->chunked ? limit : framing->length);
	if (framing->length > 0 && framing->length <= RESERVE_MAX)
		make_room(x, framing->length);
}

static bool
read_head(struct exchange *x, const char *method, const char *version,
    struct framing *framing)
{
	size_t n = strlen(method);

	x->http10 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	x->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	if (n >= sizeof(x->method)) {
		exchange_refuse(
		    x, 501, "unknown_method", "This method is not known here.");
		n = sizeof(x->method) - 1;
	}
	memcpy(x->method, method, n);
	return framing_check(x, slice_of(method), framing);
}

static enum MHD_Result
ask(struct exchange *x)
{
	connection_wait(x->connection, WAIT_NOTHING);
	x->stage = STAGE_ASKED;
	x->received = clock_now();
	x->front->ops->on_request(x->front->arg, x);
	return answer_queue(x);
}

static enum MHD_Result
begin(struct exchange *x, const char *method, const char *version)
{
	struct front *f = x->front;
	struct framing framing;
	enum front_verdict verdict;
	bool sane = read_head(x, method, version, &framing);

	if (!sane)
		x->close_after = true;
	if (sane && framing.length > f->settings.limits.body)
		refuse_size(x);
	else if (sane && !room_admit(x, framing.length))
		refuse_memory(x);
	x->known = true;
	f->n_exchanges++;
	x->stage = STAGE_BODY;
	connection_wait(x->connection, WAIT_BODY);
	x->received = x->body_began = x->connection->since;
	verdict = f->ops->on_headers(f->arg, x);
	x->keep_body = verdict == FRONT_READ && x->refusal.status == 0;
	if (x->keep_body) {
		prepare_body(x, &framing);
	} else {
		connection_wait(x->connection, WAIT_REFUSED);
		room_forget(x);
	}
	if (!refused_at_once(x, &framing, sane))
		return MHD_YES;
	x->close_after = x->connection->sending = true;
	return ask(x);
}

enum MHD_Result
exchange_handle(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **state)
{
	struct exchange *x = *state;
	size_t got = *n;

	(void)cls;
	(void)mhd;
	(void)url;
	if (x == NULL || x->dead || (x->connection->left && !x->ended))
		return MHD_NO;
	*n = 0;
	switch (x->stage) {
	case STAGE_HEAD:
		return begin(x, method, version);
	case STAGE_BODY:
		if (got == 0)
			return ask(x);
		return take(x, slice_make(data, got));
	case STAGE_ASKED:
		return answer_queue(x);
	case STAGE_ANSWER:
	case STAGE_TUNNEL:
		break;
	}
	return MHD_YES;
}

/* --- life --- */

/* Whoever takes us for a proxy sends "http://host/path?query", and every server
 * has to take that (RFC 9112, 3.2.2). */
static void
cut_target(struct exchange *x, size_t n)
{
	struct slice rest;
	ptrdiff_t query;

	if (uri_after_scheme(slice_make(x->target, n), &rest, NULL)) {
		x->host = slice_make(rest.p, strcspn(rest.p, "/?"));
		rest = slice_make(rest.p + x->host.n, rest.n - x->host.n);
	}
	query = slice_find(rest, '?');
	x->path = query < 0 ? rest : slice_make(rest.p, (size_t)query);
	if (query >= 0)
		x->query =
		    slice_make(rest.p + query + 1, rest.n - (size_t)query - 1);
	if (x->host.p != NULL && x->path.n == 0)
		x->path = SLICE("/");
}

struct exchange *
exchange_new(
    struct connection *c, struct MHD_Connection *mhd, const char *target)
{
	size_t target_n = strlen(target), peer_n = strlen(c->peer);
	struct exchange *x;

	x = malloc(sizeof(*x) + target_n + 1 + peer_n + 1);
	if (x == NULL)
		return NULL;
	*x = (struct exchange){
		.front = c->front,
		.connection = c,
		.mhd = mhd,
		.sink.ops = &answer_ops,
		.began = c->since,
	};
	x->target = (char *)(x + 1);
	memcpy(x->target, target, target_n + 1);
	cut_target(x, target_n);
	x->peer = x->target + target_n + 1;
	memcpy(x->peer, c->peer, peer_n + 1);
	list_init(&x->touched);
	buf_init(&x->headers, HEADERS_MAX);
	buf_init(&x->queue, QUEUE_MAX);
	c->exchange = x;
	return x;
}

static void
exchange_free(struct exchange *x)
{
	list_remove(&x->touched);
	if (x->tunnel != NULL)
		tunnel_close(x);
	exchange_free_body(x);
	buf_fini(&x->headers);
	buf_fini(&x->queue);
	if (x->known)
		x->front->n_exchanges--;
	free(x);
}

void
exchange_detach(struct exchange *x, bool completed)
{
	x->connection->exchange = NULL;
	x->connection->sending |= !completed && x->stage < STAGE_ASKED;
	connection_wait(x->connection, WAIT_IDLE);
	if (x->connection->left)
		connection_cut(x->connection, false);
	x->connection = NULL;
	x->mhd = NULL;
	x->suspended = false;
	x->completed = completed;
	x->closed = true;
	if (x->known)
		front_touch(x->front, x);
	else
		exchange_free(x);
}

void
exchange_gone(struct exchange *x)
{
	x->gone = true;
	if (x->known)
		front_touch(x->front, x);
}

/* The core may only be told once, and not after it has ended the answer. */
static void
tell_gone(struct exchange *x)
{
	if (x->gone_told || x->ended)
		return;
	x->gone_told = true;
	x->dead = true;
	if (x->sink.on_gone != NULL)
		x->sink.on_gone(x->sink.arg);
}

static void
finish(struct exchange *x)
{
	if (!x->completed)
		tell_gone(x);
	x->front->ops->on_closed(x->front->arg, x);
	exchange_free(x);
}

void
exchange_resume(struct exchange *x)
{
	x->suspended = false;
	MHD_resume_connection(x->mhd);
	daemon_touch(x->connection->daemon);
}

void
exchange_settle(struct exchange *x)
{
	if (x->gone)
		tell_gone(x);
	if (x->drained) {
		x->drained = false;
		if (!x->ended && !x->dead && x->sink.on_drain != NULL)
			x->sink.on_drain(x->sink.arg);
	}
	if (x->closed) {
		finish(x);
		return;
	}
	if (x->stage == STAGE_TUNNEL) {
		tunnel_settle(x);
		return;
	}
	if (x->suspended && answer_ready(x) &&
	    (x->dead || !tunnel_is_apart(x) || !tunnel_open(x)))
		exchange_resume(x);
	else if (x->dead && !x->suspended)
		connection_cut(x->connection, x->http10);
}

/* --- what the core may ask --- */

struct slice
exchange_method(const struct exchange *x)
{
	return slice_of(x->method);
}

struct slice
exchange_path(const struct exchange *x)
{
	return x->path;
}

struct slice
exchange_query(const struct exchange *x)
{
	return x->query;
}

struct slice
exchange_header(const struct exchange *x, const char *name)
{
	struct slice key = slice_of(name);
	const char *value = NULL;
	size_t n = 0;

	if (x->mhd == NULL || (x->names & framing_name(key)) == 0 ||
	    MHD_lookup_connection_value_n(
		x->mhd, MHD_HEADER_KIND, key.p, key.n, &value, &n) != MHD_YES)
		return slice_make(NULL, 0);
	return slice_trim(value != NULL ? slice_make(value, n) : SLICE(""));
}

struct header_list_of {
	const char *name;
	struct buf *out;
	unsigned n;
};

static enum MHD_Result
on_listed(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_n,
    const char *value, size_t n)
{
	struct header_list_of *l = arg;

	(void)kind;
	if (!slice_iis(slice_make(name, name_n), l->name))
		return MHD_YES;
	if (l->n++ > 0)
		buf_add_char(l->out, ',');
	buf_add(l->out,
	    slice_trim(value != NULL ? slice_make(value, n) : SLICE("")));
	return MHD_YES;
}

void
exchange_header_list(
    const struct exchange *x, const char *name, struct buf *out)
{
	struct header_list_of l = { .name = name, .out = out };

	if (x->mhd != NULL)
		MHD_get_connection_values_n(
		    x->mhd, MHD_HEADER_KIND, on_listed, &l);
}

struct slice
exchange_body(const struct exchange *x)
{
	struct slice body = buf_slice(&x->body);
	struct slice mark = SLICE("\xef\xbb\xbf");

	if (slice_starts(body, mark))
		return slice_make(body.p + mark.n, body.n - mark.n);
	return body;
}

struct sink *
exchange_sink(struct exchange *x)
{
	return &x->sink;
}

void
exchange_set_arg(struct exchange *x, void *arg)
{
	x->arg = arg;
}

void *
exchange_arg(const struct exchange *x)
{
	return x->arg;
}

usec
exchange_began(const struct exchange *x)
{
	return x->began;
}

usec
exchange_received(const struct exchange *x)
{
	return x->received;
}

const struct exchange_refusal *
exchange_refusal(const struct exchange *x)
{
	return &x->refusal;
}
