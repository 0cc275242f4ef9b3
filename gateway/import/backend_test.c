/* gateway/import/backend_test.c - where deployments of a LiteLLM configuration
 * ask, and how. */
#include "gateway/import/testing.h"

#include "gateway/lib/count.h"

static void
a_provider_is_an_adapter_with_its_key(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a", "model: groq/llama-3") MODEL(
		"b", "model: mistral/small, api_key: os.environ/MY_KEY")
		    MODEL("c", "model: gpt-4o")));
	assert_int_equal(s.rc, OK);
	assert_has(s.conf,
	    "name = \"groq\"; adapter = \"groq\"; api_key = "
	    "\"env:GROQ_API_KEY\";");
	assert_has(s.conf,
	    "name = \"mistral\"; adapter = \"openai\"; url = "
	    "\"https://api.mistral.ai/v1\"; api_key = \"env:MY_KEY\";");
	assert_has(s.conf, "backend = \"openai\"; model = \"gpt-4o\";");
	assert_int_equal(s.i.backends, 3);
	assert_int_equal(s.i.models, 3);
	assert_int_equal(s.i.n_notes, 0);
	sheet_fini(&s);
}

/* A key goes to nobody but the provider that is named. */
static void
a_named_provider_is_the_one(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a",
		"model: openai/gpt-oss-120b, custom_llm_provider: novita, "
		"api_key: os.environ/NOVITA_API_KEY") MODEL("b",
		"model: novita/gpt-4o") MODEL("c", "model: gpt-4o/x") MODEL("d",
		"model: azure/gpt-4, custom_llm_provider: azure") MODEL("e",
		"model: openai/gpt-oss-20b, custom_llm_provider: groq")));
	assert_int_equal(s.rc, OK);
	assert_lacks(s.conf, "NOVITA");
	assert_has(s.notes,
	    "litellm_params: custom_llm_provider: no provider is known for "
	    "\"novita\"\n");
	assert_has(s.notes, "no provider is known for \"novita/gpt-4o\"");
	assert_has(s.notes, "no provider is known for \"gpt-4o/x\"");
	assert_has(s.conf, "backend = \"azure\"; model = \"gpt-4\";");
	assert_has(
	    s.conf, "backend = \"groq\"; model = \"openai/gpt-oss-20b\";");
	assert_int_equal(s.i.models, 2);
	sheet_fini(&s);
}

static void
the_same_place_is_one_backend(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a", "model: openai/x") MODEL("b", "model: openai/y")
		    MODEL("c", "model: openai/z, timeout: 5") MODEL("d",
			"model: openai/z, "
			"max_parallel_requests: 99999999")));
	assert_int_equal(s.i.backends, 3);
	assert_has(s.conf, "backend = \"openai\"; model = \"x\"");
	assert_has(s.conf, "backend = \"openai\"; model = \"y\"");
	assert_has(s.conf,
	    "name = \"openai-2\"; adapter = \"openai\"; api_key "
	    "= \"env:OPENAI_API_KEY\"; timeouts = { ttft = "
	    "\"5s\"; gap = \"5s\"; };");
	assert_has(s.conf, "slots = 65536;");
	sheet_fini(&s);
}

static void
an_url_is_carried_over_whole(void **state)
{
	char text[4096], want[2200], path[2001];
	struct sheet s;

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	snprintf(text, sizeof(text),
	    LIST("- {model_name: m, litellm_params: {model: ollama/m, "
		 "api_base: 'http://h/%s/'}}\n"),
	    path);
	snprintf(want, sizeof(want), "url = \"http://h/%s/v1\";", path);
	sheet_init(&s, text);
	assert_has(s.conf, want);
	sheet_fini(&s);
	/* and what has its end already gets none */
	sheet_init(
	    &s, LIST(MODEL("m", "model: ollama/m, api_base: http://h:1/v1/")));
	assert_has(s.conf, "url = \"http://h:1/v1\";");
	sheet_fini(&s);
}

