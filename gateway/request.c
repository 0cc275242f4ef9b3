/* gateway/request.c - a request's life: references, state, timer, callbacks.
 *
 * The steps themselves are in steps.c. */
#include "gateway/request.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/attempt.h"
#include "gateway/head.h"
#include "gateway/lib/hex.h"
#include "gateway/note.h"
#include "gateway/sent_name.h"
#include "gateway/session.h"
#include "gateway/tracer.h"

#define SAID_MAX 512
#define ID_RANDOM 12 /* bytes of an id */
#define EDGE(state) (1u << (state))

/* The legal edges; every state may also end in FINISH. */
static const unsigned edges[REQ_STATE_COUNT] = {
	[REQ_HEAD] = EDGE(REQ_BODY),
	[REQ_BODY] = EDGE(REQ_HOLD) | EDGE(REQ_PLAN),
	[REQ_HOLD] = EDGE(REQ_PLAN),
	[REQ_PLAN] = EDGE(REQ_WAIT) | EDGE(REQ_ATTEMPT),
	[REQ_WAIT] = EDGE(REQ_ATTEMPT),
	[REQ_ATTEMPT] = EDGE(REQ_ATTEMPT) | EDGE(REQ_WAIT) | EDGE(REQ_COMMIT),
	[REQ_COMMIT] = EDGE(REQ_RELAY),
};

static const char *const names[REQ_STATE_COUNT] = { "head", "body", "hold",
	"plan", "wait", "attempt", "commit", "relay", "finish" };

const char *
request_state_name(enum request_state s)
{
	return names[s];
}

static void
note_wait(struct request *r)
{
	usec now = r->worker->now;

	r->waited += now - r->entered;
	if (r->n_waits < WAITS_KEPT)
		r->waits[r->n_waits++] = (struct wait_span){ r->entered, now };
}

void
request_enter(struct request *r, enum request_state next)
{
	assert(r->state != REQ_FINISH);
	assert(next == REQ_FINISH || (edges[r->state] & EDGE(next)) != 0);
	if (r->state == REQ_WAIT)
		note_wait(r);
	r->state = next;
	r->entered = r->worker->now;
}

void
request_wake(struct request *r)
{
	if (list_empty(&r->on_runnable))
		list_append(&r->worker->runnable, &r->on_runnable);
}

void
request_run(struct request *r)
{
	while (request_step(r) == STEP_AGAIN)
		continue;
}

void
request_unref(struct request *r)
{
	if (--r->refs > 0)
		return;
	list_remove(&r->on_runnable);
	list_remove(&r->on_live);
	list_append(&r->worker->graveyard, &r->on_live);
}

void
request_free(struct request *r)
{
	attempt_free(&r->attempt);
	attempt_free(&r->second);
	note_drop(r);
	kept_answer_unref(&r->replay);
	free(r->said);
	sent_names_free(&r->sent);
	dialect_free(&r->reader);
	session_free(&r->session);
	pool_give(&r->worker->parsed, r->parsed);
	conf_unref(&r->conf);
	pool_give(&r->worker->requests, r);
}

const char *
request_say(struct request *r, const char *fmt, ...)
{
	va_list ap;

	if (r->said == NULL)
		r->said = malloc(SAID_MAX);
	if (r->said == NULL)
		return "the gateway is out of memory";
	va_start(ap, fmt);
	vsnprintf(r->said, SAID_MAX, fmt, ap);
	va_end(ap);
	return r->said;
}

static void
on_timer(uv_timer_t *t)
{
	request_wake(t->data);
}

static void
on_timer_closed(uv_handle_t *h)
{
	request_unref(h->data);
}

