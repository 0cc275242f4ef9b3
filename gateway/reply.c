/* gateway/reply.c - what goes to a client besides a backend's bytes.
 *
 * Every answer of ours carries who made it: request id, backend, model,
 * attempts, timing. Errors have one shape per dialect. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/digits.h"
#include "gateway/limits.h"
#include "gateway/note.h"
#include "gateway/origin.h"
#include "gateway/refusals.h"
#include "gateway/request.h"
#include "gateway/session.h"

#define SDK_WAITS (60 * USEC_SEC) /* at most; a longer one it makes shorter */
#define REPLY_ERROR_MAX ((size_t)1 << 20) /* a quoted error, escaped */

/* Only for configured origins and the operators' page; `*` would not cover
 * credentials. */
static void
add_cors(struct header_list *h, const struct request *r)
{
	struct slice origin = exchange_header(r->exchange, "origin");
	bool preflight = slice_is(exchange_method(r->exchange), "OPTIONS");

	if (origin.n == 0 || !origin_allowed(r, origin))
		return;
	header_add(h, "access-control-allow-origin", origin);
	header_add(h, "vary", SLICE("origin"));
	if (!preflight) {
		header_add(h, "access-control-expose-headers",
		    SLICE("x-request-id, request-id, x-pointsman-backend, "
			  "x-pointsman-model, x-pointsman-attempts, "
			  "x-pointsman-receipt, "
			  "x-pointsman-idempotent-replay, "
			  "x-pointsman-left-out, "
			  "server-timing, retry-after, retry-after-ms, "
			  "x-should-retry, "
			  "x-ratelimit-limit-requests, "
			  "x-ratelimit-remaining-requests, "
			  "x-ratelimit-reset-requests, "
			  "x-ratelimit-limit-tokens, "
			  "x-ratelimit-remaining-tokens, "
			  "x-ratelimit-reset-tokens, x-pointsman-budget"));
		return;
	}
	header_add(
	    h, "access-control-allow-methods", SLICE("GET, POST, OPTIONS"));
	header_add(h, "access-control-allow-headers",
	    exchange_header(r->exchange, "access-control-request-headers"));
	header_add(h, "access-control-max-age", SLICE("600"));
}

/* The SDKs retry by themselves, Claude Code also where its key is wrong: say
 * whether that makes sense. */
struct retry_text {
	char seconds[24], ms[24];
};

static void
add_retry(
    struct header_list *h, const struct error_reply *e, struct retry_text *text)
{
	if (e == NULL || e->status < 400)
		return;
	if (e->retry_after > 0) {
		snprintf(text->seconds, sizeof(text->seconds), "%" PRId64,
		    (e->retry_after + USEC_SEC - 1) / USEC_SEC);
		snprintf(text->ms, sizeof(text->ms), "%" PRId64,
		    (e->retry_after + USEC_MS - 1) / USEC_MS);
		header_add(h, "retry-after", slice_of(text->seconds));
		header_add(h, "retry-after-ms", slice_of(text->ms));
	}
	if ((e->retry_after > SDK_WAITS && e->status == 429) ||
	    (e->retry_after == 0 && !e->tried_once &&
		(e->status >= 500 || e->status == 429 || e->status == 401 ||
		    e == &refusal_key_reused)))
		header_add(h, "x-should-retry", SLICE("false"));
}

static void
add_limits(struct header_list *h, const struct request *r,
    struct limit_headers *limits)
{
	limits_headers(r, limits);
	for (size_t i = 0; i < limits->n && h->n < HEADER_LIST_MAX; i++)
		h->list[h->n++] = limits->list[i];
}

/* What a 405 has to say (RFC 9110, 15.5.6). */
static void
add_allow(struct header_list *h, const struct request *r)
{
	struct slice path = exchange_path(r->exchange), id;

	header_add(h, "allow",
	    route_is_models(path, &id) ? SLICE("GET, HEAD, OPTIONS")
		: slice_ends(path, SLICE("/realtime"))
		? SLICE("GET, OPTIONS")
		: SLICE("POST, OPTIONS"));
}

/* Of a stream that is begun while it is waited for nobody knows yet whose it
 * will be. */
static bool
is_decided(const struct request *r, int status)
{
	return status >= 400 || !r->facts.stream || r->state >= REQ_COMMIT;
}

static void
add_who(struct header_list *h, const struct request *r, struct slice attempts)
{
	const struct attempt *a = r->attempt;
	struct slice left = SLICE("");

	header_add(h, "x-pointsman-attempts", attempts);
	if (a != NULL) {
		header_add(h, "x-pointsman-backend",
		    slice_of(a->serving->backend->name));
		header_add(h, "x-pointsman-model", slice_of(a->model));
		left = attempt_left_out(a);
	}
	if (r->replay != NULL) {
		header_add(
		    h, "x-pointsman-backend", slice_of(r->replay->backend));
		header_add(h, "x-pointsman-model", slice_of(r->replay->model));
		header_add(h, "x-pointsman-idempotent-replay", SLICE("true"));
		left = r->replay->left_out;
	}
	if (left.n > 0)
		header_add(h, "x-pointsman-left-out", left);
}

