/* gateway/lib/slice_test.c - borrowed runs of bytes. */
#include <stdlib.h>

#include "gateway/lib/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
slices_are_compared(void **state)
{
	assert_true(slice_is(slice_make(NULL, 0), ""));
	assert_true(slice_eq(slice_of(NULL), SLICE("")));
	assert_false(slice_is(SLICE("ab"), "abc"));
	assert_true(slice_iis(SLICE("Content-TYPE"), "content-type"));
	assert_false(slice_ieq(SLICE("ab"), SLICE("abc")));
	assert_true(slice_starts(SLICE("abc"), SLICE("ab")));
	assert_false(slice_starts(SLICE("a"), SLICE("ab")));
	assert_true(slice_istarts(SLICE("Bearer x"), SLICE("bearer ")));
	assert_true(slice_ends(SLICE("abc"), SLICE("bc")));
	assert_true(slice_ends(SLICE("abc"), SLICE("")));
	assert_false(slice_ends(SLICE("abc"), SLICE("ab")));
	assert_false(slice_ends(SLICE("c"), SLICE("bc")));
}

static void
space_is_trimmed(void **state)
{
	assert_true(slice_is(slice_trim(SLICE(" \t\r\na b\n ")), "a b"));
	assert_true(slice_is(slice_trim(SLICE(" \n")), ""));
}

static void
bytes_are_found(void **state)
{
	assert_int_equal(slice_find(SLICE("abab"), 'b'), 1);
	assert_int_equal(slice_rfind(SLICE("abab"), 'b'), 3);
	assert_int_equal(slice_find(SLICE("abab"), 'c'), -1);
	assert_int_equal(slice_rfind(slice_make(NULL, 0), 'c'), -1);
}

static void
parts_are_cut_at_separators(void **state)
{
	struct slice rest = SLICE("a,,b"), part;

	assert_true(slice_next(&rest, ',', &part) && slice_is(part, "a"));
	assert_true(slice_next(&rest, ',', &part) && slice_is(part, ""));
	assert_true(slice_next(&rest, ',', &part) && slice_is(part, "b"));
	assert_false(slice_next(&rest, ',', &part));
	rest = SLICE("a,");
	assert_true(slice_next(&rest, ',', &part) && slice_is(part, "a"));
	assert_true(slice_next(&rest, ',', &part) && slice_is(part, ""));
	assert_false(slice_next(&rest, ',', &part));
}

static void
numbers_are_whole_slices_in_range(void **state)
{
	uint64_t u = 5;
	double d = 5;

	assert_true(slice_u64(SLICE("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(slice_u64(SLICE("18446744073709551616"), &u));
	assert_false(slice_u64(SLICE(""), &u));
	assert_false(slice_u64(SLICE("-1"), &u));
	assert_false(slice_u64(SLICE("1 "), &u));
	assert_true(slice_double(SLICE("-2.5e1"), &d) && d == -25);
	assert_false(slice_double(SLICE("1x"), &d));
	assert_false(slice_double(SLICE(" 1"), &d));
	assert_false(slice_double(SLICE(""), &d));
	assert_false(slice_double(SLICE("1e999"), &d));
	assert_true(d == -25);
}

static void
equal_slices_hash_alike(void **state)
{
	char copy[] = "model";

	assert_true(slice_hash(slice_of(copy)) == slice_hash(SLICE("model")));
	assert_true(slice_hash(SLICE("a")) != slice_hash(SLICE("b")));
	/* the published value for "a" */
	assert_true(slice_hash(SLICE("a")) == UINT64_C(0xaf63dc4c8601ec8c));
}

static void
a_copy_ends_in_nul(void **state)
{
	char *p = slice_dup(slice_make("abcdef", 3));

	assert_string_equal(p, "abc");
	free(p);
	p = slice_dup(slice_make(NULL, 0));
	assert_string_equal(p, "");
	free(p);
}

static void
what_does_not_fit_is_cut(void **state)
{
	char to[4] = "xyz";

	assert_int_equal(slice_copy(to, sizeof(to), SLICE("ab")), 2);
	assert_string_equal(to, "ab");
	assert_int_equal(slice_copy(to, sizeof(to), SLICE("abcd")), 3);
	assert_string_equal(to, "abc");
	assert_int_equal(slice_copy(to, sizeof(to), slice_of(NULL)), 0);
	assert_string_equal(to, "");
	assert_int_equal(slice_copy(to, 1, SLICE("a")), 0);
	assert_string_equal(to, "");
}

static void
a_word_has_visible_characters_only(void **state)
{
	assert_true(slice_is_word(SLICE("Bearer-x~!")));
	assert_false(slice_is_word(SLICE("")));
	assert_false(slice_is_word(SLICE("two words")));
	assert_false(slice_is_word(SLICE("a\n")));
	assert_false(slice_is_word(SLICE("a\x7f")));
	assert_false(slice_is_word(SLICE("\xc3\xa9")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_are_compared),
		cmocka_unit_test(space_is_trimmed),
		cmocka_unit_test(bytes_are_found),
		cmocka_unit_test(parts_are_cut_at_separators),
		cmocka_unit_test(numbers_are_whole_slices_in_range),
		cmocka_unit_test(equal_slices_hash_alike),
		cmocka_unit_test(a_copy_ends_in_nul),
		cmocka_unit_test(what_does_not_fit_is_cut),
		cmocka_unit_test(a_word_has_visible_characters_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
