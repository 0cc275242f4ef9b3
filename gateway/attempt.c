/* gateway/attempt.c - one try of one request on one serving.
 *
 * The on_* functions run inside libcurl: they take bytes, set flags and make
 * the request runnable. Whole events go out unchanged; the scanner only
 * watches. After COMMIT bytes go straight from libcurl's buffer to the sink,
 * and only an event that a read cut in two is copied. */
#include "gateway/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/upstream/target.h"

void
attempt_fail(struct attempt *a, enum fault_kind kind)
{
	if (a->failed)
		return;
	a->failed = true;
	a->fault = (struct fault){ .kind = kind, .status = a->head.status };
	request_wake(a->request);
}

void
attempt_accept(struct attempt *a)
{
	a->failed = false;
	a->fault = (struct fault){ .kind = FAULT_NONE };
	a->ready = true;
}

static void
keep_message(struct attempt *a, struct slice message)
{
	size_t n =
	    message.n < sizeof(a->message) ? message.n : sizeof(a->message) - 1;

	if (n > 0)
		memcpy(a->message, message.p, n);
	a->message[n] = '\0';
}

/* --- events --- */

/* To the client, or, before COMMIT, to what is held for it. */
static void
forward(struct attempt *a, struct slice bytes)
{
	struct request *r = a->request;

	if (bytes.n == 0)
		return;
	if (r->state != REQ_RELAY) {
		buf_add(&a->held, bytes);
		if (buf_err(&a->held) != OK)
			attempt_fail(a, FAULT_TOO_LARGE);
		return;
	}
	r->outcome.bytes_out += bytes.n;
	if (!r->sink->ops->write(r->sink, bytes) && a->paused == 0) {
		a->paused = clock_now();
		a->paced = true;
	}
}

static void
note_usage(struct attempt *a, const struct usage *u)
{
	struct usage *sum = &a->usage;

	sum->known = true;
	sum->input = u->input > 0 ? u->input : sum->input;
	sum->output = u->output > 0 ? u->output : sum->output;
	sum->cached = u->cached > 0 ? u->cached : sum->cached;
}

static void
note_tokens(struct attempt *a, const struct event *e)
{
	usec now = clock_now();

	a->last_token = now;
	a->tokens += e->tokens > 0 ? e->tokens : 1;
	if (a->first_token == 0) {
		a->first_token = a->told = now;
		a->tokens_told = a->tokens;
		a->ready = true;
		request_wake(a->request);
	} else if (a->token_told && now - a->told >= ATTEMPT_PROGRESS) {
		request_wake(a->request); /* to tell of it */
	}
}

/* An error inside a 200 means what the status that it names would. Before
 * COMMIT what is held is of no use any more; the error may be quoted. */
static void
fail_inside(struct attempt *a, struct slice error, struct slice message)
{
	struct buf body;

	keep_message(a, message);
	buf_init(&body, ATTEMPT_ERROR_MAX);
	buf_add(&body, error);
	a->fault = a->ops->classify(&a->head, error);
	a->failed = true;
	buf_fini(&a->held);
	a->held = body;
	request_wake(a->request);
}

/* One whole event. True: it is the client's to see. */
static bool
take_event(struct attempt *a, struct slice raw)
{
	struct sse_fields f;
	struct event e = { .queue_time = -1 };

	sse_parse(raw, &f, &a->scratch);
	if (!f.has_data)
		return true;
	a->ops->decode(
	    a->request->route->dialect, f.event, f.data, &e, &a->scratch);
	if ((e.bits & EVENT_ERROR) != 0) {
		fail_inside(a, f.data, e.error_message);
		return false;
	}
	/* The end without a finish_reason is a cut that looks clean. */
	if ((e.bits & EVENT_DONE) != 0 &&
	    ((a->seen | e.bits) & EVENT_FINISH) == 0) {
		attempt_fail(a, FAULT_CUT);
		return false;
	}
	a->seen |= e.bits;
	if ((e.bits & EVENT_TOKEN) != 0)
		note_tokens(a, &e);
	if ((e.bits & EVENT_USAGE) != 0)
		note_usage(a, &e.usage);
	return (e.bits & EVENT_USAGE_ONLY) == 0 || !a->encoded.usage_injected;
}

