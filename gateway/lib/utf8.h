/* gateway/lib/utf8.h - well-formed UTF-8, after RFC 3629. */
#ifndef GATEWAY_LIB_UTF8_H
#define GATEWAY_LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Length of the sequence at p, which has n > 0 bytes left; 0 where it is cut
 * short, overlong, a surrogate or beyond U+10FFFF. */
static inline size_t
utf8_length(const unsigned char *p, size_t n)
{
	unsigned char c = p[0], lo = 0x80, hi = 0xbf;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c < 0xe0)
		return n >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (c == 0xe0)
		lo = 0xa0;
	else if (c == 0xed)
		hi = 0x9f;
	else if (c == 0xf0)
		lo = 0x90;
	else if (c == 0xf4)
		hi = 0x8f;
	if (n < 3 || p[1] < lo || p[1] > hi || (p[2] & 0xc0) != 0x80)
		return 0;
	if (c < 0xf0)
		return 3;
	return n >= 4 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
}

/* How much of n bytes fits in `most` without half a character at the end. */
static inline size_t
utf8_cut(const char *p, size_t n, size_t most)
{
	if (n <= most)
		return n;
	for (n = most; n > 0 && (p[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

/* Makes '?' of each byte that is no part of a character. */
static inline void
utf8_mend(char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = utf8_length(p + i, n - i);
		if (len == 0) {
			text[i] = '?';
			len = 1;
		}
	}
}

/* Whether it can be logged, and no line's end or NUL hides in it. */
static inline bool
utf8_is_text(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	for (size_t i = 0; i < size; i += n) {
		n = utf8_length(p + i, size - i);
		if (n == 0 || p[i] < ' ')
			return false;
	}
	return true;
}

/* Makes '?' also of what a terminal takes for a command: control characters,
 * those of two bytes (C1) too, but for those in `but`. */
static inline void
utf8_calm(char *text, size_t n, const char *but)
{
	unsigned char c;

	utf8_mend(text, n);
	for (size_t i = 0; i < n; i++) {
		c = (unsigned char)text[i];
		if (c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)
			text[i] = text[i + 1] = '?';
		else if ((c < ' ' || c == 0x7f) &&
		    (c == '\0' || strchr(but, c) == NULL))
			text[i] = '?';
	}
}

#endif
