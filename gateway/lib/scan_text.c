/* gateway/lib/scan_text.c - what validated strings and numbers mean. */
#include <string.h>

#include "gateway/lib/scan.h"
#include "gateway/lib/scan_plain.h"
#include "gateway/lib/scan_wide.h"

/* Bytes of escapes to one that they mean, at most: no longer string can mean a
 * given one, and so none has to be searched through. */
#define ESCAPE_MAX 6

/* An escape undone. */
struct plain {
	char bytes[4]; /* UTF-8 */
	size_t n;
};

static unsigned
hex4(const char *p)
{
	unsigned unit = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		unit = unit << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return unit;
}

static struct plain
encode_utf8(unsigned c)
{
	struct plain u = { .n = c < 0x80 ? 1 : c < 0x800 ? 2 : 3 };
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	if (c >= 0x10000)
		u.n = 4;
	for (size_t i = u.n - 1; i > 0; i--) {
		u.bytes[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	u.bytes[0] = (char)(lead[u.n] | c);
	return u;
}

/* What the escape of a code unit at the front of text means, and its length.
 * Half of a pair, as backends send where a token is half a character, means
 * U+FFFD. */
static unsigned
code_point(struct slice text, size_t *n)
{
	unsigned c = hex4(text.p + 2), low = 0;

	*n = 6;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c < 0xdc00 && text.n >= 12 && text.p[6] == '\\' && text.p[7] == 'u')
		low = hex4(text.p + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*n = 12;
	return 0x10000 + ((c - 0xd800) << 10) + low - 0xdc00;
}

/* The escape that *text begins with, cut off its front. */
static struct plain
take_escape(struct slice *text)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	const char *p = text->p, *letter;
	size_t n = 2;
	struct plain u;

	if (p[1] == 'u') {
		u = encode_utf8(code_point(*text, &n));
	} else {
		letter = strchr(letters, p[1]);
		u = (struct plain){ .n = 1 };
		u.bytes[0] = letter != NULL ? meanings[letter - letters] : p[1];
	}
	*text = slice_make(p + n, text->n - n);
	return u;
}

/* What stands before the next backslash, cut off the front of *text. */
static struct slice
take_run(struct slice *text)
{
	ptrdiff_t at = slice_find(*text, '\\');
	struct slice run = *text;

	if (at >= 0)
		run.n = (size_t)at;
	*text = slice_make(text->p + run.n, text->n - run.n);
	return run;
}

static struct slice
without_quotes(struct slice string)
{
	return slice_make(string.p + 1, string.n - 2);
}

void
scan_unescape(struct slice string, struct buf *out)
{
	struct slice text = without_quotes(string);
	struct plain u;

	for (;;) {
		buf_add(out, take_run(&text));
		if (text.n == 0)
			return;
		u = take_escape(&text);
		buf_add(out, slice_make(u.bytes, u.n));
	}
}

/* Each but its first byte continues one. */
static size_t
characters(struct slice plain)
{
	size_t n = 0;

	for (size_t i = 0; i < plain.n; i++)
		n += ((unsigned char)plain.p[i] & 0xc0) != 0x80;
	return n;
}

size_t
scan_characters(struct slice string)
{
	struct slice text = without_quotes(string);
	size_t n = 0;

	for (;;) {
		n += characters(take_run(&text));
		if (text.n == 0)
			return n;
		(void)take_escape(&text);
		n++;
	}
}

/* How much longer than its meaning the escape at p is; *past: behind it. */
static size_t
escape_excess(const char *p, const char *end, const char **past)
{
	size_t n = 2;
	unsigned c = 0;

	if (p[1] == 'u')
		c = code_point(slice_make(p, (size_t)(end - p)), &n);
	*past = p + n;
	return n - (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
}

bool
scan_text_part(struct scan_walk *w, const char *until, size_t *means)
{
	const unsigned char *end = (const unsigned char *)until;
	const char *from = w->p, *p = from;
	size_t excess = 0;

	for (;;) {
		p = (const char *)scan_stop(
		    scan_wide_text((const unsigned char *)p, end, &excess),
		    end);
		if (p >= until || *p == '"')
			break;
		while (p < until && *p == '\\')
			excess += escape_excess(p, w->end, &p);
	}
	*means += (size_t)(p - from) - excess;
	w->p = p < until ? p + 1 : p;
	return p < until;
}

size_t
scan_walk_text(struct scan_walk *w)
{
	size_t means = 0;

	w->p++;
	(void)scan_text_part(w, w->end, &means);
	return means;
}

size_t
scan_text_length(struct slice string)
{
	struct scan_walk w = scan_walk_at(string);

	return scan_walk_text(&w);
}

static bool
text_is(struct slice text, struct slice plain)
{
	struct slice part;
	struct plain u;

	while (text.n > 0) {
		if (text.p[0] == '\\') {
			u = take_escape(&text);
			part = slice_make(u.bytes, u.n);
		} else {
			part = take_run(&text);
		}
		if (!slice_starts(plain, part))
			return false;
		plain = slice_make(plain.p + part.n, plain.n - part.n);
	}
	return plain.n == 0;
}

bool
scan_key_is(const struct scan_member *m, const char *name)
{
	struct slice plain;

	/* most keys are told by their first byte, in which one that has
	 * escapes may have one */
	if (m->key.n > 0 && m->key.p[0] != name[0] && m->key.p[0] != '\\')
		return false;
	plain = slice_of(name);
	/* an escape is longer than what it stands for: without one the
	 * lengths are equal, with one they are not */
	if (m->key.n == plain.n)
		return slice_eq(m->key, plain) && slice_find(plain, '\\') < 0;
	return m->key.n > plain.n && m->key.n <= ESCAPE_MAX * plain.n &&
	    slice_find(m->key, '\\') >= 0 && text_is(m->key, plain);
}

bool
scan_string_is(const struct scan_member *m, const char *text)
{
	struct slice plain = slice_of(text);

	return m->type == SCAN_STRING &&
	    m->value.n <= ESCAPE_MAX * plain.n + 2 &&
	    text_is(without_quotes(m->value), plain);
}

bool
scan_nonempty_string(const struct scan_member *m)
{
	return m->type == SCAN_STRING && m->value.n > 2;
}

bool
scan_has_elements(const struct scan_member *m)
{
	struct scan_walk w = scan_walk_at(m->value);
	enum scan_type type;

	if (m->type != SCAN_ARRAY)
		return false;
	scan_walk_enter(&w);
	return scan_walk_element(&w, &type);
}

#define INTEGER_MAX (UINT64_C(1) << 53)

bool
scan_u64(struct slice number, uint64_t *out)
{
	uint64_t v;
	double d;

	if (!slice_u64(number, &v)) {
		if (!slice_double(number, &d) || d < 0 ||
		    d > (double)INTEGER_MAX)
			return false;
		v = (uint64_t)d;
		if ((double)v != d)
			return false;
	}
	if (v > INTEGER_MAX)
		return false;
	*out = v;
	return true;
}

struct slice
scan_inside(const struct scan_member *m)
{
	if (m == NULL || m->type != SCAN_STRING)
		return SLICE("");
	return slice_make(m->value.p + 1, m->value.n - 2);
}
