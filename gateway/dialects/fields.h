/* gateway/dialects/fields.h - the members of a request that routing reads.
 *
 * Private to the dialects. One table names them and says which types they may
 * have; null is as good as absent everywhere. */
#ifndef GATEWAY_DIALECTS_FIELDS_H
#define GATEWAY_DIALECTS_FIELDS_H

#include "gateway/dialects/dialect.h"

enum field {
	FIELD_MODEL,
	FIELD_STREAM,
	FIELD_STREAM_OPTIONS,
	FIELD_MAX_TOKENS,
	FIELD_MAX_COMPLETION_TOKENS,
	FIELD_MAX_OUTPUT_TOKENS,
	FIELD_TOOLS,
	FIELD_FUNCTIONS,
	FIELD_RESPONSE_FORMAT,
	FIELD_MODALITIES,
	FIELD_TEXT,
	FIELD_MESSAGES,
	FIELD_SYSTEM,
	FIELD_INSTRUCTIONS,
	FIELD_PROMPT,
	FIELD_INPUT,
	FIELD_ENCODING_FORMAT,
	FIELD_BACKGROUND,
	FIELD_N,
	FIELD_COUNT
};
#define FIELD_BIT(f) (1u << (f))

#define FIELD_AT_ONCE (1 << 20) /* bytes that are read in one step, at most */

struct fields {
	const struct scan_member *at[FIELD_COUNT]; /* NULL: not there, null */
};

/* Finds the fields in `reads` (FIELD_BITs) and fills those facts that mean the
 * same in every dialect: all but the prompt's. */
enum err fields_read(enum dialect, unsigned reads, struct dialect_request *,
    struct fields *, struct dialect_error *) MUST_USE;

/* Fills *why for a 400 and returns ERR_INVALID. */
enum err field_bad(struct dialect_error *why, const char *param,
    const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
enum err field_missing(struct dialect_error *, enum field);
/* "'stream' must be ..., got a string" */
enum err field_bad_type(struct dialect_error *, const char *param,
    const char *want, enum scan_type got);
enum err field_too_long(struct dialect_error *, enum field, size_t n);

const char *field_name(enum field);

#endif
