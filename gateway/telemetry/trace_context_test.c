/* gateway/telemetry/trace_context_test.c - traceparent, read and written. */
#include <string.h>

#include "gateway/telemetry/trace_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void
a_header_is_read_and_written_again(void **state)
{
	struct trace_context c;
	struct buf b;

	assert_true(trace_parse(SLICE("00-" TRACE "-" PARENT "-01"), &c));
	assert_true(c.sampled);
	buf_init(&b, 100);
	trace_write(&c, c.parent, &b);
	assert_true(slice_is(buf_slice(&b), "00-" TRACE "-" PARENT "-01"));
	buf_fini(&b);
	assert_true(trace_parse(SLICE("00-" TRACE "-" PARENT "-00"), &c));
	assert_false(c.sampled);
	/* flags that this version does not know */
	assert_true(trace_parse(SLICE("00-" TRACE "-" PARENT "-fe"), &c));
	assert_false(c.sampled);
}

static void
a_later_version_is_read_as_far_as_this_one_goes(void **state)
{
	struct trace_context c;

	assert_true(trace_parse(SLICE("cc-" TRACE "-" PARENT "-01"), &c));
	assert_true(trace_parse(SLICE("cc-" TRACE "-" PARENT "-01-x"), &c));
	assert_false(trace_parse(SLICE("cc-" TRACE "-" PARENT "-01x"), &c));
}

static void
what_is_not_well_formed_is_none(void **state)
{
	static const char *const bad[] = { "", "00", "00-" TRACE "-" PARENT,
		"00-" TRACE "-" PARENT "-1", "00-" TRACE "-" PARENT "-01-",
		"00-" TRACE "-" PARENT "-0g", "ff-" TRACE "-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" TRACE "-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00_" TRACE "-" PARENT "-01", "0x-" TRACE "-" PARENT "-01",
		"00-" TRACE "_" PARENT "-01" };
	struct trace_context c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (trace_parse(slice_of(bad[i]), &c))
			fail_msg("%s was taken", bad[i]);
}

static void
a_new_trace_begins_with_the_requests_id(void **state)
{
	struct trace_context c = { 0 }, again = { 0 };
	struct buf b;

	trace_begin(&c, SLICE("0123456789abcdef01234567"), 1);
	assert_true(c.sampled);
	buf_init(&b, 100);
	trace_write(&c, c.span, &b);
	assert_true(
	    slice_starts(buf_slice(&b), SLICE("00-0123456789abcdef01234567")));
	assert_true(trace_parse(buf_slice(&b), &again));
	assert_memory_equal(again.parent, c.span, SPAN_ID);
	buf_fini(&b);
	c = (struct trace_context){ 0 };
	trace_begin(&c, SLICE("0123456789abcdef01234567"), 0);
	assert_false(c.sampled);
}

static void
a_callers_trace_and_its_word_stay(void **state)
{
	struct trace_context c, before;

	assert_true(trace_parse(SLICE("00-" TRACE "-" PARENT "-00"), &c));
	before = c;
	trace_begin(&c, SLICE("0123456789abcdef01234567"), 1);
	assert_memory_equal(c.trace, before.trace, TRACE_ID);
	assert_memory_equal(c.parent, before.parent, SPAN_ID);
	assert_false(c.sampled);
}

static void
each_attempt_has_a_span_of_its_own(void **state)
{
	struct trace_context c = { 0 };
	unsigned char spans[50][SPAN_ID];

	trace_begin(&c, SLICE("000000000000000000000000"), 1);
	for (unsigned i = 0; i < 50; i++) {
		trace_attempt(&c, i, spans[i]);
		assert_memory_not_equal(spans[i], c.span, SPAN_ID);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(spans[i], spans[j], SPAN_ID);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_read_and_written_again),
		cmocka_unit_test(
		    a_later_version_is_read_as_far_as_this_one_goes),
		cmocka_unit_test(what_is_not_well_formed_is_none),
		cmocka_unit_test(a_new_trace_begins_with_the_requests_id),
		cmocka_unit_test(a_callers_trace_and_its_word_stay),
		cmocka_unit_test(each_attempt_has_a_span_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
