/* gateway/lib/scan_wide_utf8.h - where a step of 64 bytes is not UTF-8.
 *
 * Private to scan_wide.c, and empty but for x86-64. Two bytes in a row can be
 * wrong in nine ways; three tables of 16, looked up by their nibbles, say which
 * of the ways each nibble allows, and what all three allow is wrong. The
 * method is Keiser's and Lemire's, see scan_wide.h. */
#ifndef GATEWAY_LIB_SCAN_WIDE_UTF8_H
#define GATEWAY_LIB_SCAN_WIDE_UTF8_H

#include <stdint.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define SCAN_WIDE_X86 1
#define AVX2 __attribute__((target("avx2,bmi,popcnt")))

/* A step: its two halves. */
struct block {
	__m256i a, b;
};

/* The highest bit of each byte. */
AVX2 static inline uint64_t
mask_of(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) |
	    (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

AVX2 static inline __m256i
twice(__m128i table)
{
	return _mm256_broadcastsi128_si256(table);
}

AVX2 static inline __m256i
low_nibbles(__m256i v)
{
	return _mm256_and_si256(v, _mm256_set1_epi8(0x0f));
}

AVX2 static inline __m256i
high_nibbles(__m256i v)
{
	return low_nibbles(_mm256_srli_epi16(v, 4));
}

/* What may be wrong with two bytes in a row; each has one bit. Two of them
 * share one, as no byte could be both. A continuation after a continuation is
 * wrong unless the byte two or three before it asks for it. */
enum {
	TOO_SHORT = 1 << 0, /* a lead, and no continuation */
	TOO_LONG = 1 << 1, /* ASCII, and a continuation */
	OVERLONG_3 = 1 << 2,
	TOO_LARGE = 1 << 3, /* beyond U+10FFFF */
	SURROGATE = 1 << 4,
	OVERLONG_2 = 1 << 5,
	OVERLONG_4 = 1 << 6,
	TOO_LARGE_8 = 1 << 6, /* by its lead, before a low continuation */
	TWO_CONTINUATIONS = 1 << 7,
	ANY_LOW = TOO_SHORT | TOO_LONG | TWO_CONTINUATIONS,
};
#define BITS(bits) ((char)(bits))

/* By the high nibble of the first of two bytes. */
AVX2 static inline __m256i
by_first_high(void)
{
	const char a = BITS(TOO_LONG), c = BITS(TWO_CONTINUATIONS);

	return twice(_mm_setr_epi8(a, a, a, a, a, a, a, a, c, c, c, c,
	    BITS(TOO_SHORT | OVERLONG_2), BITS(TOO_SHORT),
	    BITS(TOO_SHORT | OVERLONG_3 | SURROGATE),
	    BITS(TOO_SHORT | TOO_LARGE | TOO_LARGE_8 | OVERLONG_4)));
}

/* By its low nibble. */
AVX2 static inline __m256i
by_first_low(void)
{
	const char any = BITS(ANY_LOW);
	const char large = BITS(ANY_LOW | TOO_LARGE | TOO_LARGE_8);

	return twice(_mm_setr_epi8(
	    BITS(ANY_LOW | OVERLONG_2 | OVERLONG_3 | OVERLONG_4),
	    BITS(ANY_LOW | OVERLONG_2), any, any, BITS(ANY_LOW | TOO_LARGE),
	    large, large, large, large, large, large, large, large,
	    BITS(ANY_LOW | TOO_LARGE | TOO_LARGE_8 | SURROGATE), large, large));
}

/* By the high nibble of the second. */
AVX2 static inline __m256i
by_second_high(void)
{
	const char s = BITS(TOO_SHORT);
	const int cont = TOO_LONG | OVERLONG_2 | TWO_CONTINUATIONS;
	const char ab = BITS(cont | SURROGATE | TOO_LARGE);

	return twice(_mm_setr_epi8(s, s, s, s, s, s, s, s,
	    BITS(cont | OVERLONG_3 | OVERLONG_4 | TOO_LARGE_8),
	    BITS(cont | OVERLONG_3 | TOO_LARGE), ab, ab, s, s, s, s));
}

/* The bytes that stand n before those of v; `before` is what precedes v. */
#define EARLIER(v, before, n)                                                  \
	_mm256_alignr_epi8(                                                    \
	    v, _mm256_permute2x128_si256(before, v, 0x21), 16 - (n))

/* Not zero at each byte that cannot follow those before it. */
AVX2 static inline __m256i
malformed_half(__m256i v, __m256i before)
{
	__m256i one = EARLIER(v, before, 1), pair, third, fourth, asked;

	pair = _mm256_and_si256(
	    _mm256_and_si256(
		_mm256_shuffle_epi8(by_first_high(), high_nibbles(one)),
		_mm256_shuffle_epi8(by_first_low(), low_nibbles(one))),
	    _mm256_shuffle_epi8(by_second_high(), high_nibbles(v)));
	/* 0x80 and more is left of leads that want so many bytes */
	third = _mm256_subs_epu8(
	    EARLIER(v, before, 2), _mm256_set1_epi8(0xe0 - 0x80));
	fourth = _mm256_subs_epu8(
	    EARLIER(v, before, 3), _mm256_set1_epi8(0xf0 - 0x80));
	asked = _mm256_and_si256(
	    _mm256_or_si256(third, fourth), _mm256_set1_epi8(BITS(0x80)));
	return _mm256_xor_si256(pair, asked);
}

AVX2 static inline uint64_t
malformed(struct block v, __m256i before)
{
	__m256i none = _mm256_setzero_si256();

	return ~mask_of(_mm256_cmpeq_epi8(malformed_half(v.a, before), none),
	    _mm256_cmpeq_epi8(malformed_half(v.b, v.a), none));
}

#endif
#endif
