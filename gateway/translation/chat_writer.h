/* gateway/translation/chat_writer.h - the messages of a request of chat, as
 * they come. Private to the translation.
 *
 * What one role says in a row is one message: many models' templates refuse two
 * of one role behind each other, and a system's behind the first. Its content
 * is one string for as long as it is only text. Strings are given and written
 * as JSON has them, without quotes. */
#ifndef GATEWAY_TRANSLATION_CHAT_WRITER_H
#define GATEWAY_TRANSLATION_CHAT_WRITER_H

#include "gateway/lib/buf.h"

enum chat_role {
	CHAT_NOBODY,
	CHAT_SYSTEM,
	CHAT_USER,
	CHAT_ASSISTANT,
	CHAT_TOOL,
};

struct chat_writer {
	struct buf *out;
	enum chat_role role; /* whose message is being written */
	enum chat_inside {
		CHAT_IN_TEXT, /* its content is a string, without its end */
		CHAT_IN_PART, /* a part of its content is, likewise */
		CHAT_AT_PART, /* behind a part that is no text */
		CHAT_AT_CALL, /* behind one of its calls, or ahead of the
				 first */
	} inside;
	size_t content; /* where its content begins */
	size_t text_end; /* once it has calls: where its content would go on */
	const char *gap; /* between its last text and the next */
	unsigned calls, moved; /* it has; texts that came behind them */
	size_t thought_end; /* where its thought would go on; 0: it has none */
	unsigned thoughts; /* pieces of it */
};

void chat_writer_init(struct chat_writer *, struct buf *out);
/* The last message is whole. */
void chat_writer_end(struct chat_writer *);

/* Whose turn it is: on with the message, or another one. What the system says
 * once another has spoken, the user says. */
void chat_writer_turn(struct chat_writer *, enum chat_role);
/* What came of a call. */
void chat_writer_result(struct chat_writer *, struct slice call_id);
void chat_writer_text(struct chat_writer *, struct slice);
/* JSON that has more bytes than its meaning, as text. */
void chat_writer_json(struct chat_writer *, struct slice json);
/* The caller adds an object to the content: a picture, sound. Not where there
 * are calls. */
void chat_writer_part(struct chat_writer *);
/* What the assistant thought, in a member of that name; of a message many
 * pieces are dropped. */
void chat_writer_thought(
    struct chat_writer *, const char *name, struct slice text);
/* The caller adds an object to the assistant's calls. */
void chat_writer_call(struct chat_writer *);

/* What chat's tools are called has an end, OpenAI's own: others refuse a longer
 * name, too. One that begins at `from` becomes its beginning and a number that
 * is made of all of it. */
#define CHAT_NAME_MAX 64
void chat_writer_shorten(struct buf *, size_t from);

/* A text that is JSON, or what stands between the quotes of a string of it,
 * inside a string of JSON. */
void chat_writer_escape(struct buf *, struct slice);

#endif
