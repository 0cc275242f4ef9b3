/* backends/classify_test.c - whose fault a refusal is. */
#include <string.h>

#include "backends/adapters.h"
#include "backends/wire_error.h"
#include "gateway/lib/count.h"
#include "gateway/lib/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct fault
classify(const char *adapter, int status, const char *body)
{
	struct answer_head h = { .status = status };

	return backend_find(slice_of(adapter))->classify(&h, slice_of(body));
}

static void
is(int status, const char *body, enum fault_kind kind)
{
	struct fault f = classify("openai", status, body);

	assert_string_equal(fault_rule(f.kind)->name, fault_rule(kind)->name);
}

/* --- by status --- */

static void
each_status_has_its_row(void **state)
{
	static const struct {
		int status;
		enum fault_kind kind;
	} rows[] = {
		{ 500, FAULT_SERVER_ERROR },
		{ 502, FAULT_SERVER_ERROR },
		{ 503, FAULT_SERVER_ERROR },
		{ 504, FAULT_SERVER_ERROR },
		{ 520, FAULT_SERVER_ERROR },
		{ 529, FAULT_SERVER_ERROR },
		{ 407, FAULT_SERVER_ERROR },
		{ 408, FAULT_SERVER_ERROR },
		{ 421, FAULT_SERVER_ERROR },
		{ 425, FAULT_SERVER_ERROR },
		{ 501, FAULT_UNSUITED },
		{ 413, FAULT_UNSUITED },
		{ 402, FAULT_RATE_LIMITED },
		{ 429, FAULT_RATE_LIMITED },
		{ 498, FAULT_RATE_LIMITED },
		{ 401, FAULT_KEY },
		{ 403, FAULT_UNSUITED },
		{ 404, FAULT_MODEL },
		{ 405, FAULT_MODEL },
		{ 410, FAULT_MODEL },
		{ 400, FAULT_REQUEST },
		{ 409, FAULT_REQUEST },
		{ 422, FAULT_REQUEST },
		{ 200, FAULT_BAD_ANSWER },
		{ 204, FAULT_BAD_ANSWER },
		{ 302, FAULT_BAD_ANSWER },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		is(rows[i].status, "", rows[i].kind);
		is(rows[i].status, "<html>502 Bad Gateway</html>",
		    rows[i].kind);
		assert_int_equal(classify("openai", rows[i].status, "").status,
		    rows[i].status);
	}
}

/* --- by what the body says --- */

static void
loading_is_cold_not_broken(void **state)
{
	is(503,
	    "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":"
	    "\"unavailable_error\"}}",
	    FAULT_LOADING);
	is(503,
	    "{\"error\":\"Model gpt2 is currently loading\","
	    "\"estimated_time\":20.0}",
	    FAULT_LOADING);
	is(503,
	    "{\"error\":{\"message\":\"no healthy upstream\",\"code\":503}}",
	    FAULT_SERVER_ERROR);
	is(500, "{\"error\":{\"message\":\"error loading model\"}}",
	    FAULT_SERVER_ERROR);
}

static void
a_context_too_short_suits_another_backend(void **state)
{
	static const char *const bodies[] = {
		"{\"error\":{\"message\":\"x\",\"code\":"
		"\"context_length_exceeded\"}}",
		"{\"error\":{\"code\":400,\"message\":\"the request exceeds "
		"the available context size (4096 tokens)\",\"type\":"
		"\"exceed_context_size_error\",\"n_ctx\":4096}}",
		"{\"object\":\"error\",\"message\":\"This model's maximum "
		"context length is 4096 tokens.\",\"type\":"
		"\"BadRequestError\",\"param\":null,\"code\":400}",
		"{\"type\":\"error\",\"error\":{\"type\":"
		"\"invalid_request_error\",\"message\":\"prompt is too long: "
		"210000 tokens > 200000 maximum\"}}",
		"{\"error\":\"Input validation error: `inputs` tokens + "
		"`max_new_tokens` must be <= 4096\",\"error_type\":"
		"\"validation\"}",
	};

	for (size_t i = 0; i < COUNT(bodies); i++) {
		is(400, bodies[i], FAULT_UNSUITED);
		is(422, bodies[i], FAULT_UNSUITED);
	}
}

