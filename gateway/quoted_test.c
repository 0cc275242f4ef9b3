/* gateway/quoted_test.c - which words of a refusal are ids of the request. */
#include "gateway/quoted.h"

#include "gateway/lib/buf.h"
#include "gateway/lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool
quotes(const char *said, const char *body)
{
	return quoted_id(slice_of(said), slice_of(body), SLICE("m-1"));
}

static void
ids_of_the_request_are_found(void **state)
{
	static const char body[] =
	    "{\"model\":\"m-1\",\"a\":[\"vs_6abc\",\"file-9\"],\"b_\":\"x y\"}";

	(void)state;
	assert_true(quotes("Vector store with id [vs_6abc] not found.", body));
	assert_true(quotes("file-9", body));
	assert_false(quotes("no b_", body)); /* two bytes */
	assert_false(quotes("vs_6 is not there", body)); /* a part of one */
	assert_false(quotes("The model `m-1` does not exist", body));
	assert_false(quotes("404 page not found", body));
	assert_false(quotes("Unexpected endpoint (POST /v1/responses)", body));
	assert_false(quotes("", body));
	assert_false(quotes("vs_6abc", ""));
	assert_false(quotes("vs_6abc", "\"vs_6abc"));
}

#define WORDS 16000 /* as many as an error of 64 KiB has room for */
#define STRINGS ((size_t)16 << 20) /* bytes */

/* A worker does nothing else meanwhile. Word by word it took a minute. */
static void
many_words_take_no_longer(void **state)
{
	struct buf said, body;
	usec began;

	(void)state;
	buf_init(&said, WORDS * 8);
	for (unsigned i = 0; i < WORDS; i++)
		buf_addf(&said, "a%x,", i);
	buf_init(&body, STRINGS + 64);
	while (body.n < STRINGS)
		buf_add_str(&body, "\"lorem ipsum dolor sit amet\",");
	assert_int_equal(buf_err(&said), OK);
	assert_int_equal(buf_err(&body), OK);
	began = clock_now();
	assert_false(quoted_id(buf_slice(&said), buf_slice(&body), SLICE("")));
	assert_true(clock_now() - began < 3 * USEC_SEC);
	buf_add_str(&body, "\"a3e7f\""); /* the last of them */
	assert_true(quoted_id(buf_slice(&said), buf_slice(&body), SLICE("")));
	buf_fini(&said);
	buf_fini(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_of_the_request_are_found),
		cmocka_unit_test(many_words_take_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
