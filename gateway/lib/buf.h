/* gateway/lib/buf.h - bytes being built.
 *
 * The cap is set at buf_init() and never passed. The first error sticks: later
 * additions do nothing, so a caller may add freely and ask buf_err() once. */
#ifndef GATEWAY_LIB_BUF_H
#define GATEWAY_LIB_BUF_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

struct buf {
	char *p;
	size_t n; /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes allowed */
	enum err err;
};

void buf_init(struct buf *, size_t max);
/* Fixed memory of n bytes, not ours: nothing is allocated. No buf_fini(). */
void buf_on(struct buf *, char *memory, size_t n);
void buf_fini(struct buf *);
/* Empties, keeps the memory and the cap, forgets the error. */
void buf_reset(struct buf *);

/* Makes room for n more bytes; false (and a sticking error) past the cap. */
bool buf_reserve(struct buf *, size_t n);
/* The same where nothing comes after those n: no room to grow. */
bool buf_reserve_exactly(struct buf *, size_t n);
void buf_add(struct buf *, struct slice);
void buf_add_str(struct buf *, const char *cstr);
void buf_add_char(struct buf *, char c);
void buf_addf(struct buf *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As a quoted JSON string; invalid UTF-8 becomes U+FFFD. */
void buf_add_json(struct buf *, struct slice);
/* Drops n bytes from the front. */
void buf_consume(struct buf *, size_t n);

struct slice buf_slice(const struct buf *);
enum err buf_err(const struct buf *) MUST_USE;
/* The bytes, ending in NUL (not counted); the caller frees. NULL on error.
 * The buf is empty afterwards. */
char *buf_take(struct buf *, size_t *n);

#endif
