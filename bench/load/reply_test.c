/* bench/load/reply_test.c - replies, cut anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* Feeds `wire` in pieces of `step` bytes; the body so far in *body. */
static enum reply_state
feed(struct reply *r, struct slice wire, size_t step, struct buf *body)
{
	enum reply_state state = REPLY_MORE;
	struct slice piece, some;
	size_t n;

	while (wire.n > 0 && state == REPLY_MORE) {
		n = step < wire.n ? step : wire.n;
		/* on the heap, so that a read past its end is seen */
		char *copy = malloc(n);

		memcpy(copy, wire.p, n);
		piece = slice_make(copy, n);
		while ((state = reply_read(r, &piece, &some)) == REPLY_BODY)
			buf_add(body, some);
		wire = slice_make(wire.p + n, wire.n - n);
		free(copy);
	}
	return state;
}

/* The same, cut everywhere: the whole reply, and its body, each time. */
static void
reads_as(const char *wire, const char *body)
{
	struct reply r;
	struct buf got;

	buf_init(&got, 1 << 16);
	reply_init(&r);
	for (size_t step = 1; step <= strlen(wire); step++) {
		reply_reset(&r);
		buf_reset(&got);
		assert_int_equal(
		    feed(&r, slice_of(wire), step, &got), REPLY_END);
		assert_true(slice_is(buf_slice(&got), body));
	}
	reply_fini(&r);
	buf_fini(&got);
}

static enum reply_state
state_of(const char *wire)
{
	struct reply r;
	struct buf body;
	enum reply_state state;

	buf_init(&body, 1 << 16);
	reply_init(&r);
	state = feed(&r, slice_of(wire), strlen(wire), &body);
	reply_fini(&r);
	buf_fini(&body);
	return state;
}

static void
a_body_by_length_is_read(void **state)
{
	reads_as("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello");
	reads_as("HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "");
}

static void
chunks_are_joined_and_trailers_skipped(void **state)
{
	reads_as("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "5\r\nhello\r\n1;x=y\r\n,\r\nA\r\n two words\r\n"
		 "0\r\nx-sum: 1\r\n\r\n",
	    "hello, two words");
}

static void
an_interim_reply_is_not_the_reply(void **state)
{
	reads_as("HTTP/1.1 100 Continue\r\n\r\n"
		 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	    "ok");
	reads_as("HTTP/1.1 204 No Content\r\n\r\n", "");
}

static void
broken_framing_is_refused(void **state)
{
	assert_int_equal(state_of("SSH-2.0-OpenSSH_9.2\r\n"), REPLY_BAD);
	assert_int_equal(state_of("HTTP/1.1 20\r\n\r\n"), REPLY_BAD);
	assert_int_equal(
	    state_of("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
	    REPLY_BAD);
	assert_int_equal(state_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				  "chunked\r\n\r\nzz\r\n"),
	    REPLY_BAD);
	assert_int_equal(state_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
				  "chunked\r\n\r\n2\r\nabc\r\n"),
	    REPLY_BAD);
}

static void
a_line_without_end_is_refused(void **state)
{
	struct reply r;
	char *line = malloc(REPLY_LINE_MAX + 1);
	struct slice in, body;

	memset(line, 'x', REPLY_LINE_MAX + 1);
	in = slice_make(line, REPLY_LINE_MAX + 1);
	reply_init(&r);
	assert_int_equal(reply_read(&r, &in, &body), REPLY_BAD);
	reply_fini(&r);
	free(line);
}

static void
a_cut_body_is_not_whole(void **state)
{
	struct reply r;
	struct buf body;

	buf_init(&body, 1 << 16);
	reply_init(&r);
	feed(&r, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), 99,
	    &body);
	assert_false(reply_eof(&r));
	reply_reset(&r);
	feed(&r, SLICE("HTTP/1.1 200 OK\r\n\r\nto the end"), 99, &body);
	assert_true(reply_eof(&r));
	assert_false(reply_reusable(&r));
	reply_fini(&r);
	buf_fini(&body);
}

static void
the_next_reply_is_left_in_place(void **state)
{
	static const char wire[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
				   "\r\naHTTP/1.1 404 No\r\n"
				   "Connection: close\r\nContent-Length: 0\r\n"
				   "\r\n";
	struct slice in = slice_of(wire), body;
	struct reply r;

	reply_init(&r);
	assert_int_equal(reply_read(&r, &in, &body), REPLY_BODY);
	assert_int_equal(reply_read(&r, &in, &body), REPLY_END);
	assert_true(reply_reusable(&r));
	reply_reset(&r);
	assert_int_equal(reply_read(&r, &in, &body), REPLY_END);
	assert_int_equal(r.status, 404);
	assert_false(reply_reusable(&r));
	assert_int_equal(in.n, 0);
	reply_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_by_length_is_read),
		cmocka_unit_test(chunks_are_joined_and_trailers_skipped),
		cmocka_unit_test(an_interim_reply_is_not_the_reply),
		cmocka_unit_test(broken_framing_is_refused),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(a_cut_body_is_not_whole),
		cmocka_unit_test(the_next_reply_is_left_in_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
