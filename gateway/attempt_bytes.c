/* gateway/attempt_bytes.c - what comes back on an attempt.
 *
 * The on_* functions run inside libcurl: they take bytes, set flags and make
 * the request runnable. After COMMIT bytes go straight from libcurl's buffer to
 * the sink. */
#include "gateway/attempt_parts.h"

#include <stdlib.h>
#include <string.h>

#include "backends/whole.h"
#include "gateway/app.h"
#include "gateway/lib/mask.h"
#include "gateway/session.h"
#include "gateway/stored.h"
#include "gateway/upstream/upstream.h"

#define MESSAGE_MAX 256 /* of a backend's words */
#define HELD_AHEAD ((size_t)256 << 10) /* bytes before COMMIT, after a token */

void
attempt_keep_message(struct attempt *a, struct slice message)
{
	if (message.n > 0 && a->message == NULL)
		a->message = malloc(MESSAGE_MAX);
	if (a->message != NULL)
		mask_copy(a->message, MESSAGE_MAX, message, attempt_secret(a));
}

/* --- on to the client --- */

void
attempt_pause(struct attempt *a)
{
	a->paused = clock_now();
	if (a->paced)
		return;
	a->paced = true;
	a->unpaced.tokens = a->tokens;
	a->unpaced.last_token = a->last_token;
}

void
attempt_fail_to_hold(struct attempt *a, const struct buf *b)
{
	attempt_fail(
	    a, buf_err(b) == ERR_MEMORY ? FAULT_MEMORY : FAULT_TOO_LARGE);
}

/* To the client, or, before COMMIT, to what is held for it. */
void
attempt_forward(struct attempt *a, struct slice bytes)
{
	struct request *r = a->request;

	if (bytes.n == 0)
		return;
	if (r->state != REQ_RELAY) {
		buf_add(&a->held, bytes);
		if (buf_err(&a->held) != OK)
			attempt_fail_to_hold(a, &a->held);
		return;
	}
	r->outcome.bytes_out += bytes.n;
	if (!r->sink->ops->write(r->sink, bytes) && a->paused == 0)
		attempt_pause(a);
}

/* --- what is noted of them --- */

void
attempt_note_usage(struct attempt *a, const struct usage *u)
{
	struct usage *sum = &a->usage;

	sum->known |= u->known;
	sum->input = u->input > 0 ? u->input : sum->input;
	sum->output = u->output > 0 ? u->output : sum->output;
	sum->cached = u->cached > 0 ? u->cached : sum->cached;
	sum->cache_write =
	    u->cache_write > 0 ? u->cache_write : sum->cache_write;
	sum->seconds = u->seconds > 0 ? u->seconds : sum->seconds;
	sum->reasoning = u->reasoning > 0 ? u->reasoning : sum->reasoning;
}

void
attempt_note_bits(struct attempt *a, const struct event *e)
{
	a->seen |= e->bits;
	a->limited |= e->limited;
	a->choices.begun |= e->choices.begun;
	a->choices.ended |= e->choices.ended;
	if (e->stored.n > 0)
		stored_note(a->request->worker->app->stored, e->stored,
		    a->serving->backend->id);
}

/* Whose fault it was. What a client calls a model says nothing of a serving
 * that takes any name; nor does it of one that is there for chat, say, that it
 * does not speak. */
static void
classify(struct attempt *a, struct slice body)
{
	a->fault = a->ops->classify(&a->head, body);
	if (a->fault.kind == FAULT_MODEL &&
	    (conf_is_pattern(a->serving->upstream) ||
		dialect_passes(a->head.dialect)))
		a->fault.kind = FAULT_UNSUITED;
	a->failed = true;
}

void
attempt_fail_as_told(struct attempt *a)
{
	classify(a, buf_slice(&a->held));
}

/* An error inside a 200 means what the status that it names would. Before
 * COMMIT what is held is of no use any more; the error may be quoted. */
void
attempt_fail_inside(struct attempt *a, struct slice error, struct slice message)
{
	struct buf body;

	attempt_keep_message(a, message);
	buf_init(&body, ATTEMPT_ERROR_MAX);
	buf_add(&body, error);
	classify(a, error);
	buf_fini(&a->held);
	a->held = body;
	request_wake(a->request);
}

/* Of what passes: the first of it that is more than a promise. */
void
attempt_note_first(struct attempt *a)
{
	a->seen |= EVENT_TOKEN;
	if (a->first_token != 0)
		return;
	a->first_token = a->last_token = a->last_byte;
	a->ready = true;
	request_wake(a->request);
}

