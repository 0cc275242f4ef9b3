/* gateway/session.c - GET /v1/realtime: a request that becomes a WebSocket. */
#include "gateway/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/dialects/render.h"
#include "gateway/lib/log.h"
#include "gateway/lib/uri.h"
#include "gateway/lib/utf8.h"
#include "gateway/limits.h"
#include "gateway/refusals.h"

#define LIST_MAX 4096 /* bytes of a header that is a list */
#define GOODBYE USEC_SEC /* the backend's, to end what both have closed */
#define EVENT_MAX ((size_t)16 << 10) /* bytes of one of ours */

enum close_status {
	CLOSE_NORMAL = 1000,
	CLOSE_GOING_AWAY = 1001,
	CLOSE_POLICY = 1008,
	CLOSE_ERROR = 1011,
};

/* --- the handshake --- */

static struct slice
list_of(const struct exchange *x, const char *name, char *room)
{
	struct buf list;

	buf_on(&list, room, LIST_MAX);
	exchange_header_list(x, name, &list);
	return buf_err(&list) == OK ? buf_slice(&list) : SLICE("");
}

static bool
refuse(struct error_reply *e, int status, const char *code, const char *message)
{
	*e = (struct error_reply){ .status = status,
		.type = "invalid_request_error",
		.code = code,
		.message = message };
	return false;
}

static struct session *
session_new(const struct exchange *x)
{
	struct session *s = calloc(1, sizeof(*s));
	char room[LIST_MAX];
	struct slice list;

	if (s == NULL)
		return NULL;
	list = list_of(x, "sec-websocket-protocol", room);
	s->protocol = handshake_offers(list, HANDSHAKE_PROTOCOL);
	s->beta = handshake_offers(list, HANDSHAKE_BETA) ||
	    slice_is(exchange_header(x, "openai-beta"), "realtime=v1");
	handshake_accept(exchange_header(x, "sec-websocket-key"), s->accept);
	events_init(&s->events);
	return s;
}

void
session_free(struct session **sp)
{
	if (*sp == NULL)
		return;
	events_fini(&(*sp)->events);
	free(*sp);
	*sp = NULL;
}

/* "model" of the query, or what Azure's clients call it. */
static struct slice
model_of(struct slice query)
{
	struct slice model = SLICE("model="), azure = SLICE("deployment=");
	struct slice one, found = SLICE("");

	while (slice_next(&query, '&', &one)) {
		if (slice_starts(one, model))
			return slice_make(one.p + model.n, one.n - model.n);
		if (slice_starts(one, azure))
			found = slice_make(one.p + azure.n, one.n - azure.n);
	}
	return found;
}

static bool
read_model(struct request *r, struct error_reply *e)
{
	struct dialect_request *p = r->parsed;
	struct buf name;

	buf_on(&name, p->model_name, sizeof(p->model_name));
	uri_unescape(model_of(exchange_query(r->exchange)), &name);
	p->facts.model = buf_slice(&name);
	if (buf_err(&name) == OK && utf8_is_text(name.p, name.n))
		return true;
	(void)refuse(e, 400, "invalid_value",
	    "`model` of the query must be text of at most 255 bytes, without "
	    "control characters");
	e->param = "model";
	return false;
}

bool
session_parse(struct request *r, struct error_reply *e)
{
	const struct exchange *x = r->exchange;
	char upgrade[LIST_MAX], connection[LIST_MAX];
	const struct handshake h = {
		.upgrade = list_of(x, "upgrade", upgrade),
		.connection = list_of(x, "connection", connection),
		.version = exchange_header(x, "sec-websocket-version"),
		.key = exchange_header(x, "sec-websocket-key"),
	};
	const struct handshake_flaw *flaw = handshake_check(&h);

	const struct exchange_refusal *never = exchange_untunnelled(x);

	if (never != NULL)
		return refuse(e, never->status, never->code, never->message);
	if (flaw != NULL)
		return refuse(e, flaw->status, flaw->code, flaw->message);
	r->session = session_new(x);
	if (r->session == NULL) {
		*e = refusal_memory;
		return false;
	}
	dialect_request_init(r->parsed, DIALECT_REALTIME);
	r->parsed->facts.stream = true;
	return read_model(r, e);
}

/* --- an attempt --- */

void
session_begin(struct request *r)
{
	struct session *s = r->session;

	s->accepted = false;
	events_fini(&s->events);
	events_init(&s->events);
}

/* The key is the client's: what answers it is known, and whoever stands in the
 * middle has nothing of its own to guard by one (RFC 6455, 10.3). */
void
session_add_lines(const struct request *r, struct buf *out)
{
	struct slice key = exchange_header(r->exchange, "sec-websocket-key");

	buf_add_str(out,
	    "connection: Upgrade\nupgrade: websocket\n"
	    "sec-websocket-version: 13\nsec-websocket-key: ");
	buf_add(out, key);
	buf_add_char(out, '\n');
	if (r->session->protocol)
		buf_add_str(
		    out, "sec-websocket-protocol: " HANDSHAKE_PROTOCOL "\n");
	if (r->session->beta)
		buf_add_str(out, "openai-beta: realtime=v1\n");
}