void
request_disarm(struct request *r)
{
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static usec
earlier(usec at, const struct attempt *a, usec now)
{
	enum fault_kind passed;
	usec own = a != NULL ? attempt_deadline(a, now, &passed) : USEC_NEVER;

	return own < at ? own : at;
}

void
request_arm(struct request *r)
{
	usec at = r->deadline, now = r->worker->now;

	at = earlier(at, r->attempt, now);
	at = earlier(at, r->second, now);
	if (r->state == REQ_ATTEMPT && r->hedge_at < at)
		at = r->hedge_at;
	if (r->state < REQ_COMMIT && r->beat_at < at)
		at = r->beat_at;
	/* Rounded up: a timer that fires early would only be armed again. */
	at = at > now ? (at - now + USEC_MS - 1) / USEC_MS : 0;
	/* So one that is armed may, rather than be moved with each chunk. */
	if (!uv_is_active((uv_handle_t *)&r->timer) ||
	    uv_timer_get_due_in(&r->timer) > (uint64_t)at)
		uv_timer_start(&r->timer, on_timer, (uint64_t)at, 0);
}

void
request_yield(struct request *r)
{
	request_pause(r, 0);
}

void
request_pause(struct request *r, usec span)
{
	uv_timer_start(&r->timer, on_timer, (uint64_t)(span / USEC_MS), 0);
}

static void
on_drain(void *arg)
{
	struct request *r = arg;

	r->drained = true;
	request_wake(r);
}

static void
on_gone(void *arg)
{
	struct request *r = arg;

	r->gone = true;
	r->cut_for = exchange_refusal(r->exchange)->code;
	request_wake(r);
}

/* One call for twelve bytes takes as long as one for hundreds. */
static void
make_id(struct worker *w, char id[REQUEST_ID_BYTES])
{
	if (w->random_left < ID_RANDOM) {
		if (RAND_bytes(w->random, sizeof(w->random)) != 1)
			abort(); /* no ids, no secrets: nothing is safe */
		w->random_left = sizeof(w->random);
	}
	w->random_left -= ID_RANDOM;
	memcpy(id, "req_", 4);
	hex_write(w->random + w->random_left, ID_RANDOM, id + 4);
}

static struct request *
request_new(struct worker *w, struct exchange *x)
{
	struct request *r = pool_take(&w->requests);

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->refs = 2; /* the exchange, the timer */
	r->worker = w;
	r->began = r->entered = w->now;
	r->conf = conf_ref(w->conf);
	r->exchange = x;
	r->sink = exchange_sink(x);
	r->sink->on_drain = on_drain;
	r->sink->on_gone = on_gone;
	r->sink->arg = r;
	r->hedge_at = r->beat_at = USEC_NEVER;
	/* Zero would be a measurement. */
	r->outcome.recv = r->outcome.auth = r->outcome.queue = -1;
	r->outcome.route = r->outcome.connect = r->outcome.tls = -1;
	r->outcome.ttft = r->outcome.itl = r->outcome.total = -1;
	r->outcome.cost = -1;
	list_init(&r->on_runnable);
	list_init(&r->on_owed);
	list_append(&w->live, &r->on_live);
	make_id(w, r->id);
	uv_timer_init(&w->loop, &r->timer);
	r->timer.data = r;
	return r;
}

static enum front_verdict
on_headers(void *arg, struct exchange *x)
{
	struct worker *w = arg;
	struct request *r = request_new(w, x);

	exchange_set_arg(x, r);
	if (r == NULL)
		return FRONT_REFUSE;
	head_judge(r);
	tracing_begin(r);
	/* Only a request that is let in may cost memory. */
	return r->verdict == HEAD_INFERENCE ? FRONT_READ : FRONT_REFUSE;
}

static void
on_request(void *arg, struct exchange *x)
{
	struct request *r = exchange_arg(x);

	(void)arg;
	if (r == NULL) { /* no memory for it: no answer either */
		exchange_sink(x)->ops->end(exchange_sink(x), SINK_ABORT);
		return;
	}
	r->received = true;
	request_wake(r);
}

static void
on_closed(void *arg, struct exchange *x)
{
	struct request *r = exchange_arg(x);

	(void)arg;
	if (r == NULL)
		return;
	r->exchange = NULL;
	r->sink = NULL;
	r->closed = true;
	request_wake(r);
}

const struct front_ops request_front_ops = {
	.on_headers = on_headers,
	.on_request = on_request,
	.on_closed = on_closed,
};
