/* gateway/lib/scan.c - validates a JSON document in one pass.
 *
 * A state machine over an explicit stack of one bit per open bracket, so that
 * no document can exhaust the C stack. Invariant: everything before the place
 * that is being read is the start of some valid document.
 *
 * A slice ends between two tokens, or between two characters of a string. */
#include "gateway/lib/scan.h"

#include <stdlib.h>

#include "gateway/lib/hex.h"
#include "gateway/lib/scan_plain.h"
#include "gateway/lib/scan_wide.h"
#include "gateway/lib/utf8.h"

typedef const unsigned char *place;

/* What may come next. */
enum want {
	WANT_VALUE,
	WANT_ELEMENT_OR_END, /* just after '[' */
	WANT_KEY,
	WANT_KEY_OR_END, /* just after '{' */
	WANT_COMMA_OR_END, /* after a value inside brackets */
	WANT_REST, /* of a string in which a slice has ended */
	WANT_NOTHING, /* the document is complete */
	WANT_FAILED
};

struct scan {
	place begin, p, end;
	place until; /* in strings: the end of this slice */
	enum want want; /* between two slices */
	const char *problem; /* what is wrong at p, once WANT_FAILED */
	unsigned depth; /* open brackets */
	bool in_key;
	uint64_t objects[SCAN_DEPTH_MAX / 64]; /* bit: that level is a '{' */
	enum scan_type top;
	struct scan_member *members, member; /* the latter is being read */
	size_t cap, n;
};

static place
bad(struct scan *s, place p, const char *problem)
{
	s->p = p;
	s->problem = problem;
	return NULL;
}

/* --- tokens: from their first byte to just behind them; NULL: bad --- */

