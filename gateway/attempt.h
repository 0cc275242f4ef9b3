/* gateway/attempt.h - one try of one request on one serving.
 *
 * A request owns one, and for a while a second, concurrent one: a hedge. Each
 * has its own ticket, serving, transfer and held bytes; they share the
 * request's body, which both read, and its deadline. Takes bytes inside
 * libcurl's callbacks, cuts them into events, and keeps or forwards them. Until
 * COMMIT everything is held here, so that a failure can move to another serving
 * unseen. */
#ifndef GATEWAY_ATTEMPT_H
#define GATEWAY_ATTEMPT_H

#include "gateway/request.h"

struct transcoder;
struct translation;
struct whole;

#define ATTEMPT_HELD_MAX ((size_t)17 << 20) /* events up to the first token */
#define ATTEMPT_JSON_MAX ((size_t)64 << 20) /* a whole answer */
#define ATTEMPT_COUNTED ((size_t)64 << 10) /* of it, with every request */
#define ATTEMPT_ERROR_MAX ((size_t)64 << 10) /* an error body */
#define ATTEMPT_ERROR_WAIT USEC_SEC /* for one that has begun */
#define ATTEMPT_PROGRESS (250 * USEC_MS) /* the router hears this often */

enum attempt_mode {
	ATTEMPT_HEAD, /* no status yet */
	ATTEMPT_EVENTS, /* SSE */
	ATTEMPT_JSON, /* a whole body */
	ATTEMPT_PIECES, /* bytes, which go on as they come */
	ATTEMPT_TUNNEL, /* a session's, both ways */
	ATTEMPT_ERROR, /* a body that says what went wrong */
};

struct attempt {
	struct request *request;
	struct ticket ticket;
	struct plan plan; /* that led here */
	unsigned number; /* 0, 1, ...: of this request's, as they began */
	bool ticketed; /* the ticket is alive */
	bool hedge; /* it began while another was at work */
	bool warmth; /* its connection is one of those kept for its like */
	bool usage_injected; /* its event is not for the client */
	const struct conf_serving *serving; /* of the request's snapshot */
	const struct backend_ops *ops;
	struct conf_api_key *key; /* of the backend's; NULL: it has none */
	unsigned key_turns; /* how many others were tried just before */
	enum attempt_mode mode;
	struct transfer *transfer; /* NULL once it is over */
	char *model; /* what the backend is asked for */
	struct buf extra; /* bytes of the body that are not the client's */

	struct answer_head head;
	struct sse sse;
	struct buf held; /* whole events, or a body, for the client */
	struct buf partial; /* the event that is not complete yet */
	struct buf joined; /* an event's data, where it has several lines */
	struct buf scratch;
	struct whole *whole; /* what is held, while it is judged; or NULL */
	struct transcoder *transcoder; /* at COMMIT, of what is held; or NULL */
	struct translation *translation; /* NULL: none is needed */
	unsigned bom; /* bytes of a byte order mark that were left out; 3:
			 there can be no more */
	unsigned seen; /* enum event_bits so far */
	struct choice_bits choices; /* so far */
	bool as_chat; /* translated because the backend did not know the path */
	bool limited; /* a limit or a filter ended it, or one choice */
	bool token_told; /* the router knows of the first token */
	bool paced; /* the client has made it pause: its pace is not its own */
	unsigned tokens_told; /* of the guessed, that the router knows of */
	unsigned tokens; /* at least: some events have more than one */
	unsigned guessed; /* that there are, by their text */
	struct usage usage;

	usec refused; /* when the headers of an error came; 0: they have not */
	usec sent, first_token, last_token, last_byte; /* 0: not yet */
	usec paused; /* since when the client makes us pause; 0: it does not */
	struct {
		unsigned tokens;
		usec last_token;
	} unpaced; /* as they were at its first pause */
	usec stalled; /* by the client, in the pauses that are over */
	usec told; /* until when the router knows of progress */

