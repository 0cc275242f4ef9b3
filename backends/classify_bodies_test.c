/* backends/classify_bodies_test.c - what providers and servers really answer
 * with a 4xx (or a 500 that should be one), and where the request goes then. */
#include "backends/classify_testing.h"

static void
too_long_here_goes_where_there_is_more_room(void **state)
{
	static const struct row rows[] = {
		{ "openai", "openai", 400,
		    "{\"error\":{\"message\":\"This model's maximum context "
		    "length is 8192 tokens. However, your messages resulted in "
		    "9012 tokens.\",\"type\":\"invalid_request_error\","
		    "\"param\":\"messages\",\"code\":"
		    "\"context_length_exceeded\"}}" },
		{ "openai, answer too long", "openai", 400,
		    "{\"error\":{\"message\":\"max_tokens is too large: 20480. "
		    "This model supports at most 16384 completion tokens, "
		    "whereas you provided 20480.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"max_tokens\","
		    "\"code\":\"invalid_value\"}}" },
		{ "cerebras", "cerebras", 400,
		    "{\"message\":\"Please reduce the length of the messages "
		    "or completion. Current length is 9000 while limit is "
		    "8192\",\"type\":\"invalid_request_error\",\"param\":"
		    "\"messages\",\"code\":\"context_length_exceeded\"}" },
		{ "groq, per minute", "groq", 413,
		    "{\"error\":{\"message\":\"Request too large for model "
		    "`x` on tokens per minute (TPM): Limit 6000, Requested "
		    "7000\",\"type\":\"tokens\",\"code\":"
		    "\"rate_limit_exceeded\"}}" },
		{ "vllm", "vllm", 400,
		    "{\"error\":{\"message\":\"'max_tokens' or "
		    "'max_completion_tokens' is too large: 9000. This model's "
		    "maximum context length is 8192 tokens and your request "
		    "has 12 input tokens\",\"type\":\"BadRequestError\","
		    "\"param\":null,\"code\":400}}" },
		{ "vllm, engine", "vllm", 400,
		    "{\"object\":\"error\",\"message\":\"The decoder prompt "
		    "(length 9001) is longer than the maximum model length of "
		    "8192.\",\"type\":\"BadRequestError\",\"param\":null,"
		    "\"code\":400}" },
		{ "sglang", "sglang", 400,
		    "{\"object\":\"error\",\"message\":\"The input (9001 "
		    "tokens) is longer than the model's context length (8192 "
		    "tokens).\",\"type\":\"BadRequestError\",\"param\":null,"
		    "\"code\":400}" },
		{ "tgi", "openai", 422,
		    "{\"error\":\"Input validation error: `inputs` must have "
		    "less than 1024 tokens. Given: 2000\",\"error_type\":"
		    "\"validation\"}" },
		{ "llama.cpp", "llamacpp", 400,
		    "{\"error\":{\"code\":400,\"message\":\"the request "
		    "exceeds the available context size. try increasing it\","
		    "\"type\":\"exceed_context_size_error\","
		    "\"n_prompt_tokens\":9001,\"n_ctx\":8192}}" },
		{ "lm studio", "lmstudio", 400,
		    "{\"error\":\"Trying to keep the first 9000 tokens when "
		    "context the overflows. However, the model is loaded with "
		    "context length of only 4096 tokens\"}" },
		{ "anthropic", "openai", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":\"input length and "
		    "`max_tokens` exceed context limit: 178959 + 64000 > "
		    "200000, decrease input length or `max_tokens` and try "
		    "again\"}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

static void
what_it_cannot_do_goes_to_one_that_can(void **state)
{
	static const struct row rows[] = {
		{ "openai, parameter", "openai", 400,
		    "{\"error\":{\"message\":\"Unsupported parameter: "
		    "'max_tokens' is not supported with this model. Use "
		    "'max_completion_tokens' instead.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"max_tokens\","
		    "\"code\":\"unsupported_parameter\"}}" },
		{ "openai, images", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid content type. image_url "
		    "is only supported by certain models.\",\"type\":"
		    "\"invalid_request_error\",\"param\":"
		    "\"messages.[0].content.[1].type\",\"code\":null}}" },
		{ "azure, parameter", "openai", 400,
		    "{\"error\":{\"message\":\"Unrecognized request argument "
		    "supplied: parallel_tool_calls\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":null}"
		    "}" },
		{ "azure, operation", "openai", 400,
		    "{\"error\":{\"code\":\"OperationNotSupported\","
		    "\"message\":\"The chatCompletion operation does not work "
		    "with the specified model, x.\"}}" },
		{ "cerebras, parameter", "cerebras", 400,
		    "{\"message\":\"property 'logit_bias' is unsupported\","
		    "\"type\":\"invalid_request_error\",\"param\":"
		    "\"logit_bias\",\"code\":\"wrong_api_format\"}" },
		{ "groq, images", "groq", 400,
		    "{\"error\":{\"message\":\"'messages.0' : for 'role:user' "
		    "the following must be satisfied[('messages.0.content' : "
		    "value must be a string)]\",\"type\":"
		    "\"invalid_request_error\"}}" },
		{ "groq, response_format", "groq", 400,
		    "{\"error\":{\"message\":\"This model does not support "
		    "response format `json_schema`.\",\"type\":"
		    "\"invalid_request_error\"}}" },
		{ "groq, its model's tool call", "groq", 400,
		    "{\"error\":{\"message\":\"Failed to call a function.\","
		    "\"type\":\"invalid_request_error\",\"code\":"
		    "\"tool_use_failed\",\"failed_generation\":\"x\"}}" },
		{ "deepseek, images", "openai", 400,
		    "{\"error\":{\"message\":\"Failed to deserialize the JSON "
		    "body into the target type: messages[0]: unknown variant "
		    "`image_url`, expected `text` at line 1 column 90\","
		    "\"type\":\"invalid_request_error\",\"param\":null,"
		    "\"code\":\"invalid_request_error\"}}" },
		{ "deepseek, content parts", "openai", 422,
		    "{\"error\":{\"message\":\"Failed to deserialize the JSON "
		    "body into the target type: messages[2]: invalid type: "
		    "sequence, expected a string at line 1 column 29\"}}" },
		{ "mistral, member", "openai", 422,
		    "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":"
		    "\"extra_forbidden\",\"loc\":[\"body\","
		    "\"max_completion_tokens\"],\"msg\":\"Extra inputs are not "
		    "permitted\",\"input\":32000}]},\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":null}" },
		{ "vllm, tools off", "vllm", 400,
		    "{\"object\":\"error\",\"message\":\"\\\"auto\\\" tool "
		    "choice requires --enable-auto-tool-choice and "
		    "--tool-call-parser to be set\",\"type\":"
		    "\"BadRequestError\",\"param\":null,\"code\":400}" },
		{ "vllm, too many images", "vllm", 400,
		    "{\"object\":\"error\",\"message\":\"At most 1 image(s) "
		    "may be provided in one request.\",\"type\":"
		    "\"BadRequestError\",\"param\":null,\"code\":400}" },
		{ "vllm, no images", "vllm", 400,
		    "{\"error\":{\"message\":\"x is not a multimodal model\","
		    "\"type\":\"BadRequestError\",\"param\":null,\"code\":"
		    "400}}" },
		{ "llama.cpp, no images", "llamacpp", 500,
		    "{\"error\":{\"code\":500,\"message\":\"image input is not "
		    "supported - hint: if this is unexpected, you may need to "
		    "provide the mmproj\",\"type\":\"server_error\"}}" },
		{ "llama.cpp, tools off", "llamacpp", 500,
		    "{\"error\":{\"code\":500,\"message\":\"tools param "
		    "requires --jinja flag\",\"type\":\"server_error\"}}" },
		{ "llama.cpp, embeddings off", "llamacpp", 501,
		    "{\"error\":{\"code\":501,\"message\":\"This server does "
		    "not support embeddings. Start it with `--embeddings`\","
		    "\"type\":\"not_supported_error\"}}" },
		{ "ollama, tools", "ollama", 400,
		    "{\"error\":{\"message\":\"registry.ollama.ai/library/"
		    "gemma:2b does not support tools\",\"type\":"
		    "\"api_error\",\"param\":null,\"code\":null}}" },
		{ "openai, more than a minute's limit", "openai", 429,
		    "{\"error\":{\"message\":\"Request too large for "
		    "gpt-4o on tokens per min (TPM): Limit 30000, Requested "
		    "60123.\",\"type\":\"tokens\",\"param\":null,\"code\":"
		    "\"rate_limit_exceeded\"}}" },
		{ "openrouter, tools", "openai", 404,
		    "{\"error\":{\"message\":\"No endpoints found that support "
		    "tool use. To learn more about provider routing, visit: "
		    "https://openrouter.ai/docs/provider-routing\",\"code\":"
		    "404}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

static void
what_was_made_elsewhere_goes_where_it_was_made(void **state)
{
	static const struct row rows[] = {
		{ "openai, response", "openai", 400,
		    "{\"error\":{\"message\":\"Previous response with id "
		    "'resp_1' not found.\",\"type\":"
		    "\"invalid_request_error\",\"param\":"
		    "\"previous_response_id\",\"code\":"
		    "\"previous_response_not_found\"}}" },
		{ "openai, reasoning", "openai", 400,
		    "{\"error\":{\"message\":\"The encrypted content gAAA "
		    "could not be verified.\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":"
		    "\"invalid_encrypted_content\"}}" },
		{ "anthropic, reasoning", "vllm", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":"
		    "\"messages.1.content.0: Invalid `signature` in "
		    "`thinking` block\"}}" },
		{ "lm studio, in a stream", "lmstudio", 200,
		    "{\"type\":\"error\",\"code\":"
		    "\"previous_response_not_found\",\"message\":\"no\"}" },
	};

	OF(DIALECT_RESPONSES, rows, FAULT_UNSUITED);
}

/* A conversation that another began, or whose client keeps no thoughts. */
static void
who_misses_its_thoughts_is_unsuited(void **state)
{
	static const struct row rows[] = {
		{ "gemini", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"Function call is "
		    "missing a thought_signature in functionCall parts. This "
		    "is required for tools to work correctly\",\"status\":"
		    "\"INVALID_ARGUMENT\"}}]" },
		{ "vertex", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"Unable to submit "
		    "request because function call `f` in the 6. content block "
		    "is missing a `thought_signature`.\",\"status\":"
		    "\"INVALID_ARGUMENT\"}}]" },
		{ "deepseek", "openai", 400,
		    "{\"error\":{\"message\":\"The `reasoning_content` in the "
		    "thinking mode must be passed back to the API.\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":"
		    "\"invalid_request_error\"}}" },
		{ "deepseek 3.2", "openai", 400,
		    "{\"error\":{\"message\":\"Missing `reasoning_content` "
		    "field in the assistant message at message index 2. For "
		    "more information, please refer to ...\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":"
		    "\"invalid_request_error\"}}" },
		{ "openai, an id with a signature", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid 'input[2].call_id': "
		    "string too long. Expected a string with maximum length "
		    "64, but got a string with length 949 instead.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"input[2].call_id\","
		    "\"code\":\"string_above_max_length\"}}" },
		{ "moonshot", "openai", 400,
		    "{\"error\":{\"message\":\"thinking is enabled but "
		    "reasoning_content is missing in assistant tool call "
		    "message at index 2\",\"type\":"
		    "\"invalid_request_error\"}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

static void
a_model_that_is_not_there_is_put_aside(void **state)
{
	static const struct row rows[] = {
		{ "openai", "openai", 404,
		    "{\"error\":{\"message\":\"The model `x` does not exist or "
		    "you do not have access to it.\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":"
		    "\"model_not_found\"}}" },
		{ "vllm", "vllm", 404,
		    "{\"object\":\"error\",\"message\":\"The model `x` does "
		    "not exist.\",\"type\":\"NotFoundError\",\"param\":null,"
		    "\"code\":404}" },
		{ "ollama", "ollama", 404,
		    "{\"error\":{\"message\":\"model 'x' not found\",\"type\":"
		    "\"api_error\",\"param\":null,\"code\":null}}" },
		{ "azure", "openai", 404,
		    "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":"
		    "\"The API deployment for this resource does not exist.\"}"
		    "}" },
		{ "hugging face", "openai", 400,
		    "{\"error\":{\"message\":\"The requested model 'x' is not "
		    "supported by any provider you have enabled.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"model\",\"code\":"
		    "\"model_not_supported\"}}" },
		{ "mistral", "openai", 400,
		    "{\"object\":\"error\",\"message\":\"Invalid model: x\","
		    "\"type\":\"invalid_model\",\"param\":null,\"code\":"
		    "\"1500\"}" },
		{ "deepseek", "openai", 400,
		    "{\"error\":{\"message\":\"Model Not Exist\",\"type\":"
		    "\"invalid_request_error\",\"param\":null,\"code\":"
		    "\"invalid_request_error\"}}" },
		{ "groq, forbidden to us", "groq", 403,
		    "{\"error\":{\"message\":\"The model `x` is blocked at the "
		    "project level.\",\"type\":\"permissions_error\",\"code\":"
		    "\"model_permission_blocked_project\"}}" },
	};

	ALL_ARE(rows, FAULT_MODEL);
	OF(DIALECT_EMBEDDINGS, rows, FAULT_MODEL);
}

/* Else one call of /v1/responses would put aside a serving that is good for
 * all the others. */
static void
a_missing_path_says_nothing_of_the_model(void **state)
{
	static const struct row rows[] = {
		{ "fastapi", "vllm", 404, "{\"detail\":\"Not Found\"}" },
		{ "fastapi", "vllm", 405,
		    "{\"detail\":\"Method Not Allowed\"}" },
		{ "llama.cpp", "llamacpp", 404,
		    "{\"error\":{\"code\":404,\"message\":\"File Not Found\","
		    "\"type\":\"not_found_error\"}}" },
		{ "ollama", "ollama", 404, "404 page not found" },
		{ "openai", "openai", 404,
		    "{\"error\":{\"message\":\"Invalid URL (POST /v1/x)\","
		    "\"type\":\"invalid_request_error\",\"param\":null,"
		    "\"code\":null}}" },
		{ "nginx", "openai", 404, "<html>404 Not Found</html>" },
		{ "vllm, an id of the client's", "vllm", 404,
		    "{\"error\":{\"message\":\"Response with id "
		    "'resp_model' not found.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"response_id\","
		    "\"code\":404}}" },
	};

	OF(DIALECT_RESPONSES, rows, FAULT_UNSUITED);
	OF(DIALECT_EMBEDDINGS, rows, FAULT_UNSUITED);
	ALL_ARE(rows, FAULT_MODEL); /* the URL is wrong */
}

static void
out_of_credit_is_a_limit(void **state)
{
	static const struct row rows[] = {
		{ "anthropic", "openai", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":\"Your credit "
		    "balance is too low to access the Anthropic API. Please go "
		    "to Plans & Billing to upgrade or purchase credits.\"}}" },
		{ "openai", "openai", 400,
		    "{\"error\":{\"code\":\"billing_hard_limit_reached\","
		    "\"message\":\"Billing hard limit has been reached\","
		    "\"param\":null,\"type\":\"invalid_request_error\"}}" },
	};

	ALL_ARE(rows, FAULT_RATE_LIMITED);
}

static void
a_403_is_about_the_key_where_it_says_so(void **state)
{
	static const struct row about_key[] = {
		{ "anthropic", "openai", 403,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"permission_error\",\"message\":\"Your API key does not "
		    "have permission to use the specified resource.\"}}" },
		{ "openai, from where it is not served", "openai", 403,
		    "{\"error\":{\"message\":\"Country, region, or territory "
		    "not supported\",\"type\":\"request_forbidden\",\"param\":"
		    "null,\"code\":\"unsupported_country_region_territory\"}"
		    "}" },
		{ "azure", "openai", 403,
		    "{\"error\":{\"code\":\"403\",\"message\":\"Access denied "
		    "due to invalid subscription key or wrong API endpoint."
		    "\"}}" },
		{ "openrouter, what this key may spend", "openai", 403,
		    "{\"error\":{\"message\":\"Key limit exceeded (total "
		    "limit). Manage it using https://openrouter.ai/settings/"
		    "keys\",\"code\":403}}" },
	};
	static const struct row about_request[] = {
		{ "openrouter, moderation", "openai", 403,
		    "{\"error\":{\"message\":\"Your chosen model requires "
		    "moderation and your input was flagged\",\"code\":403}}" },
		{ "what the client wrote", "openai", 403,
		    "{\"error\":{\"message\":\"flagged: my permission_error, "
		    "access denied, your API key\",\"code\":403}}" },
		{ "a filter in front of it, in a word", "openai", 403,
		    "{\"error\":{\"message\":\"Access denied\"}}" },
		{ "a filter in front of it", "openai", 403,
		    "<html><head><title>403 Forbidden</title></head></html>" },
	};

	ALL_ARE(about_key, FAULT_KEY);
	ALL_ARE(about_request, FAULT_UNSUITED);
}

static void
a_wrong_request_goes_nowhere_else(void **state)
{
	static const struct row rows[] = {
		{ "openai, type", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid type for "
		    "'temperature': expected a decimal, but got a string "
		    "instead.\",\"type\":\"invalid_request_error\",\"param\":"
		    "\"temperature\",\"code\":\"invalid_type\"}}" },
		{ "openai, range", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid 'temperature': decimal "
		    "above maximum value. Expected a value <= 2, but got 3 "
		    "instead.\",\"type\":\"invalid_request_error\",\"param\":"
		    "\"temperature\",\"code\":\"decimal_above_max_value\"}}" },
		{ "openai, order of tool messages", "openai", 400,
		    "{\"error\":{\"message\":\"An assistant message with "
		    "'tool_calls' must be followed by tool messages responding "
		    "to each 'tool_call_id'.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"messages\",\"code\":"
		    "null}}" },
		{ "openai, picture", "openai", 400,
		    "{\"error\":{\"message\":\"Error while downloading "
		    "https://x.test/a.png.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"url\",\"code\":"
		    "\"invalid_image_url\"}}" },
		{ "azure, content filter", "openai", 400,
		    "{\"error\":{\"message\":\"The response was filtered due "
		    "to the prompt triggering Azure OpenAI's content "
		    "management policy. Please modify your prompt and "
		    "retry.\",\"type\":null,\"param\":\"prompt\",\"code\":"
		    "\"content_filter\",\"status\":400}}" },
		{ "anthropic, empty text", "openai", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":\"messages: text "
		    "content blocks must be non-empty\"}}" },
		{ "vllm, range", "vllm", 400,
		    "{\"error\":{\"message\":\"temperature must be "
		    "non-negative, got -1.0.\",\"type\":\"BadRequestError\","
		    "\"param\":\"temperature\",\"code\":400}}" },
		{ "mistral, missing", "openai", 422,
		    "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":"
		    "\"missing\",\"loc\":[\"body\",\"messages\",0,\"user\","
		    "\"content\"],\"msg\":\"Field required\"}]},\"type\":"
		    "\"invalid_request_error\"}" },
	};

	ALL_ARE(rows, FAULT_REQUEST);
}

/* What stands before a backend answers with pages. */
static void
a_page_is_no_word_on_the_request(void **state)
{
	static const struct {
		int status;
		bool challenged;
		enum fault_kind kind;
	} rows[] = {
		{ 400, false, FAULT_UNSUITED }, /* nginx: no certificate */
		{ 406, false, FAULT_UNSUITED }, /* ModSecurity */
		{ 403, false, FAULT_UNSUITED },
		{ 403, true, FAULT_SERVER_ERROR },
		{ 429, false, FAULT_RATE_LIMITED },
		{ 502, false, FAULT_SERVER_ERROR },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer_head h = { .status = rows[i].status };
		const struct backend_ops *o = backend_find(SLICE("openai"));
		struct fault f;

		o->read_header(SLICE("Content-Type"),
		    SLICE("text/html; charset=utf-8"), &h);
		if (rows[i].challenged)
			o->read_header(
			    SLICE("cf-mitigated"), SLICE("challenge"), &h);
		f = o->classify(&h, SLICE("<html>Just a moment...</html>"));
		assert_string_equal(
		    fault_rule(f.kind)->name, fault_rule(rows[i].kind)->name);
	}
}

static void
a_key_without_that_scope_is_good_for_the_rest(void **state)
{
	static const struct row rows[] = {
		{ "openai", "openai", 401,
		    "{\"error\":{\"message\":\"You have insufficient "
		    "permissions for this operation. Missing scopes: "
		    "model.request.\",\"type\":\"invalid_request_error\","
		    "\"param\":null,\"code\":\"missing_scope\"}}" },
	};

	OF(DIALECT_SPEECH, rows, FAULT_UNSUITED);
	ALL_ARE(rows, FAULT_KEY);
}

/* Errors quote what was sent. */
static void
no_client_can_put_a_serving_aside_by_its_words(void **state)
{
	static const struct row rows[] = {
		{ "role", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid value: 'Model Not "
		    "Exist'. Expected one of: user.\",\"type\":"
		    "\"invalid_request_error\",\"code\":\"invalid_value\"}}" },
		{ "role", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid value: 'your credit "
		    "balance is too low'.\",\"type\":"
		    "\"invalid_request_error\",\"code\":\"invalid_value\"}}" },
		{ "in a document", "openai", 422,
		    "{\"message\":{\"detail\":[{\"input\":\"invalid model:\","
		    "\"msg\":\"Field required\"}]}}" },
	};

	ALL_ARE(rows, FAULT_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_long_here_goes_where_there_is_more_room),
		cmocka_unit_test(what_it_cannot_do_goes_to_one_that_can),
		cmocka_unit_test(
		    what_was_made_elsewhere_goes_where_it_was_made),
		cmocka_unit_test(who_misses_its_thoughts_is_unsuited),
		cmocka_unit_test(a_model_that_is_not_there_is_put_aside),
		cmocka_unit_test(a_missing_path_says_nothing_of_the_model),
		cmocka_unit_test(out_of_credit_is_a_limit),
		cmocka_unit_test(a_403_is_about_the_key_where_it_says_so),
		cmocka_unit_test(a_wrong_request_goes_nowhere_else),
		cmocka_unit_test(a_page_is_no_word_on_the_request),
		cmocka_unit_test(a_key_without_that_scope_is_good_for_the_rest),
		cmocka_unit_test(
		    no_client_can_put_a_serving_aside_by_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
