/* backends/decode_passed_test.c - answers that pass: their ends, their errors
 * and what they cost. */
#include "backends/backend.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BOTH (EVENT_TOKEN | EVENT_FINISH)

static struct event
decode(const char *data)
{
	struct event e;
	struct buf scratch;

	buf_init(&scratch, 4096);
	backend_decode(
	    DIALECT_TRANSCRIPTION, SLICE(""), slice_of(data), &e, &scratch);
	buf_fini(&scratch);
	return e;
}

/* As a number, or as some write it, a string. */
static void
sound_has_a_length(void **state)
{
	static const struct {
		const char *data;
		double seconds;
	} rows[] = {
		{ "{\"text\":\"a\",\"usage\":{\"type\":\"duration\","
		  "\"seconds\":9}}",
		    9 },
		{ "{\"duration\":8.47,\"text\":\"a\"}", 8.47 },
		{ "{\"duration\":\"2.5\",\"text\":\"a\"}", 2.5 },
		{ "{\"duration\":-1,\"text\":\"a\"}", 0 },
		{ "{\"duration\":null,\"text\":\"a\"}", 0 },
		{ "{\"duration\":1e999,\"text\":\"a\"}", 0 },
		{ "{\"duration\":1e300,\"text\":\"a\"}", 0 },
		{ "{\"duration\":1000001,\"text\":\"a\"}", 0 },
		{ "{\"duration\":1000000,\"text\":\"a\"}", 1e6 },
		{ "{\"text\":\"a\"}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event e = decode(rows[i].data);

		assert_true(e.usage.seconds >= rows[i].seconds &&
		    e.usage.seconds <= rows[i].seconds);
		assert_false(e.usage.known);
		assert_int_equal(
		    (e.bits & EVENT_USAGE) != 0, rows[i].seconds > 0 || i == 0);
	}
}

static void
parts_and_ends_are_told_apart(void **state)
{
	static const struct {
		const char *data;
		unsigned bits, begun, ended;
	} rows[] = {
		{ "{\"type\":\"transcript.text.delta\",\"delta\":\"a\"}",
		    EVENT_TOKEN, 1, 0 },
		{ "{\"type\":\"transcript.text.done\"}", BOTH, 0, 1 },
		{ "{\"type\":\"speech.audio.delta\"}", EVENT_TOKEN, 1, 0 },
		{ "{\"type\":\"speech.audio.done\"}", BOTH, 0, 1 },
		{ "{\"type\":\"image_edit.partial_image\"}", EVENT_TOKEN, 1,
		    0 },
		{ "{\"type\":\"image_generation.completed\"}", BOTH, 0, 1 },
		{ "{\"choices\":[{\"delta\":{\"content\":\"\"}}]}", 0, 0, 0 },
		{ "{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
		    EVENT_TOKEN, 1, 0 },
		{ "{\"choices\":[{\"finish_reason\":\"stop\"}]}", EVENT_FINISH,
		    0, 1 },
		{ "{\"choices\":[]}", 0, 0, 0 },
		{ "[DONE]", EVENT_DONE, 0, 0 },
		{ "{\"text\":\"\"}", BOTH, 0, 0 },
		{ "{}", BOTH, 0, 0 },
		{ "[{\"index\":0}]", BOTH, 0, 0 },
		{ "{\"text\":\"a\",\"error\":null}", BOTH, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event e = decode(rows[i].data);

		assert_int_equal(e.bits, rows[i].bits);
		assert_int_equal(e.choices.begun, rows[i].begun);
		assert_int_equal(e.choices.ended, rows[i].ended);
		assert_int_equal(e.tokens, 0);
	}
}

static void
errors_are_none(void **state)
{
	static const char *const rows[] = {
		"{\"error\":{\"message\":\"no\"}}",
		"{\"type\":\"error\",\"message\":\"no\"}",
		"{\"object\":\"error\",\"message\":\"no\"}",
		"{\"choices\":[],\"error\":\"no\"}",
		"hello",
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(decode(rows[i]).bits, EVENT_ERROR);
}

static void
only_what_is_told_in_tokens_is_known(void **state)
{
	struct event e = decode("{\"text\":\"\",\"usage\":{\"type\":"
				"\"duration\",\"seconds\":3}}");

	assert_false(e.usage.known);
	e = decode("{\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,"
		   "\"output_tokens\":45,\"total_tokens\":59}}");
	assert_true(e.usage.known);
	assert_int_equal(e.usage.input, 14);
	assert_int_equal(e.usage.output, 45);
	e = decode("{\"results\":[],\"usage\":{\"total_tokens\":59}}");
	assert_true(e.usage.known);
	assert_int_equal(e.usage.input, 59);
	assert_int_equal(e.usage.output, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_has_a_length),
		cmocka_unit_test(parts_and_ends_are_told_apart),
		cmocka_unit_test(errors_are_none),
		cmocka_unit_test(only_what_is_told_in_tokens_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