static void
a_key_in_clear_is_neither_copied_nor_shown(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m, api_key: sk-hunter2") MODEL("n",
		"model: hosted_vllm/n, api_base: http://h/v1, "
		"api_key: none")) "general_settings: "
				  "{master_key: sk-hunter2, "
				  "database_url: "
				  "'p://u:hunter2@h'}\n"
				  "environment_variables: {A: "
				  "hunter2}\n");
	assert_int_equal(s.rc, OK);
	assert_lacks(s.conf, "hunter2");
	assert_lacks(s.notes, "hunter2");
	assert_has(s.conf, "api_key = \"env:OPENAI_API_KEY_1\";");
	assert_has(s.notes, "export it as OPENAI_API_KEY_1");
	assert_has(s.conf, "keys = [ \"sha256:");
	assert_lacks(s.conf, "none");
	sheet_fini(&s);
}

/* Another account's deployment would vanish behind a name that is taken. */
static void
our_names_of_keys_are_new(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL(
		"m", "model: openai/m, api_key: os.environ/OPENAI_API_KEY_2")
		    MODEL("m", "model: openai/m, api_key: sk-one")
			MODEL("m", "model: openai/m, api_key: sk-two")
			    MODEL("n", "model: openai/n, api_key: sk-two"))
		SECTION("environment_variables", "OPENAI_API_KEY_1: x"));
	assert_int_equal(s.i.servings, 4);
	assert_int_equal(s.i.backends, 3);
	assert_has(s.notes,
	    ":3: model_list[1].litellm_params: api_key: a key in "
	    "clear is not copied: export it as OPENAI_API_KEY_3\n");
	assert_has(s.conf, "api_key = \"env:OPENAI_API_KEY_2\"");
	assert_has(s.conf, "api_key = \"env:OPENAI_API_KEY_4\"");
	assert_lacks(s.conf, "OPENAI_API_KEY_1");
	sheet_fini(&s);
}

static void
a_variable_has_a_name_that_can_be(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m, api_key: os.environ/MY-KEY"))
		SECTION("general_settings", "master_key: os.environ/1MASTER"));
	assert_has(s.conf, "api_key = \"env:OPENAI_API_KEY_1\"");
	assert_has(s.notes,
	    "api_key: want letters, digits and \"_\" in a "
	    "variable's name, got others: export it as "
	    "OPENAI_API_KEY_1\n");
	assert_has(s.conf, "keys = [ \"env:LITELLM_MASTER_KEY_2\" ]");
	assert_has(s.notes, ":3: general_settings: master_key: want letters");
	sheet_fini(&s);
}

static void
an_url_with_a_secret_is_neither_copied_nor_shown(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL(
		"a", "model: openai/a, api_base: 'https://u:hunter2@h/v1'")
		    MODEL("b",
			"model: openai/b, api_base: 'https://h/v1?k=hunter2'")
			MODEL("c",
			    "model: openai/c, api_base: 'https://h/#hunter2'")
			    MODEL("d",
				"model: openai/d, api_base: 'u:hunter2@h:1'")
				MODEL("e",
				    "model: hosted_vllm/e, api_base: "
				    "'10.0.0.5:8000/v1'")));
	assert_int_equal(s.rc, OK);
	assert_lacks(s.conf, "hunter2");
	assert_lacks(s.notes, "hunter2");
	assert_has(s.conf, "url = \"env:OPENAI_API_BASE_1\";");
	assert_has(s.notes,
	    "api_base: want http:// or https://, and no user, "
	    "password, \"?\" or \"#\", got another (not shown): "
	    "export such a one as OPENAI_API_BASE_1\n");
	assert_has(s.conf, "url = \"env:OPENAI_API_BASE_4\";");
	assert_has(s.conf, "url = \"env:HOSTED_VLLM_API_BASE_5\";");
	sheet_fini(&s);
}

