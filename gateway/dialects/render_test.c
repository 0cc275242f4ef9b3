/* gateway/dialects/render_test.c - errors as clients see them. */
#include <jansson.h>
#include <string.h>

#include "gateway/dialects/dialect_test.h"
#include "gateway/lib/count.h"
#include "gateway/lib/sse.h"

static const struct error_reply hard = {
	.status = 400,
	.type = "invalid_request_error",
	.code = "invalid_type",
	.param = "model",
	.message = "'model' must be\n\"a string\" \xff",
};

/* Renders and parses; *name is the SSE event's, "" for a whole body. */
static json_t *
render(enum dialect d, bool event, const struct error_reply *e, char name[16])
{
	const struct dialect_ops *ops = dialect_get(d);
	struct buf out, scratch;
	struct sse_fields f = { 0 };
	struct sse sse;
	size_t taken;
	json_t *json;

	buf_init(&out, 4096);
	buf_init(&scratch, 4096);
	(event ? ops->render_error_event : ops->render_error)(e, &out);
	assert_int_equal(buf_err(&out), OK);
	if (event) {
		sse_init(&sse);
		assert_int_equal(
		    sse_scan(&sse, buf_slice(&out), &taken), SSE_EVENT);
		assert_int_equal(taken, out.n);
		sse_parse(buf_slice(&out), &f, &scratch);
	} else {
		f.data = buf_slice(&out);
	}
	snprintf(name, 16, "%.*s", SLICE_ARG(f.event));
	json = json_loadb(f.data.p, f.data.n, 0, NULL);
	assert_non_null(json);
	buf_fini(&out);
	buf_fini(&scratch);
	return json;
}

static const char *
text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void
openai_bodies_have_all_four_members(void **state)
{
	char name[16];
	json_t *json = render(DIALECT_CHAT, false, &hard, name), *e;

	assert_int_equal(json_object_size(json), 1);
	e = json_object_get(json, "error");
	assert_int_equal(json_object_size(e), 4);
	assert_string_equal(text(e, "type"), hard.type);
	assert_string_equal(text(e, "param"), "model");
	assert_string_equal(text(e, "code"), "invalid_type");
	assert_string_equal(
	    text(e, "message"), "'model' must be\n\"a string\" \xef\xbf\xbd");
	json_decref(json);
}

static void
absent_param_and_code_are_null(void **state)
{
	const struct error_reply plain = {
		.status = 502, .type = "server_error", .message = "no"
	};
	char name[16];
	json_t *json = render(DIALECT_RESPONSES, false, &plain, name);
	json_t *e = json_object_get(json, "error");

	assert_true(json_is_null(json_object_get(e, "param")));
	assert_true(json_is_null(json_object_get(e, "code")));
	json_decref(json);
}

static void
what_a_backend_said_besides_stays(void **state)
{
	struct error_reply e = hard;
	char name[16];
	json_t *json;

	e.more = "\"failed_generation\":\"f(\",\"n_ctx\":8";
	for (enum dialect d = 0; d < DIALECT_COUNT; d++) {
		json = render(d, false, &e, name);
		assert_string_equal(
		    text(json_object_get(json, "error"), "failed_generation"),
		    "f(");
		json_decref(json);
	}
}

static void
openai_streams_end_with_an_error_as_data(void **state)
{
	static const enum dialect dialects[] = { DIALECT_CHAT,
		DIALECT_COMPLETIONS, DIALECT_EMBEDDINGS };
	char name[16];

	for (size_t i = 0; i < 3; i++) {
		json_t *json = render(dialects[i], true, &hard, name);

		assert_string_equal(name, "");
		assert_int_equal(
		    json_object_size(json_object_get(json, "error")), 4);
		json_decref(json);
	}
}

static void
responses_streams_end_with_an_error_event(void **state)
{
	char name[16];
	json_t *json = render(DIALECT_RESPONSES, true, &hard, name);

	assert_string_equal(name, "error");
	assert_string_equal(text(json, "type"), "error");
	assert_string_equal(text(json, "code"), "invalid_type");
	assert_string_equal(text(json, "param"), "model");
	assert_non_null(text(json, "message"));
	assert_string_equal(
	    text(json_object_get(json, "error"), "code"), "invalid_type");
	json_decref(json);
}

static void
anthropic_types_follow_the_status(void **state)
{
	static const struct {
		int status;
		const char *type;
	} cases[] = {
		{ 400, "invalid_request_error" },
		{ 401, "authentication_error" },
		{ 404, "not_found_error" },
		{ 413, "request_too_large" },
		{ 422, "invalid_request_error" },
		{ 429, "rate_limit_error" },
		{ 502, "api_error" },
		{ 503, "overloaded_error" },
		{ 504, "timeout_error" },
	};
	char name[16];

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		bool event = i % 2 == 1;
		struct error_reply e = hard;
		json_t *json;

		e.status = cases[i / 2].status;
		json = render(DIALECT_MESSAGES, event, &e, name);
		assert_string_equal(name, event ? "error" : "");
		assert_string_equal(text(json, "type"), "error");
		assert_string_equal(
		    text(json_object_get(json, "error"), "type"),
		    cases[i / 2].type);
		assert_non_null(
		    text(json_object_get(json, "error"), "message"));
		json_decref(json);
	}
}

static void
only_formats_that_know_done_say_it(void **state)
{
	for (enum dialect d = 0; d < DIALECT_COUNT; d++) {
		const struct dialect_ops *ops = dialect_get(d);
		bool done = d == DIALECT_CHAT || d == DIALECT_COMPLETIONS;

		assert_true(
		    slice_is(ops->done_event, done ? "data: [DONE]\n\n" : ""));
		assert_true(slice_is(ops->heartbeat,
		    dialect_passes(d) ? "" : ": keep-alive\n\n"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openai_bodies_have_all_four_members),
		cmocka_unit_test(absent_param_and_code_are_null),
		cmocka_unit_test(what_a_backend_said_besides_stays),
		cmocka_unit_test(openai_streams_end_with_an_error_as_data),
		cmocka_unit_test(responses_streams_end_with_an_error_event),
		cmocka_unit_test(anthropic_types_follow_the_status),
		cmocka_unit_test(only_formats_that_know_done_say_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
