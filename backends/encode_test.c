/* backends/encode_test.c - the body that a backend is sent for what a client
 * sent. */
#include "backends/encode_testing.h"
#include "gateway/lib/count.h"

/* --- forms --- */

static void
a_form_gets_the_models_name(void **state)
{
	struct sent s = { .body = "--b\r\n..model\r\n\r\nwhisper\r\n--b--",
		.form = "whisper",
		.dialect = DIALECT_TRANSCRIPTION,
		.path = "/audio/transcriptions",
		.key = "k",
		.max_tokens = 50,
		.stream = true };

	becomes(&s, "--b\r\n..model\r\n\r\nm\r\n--b--");
	assert_string_equal(s.headers,
	    "content-type: multipart/form-data; boundary=b\n"
	    "accept-encoding: identity\n"
	    "accept: */*\n"
	    "authorization: Bearer k\n");
	s.model = "whisper";
	becomes(&s, s.body);
	assert_int_equal(s.edits, 0);
	s.form = "";
	becomes(&s,
	    "--b\r\n..model\r\n\r\nwhisper\r\n--b\r\n"
	    "content-disposition: form-data; name=\"model\"\r\n\r\n"
	    "whisper\r\n--b--");
}

/* --- the longest answer --- */

static void
a_limit_is_said_in_the_words_of_the_backend(void **state)
{
	becomes(&(struct sent){ .body = "{\"model\":\"x\"}",
		    .adapter = "vllm",
		    .max_tokens = 50 },
	    "{\"model\":\"m\",\"max_tokens\":50}");
	becomes(&(struct sent){ .body = "{\"model\":\"m\"}",
		    .adapter = "openai",
		    .max_tokens = 50 },
	    "{\"model\":\"m\",\"max_completion_tokens\":50}");
	becomes(&(struct sent){ .body = "{\"a\":1}",
		    .adapter = "openai",
		    .dialect = DIALECT_RESPONSES,
		    .max_tokens = 50 },
	    "{\"a\":1,\"model\":\"m\",\"max_output_tokens\":50}");
	becomes(&(struct sent){ .body = "{\"model\":\"x\"}",
		    .adapter = "vllm",
		    .dialect = DIALECT_EMBEDDINGS,
		    .max_tokens = 50 },
	    "{\"model\":\"m\"}");
}

static void
null_is_no_length(void **state)
{
	becomes(&(struct sent){ .body = "{\"max_tokens\":null,\"model\":"
					"\"x\"}",
		    .adapter = "vllm",
		    .max_tokens = 50 },
	    "{\"max_tokens\":50,\"model\":\"m\"}");
}

static void
under_a_cap_no_length_is_without_an_end(void **state)
{
	static const char body[] =
	    "{\"model\":\"m\",\"n_predict\":-1,\"max_tokens\":0,"
	    "\"max_\\u0074okens\":-1}";

	becomes(
	    &(struct sent){
		.body = body, .adapter = "llamacpp", .max_tokens = 50 },
	    "{\"model\":\"m\",\"n_predict\":50,\"max_tokens\":50,"
	    "\"max_\\u0074okens\":50}");
	becomes(&(struct sent){ .body = body, .adapter = "llamacpp" }, body);
	becomes(&(struct sent){ .body = "{\"model\":\"m\",\"max_tokens\":50,"
					"\"max_completion_tokens\":-1}",
		    .adapter = "openai",
		    .max_tokens = 50 },
	    "{\"model\":\"m\",\"max_tokens\":50,"
	    "\"max_completion_tokens\":50}");
}

/* A name that the backend may not know does not do. */
static void
under_a_cap_a_length_is_said_by_a_name_that_counts(void **state)
{
	static const char *const strip[] = { "n_predict", "max_tokens", NULL };

	becomes(&(struct sent){ .body = "{\"model\":\"m\",\"n_predict\":9}",
		    .adapter = "vllm",
		    .max_tokens = 50 },
	    "{\"model\":\"m\",\"n_predict\":9,\"max_tokens\":50}");
	becomes(&(struct sent){ .body = "{\"model\":\"m\","
					"\"max_completion_tokens\":9}",
		    .adapter = "ollama",
		    .max_tokens = 9 },
	    "{\"model\":\"m\",\"max_tokens\":9}");
	becomes(&(struct sent){ .body = "{\"max_completion_tokens\":9,"
					"\"model\":\"m\",\"max_tokens\":null}",
		    .adapter = "vllm",
		    .max_tokens = 9 },
	    "{\"max_tokens\":9,\"model\":\"m\","
	    "\"max_completion_tokens\":null}");
	becomes(&(struct sent){ .body = "{\"model\":\"m\",\"max_tokens\":9}",
		    .adapter = "openai",
		    .max_tokens = 9 },
	    "{\"model\":\"m\",\"max_tokens\":9}");
	/* what does not go upstream says nothing there */
	becomes(&(struct sent){ .body = "{\"model\":\"m\",\"max_tokens\":-1,"
					"\"n_predict\":-1}",
		    .adapter = "openai",
		    .strip = strip,
		    .max_tokens = 50 },
	    "{\"model\":\"m\",\"max_completion_tokens\":50}");
}

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

