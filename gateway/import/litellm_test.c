/* gateway/import/litellm_test.c - what becomes of the models of a LiteLLM
 * configuration: what is carried over, what is not and why. */
#include "gateway/import/testing.h"
#include "gateway/lib/count.h"

static void
who_goes_first_is_no_fallback(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/one, order: 1") MODEL(
		"m", "model: openai/two, order: 2") MODEL("n",
		"model: openai/"
		"three")) "router_settings: {fallbacks: [{n: [m, nobody]}], "
			  "model_group_alias: {nn: n, n: m}}\n");
	assert_has(s.conf, "model = \"one\"; }");
	assert_has(s.conf, "model = \"two\"; fallback = true; }");
	assert_has(s.conf,
	    "{ name = \"n\"; aliases = [ \"nn\" ]; serve = (\n"
	    "      { backend = \"openai\"; model = \"three\"; },\n"
	    "      { backend = \"openai\"; model = \"one\"; fallback = true; "
	    "}\n");
	assert_has(s.notes, "\"nobody\" is no model that was carried over");
	assert_has(s.notes, "n is the name of a model already");
	sheet_fini(&s);
}

static void
without_an_order_one_comes_last(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/one, order: 0") MODEL(
		"m", "model: openai/two") MODEL("n", "model: openai/three")
		    MODEL("n", "model: openai/four")));
	assert_has(s.conf, "model = \"one\"; }");
	assert_has(s.conf, "model = \"two\"; fallback = true; }");
	assert_has(s.conf, "model = \"three\"; }");
	assert_has(s.conf, "model = \"four\"; }");
	assert_has(s.notes, ":2: order: m: as there, those without one");
	assert_int_equal(s.i.n_notes, 1);
	sheet_fini(&s);
}

static void
of_many_orders_two_are_kept(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/one, order: 1") MODEL("m",
		"model: openai/two, order: 2") MODEL("m", "model: openai/three")
		    MODEL("n", "model: openai/n"))
		SECTION("router_settings", "fallbacks: [{m: [n]}]"));
	assert_has(s.conf, "model = \"three\"; fallback = true; }");
	assert_has(
	    s.notes, ":2: order: m: those after the first are fallbacks");
	assert_has(s.notes, "fallbacks: their order is not kept");
	sheet_fini(&s);
}

/* LiteLLM keeps default_fallbacks under that name. */
static void
a_star_falls_back_for_all_that_do_not(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a", "model: openai/x1") MODEL("b", "model: openai/x2")
		    MODEL("c", "model: openai/x3")) SECTION("router_settings",
		"fallbacks: [{'*': [c]}, {b: [a]}]"));
	assert_string_equal(s.notes, "");
	assert_has(s.conf,
	    "{ backend = \"openai\"; model = \"x1\"; },\n"
	    "      { backend = \"openai\"; model = \"x3\"; fallback = true; "
	    "}\n");
	assert_has(s.conf,
	    "{ backend = \"openai\"; model = \"x2\"; },\n"
	    "      { backend = \"openai\"; model = \"x1\"; fallback = true; "
	    "}\n");
	sheet_fini(&s);
}

static void
models_of_github_go_by_their_publisher(void **state)
{
	struct sheet s;

	sheet_init(&s, LIST(MODEL("m", "model: github/openai/gpt-4o")));
	assert_has(s.conf,
	    "url = \"https://models.github.ai/inference\"; "
	    "api_key = \"env:GITHUB_API_KEY\"");
	assert_has(s.conf, "model = \"openai/gpt-4o\"");
	assert_has(s.notes, "which knows models by their publisher");
	sheet_fini(&s);
}