void
session_add_query(const struct attempt *a, struct buf *out)
{
	buf_add_str(out, "?model=");
	uri_escape(slice_of(a->model), out);
}

void
session_read_header(struct attempt *a, struct slice name, struct slice value)
{
	struct session *s = a->request->session;

	if (slice_iis(name, "sec-websocket-accept"))
		s->accepted = slice_is(value, s->accept);
	else if (slice_iis(name, "sec-websocket-extensions"))
		s->accepted = false; /* none was offered */
}

void
session_read_status(struct attempt *a)
{
	if (a->head.status != 101 || !a->request->session->accepted) {
		attempt_fail(a, FAULT_BAD_ANSWER);
		return;
	}
	a->mode = ATTEMPT_TUNNEL;
	a->seen |= EVENT_TOKEN;
	a->first_token = a->last_token = a->last_byte;
	a->ready = true;
	request_wake(a->request);
}

/* --- bytes --- */

/* What its answers have used so far. False: a budget is spent. */
static bool
pay(struct request *r)
{
	struct session *s = r->session;

	s->spent = limits_charge(r, &s->events.usage, &s->why);
	if (s->spent != NULL)
		request_wake(r);
	return s->spent == NULL;
}

/* The server is to end the connection then (RFC 6455, 7.1.1). */
static void
note_closes(struct request *r, usec now)
{
	struct session *s = r->session;

	if (s->closed != 0 || !frames_over(&s->events.client.frames) ||
	    !frames_over(&s->events.backend.frames))
		return;
	s->closed = now;
	request_wake(r);
}

/* Behind the answer that has spent a budget nothing goes on: there, and maybe
 * nowhere later, is a place for words of ours. */
struct slice
session_hear(struct attempt *a, struct slice bytes)
{
	struct request *r = a->request;
	struct session *s = r->session;
	struct slice rest = bytes;

	if (s->spent != NULL)
		return SLICE("");
	while (events_from_backend(&s->events, &rest, a->last_byte))
		if (r->state == REQ_RELAY && !pay(r))
			return slice_make(bytes.p, bytes.n - rest.n);
	note_closes(r, a->last_byte);
	return bytes;
}

static bool
on_client_bytes(void *arg, struct slice bytes)
{
	struct request *r = arg;
	struct session *s = r->session;

	if (r->state != REQ_RELAY || r->attempt->transfer == NULL)
		return true;
	s->heard = clock_now();
	r->outcome.bytes_in += bytes.n;
	events_from_client(&s->events, bytes, s->heard);
	note_closes(r, s->heard);
	return transfer_write(r->attempt->transfer, bytes);
}

/* --- how it ends --- */

/* Both sides said so, or one and nobody waits for the other. */
static bool
is_closed(const struct session *s)
{
	return s->events.backend.frames.closed ||
	    s->events.client.frames.closed;
}

void
session_over(struct attempt *a, enum fault_kind fault)
{
	if (a->failed)
		return;
	if (is_closed(a->request->session))
		a->seen |= EVENT_DONE;
	else
		attempt_fail(a, fault != FAULT_NONE ? fault : FAULT_CUT);
}

/* What its answers told is the attempt's from here on. */
static void
sum_up(struct request *r, const char *reason)
{
	const struct events *e = &r->session->events;

	r->attempt->usage = e->usage;
	r->outcome.ttft = events_ttft(e);
	log_info("session_end id=%s backend=%s reason=%s answers=%u untold=%u "
		 "audio_input=%llu audio_output=%llu bytes_in=%llu "
		 "bytes_out=%llu",
	    r->id, r->attempt->serving->backend->name, reason, e->answers,
	    e->untold, (unsigned long long)e->audio_input,
	    (unsigned long long)e->audio_output,
	    (unsigned long long)r->outcome.bytes_in,
	    (unsigned long long)r->outcome.bytes_out);
}

/* Without memory it is left out. */
static void
say(struct request *r, struct buf *frame)
{
	if (buf_err(frame) == OK) {
		r->sink->ops->write(r->sink, buf_slice(frame));
		r->outcome.bytes_out += frame->n;
	}
	buf_fini(frame);
}

/* In the middle of a frame there is no place for ours: its end says enough. */
static void
say_close(struct request *r, enum close_status status, struct slice words)
{
	const struct frames *f = &r->session->events.backend.frames;
	struct buf frame;

	if (frames_pause(f) && !f->closed) {
		buf_init(&frame, EVENT_MAX);
		frame_close(&frame, status, words);
		say(r, &frame);
	}
	r->sink->ops->end(r->sink, SINK_CLEAN);
}