static void
a_length_has_many_names(void **state)
{
	static const struct {
		const char *body;
		double want; /* -1: no length */
	} cases[] = {
		{ "{\"max_tokens\":7}", 7 },
		{ "{\"max_completion_tokens\":1e3}", 1000 },
		{ "{\"max_output_tokens\":8}", 8 },
		{ "{\"n_pr\\u0065dict\":100000}", 100000 },
		{ "{\"n_predict\":-1}", 0 },
		{ "{\"n_predict\":0.5}", 0 },
		{ "{\"n_predict\":1e999}", 0 },
		{ "{\"n_predict\":-1." ZEROS "}", 0 },
		{ "{\"n_predict\":null}", -1 },
		{ "{\"n_predict\":\"9\"}", -1 },
		{ "{\"n\":9}", -1 },
	};
	struct scan_member m[1];
	struct errmsg why;
	double got;
	size_t n;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    scan_object(slice_of(cases[i].body), m, 1, &n, &why), OK);
		if (backend_length(&m[0], &got) == NULL)
			got = -1;
		assert_true(got == cases[i].want);
	}
}

/* --- the model --- */

static void
a_body_that_fits_is_not_touched(void **state)
{
	struct sent s = { .body = " {\"model\" : \"m\",\"messages\":[]}\n" };

	becomes(&s, s.body);
	assert_int_equal(s.edits, 0);
	assert_false(s.usage_injected);
}

static void
only_the_models_name_is_replaced(void **state)
{
	struct sent s = { .body = "{ \"x\":1, \"model\":\"gemma\" , \"y\":2}",
		.model = "google/gemma \"31\"" };

	becomes(
	    &s, "{ \"x\":1, \"model\":\"google/gemma \\\"31\\\"\" , \"y\":2}");
	assert_int_equal(s.edits, 1);
}

static void
an_escaped_name_is_compared_by_meaning(void **state)
{
	struct sent s = { .body = "{\"model\":\"\\u006d\"}" };
	struct sent backslash = { .body = "{\"model\":\"a\\nb\"}",
		.model = "a\\nb" };

	becomes(&s, "{\"model\":\"m\"}");
	becomes(&backslash, "{\"model\":\"a\\\\nb\"}");
}

static void
a_missing_model_is_added(void **state)
{
	struct sent s = { .body = "{\"messages\":[]}" };
	struct sent empty = { .body = "{}" };

	becomes(&s, "{\"messages\":[],\"model\":\"m\"}");
	becomes(&empty, "{\"model\":\"m\"}");
}

static void
a_null_model_is_replaced(void **state)
{
	struct sent s = { .body = "{\"model\":null}" };

	becomes(&s, "{\"model\":\"m\"}");
}

static void
model_and_usage_may_both_be_added(void **state)
{
	struct sent s = { .body = "{\"stream\":true}", .stream = true };

	becomes(&s,
	    "{\"stream\":true,\"model\":\"m\","
	    "\"stream_options\":{\"include_usage\":true}}");
}

/* --- members that a backend rejects --- */

static void
what_cerebras_rejects_is_removed(void **state)
{
	struct sent s = { .adapter = "cerebras",
		.body = "{\"logit_bias\":{\"1\":2},\"model\":\"m\","
			"\"presence_penalty\":1,\"frequency_penalty\":0.5,"
			"\"top_p\":1,\"parallel_tool_calls\":true}" };

	becomes(&s, "{\"model\":\"m\",\"top_p\":1}");
}

static void
a_configured_list_takes_the_adapters_place(void **state)
{
	static const char *const strip[] = { "user", NULL };
	static const char *const none[] = { NULL };
	struct sent s = { .adapter = "groq",
		.strip = strip,
		.body = "{\"model\":\"m\",\"user\":\"u\",\"logprobs\":true}" };
	struct sent all = { .adapter = "groq",
		.strip = none,
		.body = "{\"model\":\"m\",\"logprobs\":true}" };

	becomes(&s, "{\"model\":\"m\",\"logprobs\":true}");
	becomes(&all, all.body);
}

static void
the_model_is_never_stripped(void **state)
{
	static const char *const strip[] = { "model", "n", NULL };
	struct sent s = { .strip = strip,
		.body = "{\"n\":1,\"model\":\"a\",\"n\":2}" };

	becomes(&s, "{\"model\":\"m\"}");
}

static void
stripping_everything_leaves_room_for_the_model(void **state)
{
	static const char *const strip[] = { "a", "b", NULL };
	struct sent s = { .strip = strip, .body = "{\"a\":1,\"b\":2}" };
	struct sent stream = {
		.strip = strip, .stream = true, .body = "{\"a\":1}"
	};

	becomes(&s, "{\"model\":\"m\"}");
	becomes(&stream,
	    "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}");
}

