/* gateway/lib/sse_test.c - events out of streams, cut anywhere. */
#include <stdlib.h>
#include <string.h>

#include "gateway/lib/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A reader as the relay is one: it collects spans and notes each event. */
struct reader {
	struct sse sse;
	struct buf span; /* of the event that is coming in */
	struct buf all; /* all spans */
	struct buf log; /* "event|data" or "#" for comments, one per line */
};

static void
reader_init(struct reader *r)
{
	sse_init(&r->sse);
	buf_init(&r->span, 4 * SSE_EVENT_MAX);
	buf_init(&r->all, 4 * SSE_EVENT_MAX);
	buf_init(&r->log, 4 * SSE_EVENT_MAX);
}

static void
reader_fini(struct reader *r)
{
	buf_fini(&r->span);
	buf_fini(&r->all);
	buf_fini(&r->log);
}

static void
note(struct reader *r)
{
	struct sse_fields f;
	struct buf scratch;

	buf_init(&scratch, SSE_EVENT_MAX);
	sse_parse(buf_slice(&r->span), &f, &scratch);
	if (f.comment_only)
		buf_add_str(&r->log, "#");
	buf_add(&r->log, f.event);
	if (f.has_data) {
		buf_add_char(&r->log, '|');
		buf_add(&r->log, f.data);
	}
	buf_add_char(&r->log, '\n');
	buf_fini(&scratch);
	buf_add(&r->all, buf_slice(&r->span));
	buf_reset(&r->span);
}

static void
feed(struct reader *r, struct slice bytes)
{
	size_t taken;

	while (bytes.n > 0) {
		enum sse_state state = sse_scan(&r->sse, bytes, &taken);

		assert_true(taken <= bytes.n && state != SSE_LONG);
		buf_add(&r->span, slice_make(bytes.p, taken));
		bytes = slice_make(bytes.p + taken, bytes.n - taken);
		if (state == SSE_EVENT)
			note(r);
		else
			assert_int_equal(bytes.n, 0);
	}
}

/* Cuts at every pair of places, so that each piece may be empty or a byte. */
static void
reads_as(const char *stream, const char *want, bool unfinished)
{
	struct slice all = slice_of(stream);

	for (size_t a = 0; a <= all.n; a++)
		for (size_t b = a; b <= all.n; b++) {
			struct reader r;

			reader_init(&r);
			feed(&r, slice_make(all.p, a));
			feed(&r, slice_make(all.p + a, b - a));
			feed(&r, slice_make(all.p + b, all.n - b));
			assert_int_equal(r.sse.any, unfinished);
			buf_add(&r.all, buf_slice(&r.span));
			assert_true(slice_eq(buf_slice(&r.all), all));
			if (!slice_is(buf_slice(&r.log), want))
				fail_msg("cut at %zu and %zu:\n%.*s", a, b,
				    SLICE_ARG(buf_slice(&r.log)));
			reader_fini(&r);
		}
}

static void
lines_end_in_lf_crlf_or_cr(void **state)
{
	reads_as("data: a\n\ndata: b\n\n", "|a\n|b\n", false);
	reads_as("data: a\r\n\r\ndata: b\r\n\r\n", "|a\n|b\n", false);
	reads_as("data: a\r\rdata: b\r\r", "|a\n|b\n", false);
	reads_as(
	    "data: a\r\n\ndata: b\n\r\ndata: c\n\r\r\n", "|a\n|b\n|c\n", false);
}

static void
newlines_between_events_are_no_events(void **state)
{
	reads_as("\n\n\r\n\rdata: a\n\n\n\n\ndata: b\n\n\n", "|a\n|b\n", false);
}

static void
fields_are_read(void **state)
{
	reads_as("event: ping\ndata:x\nid: 1\nretry: 5\n\n", "ping|x\n", false);
	reads_as("data:  two spaces\n\n", "| two spaces\n", false);
	reads_as("event: a\nevent: b\ndata: {\"k\":\"v: w\"}\n\n",
	    "b|{\"k\":\"v: w\"}\n", false);
	reads_as("data\n\ndata:\n\ndatabase: x\n\n", "|\n|\n\n", false);
	reads_as("event: ping\n\n", "ping\n", false);
}

