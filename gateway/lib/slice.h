/* gateway/lib/slice.h - a borrowed run of bytes.
 *
 * Never owns, never ends in NUL by promise. The empty slice may have a NULL
 * pointer. */
#ifndef GATEWAY_LIB_SLICE_H
#define GATEWAY_LIB_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *p;
	size_t n;
};

/* For literals: SLICE("abc"). */
#define SLICE(lit) ((struct slice){ (lit), sizeof(lit) - 1 })
/* For printf: "%.*s", SLICE_ARG(s); so many bytes of it at most. */
#define SLICE_ARG(s) (int)(s).n, (s).p
#define SLICE_SHORT(s, max) (int)((s).n < (max) ? (s).n : (max)), (s).p

struct slice slice_of(const char *cstr); /* NULL is empty */
struct slice slice_make(const char *p, size_t n);

bool slice_eq(struct slice, struct slice);
bool slice_is(struct slice, const char *cstr);
/* ASCII case is ignored; for header names and the like. */
bool slice_ieq(struct slice, struct slice);
bool slice_iis(struct slice, const char *cstr);
bool slice_starts(struct slice, struct slice prefix);
bool slice_istarts(struct slice, struct slice prefix);
bool slice_ends(struct slice, struct slice suffix);

/* Without leading and trailing space, tab, CR, LF. */
struct slice slice_trim(struct slice);
/* Offset of the first (last) `c`, or -1. */
ptrdiff_t slice_find(struct slice, char c);
ptrdiff_t slice_rfind(struct slice, char c);
/* Cuts up to the next `sep` off the front of *rest; false when none is left.
 * "a,,b" gives "a", "", "b". */
bool slice_next(struct slice *rest, char sep, struct slice *part);

/* The whole slice as a number; false where it is not one or out of range. */
bool slice_u64(struct slice, uint64_t *out);
bool slice_double(struct slice, double *out);

/* FNV-1a, 64 bits: for tables whose keys the operator chose, not strangers. */
uint64_t slice_hash(struct slice);

/* As much as fits, and a NUL; how many bytes that are, without it. For what is
 * copied with every request: a twentieth of what printf() takes. cap > 0. */
size_t slice_copy(char *to, size_t cap, struct slice);
/* A heap copy that ends in NUL; NULL without memory. */
char *slice_dup(struct slice);

/* Whether it is one word of visible ASCII, as a header's value may be. */
bool slice_is_word(struct slice);

#endif