	bool ready; /* may be committed */
	bool done; /* the transfer is over */
	bool failed; /* fault says how */
	bool reused; /* as in struct transfer_result, once it is done */
	bool sent_any; /* of the request, likewise */
	struct fault fault;
	usec connect, tls; /* as in struct transfer_result, likewise */
	char *words; /* libcurl's, for the log; or NULL */
	char *message; /* the backend's own, for the client; or NULL */
};

/* Starts on the plan's serving; the ticket is the attempt's from now on. NULL
 * without memory. On another failure the attempt exists and has already
 * failed. */
struct attempt *attempt_start(
    struct request *, struct ticket, const struct plan *);
/* The same once more, by the key that is up now, or as chat. */
struct attempt *attempt_start_anew(const struct attempt *, bool as_chat);
/* Cancels what is running; a whole answer's connection may be of use again. */
void attempt_free(struct attempt **);

/* The secret that it shows its backend; NULL: none. */
const char *attempt_secret(const struct attempt *);

/* Hands held events to the sink and everything later directly. */
void attempt_commit(struct attempt *);
/* Whether the request's bytes are no longer read by the transfer: an answer
 * may begin while a long body is still being sent. */
bool attempt_body_sent(const struct attempt *);
/* Its own part of them is not needed any more. */
void attempt_free_body(struct attempt *);
/* The client has drained what was queued. */
void attempt_resume(struct attempt *);

/* The attempt's own deadlines: the earliest that is still to come, and the
 * fault of one that has passed (FAULT_NONE: none has). */
usec attempt_deadline(
    const struct attempt *, usec now, enum fault_kind *passed);
/* Fails it where one has passed. Of what came after `polled` nothing has been
 * read: it says nothing about the backend. */
void attempt_check_deadlines(struct attempt *, usec polled);
void attempt_fail(struct attempt *, enum fault_kind);
/* Fails it by the error body, as far as that has come. */
void attempt_fail_as_told(struct attempt *);
/* Whether the backend can have read anything: else it has read no prompt. */
bool attempt_was_sent(const struct attempt *);
/* All of an answer is there. Its end mark is enough: the transfer may take its
 * time to end. */
bool attempt_is_whole(const struct attempt *);
/* Between the parts of judging a long body others have a turn. True: it goes
 * on. */
bool attempt_judges(struct attempt *);
/* Its failure was to say nothing, and so did everybody: that is the answer. */
void attempt_accept(struct attempt *);

/* The tokens since the last time, and the span they took, where it is time to
 * tell of them: of a stream that runs at the backend's own pace. */
bool attempt_progress(struct attempt *, unsigned *tokens, usec *span);

/* The backend's count, or ours. */
void attempt_usage(const struct attempt *, struct usage *);
/* For the router and the outcome. */
void attempt_result(const struct attempt *, usec now, struct route_result *);
void attempt_report(const struct attempt *, usec now, struct attempt_report *);

/* attempt_translation.c: it asks in chat for what its client said otherwise. */
bool attempt_is_translated(const struct attempt *);
/* It failed because there is no such path, and may be tried as chat. */
bool attempt_may_be_chat(const struct attempt *);
/* It is answered: if as chat, the next ones are translated from the start; if
 * not, they never are. */
void attempt_note_format(const struct attempt *);
/* Of its request, what chat has no word for; empty: nothing, or no chat. */
struct slice attempt_left_out(const struct attempt *);
/* What ends a stream; and what is held, a whole answer. On failure the attempt
 * has failed: for memory, or as unsuited, with a message. */
bool attempt_translate_end(struct attempt *);
bool attempt_translate_answer(struct attempt *);

/* attempt_bytes.c: takes what the transfer brings. */
extern const struct transfer_ops attempt_transfer_ops;
/* Keeps the backend's own words, as many as there is room for, without its
 * key. */
void attempt_keep_message(struct attempt *, struct slice);

#endif
