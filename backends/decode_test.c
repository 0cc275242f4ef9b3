/* backends/decode_test.c - what events and answers of OpenAI's own formats
 * mean, as the various backends write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "backends/wire_error.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct buf scratch;

static struct event
decode(enum dialect dialect, const char *data)
{
	struct event e;

	buf_reset(&scratch);
	backend_decode(dialect, SLICE(""), slice_of(data), &e, &scratch);
	return e;
}

static struct event
chat(const char *data)
{
	return decode(DIALECT_CHAT, data);
}

static void
means(const char *data, unsigned bits)
{
	assert_int_equal(chat(data).bits, bits);
}

static void
delta_means(const char *delta, unsigned bits)
{
	char data[512];

	snprintf(data, sizeof(data),
	    "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":"
	    "[{\"index\":0,\"delta\":%s,\"finish_reason\":null}],"
	    "\"usage\":null}",
	    delta);
	means(data, bits);
}

static void
fails(enum dialect dialect, const char *data, const char *message)
{
	struct event e = decode(dialect, data);

	assert_int_equal(e.bits, EVENT_ERROR);
	assert_int_equal(e.error_message.n, strlen(message));
	assert_memory_equal(e.error_message.p, message, strlen(message));
}

/* --- tokens --- */

static void
text_reasoning_and_refusals_are_tokens(void **state)
{
	delta_means("{\"content\":\"Hi\"}", EVENT_TOKEN);
	delta_means(
	    "{\"reasoning_content\":\"Hm\"}", EVENT_TOKEN | EVENT_REASONING);
	delta_means("{\"reasoning\":\"Hm\"}", EVENT_TOKEN | EVENT_REASONING);
	delta_means("{\"refusal\":\"No\"}", EVENT_TOKEN);
	delta_means("{\"content\":\"\",\"images\":[{\"type\":\"image_url\"}]}",
	    EVENT_TOKEN);
	delta_means("{\"content\":\"\",\"images\":[]}", 0);
	delta_means(
	    "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}", EVENT_TOKEN);
}

static void
roles_and_empty_text_are_not(void **state)
{
	delta_means("{\"role\":\"assistant\",\"content\":\"\"}", 0);
	delta_means("{\"role\":\"assistant\",\"content\":null}", 0);
	delta_means("{\"obfuscation\":\"aXfQ\"}", 0);
	delta_means("{\"content\":[]}", 0);
	delta_means("{}", 0);
	delta_means("null", 0);
}

static void
tool_calls_are_tokens_by_name_or_arguments(void **state)
{
	delta_means("{\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":"
		    "{\"name\":\"f\",\"arguments\":\"\"}}]}",
	    EVENT_TOKEN);
	delta_means("{\"tool_calls\":[{\"index\":0,\"function\":"
		    "{\"arguments\":\"{\"}}]}",
	    EVENT_TOKEN);
	delta_means("{\"tool_calls\":[{\"index\":0,\"function\":"
		    "{\"arguments\":\"\"}}]}",
	    0);
	delta_means("{\"tool_calls\":[]}", 0);
	delta_means("{\"tool_calls\":null}", 0);
	delta_means("{\"function_call\":{\"name\":\"f\"}}", EVENT_TOKEN);
}

static void
words_in_the_text_mean_nothing(void **state)
{
	delta_means("{\"content\":\"\\\"error\\\":{\\\"message\\\":1},"
		    "\\\"usage\\\":{} data: [DONE]\"}",
	    EVENT_TOKEN);
	means("{\"choices\":[],\"prompt_filter_results\":[{\"error\":{}}]}", 0);
	means("{\"choices\":[{\"delta\":{\"role\":\"error\"},"
	      "\"logprobs\":{\"content\":[{\"token\":\"x\"}]}}]}",
	    0);
}

static void
any_choice_may_carry_the_token(void **state)
{
	means("{\"choices\":[{\"index\":0,\"delta\":{}},"
	      "{\"index\":1,\"delta\":{\"content\":\"a\"}}]}",
	    EVENT_TOKEN);
}