/* Cuts bytes into events and forwards runs of whole ones. */
static void
take_events(struct attempt *a, struct slice bytes)
{
	size_t run = 0, event = 0, pos = 0, taken;
	enum sse_state state;
	struct slice raw;

	while (pos < bytes.n && !a->failed) {
		state = sse_scan(
		    &a->sse, slice_make(bytes.p + pos, bytes.n - pos), &taken);
		pos += taken;
		if (state == SSE_LONG)
			attempt_fail(a, FAULT_TOO_LARGE);
		if (state != SSE_EVENT)
			break;
		raw = slice_make(bytes.p + event, pos - event);
		if (a->partial.n > 0) {
			buf_add(&a->partial, raw);
			if (take_event(a, buf_slice(&a->partial)))
				forward(a, buf_slice(&a->partial));
			buf_reset(&a->partial);
			run = pos;
		} else if (!take_event(a, raw)) {
			if (!a->failed || a->request->state == REQ_RELAY)
				forward(
				    a, slice_make(bytes.p + run, event - run));
			run = pos;
		}
		event = pos;
	}
	forward(a, slice_make(bytes.p + run, event - run));
	buf_add(&a->partial, slice_make(bytes.p + event, bytes.n - event));
	if (buf_err(&a->partial) != OK)
		attempt_fail(a, FAULT_TOO_LARGE);
}

/* --- libcurl's callbacks --- */

static void
on_header(void *arg, struct slice name, struct slice value)
{
	struct attempt *a = arg;

	a->ops->read_header(name, value, &a->head);
}

static void
on_headers_end(void *arg, int status)
{
	struct attempt *a = arg;
	bool events = slice_istarts(
	    slice_of(a->head.content_type), SLICE("text/event-stream"));
	size_t cap = ATTEMPT_JSON_MAX;

	a->head.status = status;
	a->last_byte = clock_now();
	if (status < 200 || status > 299) {
		a->mode = ATTEMPT_ERROR;
		cap = ATTEMPT_ERROR_MAX;
	} else if (events) {
		a->mode = ATTEMPT_EVENTS;
		cap = ATTEMPT_HELD_MAX;
		if (!a->request->facts.stream)
			attempt_fail(a, FAULT_BAD_ANSWER);
	} else {
		a->mode = ATTEMPT_JSON;
	}
	a->held.max = cap;
}

static bool
on_bytes(void *arg, struct slice bytes)
{
	struct attempt *a = arg;

	if (a->failed)
		return true;
	a->last_byte = clock_now();
	if (a->mode == ATTEMPT_EVENTS) {
		take_events(a, bytes);
	} else {
		buf_add(&a->held, bytes);
		/* Of an error body the beginning is enough. */
		if (buf_err(&a->held) != OK && a->mode == ATTEMPT_JSON)
			attempt_fail(a, FAULT_TOO_LARGE);
	}
	return a->paused == 0;
}

/* --- the end of a transfer --- */

static void
classify(struct attempt *a)
{
	a->fault = a->ops->classify(&a->head, buf_slice(&a->held));
	a->failed = true;
}

/* A body is an answer when it is JSON, whole, and holds one. */
static void
judge_body(struct attempt *a)
{
	struct event e = { .queue_time = -1 };

	a->ops->decode(a->request->route->dialect, SLICE(""),
	    buf_slice(&a->held), &e, &a->scratch);
	a->seen |= e.bits;
	if ((e.bits & EVENT_USAGE) != 0)
		note_usage(a, &e.usage);
	if ((e.bits & EVENT_ERROR) != 0)
		fail_inside(a, buf_slice(&a->held), e.error_message);
	else if ((e.bits & EVENT_TOKEN) != 0 && !a->request->facts.stream)
		a->ready = true;
	else
		attempt_fail(a, FAULT_BAD_ANSWER);
}

/* A last event without its blank line stays in `partial`: clients would drop
 * it too. If it was the end mark, the client gets one from us. */
static void
judge_events(struct attempt *a)
{
	if ((a->seen & EVENT_FINISH) == 0)
		attempt_fail(a,
		    a->head.status != 0 && a->seen == 0 ? FAULT_BAD_ANSWER
							: FAULT_CUT);
	else if (!a->ready)
		attempt_fail(a, FAULT_BAD_ANSWER);
}

