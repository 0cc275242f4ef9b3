/* gateway/translation/chat.h - what an answer of chat says. Private to the
 * translation.
 *
 * All slices point into the document. A string is given as it is written,
 * without its quotes, so that it can be written again as it is. */
#ifndef GATEWAY_TRANSLATION_CHAT_H
#define GATEWAY_TRANSLATION_CHAT_H

#include <stdint.h>

#include "gateway/lib/chat_finish.h"

/* One event of a stream, or a whole answer: of the first choice. */
struct chat_answer {
	struct slice text, reasoning, refusal; /* empty: none */
	const char *thinks; /* the member that reasoning is */
	struct slice parts; /* text that is an array, for chat_next_part() */
	struct slice calls; /* an array for chat_next_call(), or empty */
	struct slice stop; /* the stop sequence it ends with, if it is told */
	enum chat_finish finish;
};

struct chat_call {
	uint64_t index; /* of a stream: which call this is a part of */
	bool indexed; /* false: it did not say */
	struct slice id, name; /* empty: not in this part */
	struct slice arguments; /* JSON as a string, or a part of one */
	struct slice object; /* or, as some send them, as an object */
	struct slice extra; /* Gemini's signature, an object; empty: none */
};

/* Mistral's content where a model reasons. */
struct chat_part {
	struct slice text; /* empty: neither text nor a thought */
	bool thought;
};

/* Of valid JSON; what is no answer gives an empty one. */
void chat_read(struct slice json, struct chat_answer *);
bool chat_next_part(struct slice *parts, struct chat_part *);
/* False at the end. What is no call gives an empty one. */
bool chat_next_call(struct slice *calls, struct chat_call *);
/* Its arguments as a string has them: of an object they are written to *room,
 * which is empty. */
struct slice chat_arguments(const struct chat_call *, struct buf *room);

#endif
