/* gateway/lib/mask.h - takes a secret out of what somebody else has said. */
#ifndef GATEWAY_LIB_MASK_H
#define GATEWAY_LIB_MASK_H

#include "gateway/lib/slice.h"

/* What is shorter is a word like `none` or `EMPTY` that programs want in place
 * of a key, and stays. */
#define MASK_MIN 8

/* Copies as much as fits in cap bytes, NUL included, with each occurrence of
 * the secret (NULL: none) as "***". `to` may be the text's own memory. Returns
 * the bytes before the NUL. */
size_t mask_copy(char *to, size_t cap, struct slice text, const char *secret);

/* The same in place. NULL is left alone. */
void mask_text(char *text, const char *secret);
/* Of each of "name: value\n" lines, the value's last word: what stands behind
 * "Bearer". */
void mask_headers(char *text, struct slice lines);
/* Whether mask_text() would change it. */
bool mask_finds(const char *text, const char *secret);

#endif
