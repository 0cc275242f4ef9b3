/* gateway/dialects/prompt.h - what routing wants to know of a prompt.
 *
 * Private to the dialects. How much text there is, whether there are images
 * or sound among it, and a hash of how it begins. A dialect says which members
 * are its prompt; they are read when it has read the others, a part at a time
 * where they are long. */
#ifndef GATEWAY_DIALECTS_PROMPT_H
#define GATEWAY_DIALECTS_PROMPT_H

#include "gateway/dialects/fields.h"

/* Content nests: a message holds parts, and a tool's result parts of its own.
 * What lies deeper is not looked at. */
#define PROMPT_CONTENTS 4
/* Messages; to each item a source, to that or to the item content */
#define PROMPT_LEVELS (1 + 2 + 3 * PROMPT_CONTENTS)

enum prompt_level {
	PROMPT_MESSAGES, /* arrays */
	PROMPT_TEXTS,
	PROMPT_TOKENS,
	PROMPT_CONTENT,
	PROMPT_ITEM, /* objects */
	PROMPT_SOURCE
};

struct prompt {
	struct prompt_part {
		const struct scan_member *m;
		enum prompt_level level;
		enum field field;
	} parts[2];
	unsigned n_parts, part;
	bool no_text, no_needs; /* these are not asked for */

	/* what has been found */
	uint64_t text, tokens; /* the former in bytes */
	unsigned needs;

	/* the walk through a part */
	struct scan_walk walk;
	const char *until; /* where to stop for now */
	size_t elements;
	unsigned depth, contents; /* levels that are open; of content */
	unsigned char levels[PROMPT_LEVELS];
	struct {
		size_t bytes;
		bool is_text;
	} sources[PROMPT_CONTENTS + 1];

	/* the key or value that it is in, and what to do with that */
	bool passing;
	unsigned char use;
	struct scan_pass pass;
	struct scan_member m;
};

void prompt_init(struct prompt *);

/* A non-empty array of objects with `content`; absent is an error. */
enum err prompt_messages(
    struct prompt *, const struct fields *, struct dialect_error *) MUST_USE;

/* A string, strings, tokens or arrays of tokens; a token counts as four bytes.
 * Absent is fine, empty is an error. */
void prompt_texts(struct prompt *, const struct fields *, enum field);

/* A string, or an array of strings, messages and content parts. Whatever else
 * there is counts for nothing; absent (NULL) is fine. */
void prompt_content(struct prompt *, const struct scan_member *);

/* Reads what has been named, so many bytes and few more, and in the end tells
 * the facts. *more: call again. */
enum err prompt_read(struct prompt *, size_t n, struct facts *,
    struct dialect_error *, bool *more) MUST_USE;

/* Sets prefix_hash from the first KiB of the two values in a row, as they are
 * written; either may be NULL. */
void prompt_hash(const struct scan_member *first,
    const struct scan_member *second, struct facts *);

#endif