static void
data_lines_are_joined(void **state)
{
	reads_as("data: a\r\ndata:\r\ndata: c\r\n\r\n", "|a\n\nc\n", false);
	reads_as(
	    "data: a\n: between\nevent: e\ndata: b\n\n", "e|a\nb\n", false);
}

static void
comments_mean_nothing(void **state)
{
	reads_as(": keep-alive\n\n", "#\n", false);
	reads_as(":\n\ndata: a\n\n", "#\n|a\n", false);
}

static void
a_byte_order_mark_is_ignored(void **state)
{
	reads_as("\xef\xbb\xbf"
		 "data: a\n\n",
	    "|a\n", false);
	reads_as("\xef\xbb\xbf: hello\n\n", "#\n", false);
	reads_as("data: a\r\n\r\n\xef\xbb\xbf"
		 "data: b\n\n",
	    "|a\n|b\n", false);
}

static void
an_unfinished_event_is_not_given_out(void **state)
{
	reads_as("data: a\n\ndata: b", "|a\n", true);
	reads_as("data: a\n\ndata: b\n", "|a\n", true);
	reads_as("data: a\n\n\n", "|a\n", false);
}

static void
the_rest_of_a_crlf_goes_along_when_it_is_there(void **state)
{
	struct sse s;
	size_t taken;

	sse_init(&s);
	assert_int_equal(
	    sse_scan(&s, SLICE("data: a\r\n\r\ndata"), &taken), SSE_EVENT);
	assert_int_equal(taken, 11);
	sse_init(&s);
	assert_int_equal(
	    sse_scan(&s, SLICE("data: a\r\n\r"), &taken), SSE_EVENT);
	assert_int_equal(taken, 10);
	assert_int_equal(sse_scan(&s, SLICE("\n"), &taken), SSE_MORE);
	assert_int_equal(taken, 1);
	assert_false(s.any);
}

static void
an_event_may_be_sixteen_mebibytes_and_no_more(void **state)
{
	char *p = malloc(SSE_EVENT_MAX + 1);
	struct sse s;
	size_t taken;

	assert_non_null(p);
	memset(p, 'x', SSE_EVENT_MAX + 1);
	sse_init(&s);
	assert_int_equal(
	    sse_scan(&s, slice_make(p, SSE_EVENT_MAX + 1), &taken), SSE_LONG);
	assert_int_equal(taken, SSE_EVENT_MAX);

	p[SSE_EVENT_MAX - 2] = p[SSE_EVENT_MAX - 1] = '\n';
	sse_init(&s);
	for (size_t i = 0; i < SSE_EVENT_MAX; i++)
		assert_int_equal(sse_scan(&s, slice_make(p + i, 1), &taken),
		    i + 1 < SSE_EVENT_MAX ? SSE_MORE : SSE_EVENT);

	memset(p, '\n', SSE_EVENT_MAX + 1);
	sse_init(&s);
	assert_int_equal(
	    sse_scan(&s, slice_make(p, SSE_EVENT_MAX), &taken), SSE_MORE);
	assert_int_equal(sse_scan(&s, SLICE("\n"), &taken), SSE_LONG);
	assert_int_equal(taken, 0);
	free(p);
}

static void
joined_data_beyond_the_scratch_is_noticed(void **state)
{
	struct sse_fields f;
	struct buf scratch;

	buf_init(&scratch, 4);
	sse_parse(SLICE("data: abc\ndata: def\n\n"), &f, &scratch);
	assert_int_equal(buf_err(&scratch), ERR_LIMIT);
	sse_parse(SLICE("data: much longer\n\n"), &f, &scratch);
	assert_int_equal(buf_err(&scratch), OK);
	assert_true(slice_is(f.data, "much longer"));
	buf_fini(&scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_in_lf_crlf_or_cr),
		cmocka_unit_test(newlines_between_events_are_no_events),
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(data_lines_are_joined),
		cmocka_unit_test(comments_mean_nothing),
		cmocka_unit_test(a_byte_order_mark_is_ignored),
		cmocka_unit_test(an_unfinished_event_is_not_given_out),
		cmocka_unit_test(
		    the_rest_of_a_crlf_goes_along_when_it_is_there),
		cmocka_unit_test(an_event_may_be_sixteen_mebibytes_and_no_more),
		cmocka_unit_test(joined_data_beyond_the_scratch_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