/* --- the client --- */

void
attempt_commit(struct attempt *a)
{
	struct sink *sink = a->request->sink;

	a->request->outcome.bytes_out += a->held.n;
	if (!sink->ops->give(sink, &a->held))
		attempt_pause(a);
	if (a->paused == 0 && a->transfer != NULL)
		transfer_resume(a->transfer);
}

void
attempt_resume(struct attempt *a)
{
	usec now;

	if (a->paused == 0)
		return;
	now = clock_now();
	/* The gap clock stood still: the client was slow, not the backend. */
	a->last_byte = now;
	a->stalled += now - a->paused;
	a->paused = 0;
	if (a->transfer != NULL)
		transfer_resume(a->transfer);
}

/* --- libcurl's callbacks --- */

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct attempt *a = arg;

	a->ops->read_header(name, value, &a->head);
	if (a->request->session != NULL)
		session_read_header(a, name, value);
}

static bool
has_type(const struct answer_head *h, struct slice type)
{
	return slice_istarts(slice_of(h->content_type), type);
}

static bool
is_json(const struct answer_head *h)
{
	return has_type(h, SLICE("application/json")) ||
	    (has_type(h, SLICE("application/")) &&
		strstr(h->content_type, "+json") != NULL);
}

static bool
comes_as_events(const struct attempt *a)
{
	bool asked =
	    a->request->facts.stream && !dialect_passes(a->head.dialect);

	return has_type(&a->head, SLICE("text/event-stream")) ||
	    (asked && answer_may_stream(&a->head));
}

static void
on_headers_end(void *arg, int status)
{
	struct attempt *a = arg;
	bool events = comes_as_events(a);
	size_t cap = ATTEMPT_JSON_MAX;

	a->head.status = status;
	a->last_byte = clock_now();
	if (a->request->session != NULL && status <= 299) {
		session_read_status(a);
	} else if (status < 200 || status > 299) {
		a->mode = ATTEMPT_ERROR;
		a->refused = a->last_byte;
		cap = ATTEMPT_ERROR_MAX;
		request_wake(a->request); /* for its deadline */
	} else if (events) {
		a->mode = ATTEMPT_EVENTS;
		cap = ATTEMPT_HELD_MAX;
		if (!a->request->facts.stream &&
		    !dialect_passes(a->head.dialect))
			attempt_fail(a, FAULT_BAD_ANSWER);
	} else if (dialect_passes(a->head.dialect) && !is_json(&a->head)) {
		a->mode = ATTEMPT_PIECES;
		cap = ATTEMPT_HELD_MAX;
		if (has_type(&a->head, SLICE("text/html")))
			attempt_fail(a, FAULT_BAD_ANSWER);
	} else {
		a->mode = ATTEMPT_JSON;
	}
	a->held.max = cap;
}

/* There is an answer, and the request has not had its turn yet: a fast backend
 * must not fill what is held for it meanwhile. attempt_commit() goes on. */
static bool
far_ahead(const struct attempt *a)
{
	return (a->mode == ATTEMPT_EVENTS || a->mode == ATTEMPT_PIECES ||
		   a->mode == ATTEMPT_TUNNEL) &&
	    a->ready && a->request->state != REQ_RELAY &&
	    a->held.n > HELD_AHEAD;
}

/* Every request counts for as much as an ordinary answer takes. */
static bool
has_room(const struct attempt *a, size_t n)
{
	return a->held.n + a->partial.n + n <= ATTEMPT_COUNTED ||
	    front_hold(a->request->worker->front, n);
}

static void
fail_for_memory(struct attempt *a)
{
	buf_fini(&a->held);
	buf_fini(&a->partial);
	attempt_fail(a, FAULT_MEMORY);
}

static void
take_answer(struct attempt *a, struct slice bytes)
{
	buf_add(&a->held, attempt_without_bom(a, bytes));
	if (buf_err(&a->held) != OK)
		attempt_fail_to_hold(a, &a->held);
}

static void
take_pieces(struct attempt *a, struct slice bytes)
{
	if (bytes.n > 0)
		attempt_note_first(a);
	attempt_forward(a, bytes);
}

static void
take_tunnel(struct attempt *a, struct slice bytes)
{
	attempt_forward(a, session_hear(a, bytes));
}

/* The beginning, which is counted with every request, is enough: whoever goes
 * on and on is not waited for. */