/* A model without a filter is none for whatever may fail. */
static void
what_is_refused_for_its_content_stays_so(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("safe", "model: openai/x1") MODEL(
		"open", "model: openai/x2") MODEL("big", "model: openai/x3"))
		SECTION("litellm_settings",
		    "content_policy_fallbacks: [{safe: [open]}], "
		    "context_window_fallbacks: [{safe: [big]}]"));
	assert_lacks(s.conf, "model = \"x2\"; fallback");
	assert_has(s.conf, "model = \"x3\"; fallback = true;");
	assert_has(s.notes,
	    ":5: litellm_settings: content_policy_fallbacks: a refusal for "
	    "its content goes to the client");
	assert_has(s.notes,
	    ":5: litellm_settings.context_window_fallbacks: used whenever "
	    "nothing else is left, not for long prompts alone");
	sheet_fini(&s);
}

/* Speech is not asked of what chats: that all fall back there says little. */
static void
what_is_made_for_one_thing_falls_back_to_its_like(void **state)
{
	static const char talk[] =
	    "- {model_name: talk, litellm_params: {model: openai/t1}, "
	    "model_info: {mode: audio_speech}}\n";
	static const char spare[] =
	    "- {model_name: spare, litellm_params: {model: openai/t2}, "
	    "model_info: {mode: audio_speech}}\n";
	struct sheet s;
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s%s", LIST(""), talk, spare,
	    MODEL("chat", "model: openai/c") MODEL("other", "model: openai/o")
		SECTION(
		    "litellm_settings", "default_fallbacks: [chat, spare]"));
	sheet_init(&s, text);
	assert_has(s.conf,
	    "model = \"t1\"; caps = [ \"speech\" ]; },\n"
	    "      { backend = \"openai\"; model = \"t2\"; fallback = true;");
	assert_has(s.conf,
	    "model = \"o\"; },\n"
	    "      { backend = \"openai\"; model = \"c\"; fallback = true;");
	assert_lacks(s.conf,
	    "caps = [ \"speech\" ]; },\n"
	    "      { backend = \"openai\"; model = \"c\"");
	assert_has(s.notes,
	    "default_fallbacks: talk: not to \"chat\", which does not say");
	sheet_fini(&s);
}

static void
a_budget_is_the_tenants(void **state)
{
	static const struct {
		const char *settings, *conf, *note;
	} rows[] = {
		{ "max_budget: 500, budget_duration: 30d",
		    "    limits = { monthly_budget = 500; };",
		    ":3: litellm_settings: max_budget: monthly_budget of the" },
		{ "max_budget: 2.5, budget_duration: 1d",
		    "    limits = { daily_budget = 2.5; };",
		    "max_budget: daily_budget of the tenant, in which" },
		{ "max_budget: 9, budget_duration: 7d", "may_pin = true; }",
		    "max_budget: a tenant's is for a day (1d) or a month" },
	};
	struct sheet s;
	char text[512];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    "%slitellm_settings: {%s}\n"
		    "general_settings: {master_key: os.environ/K}\n",
		    LIST(MODEL("m", "model: openai/m")), rows[i].settings);
		sheet_init(&s, text);
		assert_has(s.conf, rows[i].conf);
		assert_has(s.notes, rows[i].note);
		sheet_fini(&s);
	}
	/* without a key there is no tenant */
	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m")) SECTION(
		"litellm_settings", "max_budget: 5, budget_duration: 1d"));
	assert_lacks(s.conf, "budget");
	assert_has(s.notes, "max_budget: a tenant's is for");
	sheet_fini(&s);
}

/* As for PyYAML, but not in silence. */
static void
a_key_that_comes_twice_counts_once(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("a", "model: openai/a")) LIST(MODEL("b",
		"model: openai/x, api_key: os.environ/K1, "
		"api_key: os.environ/K2"))
		SECTION("router_settings", "model_group_alias: {c: a, c: b}"));
	assert_int_equal(s.rc, OK);
	assert_has(s.conf, "api_key = \"env:K2\"");
	assert_has(s.conf, "{ name = \"b\"; aliases = [ \"c\" ]; ");
	assert_int_equal(s.i.models, 1);
	assert_int_equal(s.i.n_notes, 3);
	assert_has(s.notes, ":1: model_list: there is another below");
	assert_has(s.notes, ":4: api_key: there is another below");
	sheet_fini(&s);
}