static void
a_member_it_does_not_know_suits_another_backend(void **state)
{
	static const char *const bodies[] = {
		"{\"message\":\"property 'logit_bias' is unsupported\","
		"\"type\":\"invalid_request_error\",\"param\":\"logit_bias\","
		"\"code\":\"wrong_api_format\"}",
		"{\"error\":{\"message\":\"`logprobs` is not supported with "
		"this model\",\"type\":\"invalid_request_error\"}}",
		"{\"error\":{\"message\":\"x\",\"param\":\"temperature\","
		"\"code\":\"unsupported_value\"}}",
		"{\"error\":{\"message\":\"gemma:2b does not support tools\","
		"\"type\":\"api_error\"}}",
		"{\"error\":{\"message\":\"Failed to call a function\","
		"\"code\":\"tool_use_failed\",\"failed_generation\":\"\"}}",
		"{\"detail\":[{\"type\":\"extra_forbidden\",\"msg\":"
		"\"Extra inputs are not "
		"permitted\",\"loc\":[\"body\",\"x\"]}]}",
		"{\"error\":{\"message\":\"Unknown part type: file\",\"type\":"
		"\"BadRequestError\",\"param\":null,\"code\":400}}",
		"{\"error\":{\"message\":\"Invalid Value: 'file'. Supported "
		"values are: 'text', 'image_url', 'input_audio'.\",\"type\":"
		"\"invalid_request_error\",\"code\":\"invalid_value\"}}",
	};

	for (size_t i = 0; i < COUNT(bodies); i++)
		is(400, bodies[i], FAULT_UNSUITED);
}

static void
a_bad_request_is_the_clients(void **state)
{
	is(400,
	    "{\"error\":{\"message\":\"messages: Field required\",\"type\":"
	    "\"invalid_request_error\",\"param\":null,\"code\":null}}",
	    FAULT_REQUEST);
	is(400, "{\"error\":{\"message\":\"cut off in the mid", FAULT_REQUEST);
}

static void
a_model_may_be_missing_by_another_status(void **state)
{
	is(400,
	    "{\"error\":{\"message\":\"The requested model 'x' is not "
	    "supported by any provider\",\"code\":\"model_not_supported\"}}",
	    FAULT_MODEL);
	is(400, "{\"error\":{\"code\":\"model_decommissioned\"}}", FAULT_MODEL);
}

static void
an_error_may_come_as_an_event(void **state)
{
	is(400,
	    "data: {\"error\":{\"code\":\"context_length_exceeded\"}}\n\n"
	    "data: [DONE]\n\n",
	    FAULT_UNSUITED);
}

/* --- 200 that is none --- */

static void
an_error_within_200_counts_as_its_own_status(void **state)
{
	struct fault f = classify("vllm", 200,
	    "{\"error\":{\"message\":\"maximum context length is 8\",\"type\":"
	    "\"BadRequestError\",\"code\":400}}");

	assert_int_equal(f.kind, FAULT_UNSUITED);
	assert_int_equal(f.status, 400);
	f = classify("vllm", 200,
	    "data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n");
	assert_int_equal(f.kind, FAULT_SERVER_ERROR);
	f = classify("vllm", 200, "{\"error\":{\"message\":\"x\"}}");
	assert_int_equal(f.kind, FAULT_BAD_ANSWER);
	assert_int_equal(f.status, 200);
}

