/* gateway/translation/chat_test.c */
#include "gateway/translation/chat.h"

#include <stdio.h>

#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define assert_slice(s, text) assert_true(slice_is((s), (text)))

static void
a_delta_is_read_as_it_is_written(void **state)
{
	struct chat_answer a;

	(void)state;
	chat_read(SLICE("{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":"
			"{\"role\":\"assistant\",\"content\":\"a\\n\\\"\"},"
			"\"finish_reason\":null}],\"usage\":null}"),
	    &a);
	assert_slice(a.text, "a\\n\\\"");
	assert_int_equal(a.reasoning.n, 0);
	assert_int_equal(a.calls.n, 0);
	assert_int_equal(a.finish, CHAT_GOES_ON);
}

static void
a_whole_answer_is_read_alike(void **state)
{
	struct chat_answer a;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"message\":{\"content\":null,"
			"\"reasoning_content\":null,\"reasoning\":\"hm\","
			"\"refusal\":\"no\"},\"finish_reason\":\"stop\"}]}"),
	    &a);
	assert_int_equal(a.text.n, 0);
	assert_slice(a.reasoning, "hm");
	assert_slice(a.refusal, "no");
	assert_int_equal(a.finish, CHAT_STOP);
}

static void
both_names_of_reasoning_at_once_are_one(void **state)
{
	struct chat_answer a;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"delta\":{\"reasoning\":\"hm\","
			"\"reasoning_content\":\"hm\"}}]}"),
	    &a);
	assert_slice(a.reasoning, "hm");
}

static enum chat_finish
finish_of(const char *reason)
{
	char json[128];
	struct chat_answer a;

	snprintf(json, sizeof(json),
	    "{\"choices\":[{\"delta\":{},\"finish_reason\":%s}]}", reason);
	chat_read(slice_of(json), &a);
	return a.finish;
}

static void
reasons_to_finish(void **state)
{
	(void)state;
	assert_int_equal(finish_of("null"), CHAT_GOES_ON);
	assert_int_equal(finish_of("\"\""), CHAT_GOES_ON);
	assert_int_equal(finish_of("\"stop\""), CHAT_STOP);
	assert_int_equal(finish_of("\"length\""), CHAT_LENGTH);
	assert_int_equal(finish_of("\"model_length\""), CHAT_LENGTH);
	assert_int_equal(finish_of("\"max_tokens\""), CHAT_LENGTH);
	assert_int_equal(finish_of("\"tool_calls\""), CHAT_TOOL_CALLS);
	assert_int_equal(finish_of("\"function_call\""), CHAT_TOOL_CALLS);
	assert_int_equal(finish_of("\"content_filter\""), CHAT_FILTERED);
	assert_int_equal(finish_of("\"eos\""), CHAT_STOP);
	assert_int_equal(finish_of("\"model_length\""), CHAT_LENGTH);
	assert_int_equal(
	    finish_of("\"content_filter: RECITATION\""), CHAT_FILTERED);
}

static void
a_stop_sequence_may_be_told(void **state)
{
	struct chat_answer a;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"delta\":{},\"finish_reason\":"
			"\"stop\",\"stop_reason\":\"\\n\"}]}"),
	    &a);
	assert_slice(a.stop, "\\n");
	chat_read(SLICE("{\"choices\":[{\"matched_stop\":\"x\"}]}"), &a);
	assert_slice(a.stop, "x");
	chat_read(SLICE("{\"choices\":[{\"matched_stop\":2,"
			"\"stop_reason\":null}]}"),
	    &a);
	assert_int_equal(a.stop.n, 0);
}

static void
calls_follow_each_other(void **state)
{
	struct chat_answer a;
	struct chat_call c;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"delta\":{\"tool_calls\":["
			"{\"index\":1,\"id\":\"c1\",\"type\":\"function\","
			"\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
			"{\"index\":2,\"function\":{\"arguments\":"
			"\"{\\\"a\"}},7]}}]}"),
	    &a);
	assert_true(chat_next_call(&a.calls, &c));
	assert_true(c.indexed && c.index == 1);
	assert_slice(c.id, "c1");
	assert_slice(c.name, "f");
	assert_int_equal(c.arguments.n, 0);
	assert_true(chat_next_call(&a.calls, &c));
	assert_true(c.indexed && c.index == 2);
	assert_int_equal(c.id.n, 0);
	assert_slice(c.arguments, "{\\\"a");
	assert_true(chat_next_call(&a.calls, &c));
	assert_false(c.indexed);
	assert_false(chat_next_call(&a.calls, &c));
}

static void
content_may_be_parts(void **state)
{
	struct chat_answer a;
	struct chat_part part;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"delta\":{\"content\":["
			"{\"type\":\"thinking\",\"thinking\":[{\"type\":"
			"\"text\",\"text\":\"h\"}]},{\"type\":\"text\","
			"\"text\":\"a\"},7,{\"type\":\"reference\"}]}}]}"),
	    &a);
	assert_int_equal(a.text.n, 0);
	assert_true(chat_next_part(&a.parts, &part));
	assert_slice(part.text, "h");
	assert_true(part.thought);
	assert_true(chat_next_part(&a.parts, &part));
	assert_slice(part.text, "a");
	assert_false(part.thought);
	assert_true(chat_next_part(&a.parts, &part));
	assert_true(chat_next_part(&a.parts, &part));
	assert_int_equal(part.text.n, 0);
	assert_false(chat_next_part(&a.parts, &part));
}

static void
arguments_may_be_an_object(void **state)
{
	struct chat_answer a;
	struct chat_call c;

	(void)state;
	chat_read(SLICE("{\"choices\":[{\"message\":{\"tool_calls\":["
			"{\"function\":{\"name\":\"f\",\"arguments\":"
			"{\"a\":1}}}]}}]}"),
	    &a);
	assert_true(chat_next_call(&a.calls, &c));
	assert_int_equal(c.arguments.n, 0);
	assert_slice(c.object, "{\"a\":1}");
}

static void
what_is_no_answer_says_nothing(void **state)
{
	static const char *const odd[] = { "{}", "{\"choices\":[]}",
		"{\"choices\":7}", "{\"choices\":[7]}",
		"{\"choices\":[{\"delta\":7,\"finish_reason\":7}]}",
		"{\"choices\":[{\"delta\":{\"content\":[],\"tool_calls\":{}}}"
		"]}" };
	struct chat_answer a;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		chat_read(slice_of(odd[i]), &a);
		assert_int_equal(a.text.n + a.calls.n, 0);
		assert_int_equal(a.finish, CHAT_GOES_ON);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delta_is_read_as_it_is_written),
		cmocka_unit_test(a_whole_answer_is_read_alike),
		cmocka_unit_test(both_names_of_reasoning_at_once_are_one),
		cmocka_unit_test(reasons_to_finish),
		cmocka_unit_test(a_stop_sequence_may_be_told),
		cmocka_unit_test(calls_follow_each_other),
		cmocka_unit_test(content_may_be_parts),
		cmocka_unit_test(arguments_may_be_an_object),
		cmocka_unit_test(what_is_no_answer_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