/* Whole URLs of it are cut, and say the name of the deployment. */
static void
azure_is_asked_at_its_v1_api(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a",
		"model: azure/a, api_base: 'https://x.openai.azure.com/openai/"
		"deployments/prod-a/chat/completions?api-version=2024-02-01'")
		    MODEL("b",
			"model: azure/b, api_base: "
			"'https://x.openai.azure.com/openai/'") MODEL("c",
			"model: azure/c, api_base: "
			"'https://x.openai.azure.com/openai/v1'") MODEL("d",
			"model: azure/d, api_base: "
			"'https://apim/openai/openai/deployments/d'") MODEL("e",
			"model: azure/e, api_base: "
			"'https://openai.azure/openai-gw'")));
	assert_has(s.conf, "url = \"https://x.openai.azure.com/openai/v1\";");
	assert_has(s.conf, "backend = \"azure\"; model = \"prod-a\";");
	assert_has(s.conf, "backend = \"azure\"; model = \"b\";");
	assert_has(s.conf, "backend = \"azure\"; model = \"c\";");
	assert_has(s.conf, "url = \"https://apim/openai/openai/v1\";");
	assert_has(s.conf, "backend = \"azure-2\"; model = \"d\";");
	assert_has(
	    s.conf, "url = \"https://openai.azure/openai-gw/openai/v1\";");
	assert_int_equal(s.i.backends, 3);
	sheet_fini(&s);
}

static void
a_partner_of_hugging_face_stands_behind_the_name(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL(
		"a", "model: huggingface/together/deepseek-ai/DeepSeek-R1")
		    MODEL("b", "model: huggingface/Qwen/Qwen3-8B") MODEL("c",
			"model: huggingface/x/y/z, api_base: 'https://h/v1'")));
	assert_has(s.conf, "model = \"deepseek-ai/DeepSeek-R1:together\";");
	assert_has(s.conf, "model = \"Qwen/Qwen3-8B\";");
	assert_has(s.conf, "model = \"x/y/z\";");
	sheet_fini(&s);
}

static void
prices_are_by_the_million(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST("- model_name: m\n  litellm_params: {model: openai/m, "
		 "input_cost_per_token: 2.5e-06}\n  model_info: "
		 "{output_cost_per_token: 0.00001, input_cost_per_token: 9, "
		 "max_input_tokens: 8192, supports_vision: false}\n"));
	assert_has(s.conf, "price = { input = 2.5; output = 10; };");
	assert_has(s.conf, "context = 8192;");
	assert_has(s.conf, "caps = [ \"chat\"");
	assert_lacks(s.conf, "\"images\"");
	sheet_fini(&s);
}

static void
modes_are_abilities(void **state)
{
	static const struct {
		const char *mode, *caps;
	} rows[] = {
		{ "embedding", "caps = [ \"embeddings\" ];" },
		{ "audio_transcription", "caps = [ \"transcription\" ];" },
		{ "audio_speech", "caps = [ \"speech\" ];" },
		{ "image_generation", "caps = [ \"image_generation\" ];" },
		{ "moderation", "caps = [ \"moderation\" ];" },
		{ "realtime", "caps = [ \"realtime\" ];" },
	};
	char text[256];
	struct sheet s;

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    LIST("- model_name: m\n  litellm_params: {model: openai/m}"
			 "\n  model_info: {mode: %s}\n"),
		    rows[i].mode);
		sheet_init(&s, text);
		assert_has(s.conf, rows[i].caps);
		sheet_fini(&s);
	}
	sheet_init(&s,
	    LIST("- model_name: m\n  litellm_params: {model: openai/m}\n"
		 "  model_info: {mode: video_generation}\n"));
	assert_has(s.notes, "model_info.mode: want chat");
	sheet_fini(&s);
}

