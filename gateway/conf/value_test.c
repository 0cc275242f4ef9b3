/* gateway/conf/value_test.c - durations and sizes, read and written. */
#include "gateway/conf/testing.h"
#include "gateway/conf/value.h"

static usec
duration(const char *text)
{
	usec v = -1;

	return duration_parse(slice_of(text), &v) ? v : -1;
}

static void
durations_have_units(void **state)
{
	assert_int_equal(duration("500us"), 500);
	assert_int_equal(duration("100ms"), 100 * USEC_MS);
	assert_int_equal(duration("1.5s"), 1500 * USEC_MS);
	assert_int_equal(duration("2m"), 120 * USEC_SEC);
	assert_int_equal(duration("1h"), 3600 * USEC_SEC);
	assert_int_equal(duration("2d"), 48 * 3600 * USEC_SEC);
	assert_int_equal(duration("0s"), 0);
}

static void
what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = { "", "5", "s", "ms", "-1s", "+1s",
		"1 s", " 1s", "1s ", "1S", "1sec", "1.2.3s", ".s", "1e3s",
		"0x10s", "infs", "nans", "1w", "1,5s" };

	for (size_t i = 0; i < COUNT(bad); i++)
		if (duration(bad[i]) != -1)
			fail_msg("taken: \"%s\"", bad[i]);
}

static void
an_endless_duration_does_not_wrap(void **state)
{
	assert_int_equal(duration("99999999999999999999h"), INT64_MAX);
	assert_int_equal(duration("9223372036854775807us"), INT64_MAX);
}

static void
sizes_are_binary(void **state)
{
	uint64_t v;

	assert_true(size_parse(SLICE("512B"), &v));
	assert_int_equal(v, 512);
	assert_true(size_parse(SLICE("16KiB"), &v));
	assert_int_equal(v, 16384);
	assert_true(size_parse(SLICE("1.5MiB"), &v));
	assert_int_equal(v, 1572864);
	assert_true(size_parse(SLICE("4GiB"), &v));
	assert_int_equal(v, UINT64_C(4) << 30);
	assert_false(size_parse(SLICE("64MB"), &v));
	assert_false(size_parse(SLICE("64"), &v));
}

static void
writing_takes_the_largest_whole_unit(void **state)
{
	static const struct {
		usec v;
		const char *text;
	} rows[] = { { 0, "0s" }, { 500, "500us" }, { 1500, "1500us" },
		{ 100 * USEC_MS, "100ms" }, { 90 * USEC_SEC, "90s" },
		{ 120 * USEC_SEC, "2m" }, { 7200 * USEC_SEC, "2h" } };
	struct buf b;

	buf_init(&b, 64);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		duration_write(rows[i].v, &b);
		assert_true(slice_is(buf_slice(&b), rows[i].text));
		assert_int_equal(duration(rows[i].text), rows[i].v);
	}
	buf_reset(&b);
	size_write(UINT64_C(64) << 20, &b);
	assert_true(slice_is(buf_slice(&b), "64MiB"));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(an_endless_duration_does_not_wrap),
		cmocka_unit_test(sizes_are_binary),
		cmocka_unit_test(writing_takes_the_largest_whole_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