static void
lists_are_asked_for_where_base64_is_unknown(void **state)
{
	struct sent s = { .adapter = "ollama",
		.dialect = DIALECT_EMBEDDINGS,
		.path = "/embeddings",
		.base64 = true,
		.body = "{\"model\":\"m\",\"encoding_format\":\"base64\","
			"\"input\":\"x\"}" };
	struct sent knows = s;

	becomes(&s, "{\"model\":\"m\",\"input\":\"x\"}");
	knows.adapter = "vllm";
	becomes(&knows, knows.body);
}

/* --- usage --- */

static void
a_stream_is_asked_to_report_its_usage(void **state)
{
	struct sent s = { .stream = true,
		.body = "{\"model\":\"m\",\"stream\":true}" };

	becomes(&s,
	    "{\"model\":\"m\",\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true}}");
	assert_true(s.usage_injected);
}

static void
a_client_that_asked_for_usage_is_left_alone(void **state)
{
	struct sent s = { .stream = true,
		.client_wants_usage = true,
		.body = "{\"model\":\"m\",\"stream_options\":"
			"{\"include_usage\":true}}" };

	becomes(&s, s.body);
	assert_false(s.usage_injected);
}

static void
options_that_exist_are_kept(void **state)
{
	static const struct {
		const char *given, *sent;
	} cases[] = {
		{ "null", "{\"include_usage\":true}" },
		{ "{ }", "{\"include_usage\":true}" },
		{ "{\"include_usage\":false}", "{\"include_usage\":true}" },
		{ "{\"include_usage\":null,\"a\":1}",
		    "{\"include_usage\":true,\"a\":1}" },
		{ "{ \"include_obfuscation\":false}",
		    "{\"include_usage\":true, \"include_obfuscation\":false}" },
	};
	char body[256], want[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sent s = { .stream = true, .body = body };

		snprintf(body, sizeof(body),
		    "{\"stream_options\":%s,\"model\":\"m\"}", cases[i].given);
		snprintf(want, sizeof(want),
		    "{\"stream_options\":%s,\"model\":\"m\"}", cases[i].sent);
		becomes(&s, want);
		assert_true(s.usage_injected);
	}
}

static void
options_of_a_wrong_type_are_the_backends_to_refuse(void **state)
{
	struct sent s = { .stream = true,
		.body = "{\"model\":\"m\",\"stream_options\":7}" };

	becomes(&s, s.body);
	assert_false(s.usage_injected);
}

static void
who_tells_it_unasked_is_not_asked(void **state)
{
	struct sent s = { .stream = true,
		.adapter = "llamacpp",
		.body = "{\"model\":\"m\",\"stream\":true}" };

	becomes(&s, s.body);
	assert_false(s.usage_injected);
	assert_int_equal(s.edits, 0);
}

static void
options_that_are_stripped_are_not_put_back(void **state)
{
	static const char *const strip[] = { "stream_options", NULL };
	struct sent s = { .stream = true,
		.strip = strip,
		.body = "{\"model\":\"m\",\"stream_options\":{\"a\":1}}" };

	becomes(&s, "{\"model\":\"m\"}");
	assert_false(s.usage_injected);
}

static void
usage_is_asked_for_only_where_the_format_has_it(void **state)
{
	struct sent whole = { .body = "{\"model\":\"m\"}" };
	struct sent responses = { .stream = true,
		.dialect = DIALECT_RESPONSES,
		.body = "{\"model\":\"m\"}" };

	becomes(&whole, whole.body);
	becomes(&responses, responses.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_said_in_the_words_of_the_backend),
		cmocka_unit_test(null_is_no_length),
		cmocka_unit_test(under_a_cap_no_length_is_without_an_end),
		cmocka_unit_test(
		    under_a_cap_a_length_is_said_by_a_name_that_counts),
		cmocka_unit_test(a_length_has_many_names),
		cmocka_unit_test(a_body_that_fits_is_not_touched),
		cmocka_unit_test(only_the_models_name_is_replaced),
		cmocka_unit_test(an_escaped_name_is_compared_by_meaning),
		cmocka_unit_test(a_missing_model_is_added),
		cmocka_unit_test(a_null_model_is_replaced),
		cmocka_unit_test(model_and_usage_may_both_be_added),
		cmocka_unit_test(what_cerebras_rejects_is_removed),
		cmocka_unit_test(a_configured_list_takes_the_adapters_place),
		cmocka_unit_test(the_model_is_never_stripped),
		cmocka_unit_test(
		    stripping_everything_leaves_room_for_the_model),
		cmocka_unit_test(lists_are_asked_for_where_base64_is_unknown),
		cmocka_unit_test(a_stream_is_asked_to_report_its_usage),
		cmocka_unit_test(a_client_that_asked_for_usage_is_left_alone),
		cmocka_unit_test(options_that_exist_are_kept),
		cmocka_unit_test(
		    options_of_a_wrong_type_are_the_backends_to_refuse),
		cmocka_unit_test(who_tells_it_unasked_is_not_asked),
		cmocka_unit_test(options_that_are_stripped_are_not_put_back),
		cmocka_unit_test(
		    usage_is_asked_for_only_where_the_format_has_it),
		cmocka_unit_test(a_form_gets_the_models_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
