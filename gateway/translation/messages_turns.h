/* gateway/translation/messages_turns.h - turns and blocks of a conversation in
 * Anthropic's messages. Private to messages_turns.c, messages_survey.c,
 * messages_sources.c and messages_thoughts.c. */
#ifndef GATEWAY_TRANSLATION_MESSAGES_TURNS_H
#define GATEWAY_TRANSLATION_MESSAGES_TURNS_H

#include "gateway/translation/messages.h"

enum kind {
	KIND_TEXT,
	KIND_IMAGE,
	KIND_DOCUMENT,
	KIND_SEARCH, /* what a search has found */
	KIND_USE,
	KIND_RESULT,
	KIND_THOUGHT,
	KIND_UNSAID, /* what the server tells itself */
	KIND_OTHER
};

struct block {
	enum kind kind;
	struct scan_member type, text, id, name, input, content, source;
	struct scan_member title, context, citations;
	struct scan_member thinking, signature;
	bool is_error;
};

/* Where a picture or a document comes from. */
enum source_kind {
	SOURCE_TEXT,
	SOURCE_BLOCKS,
	SOURCE_BYTES, /* in base64: a picture's, or a file's */
	SOURCE_URL,
	SOURCE_OTHER
};

struct source {
	enum source_kind kind;
	struct scan_member type, url, media_type, data, content;
};

/* A tool_use, or the result of one. */
struct call {
	struct slice id, name; /* with quotes; a result has no name */
	struct scan_member body; /* input or content */
	bool is_error;
};

#define TURN_CALLS 32 /* as many are kept; of more none are put in order */

/* A run of messages of one role. */
struct turn {
	struct scan_walk start; /* before its first message */
	size_t at, n; /* the number of that; how many */
	bool assistant;
	bool opening; /* before the first of the assistant's: messages of the
			 system's are passed over */
	size_t texts, media, uses, results; /* blocks, media being pictures and
					       files; surveyed */
	const char *thinks; /* what the backend calls thoughts of its own that
			       are among them; NULL: there are none */
	struct call calls[TURN_CALLS]; /* the first of uses, or results */
};

/* What is written, or surveyed, and where in the request that stands. */
struct writer {
	struct translation *t;
	struct buf *out;
	struct errmsg *why;
	size_t message, block, inner;
	size_t blocks; /* surveyed so far, also within others */
	bool in_system, in_block, in_inner;
	bool any; /* message has been written */
	bool parts; /* content is an array, not a string */
	size_t n; /* texts, parts or elements so far */
};

typedef enum err turn_visit(
    struct writer *, struct turn *, const struct block *);

/* Each block of a content: one of text, where it is a string; none, where it
 * is null. */
enum err content_each_block(struct writer *, struct turn *,
    const struct scan_member *content, turn_visit *) MUST_USE;
/* Each block of the message that the walk stands at, and is led past. */
enum err message_each_block(
    struct writer *, struct turn *, struct scan_walk *, turn_visit *) MUST_USE;
/* Each block of all messages of a turn. */
enum err turn_each_block(struct writer *, struct turn *, turn_visit *) MUST_USE;
/* Counts a turn's blocks, keeps its calls. What passes can be written. */
enum err turn_survey(struct writer *, struct turn *) MUST_USE;
/* One more of the request's; ERR_INVALID: they are too many. */
enum err turn_count_block(struct writer *) MUST_USE;
struct call call_of(const struct block *);
struct source source_of(const struct block *);
/* Of a turn's survey, one block each. */
enum err survey_image(
    struct writer *, struct turn *, const struct block *) MUST_USE;
enum err survey_document(
    struct writer *, struct turn *, const struct block *) MUST_USE;
enum err survey_search(
    struct writer *, struct turn *, const struct block *) MUST_USE;

enum err survey_thought(
    struct writer *, struct turn *, const struct block *) MUST_USE;
/* A turn's thoughts that are the backend's own, of which there are some. */
enum err thoughts_write(struct writer *, struct turn *) MUST_USE;

enum role { ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM, ROLE_UNKNOWN };
/* The role of the message, an object, that the walk stands at. */
enum role role_at(struct scan_walk);
/* "messages.1.content.0" */
#define PLACE_MAX 96
void turn_place(const struct writer *, char out[PLACE_MAX]);
/* That, and the complaint. */
enum err turn_invalid(const struct writer *, const char *complaint) MUST_USE;
/* That what, of that type, is nothing in chat. */
enum err turn_unsupported(
    const struct writer *, const char *what, struct slice type) MUST_USE;

#endif