static void
what_is_no_number_is_said(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m",
		"model: openai/m, timeout: soon, order: -1, "
		"max_parallel_requests: 0.5")));
	assert_int_equal(s.rc, OK);
	assert_lacks(s.conf, "timeouts");
	assert_lacks(s.conf, "slots");
	assert_has(s.notes, "max_parallel_requests: want at least 1, got 0.5");
	assert_has(s.notes, "timeout: want a number, got \"soon\"");
	assert_has(s.notes, "order: want a number, got \"-1\"");
	sheet_fini(&s);
}

/* Nor is it free. */
static void
a_price_that_cannot_be_is_none(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a",
		"model: openai/a, input_cost_per_token: 2.5, "
		"output_cost_per_token: dear")));
	assert_int_equal(s.rc, OK);
	assert_lacks(s.conf, "price");
	assert_has(s.notes,
	    "input_cost_per_token: want the price of one token, at most 1 "
	    "USD, got 2.5\n");
	assert_has(s.notes, "output_cost_per_token: want a number");
	sheet_fini(&s);
}

static void
models_of_one_place_have_prices_of_their_own(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a",
		"model: openai/a, input_cost_per_token: 1e-6, "
		"output_cost_per_token: 4e-6") MODEL("b",
		"model: openai/b, input_cost_per_token: 2e-6, "
		"output_cost_per_token: 8e-6")));
	assert_int_equal(s.rc, OK);
	assert_int_equal(s.i.backends, 1);
	assert_has(
	    s.conf, "model = \"a\"; price = { input = 1; output = 4; };");
	assert_has(
	    s.conf, "model = \"b\"; price = { input = 2; output = 8; };");
	sheet_fini(&s);
}

static void
what_is_not_sold_by_tokens_has_a_price(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST("- model_name: w\n  litellm_params: {model: openai/w, "
		 "input_cost_per_second: 0.0001}\n  model_info: "
		 "{mode: audio_transcription}\n"
		 "- model_name: c\n  litellm_params: {model: openai/c, "
		 "input_cost_per_second: 0.0001}\n"
		 "- model_name: t\n  litellm_params: {model: openai/t, "
		 "input_cost_per_character: 1.5e-05}\n"
		 "- model_name: p\n  litellm_params: {model: openai/p, "
		 "output_cost_per_image: 0.04}\n"
		 "- model_name: r\n  litellm_params: {model: openai/r, "
		 "input_cost_per_query: 0.002}\n"
		 "- model_name: e\n  litellm_params: {model: openai/e, "
		 "input_cost_per_token: 2e-08}\n  model_info: "
		 "{mode: embedding}\n"
		 "- model_name: g\n  litellm_params: {model: openai/g, "
		 "input_cost_per_token: 3e-06}\n"));
	assert_int_equal(s.rc, OK);
	assert_has(s.conf, "price = { minute = 0.006; };");
	assert_has(s.conf, "price = { characters = 15; };");
	assert_has(s.conf, "price = { image = 0.04; };");
	assert_has(s.conf, "price = { request = 0.002; };");
	assert_has(s.conf, "price = { input = 0.02; output = 0; };");
	assert_has(s.conf, "price = { input = 3; };"); /* half unknown */
	assert_has(s.conf, "model = \"c\"; }");
	assert_has(s.notes, "input_cost_per_second: of the time that");
	sheet_fini(&s);
}

/* However many. */
static void
all_names_are_taken_out_of_requests(void **state)
{
	char text[4096] =
	    LIST("- model_name: m\n  litellm_params:\n    model: groq/m\n"
		 "    additional_drop_params:\n");
	struct sheet s;
	size_t n = strlen(text);

	for (size_t i = 0; i < 80; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "    - p%zu\n", i);
	sheet_init(&s, text);
	assert_has(s.conf, "\"p0\", ");
	assert_has(s.conf, ", \"p79\" ];");
	assert_int_equal(s.i.n_notes, 0);
	sheet_fini(&s);
}