static void
choices_begin_and_end_by_their_index(void **state)
{
	struct event e =
	    chat("{\"choices\":[{\"index\":2,\"delta\":{\"content\":\"a\"}},"
		 "{\"finish_reason\":\"stop\",\"delta\":{},\"index\":63},"
		 "{\"delta\":{\"content\":\"b\"},\"index\":64}]}");

	assert_true(e.choices.begun == 1u << 2);
	assert_true(e.choices.ended == UINT64_C(1) << 63);
	e = chat(
	    "{\"choices\":[{\"text\":\"a\",\"finish_reason\":\"length\"}]}");
	assert_true(e.choices.begun == 1 && e.choices.ended == 1);
	e = chat("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}},"
		 "{\"index\":1,\"delta\":{\"content\":\"b\"}}]}");
	assert_true(e.choices.begun == 3);
	assert_int_equal(e.tokens, 2);
}

static void
escaped_keys_are_keys(void **state)
{
	means("{\"ch\\u006fices\":[{\"d\\u0065lta\":{\"content\":\"a\"}}]}",
	    EVENT_TOKEN);
}

/* --- ends --- */

static void
a_finish_reason_may_come_with_the_last_token(void **state)
{
	means("{\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}", 0);
	means("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}",
	    EVENT_FINISH);
	means("{\"choices\":[{\"delta\":{\"content\":\"a\"},"
	      "\"finish_reason\":\"length\"}]}",
	    EVENT_FINISH | EVENT_TOKEN);
}

static void
a_backend_that_gives_up_has_failed(void **state)
{
	fails(DIALECT_CHAT,
	    "{\"choices\":[{\"delta\":{\"content\":\"a\"},"
	    "\"finish_reason\":\"abort\"}]}",
	    "the backend ended the answer with abort");
	fails(DIALECT_CHAT,
	    "{\"choices\":[{\"delta\":{\"content\":\"\"},"
	    "\"finish_reason\":\"insufficient_system_resource\"}]}",
	    "the backend ended the answer with insufficient_system_resource");
	fails(DIALECT_CHAT,
	    "{\"choices\":[{\"finish_reason\":\"network_error\"}]}",
	    "the backend ended the answer with network_error");
	fails(DIALECT_CHAT,
	    "{\"error\":{\"message\":\"gone\",\"code\":502},\"choices\":"
	    "[{\"delta\":{},\"finish_reason\":\"error\"}]}",
	    "gone");
}

/* Their clients get it as it came. */
static void
ends_by_the_words_of_others(void **state)
{
	static const struct {
		const char *reason;
		bool limited;
	} rows[] = {
		{ "stop", false },
		{ "eos", false },
		{ "tool_calls", false },
		{ "length", true },
		{ "model_length", true },
		{ "MAX_TOKENS", true },
		{ "model_context_window_exceeded", true },
		{ "content_filter", true },
		{ "content_filter: PROHIBITED_CONTENT", true },
		{ "SAFETY", true },
		{ "sensitive", true },
	};
	char data[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event e;

		snprintf(data, sizeof(data),
		    "{\"choices\":[{\"index\":0,\"finish_reason\":\"%s\"}]}",
		    rows[i].reason);
		e = chat(data);
		assert_int_equal(e.bits, EVENT_FINISH);
		assert_int_equal(e.limited, rows[i].limited);
	}
}

static void
done_and_silence_are_told_apart(void **state)
{
	means("[DONE]", EVENT_DONE);
	means(" [DONE] ", EVENT_DONE);
	means("", EVENT_IGNORED);
	means(" \n", EVENT_IGNORED);
}

/* --- whole answers --- */

static void
a_whole_answer_is_token_finish_and_usage(void **state)
{
	means("{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,"
	      "\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},"
	      "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,"
	      "\"completion_tokens\":1}}",
	    EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE);
	means("{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{"
	      "\"type\":\"function\",\"function\":{\"name\":\"f\","
	      "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}",
	    EVENT_TOKEN | EVENT_FINISH);
}

static void
an_answer_without_text_has_no_token(void **state)
{
	means("{\"choices\":[{\"message\":{\"content\":\"\"},"
	      "\"finish_reason\":\"stop\"}]}",
	    EVENT_FINISH);
	means("{\"choices\":[]}", 0);
	means("{}", 0);
}

static void
completions_carry_text(void **state)
{
	assert_int_equal(decode(DIALECT_COMPLETIONS,
			     "{\"choices\":[{\"text\":\" a\","
			     "\"finish_reason\":null}]}")
			     .bits,
	    EVENT_TOKEN);
	assert_int_equal(decode(DIALECT_COMPLETIONS,
			     "{\"choices\":[{\"text\":\"\","
			     "\"finish_reason\":\"stop\"}]}")
			     .bits,
	    EVENT_FINISH);
}

