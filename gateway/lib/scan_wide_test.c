/* gateway/lib/scan_wide_test.c - 64 bytes a step, against one at a time. */
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"
#include "gateway/lib/scan_wide.h"
#include "gateway/lib/slice.h"
#include "gateway/lib/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define TEXT_MAX 700
#define BACK 3 /* bytes of a character or an escape that a step cuts */

typedef const unsigned char *place;

/* The bytes of the character or short escape at p; 0: it has to be looked at.
 */
static size_t
plain_length(place p, place end)
{
	if (*p == '\\')
		return end - p > 1 && p[1] != '\0' &&
			strchr("\"\\/bfnrt", p[1]) != NULL
		    ? 2
		    : 0;
	return *p < 0x20 || *p == '"' ? 0 : utf8_length(p, (size_t)(end - p));
}

/* Whether it has to be looked at, or what follows the character there: of a
 * continuation too many. */
static bool
is_odd(place p, place end)
{
	size_t n = plain_length(p, end);

	return n == 0 || (n > 1 && plain_length(p + n, end) == 0);
}

/* Whether a walk from p, a character at a time, comes by q. Counts the escapes
 * before it. */
static bool
walks_to(place p, place q, place end, size_t *escapes)
{
	size_t n;

	while (p < q) {
		n = plain_length(p, end);
		if (n == 0)
			return false;
		*escapes += *p == '\\';
		p += n;
	}
	return p == q;
}

static size_t
add(unsigned char *text, size_t n, const char *piece)
{
	size_t more = strlen(piece);

	if (n + more > TEXT_MAX)
		return n;
	memcpy(text + n, piece, more);
	return n + more;
}

static size_t
add_letters(struct rng *r, unsigned char *text, size_t n)
{
	static const char letters[] = "set the points before the train, and "
				      "lock them; no route, no signal, ever";
	char some[sizeof(letters)];
	size_t k = rng_below(r, sizeof(letters));

	memcpy(some, letters, k);
	some[k] = '\0';
	return add(text, n, some);
}

/* A string's inside; one piece in `bad` is none that a string may have, or ends
 * it (0: none is). */
static size_t
make(struct rng *r, unsigned char *text, unsigned bad)
{
	static const char *const good[] = { "\\\"", "\\\\", "\\n", "\\/", "\\t",
		"\\b", "\\f", "\\r", "\xc3\xa9", "\xdf\xbf", "\xe5\x88\x97",
		"\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf0\x9f\x98\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
		"\x7f", " " };
	static const char *const others[] = { "\"", "\x1f", "\x01", "\\u0041",
		"\\ud83d\\ude00", "\\x", "\\\x80", "\\\x1f", "\x80", "\xbf",
		"\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe0\x9f\xbf",
		"\xe5\x88", "\xe5", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
		"\xf0\x9f", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88",
		"\xff", "\xfe", "\xe5\x88\x97\x97", "\xc3\xa9\xa9",
		"\xf0\x9f\x98\x80\x80", "\xe5\xc3\xa9", "\\" };
	const size_t n_good = COUNT(good);
	const size_t n_others = COUNT(others);
	unsigned pieces = rng_below(r, 40), escapes = rng_below(r, 4);
	size_t n = 0;

	for (unsigned i = 0; i < pieces; i++) {
		if (bad > 0 && rng_below(r, bad) == 0)
			n = add(
			    text, n, others[rng_below(r, (uint32_t)n_others)]);
		else if (rng_below(r, 3) == 0)
			n = add_letters(r, text, n);
		else /* the first ones: runs of backslashes are long */
			n = add(text, n,
			    good[rng_below(
				r, escapes == 0 ? 2 : (uint32_t)n_good)]);
	}
	return n;
}

static bool
is_wide(void)
{
	unsigned char plain[SCAN_WIDE];

	memset(plain, 'a', sizeof(plain));
	return scan_wide(plain, plain + sizeof(plain)) != plain;
}

