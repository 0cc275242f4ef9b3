/* gateway/session.h - GET /v1/realtime: a request that becomes a WebSocket.
 *
 * Up to COMMIT it is a request like any other, whose answer is a backend's 101;
 * what fails until then is tried elsewhere. From then on bytes go both ways as
 * they come, and are only looked at (gateway/realtime). */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include "gateway/lib/sink.h"
#include "gateway/realtime/events.h"
#include "gateway/realtime/handshake.h"
#include "gateway/steps.h"

struct session {
	char accept[HANDSHAKE_ACCEPT]; /* what answers the client's key */
	bool protocol; /* the client offers "realtime" */
	bool beta; /* it wants the events of the beta */
	bool accepted; /* the present attempt's backend knows the answer */
	usec until; /* the session's end, once it has begun */
	usec heard; /* when the client last sent anything */
	usec closed; /* when both had sent a close frame; 0: not yet */
	struct events events;
	struct quota_paid paid; /* for its answers, so far */
	const char *spent; /* the budget that is, by its setting; or NULL */
	struct error_reply why; /* the same in words */
};

/* --- before COMMIT --- */

/* The handshake and the query, instead of a body. False: *e. */
bool session_parse(struct request *, struct error_reply *e);
void session_free(struct session **);
/* Of what an attempt before this one has heard nothing is left. */
void session_begin(struct request *);
/* What its attempts ask besides: lines of a request, and the query. */
void session_add_lines(const struct request *, struct buf *);
void session_add_query(const struct attempt *, struct buf *);
/* A header of a backend's answer; and all of them have come. */
void session_read_header(struct attempt *, struct slice name, struct slice);
void session_read_status(struct attempt *);

/* --- from COMMIT on --- */

enum step session_commit(struct request *);
enum step session_relay(struct request *);
/* The client has left; the process is going down. */
enum step session_left(struct request *);
enum step session_abort(struct request *);
/* Bytes of the backend's: those of them that go on to the client. And the end
 * of them. */
struct slice session_hear(struct attempt *, struct slice);
void session_over(struct attempt *, enum fault_kind);
/* What a 101, or a handshake that is refused, says besides. */
void session_headers(const struct request *, int status, struct header_list *);

#endif
