/* gateway/request.h - one request, from its headers to its outcome.
 *
 *	HEAD -> BODY -> PLAN -> ATTEMPT -> COMMIT -> RELAY -> FINISH
 *	  |       |      ^ |       |                            ^
 *	  |       |      | +-WAIT  +-- retry re-plans           |
 *	  +-------+------+--------- refuse ---------------------+
 *
 * With an Idempotency-Key there is a HOLD between BODY and PLAN (replay.c): for
 * an answer that is kept, it goes straight to FINISH; while another request
 * works on that, it waits there.
 *
 * An ATTEMPT may become two: `attempt`, and `second` where the router allows a
 * hedge for one that is late. The first of them that is ready is committed and
 * the other cancelled; while one lives, the other's failure changes nothing.
 * In every other state there is at most one, `attempt`.
 *
 *	one --late, allowed--> two --either ready--> one, COMMIT
 *	 |                      |
 *	 | failed               | either failed: one goes on
 *	 v                      v
 *	retry                  one
 *
 * request_enter() is the only writer of the state. Callbacks leave word in the
 * flags and make the request runnable; the steps (steps.c) do the work, from
 * the worker's settle loop and never from inside libcurl or libmicrohttpd.
 *
 * References: one for the exchange, one for the timer. The last one lost puts
 * the request on the worker's graveyard, emptied once per loop turn. */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <uv.h>

#include "backends/backend.h"
#include "gateway/dialects/dialect.h"
#include "gateway/front/front.h"
#include "gateway/idempotency/idempotency.h"
#include "gateway/lib/list.h"
#include "gateway/quota/quota.h"
#include "gateway/telemetry/otlp.h"
#include "gateway/worker.h"
#include "router/router.h"

#define REQUEST_ID_BYTES 29 /* "req_", 24 hexadecimal digits, NUL */

enum request_state {
	REQ_HEAD, /* headers are in, the body is being read */
	REQ_BODY, /* scan it */
	REQ_HOLD, /* has an Idempotency-Key: is its answer there, or due? */
	REQ_PLAN, /* ask the router */
	REQ_WAIT, /* in the router's queue */
	REQ_ATTEMPT, /* one or two backends work; the client saw nothing */
	REQ_COMMIT, /* the answer begins */
	REQ_RELAY, /* and goes on */
	REQ_FINISH, /* over; whoever counts is told at the turn's end */
	REQ_STATE_COUNT
};

enum step { STEP_AGAIN, STEP_WAIT };

/* What the headers alone decided. */
enum head_verdict {
	HEAD_INFERENCE, /* a route with a body */
	HEAD_LOCAL, /* we answer ourselves: models, preflight */
	HEAD_REFUSED, /* r->refusal says why */
};

struct attempt;
struct grant;
struct receipt_draft;
struct session;

struct request {
	struct list on_runnable, on_live, on_owed;
	unsigned refs;
	enum request_state state;
	usec began, entered; /* headers were in; the state was entered */
	struct worker *worker;
	struct conf *conf; /* pinned for the request's life */
	struct exchange *exchange; /* NULL once the front let go of it */
	struct sink *sink;
	uv_timer_t timer;
	usec deadline; /* absolute; shared by all attempts and waits */
	usec beat_at; /* the next heartbeat, before COMMIT; or USEC_NEVER */
	char id[REQUEST_ID_BYTES];

	enum head_verdict verdict;
	struct error_reply refusal;
	char *said; /* request_say()'s, or NULL */
	struct sent_name *sent; /* what was sent for a star, or NULL */
	const struct route *route; /* NULL: not inference */
	const struct dialect_ops *dialect;
	const struct conf_tenant *tenant; /* NULL: the gateway is open */
	const struct conf_key *key; /* that let it in; as tenant */
	const struct grant *grant; /* behind `key`; NULL: gateway.conf's */
	unsigned hops; /* gateways that it has come through */
	struct quota_hold hold; /* what it has reserved of their limits */

