/* backends/decode_usage_test.c - how many tokens there were, as the various
 * backends count and name them. */
#include <stdio.h>

#include "backends/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct event
chat(const char *data)
{
	struct buf scratch;
	struct event e;

	buf_init(&scratch, SSE_EVENT_MAX);
	backend_decode(DIALECT_CHAT, SLICE(""), slice_of(data), &e, &scratch);
	buf_fini(&scratch);
	return e;
}

static void
the_usage_event_says_nothing_else(void **state)
{
	struct event e =
	    chat("{\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,"
		 "\"completion_tokens\":7,\"total_tokens\":18,"
		 "\"prompt_tokens_details\":{\"cached_tokens\":5}}}");

	assert_int_equal(e.bits, EVENT_USAGE | EVENT_USAGE_ONLY);
	assert_true(e.usage.known);
	assert_int_equal(e.usage.input, 11);
	assert_int_equal(e.usage.output, 7);
	assert_int_equal(e.usage.cached, 5);
}

static void
what_usage_does_not_say_is_not_known(void **state)
{
	struct event e =
	    chat("{\"choices\":[],\"usage\":{\"total_tokens\":50}}");

	assert_int_equal(e.bits, EVENT_USAGE | EVENT_USAGE_ONLY);
	assert_false(e.usage.known);
	e = chat("{\"choices\":[],\"usage\":{\"prompt_tokens\":3,"
		 "\"completion_tokens\":9,\"completion_tokens_details\":"
		 "{\"reasoning_tokens\":7}}}");
	assert_true(e.usage.known);
	assert_int_equal(e.usage.reasoning, 7);
}

static void
usage_beside_a_token_is_not_alone(void **state)
{
	struct event e =
	    chat("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":"
		 "{\"prompt_tokens\":1,\"completion_tokens\":1}}");

	assert_int_equal(e.bits, EVENT_TOKEN | EVENT_USAGE);
}

static void
cached_tokens_are_not_counted_twice(void **state)
{
	struct event e = chat("{\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
			      "\"cache_read_input_tokens\":4,"
			      "\"prompt_tokens_details\":null}}");

	assert_int_equal(e.usage.input, 9);
	assert_int_equal(e.usage.cached, 0);
}

static void
absurd_counts_do_not_wrap(void **state)
{
	struct event e = chat("{\"choices\":[],\"usage\":{\"prompt_tokens\":"
			      "4294967297,\"completion_tokens\":-3}}");

	assert_int_equal(e.usage.input, UINT32_MAX);
	assert_int_equal(e.usage.output, 0);
	e = chat("{\"choices\":[],\"timings\":{\"cache_n\":4294967295,"
		 "\"prompt_n\":5,\"predicted_n\":1}}");
	assert_int_equal(e.usage.input, UINT32_MAX);
}

static void
groq_reports_usage_its_own_way(void **state)
{
	struct event first = chat(
	    "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}"
	    "}],\"x_groq\":{\"id\":\"req_1\"}}");
	struct event last =
	    chat("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
		 "\"x_groq\":{\"id\":\"req_1\",\"usage\":{\"queue_time\":0.25,"
		 "\"prompt_tokens\":20,\"prompt_time\":0.001,"
		 "\"completion_tokens\":3}}}");

	assert_int_equal(first.bits, 0);
	assert_int_equal(last.bits, EVENT_FINISH | EVENT_USAGE);
	assert_int_equal(last.usage.input, 20);
	assert_int_equal(last.usage.output, 3);
}

static void
llama_cpp_tells_it_in_its_timings(void **state)
{
	static const char timings[] =
	    "\"timings\":{\"cache_n\":178,\"prompt_n\":5,\"prompt_ms\":98.2,"
	    "\"predicted_n\":3,\"predicted_ms\":60.5}}";
	char text[512];
	struct event e;

	snprintf(text, sizeof(text),
	    "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,"
	    "\"delta\":{}}],%s",
	    timings);
	e = chat(text);
	assert_int_equal(e.bits, EVENT_FINISH | EVENT_USAGE);
	assert_true(e.usage.known);
	assert_int_equal(e.usage.input, 183);
	assert_int_equal(e.usage.cached, 178);
	assert_int_equal(e.usage.output, 3);
	/* usage says it better; an event of timings alone is the client's */
	snprintf(text, sizeof(text),
	    "{\"choices\":[],\"usage\":{\"prompt_tokens\":9},%s", timings);
	e = chat(text);
	assert_int_equal(e.bits, EVENT_USAGE | EVENT_USAGE_ONLY);
	assert_int_equal(e.usage.input, 9);
	snprintf(text, sizeof(text), "{\"choices\":[],%s", timings);
	assert_int_equal(chat(text).bits, EVENT_USAGE);
	/* without what was cached nobody knows the prompt */
	assert_int_equal(chat("{\"timings\":{\"prompt_n\":5,"
			      "\"predicted_n\":3}}")
			     .bits,
	    0);
}

