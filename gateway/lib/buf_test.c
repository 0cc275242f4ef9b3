/* gateway/lib/buf_test.c - bytes being built, and their cap. */
#include <stdlib.h>

#include "gateway/lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
what_is_added_comes_out_in_order(void **state)
{
	struct buf b;
	size_t n;
	char *p;

	buf_init(&b, 4096);
	buf_add(&b, SLICE("ab"));
	buf_add(&b, slice_make(NULL, 0));
	buf_add_char(&b, 'c');
	buf_addf(&b, "%d-%s", 7, "x");
	for (int i = 0; i < 1000; i++)
		buf_add_str(&b, "yz");
	assert_int_equal(buf_err(&b), OK);
	p = buf_take(&b, &n);
	assert_int_equal(n, 2006);
	assert_true(slice_starts(slice_of(p), SLICE("abc7-xyzyz")));
	assert_int_equal(b.n, 0);
	free(p);
}

static void
nothing_is_added_past_the_cap_or_after_it(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	buf_add_str(&b, "abcd");
	assert_int_equal(buf_err(&b), OK);
	buf_add_char(&b, 'e');
	assert_int_equal(buf_err(&b), ERR_LIMIT);
	buf_consume(&b, 2);
	buf_add_char(&b, 'f');
	assert_true(slice_is(buf_slice(&b), "cd"));
	assert_int_equal(buf_err(&b), ERR_LIMIT);
	buf_reset(&b);
	buf_add_char(&b, 'g');
	assert_true(slice_is(buf_slice(&b), "g"));
	buf_fini(&b);
	assert_null(b.p);
}

static void
a_failed_buf_gives_nothing(void **state)
{
	struct buf b;

	buf_init(&b, 1);
	buf_add_str(&b, "too much");
	assert_null(buf_take(&b, NULL));
	buf_init(&b, SIZE_MAX);
	buf_add_char(&b, 'a');
	assert_false(buf_reserve(&b, SIZE_MAX));
	buf_fini(&b);
}

static void
the_front_is_consumed(void **state)
{
	struct buf b;

	buf_init(&b, 64);
	buf_add_str(&b, "abcdef");
	buf_consume(&b, 4);
	assert_true(slice_is(buf_slice(&b), "ef"));
	buf_consume(&b, 99);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void
json_strings_are_quoted(void **state)
{
	struct buf b;

	buf_init(&b, 256);
	buf_add_json(&b, SLICE("a\"\\\n\x01\x7f/\xc3\xa9\xf0\x9f\x98\x80"));
	assert_true(slice_is(buf_slice(&b),
	    "\"a\\\"\\\\\\n\\u0001\\u007f/\xc3\xa9\xf0\x9f\x98\x80\""));
	buf_reset(&b);
	buf_add_json(&b, SLICE("\xff|\xc3|\xed\xa0\x80"));
	assert_true(slice_is(
	    buf_slice(&b), "\"\\ufffd|\\ufffd|\\ufffd\\ufffd\\ufffd\""));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_comes_out_in_order),
		cmocka_unit_test(nothing_is_added_past_the_cap_or_after_it),
		cmocka_unit_test(a_failed_buf_gives_nothing),
		cmocka_unit_test(the_front_is_consumed),
		cmocka_unit_test(json_strings_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
