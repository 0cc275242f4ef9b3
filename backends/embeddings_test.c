/* backends/embeddings_test.c - vectors as lists and as base64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define OUT_MAX ((size_t)1 << 20)

static void
converts(const char *reply, bool base64, const char *want)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	assert_true(backend_convert_embeddings(slice_of(reply), base64, &out));
	assert_int_equal(buf_err(&out), OK);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

static void
stays(const char *reply, bool base64)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	buf_add_str(&out, "before");
	assert_false(backend_convert_embeddings(slice_of(reply), base64, &out));
	assert_int_equal(out.n, strlen("before"));
	assert_int_equal(buf_err(&out), OK);
	buf_fini(&out);
}

static void
lists_become_little_endian_base64(void **state)
{
	converts("{\"data\":[{\"embedding\":[1, -2.5,0]}]}", true,
	    "{\"data\":[{\"embedding\":\"AACAPwAAIMAAAAAA\"}]}");
}

static void
base64_becomes_a_list(void **state)
{
	converts("{\"data\":[{\"embedding\":\"AACAPwAAIMA=\"}]}", false,
	    "{\"data\":[{\"embedding\":[1,-2.5]}]}");
}

static void
everything_else_stays_byte_for_byte(void **state)
{
	converts("\n{ \"object\" : \"list\", \"data\":[ {\"index\":0, "
		 "\"embedding\" : [1] , \"x\":1.00 },\n{\"embedding\":[1],"
		 "\"index\":1}], \"usage\":{\"prompt_tokens\":12345678901234}}",
	    true,
	    "\n{ \"object\" : \"list\", \"data\":[ {\"index\":0, "
	    "\"embedding\" : \"AACAPw==\" , \"x\":1.00 },\n{\"embedding\":"
	    "\"AACAPw==\",\"index\":1}], \"usage\":{\"prompt_tokens\":"
	    "12345678901234}}");
}

static void
only_what_differs_is_converted(void **state)
{
	converts(
	    "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":[1]}]}",
	    true,
	    "{\"data\":[{\"embedding\":\"AACAPw==\"},"
	    "{\"embedding\":\"AACAPw==\"}]}");
}

static void
an_empty_vector_stays_empty(void **state)
{
	converts("{\"data\":[{\"embedding\":[]}]}", true,
	    "{\"data\":[{\"embedding\":\"\"}]}");
	converts("{\"data\":[{\"embedding\":\"\"}]}", false,
	    "{\"data\":[{\"embedding\":[]}]}");
}

static void
what_fits_already_is_not_touched(void **state)
{
	stays("{\"data\":[{\"embedding\":[1]}]}", false);
	stays("{\"data\":[{\"embedding\":\"AACAPw==\"}]}", true);
}

static void
what_is_no_such_reply_is_not_touched(void **state)
{
	static const char *const replies[] = { "", "[]", "{", "{}",
		"{\"data\":{}}", "{\"data\":[]}", "{\"data\":[7,{}]}",
		"{\"data\":[{\"embedding\":null}]}",
		"{\"data\":[{\"embedding\":[\"a\"]}]}",
		"{\"data\":[{\"embedding\":[[1]]}]}",
		"{\"data\":[{\"embedding\":[1e39]}]}",
		"{\"data\":[{\"embedding\":\"AACA\"}]}",
		"{\"data\":[{\"embedding\":\"AACAPw=\"}]}",
		"{\"data\":[{\"embedding\":\"!!!!\"}]}",
		"{\"data\":[{\"embedding\":\"====\"}]}",
		/* infinity */
		"{\"data\":[{\"embedding\":\"AACAfw==\"}]}" };

	for (size_t i = 0; i < COUNT(replies); i++) {
		if (strstr(replies[i], ":[{\"embedding\":\"") == NULL)
			stays(replies[i], true);
		if (strstr(replies[i], ":[{\"embedding\":[") == NULL)
			stays(replies[i], false);
	}
}

static void
a_reply_beyond_the_cap_is_an_error_not_a_cut(void **state)
{
	struct buf out;

	buf_init(&out, 20);
	assert_true(backend_convert_embeddings(
	    SLICE("{\"data\":[{\"embedding\":[1,2,3]}]}"), true, &out));
	assert_int_equal(buf_err(&out), ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_fini(&out);
}

/* Every float32 survives the way to a list and back. */
static void
no_bit_is_lost(void **state)
{
	struct buf list, first, again;
	struct rng rng;
	union {
		uint32_t bits;
		float f;
	} v;

	rng_init(&rng, 42, 1);
	buf_init(&list, OUT_MAX);
	buf_init(&first, OUT_MAX);
	buf_init(&again, OUT_MAX);
	buf_add_str(&list, "{\"data\":[{\"embedding\":[1");
	for (int i = 0; i < 2000; i++) {
		v.bits = rng_u32(&rng);
		if ((v.bits >> 23 & 0xff) != 0xff)
			buf_addf(&list, ",%.17g", (double)v.f);
	}
	buf_add_str(&list, "]}]}");
	assert_true(backend_convert_embeddings(buf_slice(&list), true, &first));
	buf_reset(&list);
	assert_true(
	    backend_convert_embeddings(buf_slice(&first), false, &list));
	assert_true(backend_convert_embeddings(buf_slice(&list), true, &again));
	assert_true(slice_eq(buf_slice(&first), buf_slice(&again)));
	assert_true(first.n > 2000 * 5);
	buf_fini(&list);
	buf_fini(&first);
	buf_fini(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_become_little_endian_base64),
		cmocka_unit_test(base64_becomes_a_list),
		cmocka_unit_test(everything_else_stays_byte_for_byte),
		cmocka_unit_test(only_what_differs_is_converted),
		cmocka_unit_test(an_empty_vector_stays_empty),
		cmocka_unit_test(what_fits_already_is_not_touched),
		cmocka_unit_test(what_is_no_such_reply_is_not_touched),
		cmocka_unit_test(a_reply_beyond_the_cap_is_an_error_not_a_cut),
		cmocka_unit_test(no_bit_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