static void
embeddings_are_an_answer_in_either_encoding(void **state)
{
	struct event e = decode(DIALECT_EMBEDDINGS,
	    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
	    "\"embedding\":[0.1,2]}],\"usage\":{\"prompt_tokens\":4}}");

	assert_int_equal(e.bits, EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE);
	assert_int_equal(e.usage.input, 4);
	e = decode(
	    DIALECT_EMBEDDINGS, "{\"data\":[{\"embedding\":\"AACAPw==\"}]}");
	assert_int_equal(e.bits, EVENT_TOKEN | EVENT_FINISH);
	e = decode(DIALECT_EMBEDDINGS, "{\"data\":[{\"embedding\":[]}]}");
	assert_int_equal(e.bits, 0);
	e = decode(DIALECT_EMBEDDINGS, "{\"data\":[]}");
	assert_int_equal(e.bits, 0);
}

/* --- errors --- */

static void
each_shape_of_error_is_understood(void **state)
{
	/* OpenAI; vLLM within a stream that began with 200 */
	fails(DIALECT_CHAT,
	    "{\"error\":{\"message\":\"too \\\"long\\\"\",\"type\":"
	    "\"BadRequestError\",\"param\":null,\"code\":400}}",
	    "too \"long\"");
	/* llama.cpp */
	fails(DIALECT_CHAT,
	    "{\"error\":{\"code\":503,\"message\":\"Loading model\","
	    "\"type\":\"unavailable_error\"}}",
	    "Loading model");
	/* TGI */
	fails(DIALECT_CHAT,
	    "{\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}",
	    "Model is overloaded");
	/* vLLM as it was */
	fails(DIALECT_CHAT,
	    "{\"object\":\"error\",\"message\":\"no\",\"type\":\"Bad\","
	    "\"param\":null,\"code\":400}",
	    "no");
	fails(DIALECT_EMBEDDINGS,
	    "{\"object\":\"error\",\"message\":\"no\",\"code\":\"422\"}", "no");
	/* Groq, in a stream */
	fails(DIALECT_CHAT,
	    "{\"choices\":[],\"x_groq\":{\"id\":\"req_1\",\"error\":"
	    "\"over capacity\"}}",
	    "over capacity");
	/* Cloudflare's gateway */
	fails(DIALECT_CHAT,
	    "{\"success\":false,\"error\":[{\"code\":2001,\"message\":"
	    "\"no such gateway\"}]}",
	    "no such gateway");
	fails(DIALECT_COMPLETIONS,
	    "{\"error\":{\"code\":null,\"type\":\"server_error\"}}",
	    "the backend reported an error");
}

static void
no_error_is_no_error(void **state)
{
	means("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}",
	    EVENT_TOKEN);
	means("{\"error\":\"\",\"choices\":[]}", 0);
	means("{\"error\":false,\"choices\":[]}", 0);
}

static void
an_event_named_error_is_one(void **state)
{
	struct event e;

	buf_reset(&scratch);
	backend_decode(DIALECT_CHAT, SLICE("error"),
	    SLICE("{\"message\":\"over capacity\",\"code\":498}"), &e,
	    &scratch);
	assert_int_equal(e.bits, EVENT_ERROR);
	assert_memory_equal(e.error_message.p, "over capacity", 13);
}

static void
what_is_no_json_object_is_an_error(void **state)
{
	static const char *const cases[] = { "<html>", "{\"choices\":[", "[]",
		"{\"choices\":[{\"delta\":{\"content\":\"a\"}}]} x", "\"a\"",
		"{\"a\":\"\t\"}" };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(chat(cases[i]).bits, EVENT_ERROR);
}

static void
text_that_clients_take_is_taken(void **state)
{
	/* half of an emoji, NUL, and a byte that is no UTF-8 */
	delta_means("{\"content\":\"\\ud83d\"}", EVENT_TOKEN);
	delta_means("{\"content\":\"a\\u0000\"}", EVENT_TOKEN);
	delta_means("{\"content\":\"\xe2\x82\"}", EVENT_TOKEN);
	delta_means("{\"content\":\"\",\"x\":\"\\\\\\ud83d\"}", 0);
	/* other escapes in such a text are left alone */
	means("{\"x\":\"\\ud83d\\n\",\"choices\":[{\"delta\":"
	      "{\"content\":\"a\"}}]}",
	    EVENT_TOKEN);
	means(
	    "{\"choices\":[{\"delta\":{\"content\":\"\\u00\"}}]}", EVENT_ERROR);
}

