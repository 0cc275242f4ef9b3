/* gateway/translation/files.c - files in a request. */
#include "gateway/translation/files.h"

#include <ctype.h>

#include "gateway/lib/count.h"

#define HEAD_MAX 128 /* of a data URL, up to its comma */

void
files_add_part(struct buf *out, struct slice name, struct slice media_type,
    struct slice data)
{
	buf_add_str(out, "{\"type\":\"file\",\"file\":{");
	if (name.n > 0) {
		buf_add_str(out, "\"filename\":\"");
		buf_add(out, name);
		buf_add_str(out, "\",");
	}
	buf_add_str(out, "\"file_data\":\"");
	if (media_type.n > 0) {
		buf_add_str(out, "data:");
		buf_add(out, media_type);
		buf_add_str(out, ";base64,");
	}
	buf_add(out, data);
	buf_add_str(out, "\"}}");
}

/* --- text --- */

/* Whether it begins so; slashes may be escaped, as some write them. */
static bool
begins(struct slice s, const char *with)
{
	for (size_t i = 0; *with != '\0'; i++) {
		if (i < s.n && s.p[i] == '\\')
			continue;
		if (i >= s.n || tolower((unsigned char)s.p[i]) != *with++)
			return false;
	}
	return true;
}

bool
files_is_text(struct slice url, struct slice *base64)
{
	static const char *const texts[] = { "data:text/",
		"data:application/json;" };
	struct slice head =
	    slice_make(url.p, url.n < HEAD_MAX ? url.n : HEAD_MAX);
	ptrdiff_t comma = slice_find(head, ',');
	bool text = false;

	if (comma < 0)
		return false;
	head.n = (size_t)comma;
	for (size_t i = 0; i < COUNT(texts); i++)
		text |= begins(head, texts[i]);
	*base64 = slice_make(url.p + (comma + 1), url.n - (size_t)comma - 1);
	return text && slice_ends(head, SLICE(";base64"));
}

static int
sextet_of(char c)
{
#define X -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
	static const signed char values[256] = { X, X, -1, -1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1, 62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57,
		58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6,
		7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
		24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33,
		34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49,
		50, 51, -1, -1, -1, -1, -1, X, X, X, X, X, X, X, X };
#undef X

	return values[(unsigned char)c];
}

/* The next of its characters, cut off the front: of escapes only those of a
 * slash and of line ends are of base64. '\0': one that is not. */
static char
next_character(struct slice *s)
{
	char c = s->p[0];
	size_t n = 1;

	if (c == '\\' && s->n > 1) {
		n = 2;
		c = s->p[1];
		if (c != '/')
			c = c == 'n' || c == 'r' || c == 't' ? ' ' : '\0';
	}
	*s = slice_make(s->p + n, s->n - n);
	return c;
}

/* As many whole groups of four characters as stand there, nearly all. */
static void
decode_groups(struct slice *s, struct buf *out)
{
	const char *p = s->p, *end = p + s->n / 4 * 4;
	char *to = out->p + out->n;

	for (; p < end; p += 4) {
		int a = sextet_of(p[0]), b = sextet_of(p[1]);
		int c = sextet_of(p[2]), d = sextet_of(p[3]);

		if ((a | b | c | d) < 0)
			break;
		*to++ = (char)(a << 2 | b >> 4);
		*to++ = (char)((b & 15) << 4 | c >> 2);
		*to++ = (char)((c & 3) << 6 | d);
	}
	*s = slice_make(p, s->n - (size_t)(p - s->p));
	out->n = (size_t)(to - out->p);
}

static enum err
decode(struct slice s, struct buf *out)
{
	uint32_t bits = 0;
	unsigned n = 0; /* of them */
	bool ended = false;

	if (!buf_reserve_exactly(out, s.n / 4 * 3 + 3))
		return buf_err(out);
	while (s.n > 0) {
		char c;
		int six;

		if (n == 0 && !ended)
			decode_groups(&s, out);
		if (s.n == 0)
			break;
		c = next_character(&s);
		six = sextet_of(c);
		if (c == ' ' || c == '=') {
			ended |= c == '=';
			continue;
		}
		if (six < 0 || ended)
			return ERR_INVALID;
		bits = bits << 6 | (uint32_t)six;
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_add_char(out, (char)(bits >> n & 0xff));
		}
	}
	return buf_err(out);
}

enum err
files_read_text(struct slice base64, struct buf *string)
{
	struct buf bytes;
	enum err rc;

	buf_init(&bytes, base64.n + 3);
	rc = decode(base64, &bytes);
	if (rc == OK)
		buf_add_json(string, buf_slice(&bytes));
	buf_fini(&bytes);
	return rc == OK ? buf_err(string) : rc;
}
