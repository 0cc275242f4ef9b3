/* gateway/lib/mask_test.c - no half of a secret is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gateway/lib/mask.h"

#include <cmocka.h>

#define KEY "sk-0123456789"

static void
every_occurrence_is_masked(void **state)
{
	char text[] = KEY " and " KEY KEY " but not sk-012345678";

	mask_text(text, KEY);
	assert_string_equal(text, "*** and ****** but not sk-012345678");
	assert_true(mask_finds("a " KEY, KEY));
	assert_false(mask_finds(text, KEY));
	assert_false(mask_finds("none", "none"));
	assert_false(mask_finds(KEY, NULL));
}

static void
a_cut_leaves_no_half(void **state)
{
	char out[16];

	for (size_t cap = 1; cap <= sizeof(out); cap++) {
		size_t n =
		    mask_copy(out, cap, SLICE("bad: " KEY " it is"), KEY);

		assert_true(n < cap);
		assert_int_equal(out[n], '\0');
		assert_null(strstr(out, "sk-"));
	}
	assert_string_equal(out, "bad: *** it is");
}

static void
what_is_no_secret_stays(void **state)
{
	char text[] = "none of these";

	mask_text(text, "none");
	mask_text(text, "");
	mask_text(text, NULL);
	assert_string_equal(text, "none of these");
	mask_text(NULL, KEY);
}

static void
of_headers_the_values_are_masked(void **state)
{
	char text[] = "Bearer " KEY " is not x-team:team-team or 12345678";

	mask_headers(text,
	    SLICE("authorization: Bearer " KEY "\n"
		  "x-team: team-team\nx-id:12345678\n\n"
		  "x-none: \nBearer: is\n"));
	assert_string_equal(text, "Bearer *** is not x-team:*** or ***");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_occurrence_is_masked),
		cmocka_unit_test(a_cut_leaves_no_half),
		cmocka_unit_test(what_is_no_secret_stays),
		cmocka_unit_test(of_headers_the_values_are_masked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