static void
on_done(void *arg, const struct transfer_result *result)
{
	struct attempt *a = arg;
	bool whole = (a->seen & EVENT_DONE) != 0;

	a->transfer = NULL;
	a->done = true;
	a->result = *result;
	request_wake(a->request);
	if (a->failed)
		return;
	/* What goes wrong after [DONE] is no longer the client's concern. */
	if (result->fault != FAULT_NONE && !whole) {
		attempt_fail(a, result->fault);
		return;
	}
	if (a->mode == ATTEMPT_EVENTS)
		judge_events(a);
	else if (a->mode == ATTEMPT_JSON)
		judge_body(a);
	else
		classify(a);
}

static const struct transfer_ops transfer_ops = {
	.on_header = on_header,
	.on_headers_end = on_headers_end,
	.on_bytes = on_bytes,
	.on_done = on_done,
};

/* --- starting --- */

/* A wildcard serving asks for whatever the client asked for. */
static void
name_model(struct attempt *a)
{
	struct slice name = slice_of(a->serving->upstream);

	if (slice_is(name, "*"))
		name = a->request->facts.model;
	snprintf(a->model, sizeof(a->model), "%.*s", SLICE_ARG(name));
}

static enum err
encode(struct attempt *a, struct errmsg *why)
{
	const struct request *r = a->request;
	struct encode_in in = {
		.dialect = r->route->dialect,
		.path = r->route->upstream_path,
		.facts = &r->facts,
		.body = exchange_body(r->exchange),
		.members = r->parsed->members,
		.n_members = r->parsed->n_members,
		.model = r->parsed->model,
		.serving = a->serving,
		.model_name = slice_of(a->model),
		.want_usage = r->facts.stream,
	};

	struct slice key = exchange_header(r->exchange, "idempotency-key");
	enum err rc = a->ops->encode(&in, &a->encoded, why);

	if (rc == OK && key.n > 0)
		buf_addf(&a->encoded.headers, "idempotency-key: %.*s\n",
		    SLICE_ARG(key));
	return rc;
}

static enum err
start_transfer(struct attempt *a)
{
	struct slice pieces[EDITS_PIECES_MAX];
	struct transfer_request t = {
		.method = "POST",
		.url = a->url,
		.headers = buf_slice(&a->encoded.headers),
		.body = pieces,
	};
	size_t total;

	transfer_target(&t, a->serving->backend);
	t.n_body = edits_pieces(&a->encoded.body, pieces, &total);
	a->transfer =
	    transfer_start(a->request->worker->upstream, &t, &transfer_ops, a);
	return a->transfer != NULL ? OK : ERR_MEMORY;
}

static struct attempt *
attempt_new(struct request *r, struct ticket t, const struct plan *plan)
{
	struct attempt *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->request = r;
	a->ticket = t;
	a->ticketed = true;
	a->plan = *plan;
	a->number = r->n_attempts++;
	r->outcome.n_attempts = r->n_attempts;
	a->serving = conf_find_serving(r->conf, plan->serving);
	a->ops = backend_find(slice_of(a->serving->backend->adapter));
	name_model(a);
	a->sent = a->last_byte = r->worker->now;
	a->head.retry_after = 0;
	sse_init(&a->sse);
	encoded_init(&a->encoded);
	buf_init(&a->held, ATTEMPT_HELD_MAX);
	buf_init(&a->partial, SSE_EVENT_MAX);
	buf_init(&a->scratch, SSE_EVENT_MAX);
	return a;
}

struct attempt *
attempt_start(struct request *r, struct ticket t, const struct plan *plan)
{
	struct attempt *a = attempt_new(r, t, plan);
	struct errmsg why = { "" };
	char base[384];

	if (a == NULL)
		return NULL;
	/* A child's port is known to the app, not to the configuration. */
	if (!app_backend_url(
		r->worker->app, a->serving->backend, base, sizeof(base))) {
		attempt_fail(a, FAULT_LOADING);
		return a;
	}
	if (encode(a, &why) != OK) {
		keep_message(a, slice_of(why.text));
		attempt_fail(a, FAULT_INTERNAL);
		return a;
	}
	snprintf(a->url, sizeof(a->url), "%s%s", base, a->encoded.path);
	if (start_transfer(a) != OK)
		attempt_fail(a, FAULT_INTERNAL);
	return a;
}

