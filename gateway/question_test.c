/* gateway/question_test.c - what counts as an answer to a question, and what
 * becomes of one that is refused. */
#include "gateway/lib/count.h"
#include "gateway/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static enum fault_kind
refused(unsigned caps, int status, const char *body)
{
	char adapter[] = "openai";
	struct conf_backend b = { .adapter = adapter };
	struct conf_serving s = { .backend = &b, .caps = caps };
	const struct transfer_result t = { .status = status };
	struct question *q = test_malloc(sizeof(*q));
	enum fault_kind kind;

	question_init(q, &s);
	question_take_header(
	    q, SLICE("content-type"), SLICE("application/json"));
	question_take(q, slice_of(body));
	kind = question_end(q, &t).kind;
	question_fini(q);
	test_free(q);
	return kind;
}

/* Of chat a missing path is a wrong URL, of embeddings it may be all that the
 * backend does not have. */
static void
it_is_read_in_the_dialect_that_was_asked(void **state)
{
	static const char body[] = "{\"detail\":\"Not Found\"}";

	assert_int_equal(refused(CAP_CHAT, 404, body), FAULT_MODEL);
	assert_int_equal(refused(CAP_EMBEDDINGS, 404, body), FAULT_UNSUITED);
	assert_int_equal(refused(CAP_EMBEDDINGS, 404,
			     "{\"error\":{\"code\":\"model_not_found\"}}"),
	    FAULT_MODEL);
	assert_int_equal(
	    refused(CAP_EMBEDDINGS, 200, "{\"data\":[{\"embedding\":[0.5]}]}"),
	    FAULT_NONE);
}

#define SAID(text) "{\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}"
#define ENDED(why)                                                             \
	"{\"choices\":[{\"delta\":{},\"finish_reason\":\"" why "\"}]}"
#define EVENT(data) "data: " data "\n\n"
#define DONE EVENT("[DONE]")

/* What a chat's stream comes to, and whether it had a first token. */
static enum fault_kind
asked(const char *type, const char *body, enum fault_kind wire, bool *spoke)
{
	char adapter[] = "openai";
	struct conf_backend b = { .adapter = adapter };
	struct conf_serving s = { .backend = &b, .caps = CAP_CHAT };
	const struct transfer_result t = { .status = 200, .fault = wire };
	struct question *q = test_malloc(sizeof(*q));
	enum fault_kind kind;

	question_init(q, &s);
	question_take_header(q, SLICE("content-type"), slice_of(type));
	question_take(q, slice_of(body));
	kind = question_end(q, &t).kind;
	*spoke = q->first_token > 0;
	question_fini(q);
	test_free(q);
	return kind;
}

static void
events_need_no_type(void **state)
{
	static const char *const types[] = { "text/event-stream", "text/plain",
		"" };
	bool spoke;

	for (size_t i = 0; i < COUNT(types); i++) {
		assert_int_equal(
		    asked(types[i], EVENT(SAID("a")) EVENT(ENDED("stop")) DONE,
			FAULT_NONE, &spoke),
		    FAULT_NONE);
		assert_true(spoke);
	}
}

/* `check --live` is not to praise what no client would get. */
static void
an_answer_is_judged_as_a_request_would(void **state)
{
	static const struct {
		const char *type, *body;
		enum fault_kind wire, kind;
	} rows[] = {
		{ "application/json",
		    "{\"choices\":[{\"message\":{\"content\":\"a\"},"
		    "\"finish_reason\":\"stop\"}]}",
		    FAULT_NONE, FAULT_BAD_ANSWER },
		{ "text/event-stream", EVENT(SAID("a")) DONE, FAULT_NONE,
		    FAULT_CUT },
		{ "text/event-stream", EVENT(SAID("a")), FAULT_NONE,
		    FAULT_CUT },
		{ "text/event-stream", EVENT(SAID("a")) EVENT(ENDED("stop")),
		    FAULT_NONE, FAULT_NONE },
		{ "text/event-stream", EVENT(SAID("a")) EVENT(ENDED("stop")),
		    FAULT_CUT, FAULT_CUT },
		{ "text/event-stream",
		    EVENT(SAID("a")) EVENT(ENDED("stop")) DONE, FAULT_CUT,
		    FAULT_NONE },
		{ "text/event-stream", EVENT(ENDED("stop")) DONE, FAULT_NONE,
		    FAULT_BAD_ANSWER },
	};
	bool spoke;

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    asked(rows[i].type, rows[i].body, rows[i].wire, &spoke),
		    rows[i].kind);
}

static void
hidden_thoughts_may_be_all_it_says(void **state)
{
	bool spoke = true;

	assert_int_equal(asked("text/event-stream", EVENT(ENDED("length")) DONE,
			     FAULT_NONE, &spoke),
	    FAULT_NONE);
	assert_false(spoke);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_judged_as_a_request_would),
		cmocka_unit_test(events_need_no_type),
		cmocka_unit_test(hidden_thoughts_may_be_all_it_says),
		cmocka_unit_test(it_is_read_in_the_dialect_that_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
