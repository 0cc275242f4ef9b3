/* gateway/lib/buf.c - bytes being built. */
#include "gateway/lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/utf8.h"

#define BUF_FIRST 256 /* smallest allocation, bytes */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void
buf_on(struct buf *b, char *memory, size_t n)
{
	/* the last byte is for the NUL of buf_addf() */
	*b = (struct buf){ .p = memory, .cap = n - 1, .max = n - 1 };
}

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->err = OK;
}

static bool
resize(struct buf *b, size_t cap)
{
	char *p = realloc(b->p, cap + 1); /* the NUL of buf_addf, buf_take */

	if (p == NULL) {
		b->err = ERR_MEMORY;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

/* False where it does not fit under the cap. */
static bool
may_grow(struct buf *b, size_t n)
{
	if (b->err == OK && n > b->max - b->n)
		b->err = ERR_LIMIT;
	return b->err == OK;
}

bool
buf_reserve(struct buf *b, size_t n)
{
	size_t want, cap;

	if (!may_grow(b, n))
		return false;
	want = b->n + n;
	if (want <= b->cap)
		return true;
	cap = b->cap > 0 ? b->cap : BUF_FIRST;
	while (cap < want)
		cap += cap < (1u << 20) ? cap : cap / 4;
	return resize(b, cap < b->max ? cap : b->max);
}

bool
buf_reserve_exactly(struct buf *b, size_t n)
{
	return may_grow(b, n) && (b->n + n <= b->cap || resize(b, b->n + n));
}

void
buf_add(struct buf *b, struct slice s)
{
	if (s.n == 0 || !buf_reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_add_str(struct buf *b, const char *cstr)
{
	buf_add(b, slice_of(cstr));
}

void
buf_add_char(struct buf *b, char c)
{
	buf_add(b, slice_make(&c, 1));
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n <= 0 || !buf_reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

/* ASCII that stands in a string as it is. */
static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void
add_escape(struct buf *b, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	if (c >= 0x80) {
		buf_add_str(b, "\\ufffd");
	} else if (c == '"' || c == '\\') {
		buf_add_char(b, '\\');
		buf_add_char(b, (char)c);
	} else if (c == '\n') {
		buf_add_str(b, "\\n");
	} else {
		buf_add_str(b, "\\u00");
		buf_add_char(b, digits[c >> 4]);
		buf_add_char(b, digits[c & 15]);
	}
}

/* What needs no escape is copied in runs. */
void
buf_add_json(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t run = 0, i = 0, len;

	buf_add_char(b, '"');
	while (i < s.n) {
		len = is_plain(p[i]) ? 1
		    : p[i] < 0x80    ? 0
				     : utf8_length(p + i, s.n - i);
		if (len > 0) {
			i += len;
			continue;
		}
		buf_add(b, slice_make(s.p + run, i - run));
		add_escape(b, p[i]);
		run = ++i;
	}
	buf_add(b, slice_make(s.p + run, s.n - run));
	buf_add_char(b, '"');
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

struct slice
buf_slice(const struct buf *b)
{
	return slice_make(b->p, b->n);
}

enum err
buf_err(const struct buf *b)
{
	return b->err;
}

char *
buf_take(struct buf *b, size_t *n)
{
	char *p = NULL;

	if (b->err == OK) {
		p = b->p != NULL ? b->p : malloc(1);
		b->p = NULL;
	}
	if (p != NULL)
		p[b->n] = '\0';
	if (p != NULL && n != NULL)
		*n = b->n;
	buf_fini(b);
	return p;
}