static void
the_same_serving_counts_once(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/x") MODEL("m", "model: openai/x")));
	assert_int_equal(s.i.servings, 1);
	assert_has(s.notes, "once is enough");
	sheet_fini(&s);
}

static void
names_that_cannot_be_are_left_out(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("'a b'", "model: openai/x") MODEL(
		"'\"'", "model: openai/x") MODEL("\xc3\xa4", "model: openai/x")
		    MODEL("'a*b'", "model: openai/x") MODEL("'a'",
			"model: 'openai/b*'") MODEL("'*'", "model: 'openai/*'")
			MODEL("x", "model: bedrock/x") MODEL(
			    "y", "model: nobodys/y") MODEL("z", "seed: 1")));
	assert_int_equal(s.rc, OK);
	assert_int_equal(s.i.models, 1);
	assert_has(s.conf,
	    "{ name = \"*\"; serve = (\n      { backend = "
	    "\"openai\"; model = \"*\"; }\n");
	assert_int_equal(s.i.n_notes, 16);
	assert_has(s.notes, "model: no provider is known for \"nobodys/y\"");
	assert_has(s.notes, "for which there is no adapter");
	sheet_fini(&s);
}

/* "gpt:azure" is a model, so no backend is called azure. */
static void
a_name_means_one_thing(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("gpt", "model: azure/gpt")
		    MODEL("'gpt:azure'", "model: azure/gpt, timeout: 5")
			MODEL("'gpt:fastest'", "model: openai/gpt")
			    MODEL("'qwen3:fastest'", "model: ollama/qwen3"))
		SECTION("router_settings",
		    "model_group_alias: {'g:azure-3': gpt, 'gpt:default': gpt, "
		    "'gpt:8b': gpt}"));
	assert_has(s.conf, "{ name = \"azure-2\"; adapter");
	assert_has(s.conf, "{ name = \"azure-4\"; adapter");
	assert_lacks(s.conf, "name = \"azure\"");
	assert_lacks(s.conf, "name = \"azure-3\"");
	assert_lacks(s.conf, "gpt:fastest");
	assert_has(s.notes, ":4: gpt:fastest: means another model here");
	assert_has(s.notes, ":6: gpt:default: means another model here");
	assert_has(s.conf, "name = \"qwen3:fastest\";");
	assert_has(s.conf, "aliases = [ \"g:azure-3\", \"gpt:8b\" ];");
	assert_int_equal(s.i.models, 3);
	assert_int_equal(s.i.servings, 3);
	sheet_fini(&s);
}

/* So many that a model has no place for them. */
static void
what_is_too_much_is_left_out(void **state)
{
	static char text[64 << 10];
	struct sheet s;
	size_t n = (size_t)snprintf(text, sizeof(text), "model_list:\n");

	for (unsigned i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    MODEL("m", "model: openai/m%u"), i);
	(void)snprintf(text + n, sizeof(text) - n,
	    MODEL("n", "model: groq/n")
		SECTION("router_settings", "default_fallbacks: [m]"));
	sheet_init(&s, text);
	assert_int_equal(s.rc, OK);
	assert_int_equal(s.i.servings, 256 + 256);
	assert_has(
	    s.notes, ":258: model_list[256]: a model has at most 256 servings");
	assert_has(
	    s.notes, "default_fallbacks: n: a model has at most 256 servings");
	sheet_fini(&s);
}

/* Nothing of the file can end a line of what is made of it. */
static void
text_stays_text(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m",
		"model: openai/m, additional_drop_params: "
		"['a\"];}#\\'], odd\\nkey: 1, \"o\\nk\": 2, \"\\x9bk\": 3")
		    MODEL("n", "model: \"openai/a\\\"; }\\n#\\\\\"")));
	assert_int_equal(s.rc, OK);
	assert_has(s.conf, "strip = [ \"a\\\"];}#\\\\\" ];");
	assert_has(s.notes, "model_list[1]: model: want a name of at most");
	assert_has(s.notes, "o?k: has no counterpart\n");
	assert_has(s.notes, "??k: has no counterpart\n");
	sheet_fini(&s);
}

