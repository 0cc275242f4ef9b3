/* gateway/translation/messages_turns.h - the turns and blocks of a conversation
 * in Anthropic's messages. Private to messages_turns.c and messages_survey.c. */
#ifndef GATEWAY_TRANSLATION_MESSAGES_TURNS_H
#define GATEWAY_TRANSLATION_MESSAGES_TURNS_H

#include "gateway/translation/messages.h"

enum kind {
	KIND_TEXT,
	KIND_IMAGE,
	KIND_DOCUMENT,
	KIND_USE,
	KIND_RESULT,
	KIND_THINKING,
	KIND_OTHER
};

struct block {
	enum kind kind;
	struct scan_member type, text, id, name, input, content, source;
	struct scan_member title, context;
	bool is_error;
};

#define TURN_IDS 32

/* A run of messages of one role. */
struct turn {
	struct slice rest; /* of the array, at its first message */
	size_t at, n; /* the number of that; how many */
	bool assistant;
	bool opening; /* before the first of the assistant's: messages of the
			 system's are passed over */
	/* surveyed: blocks, and the ids of the first uses, with quotes */
	size_t texts, images, uses, results;
	struct slice ids[TURN_IDS];
};

/* What is written, or surveyed, and where in the request that stands. */
struct writer {
	struct buf *out;
	struct errmsg *why;
	size_t message, block, inner;
	bool in_system, in_block, in_inner;
	bool any; /* message has been written */
	struct slice wanted; /* the id of the results to be written */
	const struct turn *calls; /* whose they are */
	bool parts; /* content is an array, not a string */
	size_t n; /* texts, parts or elements so far */
};

typedef enum err turn_visit(
    struct writer *, struct turn *, const struct block *);

/* Each block of a content: one of text, where it is a string; none, where it
 * is null. */
enum err content_each_block(struct writer *, struct turn *,
    const struct scan_member *content, turn_visit *) MUST_USE;
/* Each block of one message, and of all messages of a turn. */
enum err message_each_block(struct writer *, struct turn *,
    struct slice message, turn_visit *) MUST_USE;
enum err turn_each_block(struct writer *, struct turn *, turn_visit *) MUST_USE;
/* Counts a turn's blocks. What passes can be written. */
enum err turn_survey(struct writer *, struct turn *) MUST_USE;
/* Whether a message, an object, is of this role. */
bool turn_role_is(struct slice message, const char *role);
/* "messages[1].content[0]" and the complaint. */
enum err turn_invalid(const struct writer *, const char *complaint) MUST_USE;

#endif
