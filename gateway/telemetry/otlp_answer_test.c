/* gateway/telemetry/otlp_answer_test.c - what a collector says to an export. */
#include "gateway/telemetry/otlp_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
all_are_taken(void **state)
{
	struct otlp_answer a;

	assert_true(otlp_read_answer(SLICE(""), true, &a));
	assert_int_equal(a.rejected, 0);
	assert_int_equal(a.message.n, 0);
	/* as some collectors say it: a partial success of nothing */
	assert_true(otlp_read_answer(SLICE("\x0a\x00"), true, &a));
	assert_int_equal(a.rejected, 0);
}

static void
some_are_not(void **state)
{
	struct otlp_answer a;

	assert_true(otlp_read_answer(
	    SLICE("\x0a\x0a\x08\xac\x02\x12\x05too a"), true, &a));
	assert_int_equal(a.rejected, 300);
	assert_true(slice_is(a.message, "too a"));
	/* a warning; members of a later version between */
	assert_true(otlp_read_answer(
	    SLICE("\x1d\x01\x02\x03\x04\x0a\x06\x18\x07\x12\x02hi"), true, &a));
	assert_int_equal(a.rejected, 0);
	assert_true(slice_is(a.message, "hi"));
	/* fewer than none */
	assert_true(otlp_read_answer(
	    SLICE("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true,
	    &a));
	assert_int_equal(a.rejected, 0);
}

static void
a_refusal_has_a_reason(void **state)
{
	struct otlp_answer a;

	assert_true(otlp_read_answer(SLICE("\x08\x03\x12\x0b"
					   "bad request"),
	    false, &a));
	assert_true(slice_is(a.message, "bad request"));
}

static void
what_does_not_parse_says_nothing(void **state)
{
	static const struct slice bad[] = {
		{ "404 page not found", 18 },
		{ "{\"code\":3}", 10 },
		{ "\x0a\x7f\x08", 3 },
		{ "\x0a", 1 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11 },
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },
		{ "\x0b\x0c", 2 },
	};
	struct otlp_answer a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (int taken = 0; taken < 2; taken++) {
			assert_false(otlp_read_answer(bad[i], taken, &a));
			assert_int_equal(a.rejected, 0);
			assert_int_equal(a.message.n, 0);
		}
	assert_false(otlp_read_answer(SLICE("\x0a\x02\x08\xff"), true, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_taken),
		cmocka_unit_test(some_are_not),
		cmocka_unit_test(a_refusal_has_a_reason),
		cmocka_unit_test(what_does_not_parse_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
