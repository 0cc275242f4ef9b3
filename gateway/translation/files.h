/* gateway/translation/files.h - files in a request. Private to the translation.
 *
 * Strings are given and written as JSON has them, without quotes. */
#ifndef GATEWAY_TRANSLATION_FILES_H
#define GATEWAY_TRANSLATION_FILES_H

#include "gateway/lib/buf.h"
#include "gateway/lib/slice.h"

/* A part of chat with a file in it, by its name (empty: it has none) and, in
 * base64, its bytes: of that type, or (empty) a data URL as it is. */
void files_add_part(struct buf *, struct slice name, struct slice media_type,
    struct slice data);

/* Whether a data URL is one of text in base64: *base64. */
bool files_is_text(struct slice url, struct slice *base64);
/* What it says, as a string with its quotes; what is no UTF-8 becomes U+FFFD.
 * ERR_INVALID: it is no base64. */
enum err files_read_text(struct slice base64, struct buf *string) MUST_USE;

#endif
