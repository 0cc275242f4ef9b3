/* backends/decode_typed_test.c - what the events of /responses and /messages
 * mean. */
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct buf scratch;

static struct event
decode(enum dialect dialect, const char *name, const char *data)
{
	struct event e;

	buf_reset(&scratch);
	backend_decode(dialect, slice_of(name), slice_of(data), &e, &scratch);
	return e;
}

static struct event
response(const char *data)
{
	return decode(DIALECT_RESPONSES, "", data);
}

static struct event
message(const char *data)
{
	return decode(DIALECT_MESSAGES, "", data);
}

static void
says(const struct event *e, const char *text)
{
	assert_int_equal(e->bits & EVENT_ERROR, EVENT_ERROR);
	assert_int_equal(e->error_message.n, strlen(text));
	assert_memory_equal(e->error_message.p, text, strlen(text));
}

/* --- /responses --- */

static void
deltas_of_any_kind_are_tokens(void **state)
{
	static const char *const kinds[] = { "response.output_text.delta",
		"response.reasoning_summary_text.delta",
		"response.refusal.delta",
		"response.function_call_arguments.delta" };
	char data[256];

	for (size_t i = 0; i < COUNT(kinds); i++) {
		snprintf(data, sizeof(data),
		    "{\"type\":\"%s\",\"item_id\":\"i\",\"delta\":\"a\"}",
		    kinds[i]);
		assert_int_equal(response(data).bits, EVENT_TOKEN);
	}
	assert_int_equal(response("{\"type\":\"response.output_text.delta\","
				  "\"delta\":\"\"}")
			     .bits,
	    0);
	assert_int_equal(response("{\"type\":\"response.reasoning_text.delta\","
				  "\"delta\":\"a\"}")
			     .bits,
	    EVENT_TOKEN | EVENT_REASONING);
}

static void
the_events_name_serves_where_no_type_is_given(void **state)
{
	assert_int_equal(decode(DIALECT_RESPONSES, "response.output_text.delta",
			     "{\"delta\":\"a\"}")
			     .bits,
	    EVENT_TOKEN);
}

static void
beginnings_are_not_tokens(void **state)
{
	assert_int_equal(
	    response("{\"type\":\"response.created\",\"response\":{\"status\":"
		     "\"in_progress\",\"output\":[],\"error\":null}}")
		.bits,
	    0);
	assert_int_equal(
	    response("{\"type\":\"response.output_item.added\",\"item\":"
		     "{\"type\":\"message\",\"content\":[]}}")
		.bits,
	    0);
	assert_int_equal(
	    response("{\"type\":\"response.output_item.added\",\"item\":"
		     "{\"type\":\"function_call\",\"name\":\"f\"}}")
		.bits,
	    EVENT_TOKEN);
}

/* Without them a first token would be awaited until the image is done. */
static void
what_the_backend_does_by_itself_is_a_token(void **state)
{
	assert_int_equal(
	    response("{\"type\":\"response.output_item.added\",\"item\":"
		     "{\"type\":\"image_generation_call\",\"status\":"
		     "\"in_progress\"}}")
		.bits,
	    EVENT_TOKEN);
	assert_int_equal(
	    response(
		"{\"type\":\"response.image_generation_call.partial_image\","
		"\"partial_image_b64\":\"iVBORw0K\"}")
		.bits,
	    EVENT_TOKEN);
}

static void
a_completed_response_carries_its_usage(void **state)
{
	struct event e = response(
	    "{\"type\":\"response.completed\",\"response\":{\"status\":"
	    "\"completed\",\"error\":null,\"output\":[{\"type\":\"message\"}],"
	    "\"usage\":{\"input_tokens\":8,\"input_tokens_details\":"
	    "{\"cached_tokens\":2},\"output_tokens\":3}}}");

	assert_int_equal(
	    e.bits, EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE | EVENT_DONE);
	assert_int_equal(e.usage.input, 8);
	assert_int_equal(e.usage.cached, 2);
	assert_int_equal(e.usage.output, 3);
	assert_int_equal(e.tokens, 0);
}

/* Not one that has only begun, nor what is in it. */
static void
a_response_that_is_kept_has_an_id(void **state)
{
	struct event e;

	(void)state;
	e = response(
	    "{\"type\":\"response.completed\",\"response\":{\"id\":"
	    "\"resp_1\",\"output\":[{\"id\":\"msg_1\"}],\"store\":true}}");
	assert_true(slice_is(e.stored, "resp_1"));
	e = response("{\"id\":\"resp_2\",\"status\":\"completed\"}");
	assert_true(slice_is(e.stored, "resp_2"));
	e = response("{\"id\":\"resp_3\",\"store\":false}");
	assert_int_equal(e.stored.n, 0);
	e = response("{\"type\":\"response.created\",\"response\":{\"id\":"
		     "\"resp_4\"}}");
	assert_int_equal(e.stored.n, 0);
	e = decode(DIALECT_CHAT, "", "{\"id\":\"resp_5\",\"choices\":[]}");
	assert_int_equal(e.stored.n, 0);
}

static void
a_response_cut_short_by_a_limit_is_whole(void **state)
{
	struct event e =
	    response("{\"type\":\"response.incomplete\",\"response\":"
		     "{\"status\":\"incomplete\",\"output\":[]}}");

	assert_int_equal(e.bits, EVENT_FINISH | EVENT_DONE);
	assert_true(e.limited);
	assert_false(
	    response("{\"status\":\"completed\",\"output\":[]}").limited);
}

