/* gateway/lib/scan.h - JSON read in place, without building a tree.
 *
 * scan_object() validates a whole document (RFC 8259, strict: no trailing
 * commas, no comments, valid UTF-8, valid escapes, no NUL but as \u0000 in a
 * value, depth at most SCAN_DEPTH_MAX) in one pass and records where its
 * top-level members are. The cursors then walk values that have been validated.
 * Whatever jansson 2.14 accepts (json_loadb, JSON_ALLOW_NUL) is accepted here,
 * but for depth and a NUL byte after a number or word, which slips through
 * there; of what jansson refuses, only numbers beyond its range are
 * accepted. */
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

/* Members in document order, duplicates included; the first `cap` are stored,
 * *n counts all. ERR_SYNTAX with "line 3, column 14: ..." in *why (a column is
 * a code point), beyond a MiB with "byte 1048600: ...", for which nothing is
 * counted; ERR_INVALID when the document is JSON but not an object. On failure
 * *n is untouched, `members` may not be. */
enum err scan_object(struct slice json, struct scan_member *members, size_t cap,
    size_t *n, struct errmsg *why) MUST_USE;

/* The same of a long document, a slice at a time; document and members stay
 * where they are meanwhile. NULL: no memory. */
struct scan;
struct scan *scan_new(
    struct slice json, struct scan_member *members, size_t cap);
void scan_free(struct scan **);
/* So many bytes more, of a long string no more than those. False: that was
 * all. */
#define SCAN_SLICE ((size_t)512 << 10)
bool scan_more(struct scan *, size_t n);
/* Then: as scan_object(). why NULL: it is not asked for. */
enum err scan_end(struct scan *, size_t *n, struct errmsg *why) MUST_USE;

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

/* A walk over validated JSON that reads each byte once: where a cursor first
 * finds the end of a member, a walk enters it. It always stands at a value or,
 * inside brackets, behind one. */
struct scan_walk {
	const char *p, *end;
};
struct scan_walk scan_walk_at(struct slice value);
/* Into the object or array that it stands at. */
void scan_walk_enter(struct scan_walk *);
/* To the value of the next member, or to the next element; false at the end of
 * the object or array, which has then been left. Only key and type are set. */
bool scan_walk_member(struct scan_walk *, struct scan_member *out);
bool scan_walk_element(struct scan_walk *, enum scan_type *);
/* Over the value that it stands at; over a string, giving the number of bytes
 * that it means. */
struct slice scan_walk_skip(struct scan_walk *);
size_t scan_walk_text(struct scan_walk *);

/* The same a part at a time: of a value however long, or of the key that
 * scan_walk_element() finds in an object. Then scan_walk_colon() goes on to the
 * key's value. */
struct scan_pass { /* all zero before the first part */
	size_t depth; /* open brackets */
	size_t means; /* bytes; of a string */
	bool in_string;
};
/* Not much beyond `until`; true: it has been passed. */
bool scan_walk_pass(struct scan_walk *, struct scan_pass *, const char *until);
enum scan_type scan_walk_colon(struct scan_walk *);
/* Inside a string: adds the bytes that what is up to `until` means. True: it
 * stands behind the closing quote. */
bool scan_text_part(struct scan_walk *, const char *until, size_t *means);

/* A string value (with its quotes) as plain bytes appended to *out. Half of a
 * surrogate pair, which is not valid but may have been let pass, is U+FFFD. */
void scan_unescape(struct slice string, struct buf *out);
/* How many bytes scan_unescape() would append. */
size_t scan_text_length(struct slice string);
/* And how many code points those are. */
size_t scan_characters(struct slice string);
/* What stands between the quotes of a string, escapes not undone; empty: it is
 * none, or NULL. */
struct slice scan_inside(const struct scan_member *);
/* True for a string that means `text`; escapes are understood. */
bool scan_string_is(const struct scan_member *, const char *text);
/* True for a string of at least one character; an array of at least one
 * element. */
bool scan_nonempty_string(const struct scan_member *);
bool scan_has_elements(const struct scan_member *);
/* The unsigned integer a number value holds, 1.0 and 1e3 included; false for a
 * fraction, a negative or one beyond 2^53. */
bool scan_u64(struct slice number, uint64_t *out);

#endif
