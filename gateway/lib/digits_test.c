/* gateway/lib/digits_test.c - numbers as text, and back. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/lib/digits.h"
#include "gateway/lib/rng.h"

static void
assert_text(const char *want, const char *got, size_t n)
{
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

/* Small and large numbers alike. */
static uint64_t
draw(struct rng *rng)
{
	uint64_t high = rng_u32(rng), n = high << 32 | rng_u32(rng);

	return n >> rng_below(rng, 64);
}

static void
numbers_are_as_printf_writes_them(void **state)
{
	char out[DIGITS_MAX], want[32];
	struct rng rng;
	uint64_t n;

	rng_init(&rng, 1, 1);
	for (int i = 0; i < 10000; i++) {
		n = i == 0 ? UINT64_MAX : i == 1 ? 0 : draw(&rng);
		snprintf(want, sizeof(want), "%" PRIu64, n);
		assert_text(want, out, digits_u64(out, n));
	}
}

static void
zeros_fill_from_the_left(void **state)
{
	char out[DIGITS_MAX];

	assert_text("007", out, digits_padded(out, 7, 3));
	assert_text("00", out, digits_padded(out, 0, 2));
	assert_text("1234", out, digits_padded(out, 1234, 2));
}

static void
spans_have_three_decimals(void **state)
{
	char out[DIGITS_MAX], want[32];
	struct rng rng;
	usec span;

	rng_init(&rng, 2, 1);
	for (int i = 0; i < 10000; i++) {
		span = i == 0 ? INT64_MAX : (usec)(draw(&rng) >> 1);
		snprintf(want, sizeof(want), "%" PRId64 ".%03d", span / 1000,
		    (int)(span % 1000));
		assert_text(want, out, digits_ms(out, span));
	}
}

static void
decimals_are_as_short_as_they_can_be(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 0.25, "0.25" },
		{ 6.2e-05, "0.000062" },
		{ 1.0 / 3, "0.333333333333" },
		{ 12.000000000001, "12.000000000001" },
		{ 4e-13, "0" },
		{ 0.9999999999999, "1" },
		{ 1e30, "1000000000000000000" },
	};
	char out[DIGITS_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_text(
		    rows[i].text, out, digits_decimal(out, rows[i].value));
}

static void
decimals_are_read_as_what_they_were(void **state)
{
	char out[DIGITS_MAX + 1];
	struct rng rng;
	double value;

	rng_init(&rng, 3, 1);
	for (int i = 0; i < 10000; i++) {
		value = (double)(draw(&rng) % 1000000000) / 1e9;
		out[digits_decimal(out, value)] = '\0';
		assert_true(fabs(strtod(out, NULL) - value) <= 1e-12);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_as_printf_writes_them),
		cmocka_unit_test(zeros_fill_from_the_left),
		cmocka_unit_test(spans_have_three_decimals),
		cmocka_unit_test(decimals_are_as_short_as_they_can_be),
		cmocka_unit_test(decimals_are_read_as_what_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
