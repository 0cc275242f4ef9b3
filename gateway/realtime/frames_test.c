/* gateway/realtime/frames_test.c - WebSocket frames, read as they pass by. */
#include "gateway/realtime/frames.h"

#include <string.h>

#include "gateway/realtime/testing.h"

/* The messages of text in it, each with a bar behind; read in pieces. */
static void
assert_reads(struct slice bytes, size_t piece, const char *want)
{
	struct frames f = { 0 };
	struct frame_piece p;
	struct slice rest;
	struct buf got;
	size_t n;

	buf_init(&got, 1 << 20);
	for (size_t at = 0; at < bytes.n; at += n) {
		n = piece < bytes.n - at ? piece : bytes.n - at;
		rest = slice_make(bytes.p + at, n);
		while (frames_next(&f, &rest, &p)) {
			for (size_t i = 0; i < p.bytes.n; i++)
				buf_add_char(
				    &got, (char)(p.bytes.p[i] ^ p.mask[i & 3]));
			if (p.last)
				buf_add_char(&got, '|');
		}
		assert_true(f.lost || rest.n == 0);
	}
	assert_true(slice_is(buf_slice(&got), want));
	buf_fini(&got);
}

static void
assert_reads_however_cut(struct buf *b, const char *want)
{
	for (size_t piece = 1; piece <= b->n; piece++)
		assert_reads(buf_slice(b), piece, want);
	buf_reset(b);
}

static void
messages_are_found_however_they_are_cut(void **state)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	put_frame(&b, TEXT, SLICE("abc"), 0);
	put_frame(&b, TEXT, SLICE(""), 0);
	put_frame(&b, BINARY, SLICE("not text"), 0);
	put_frame(&b, TEXT, SLICE("defgh"), 0xa1b2c3d4);
	assert_reads_however_cut(&b, "abc||defgh|");
	put_frame(&b, BEGINS, SLICE("ab"), 0x01020304);
	put_frame(&b, PING, SLICE("are you there"), 0);
	put_frame(&b, CONTINUES, SLICE(""), 0);
	put_frame(&b, ENDS, SLICE("cdefg"), 0x01020304);
	put_frame(&b, TEXT, SLICE("h"), 0);
	assert_reads_however_cut(&b, "abcdefg|h|");
	buf_fini(&b);
}

static void
lengths_of_two_and_eight_bytes_are_read(void **state)
{
	static char long_text[70000];
	struct frames f = { 0 };
	struct frame_piece p;
	struct slice rest;
	struct buf b;
	size_t n = 0;

	memset(long_text, 'x', sizeof(long_text));
	buf_init(&b, 1 << 20);
	put_frame(&b, TEXT, slice_make(long_text, 300), 0);
	put_frame(&b, TEXT, slice_make(long_text, sizeof(long_text)), 7);
	rest = buf_slice(&b);
	while (frames_next(&f, &rest, &p))
		n += p.bytes.n;
	assert_int_equal(n, 300 + sizeof(long_text));
	assert_true(frames_pause(&f));
	buf_fini(&b);
}

static void
between_frames_there_is_a_pause(void **state)
{
	struct frames f = { 0 };
	struct frame_piece p;
	struct slice rest = SLICE("\x81\x03"
				  "ab");

	assert_true(frames_pause(&f));
	while (frames_next(&f, &rest, &p))
		continue;
	assert_false(frames_pause(&f));
	rest = SLICE("c");
	assert_true(frames_next(&f, &rest, &p));
	assert_true(frames_pause(&f));
	rest = SLICE("\x88");
	assert_false(frames_next(&f, &rest, &p));
	assert_false(frames_pause(&f) || f.closed);
	rest = SLICE("\x02\x03");
	assert_false(frames_next(&f, &rest, &p));
	assert_true(f.closed && !frames_over(&f));
	rest = SLICE("\xe8");
	assert_false(frames_next(&f, &rest, &p));
	assert_true(frames_pause(&f) && frames_over(&f));
}

static void
what_is_no_websocket_is_given_up(void **state)
{
	static const struct slice bad[] = {
		{ "\xc1\x01"
		  "a",
		    3 }, /* a bit of an extension */
		{ "\x80\x01"
		  "a",
		    3 }, /* continues nothing */
		{ "\x83\x01"
		  "a",
		    3 }, /* no such opcode */
		{ "\x09\x01"
		  "a",
		    3 }, /* a ping in parts */
		{ "\x89\x7e\x00\x7e", 4 }, /* a long one */
		{ "\x81\x7f\x80\0\0\0\0\0\0\1", 10 }, /* 2^63 and one */
		{ "\x01\x01"
		  "a"
		  "\x81\x01"
		  "b",
		    6 }, /* begins in another */
	};
	struct frames f;
	struct frame_piece p;
	struct slice rest;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		f = (struct frames){ 0 };
		rest = bad[i];
		while (frames_next(&f, &rest, &p))
			continue;
		assert_true(f.lost);
		assert_false(frames_pause(&f));
		rest = SLICE("\x81\x01"
			     "a");
		assert_false(frames_next(&f, &rest, &p));
	}
}

static void
a_giant_length_is_counted_down_and_not_believed(void **state)
{
	struct frames f = { 0 };
	struct frame_piece p;
	struct slice rest = SLICE("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
				  "ab");

	assert_true(frames_next(&f, &rest, &p));
	assert_int_equal(p.bytes.n, 2);
	assert_false(p.last || f.lost);
}

static void
a_close_says_why(void **state)
{
	char bytes[16];
	struct buf b;

	buf_on(&b, bytes, sizeof(bytes));
	frame_close(&b, 1011, SLICE(""));
	frame_close(&b, 1008, SLICE("no"));
	assert_true(slice_is(buf_slice(&b),
	    "\x88\x02\x03\xf3"
	    "\x88\x04\x03\xf0no"));
}

static void
a_message_has_its_length_in_front(void **state)
{
	static char text[300];
	struct buf ours, theirs;

	memset(text, 'x', sizeof(text));
	buf_init(&ours, 1000);
	buf_init(&theirs, 1000);
	for (size_t n = 125; n <= sizeof(text); n += n == 125 ? 1 : 174) {
		frame_text(&ours, slice_make(text, n));
		put_frame(&theirs, TEXT, slice_make(text, n), 0);
	}
	assert_int_equal(ours.n, theirs.n);
	assert_memory_equal(ours.p, theirs.p, ours.n);
	buf_fini(&ours);
	buf_fini(&theirs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_found_however_they_are_cut),
		cmocka_unit_test(lengths_of_two_and_eight_bytes_are_read),
		cmocka_unit_test(between_frames_there_is_a_pause),
		cmocka_unit_test(what_is_no_websocket_is_given_up),
		cmocka_unit_test(
		    a_giant_length_is_counted_down_and_not_believed),
		cmocka_unit_test(a_close_says_why),
		cmocka_unit_test(a_message_has_its_length_in_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