static void
each_shape_of_error_names_its_status(void **state)
{
	static const struct {
		const char *body;
		int status;
	} rows[] = {
		{ "{\"error\":\"full\",\"error_type\":\"overloaded\"}", 429 },
		{ "{\"object\":\"error\",\"message\":\"no\",\"code\":\"422\"}",
		    422 },
		{ "{\"type\":\"error\",\"error\":{\"type\":"
		  "\"overloaded_error\",\"message\":\"Overloaded\"}}",
		    529 },
		{ "{\"error\":{\"code\":null,\"type\":\"unheard_of\"}}", 200 },
		{ "{\"error\":{\"code\":null,\"type\":\"server_error\"}}",
		    500 },
		{ "{\"type\":\"error\",\"code\":\"rate_limit_exceeded\","
		  "\"message\":\"m\",\"param\":null,"
		  "\"sequence_number\":2}",
		    429 },
		{ "{\"type\":\"response.failed\",\"response\":{\"status\":"
		  "\"failed\",\"error\":{\"code\":\"insufficient_quota\","
		  "\"message\":\"m\"}}}",
		    429 },
		{ "{\"status\":\"failed\",\"error\":{\"code\":"
		  "\"invalid_image_format\",\"message\":\"m\"}}",
		    400 },
		{ "{\"type\":\"response.failed\",\"response\":{\"error\":"
		  "null,\"code\":429}}",
		    200 },
		{ "{\"type\":\"response.failed\",\"code\":429}", 200 },
		{ "{\"type\":\"message\",\"code\":429}", 200 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    classify("vllm", 200, rows[i].body).status, rows[i].status);
}

static void
an_answers_own_numbers_are_no_status(void **state)
{
	is(200, "{\"choices\":[],\"status\":404,\"message\":\"x\"}",
	    FAULT_BAD_ANSWER);
}

/* --- how long --- */

static struct fault
limited(struct answer_head h)
{
	h.status = 429;
	return backend_find(SLICE("groq"))->classify(&h, SLICE("{}"));
}

static void
what_was_said_counts_first(void **state)
{
	struct answer_head h = { .retry_after = 3 * USEC_SEC };

	h.limits.has = LOAD_LIMIT_TOKENS;
	h.limits.reset_tokens = USEC_SEC;
	assert_int_equal(limited(h).retry_after, 3 * USEC_SEC);
}

static void
else_the_limit_that_is_used_up_tells(void **state)
{
	struct answer_head h = { .retry_after = 0 };

	h.limits =
	    (struct load){ .has = LOAD_LIMIT_REQUESTS | LOAD_LIMIT_TOKENS,
		    .left_requests = 10,
		    .reset_requests = 60 * USEC_SEC,
		    .left_tokens = 0,
		    .reset_tokens = 7 * USEC_SEC };
	assert_int_equal(limited(h).retry_after, 7 * USEC_SEC);
	h.limits.left_tokens = 5;
	assert_int_equal(limited(h).retry_after, 0);
}

static void
gemini_says_it_in_the_body(void **state)
{
	static const char body[] =
	    "[{\"error\":{\"code\":429,\"message\":\"You exceeded your "
	    "current quota.\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":"
	    "[{\"@type\":\"type.googleapis.com/google.rpc.Help\"},{\"@type\":"
	    "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"
	    "\"24.5s\"}]}}]";
	struct answer_head h = { .status = 429, .retry_after = USEC_SEC };

	assert_int_equal(
	    classify("openai", 429, body).retry_after, 24500 * USEC_MS);
	assert_int_equal(classify("openai", 429,
			     "{\"error\":{\"details\":"
			     "[7,{\"retryDelay\":0}]}}")
			     .retry_after,
	    0);
	assert_int_equal(backend_find(SLICE("openai"))
			     ->classify(&h, SLICE(body))
			     .retry_after,
	    USEC_SEC);
}

static void
a_full_queue_of_ollama_is_no_breakage(void **state)
{
	static const char busy[] = "{\"error\":{\"message\":\"server busy, "
				   "please try again.  maximum pending "
				   "requests exceeded\"}}";

	assert_int_equal(
	    classify("ollama", 503, busy).kind, FAULT_RATE_LIMITED);
	assert_int_equal(
	    classify("ollama", 503, "{}").kind, FAULT_SERVER_ERROR);
	assert_int_equal(
	    classify("openai", 503, busy).kind, FAULT_SERVER_ERROR);
}

/* Behind what a refusal says stands what it was sent, however long. */
static void
what_it_says_it_says_at_once(void **state)
{
	struct answer_head h = { .status = 400 };
	struct buf b;

	buf_init(&b, SSE_EVENT_MAX);
	buf_add_str(&b, "{\"error\":{\"message\":\"images are not supported: ");
	while (b.n < 2 * WIRE_ERROR_READ)
		buf_add_str(&b, "what was asked, ");
	buf_add_str(&b, "with max_new_tokens\"}}");
	assert_int_equal(
	    openai_classify(&h, buf_slice(&b)).kind, FAULT_UNSUITED);
	memset(b.p + strlen("{\"error\":{\"message\":\""), 'x',
	    strlen("images are not supported"));
	assert_int_equal(
	    openai_classify(&h, buf_slice(&b)).kind, FAULT_REQUEST);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_row),
		cmocka_unit_test(loading_is_cold_not_broken),
		cmocka_unit_test(a_context_too_short_suits_another_backend),
		cmocka_unit_test(
		    a_member_it_does_not_know_suits_another_backend),
		cmocka_unit_test(a_bad_request_is_the_clients),
		cmocka_unit_test(a_model_may_be_missing_by_another_status),
		cmocka_unit_test(an_error_may_come_as_an_event),
		cmocka_unit_test(an_error_within_200_counts_as_its_own_status),
		cmocka_unit_test(each_shape_of_error_names_its_status),
		cmocka_unit_test(an_answers_own_numbers_are_no_status),
		cmocka_unit_test(what_was_said_counts_first),
		cmocka_unit_test(else_the_limit_that_is_used_up_tells),
		cmocka_unit_test(gemini_says_it_in_the_body),
		cmocka_unit_test(a_full_queue_of_ollama_is_no_breakage),
		cmocka_unit_test(what_it_says_it_says_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