static void
what_does_not_load_is_noted(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/m, api_base: 'http://h:99999/v1'"))
		SECTION("general_settings", "master_key: os.environ/NOT_SET"));
	assert_int_equal(s.rc, OK);
	assert_int_equal(s.i.errors, 1);
	assert_has(s.notes,
	    ": gateway.conf:7: backends.openai.url: want a URL "
	    "whose port is 1..65535");
	assert_has(s.conf, "keys = [ \"env:NOT_SET\" ]");
	assert_lacks(s.notes, "warning");
	sheet_fini(&s);
}

/* A star stands for the same here. */
static void
names_with_a_star_are_carried_over(void **state)
{
	static const struct {
		const char *list, *name, *model;
	} rows[] = {
		{ LIST(MODEL("'openai/*'", "model: 'openai/*'")), "openai/*",
		    "*" },
		{ LIST(MODEL("'gpt-*'", "model: 'openai/gpt-*'")), "gpt-*",
		    "gpt-*" },
		{ LIST(MODEL("'x/*'", "model: 'anthropic/*'")), "x/*", "*" },
		{ LIST(MODEL("'gpt-*'", "model: openai/one")), "gpt-*", "one" },
		{ LIST(MODEL("'*'", "model: openai/one")), "*", "one" },
		{ LIST(MODEL("'gpt-*'", "model: 'openrouter/openai/gpt-*'")),
		    "gpt-*", "openai/gpt-*" },
		{ LIST(MODEL("'my-*'", "model: 'openai/gpt-*'")), "my-*",
		    "gpt-*" },
		{ LIST(MODEL("'gpt-*'", "model: 'openai/*'")), "gpt-*", "*" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sheet s;
		char text[128];

		sheet_init(&s, rows[i].list);
		assert_int_equal(s.rc, OK);
		snprintf(text, sizeof(text), "{ name = \"%s\"; serve = (\n",
		    rows[i].name);
		assert_has(s.conf, text);
		snprintf(
		    text, sizeof(text), "; model = \"%s\";", rows[i].model);
		assert_has(s.conf, text);
		sheet_fini(&s);
	}
}

static void
nothing_to_carry_over_is_an_error(void **state)
{
	static const char *const texts[] = { "", "a: b\n", "- a\n",
		"model_list: []\n", "model_list: {a: b}\n" };
	struct sheet s;

	for (size_t i = 0; i < COUNT(texts); i++) {
		sheet_init(&s, texts[i]);
		assert_int_equal(s.rc, ERR_INVALID);
		assert_has(s.why.text, "want model_list with a model");
		sheet_fini(&s);
	}
	sheet_init(&s, LIST(MODEL("m", "model: bedrock/x")));
	assert_int_equal(s.rc, ERR_INVALID);
	assert_has(s.why.text, "none of its models can be carried over");
	assert_has(s.notes, "bedrock speaks an API of its own");
	sheet_fini(&s);
	sheet_init(&s, LIST("- model_name: m\n"));
	assert_has(s.notes, ":2: model_list[0].litellm_params: model: want a");
	sheet_fini(&s);
}

static void
what_is_left_out_is_named(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/one, drop_params: true") MODEL(
		"m", "model: bedrock/one") MODEL("claude", "model: bedrock/x")
		    MODEL("'gpt-*-mini'", "model: 'openai/gpt-*'"))
		SECTION("litellm_settings", "drop_params: true")
		    SECTION("router_settings", "enable_pre_call_checks: true"));
	assert_has(s.notes, "model_list[1]: this deployment of m is left out");
	assert_has(s.notes, "model_list[2]: model claude is left out");
	assert_has(s.notes, "model_list[3]: model gpt-*-mini is left out");
	assert_has(s.notes, "litellm_params: drop_params: ");
	assert_has(s.notes, "litellm_settings: drop_params: ");
	assert_has(s.notes, "router_settings: enable_pre_call_checks: ");
	sheet_fini(&s);
}