void
attempt_free(struct attempt **ap)
{
	struct attempt *a = *ap;

	if (a == NULL)
		return;
	if (a->transfer != NULL)
		transfer_cancel(&a->transfer);
	encoded_fini(&a->encoded);
	buf_fini(&a->held);
	buf_fini(&a->partial);
	buf_fini(&a->scratch);
	free(a);
	*ap = NULL;
}

/* --- in the middle --- */

void
attempt_commit(struct attempt *a)
{
	forward(a, buf_slice(&a->held));
	buf_fini(&a->held);
}

bool
attempt_body_sent(const struct attempt *a)
{
	return a->transfer == NULL || transfer_body_done(a->transfer);
}

void
attempt_resume(struct attempt *a)
{
	usec now = clock_now();

	if (a->paused == 0)
		return;
	/* The gap clock stood still: the client was slow, not the backend. */
	a->last_byte = now;
	a->paused = 0;
	if (a->transfer != NULL)
		transfer_resume(a->transfer);
}

usec
attempt_deadline(const struct attempt *a, usec now, enum fault_kind *passed)
{
	const struct conf_timeouts *t = &a->serving->backend->timeouts;
	usec at = a->sent + t->total, first;

	*passed = FAULT_NONE;
	if (a->done || a->failed)
		return USEC_NEVER;
	/* The answer is whole: the rest is only good for the connection. */
	if ((a->seen & EVENT_DONE) != 0) {
		at = a->last_byte + ATTEMPT_LINGER;
		*passed = at <= now ? FAULT_GAP_TIMEOUT : FAULT_NONE;
		return at;
	}
	if (at <= now)
		*passed = FAULT_TOTAL_TIMEOUT;
	if (!a->request->facts.stream || a->paused != 0)
		return at;
	first = a->first_token == 0 ? a->sent + t->ttft : a->last_byte + t->gap;
	if (first <= now)
		*passed = a->first_token == 0 ? FAULT_TTFT_TIMEOUT
					      : FAULT_GAP_TIMEOUT;
	return first < at ? first : at;
}

bool
attempt_progress(struct attempt *a, unsigned *tokens, usec *span)
{
	/* A reader who sets the pace says nothing of the backend's. */
	if (!a->token_told || a->paced ||
	    a->last_token - a->told < ATTEMPT_PROGRESS)
		return false;
	*tokens = a->tokens - a->tokens_told;
	*span = a->last_token - a->told;
	a->tokens_told = a->tokens;
	a->told = a->last_token;
	return true;
}

static usec
inter_token(const struct attempt *a)
{
	unsigned n = a->usage.known && a->usage.output > a->tokens
	    ? a->usage.output
	    : a->tokens;

	if (a->first_token == 0 || n < 2)
		return -1;
	return (a->last_token - a->first_token) / (n - 1);
}

static bool
is_whole(const struct attempt *a)
{
	return a->done && !a->failed;
}

void
attempt_result(const struct attempt *a, usec now, struct route_result *out)
{
	*out = (struct route_result){
		.fault = a->fault,
		.ttft = a->first_token > 0 ? a->first_token - a->sent : -1,
		.itl = inter_token(a),
		.total = is_whole(a) ? now - a->sent : -1,
		.usage = a->usage,
	};
	if (!a->usage.known) {
		out->usage.input =
		    tokens_of_bytes(a->request->facts.prompt_bytes);
		out->usage.output = a->tokens;
	}
}

void
attempt_report(const struct attempt *a, usec now, struct attempt_report *out)
{
	struct route_result result;
	usec connect = a->result.connect, tls = a->result.tls;
	/* stamped later than the turn that both may belong to */
	usec arrived = a->request->routing.arrived;

	if (!a->done)
		connect = tls = -1;
	if (a->transfer != NULL && a->mode != ATTEMPT_HEAD)
		transfer_timing(a->transfer, &connect, &tls);
	attempt_result(a, now, &result);
	*out = (struct attempt_report){
		.serving = a->serving->id,
		.backend = a->serving->backend->name,
		.model = a->serving->upstream,
		.fault = a->fault.kind,
		.status = a->head.status,
		.hedge = a->hedge,
		.began = a->sent > arrived ? a->sent - arrived : 0,
		.ended = now > arrived ? now - arrived : 0,
		.connect = connect,
		.tls = tls,
		.ttft = result.ttft,
		.itl = result.itl,
		.total = result.total,
	};
}
