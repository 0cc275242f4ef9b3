/* gateway/attempt_events.c - an answer that comes as events.
 *
 * Whole events go out unchanged; the scanner only watches. Only an event that a
 * read cut in two is copied. */
#include "gateway/attempt_parts.h"

#define TOKEN_LONG 20 /* bytes: what is longer is several tokens */

/* --- one of them --- */

static unsigned
least_tokens(const struct event *e)
{
	return e->tokens > 0 ? e->tokens : 1;
}

/* No more, unless its text is too long for that: whoever leaves before the
 * backend has said the sum is charged by this. */
static unsigned
guess_tokens(const struct event *e)
{
	unsigned least = least_tokens(e);

	return e->bytes > (size_t)TOKEN_LONG * least ? tokens_of_bytes(e->bytes)
						     : least;
}

static void
note_tokens(struct attempt *a, const struct event *e)
{
	usec now = a->last_byte;

	a->last_token = now;
	a->tokens += least_tokens(e);
	a->guessed += guess_tokens(e);
	if (a->first_token == 0) {
		a->first_token = a->told = now;
		a->tokens_told = a->guessed;
		a->ready = true;
		request_wake(a->request);
	} else if (a->token_told && now - a->told >= ATTEMPT_PROGRESS) {
		request_wake(a->request); /* to tell of it */
	}
}

/* With its end mark, or without: a last event without its blank line stays in
 * `partial`, as clients would drop it too, and the client gets the mark from
 * us. An end without a finish_reason is a cut that looks clean. */
void
attempt_judge_events(struct attempt *a)
{
	bool unended = (a->seen & EVENT_DONE) == 0 &&
	    (a->choices.begun & ~a->choices.ended) != 0;

	request_wake(a->request);
	if (a->seen == 0) /* it may be an error, and no event */
		attempt_fail_inside(a, buf_slice(&a->partial), SLICE(""));
	else if ((a->seen & EVENT_FINISH) == 0 || unended)
		attempt_fail(a, FAULT_CUT);
	else if (!a->ready && !a->limited)
		attempt_fail(a, FAULT_BAD_ANSWER);
	else
		a->ready = true;
}

/* Some send a transcript's text as it is. */
static bool
is_plain(struct slice data)
{
	data = slice_trim(data);
	return !slice_starts(data, SLICE("{")) && !slice_is(data, "[DONE]");
}

/* The event that asking for usage has caused. Some give it a choice that says
 * nothing, and even a role (LiteLLM, OpenRouter); before its finish a choice's
 * role is news. */
static bool
is_usage_alone(const struct attempt *a, const struct event *e)
{
	if ((e->bits & EVENT_USAGE_ONLY) != 0)
		return true;
	return (e->bits & EVENT_USAGE) != 0 &&
	    (e->bits & (EVENT_TOKEN | EVENT_FINISH)) == 0 &&
	    (a->seen & EVENT_FINISH) != 0;
}

/* One whole event. True: it is the client's to see. */
static bool
take_event(struct attempt *a, struct slice raw)
{
	const bool passes = dialect_passes(a->head.dialect);
	struct sse_fields f;
	struct event e;

	sse_parse(raw, &f, &a->joined);
	buf_reset(&a->scratch);
	/* Clients that follow the standard pass over one without data; some
	 * others stumble, also over empty data. Comments keep connections
	 * alive. */
	if (!f.has_data || slice_trim(f.data).n == 0)
		return f.comment_only || passes;
	if (passes && is_plain(f.data))
		e = (struct event){ .bits = EVENT_TOKEN | EVENT_FINISH };
	else
		backend_decode(
		    a->head.dialect, f.event, f.data, &e, &a->scratch);
	if ((e.bits & EVENT_ERROR) != 0) {
		attempt_fail_inside(a, f.data, e.error_message);
		return false;
	}
	attempt_note_bits(a, &e);
	if ((e.bits & EVENT_TOKEN) != 0 && passes)
		attempt_note_first(a);
	else if ((e.bits & EVENT_TOKEN) != 0)
		note_tokens(a, &e);
	if ((e.bits & EVENT_USAGE) != 0)
		attempt_note_usage(a, &e.usage);
	if ((e.bits & EVENT_DONE) != 0) {
		attempt_judge_events(a);
		return (a->seen & EVENT_FINISH) != 0 && a->translation == NULL;
	}
	if (a->translation != NULL) {
		attempt_translate_event(a, f.data);
		return false;
	}
	return !a->usage_injected || !is_usage_alone(a, &e);
}

/* --- all of them --- */

/* Nothing follows the end. */
bool
attempt_is_over(const struct attempt *a)
{
	return a->failed || (a->seen & EVENT_DONE) != 0;
}

struct slice
attempt_without_bom(struct attempt *a, struct slice bytes)
{
	static const char bom[] = "\xef\xbb\xbf";

	while (a->bom < 3 && bytes.n > 0 && bytes.p[0] == bom[a->bom]) {
		bytes = slice_make(bytes.p + 1, bytes.n - 1);
		a->bom++;
	}
	if (bytes.n > 0)
		a->bom = 3;
	return bytes;
}

/* What was cut in two. Of a long one the memory goes along: else it would stay
 * with the stream until its end. */
static void
forward_partial(struct attempt *a)
{
	struct request *r = a->request;

	if (a->partial.n <= ATTEMPT_COUNTED || r->state != REQ_RELAY) {
		attempt_forward(a, buf_slice(&a->partial));
		return;
	}
	r->outcome.bytes_out += a->partial.n;
	if (!r->sink->ops->give(r->sink, &a->partial) && a->paused == 0)
		attempt_pause(a);
}

/* Cuts bytes into events and forwards runs of whole ones. */
void
attempt_take_events(struct attempt *a, struct slice bytes)
{
	size_t run = 0, event = 0, pos = 0, taken;
	enum sse_state state;
	struct slice raw;

	bytes = attempt_without_bom(a, bytes);
	while (pos < bytes.n && !attempt_is_over(a)) {
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
			if (buf_err(&a->partial) != OK)
				attempt_fail_to_hold(a, &a->partial);
			else if (take_event(a, buf_slice(&a->partial)))
				forward_partial(a);
			if (a->partial.cap > ATTEMPT_COUNTED)
				buf_fini(&a->partial);
			else
				buf_reset(&a->partial);
			run = pos;
		} else if (!take_event(a, raw)) {
			if (!a->failed || a->request->state == REQ_RELAY)
				attempt_forward(
				    a, slice_make(bytes.p + run, event - run));
			run = pos;
		}
		event = pos;
	}
	attempt_forward(a, slice_make(bytes.p + run, event - run));
	if (attempt_is_over(a))
		return;
	buf_add(&a->partial, slice_make(bytes.p + event, bytes.n - event));
	if (buf_err(&a->partial) != OK)
		attempt_fail_to_hold(a, &a->partial);
}
