/* bench/load/answer_test.c - tokens and endings of streams. */
#include <stdint.h>
#include <string.h>

#include "bench/load/answer.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ROLE                                                                   \
	"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\","              \
	"\"content\":\"\"},\"finish_reason\":null}]}\n\n"
#define TOKEN                                                                  \
	"data: {\"choices\":[{\"delta\":{\"content\":\"a\"},"                  \
	"\"finish_reason\":null}]}\n\n"
#define FINISH                                                                 \
	"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static void
count(void *arg, const struct answer *a, usec now)
{
	(void)a;
	(void)now;
	++*(unsigned *)arg;
}

/* Byte by byte, each at its own microsecond from 1 on. */
static unsigned
read_stream(struct answer *a, const char *wire)
{
	unsigned tokens = 0;

	answer_init(a);
	for (size_t i = 0; wire[i] != '\0'; i++)
		assert_true(answer_events(
		    a, slice_make(wire + i, 1), (usec)i + 1, count, &tokens));
	return tokens;
}

static void
a_role_is_no_token(void **state)
{
	struct answer a;

	assert_int_equal(read_stream(&a, ROLE TOKEN TOKEN FINISH DONE), 2);
	assert_true(answer_whole(&a));
	assert_int_equal(a.first, strlen(ROLE TOKEN));
	assert_int_equal(a.last, strlen(ROLE TOKEN TOKEN));
	answer_fini(&a);
}

static void
reasoning_tools_and_text_are_tokens(void **state)
{
	struct answer a;

	assert_int_equal(
	    read_stream(&a,
		"data: {\"choices\":[{\"delta\":{\"content\":null,"
		"\"reasoning_content\":\"hm\"}}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\n"
		"data: {\"choices\":[{\"text\": \"b\"}]}\n\n"
		"data: {\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}\n\n"),
	    3);
	answer_fini(&a);
}

static void
a_last_token_may_finish(void **state)
{
	struct answer a;

	read_stream(&a,
	    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
	    "\"finish_reason\":\"length\"}]}\n\n" DONE);
	assert_true(answer_whole(&a));
	answer_fini(&a);
}

static void
what_is_cut_or_wrong_is_not_whole(void **state)
{
	static const char *const bad[] = { ROLE FINISH DONE, ROLE TOKEN DONE,
		ROLE TOKEN FINISH,
		ROLE TOKEN "data: {\"error\":{\"message\":\"x\"}}\n\n",
		ROLE TOKEN FINISH DONE "data: {" };
	struct answer a;

	for (size_t i = 0; i < COUNT(bad); i++) {
		read_stream(&a, bad[i]);
		assert_false(answer_whole(&a));
		answer_fini(&a);
	}
}

static void
usage_is_read_and_done_may_be_missing(void **state)
{
	struct answer a;

	read_stream(&a,
	    ROLE TOKEN FINISH
	    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\": 31,"
	    "\"completion_tokens\":7,\"completion_tokens_details\":"
	    "{\"reasoning_tokens\":9}}}\n\n");
	assert_int_equal(a.usage_in, 31);
	assert_int_equal(a.usage_out, 7);
	assert_false(answer_whole(&a));
	assert_true(answer_complete(&a));
	answer_fini(&a);
	read_stream(&a, ROLE TOKEN);
	assert_false(answer_complete(&a));
	answer_fini(&a);
}

static void
nothing_is_left_of_the_answer_before(void **state)
{
	unsigned tokens = 0;
	struct answer a;

	read_stream(&a, ROLE TOKEN "data: {\"error\":{}}\n\ndata: [DO");
	answer_reset(&a);
	assert_true(answer_events(
	    &a, SLICE(ROLE TOKEN FINISH DONE), 1, count, &tokens));
	assert_int_equal(tokens, 1);
	assert_true(answer_whole(&a));
	answer_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_is_no_token),
		cmocka_unit_test(reasoning_tools_and_text_are_tokens),
		cmocka_unit_test(a_last_token_may_finish),
		cmocka_unit_test(what_is_cut_or_wrong_is_not_whole),
		cmocka_unit_test(usage_is_read_and_done_may_be_missing),
		cmocka_unit_test(nothing_is_left_of_the_answer_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
