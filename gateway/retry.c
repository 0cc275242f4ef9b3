/* gateway/retry.c - how tickets end, and what a failed attempt leads to before
 * COMMIT: another serving, a wait, or an answer that says what went wrong. */
#include <stdio.h>
#include <string.h>

#include "backends/wire_error.h"
#include "gateway/app.h"
#include "gateway/attempt.h"
#include "gateway/key_rest.h"
#include "gateway/lib/count.h"
#include "gateway/lib/log.h"
#include "gateway/note.h"
#include "gateway/refusals.h"
#include "gateway/steps.h"

/* --- how tickets end --- */

static void
cancel_ticket(struct request *r, struct ticket t, bool *alive)
{
	if (*alive)
		switchboard_cancel(r->worker->app->board, t, r->worker->now);
	*alive = false;
}

void
request_drop_tickets(struct request *r)
{
	cancel_ticket(r, r->ticket, &r->ticketed);
	if (r->attempt != NULL)
		cancel_ticket(r, r->attempt->ticket, &r->attempt->ticketed);
	if (r->second != NULL)
		cancel_ticket(r, r->second->ticket, &r->second->ticketed);
}

/* With the attempt's result; `silence`: its client would not wait for one. */
static void
settle_ticket(struct request *r, struct attempt *a, enum fault_kind silence)
{
	struct route_result result;

	if (!a->ticketed)
		return;
	attempt_result(a, r->worker->now, &result);
	if (silence != FAULT_NONE) {
		result.fault.kind = silence;
		result.fault.left = true;
	}
	if (result.fault.kind == FAULT_GAP_TIMEOUT)
		result.itl = r->worker->now - a->last_byte;
	switchboard_finished(
	    r->worker->app->board, a->ticket, &result, r->worker->now);
	a->ticketed = false;
}

void
request_settle_ticket(struct request *r)
{
	settle_ticket(r, r->attempt, FAULT_NONE);
}

/* Of what no client would wait for: a silence of thrice what is foreseen for
 * the first token, and of a second at least. A whole answer may simply be long,
 * a session has nothing to say, and who does not read is not kept waiting.
 * FAULT_NONE: it was none. */
static enum fault_kind
silence_of(const struct request *r, const struct attempt *a)
{
	bool begun = a->first_token != 0;
	usec since = begun ? a->last_byte : a->sent, limit = USEC_SEC;

	if (!r->facts.stream || a->done || a->paused != 0 ||
	    (begun && a->mode == ATTEMPT_TUNNEL))
		return FAULT_NONE;
	if (3 * a->plan.ttft > limit)
		limit = 3 * a->plan.ttft;
	if (r->worker->now - since <= limit)
		return FAULT_NONE;
	return begun ? FAULT_GAP_TIMEOUT : FAULT_TTFT_TIMEOUT;
}

static void
give_up(struct request *r, struct attempt *a, enum fault_kind kind)
{
	enum fault_kind silence;

	if (a == NULL)
		return;
	silence = silence_of(r, a);
	if (silence != FAULT_NONE)
		settle_ticket(r, a, silence);
	attempt_fail(a, kind);
}

void
request_give_up(struct request *r, enum fault_kind kind)
{
	give_up(r, r->attempt, kind);
	give_up(r, r->second, kind);
	request_drop_tickets(r);
}

void
request_drop_attempt(struct request *r, struct attempt **which)
{
	if (*which == NULL)
		return;
	outcome_note_attempt(r, *which);
	attempt_free(which);
}

void
request_cancel_attempt(
    struct request *r, struct attempt **which, enum fault_kind kind)
{
	struct attempt *a = *which;

	attempt_fail(a, kind);
	cancel_ticket(r, a->ticket, &a->ticketed);
	request_drop_attempt(r, which);
}

/* --- what a failure leads to --- */

/* What libcurl or a backend says may tell of addresses and keys; what we say of
 * an answer that was translated does not. */
