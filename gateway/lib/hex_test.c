/* gateway/lib/hex_test.c - bytes as digits, and back. */
#include <stdio.h>

#include "gateway/lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
digits_are_those_of_printf(void **state)
{
	unsigned char bytes[40], again[4];
	char text[81], want[81];

	for (size_t n = 0; n <= sizeof(bytes); n++) {
		want[0] = '\0';
		for (size_t i = 0; i < n; i++) {
			bytes[i] = (unsigned char)(37 * n + 101 * i);
			snprintf(want + 2 * i, 3, "%02x", bytes[i]);
		}
		hex_write(bytes, n, text);
		assert_string_equal(text, want);
		for (size_t i = 0; i + 4 <= n; i += 4) {
			assert_true(hex_read_four(text + 2 * i, again));
			assert_memory_equal(again, bytes + i, 4);
		}
	}
}

static void
nothing_but_lower_case_digits_is_read(void **state)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char four[4];
	char text[8];

	for (size_t at = 0; at < sizeof(text); at++)
		for (int c = 0; c < 256; c++) {
			memcpy(text, "0f9a1bc7", sizeof(text));
			text[at] = (char)c;
			assert_int_equal(hex_read_four(text, four),
			    memchr(digits, c, sizeof(digits) - 1) != NULL);
		}
}

static void
a_digit_means_its_value_in_either_case(void **state)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (int c = -128; c < 256; c++) {
		const char *at = c > 0 ? strchr(digits, c) : NULL;
		int value = at != NULL ? (int)(at - digits) : -1;

		assert_int_equal(hex_value(c), value < 16 ? value : value - 6);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_those_of_printf),
		cmocka_unit_test(nothing_but_lower_case_digits_is_read),
		cmocka_unit_test(a_digit_means_its_value_in_either_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
