/* gateway/relay.c - the steps COMMIT and RELAY: an answer goes out.
 *
 * Invariant: nothing is tried again from here on. What fails now the client
 * hears of inside its answer. */
#include <stdio.h>

#include "backends/embeddings.h"
#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/lib/log.h"
#include "gateway/refusals.h"
#include "gateway/session.h"
#include "gateway/steps.h"

/* The request's bytes are not needed once nothing can be tried again. */
static void
free_request_body(struct request *r)
{
	if (r->parsed == NULL || !attempt_body_sent(r->attempt))
		return;
	attempt_free_body(r->attempt);
	exchange_free_body(r->exchange);
	r->facts.model = SLICE("");
	pool_give(&r->worker->parsed, r->parsed);
	r->parsed = NULL;
}

/* Vectors into the encoding that was asked for. */
static enum transcoding
transcode(struct request *r)
{
	struct attempt *a = r->attempt;

	if (r->route->dialect != DIALECT_EMBEDDINGS)
		return TRANSCODE_NOTHING;
	if (a->transcoder == NULL)
		a->transcoder = transcoder_new(
		    buf_slice(&a->held), r->facts.base64, ATTEMPT_JSON_MAX * 2);
	return a->transcoder != NULL ? transcoder_run(a->transcoder)
				     : TRANSCODE_FAILED;
}

static enum step
give_body(struct request *r)
{
	struct buf *body = &r->attempt->held;

	replay_keep(r, buf_slice(body));
	if (dialect_passes(r->route->dialect))
		reply_headers_of(r, (int64_t)body->n);
	else
		reply_headers(
		    r, 200, "application/json", (int64_t)body->n, NULL);
	r->outcome.bytes_out += body->n;
	r->sink->ops->give(r->sink, body);
	request_enter(r, REQ_RELAY);
	return STEP_AGAIN;
}

/* Between the parts of long work others have a turn. The backend has done its
 * own: its place is free, and the rest is not its time. */
static enum step
commit_body(struct request *r)
{
	struct attempt *a = r->attempt;

	switch (transcode(r)) {
	case TRANSCODE_MORE:
		request_settle_ticket(r);
		request_yield(r);
		return STEP_WAIT;
	case TRANSCODE_FAILED:
		request_settle_ticket(r);
		return request_refuse(r, &refusal_memory);
	case TRANSCODE_DONE:
		transcoder_take(a->transcoder, &a->held);
		break;
	case TRANSCODE_NOTHING:
		break;
	}
	return give_body(r);
}

/* Its client's format has no room for it, or there is no memory. */
static enum step
refuse_answer(struct request *r)
{
	struct attempt *a = r->attempt;

	request_settle_ticket(r);
	r->outcome.fault = a->fault.kind;
	if (a->fault.kind == FAULT_MEMORY)
		return request_refuse(r, &refusal_memory);
	return request_refuse(r,
	    &(struct error_reply){ .status = 502,
		.type = "server_error",
		.code = "answer_too_large",
		.message = request_say(r, "backend %s has answered, but %s",
		    a->serving->backend->name,
		    a->message != NULL ? a->message : "at great length") });
}

enum step
step_commit(struct request *r)
{
	struct attempt *a = r->attempt;

	if (a->transcoder != NULL) /* it goes on */
		return commit_body(r);
	outcome_note_commit(r);
	attempt_note_format(a);
	request_tell_limits(r, a);
	if (r->session != NULL) {
		free_request_body(r);
		return session_commit(r);
	}
	if (a->mode == ATTEMPT_JSON) {
		free_request_body(r);
		if (a->translation != NULL && !attempt_translate_answer(a))
			return refuse_answer(r);
		return commit_body(r);
	}
	r->streaming = true;
	r->wordless = a->mode == ATTEMPT_PIECES;
	/* An SDK's read timeout is for each piece, once pieces come. */
	r->deadline = r->routing.arrived + r->conf->deadline;
	if (dialect_passes(r->route->dialect))
		reply_headers_of(r, SINK_STREAMED);
	else
		reply_stream_headers(r);
	request_enter(r, REQ_RELAY);
	attempt_commit(a);
	free_request_body(r);
	return STEP_AGAIN;
}

static void
tell_first_token(struct request *r)
{
	struct attempt *a = r->attempt;

	if (a->token_told || a->first_token == 0 || !a->ticketed)
		return;
	a->token_told = true;
	switchboard_first_token(r->worker->app->board, a->ticket,
	    r->worker->now, a->first_token - a->sent);
}

static void
tell_progress(struct request *r)
{
	struct attempt *a = r->attempt;
	unsigned tokens;
	usec span;

	if (a->ticketed && attempt_progress(a, &tokens, &span))
		switchboard_progress(r->worker->app->board, a->ticket,
		    r->worker->now, tokens, span);
}

/* After COMMIT there is no way back: the client hears of it in the stream, or
 * sees it cut. */
static enum step
break_off(struct request *r)
{
	struct attempt *a = r->attempt;
	const char *name = fault_rule(a->fault.kind)->name, *text;

	log_info("broken id=%s backend=%s reason=%s", r->id,
	    a->serving->backend->name, name);
	text = request_say(r, "the stream from backend %s broke off (%s)%s%s",
	    a->serving->backend->name, name, a->message != NULL ? ": " : "",
	    a->message != NULL ? a->message : "");
	reply_error_event(r,
	    &(struct error_reply){ .status = 502,
		.type = "server_error",
		.code = "upstream_failed",
		.message = text });
	request_settle_ticket(r);
	return request_finish(r, RESULT_BROKEN, a->fault.kind, name);
}

static enum step
end_answer(struct request *r)
{
	struct attempt *a = r->attempt;
	struct slice done = r->dialect->done_event;

	if (r->streaming && a->translation != NULL) {
		if (!attempt_translate_end(a))
			return break_off(r);
	} else if (r->streaming && (a->seen & EVENT_DONE) == 0 && done.n > 0) {
		r->sink->ops->write(r->sink, done);
		r->outcome.bytes_out += done.n;
	}
	r->sink->ops->end(r->sink, SINK_CLEAN);
	request_settle_ticket(r);
	return request_finish(
	    r, RESULT_OK, FAULT_NONE, plan_reason_name(a->plan.reason));
}

enum step
step_relay(struct request *r)
{
	struct attempt *a = r->attempt;

	if (r->session != NULL)
		return session_relay(r);
	tell_first_token(r);
	tell_progress(r);
	free_request_body(r);
	if (attempt_is_whole(a))
		return end_answer(r);
	if (r->drained) {
		r->drained = false;
		attempt_resume(a);
	}
	attempt_check_deadlines(a, r->worker->polled);
	if (!a->failed && r->worker->now >= r->deadline)
		attempt_fail(a, FAULT_DEADLINE);
	if (a->failed)
		return break_off(r);
	request_arm(r);
	return STEP_WAIT;
}
