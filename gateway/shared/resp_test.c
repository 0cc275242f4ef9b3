/* gateway/shared/resp_test.c - a protocol's words out, and its answers in. */
#include "gateway/shared/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void
words_go_out_with_their_lengths(void **state)
{
	const struct slice words[] = { SLICE("SET"), SLICE("a\r\nb"),
		SLICE("") };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	resp_add(&b, words, 3);
	assert_true(slice_is(
	    buf_slice(&b), "*3\r\n$3\r\nSET\r\n$4\r\na\r\nb\r\n$0\r\n\r\n"));
	buf_fini(&b);
}

static char *bytes; /* the answer's, of its own size */

static enum resp_state
answer_of(const char *text, size_t n, struct resp_answer *a)
{
	enum resp_state s;
	size_t taken = 0;

	free(bytes);
	bytes = malloc(n > 0 ? n : 1);
	assert_non_null(bytes);
	memcpy(bytes, text, n);
	s = resp_read(slice_make(bytes, n), a, &taken);
	if (s == RESP_ANSWER)
		assert_true(taken <= n);
	return s;
}

static void
each_part_of_an_answer_is_waited_for(void **state)
{
	static const char text[] = "*3\r\n$2\r\n12\r\n:-7\r\n+OK\r\n";
	struct resp_answer a;
	size_t taken;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++)
		assert_int_equal(answer_of(text, n, &a), RESP_MORE);
	assert_int_equal(
	    resp_read(
		SLICE("*3\r\n$2\r\n12\r\n:-7\r\n+OK\r\n+more"), &a, &taken),
	    RESP_ANSWER);
	assert_int_equal(taken, sizeof(text) - 1);
	assert_int_equal(a.n, 3);
	assert_true(slice_is(a.values[0], "12"));
	assert_true(slice_is(a.values[1], "-7"));
	assert_true(slice_is(a.values[2], "OK"));
}

static void
an_error_is_told(void **state)
{
	struct resp_answer a;

	(void)state;
	assert_int_equal(answer_of("-NOAUTH no\r\n", 12, &a), RESP_ANSWER);
	assert_true(slice_is(a.error, "NOAUTH no"));
	assert_int_equal(answer_of("-\r\n", 3, &a), RESP_ANSWER);
	assert_non_null(a.error.p);
	assert_int_equal(answer_of("*0\r\n", 4, &a), RESP_ANSWER);
	assert_null(a.error.p);
	assert_int_equal(a.n, 0);
}

static void
what_nobody_could_have_asked_for(void **state)
{
	static const char *const texts[] = { "\r\n", "x\r\n", "+OK\n", "\n",
		"HTTP/1.1 400 Bad Request\r\n", "*9\r\n", "*1000000000\r\n",
		"*-1\r\n", "*\r\n", "*1\r\n*1\r\n", "*1\r\n$-1\r\n", "$-1\r\n",
		"$400000000\r\n", "$99999999999999999999999\r\n", "$1\r\nabc",
		"*1\r\n-ERR\r\n", ">1\r\n", "* 1\r\n" };
	struct resp_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(
		    answer_of(texts[i], strlen(texts[i]), &a), RESP_BAD);
}

static int
free_bytes(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_go_out_with_their_lengths),
		cmocka_unit_test(each_part_of_an_answer_is_waited_for),
		cmocka_unit_test(an_error_is_told),
		cmocka_unit_test(what_nobody_could_have_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, free_bytes);
}