static void
word_fault(struct request *r, enum fault_kind kind, struct error_reply *e)
{
	const struct attempt *a = r->attempt;

	const bool ours = kind == FAULT_UNSUITED && a->message != NULL;

	e->message = request_say(r,
	    "no backend could answer: the last one, %s, failed (%s)%s%s",
	    a->serving->backend->name, fault_rule(kind)->name, ours ? ": " : "",
	    ours ? a->message : "");
}

/* That a backend does not know a path says nothing beside what it then says in
 * chat. */
static unsigned
n_tried(const struct request *r)
{
	return r->n_attempts - r->n_unspoken;
}

/* Where a single serving has failed in passing nobody has retried anything, and
 * a client that would do so without a gateway is not to be kept from it. */
static bool
tried_once(
    const struct request *r, const struct plan *plan, enum fault_kind kind)
{
	return n_tried(r) == 1 && plan != NULL &&
	    plan->reason == REASON_EXHAUSTED &&
	    (kind == FAULT_SERVER_ERROR || kind == FAULT_CUT ||
		kind == FAULT_FRAMING || kind == FAULT_BAD_ANSWER);
}

/* Claude Code makes a conversation shorter at Anthropic's words for it, and at
 * no others. */
static const char *
word_length(struct request *r, const char *said)
{
	if (strcasestr(said, "prompt is too long") != NULL ||
	    strcasestr(said, "exceed context limit") != NULL)
		return said;
	return request_say(r, "prompt is too long: %s", said);
}

/* Nothing is left to try: the row of the last fault speaks to the client. */
static enum step
answer_fault(
    struct request *r, const struct plan *plan, const struct fault *fault)
{
	struct attempt *a = r->attempt;
	enum fault_kind kind = fault->kind;
	struct slice body = buf_slice(&a->held);
	struct upstream_error said;
	struct error_reply e;

	if (body.n > ATTEMPT_ERROR_MAX) /* no error, but most of an answer */
		body = SLICE("");
	upstream_error_read(&said, body, a->message != NULL ? a->message : "");
	upstream_error_mask(&said, attempt_secret(a));
	refusal_of_fault(
	    fault, plan, n_tried(r) == r->n_rate_limited, &said, &e);
	if (e.message == NULL)
		word_fault(r, kind, &e);
	else if (r->route->dialect == DIALECT_MESSAGES &&
	    kind == FAULT_UNSUITED && wire_error_is_long_prompt(body))
		e.message = word_length(r, e.message);
	e.tried_once = tried_once(r, plan, kind);
	outcome_note_attempt(r, a);
	reply_error(r, &e);
	upstream_error_fini(&said);
	request_drop_attempt(r, &r->attempt);
	return request_finish(r, RESULT_ERROR, kind, fault_rule(kind)->name);
}

/* A finish without a token. */
static bool
is_empty(const struct request *r, const struct attempt *a)
{
	return (a->done || (a->seen & EVENT_DONE) != 0) &&
	    a->fault.kind == FAULT_BAD_ANSWER &&
	    (a->mode == ATTEMPT_PIECES ||
		(a->mode == ATTEMPT_EVENTS) == r->facts.stream) &&
	    (a->seen & EVENT_FINISH) != 0 &&
	    (a->seen & (EVENT_ERROR | EVENT_TOKEN)) == 0;
}

/* How long its headers say that nothing is left; 0: they do not. */
static usec
spent_for(const struct load *l)
{
	usec span = 0;

	if ((l->has & LOAD_LIMIT_REQUESTS) != 0 && l->left_requests <= 0)
		span = key_at_its_limit(l->reset_requests);
	if ((l->has & LOAD_LIMIT_TOKENS) != 0 && l->left_tokens <= 0 &&
	    key_at_its_limit(l->reset_tokens) > span)
		span = key_at_its_limit(l->reset_tokens);
	return span;
}

/* In how long the first of the others is free that is merely at its limit; 0:
 * there is none. */