static void
the_data_may_lie_in_scratch(void **state)
{
	static const char text[] =
	    "{\"error\":{\"message\":\"a long enough message to make the "
	    "buffer grow and move while it is being read, perhaps, and so on "
	    "and on until it has passed the size of a first allocation\"}}";
	struct event e;

	buf_fini(&scratch);
	buf_add_str(&scratch, text);
	backend_decode(
	    DIALECT_CHAT, SLICE(""), buf_slice(&scratch), &e, &scratch);
	assert_int_equal(e.bits, EVENT_ERROR);
	assert_memory_equal(e.error_message.p, "a long enough", 13);
}

static void
a_full_scratch_still_tells_of_the_error(void **state)
{
	struct buf tiny;
	struct event e;

	buf_init(&tiny, 4);
	backend_decode(DIALECT_CHAT, SLICE(""),
	    SLICE("{\"error\":\"longer than four\"}"), &e, &tiny);
	assert_int_equal(e.bits, EVENT_ERROR);
	assert_true(e.error_message.n > 0);
	buf_fini(&tiny);
}

/* Of whatever length its escapes are. */
static void
of_a_long_error_the_beginning_is_read(void **state)
{
	static const char *const words[] = { "a", "\\n", "\\u0041",
		"\\ud83d\\ude00" };
	struct buf data;
	struct event e;

	for (size_t i = 0; i < 4 * 16; i++) {
		buf_init(&data, 1 << 20);
		buf_add_str(&data, "{\"error\":{\"message\":\"");
		buf_add(&data, slice_make("0123456789abcdef", i / 4));
		while (data.n < 3 * WIRE_ERROR_READ)
			buf_add_str(&data, words[i % 4]);
		buf_add_str(&data, "\"}}");
		buf_reset(&scratch);
		backend_decode(
		    DIALECT_CHAT, SLICE(""), buf_slice(&data), &e, &scratch);
		assert_int_equal(e.bits, EVENT_ERROR);
		assert_in_range(e.error_message.n, 256, WIRE_ERROR_READ);
		assert_int_not_equal(
		    e.error_message.p[e.error_message.n - 1], '\\');
		buf_fini(&data);
	}
}

static void
deep_nesting_is_refused_not_followed(void **state)
{
	char data[2048] = "{\"choices\":";
	size_t n = strlen(data);

	memset(data + n, '[', 1000);
	assert_int_equal(chat(data).bits, EVENT_ERROR);
}

static int
set_up(void **state)
{
	buf_init(&scratch, SSE_EVENT_MAX);
	return 0;
}

static int
tear_down(void **state)
{
	buf_fini(&scratch);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reasoning_and_refusals_are_tokens),
		cmocka_unit_test(roles_and_empty_text_are_not),
		cmocka_unit_test(tool_calls_are_tokens_by_name_or_arguments),
		cmocka_unit_test(words_in_the_text_mean_nothing),
		cmocka_unit_test(any_choice_may_carry_the_token),
		cmocka_unit_test(choices_begin_and_end_by_their_index),
		cmocka_unit_test(escaped_keys_are_keys),
		cmocka_unit_test(a_finish_reason_may_come_with_the_last_token),
		cmocka_unit_test(a_backend_that_gives_up_has_failed),
		cmocka_unit_test(ends_by_the_words_of_others),
		cmocka_unit_test(done_and_silence_are_told_apart),
		cmocka_unit_test(a_whole_answer_is_token_finish_and_usage),
		cmocka_unit_test(an_answer_without_text_has_no_token),
		cmocka_unit_test(completions_carry_text),
		cmocka_unit_test(embeddings_are_an_answer_in_either_encoding),
		cmocka_unit_test(each_shape_of_error_is_understood),
		cmocka_unit_test(no_error_is_no_error),
		cmocka_unit_test(an_event_named_error_is_one),
		cmocka_unit_test(what_is_no_json_object_is_an_error),
		cmocka_unit_test(text_that_clients_take_is_taken),
		cmocka_unit_test(the_data_may_lie_in_scratch),
		cmocka_unit_test(a_full_scratch_still_tells_of_the_error),
		cmocka_unit_test(of_a_long_error_the_beginning_is_read),
		cmocka_unit_test(deep_nesting_is_refused_not_followed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