void
reply_headers(struct request *r, int status, const char *content_type,
    int64_t length, const struct error_reply *e)
{
	struct header_list h = { .n = 0 };
	struct limit_headers limits;
	struct retry_text retry;
	char attempts[DIGITS_MAX], receipt[RECEIPT_ID_BYTES];
	char timing_text[512];
	struct buf timing;

	buf_on(&timing, timing_text, sizeof(timing_text));
	header_add(&h, "content-type", slice_of(content_type));
	header_add(&h, "x-request-id", slice_of(r->id));
	if (r->dialect != NULL && dialect_is_anthropic(r->dialect->id))
		header_add(&h, "request-id", slice_of(r->id)); /* Anthropic's */
	if (note_expected(r)) {
		note_id(r, receipt);
		header_add(&h, "x-pointsman-receipt", slice_of(receipt));
	}
	if (is_decided(r, status)) {
		server_timing(&r->outcome, &timing);
		header_add(&h, "server-timing", buf_slice(&timing));
		add_who(&h, r,
		    slice_make(attempts, digits_u64(attempts, r->n_attempts)));
	}
	if (length == SINK_STREAMED && status != 101) {
		header_add(
		    &h, "cache-control", SLICE("no-cache, no-transform"));
		header_add(&h, "x-accel-buffering", SLICE("no"));
	}
	if (status == 401)
		header_add(&h, "www-authenticate", SLICE("Bearer"));
	if (status == 405 && r->verdict == HEAD_REFUSED)
		add_allow(&h, r);
	if (status == 415 && r->verdict == HEAD_REFUSED)
		header_add(&h, "accept-encoding", SLICE("identity"));
	if (r->route != NULL && r->route->dialect == DIALECT_REALTIME)
		session_headers(r, status, &h);
	add_retry(&h, e, &retry);
	add_limits(&h, r, &limits);
	add_cors(&h, r);
	r->sink->ops->headers(r->sink, status, h.list, h.n, length);
	r->sent_headers = true;
	r->outcome.status = status;
}

/* What can be said without memory, in the shapes of all dialects. */
static struct slice
or_plain(const struct buf *body)
{
	return buf_err(body) == OK
	    ? buf_slice(body)
	    : SLICE("{\"type\":\"error\",\"error\":{\"message\":\"the gateway "
		    "is out of memory\",\"type\":\"server_error\",\"param\":"
		    "null,\"code\":\"out_of_memory\"}}");
}

void
reply_error(struct request *r, const struct error_reply *e)
{
	struct slice text;
	struct buf body;

	if (r->sent_headers) { /* with a heartbeat */
		reply_error_event(r, e);
		return;
	}
	buf_init(&body, REPLY_ERROR_MAX);
	if (r->dialect != NULL)
		r->dialect->render_error(e, &body);
	else
		openai_render_error(e, &body);
	text = or_plain(&body);
	reply_headers(r, e->status, "application/json", (int64_t)text.n, e);
	r->sink->ops->write(r->sink, text);
	r->sink->ops->end(r->sink, SINK_CLEAN);
	r->outcome.bytes_out += text.n;
	buf_fini(&body);
}

void
reply_error_event(struct request *r, const struct error_reply *e)
{
	struct buf event;

	if (r->wordless) {
		r->sink->ops->end(r->sink, SINK_ABORT);
		return;
	}
	buf_init(&event, REPLY_ERROR_MAX);
	r->dialect->render_error_event(e, &event);
	if (buf_err(&event) == OK)
		r->sink->ops->write(r->sink, buf_slice(&event));
	/* without a word a clean end would be a lie */
	r->sink->ops->end(
	    r->sink, buf_err(&event) == OK ? SINK_CLEAN : SINK_ABORT);
	r->outcome.bytes_out += event.n;
	buf_fini(&event);
}

void
reply_stream_headers(struct request *r)
{
	if (!r->sent_headers)
		reply_headers(r, 200, "text/event-stream; charset=utf-8",
		    SINK_STREAMED, NULL);
}

void
reply_headers_of(struct request *r, int64_t length)
{
	const struct answer_head *h = &r->attempt->head;
	const char *type = h->content_type;

	if (type[0] == '\0')
		type = "application/octet-stream";
	reply_headers(r, h->status, type, length, NULL);
}

void
reply_heartbeat(struct request *r)
{
	struct slice beat = r->dialect->heartbeat;

	if (r->worker->now < r->beat_at)
		return;
	r->beat_at = r->worker->now + r->conf->heartbeat;
	reply_stream_headers(r);
	r->sink->ops->write(r->sink, beat);
	r->outcome.bytes_out += beat.n;
	atomic_fetch_add_explicit(
	    &r->worker->gauges.heartbeats, 1, memory_order_relaxed);
}