/* And not the provider's own, to which its prompts would go. */
static void
a_credential_has_the_key_and_the_url(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    "credential_list:\n"
	    "- {credential_name: other, credential_values: {api_key: none}}\n"
	    "- {credential_name: own, credential_values: {api_base: "
	    "http://h:8000/v1, api_key: os.environ/OWN}}\n" LIST(MODEL(
		"m", "model: openai/m, litellm_credential_name: own") MODEL("n",
		"model: openai/n, litellm_credential_name: own, "
		"api_key: os.environ/MINE") MODEL("o",
		"model: openai/o, litellm_credential_name: db")));
	assert_has(
	    s.conf, "url = \"http://h:8000/v1\"; api_key = \"env:OWN\";");
	assert_has(
	    s.conf, "url = \"http://h:8000/v1\"; api_key = \"env:MINE\";");
	assert_has(s.notes,
	    ":7: model_list[2].litellm_params: litellm_credential_name: want "
	    "one of credential_list, got \"db\"");
	assert_int_equal(s.i.n_notes, 1);
	sheet_fini(&s);
}

/* "responses/" is no part of the name that OpenAI knows. */
static void
a_route_is_no_part_of_the_models_name(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/responses/gpt-5") MODEL("n",
		"model: azure/o_series/mine, api_base: "
		"'https://x.azure.com'") MODEL("o", "model: groq/responses/x")
		    MODEL("p", "model: openai/responses/")));
	assert_has(s.conf, "model = \"gpt-5\";");
	assert_has(s.notes, "responses/: asked by the API that the client");
	assert_has(s.conf, "model = \"mine\";");
	assert_has(s.conf, "model = \"responses/x\";");
	assert_has(s.conf, "model = \"responses/\";");
	sheet_fini(&s);
}

/* The adapter of that name is of the hosted service. */
static void
a_server_of_hugging_face_may_be_ones_own(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST("- {model_name: e, litellm_params: {model: "
		 "huggingface/BAAI/bge-m3, api_base: 'http://tei:80/', "
		 "api_key: none}, model_info: {mode: embedding}}\n" MODEL("m",
		     "model: huggingface/mistralai/M, api_base: "
		     "'http://tgi/v1/chat/completions'")));
	assert_has(
	    s.conf, "adapter = \"openai\"; url = \"http://tei:80/v1\"; }");
	assert_has(s.conf, "adapter = \"openai\"; url = \"http://tgi/v1\";");
	assert_has(s.conf, "model = \"mistralai/M\";");
	assert_int_equal(s.i.n_notes, 0);
	sheet_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_provider_is_an_adapter_with_its_key),
		cmocka_unit_test(a_named_provider_is_the_one),
		cmocka_unit_test(the_same_place_is_one_backend),
		cmocka_unit_test(an_url_is_carried_over_whole),
		cmocka_unit_test(a_key_in_clear_is_neither_copied_nor_shown),
		cmocka_unit_test(our_names_of_keys_are_new),
		cmocka_unit_test(a_variable_has_a_name_that_can_be),
		cmocka_unit_test(
		    an_url_with_a_secret_is_neither_copied_nor_shown),
		cmocka_unit_test(azure_is_asked_at_its_v1_api),
		cmocka_unit_test(
		    a_partner_of_hugging_face_stands_behind_the_name),
		cmocka_unit_test(prices_are_by_the_million),
		cmocka_unit_test(what_is_no_number_is_said),
		cmocka_unit_test(a_price_that_cannot_be_is_none),
		cmocka_unit_test(models_of_one_place_have_prices_of_their_own),
		cmocka_unit_test(what_is_not_sold_by_tokens_has_a_price),
		cmocka_unit_test(all_names_are_taken_out_of_requests),
		cmocka_unit_test(a_credential_has_the_key_and_the_url),
		cmocka_unit_test(a_route_is_no_part_of_the_models_name),
		cmocka_unit_test(a_server_of_hugging_face_may_be_ones_own),
		cmocka_unit_test(modes_are_abilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