/* Those that LiteLLM takes for OpenAI's, too, and hosts of its own list. */
static void
what_goes_without_a_word_there_does_here(void **state)
{
	static const struct {
		const char *model, *conf;
	} rows[] = {
		{ "whisper-1", "env:OPENAI_API_KEY" },
		{ "tts-1-hd", "env:OPENAI_API_KEY" },
		{ "dall-e-3", "env:OPENAI_API_KEY" },
		{ "omni-moderation-latest", "env:OPENAI_API_KEY" },
		{ "ft:gpt-4o-mini-2024-07-18:acme::a1", "env:OPENAI_API_KEY" },
		{ "moonshot/kimi-k2",
		    "url = \"https://api.moonshot.ai/v1\"; "
		    "api_key = \"env:MOONSHOT_API_KEY\"" },
		{ "dashscope/qwen-max", "env:DASHSCOPE_API_KEY" },
		{ "meta_llama/Llama-4", "env:LLAMA_API_KEY" },
	};
	struct sheet s;
	char text[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text), LIST(MODEL("m", "model: '%s'")),
		    rows[i].model);
		sheet_init(&s, text);
		assert_string_equal(s.notes, "");
		assert_int_equal(s.rc, OK);
		assert_has(s.conf, rows[i].conf);
		sheet_fini(&s);
	}
}

/* One lets through what it gets: the others' sum would be no bound. */
static void
rates_whose_sum_is_a_limit_are_carried_over(void **state)
{
	struct sheet s;

	sheet_init(&s,
	    LIST(MODEL("m", "model: openai/one, rpm: 1, tpm: 9")
		    MODEL("n", "model: openai/two, rpm: 2"))
		SECTION("general_settings", "master_key: sk-clear"));
	assert_has(
	    s.conf, "limits = { requests_per_minute = 3; burst = \"1m\"; };");
	assert_null(strstr(s.notes, "rpm: "));
	assert_has(s.notes, "tpm: not of one deployment");
	sheet_fini(&s);
}

static void
notes_come_in_the_order_of_lines(void **state)
{
	unsigned long line, last = 0;
	struct sheet s;

	sheet_init(&s,
	    "router_settings: {fallbacks: [{m: [nobody]}]}\n"
	    "litellm_settings: {no_such: 1}\n" LIST(
		MODEL("m", "model: openai/one, timeout: soon")
		    MODEL("m", "model: novita/two")));
	assert_true(s.i.n_notes >= 4);
	for (const char *at = s.notes; *at != '\0'; at = strchr(at, '\n') + 1) {
		line = strtoul(strchr(at, ':') + 1, NULL, 10);
		assert_in_range(line, last, 100);
		last = line;
	}
	assert_has(s.notes, ":1: ");
	sheet_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_goes_first_is_no_fallback),
		cmocka_unit_test(without_an_order_one_comes_last),
		cmocka_unit_test(of_many_orders_two_are_kept),
		cmocka_unit_test(a_star_falls_back_for_all_that_do_not),
		cmocka_unit_test(models_of_github_go_by_their_publisher),
		cmocka_unit_test(what_is_refused_for_its_content_stays_so),
		cmocka_unit_test(
		    what_is_made_for_one_thing_falls_back_to_its_like),
		cmocka_unit_test(a_budget_is_the_tenants),
		cmocka_unit_test(a_key_that_comes_twice_counts_once),
		cmocka_unit_test(the_same_serving_counts_once),
		cmocka_unit_test(names_that_cannot_be_are_left_out),
		cmocka_unit_test(a_name_means_one_thing),
		cmocka_unit_test(what_is_too_much_is_left_out),
		cmocka_unit_test(text_stays_text),
		cmocka_unit_test(what_does_not_load_is_noted),
		cmocka_unit_test(notes_come_in_the_order_of_lines),
		cmocka_unit_test(names_with_a_star_are_carried_over),
		cmocka_unit_test(nothing_to_carry_over_is_an_error),
		cmocka_unit_test(what_is_left_out_is_named),
		cmocka_unit_test(what_goes_without_a_word_there_does_here),
		cmocka_unit_test(rates_whose_sum_is_a_limit_are_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
