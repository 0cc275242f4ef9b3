/* gateway/lib/scan.h - JSON read in place, without building a tree.
 *
 * scan_object() validates a whole document (RFC 8259, strict: no trailing
 * commas, no comments, valid UTF-8, valid escapes, no NUL, depth at most
 * SCAN_DEPTH_MAX) in one pass and records where its top-level members are.
 * The cursors then walk values that have been validated. Whatever jansson
 * accepts, with JSON_DISABLE_EOF_CHECK off, is accepted here, but for depth. */
#ifndef GATEWAY_LIB_SCAN_H
#define GATEWAY_LIB_SCAN_H

#include "gateway/lib/buf.h"

#define SCAN_DEPTH_MAX 256

enum scan_type {
	SCAN_STRING,
	SCAN_NUMBER,
	SCAN_OBJECT,
	SCAN_ARRAY,
	SCAN_TRUE,
	SCAN_FALSE,
	SCAN_NULL
};

/* All slices point into the document. */
struct scan_member {
	struct slice key; /* between its quotes, escapes not undone */
	struct slice value; /* as written; a string includes its quotes */
	struct slice whole; /* from the key's quote to the value's last byte */
	enum scan_type type;
};

/* Members in document order; the first `cap` are stored, *n counts all.
 * ERR_SYNTAX with "line 3, column 14: ..." in *why; ERR_INVALID when the
 * document is JSON but not an object. */
enum err scan_object(struct slice json, struct scan_member *members, size_t cap,
    size_t *n, struct errmsg *why) MUST_USE;

/* Escapes in the key are understood. */
bool scan_key_is(const struct scan_member *, const char *name);
/* The first member of that name among members[0..n), or NULL. */
const struct scan_member *scan_find(
    const struct scan_member *members, size_t n, const char *name);

/* Cursors over validated JSON. *rest starts as the whole object or array (with
 * its brackets) and is advanced; false at the end. */
bool scan_next_member(struct slice *rest, struct scan_member *out);
bool scan_next_element(
    struct slice *rest, struct slice *value, enum scan_type *type);
/* The member `name` of a validated object value; false: none. */
bool scan_get(struct slice object, const char *name, struct scan_member *out);

/* A string value (with its quotes) as plain bytes appended to *out. */
void scan_unescape(struct slice string, struct buf *out);
/* True for a string of at least one character. */
bool scan_nonempty_string(const struct scan_member *);
/* The unsigned integer a number value holds; false for a fraction, a negative
 * or one beyond 2^53. */
bool scan_u64(struct slice number, uint64_t *out);

#endif