	struct dialect_request *parsed; /* until COMMIT */
	struct dialect_reader
	    *reader; /* of a long body; NULL: short, or read */
	struct facts facts;
	struct route_request routing; /* borrowed by the router */
	struct ticket ticket; /* of a wait; an attempt has its own */
	struct plan plan; /* the router's last word; an attempt keeps its own */
	bool ticketed; /* the ticket is alive */
	bool plan_ready; /* the router has answered a wait */
	bool streaming; /* the client is sent events, or bytes as they come */
	bool wordless; /* these: no word of ours has a place in them */

	struct attempt *attempt; /* the present one, or NULL */
	struct attempt *second; /* a concurrent one, or NULL */
	usec hedge_at; /* when it may begin; USEC_NEVER: not at all */
	const struct conf_price *outrun_price; /* of the one that nobody waits
						  for; NULL: there is none */
	unsigned outrun_tokens; /* that it had made by then */
	unsigned n_attempts, n_unspoken, n_rate_limited, n_empty;
	unsigned drill; /* the id of one that it has met; 0: none */
	usec drill_expected; /* of the backend that failed; -1: not known */
	usec waited; /* in the router's queue, in all */

	/* left by callbacks */
	bool received, gone, drained, closed, aborted;
	const char *cut_for; /* why front has let it go; NULL: it left */
	bool crowded; /* its tenant or key had too many at a time */
	bool over; /* its outcome is complete */
	bool released; /* the exchange's reference has been given up */

	struct trace_context trace; /* where one is kept */
	struct wait_span waits[WAITS_KEPT]; /* the first ones, in the queue */
	unsigned n_waits;
	struct claim *claim; /* on its Idempotency-Key, or NULL */
	struct kept_answer *replay; /* what it is answered with, or NULL */
	struct receipt_draft *draft; /* of its receipt, or NULL (note.h) */
	struct session *session; /* it is to be a WebSocket; else NULL */
	struct outcome outcome;
	bool sent_headers;
};

/* The front's callbacks; arg is the worker. */
extern const struct front_ops request_front_ops;

/* The only writer of r->state: checks the edge, stamps the time. */
void request_enter(struct request *, enum request_state);
const char *request_state_name(enum request_state);
/* Something changed: run it before the loop sleeps again. */
void request_wake(struct request *);
/* Runs steps until one waits. */
void request_run(struct request *);
/* (Re-)arms the timer for the earliest of the deadlines, or leaves it to go off
 * before: whoever waits then arms it again. */
void request_arm(struct request *);
/* Runs it again once the loop has polled: between the parts of long work. Takes
 * the timer until request_arm(). */
void request_yield(struct request *);
/* The same, so much later; in whole milliseconds. */
void request_pause(struct request *, usec);
/* Lets go of the timer, for good. */
void request_disarm(struct request *);
void request_unref(struct request *);
void request_free(struct request *); /* the graveyard's */
/* A text of at most 511 bytes for an error, good until the next one. */
const char *request_say(struct request *, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* steps.c */
enum step request_step(struct request *);
/* Ends it with an error in the client's format, wherever it is. */
enum step request_refuse(struct request *, const struct error_reply *);

/* reply.c: what goes out besides a backend's bytes. */
void reply_headers(struct request *, int status, const char *content_type,
    int64_t length, const struct error_reply *);
/* In the stream, where one has begun; where that has no place for words it is
 * cut. */
void reply_error(struct request *, const struct error_reply *);
void reply_error_event(struct request *, const struct error_reply *);
/* The attempt's own status and content-type, of what passes. */
void reply_headers_of(struct request *, int64_t length);
/* Those of a stream, where a heartbeat has not sent them already. */
void reply_stream_headers(struct request *);
/* A comment to a client that waits for the first event, where one is due. The
 * answer has begun with it: what fails from then on is said inside it, but
 * attempts may still follow each other unseen. */
void reply_heartbeat(struct request *);

/* local.c: answers of our own, /v1/models and preflights. */
enum step local_answer(struct request *);

#endif
