/* gateway/dialects/prompt.h - what routing wants to know of a prompt.
 *
 * Private to the dialects. How much text there is, whether there are images
 * or sound among it, and a hash of how it begins. */
#ifndef GATEWAY_DIALECTS_PROMPT_H
#define GATEWAY_DIALECTS_PROMPT_H

#include "gateway/dialects/fields.h"

/* A non-empty array of objects with `content`; absent is an error. */
enum err prompt_read_messages(
    const struct fields *, struct facts *, struct dialect_error *) MUST_USE;

/* A string, strings, tokens or arrays of tokens; a token counts as four bytes.
 * Absent is fine, empty is an error. */
enum err prompt_read_texts(const struct fields *, enum field, struct facts *,
    struct dialect_error *) MUST_USE;

/* A string, or an array of strings, messages and content parts. Whatever else
 * there is counts for nothing; absent (NULL) is fine. */
void prompt_read_content(const struct scan_member *, struct facts *);

/* Sets prefix_hash from the first KiB of the two values in a row, as they are
 * written; either may be NULL. */
void prompt_hash(const struct scan_member *first,
    const struct scan_member *second, struct facts *);

#endif