static void
counts(const char *usage, uint32_t input, uint32_t output, uint32_t reasoning)
{
	char text[512];
	struct event e;

	snprintf(text, sizeof(text), "{\"choices\":[],\"usage\":{%s}}", usage);
	e = chat(text);
	assert_true(e.usage.known);
	assert_int_equal(e.usage.input, input);
	assert_int_equal(e.usage.output, output);
	assert_int_equal(e.usage.reasoning, reasoning);
}

/* As xAI and Gemini count. */
static void
thoughts_are_in_the_total(void **state)
{
	counts("\"prompt_tokens\":12,\"completion_tokens\":1,"
	       "\"total_tokens\":399,\"completion_tokens_details\":"
	       "{\"reasoning_tokens\":386}",
	    12, 387, 386);
	counts("\"completion_tokens\":198,\"prompt_tokens\":20,"
	       "\"total_tokens\":623",
	    20, 603, 405);
	/* and OpenAI: they are counted already */
	counts("\"prompt_tokens\":10,\"completion_tokens\":300,"
	       "\"total_tokens\":310,\"completion_tokens_details\":"
	       "{\"reasoning_tokens\":256}",
	    10, 300, 256);
	counts("\"completion_tokens\":3,\"total_tokens\":50", 0, 3, 0);
	counts("\"prompt_tokens\":4294967295,\"completion_tokens\":9,"
	       "\"total_tokens\":4294967295",
	    UINT32_MAX, 9, 0);
}

/* new-api writes OpenAI's other names, too, as 0. */
static void
of_two_names_for_a_count_the_larger_counts(void **state)
{
	counts("\"prompt_tokens\":13,\"completion_tokens\":8,"
	       "\"total_tokens\":21,\"input_tokens\":0,"
	       "\"output_tokens\":0,\"input_tokens_details\":null",
	    13, 8, 0);
}

static void
a_count_that_is_null_is_not_known(void **state)
{
	struct event e = chat("{\"choices\":[],\"usage\":{"
			      "\"prompt_tokens\":null,"
			      "\"completion_tokens\":null,"
			      "\"total_tokens\":0}}");

	assert_int_equal(e.bits, EVENT_USAGE | EVENT_USAGE_ONLY);
	assert_false(e.usage.known);
}

static uint32_t
cached_by(const char *members)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "{\"choices\":[],\"usage\":{\"prompt_tokens\":100,%s}}", members);
	return chat(text).usage.cached;
}

static void
what_was_cached_has_other_names(void **state)
{
	assert_int_equal(cached_by("\"prompt_cache_hit_tokens\":64,"
				   "\"prompt_cache_miss_tokens\":36"),
	    64); /* DeepSeek */
	assert_int_equal(cached_by("\"cached_tokens\":32"), 32); /* Kimi */
	assert_int_equal(cached_by("\"cached_tokens\":32,"
				   "\"prompt_tokens_details\":"
				   "{\"cached_tokens\":0}"),
	    32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usage_event_says_nothing_else),
		cmocka_unit_test(what_usage_does_not_say_is_not_known),
		cmocka_unit_test(usage_beside_a_token_is_not_alone),
		cmocka_unit_test(cached_tokens_are_not_counted_twice),
		cmocka_unit_test(absurd_counts_do_not_wrap),
		cmocka_unit_test(groq_reports_usage_its_own_way),
		cmocka_unit_test(llama_cpp_tells_it_in_its_timings),
		cmocka_unit_test(thoughts_are_in_the_total),
		cmocka_unit_test(of_two_names_for_a_count_the_larger_counts),
		cmocka_unit_test(a_count_that_is_null_is_not_known),
		cmocka_unit_test(what_was_cached_has_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
