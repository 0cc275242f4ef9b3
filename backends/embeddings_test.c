/* backends/embeddings_test.c - vectors as lists and as base64. */
#include <string.h>

#include "backends/embeddings.h"
#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define OUT_MAX ((size_t)1 << 20)

/* As a request does it, turn by turn. */
static enum transcoding
transcode(struct slice reply, bool base64, struct buf *out, unsigned *turns)
{
	struct transcoder *t = transcoder_new(reply, base64, out->max);
	enum transcoding how;

	assert_non_null(t);
	*turns = 0;
	do {
		how = transcoder_run(t);
		++*turns;
	} while (how == TRANSCODE_MORE);
	if (how == TRANSCODE_DONE)
		transcoder_take(t, out);
	transcoder_free(&t);
	return how;
}

static void
into(struct slice reply, bool base64, struct buf *out)
{
	unsigned turns;

	assert_int_equal(transcode(reply, base64, out, &turns), TRANSCODE_DONE);
	assert_int_equal(buf_err(out), OK);
}

static void
converts(const char *reply, bool base64, const char *want)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	into(slice_of(reply), base64, &out);
	buf_add_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_fini(&out);
}

static void
stays(const char *reply, bool base64)
{
	struct buf out;
	unsigned turns;

	buf_init(&out, OUT_MAX);
	assert_int_equal(transcode(slice_of(reply), base64, &out, &turns),
	    TRANSCODE_NOTHING);
	assert_int_equal(out.n, 0);
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
	static const char *const replies[] = { "{}", "{\"data\":{}}",
		"{\"data\":[]}", "{\"data\":[7,{}]}",
		"{\"data\":[{\"embedding\":null}]}",
		"{\"data\":[{\"embedding\":[\"a\"]}]}",
		"{\"data\":[{\"embedding\":[[1]]}]}",
		"{\"data\":[{\"embedding\":[1e39]}]}",
		"{\"data\":[{\"embedding\":\"AACA\"}]}",
		"{\"data\":[{\"embedding\":\"AACAPw=\"}]}",
		"{\"data\":[{\"embedding\":\"!!!!\"}]}",
		"{\"data\":[{\"embedding\":\"====\"}]}",
		"{\"data\":[{\"embedding\":\"    AACAPw==\"}]}",
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
	unsigned turns;

	buf_init(&out, 20);
	assert_int_equal(
	    transcode(SLICE("{\"data\":[{\"embedding\":[1,2,3]}]}"), true, &out,
		&turns),
	    TRANSCODE_FAILED);
	/* also where something after it is no vector */
	assert_int_equal(transcode(SLICE("{\"data\":[{\"embedding\":[1,2,3]},"
					 "{\"embedding\":[{}]}]}"),
			     true, &out, &turns),
	    TRANSCODE_FAILED);
	assert_int_equal(out.n, 0);
	buf_fini(&out);
}

/* A list of n numbers, from what is random, any but infinite. */
static void
add_vector(struct buf *reply, size_t n, struct rng *rng)
{
	union {
		uint32_t bits;
		float f;
	} v;

	buf_add_str(reply, "{\"embedding\":[1");
	while (--n > 0) {
		do
			v.bits = rng_u32(rng);
		while ((v.bits >> 23 & 0xff) == 0xff);
		buf_addf(reply, ",%.9g", (double)v.f);
	}
	buf_add_str(reply, "]}");
}

/* Every float32 survives the way to base64 and back, whatever number of them
 * is taken at a time. */
static void
no_bit_is_lost(void **state)
{
	struct buf list, base64, again;
	struct rng rng;

	rng_init(&rng, 42, 1);
	buf_init(&list, OUT_MAX);
	buf_init(&base64, OUT_MAX);
	buf_init(&again, OUT_MAX);
	for (size_t n = 1; n < 4000; n += n < 760 || n > 775 ? 1 + n / 3 : 1) {
		buf_reset(&list);
		buf_add_str(&list, "{\"data\":[");
		add_vector(&list, n, &rng);
		buf_add_str(&list, "]}");
		into(buf_slice(&list), true, &base64);
		into(buf_slice(&base64), false, &again);
		assert_true(slice_eq(buf_slice(&again), buf_slice(&list)));
	}
	buf_fini(&list);
	buf_fini(&base64);
	buf_fini(&again);
}

/* One vector, however long, or many: others have a turn meanwhile. */
static void
a_long_reply_takes_turns(void **state)
{
	const size_t counts[][2] = { { 1, 30000 }, { 100, 300 } };
	struct buf list, base64, again;
	struct rng rng;
	unsigned turns;

	rng_init(&rng, 42, 2);
	buf_init(&list, OUT_MAX);
	buf_init(&base64, OUT_MAX);
	buf_init(&again, OUT_MAX);
	for (size_t i = 0; i < COUNT(counts); i++) {
		buf_reset(&list);
		buf_add_str(&list, "{\"data\":[");
		for (size_t k = 0; k < counts[i][0]; k++) {
			buf_add_str(&list, k > 0 ? "," : "");
			add_vector(&list, counts[i][1], &rng);
		}
		buf_add_str(&list, "]}");
		transcode(buf_slice(&list), true, &base64, &turns);
		assert_in_range(turns, list.n / TRANSCODE_SLICE / 2,
		    list.n / TRANSCODE_SLICE + 1);
		transcode(buf_slice(&base64), false, &again, &turns);
		assert_in_range(turns, base64.n / TRANSCODE_SLICE / 2,
		    base64.n / TRANSCODE_SLICE + 1);
		assert_true(slice_eq(buf_slice(&again), buf_slice(&list)));
	}
	buf_fini(&list);
	buf_fini(&base64);
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
		cmocka_unit_test(a_long_reply_takes_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