/* As an event, and in the words of a close for whoever reads no events. */
static void
say_spent(struct request *r)
{
	const struct session *s = r->session;
	char id[sizeof("event_") + REQUEST_ID_BYTES], words[FRAME_WORDS + 1];
	struct buf event, frame;
	int n;

	buf_init(&event, EVENT_MAX);
	buf_init(&frame, EVENT_MAX);
	snprintf(id, sizeof(id), "event_%s", r->id + strlen("req_"));
	realtime_render_error(&s->why, id, &event);
	if (buf_err(&event) == OK)
		frame_text(&frame, buf_slice(&event));
	buf_fini(&event);
	say(r, &frame);
	n = snprintf(
	    words, sizeof(words), "%s: %s is spent", s->why.code, s->spent);
	say_close(r, CLOSE_POLICY, slice_make(words, (size_t)n));
}

/* Nobody has cut it: why it ended, or for an end as it should be, why it was
 * there. */
static enum step
end_well(struct request *r, const char *reason)
{
	sum_up(r, reason != NULL ? reason : "closed");
	if (r->sink != NULL && !r->gone) {
		if (r->session->spent != NULL)
			say_spent(r);
		else
			say_close(r,
			    reason != NULL ? CLOSE_GOING_AWAY : CLOSE_NORMAL,
			    SLICE(""));
	}
	request_settle_ticket(r);
	return request_finish(r, RESULT_OK, FAULT_NONE,
	    reason != NULL ? reason
			   : plan_reason_name(r->attempt->plan.reason));
}

static enum step
break_off(struct request *r)
{
	enum fault_kind kind = r->attempt->fault.kind;
	const char *name = fault_rule(kind)->name;

	sum_up(r, name);
	say_close(r, CLOSE_ERROR, SLICE(""));
	request_settle_ticket(r);
	return request_finish(r, RESULT_BROKEN, kind, name);
}

enum step
session_left(struct request *r)
{
	const char *reason = r->cut_for != NULL ? r->cut_for : "client_gone";

	if (is_closed(r->session))
		return end_well(r, NULL);
	sum_up(r, reason);
	request_give_up(r, FAULT_CLIENT_GONE);
	return request_finish(r, RESULT_CLIENT_GONE, FAULT_CLIENT_GONE, reason);
}

enum step
session_abort(struct request *r)
{
	sum_up(r, "draining");
	say_close(r, CLOSE_GOING_AWAY, SLICE(""));
	request_drop_tickets(r);
	return request_finish(r, RESULT_BROKEN, FAULT_INTERNAL, "draining");
}

/* --- the steps --- */

enum step
session_commit(struct request *r)
{
	struct session *s = r->session;

	if (!exchange_tunnel(r->exchange, on_client_bytes)) {
		request_settle_ticket(r);
		return request_refuse(r, &refusal_memory);
	}
	r->streaming = r->wordless = true;
	s->heard = r->worker->now;
	s->until = s->heard + r->conf->session_limit;
	reply_headers(r, 101, "", SINK_STREAMED, NULL);
	request_enter(r, REQ_RELAY);
	attempt_commit(r->attempt);
	switchboard_first_token(r->worker->app->board, r->attempt->ticket,
	    r->worker->now, r->attempt->first_token - r->attempt->sent);
	return STEP_AGAIN;
}

static usec
idle_until(const struct request *r)
{
	usec client = r->session->heard, backend = r->attempt->last_byte;

	return (client > backend ? client : backend) + r->conf->session_idle;
}

static usec
earliest(usec a, usec b, usec c)
{
	usec ab = a < b ? a : b;

	return ab < c ? ab : c;
}

enum step
session_relay(struct request *r)
{
	struct attempt *a = r->attempt;
	const struct session *s = r->session;
	usec now = r->worker->now, idle = idle_until(r);
	usec over = s->closed != 0 ? s->closed + GOODBYE : USEC_NEVER;

	if (s->spent != NULL)
		return end_well(r, s->spent);
	if (a->failed)
		return break_off(r);
	if (attempt_is_whole(a) || now >= over)
		return end_well(r, NULL);
	if (r->drained) {
		r->drained = false;
		attempt_resume(a);
	}
	if (now >= s->until)
		return end_well(r, "session_limit");
	if (r->worker->polled >= idle) /* what has come by now is read */
		return end_well(r, "session_idle");
	r->deadline = earliest(idle, s->until, over);
	request_arm(r);
	return STEP_WAIT;
}

/* --- headers --- */

void
session_headers(const struct request *r, int status, struct header_list *h)
{
	if (status == 101) {
		header_add(h, "upgrade", SLICE("websocket"));
		header_add(
		    h, "sec-websocket-accept", slice_of(r->session->accept));
		if (r->session->protocol)
			header_add(h, "sec-websocket-protocol",
			    SLICE(HANDSHAKE_PROTOCOL));
		return;
	}
	if (status == 426)
		header_add(h, "upgrade", SLICE("websocket"));
	if (status == 426 || status == 400)
		header_add(h, "sec-websocket-version", SLICE("13"));
}
