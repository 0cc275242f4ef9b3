/* gateway/question_test.c - what becomes of a question that is refused. */
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

static void
events_need_no_type(void **state)
{
	static const char *const types[] = { "text/event-stream", "text/plain",
		"" };
	char adapter[] = "openai";
	struct conf_backend b = { .adapter = adapter };
	struct conf_serving s = { .backend = &b, .caps = CAP_CHAT };
	const struct transfer_result t = { .status = 200 };

	for (size_t i = 0; i < COUNT(types); i++) {
		struct question *q = test_malloc(sizeof(*q));

		question_init(q, &s);
		question_take_header(
		    q, SLICE("content-type"), slice_of(types[i]));
		question_take(q,
		    SLICE(
			"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}"
			"\n\ndata: [DONE]\n\n"));
		assert_int_equal(question_end(q, &t).kind, FAULT_NONE);
		assert_true(q->first_token > 0);
		question_fini(q);
		test_free(q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_need_no_type),
		cmocka_unit_test(it_is_read_in_the_dialect_that_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