static void
a_failed_response_says_why(void **state)
{
	struct event e = response(
	    "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\","
	    "\"error\":{\"code\":\"server_error\",\"message\":\"oops\"}}}");

	says(&e, "oops");
	e = response("{\"type\":\"error\",\"code\":\"rate_limit_exceeded\","
		     "\"message\":\"slow down\",\"param\":null}");
	says(&e, "slow down");
	e = response("{\"error\":{\"message\":\"bad\",\"code\":400}}");
	says(&e, "bad");
}

static void
a_whole_response_is_an_answer(void **state)
{
	struct event e = response(
	    "{\"object\":\"response\",\"status\":\"completed\",\"error\":null,"
	    "\"output\":[{\"type\":\"message\",\"content\":[]}],"
	    "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}");

	assert_int_equal(e.bits, EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE);
	e = response("{\"object\":\"response\",\"status\":\"failed\","
		     "\"error\":null,\"output\":[]}");
	assert_int_equal(e.bits, EVENT_ERROR);
	e = response("{\"object\":\"response\",\"status\":\"queued\","
		     "\"output\":[]}");
	assert_int_equal(e.bits, 0);
}

/* --- /messages --- */

static void
absurd_counts_do_not_wrap(void **state)
{
	struct event e = message(
	    "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":"
	    "[],\"usage\":{\"input_tokens\":4294967295,"
	    "\"cache_creation_input_tokens\":4294967295,"
	    "\"cache_read_input_tokens\":2}}}");

	assert_int_equal(e.usage.input, UINT32_MAX);
	assert_int_equal(e.usage.cached, 2);
}

static void
a_stream_of_messages_is_followed(void **state)
{
	struct event e = message(
	    "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":"
	    "[],\"stop_reason\":null,\"usage\":{\"input_tokens\":10,"
	    "\"cache_creation_input_tokens\":20,\"cache_read_input_tokens\":30,"
	    "\"output_tokens\":1}}}");

	assert_int_equal(e.bits, EVENT_USAGE);
	assert_int_equal(e.usage.input, 60);
	assert_int_equal(e.usage.cached, 30);
	assert_int_equal(e.usage.cache_write, 20);
	assert_int_equal(e.usage.output, 0);

	e = message("{\"type\":\"content_block_start\",\"index\":0,"
		    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
	assert_int_equal(e.bits, 0);
	e = message("{\"type\":\"ping\"}");
	assert_int_equal(e.bits, EVENT_IGNORED);
	e = message("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
		    "{\"type\":\"text_delta\",\"text\":\"Hi\"}}");
	assert_int_equal(e.bits, EVENT_TOKEN);
	e = message("{\"type\":\"content_block_stop\",\"index\":0}");
	assert_int_equal(e.bits, 0);

	e = message("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
		    "\"end_turn\"},\"usage\":{\"output_tokens\":15}}");
	assert_int_equal(e.bits, EVENT_FINISH | EVENT_USAGE);
	assert_int_equal(e.usage.output, 15);
	assert_int_equal(e.usage.input, 0);
	e = message("{\"type\":\"message_stop\"}");
	assert_int_equal(e.bits, EVENT_FINISH | EVENT_DONE);
}

static void
tools_and_thinking_are_tokens(void **state)
{
	static const char *const cases[] = {
		"{\"type\":\"content_block_start\",\"content_block\":{\"type\":"
		"\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}",
		"{\"type\":\"content_block_delta\",\"delta\":{\"type\":"
		"\"input_json_delta\",\"partial_json\":\"{\"}}",
		"{\"type\":\"content_block_delta\",\"delta\":{\"type\":"
		"\"thinking_delta\",\"thinking\":\"Hm\"}}",
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(message(cases[i]).bits, EVENT_TOKEN);
	assert_int_equal(message("{\"type\":\"content_block_delta\",\"delta\":"
				 "{\"type\":\"signature_delta\","
				 "\"signature\":\"x\"}}")
			     .bits,
	    0);
}

static void
an_overloaded_server_says_so(void **state)
{
	struct event e = decode(DIALECT_MESSAGES, "error",
	    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
	    "\"message\":\"Overloaded\"}}");

	says(&e, "Overloaded");
}

static void
a_whole_message_is_an_answer(void **state)
{
	struct event e = message(
	    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{"
	    "\"type\":\"text\",\"text\":\"Hi\"}],\"stop_reason\":\"end_turn\","
	    "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}");

	assert_int_equal(e.bits, EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE);
	e = message("{\"type\":\"message\",\"content\":[],"
		    "\"stop_reason\":null}");
	assert_int_equal(e.bits, 0);
	e = message("{\"type\":\"message\",\"content\":[],"
		    "\"stop_reason\":\"model_context_window_exceeded\"}");
	assert_int_equal(e.bits, EVENT_FINISH);
	assert_true(e.limited);
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
		cmocka_unit_test(deltas_of_any_kind_are_tokens),
		cmocka_unit_test(the_events_name_serves_where_no_type_is_given),
		cmocka_unit_test(beginnings_are_not_tokens),
		cmocka_unit_test(what_the_backend_does_by_itself_is_a_token),
		cmocka_unit_test(a_completed_response_carries_its_usage),
		cmocka_unit_test(a_response_that_is_kept_has_an_id),
		cmocka_unit_test(a_response_cut_short_by_a_limit_is_whole),
		cmocka_unit_test(a_failed_response_says_why),
		cmocka_unit_test(a_whole_response_is_an_answer),
		cmocka_unit_test(absurd_counts_do_not_wrap),
		cmocka_unit_test(a_stream_of_messages_is_followed),
		cmocka_unit_test(tools_and_thinking_are_tokens),
		cmocka_unit_test(an_overloaded_server_says_so),
		cmocka_unit_test(a_whole_message_is_an_answer),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