static void
take_error(struct attempt *a, struct slice bytes)
{
	size_t room = ATTEMPT_ERROR_MAX - a->held.n;

	buf_add(&a->held, slice_make(bytes.p, bytes.n < room ? bytes.n : room));
	if (bytes.n < room)
		return;
	attempt_fail_as_told(a);
	request_wake(a->request);
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct attempt *a = arg;

	if (a->failed)
		return true;
	a->last_byte = clock_now();
	if (a->mode == ATTEMPT_ERROR)
		take_error(a, bytes);
	else if (!has_room(a, bytes.n))
		fail_for_memory(a);
	else if (a->mode == ATTEMPT_EVENTS)
		attempt_take_events(a, bytes);
	else if (a->mode == ATTEMPT_PIECES)
		take_pieces(a, bytes);
	else if (a->mode == ATTEMPT_TUNNEL)
		take_tunnel(a, bytes);
	else
		take_answer(a, bytes);
	return a->paused == 0 && !far_ahead(a);
}

/* --- the end of a transfer --- */

/* A body is an answer when it is JSON, whole, and holds one; or nothing, where
 * a limit or a filter has taken it all: another would not say more. */
static void
judge(struct attempt *a, const struct event *e)
{
	attempt_note_bits(a, e);
	if (e->bytes > 0)
		a->guessed = tokens_of_bytes(e->bytes);
	if ((e->bits & EVENT_USAGE) != 0)
		attempt_note_usage(a, &e->usage);
	if ((e->bits & EVENT_ERROR) != 0)
		attempt_fail_inside(a, buf_slice(&a->held), e->error_message);
	else if (((e->bits & EVENT_TOKEN) != 0 || a->limited) &&
	    (!a->request->facts.stream || dialect_passes(a->head.dialect)))
		a->ready = true;
	else
		attempt_fail(a, FAULT_BAD_ANSWER);
}

/* A long one is left to attempt_judges(). */
static void
judge_body(struct attempt *a)
{
	struct slice body = buf_slice(&a->held);
	struct event e;

	if (body.n > WHOLE_LONG && body.p[0] != '[') {
		a->whole = whole_new(body);
		if (a->whole == NULL)
			attempt_fail(a, FAULT_MEMORY);
		return;
	}
	backend_decode(a->head.dialect, SLICE(""), body, &e, &a->scratch);
	judge(a, &e);
}

/* Subtitles of silence are no text at all; sound is always some. */
static void
judge_pieces(struct attempt *a)
{
	if (a->first_token != 0)
		return;
	if (has_type(&a->head, SLICE("text/")))
		a->seen |= EVENT_FINISH;
	attempt_fail(a, FAULT_BAD_ANSWER);
}

bool
attempt_judges(struct attempt *a)
{
	struct event e;

	if (a->whole == NULL || a->failed)
		return false;
	if (whole_more(a->whole))
		return true;
	whole_decode(a->whole, a->head.dialect, &e, &a->scratch);
	judge(a, &e);
	whole_free(&a->whole);
	return false;
}

static void
on_done(void *arg, const struct transfer_result *result)
{
	struct attempt *a = arg;

	a->transfer = NULL;
	a->done = true;
	a->connect = result->connect;
	a->tls = result->tls;
	a->reused = result->reused;
	a->sent_any = result->sent;
	if (result->message[0] != '\0' && a->words == NULL)
		a->words = slice_dup(slice_of(result->message));
	request_wake(a->request);
	if (attempt_is_over(a))
		return;
	/* An error's status says more than how its body ended. */
	if (a->mode == ATTEMPT_ERROR)
		attempt_fail_as_told(a);
	else if (a->mode == ATTEMPT_TUNNEL)
		session_over(a, result->fault);
	else if (result->fault != FAULT_NONE)
		attempt_fail(a, result->fault);
	else if (a->mode == ATTEMPT_EVENTS)
		attempt_judge_events(a);
	else if (a->mode == ATTEMPT_PIECES)
		judge_pieces(a);
	else
		judge_body(a);
}

/* The backend of a session reads again. */
static void
on_drain(void *arg)
{
	struct attempt *a = arg;

	if (a->request->exchange != NULL)
		exchange_tunnel_resume(a->request->exchange);
}

const struct transfer_ops attempt_transfer_ops = {
	.on_header = on_header,
	.on_headers_end = on_headers_end,
	.on_bytes = on_bytes,
	.on_drain = on_drain,
	.on_done = on_done,
};
