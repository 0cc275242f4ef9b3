/* backends/classify_providers_test.c - what is said in words, or in a shape, of
 * one provider's own. */
#include "backends/classify_testing.h"

static void
too_long_by_other_names(void **state)
{
	static const struct row rows[] = {
		{ "gemini", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"The input token "
		    "count (1200000) exceeds the maximum number of tokens "
		    "allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}]" },
		{ "xai", "openai", 400,
		    "{\"code\":\"invalid-argument\",\"error\":\"This model's "
		    "maximum prompt length is 131072 but the request contains "
		    "537812 tokens.\"}" },
		{ "moonshot", "openai", 400,
		    "{\"error\":{\"message\":\"Invalid request: Your request "
		    "exceeded model token limit: 8192 (requested: 9000)\","
		    "\"type\":\"invalid_request_error\"}}" },
		{ "dashscope", "openai", 400,
		    "{\"error\":{\"message\":\"Range of input length should be "
		    "[1, 30720]\",\"type\":\"invalid_request_error\",\"param\":"
		    "null,\"code\":\"invalid_parameter_error\"}}" },
		{ "copilot", "openai", 400,
		    "{\"error\":{\"message\":\"prompt token count of 5000 "
		    "exceeds the limit of 4096\",\"code\":"
		    "\"model_max_prompt_tokens_exceeded\"}}" },
		{ "trt-llm", "openai", 400,
		    "{\"object\":\"error\",\"message\":\"The sum of prompt "
		    "length (9351.0), query length (0) should not exceed "
		    "max_num_tokens (8192)\",\"type\":\"BadRequestError\","
		    "\"param\":null,\"code\":400}" },
		{ "tgi, in a stream", "openai", 200,
		    "{\"error\":{\"message\":\"Input validation error: "
		    "`inputs` must have less than 1024 tokens\","
		    "\"http_status_code\":422}}" },
		{ "cloudflare", "openai", 400,
		    "{\"result\":{},\"success\":false,\"errors\":[{\"message\":"
		    "\"AiError: AiError: The estimated number of input and "
		    "maximum output tokens (30000) exceeded this model context "
		    "window limit "
		    "(24000).\",\"code\":8007}],\"messages\":[]}" },
		{ "llama.cpp, embeddings", "llamacpp", 500,
		    "{\"error\":{\"message\":\"input (992 tokens) is too large "
		    "to process. increase the physical batch size (current "
		    "batch size: 512)\",\"code\":500,\"type\":"
		    "\"server_error\"}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

static void
a_name_that_it_does_not_know(void **state)
{
	static const struct row rows[] = {
		{ "gemini", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"Invalid JSON "
		    "payload received. Unknown name \\\"frequency_penalty\\\": "
		    "Cannot find field.\",\"status\":\"INVALID_ARGUMENT\"}}]" },
		{ "openrouter, its model", "openai", 400,
		    "{\"error\":{\"message\":\"x/y is not a valid model ID\","
		    "\"code\":400}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

static void
what_a_conversation_does_to_llama_cpp_is_not_its_fault(void **state)
{
	static const struct row rows[] = {
		{ "template", "llamacpp", 500,
		    "{\"error\":{\"message\":\"\\n------------\\nWhile "
		    "executing CallExpression at line 189, column 32 in source:"
		    " Error: Jinja Exception: After the optional system "
		    "message, conversation roles must alternate user and "
		    "assistant roles except for tool calls and results.\","
		    "\"code\":500,\"type\":\"server_error\"}}" },
		{ "call", "llamacpp", 500,
		    "{\"error\":{\"message\":\"Failed to parse input at pos "
		    "395: <|tool_call_start|>[f(x='y')]<|tool_call_end|>\","
		    "\"code\":500,\"type\":\"server_error\"}}" },
		{ "earlier call", "llamacpp", 500,
		    "{\"error\":{\"message\":\"Failed to parse tool call "
		    "arguments as JSON\",\"code\":500,\"type\":"
		    "\"server_error\"}}" },
	};

	ALL_ARE(rows, FAULT_UNSUITED);
}

/* Gemini and xAI say so. */
static void
a_bad_key_may_be_a_400(void **state)
{
	static const struct row rows[] = {
		{ "gemini", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"API key not "
		    "valid. Please pass a valid API key.\",\"status\":"
		    "\"INVALID_ARGUMENT\"}}]" },
		{ "gemini, expired", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"API key expired. "
		    "Please renew the API key.\",\"status\":"
		    "\"INVALID_ARGUMENT\"}}]" },
		{ "gemini, from where it is not served", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"User location is "
		    "not supported for the API use.\",\"status\":"
		    "\"FAILED_PRECONDITION\"}}]" },
		{ "gemini, suspended", "openai", 403,
		    "[{\"error\":{\"code\":403,\"message\":\"Consumer 'api_key:"
		    "x' has been suspended.\",\"status\":"
		    "\"PERMISSION_DENIED\"}}]" },
		{ "xai", "openai", 400,
		    "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API "
		    "key provided: xa***ai. You can obtain an API key from "
		    "https://console.x.ai.\"}" },
		{ "bedrock", "openai", 403,
		    "{\"message\":\"The security token included in the request "
		    "is invalid.\"}" },
		{ "bedrock, key", "openai", 403,
		    "{\"Message\":\"Authentication failed: Please make sure "
		    "your API Key is valid.\"}" },
		{ "groq, restricted", "groq", 400,
		    "{\"error\":{\"message\":\"Organization has been "
		    "restricted. Please reach out to support if you believe "
		    "this was in error.\",\"type\":\"invalid_request_error\","
		    "\"code\":\"organization_restricted\"}}" },
		{ "anthropic, disabled", "openai", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":\"This organization "
		    "has been disabled.\"}}" },
		{ "azure, from another network", "openai", 403,
		    "{\"error\":{\"code\":\"AccessDenied\",\"message\":"
		    "\"Access denied due to Virtual Network/Firewall "
		    "rules.\"}}" },
		{ "nim", "openai", 403,
		    "{\"status\":403,\"title\":\"Forbidden\",\"detail\":"
		    "\"Authorization failed\"}" },
		{ "hugging face", "huggingface", 403,
		    "{\"error\":\"This authentication method does not have "
		    "sufficient permissions to call Inference Providers on "
		    "behalf of user x\"}" },
	};

	ALL_ARE(rows, FAULT_KEY);
}

/* LiteLLM's are. */
static void
a_key_may_be_good_for_other_models(void **state)
{
	static const struct row rows[] = {
		{ "litellm", "openai", 403,
		    "{\"error\":{\"message\":\"key not allowed to access "
		    "model. This key can only access models=['a']. Tried to "
		    "access b\",\"type\":\"key_model_access_denied\",\"param\":"
		    "\"model\",\"code\":\"403\"}}" },
		{ "litellm, before", "openai", 401,
		    "{\"error\":{\"message\":\"key not allowed to access "
		    "model.\",\"type\":\"key_model_access_denied\",\"param\":"
		    "\"model\",\"code\":\"401\"}}" },
		{ "bedrock", "openai", 403,
		    "{\"error\":{\"message\":\"You don't have access to the "
		    "model with the specified model ID.\",\"code\":"
		    "\"AccessDeniedException\"}}" },
		{ "groq", "groq", 400,
		    "{\"error\":{\"message\":\"The model `x` requires terms "
		    "acceptance.\",\"type\":\"invalid_request_error\",\"code\":"
		    "\"model_terms_required\"}}" },
	};

	ALL_ARE(rows, FAULT_MODEL);
}

static void
a_model_may_be_missing_in_other_words(void **state)
{
	static const struct row rows[] = {
		{ "litellm", "openai", 400,
		    "{\"error\":{\"message\":\"/chat/completions: Invalid "
		    "model name passed in model=x. Call `/v1/models` to view "
		    "available models for your key.\",\"type\":"
		    "\"invalid_request_error\",\"param\":\"None\",\"code\":"
		    "\"400\"}}" },
		{ "siliconflow", "openai", 400,
		    "{\"code\":20012,\"message\":\"Model does not exist. "
		    "Please check it carefully.\",\"data\":null}" },
		{ "lm studio, too large", "lmstudio", 400,
		    "{\"error\":\"Failed to load model \\\"x\\\". Error: Error "
		    "loading model.\"}" },
		{ "lm studio, put away", "lmstudio", 400,
		    "{\"error\":\"Model unloaded.\"}" },
	};

	ALL_ARE(rows, FAULT_MODEL);
}

static void
money_is_a_limit_by_any_status(void **state)
{
	static const struct row rows[] = {
		{ "xai", "openai", 403,
		    "{\"code\":\"The caller does not have permission to "
		    "execute the specified operation\",\"error\":\"Your newly "
		    "created teams doesn't have any credits yet.\"}" },
		{ "fireworks", "openai", 412,
		    "{\"error\":{\"message\":\"Account x is suspended, "
		    "possibly due to reaching the monthly spending limit or "
		    "failure to pay past invoices.\",\"code\":"
		    "\"PRECONDITION_FAILED\",\"object\":\"error\"}}" },
		{ "litellm", "openai", 400,
		    "{\"error\":{\"message\":\"Budget has been exceeded! "
		    "Current cost: 5.0, Max budget: 1.0\",\"type\":"
		    "\"budget_exceeded\",\"param\":null,\"code\":\"400\"}}" },
		{ "dashscope", "openai", 400,
		    "{\"error\":{\"message\":\"Access denied, please make sure "
		    "your account is in good standing.\",\"type\":"
		    "\"Arrearage\",\"param\":null,\"code\":\"Arrearage\"}}" },
		{ "siliconflow", "openai", 403,
		    "{\"code\":30001,\"message\":\"Sorry, your account balance "
		    "is insufficient\",\"data\":null}" },
		{ "anthropic", "openai", 400,
		    "{\"type\":\"error\",\"error\":{\"type\":"
		    "\"invalid_request_error\",\"message\":\"You have reached "
		    "your specified API usage limits. You will regain access "
		    "on 2026-12-01 at 00:00 UTC.\"}}" },
	};

	ALL_ARE(rows, FAULT_RATE_LIMITED);
}

static void
a_full_queue_is_no_breakage(void **state)
{
	static const struct row rows[] = {
		{ "sglang", "sglang", 503,
		    "{\"object\":\"error\",\"message\":\"The request queue is "
		    "full.\",\"type\":\"SERVICE_UNAVAILABLE\",\"param\":null,"
		    "\"code\":503}" },
		{ "sglang, in a stream", "sglang", 200,
		    "data: {\"error\": {\"message\": \"The request queue is "
		    "full.\", \"code\": 503}}\n\n" },
		{ "sglang, by priority", "sglang", 503,
		    "{\"error\":{\"message\":\"The request is aborted by a "
		    "higher priority request.\",\"code\":503}}" },
		{ "gemini, in a stream", "openai", 200,
		    "data: [{\"error\": {\"code\": 429, \"message\": \"quota\","
		    " \"status\": \"RESOURCE_EXHAUSTED\"}}]\n\n" },
	};

	ALL_ARE(rows, FAULT_RATE_LIMITED);
}

static void
what_broke_there_is_not_the_requests(void **state)
{
	static const struct row rows[] = {
		{ "lm studio", "lmstudio", 400,
		    "{\"error\":\"The model has crashed without additional "
		    "information. (Exit code: 18446744072635812000)\"}" },
		{ "google", "openai", 499,
		    "[{\"error\":{\"code\":499,\"message\":\"The operation was "
		    "cancelled.\",\"status\":\"CANCELLED\"}}]" },
		{ "gemini", "openai", 503,
		    "[{\"error\":{\"code\":503,\"message\":\"The model is "
		    "overloaded. Please try again later.\",\"status\":"
		    "\"UNAVAILABLE\"}}]" },
	};

	ALL_ARE(rows, FAULT_SERVER_ERROR);
}

static void
a_list_of_several_is_none(void **state)
{
	static const struct row rows[] = {
		{ "two", "openai", 400,
		    "[{\"error\":{\"message\":\"API key not valid.\"}},"
		    "{\"error\":{\"message\":\"API key not valid.\"}}]" },
		{ "nothing", "openai", 400, "[]" },
		{ "half", "openai", 400,
		    "[{\"error\":{\"message\":\"API key not" },
		{ "what the client wrote", "openai", 400,
		    "[{\"error\":{\"code\":400,\"message\":\"x: API key not "
		    "valid\",\"status\":\"INVALID_ARGUMENT\"}}]" },
	};

	ALL_ARE(rows, FAULT_REQUEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_long_by_other_names),
		cmocka_unit_test(a_name_that_it_does_not_know),
		cmocka_unit_test(
		    what_a_conversation_does_to_llama_cpp_is_not_its_fault),
		cmocka_unit_test(a_bad_key_may_be_a_400),
		cmocka_unit_test(a_key_may_be_good_for_other_models),
		cmocka_unit_test(a_model_may_be_missing_in_other_words),
		cmocka_unit_test(money_is_a_limit_by_any_status),
		cmocka_unit_test(a_full_queue_is_no_breakage),
		cmocka_unit_test(what_broke_there_is_not_the_requests),
		cmocka_unit_test(a_list_of_several_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
