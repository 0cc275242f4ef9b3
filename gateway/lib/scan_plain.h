/* gateway/lib/scan_plain.h - the quick way through a JSON string.
 *
 * scan_plain() passes what needs no validation: ASCII, but quotes, backslashes
 * and control characters. scan_stop() is for strings that have been validated:
 * only quotes and backslashes stop it, as scan_either() any two bytes. All are
 * twins that agree on every input: SSE2 where the target has it, else eight
 * bytes to a word. */
#ifndef GATEWAY_LIB_SCAN_PLAIN_H
#define GATEWAY_LIB_SCAN_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define SCAN_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* After "Bit Twiddling Hacks" (Anderson): a borrow may mark a byte above one
 * that is truly zero, so the answer holds for the word, not for each byte. */
static inline uint64_t
scan_word_has_zero(uint64_t w)
{
	return (w - SCAN_EACH(0x01)) & ~w & SCAN_EACH(0x80);
}

static inline bool
scan_word_is_plain(uint64_t w)
{
	uint64_t control = (w - SCAN_EACH(0x20)) & ~w & SCAN_EACH(0x80);

	return (control | (w & SCAN_EACH(0x80)) |
		   scan_word_has_zero(w ^ SCAN_EACH('"')) |
		   scan_word_has_zero(w ^ SCAN_EACH('\\'))) == 0;
}

/* Past digits, as long as there are eight in a row. */
static inline const unsigned char *
scan_digits(const unsigned char *p, const unsigned char *end)
{
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, sizeof(w));
		/* '0' to '9' are those with a high nibble of 3 that still have
		 * it six higher; what carries into the next is none */
		if ((w & (w + SCAN_EACH(0x06)) & SCAN_EACH(0xf0)) !=
		    SCAN_EACH(0x30))
			break;
	}
	return p;
}

static inline bool
scan_is_space(unsigned char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The first byte from p on that is not plain, or end. */
static inline const unsigned char *
scan_plain_portable(const unsigned char *p, const unsigned char *end)
{
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, sizeof(w));
		if (!scan_word_is_plain(w))
			break;
	}
	while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The first of either byte from p on, or end. */
static inline const unsigned char *
scan_either_portable(const unsigned char *p, const unsigned char *end,
    unsigned char a, unsigned char b)
{
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, sizeof(w));
		if ((scan_word_has_zero(w ^ SCAN_EACH(a)) |
			scan_word_has_zero(w ^ SCAN_EACH(b))) != 0)
			break;
	}
	while (p < end && *p != a && *p != b)
		p++;
	return p;
}

#if defined(__SSE2__)
static inline const unsigned char *
scan_plain_sse2(const unsigned char *p, const unsigned char *end)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i backslash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* as signed numbers all bytes from 0x80 up are below a space */
		__m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, space),
		    _mm_or_si128(_mm_cmpeq_epi8(v, quote),
			_mm_cmpeq_epi8(v, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(odd);

		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
	return scan_plain_portable(p, end);
}

/* Past space, as long as there are sixteen bytes. */
static inline const unsigned char *
scan_space_sse2(const unsigned char *p, const unsigned char *end)
{
	const __m128i blank = _mm_set1_epi8(' '), tab = _mm_set1_epi8('\t');
	const __m128i line = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i space =
		    _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, blank),
				     _mm_cmpeq_epi8(v, tab)),
			_mm_or_si128(
			    _mm_cmpeq_epi8(v, line), _mm_cmpeq_epi8(v, cr)));
		unsigned other = ~(unsigned)_mm_movemask_epi8(space) & 0xffff;

		if (other != 0)
			return p + __builtin_ctz(other);
	}
	return p;
}

static inline const unsigned char *
scan_either_sse2(const unsigned char *p, const unsigned char *end,
    unsigned char a, unsigned char b)
{
	const __m128i first = _mm_set1_epi8((char)a);
	const __m128i second = _mm_set1_epi8((char)b);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(
		    _mm_cmpeq_epi8(v, first), _mm_cmpeq_epi8(v, second)));

		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
	return scan_either_portable(p, end, a, b);
}
#endif

/* The first byte from p on that is not space, or end. */
static inline const unsigned char *
scan_space(const unsigned char *p, const unsigned char *end)
{
	if (p == end || *p > ' ')
		return p;
#if defined(__SSE2__)
	p = scan_space_sse2(p, end);
#endif
	while (p < end && scan_is_space(*p))
		p++;
	return p;
}

static inline const unsigned char *
scan_plain(const unsigned char *p, const unsigned char *end)
{
#if defined(__SSE2__)
	return scan_plain_sse2(p, end);
#else
	return scan_plain_portable(p, end);
#endif
}

static inline const unsigned char *
scan_either(const unsigned char *p, const unsigned char *end, unsigned char a,
    unsigned char b)
{
#if defined(__SSE2__)
	return scan_either_sse2(p, end, a, b);
#else
	return scan_either_portable(p, end, a, b);
#endif
}

/* The first quote or backslash. */
static inline const unsigned char *
scan_stop(const unsigned char *p, const unsigned char *end)
{
	return scan_either(p, end, '"', '\\');
}

#endif
