/* gateway/admin/series_test.c - rings keep what they should, as JSON says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "gateway/admin/series.h"

#include <cmocka.h>

static const char *const words[] = { "good", "bad", NULL };
static const struct series_column columns[] = {
	{ "a", NULL },
	{ "b", words },
	{ NULL, NULL },
};
static const char *const labels[SERIES_LABELS] = { "model", "backend", NULL };

static bool
put(struct series_set *s, uint32_t id, const char *model, float a, float b)
{
	const char *const names[SERIES_LABELS] = { model, "x", NULL };
	const float values[] = { a, b };

	return series_write(s, id, names, values);
}

static void
assert_rendered(const struct series_set *s, unsigned n, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	series_render(s, n, &out);
	buf_add_char(&out, '\0');
	assert_int_equal(buf_err(&out), OK);
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

static void
what_is_written_is_read(void **state)
{
	struct series_set *s = series_new(columns, labels, 4);

	assert_rendered(s, 10, "[]");
	series_turn(s);
	assert_true(put(s, 7, "a \"quote\"", 1, 0));
	series_turn(s);
	assert_true(put(s, 7, "ignored later", 2.5f, NAN));
	assert_true(put(s, 9, "m", 16777216.0f, 1));
	series_turn(s);
	assert_true(put(s, 9, "m", 0.25f, 1));
	assert_rendered(s, 2,
	    "[{\"key\":\"7\",\"model\":\"a \\\"quote\\\"\",\"backend\":\"x\","
	    "\"steps\":{\"a\":[2.5,null],\"b\":[null,null]}},"
	    "{\"key\":\"9\",\"model\":\"m\",\"backend\":\"x\","
	    "\"steps\":{\"a\":[16777216,0.25],\"b\":[\"bad\",\"bad\"]}}]");
	assert_rendered(s, 1,
	    "[{\"key\":\"9\",\"model\":\"m\",\"backend\":\"x\","
	    "\"steps\":{\"a\":[0.25],\"b\":[\"bad\"]}}]");
	series_free(&s);
	assert_null(s);
}

static void
sums_skip_what_is_not_known(void **state)
{
	struct series_set *s = series_new(columns, labels, 4);
	double sum;

	for (unsigned i = 1; i <= 10; i++) {
		series_turn(s);
		if (i % 2 == 0)
			assert_true(put(s, 1, "m", (float)i, NAN));
	}
	/* steps 10 to 7, of which 10 and 8 are known */
	assert_int_equal(series_sum(s, 1, 0, 0, 4, &sum), 2);
	assert_float_equal(sum, 18, 1e-9);
	assert_int_equal(series_sum(s, 1, 0, 4, 100, &sum), 3);
	assert_float_equal(sum, 12, 1e-9);
	assert_int_equal(series_sum(s, 2, 0, 0, 4, &sum), 0);
	assert_float_equal(sum, 0, 0);
	series_free(&s);
}

static void
the_ring_turns(void **state)
{
	struct series_set *s = series_new(columns, labels, 1);
	double sum;

	for (unsigned i = 1; i <= 3 * SERIES_STEPS + 5; i++) {
		series_turn(s);
		assert_true(put(s, 1, "m", (float)i, 0));
	}
	assert_int_equal(
	    series_sum(s, 1, 0, 0, 10 * SERIES_STEPS, &sum), SERIES_STEPS);
	/* the last 360 numbers */
	assert_float_equal(sum,
	    (double)SERIES_STEPS * (2 * SERIES_STEPS + 5) +
		(double)SERIES_STEPS * (SERIES_STEPS + 1) / 2,
	    0.5);
	series_free(&s);
}

/* What is beyond the bound has no series, until another has been silent. */
static void
the_silent_give_way(void **state)
{
	struct series_set *s = series_new(columns, labels, 2);
	double sum;

	series_turn(s);
	assert_true(put(s, 1, "one", 1, 0));
	assert_true(put(s, 2, "two", 2, 0));
	assert_false(put(s, 3, "three", 3, 0));
	for (unsigned i = 1; i < SERIES_REST; i++) {
		series_turn(s);
		assert_true(put(s, 1, "one", 1, 0));
		assert_false(put(s, 3, "three", 3, 0));
	}
	series_turn(s);
	assert_true(put(s, 3, "three", 3, 1));
	assert_int_equal(series_sum(s, 2, 0, 0, SERIES_STEPS, &sum), 0);
	assert_int_equal(series_sum(s, 3, 0, 0, SERIES_STEPS, &sum), 1);
	assert_rendered(s, 1,
	    "[{\"key\":\"3\",\"model\":\"three\",\"backend\":\"x\","
	    "\"steps\":{\"a\":[3],\"b\":[\"bad\"]}}]");
	series_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(sums_skip_what_is_not_known),
		cmocka_unit_test(the_ring_turns),
		cmocka_unit_test(the_silent_give_way),
	};

	return cmocka_run_group_tests_name("admin/series", tests, NULL, NULL);
}