static usec
free_in(const struct attempt *a, usec now)
{
	usec until = 0;

	if (a->key != NULL)
		until = conf_api_key_limited(a->serving, a->key, now);
	return until > 0 ? until - now : 0;
}

/* While another key is free, what is left is left of that key, and nobody has
 * to be kept out; where all are at their limits, until the first is free. */
void
request_tell_limits(struct request *r, const struct attempt *a)
{
	struct load l = a->head.limits;
	usec now = r->worker->now, span = spent_for(&l), other;

	if (l.has == 0)
		return;
	if (a->key != NULL && span > 0)
		conf_api_key_limit(a->serving, a->key, now + span);
	if (a->key != NULL &&
	    conf_api_key_spare(a->serving->backend, a->serving, a->key, now))
		return;
	other = free_in(a, now);
	if (other > 0 && other < span && l.left_requests <= 0)
		l.reset_requests = other;
	if (other > 0 && other < span && l.left_tokens <= 0)
		l.reset_tokens = other;
	switchboard_limits(r->worker->app->board, a->serving->id, &l, now);
}

/* Its key, where another of its backend's may be used now: then the backend is
 * not to blame. */
static bool
rest_key(const struct request *r, const struct attempt *a)
{
	return key_turn(r->id, a->serving, a->key, &a->fault, r->worker->now);
}

#define TURN_REST USEC_MS /* of a backend of which another key is free */

/* What the backend is to be blamed for. One of whose keys none was taken, but
 * another is merely at its limit, is so, too, until the first is free; the one
 * that was tried last rests meanwhile. One that has become free since is for
 * the next request. */
static struct fault
blame(const struct request *r, const struct attempt *a)
{
	struct fault f = a->fault;
	usec now = r->worker->now, rest = key_rest(&f), other;

	f.empty = is_empty(r, a);
	if (rest_key(r, a)) {
		f.kind = FAULT_RATE_LIMITED;
		f.retry_after = TURN_REST;
		return f;
	}
	other = free_in(a, now);
	if (rest == 0 || other == 0)
		return f;
	key_lay_down(a->serving, a->key, f.kind, now + rest);
	if (f.kind == FAULT_KEY || other < rest)
		f.retry_after = other;
	f.kind = FAULT_RATE_LIMITED;
	return f;
}

#define WORDS_MAX 192 /* bytes: what came, and what is wrong with it */

/* What is wrong with an answer that is none. */
static const char *
flaw_of_answer(const struct request *r, const struct attempt *a)
{
	if (a->fault.kind != FAULT_BAD_ANSWER)
		return "";
	if (a->mode == ATTEMPT_ERROR) /* neither a 2xx nor a 4xx */
		return ": a redirect, which is not followed";
	if (is_empty(r, a))
		return ": a finish without a token";
	if (a->mode == ATTEMPT_EVENTS && !r->facts.stream)
		return ": events where a whole answer was asked for";
	if (a->mode == ATTEMPT_JSON && r->facts.stream)
		return ": no events where a stream was asked for";
	return ": no answer in it";
}

/* What it has outlived, by the name of the setting. */
static const char *
words_of_timeout(const struct attempt *a, char *room, size_t size)
{
	const struct conf_timeouts *t = &a->serving->backend->timeouts;
	const struct {
		enum fault_kind kind;
		const char *name;
		usec span;
	} all[] = {
		{ FAULT_TTFT_TIMEOUT, "no token within timeouts.ttft",
		    t->ttft },
		{ FAULT_GAP_TIMEOUT, "nothing within timeouts.gap", t->gap },
		{ FAULT_TOTAL_TIMEOUT, "not whole within timeouts.total",
		    t->total },
	};

	for (size_t i = 0; i < COUNT(all); i++) {
		if (a->fault.kind != all[i].kind)
			continue;
		snprintf(room, size, "%s, %.15g ms", all[i].name,
		    (double)all[i].span / USEC_MS);
		return room;
	}
	return NULL;
}

