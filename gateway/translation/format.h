/* gateway/translation/format.h - what a format that is translated has to do.
 * Private to the translation. */
#ifndef GATEWAY_TRANSLATION_FORMAT_H
#define GATEWAY_TRANSLATION_FORMAT_H

#include "gateway/translation/translation.h"

#define TRANSLATION_ID 32 /* bytes of an id's digits, with NUL */
#define TRANSLATION_MODEL 256 /* of a model's name, likewise */
#define TRANSLATION_LEFT_OUT 128
/* Items, blocks and parts of a request: as many as Anthropic takes messages. No
 * body is to keep a worker for long. */
#define TRANSLATION_PARTS 100000

struct translation {
	const struct translation_format *format;
	char id[TRANSLATION_ID]; /* digits only */
	char model[TRANSLATION_MODEL];
	int64_t created;
	bool files, formats; /* the backend has them in chat */
	uint32_t origin; /* what it has said before, it may want back */
	const char *length; /* of the request, what limits that of the answer */
	char left_out[TRANSLATION_LEFT_OUT];
	struct buf chat; /* the request */
	struct buf kept; /* what a format keeps of the request */
	const char *details; /* of a refusal, or NULL; static */
	const char *passed; /* the limit that the answer is beyond, or NULL */
	void *state; /* the format's own: state_bytes, zeroes to begin with */
};

struct translation_format {
	enum dialect dialect;
	size_t state_bytes;
	enum err (*request)(struct translation *, struct slice body,
	    struct buf *chat, struct errmsg *why);
	void (*event)(struct translation *, struct slice data, struct buf *out);
	void (*end)(
	    struct translation *, const struct usage *, struct buf *out);
	void (*answer)(struct translation *, struct slice body,
	    const struct usage *, struct buf *out);
	void (*fini)(void *state); /* or NULL: it owns nothing */
};

extern const struct translation_format translation_messages;
extern const struct translation_format translation_responses;

/* What follows the name of a file that a backend does not take. */
#define TRANSLATION_NO_FILE                                                    \
	"the chat of this backend takes no files but of text: use one that "   \
	"takes them, or speaks "

/* Adds a name to those that were left out, once. */
void translation_leave_out(struct translation *, const char *name);
/* What a part of an answer has failed with, *out does, too. `passed` is what
 * ERR_LIMIT means, in words that follow "it has". */
void translation_fail(
    struct translation *, enum err, const char *passed, struct buf *out);

#endif
