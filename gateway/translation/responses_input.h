/* gateway/translation/responses_input.h - where in the input of a request of
 * responses one is. Private to responses_input.c, responses_order.c and
 * responses_parts.c. */
#ifndef GATEWAY_TRANSLATION_RESPONSES_INPUT_H
#define GATEWAY_TRANSLATION_RESPONSES_INPUT_H

#include "gateway/translation/chat_writer.h"
#include "gateway/translation/responses.h"

/* Calls that may wait for their outputs at a time: what is said between more
 * of them stays there. */
#define READER_CALLS 32
/* To the output of one of them; between are as many items at most. */
#define READER_AHEAD 32

struct reader {
	struct translation *t;
	struct chat_writer messages;
	struct errmsg *why;
	struct slice here; /* the input from the item on that is being read */
	size_t item; /* which that is, for complaints */
	const char *list; /* of parts in it, or NULL */
	size_t part; /* which of those */
	size_t pieces; /* items and parts so far */
	struct slice answered; /* the call whose output came last */
	struct slice shown; /* from the first item on that has some to show */
	size_t shown_item; /* which that is */
	bool waits; /* there is one */
	size_t text_files; /* bytes of them, in base64 */
	bool unseen; /* it writes nothing but what waits */
	bool has_tools;
	struct slice thought; /* an item, for the assistant's next words */
	const char *thinks; /* what the backend calls it; NULL: there is none */
	struct slice calls[READER_CALLS]; /* ids of those without an output */
	size_t n_calls;
	struct slice ahead; /* from the first item on that was not looked at */
	size_t ahead_item; /* which that is */
	struct slice outputs[READER_AHEAD]; /* the call of the item of that
					       number; empty: it is no output */
	struct slice held; /* from the first item on that waits for them */
	size_t held_item; /* which that is */
	bool holds; /* there is one */
};

/* One more item or part of the request; ERR_INVALID: they are too many. */
enum err input_count(struct reader *) MUST_USE;

/* "input[3].content[0]: " and what; of what chat has no word for, its type. */
enum err input_invalid(const struct reader *, const char *what) MUST_USE;
enum err input_unsupported(
    const struct reader *, const char *what, struct slice type) MUST_USE;

/* Who says an item. */
enum input_origin {
	INPUT_NONE, /* nobody, to the model */
	INPUT_MODEL,
	INPUT_OUTPUT, /* what came of a call */
	INPUT_OTHERS
};
/* *call_id: that of an output, else empty. */
enum input_origin input_origin_of(struct slice item, struct slice *call_id);
enum err input_read_item(struct reader *, struct slice item) MUST_USE;

/* An item, or nothing yet: what stands between calls and their outputs waits
 * for these. */
enum err order_read_item(struct reader *, struct slice item) MUST_USE;
void order_note_call(struct reader *, struct slice id);
void order_note_output(struct reader *, struct slice id);
/* What still waits. */
enum err order_release(struct reader *) MUST_USE;

/* A string, or parts: into the message that is being written. */
enum err input_content(struct reader *, const struct scan_member *) MUST_USE;

#endif