static void
it_stops_where_a_slow_walk_would(void **state)
{
	unsigned char text[TEXT_MAX + 8];
	size_t escapes = 0, stopped = 0;
	struct rng r;

	if (!is_wide())
		skip();
	rng_init(&r, 1, 7);
	for (int round = 0; round < 200000; round++) {
		place p = text + rng_below(&r, 8), end, q;

		memset(text, ' ', 8);
		end = p + make(&r, text + (p - text), 1 + rng_below(&r, 60));
		q = scan_wide(p, end);
		assert_true(q >= p && q <= end);
		assert_true(walks_to(p, q, end, &escapes));
		if (end - q >= SCAN_WIDE + BACK) {
			assert_true(is_odd(q, end));
			stopped++;
		}
	}
	assert_true(stopped > 10000);
}

static void
it_counts_what_a_slow_walk_would(void **state)
{
	unsigned char text[TEXT_MAX + 1];
	struct rng r;

	if (!is_wide())
		skip();
	rng_init(&r, 1, 8);
	for (int round = 0; round < 100000; round++) {
		size_t n = make(&r, text, 0), got = 0, want = 0;
		place end = text + n, q;

		text[n] = '"';

		q = scan_wide_text(text, end, &got);
		while (q > text && (*q & 0xc0) == 0x80)
			q--; /* a step may end within a character */
		assert_true(walks_to(text, q, end, &want));
		assert_int_equal(got, want);
		assert_true(end - q < SCAN_WIDE + BACK);
	}
}

static void
escapes_of_more_than_two_bytes_stop_it(void **state)
{
	unsigned char text[160];
	size_t escapes = 0;
	place end = text + sizeof(text);

	if (!is_wide())
		skip();
	for (size_t at = 0; at < 90; at++) {
		memset(text, 'a', sizeof(text));
		memcpy(text + at, "\\u00e9", 6);
		memcpy(text + 130, "\\n", 2);
		assert_ptr_equal(scan_wide(text, end), text + at);
		escapes = 0;
		assert_ptr_equal(
		    scan_wide_text(text, end, &escapes), text + at);
		assert_int_equal(escapes, 0);
		memcpy(text + at, "\\n\\\\\"x", 6);
		assert_ptr_equal(scan_wide(text, end), text + at + 4);
		assert_ptr_equal(
		    scan_wide_text(text, end, &escapes), text + at + 4);
		assert_int_equal(escapes, 2);
	}
}

/* Past escapes of whatever length; a text may end within one. */
static void
it_finds_the_quote_that_a_slow_walk_would(void **state)
{
	unsigned char text[TEXT_MAX + 8];
	size_t found = 0;
	struct rng r;

	if (!is_wide())
		skip();
	rng_init(&r, 1, 9);
	for (int round = 0; round < 100000; round++) {
		place p = text + rng_below(&r, 8), end, q, slow = p;

		end = p + make(&r, text + (p - text), 10 + rng_below(&r, 60));
		q = scan_wide_quote(p, end);
		while (slow < q && *slow != '"')
			slow += *slow == '\\' ? 2 : 1;
		assert_ptr_equal(slow, q);
		if (end - q > SCAN_WIDE) {
			assert_int_equal(*q, '"');
			found++;
		}
	}
	assert_true(found > 1000);
}

/* All sequences of two bytes, and of three that begin with an E or F. */
static void
every_pair_of_bytes_is_judged_alike(void **state)
{
	unsigned char text[2 * SCAN_WIDE];
	place end = text + sizeof(text);

	if (!is_wide())
		skip();
	for (unsigned a = 0x80; a < 0x100; a++)
		for (unsigned b = 0; b < 0x10000; b++) {
			size_t at = SCAN_WIDE - 2, escapes = 0;
			place q;

			if (a < 0xe0 && (b & 0xff) != 'a')
				continue;
			memset(text, 'a', sizeof(text));
			text[at] = (unsigned char)a;
			text[at + 1] = (unsigned char)(b >> 8);
			text[at + 2] = (unsigned char)b;
			q = scan_wide(text, end);
			assert_true(walks_to(text, q, end, &escapes));
			assert_true(end - q < SCAN_WIDE || is_odd(q, end));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_stops_where_a_slow_walk_would),
		cmocka_unit_test(it_counts_what_a_slow_walk_would),
		cmocka_unit_test(escapes_of_more_than_two_bytes_stop_it),
		cmocka_unit_test(it_finds_the_quote_that_a_slow_walk_would),
		cmocka_unit_test(every_pair_of_bytes_is_judged_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