/* libcurl's words; else of what kind the answer was, never a word of it. */
static const char *
words_of(
    const struct request *r, const struct attempt *a, char *room, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/+-._";
	const char *type = a->head.content_type;
	size_t n = strspn(type, plain);

	if (a->words != NULL)
		return a->words;
	if (words_of_timeout(a, room, size) != NULL)
		return room;
	if (a->head.status == 0)
		return "";
	if (n == 0 || strchr("; ", type[n]) == NULL) {
		type = "untyped";
		n = strlen(type);
	}
	snprintf(room, size, "%.*s%s", (int)n, type, flaw_of_answer(r, a));
	return room;
}

/* Counts and logs it, whatever follows from it. What the backend is to be
 * blamed for. */
static struct fault
note_failure(struct request *r, const struct attempt *a)
{
	const struct fault_rule *rule = fault_rule(a->fault.kind);
	struct fault f = blame(r, a);
	char room[WORDS_MAX];

	log_info("attempt_failed id=%s backend=%s reason=%s status=%d retry=%d "
		 "tenant=%s text=\"%s\"",
	    r->id, a->serving->backend->name, rule->name, a->fault.status,
	    rule->retry, r->tenant != NULL ? r->tenant->name : "-",
	    words_of(r, a, room, sizeof(room)));
	r->n_rate_limited += f.kind == FAULT_RATE_LIMITED;
	r->n_empty += f.empty;
	request_tell_limits(r, a);
	return f;
}

/* Its twin goes on, so no other key is tried for it. */
struct fault
request_note_dropped(struct request *r, const struct attempt *a)
{
	if (!rest_key(r, a))
		return note_failure(r, a);
	r->n_rate_limited += a->fault.kind == FAULT_RATE_LIMITED;
	return (struct fault){ .kind = FAULT_OUTRUN }; /* nobody's */
}

/* By another of its backend's keys, or by the first again, which may be free by
 * now. */
static bool
may_turn_key(const struct request *r, const struct attempt *a)
{
	return a->key_turns < a->serving->backend->n_api_keys && rest_key(r, a);
}

/* Once more on the same serving, in another way. The router hears nothing of
 * it: the place is still taken. */
static bool
try_anew(struct request *r)
{
	struct attempt *a = r->attempt, *next;
	bool key;

	if (!a->ticketed)
		return false;
	key = may_turn_key(r, a);
	if (!key && !attempt_may_be_chat(a))
		return false;
	next = attempt_start_anew(a, !key);
	if (next == NULL)
		return false;
	next->key_turns = a->key_turns + key;
	a->ticketed = false; /* the next one's now */
	r->n_unspoken += !key;
	r->n_rate_limited += a->fault.kind == FAULT_RATE_LIMITED;
	request_drop_attempt(r, &r->attempt);
	r->attempt = next;
	request_enter(r, REQ_ATTEMPT);
	request_arm(r);
	return true;
}

enum step
request_retry(struct request *r)
{
	struct attempt *a = r->attempt;
	struct fault fault;

	if (try_anew(r))
		return STEP_AGAIN;
	fault = note_failure(r, a);
	if (!fault_rule(fault.kind)->retry) {
		request_settle_ticket(r);
		return answer_fault(r, NULL, &fault);
	}
	note_begin(r);
	switchboard_retry(
	    r->worker->app->board, a->ticket, &fault, r->worker->now, &r->plan);
	a->ticketed = false;
	if (r->plan.kind != PLAN_NO) {
		r->ticket = a->ticket; /* the same one lives on */
		request_drop_attempt(r, &r->attempt);
		return request_follow_plan(r);
	}
	note_plan(r, &r->plan, false);
	/* From every candidate: then that is the answer. */
	if (r->n_empty < n_tried(r))
		return answer_fault(r, &r->plan, &fault);
	attempt_accept(a);
	request_enter(r, REQ_COMMIT);
	return STEP_AGAIN;
}