/* The code unit of "\uXXXX" at p, or -1. */
static int
unicode_escape(place p, place end)
{
	int unit = 0, digit;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		digit = hex_value(p[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static place
read_unicode(struct scan *s, place p)
{
	int unit = unicode_escape(p, s->end), low;

	if (unit < 0)
		return bad(s, p, "\\u wants four hexadecimal digits");
	if (unit == 0 && s->in_key)
		return bad(s, p, "\\u0000 is not allowed in a key");
	if (unit < 0xd800 || unit > 0xdfff)
		return p + 6;
	low = unit < 0xdc00 ? unicode_escape(p + 6, s->end) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return bad(s, p, "half of a surrogate pair");
	return p + 12;
}

static place
read_escape(struct scan *s, place p)
{
	switch (s->end - p > 1 ? p[1] : '\0') {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		return read_unicode(s, p);
	}
	return bad(s, p, "unknown escape in a string");
}

/* U+1000 to U+CFFF, and beyond the surrogates: three bytes, no special case. */
static inline bool
is_common(place p, place end)
{
	return end - p >= 3 && p[0] > 0xe0 && p[0] < 0xf0 && p[0] != 0xed &&
	    (p[1] & p[2] & 0x80) != 0 && ((p[1] | p[2]) & 0x40) == 0;
}

static place
read_utf8(struct scan *s, place p)
{
	size_t n;

	while (p < s->until && *p >= 0x80) {
		n = is_common(p, s->end) ? 3
					 : utf8_length(p, (size_t)(s->end - p));
		if (n == 0)
			return bad(s, p, "invalid UTF-8");
		p += n;
	}
	return p;
}

#define SOON 32 /* bytes: most strings are no longer */

/* To what has to be looked at. Short strings are over soon; the wide way is
 * for those that are not, or not plain. */
static place
pass(place p, place end)
{
	p = scan_plain(p, end - p > SOON ? p + SOON : end);
	if (p < end && *p != '"')
		p = scan_plain(scan_wide(p, end), end);
	return p;
}

/* p is inside it. NULL also where the slice ends there. */
static place
read_string(struct scan *s, place p)
{
	do {
		if (p < s->until)
			p = pass(p, s->until);
		if (p >= s->until) {
			if (p == s->end)
				return bad(s, p, "unterminated string");
			s->p = p;
			return NULL;
		}
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			do
				p = read_escape(s, p);
			while (p != NULL && p < s->until && *p == '\\');
		else if (*p >= 0x80)
			p = read_utf8(s, p);
		else
			p = bad(s, p, "control character in a string");
	} while (p != NULL);
	return NULL;
}

static bool
is_digit(place p, place end)
{
	return p < end && *p >= '0' && *p <= '9';
}

static place
read_digits(struct scan *s, place p)
{
	if (!is_digit(p, s->end))
		return bad(s, p, "expected a digit");
	p = scan_digits(p, s->end);
	while (is_digit(p, s->end))
		p++;
	return p;
}

static place
read_number(struct scan *s, place p)
{
	p += *p == '-';
	if (p < s->end && *p == '0')
		p++;
	else
		p = read_digits(s, p);
	if (p != NULL && p < s->end && *p == '.')
		p = read_digits(s, p + 1);
	if (p != NULL && p < s->end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < s->end && (*p == '+' || *p == '-');
		p = read_digits(s, p);
	}
	return p;
}

static place
read_word(struct scan *s, place p, struct slice word)
{
	if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
		return bad(s, p, "expected a value");
	return p + word.n;
}

/* --- structure --- */

static struct slice
between(place from, place to)
{
	return slice_make((const char *)from, (size_t)(to - from));
}

static bool
in_object(const struct scan *s)
{
	unsigned level = s->depth - 1;

	return (s->objects[level / 64] >> level % 64 & 1) != 0;
}

static enum want
open_bracket(struct scan *s, bool object)
{
	uint64_t bit = UINT64_C(1) << s->depth % 64;

	if (s->depth == SCAN_DEPTH_MAX) {
		s->problem = "nested too deep";
		return WANT_FAILED;
	}
	if (object)
		s->objects[s->depth / 64] |= bit;
	else
		s->objects[s->depth / 64] &= ~bit;
	s->depth++;
	s->p++;
	return object ? WANT_KEY_OR_END : WANT_ELEMENT_OR_END;
}

/* p is just behind a value. */
static enum want
end_value(struct scan *s, place p)
{
	struct scan_member *m = &s->member;

	s->p = p;
	if (s->depth == 0)
		return WANT_NOTHING;
	if (s->depth == 1 && s->top == SCAN_OBJECT) {
		m->value = between((place)m->value.p, p);
		m->whole = between((place)m->whole.p, p);
		if (s->n < s->cap)
			s->members[s->n] = *m;
		s->n++;
	}
	return WANT_COMMA_OR_END;
}

static enum want
close_bracket(struct scan *s)
{
	s->depth--;
	return end_value(s, s->p + 1);
}

/* Where a token was not read to its end. */
static enum want
stopped(const struct scan *s)
{
	return s->problem != NULL ? WANT_FAILED : WANT_REST;
}

static enum want
read_value(struct scan *s)
{
	place from = s->p, p = from;
	enum scan_type type;

	switch (*p) {
	case '"':
		type = SCAN_STRING;
		p = read_string(s, p + 1);
		break;
	case '{':
		type = SCAN_OBJECT;
		break;
	case '[':
		type = SCAN_ARRAY;
		break;
	case 't':
		type = SCAN_TRUE;
		p = read_word(s, p, SLICE("true"));
		break;
	case 'f':
		type = SCAN_FALSE;
		p = read_word(s, p, SLICE("false"));
		break;
	case 'n':
		type = SCAN_NULL;
		p = read_word(s, p, SLICE("null"));
		break;
	default:
		type = SCAN_NUMBER;
		if (*p == '-' || is_digit(p, s->end))
			p = read_number(s, p);
		else
			p = bad(s, p, "expected a value");
	}
	if (s->depth == 0)
		s->top = type;
	if (s->depth == 1) {
		s->member.type = type;
		s->member.value.p = (const char *)from;
	}
	if (p == NULL)
		return stopped(s);
	if (type == SCAN_OBJECT || type == SCAN_ARRAY)
		return open_bracket(s, type == SCAN_OBJECT);
	return end_value(s, p);
}

/* p is just behind it. */
static enum want
end_key(struct scan *s, place p)
{
	s->in_key = false;
	if (s->depth == 1)
		s->member.key = between((place)s->member.whole.p + 1, p - 1);
	s->p = scan_space(p, s->end);
	if (s->p == s->end || *s->p != ':') {
		s->problem = "expected ':' after a key";
		return WANT_FAILED;
	}
	s->p++;
	return WANT_VALUE;
}

static enum want
read_key(struct scan *s)
{
	place p = s->p;

	if (*p != '"') {
		s->problem = "expected a key in double quotes";
		return WANT_FAILED;
	}
	if (s->depth == 1)
		s->member.whole.p = (const char *)p;
	s->in_key = true;
	p = read_string(s, p + 1);
	return p != NULL ? end_key(s, p) : stopped(s);
}

static enum want
read_rest(struct scan *s)
{
	place p = read_string(s, s->p);

	if (p == NULL)
		return stopped(s);
	return s->in_key ? end_key(s, p) : end_value(s, p);
}

static enum want
read_comma_or_end(struct scan *s)
{
	bool object = in_object(s);

	if (*s->p == ',') {
		s->p++;
		return object ? WANT_KEY : WANT_VALUE;
	}
	if (*s->p == (object ? '}' : ']'))
		return close_bracket(s);
	s->problem = object ? "expected ',' or '}'" : "expected ',' or ']'";
	return WANT_FAILED;
}

static inline enum want
step(struct scan *s, enum want want)
{
	s->p = scan_space(s->p, s->end);
	if (s->p == s->end) {
		s->problem = "the document ends too early";
		return WANT_FAILED;
	}
	switch (want) {
	case WANT_KEY_OR_END:
		return *s->p == '}' ? close_bracket(s) : read_key(s);
	case WANT_KEY:
		return read_key(s);
	case WANT_ELEMENT_OR_END:
		return *s->p == ']' ? close_bracket(s) : read_value(s);
	case WANT_VALUE:
		return read_value(s);
	case WANT_COMMA_OR_END:
		return read_comma_or_end(s);
	case WANT_REST:
	case WANT_NOTHING:
	case WANT_FAILED:
		break;
	}
	return WANT_FAILED;
}

/* Only space may be left. */
static bool
is_good(struct scan *s)
{
	if (s->want == WANT_FAILED)
		return false;
	s->p = scan_space(s->p, s->end);
	if (s->p == s->end)
		return true;
	s->problem = "something follows the document";
	return false;
}

#define PLACE_MAX ((ptrdiff_t)1 << 20) /* bytes that are counted through */

/* All count from 1; a column is a code point. */
static enum err
explain(const struct scan *s, struct errmsg *why)
{
	size_t line = 1, column = 1;

	if (s->p - s->begin > PLACE_MAX)
		return fail(why, ERR_SYNTAX, "byte %zu: %s",
		    (size_t)(s->p - s->begin) + 1, s->problem);
	for (place p = s->begin; p < s->p; p++) {
		if (*p == '\n') {
			line++;
			column = 1;
		} else if ((*p & 0xc0) != 0x80) {
			column++;
		}
	}
	return fail(why, ERR_SYNTAX, "line %zu, column %zu: %s", line, column,
	    s->problem);
}

static struct scan
scan_of(struct slice json, struct scan_member *members, size_t cap)
{
	place begin = (place)(json.n > 0 ? json.p : "");

	return (struct scan){
		.begin = begin,
		.p = begin,
		.end = begin + json.n,
		.until = begin + json.n,
		.want = WANT_VALUE,
		.members = members,
		.cap = cap,
	};
}

enum err
scan_object(struct slice json, struct scan_member *members, size_t cap,
    size_t *n, struct errmsg *why)
{
	struct scan s = scan_of(json, members, cap);
	enum want want = WANT_VALUE;

	while (want < WANT_NOTHING)
		want = step(&s, want);
	s.want = want;
	return scan_end(&s, n, why);
}

/* --- a slice at a time --- */

struct scan *
scan_new(struct slice json, struct scan_member *members, size_t cap)
{
	struct scan *s = malloc(sizeof(*s));

	if (s != NULL)
		*s = scan_of(json, members, cap);
	return s;
}

void
scan_free(struct scan **sp)
{
	free(*sp);
	*sp = NULL;
}

bool
scan_more(struct scan *s, size_t n)
{
	size_t left = (size_t)(s->end - s->p);

	s->until = s->p + (left < n ? left : n);
	if (s->want == WANT_REST)
		s->want = read_rest(s);
	while (s->want < WANT_REST && (s->p < s->until || s->p == s->end))
		s->want = step(s, s->want);
	return s->want < WANT_NOTHING;
}

enum err
scan_end(struct scan *s, size_t *n, struct errmsg *why)
{
	bool good = is_good(s);

	if (good && s->top == SCAN_OBJECT) {
		*n = s->n;
		return OK;
	}
	if (why == NULL)
		return good ? ERR_INVALID : ERR_SYNTAX;
	return good ? fail(why, ERR_INVALID, "want an object")
		    : explain(s, why);
}
