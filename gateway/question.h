/* gateway/question.h - a short question to one serving, for what the gateway
 * itself wants to know: through the same adapter code that serves.
 *
 * Chat where the serving can, streamed; else an embedding. Never anything that
 * a tenant sent. */
#ifndef GATEWAY_QUESTION_H
#define GATEWAY_QUESTION_H

#include "backends/backend.h"
#include "gateway/dialects/dialect.h"
#include "gateway/upstream/upstream.h"

struct question {
	const char *key; /* to be shown; NULL: the backend's first */
	/* for reading */
	const struct conf_serving *serving;
	usec sent, first_token, last_token; /* 0: not yet */
	unsigned tokens; /* that came */
	struct usage usage; /* known where the backend said so */
	struct buf body; /* of an answer that is none, or no event */
	const char *flaw; /* what is wrong with an answer; or "" */

	const struct backend_ops *ops;
	const struct route *route;
	struct dialect_request parsed;
	struct encoded out;
	struct slice pieces[EDITS_PIECES_MAX];
	char url[CONF_URL_MAX + sizeof(((struct encoded *)0)->path)];
	struct answer_head head;
	struct sse sse;
	struct buf scratch;
	unsigned seen;
	bool limited; /* see struct event */
};

/* Both it and the serving are to stay until question_fini(). */
void question_init(struct question *, const struct conf_serving *);
void question_fini(struct question *);
/* What to send to the backend at that base URL; it borrows from the question.
 * sent is stamped. */
enum err question_encode(struct question *, const char *base,
    struct transfer_request *, struct errmsg *why) MUST_USE;

/* For the transfer's callbacks. */
void question_take_header(struct question *, struct slice, struct slice);
void question_take(struct question *, struct slice bytes);
/* How it ended, as it would for a request that is streamed; FAULT_NONE: with an
 * answer. first_token is 0 where all its tokens were thoughts that are not
 * shown. */
struct fault question_end(struct question *, const struct transfer_result *);

#endif
