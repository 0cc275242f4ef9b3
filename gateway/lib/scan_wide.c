/* gateway/lib/scan_wide.c - the way through long JSON strings, 64 a step.
 *
 * A step makes masks of a bit for each byte: which are quotes, backslashes,
 * control characters, which are escaped, at which a sequence turns out to be
 * malformed. Text without escapes, or without other letters than ASCII's, does
 * not pay for either. */
#include "gateway/lib/scan_wide.h"

#include <stdbool.h>

#include "gateway/lib/scan_wide_utf8.h"

#ifdef SCAN_WIDE_X86
#define EVEN UINT64_C(0x5555555555555555)

typedef const unsigned char *place;

static bool
cpu_is_wide(void)
{
	return __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

/* --- masks: bit i is byte i of the step --- */

AVX2 static inline uint64_t
equal(struct block v, char c)
{
	__m256i w = _mm256_set1_epi8(c);

	return mask_of(_mm256_cmpeq_epi8(v.a, w), _mm256_cmpeq_epi8(v.b, w));
}

AVX2 static inline uint64_t
controls(struct block v)
{
	__m256i last = _mm256_set1_epi8(0x1f);

	return mask_of(_mm256_cmpeq_epi8(_mm256_min_epu8(v.a, last), v.a),
	    _mm256_cmpeq_epi8(_mm256_min_epu8(v.b, last), v.b));
}

/* Whether there are quotes or backslashes. */
AVX2 static inline bool
is_marked(struct block v)
{
	const __m256i quote = _mm256_set1_epi8('"');
	const __m256i slash = _mm256_set1_epi8('\\');
	__m256i a = _mm256_or_si256(
	    _mm256_cmpeq_epi8(v.a, quote), _mm256_cmpeq_epi8(v.a, slash));
	__m256i b = _mm256_or_si256(
	    _mm256_cmpeq_epi8(v.b, quote), _mm256_cmpeq_epi8(v.b, slash));

	return _mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0;
}

/* Whether there are controls, or bytes beyond ASCII: as signed bytes both are
 * less than a blank. */
AVX2 static inline bool
is_odd(struct block v)
{
	const __m256i blank = _mm256_set1_epi8(' ');

	return _mm256_movemask_epi8(
		   _mm256_or_si256(_mm256_cmpgt_epi8(blank, v.a),
		       _mm256_cmpgt_epi8(blank, v.b))) != 0;
}

/* Which bytes a backslash escapes: of a run of backslashes every other byte,
 * and the one behind it where the run is odd. A run that begins at an odd bit
 * vanishes when that bit is added to it, which tells it from the others. *first
 * says whether byte 0 is escaped, and then the same of the next step. */
static inline uint64_t
escaped_by(uint64_t slashes, uint64_t *first)
{
	uint64_t runs, odd, out;

	slashes &= ~*first;
	runs = slashes & ~(slashes << 1) & ~EVEN;
	odd = slashes & ~(slashes + runs);
	out = *first | (odd << 1 & EVEN) | ((slashes & ~odd) << 1 & ~EVEN);
	*first = odd >> 63;
	return out;
}

/* Not zero where a byte is one of "\/bfnrt: a bit for each of the high nibbles
 * that they have. */
AVX2 static inline __m256i
letters_half(__m256i v)
{
	const __m256i low = twice(_mm_setr_epi8(
	    0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
	const __m256i high = twice(
	    _mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));

	return _mm256_and_si256(_mm256_shuffle_epi8(low, low_nibbles(v)),
	    _mm256_shuffle_epi8(high, high_nibbles(v)));
}

AVX2 static inline uint64_t
letters(struct block v)
{
	__m256i none = _mm256_setzero_si256();

	return ~mask_of(_mm256_cmpeq_epi8(letters_half(v.a), none),
	    _mm256_cmpeq_epi8(letters_half(v.b), none));
}

/* The beginning of the sequence that breaks at p. */
static place
lead_of(place p, place from)
{
	for (int i = 1; i <= 3 && p - from >= i && p[-i] >= 0x80; i++)
		if (p[-i] >= 0xc0)
			return p - i;
	return p;
}

/* The end of the last whole character before p. */
static place
whole_before(place p)
{
	if (p[-1] >= 0xc0)
		return p - 1;
	if (p[-2] >= 0xe0)
		return p - 2;
	return p[-3] >= 0xf0 ? p - 3 : p;
}

/* --- steps --- */

AVX2 static inline struct block
load(place p)
{
	const __m256i *v = (const void *)p;

	return (
	    struct block){ _mm256_loadu_si256(v), _mm256_loadu_si256(v + 1) };
}

AVX2 static place
wide_avx2(place p, place end)
{
	__m256i before = _mm256_setzero_si256();
	uint64_t first = 0; /* whether the next step's first byte is escaped */
	bool open = false; /* a sequence may go on in the next step */
	place from = p;

	for (; end - p >= SCAN_WIDE; p += SCAN_WIDE) {
		struct block v = load(p);
		uint64_t stop = 0, escaped = 0, broken = 0;

		if (first != 0 || is_marked(v)) {
			stop = equal(v, '"');
			escaped = escaped_by(equal(v, '\\'), &first);
			stop = (stop & ~escaped) | (escaped & ~letters(v));
		}
		if (open || is_odd(v)) {
			broken = malformed(v, before);
			stop |= controls(v) | broken;
			open = mask_of(v.a, v.b) >> 61 != 0;
		}
		if (stop != 0) {
			int k = __builtin_ctzll(stop);

			if ((escaped >> k & 1) != 0)
				return p + k - 1;
			return (broken >> k & 1) != 0 ? lead_of(p + k, from)
						      : p + k;
		}
		before = v.b;
	}
	if (first != 0)
		return p - 1;
	return open ? whole_before(p) : p;
}

AVX2 static place
text_avx2(place p, place end, size_t *escapes)
{
	uint64_t first = 0;

	for (; end - p >= SCAN_WIDE; p += SCAN_WIDE) {
		struct block v = load(p);
		uint64_t stop, escaped;

		if (first == 0 && !is_marked(v))
			continue;
		stop = equal(v, '"');
		escaped = escaped_by(equal(v, '\\'), &first);
		stop = (stop & ~escaped) | (escaped & equal(v, 'u'));
		if (stop != 0) {
			int k = __builtin_ctzll(stop);
			uint64_t passed = (UINT64_C(1) << k) - 1;

			*escapes +=
			    (size_t)__builtin_popcountll(escaped & passed);
			return (escaped >> k & 1) != 0 ? p + k - 1 : p + k;
		}
		*escapes += (size_t)__builtin_popcountll(escaped);
	}
	return first != 0 ? p - 1 : p;
}

AVX2 static place
quote_avx2(place p, place end)
{
	uint64_t first = 0, stop;

	for (; end - p >= SCAN_WIDE; p += SCAN_WIDE) {
		struct block v = load(p);

		if (first == 0 && !is_marked(v))
			continue;
		stop = equal(v, '"') & ~escaped_by(equal(v, '\\'), &first);
		if (stop != 0)
			return p + __builtin_ctzll(stop);
	}
	return first != 0 ? p - 1 : p;
}

const unsigned char *
scan_wide(const unsigned char *p, const unsigned char *end)
{
	return cpu_is_wide() ? wide_avx2(p, end) : p;
}

const unsigned char *
scan_wide_text(
    const unsigned char *p, const unsigned char *end, size_t *escapes)
{
	return cpu_is_wide() ? text_avx2(p, end, escapes) : p;
}

const unsigned char *
scan_wide_quote(const unsigned char *p, const unsigned char *end)
{
	return cpu_is_wide() ? quote_avx2(p, end) : p;
}

#else

const unsigned char *
scan_wide(const unsigned char *p, const unsigned char *end)
{
	(void)end;
	return p;
}

const unsigned char *
scan_wide_text(
    const unsigned char *p, const unsigned char *end, size_t *escapes)
{
	(void)end;
	(void)escapes;
	return p;
}

const unsigned char *
scan_wide_quote(const unsigned char *p, const unsigned char *end)
{
	(void)end;
	return p;
}
#endif
