/* gateway/lib/slice.c - a borrowed run of bytes. */
#include "gateway/lib/slice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct slice
slice_of(const char *cstr)
{
	return (struct slice){ cstr, cstr != NULL ? strlen(cstr) : 0 };
}

struct slice
slice_make(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_is(struct slice s, const char *cstr)
{
	return slice_eq(s, slice_of(cstr));
}

bool
slice_ieq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool
slice_iis(struct slice s, const char *cstr)
{
	return slice_ieq(s, slice_of(cstr));
}

bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_eq(slice_make(s.p, prefix.n), prefix);
}

bool
slice_istarts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && slice_ieq(slice_make(s.p, prefix.n), prefix);
}

bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	    slice_eq(slice_make(s.p + s.n - suffix.n, suffix.n), suffix);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

ptrdiff_t
slice_find(struct slice s, char c)
{
	const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return hit != NULL ? hit - s.p : -1;
}

ptrdiff_t
slice_rfind(struct slice s, char c)
{
	const char *hit = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return hit != NULL ? hit - s.p : -1;
}

bool
slice_next(struct slice *rest, char sep, struct slice *part)
{
	ptrdiff_t at;

	if (rest->p == NULL)
		return false;
	at = slice_find(*rest, sep);
	if (at < 0) {
		*part = *rest;
		*rest = (struct slice){ NULL, 0 };
		return true;
	}
	*part = slice_make(rest->p, (size_t)at);
	*rest = slice_make(rest->p + at + 1, rest->n - (size_t)at - 1);
	return true;
}

bool
slice_u64(struct slice s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool
slice_double(struct slice s, double *out)
{
	char text[64], *end;
	double v;

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	/* Decimal only: strtod also takes "nan", "inf", hex and spaces. */
	if (strspn(text, "0123456789+-.eE") != s.n)
		return false;
	errno = 0;
	v = strtod(text, &end);
	if (errno != 0 || end != text + s.n)
		return false;
	*out = v;
	return true;
}

uint64_t
slice_hash(struct slice s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

size_t
slice_copy(char *to, size_t cap, struct slice s)
{
	size_t n = s.n < cap ? s.n : cap - 1;

	if (n > 0)
		memcpy(to, s.p, n);
	to[n] = '\0';
	return n;
}

char *
slice_dup(struct slice s)
{
	char *copy = malloc(s.n + 1);

	if (copy == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

bool
slice_is_word(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}
