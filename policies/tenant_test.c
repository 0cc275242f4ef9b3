/* policies/tenant_test.c - what a model name means. */
#include "gateway/conf/testing.h"

#include "policies/tenant.h"

#define TWO_BACKENDS                                                           \
	"backends = ("                                                         \
	" { name = \"gpu\"; adapter = \"vllm\"; url = \"http://a/v1\";"        \
	" price = { input = 1; output = 1; }; },"                              \
	" { name = \"hub\"; adapter = \"vllm\"; url = \"http://b/v1\";"        \
	" price = { input = 1; output = 1; }; } );\n"
#define TWO_MODELS                                                             \
	"models = ( { name = \"gemma\"; aliases = [ \"g\", \"gemma:4b\" ];"    \
	" serve = ( { backend = \"gpu\"; } ); },"                              \
	" { name = \"qwen3:8b\"; serve = ( { backend = \"gpu\"; } ); },"       \
	" { name = \"elsewhere\"; serve = ( { backend = \"hub\"; } ); } );\n"
#define WITH_WILDCARD                                                          \
	"models = ( { name = \"gemma\"; serve = ( { backend = \"gpu\"; } ); "  \
	"},"                                                                   \
	" { name = \"*\"; serve = ( { backend = \"hub\"; model = \"*\"; } );"  \
	" } );\n"
#define CLASS "slo = ( { name = \"voice\"; ttft = \"100ms\"; } );\n"
#define DEFAULT "default_model = \"gemma\";\n"

struct said {
	char text[640];
};

/* "model name [class] [@pin] [fastest|cheapest]", or "error: ..." */
static struct said
meaning(const char *text, const struct conf_tenant *t, const char *asked)
{
	struct said said;
	struct fixture f;
	struct model_choice m;
	struct errmsg why;
	enum err rc;

	assert_loads(&f, text, 0);
	rc = model_resolve(f.conf, t, slice_of(asked), &m, &why);
	if (rc != OK)
		snprintf(said.text, sizeof(said.text), "%s: %s", err_name(rc),
		    why.text);
	else
		snprintf(said.text, sizeof(said.text), "%s %.*s%s%s%s%s%s%s",
		    m.model->name, SLICE_ARG(m.name), m.slo != NULL ? " " : "",
		    m.slo != NULL ? m.slo->name : "", m.pin != NULL ? " @" : "",
		    m.pin != NULL ? m.pin->name : "",
		    m.prefer == PREFER_FASTEST ? " fastest" : "",
		    m.prefer == PREFER_CHEAPEST ? " cheapest" : "");
	fixture_fini(&f);
	return said;
}

static void
assert_means_to(const struct conf_tenant *t, const char *text,
    const char *asked, const char *want)
{
	struct said said = meaning(text, t, asked);

	assert_string_equal(said.text, want);
}

#define assert_means(text, asked, want) assert_means_to(NULL, text, asked, want)

#define LISTED TWO_BACKENDS TWO_MODELS CLASS

static void
a_listed_name_is_that_model_whatever_its_colons(void **state)
{
	(void)state;
	assert_means(LISTED, "gemma", "gemma gemma");
	assert_means(LISTED, "g", "gemma g");
	assert_means(LISTED, "gemma:4b", "gemma gemma:4b");
	assert_means(LISTED, "qwen3:8b", "qwen3:8b qwen3:8b");
}

static void
a_suffix_names_a_class_a_backend_or_a_wish(void **state)
{
	(void)state;
	assert_means(LISTED, "gemma:voice", "gemma gemma voice");
	assert_means(LISTED, "gemma:gpu", "gemma gemma @gpu");
	assert_means(LISTED, "g:fastest", "gemma g fastest");
	assert_means(LISTED, "qwen3:8b:cheapest", "qwen3:8b qwen3:8b cheapest");
}

static void
what_is_no_suffix_stays_in_the_name(void **state)
{
	(void)state;
	assert_means(LISTED, "qwen3:70b",
	    "not found: the model \"qwen3:70b\" does not exist or is not "
	    "yours to use");
	assert_means(LISTED DEFAULT, "qwen3:70b", "gemma qwen3:70b");
}

#define SUFFIXES                                                               \
	"; there are :fastest, :cheapest, :voice, :default and backends by "   \
	"name"

static void
a_slip_in_a_suffix_is_not_the_default_model(void **state)
{
	struct conf_tenant t = { .name = "acme",
		.models = (const char *const[]){ "qwen3:8b", NULL } };

	(void)state;
	assert_means(LISTED DEFAULT, "gemma:voise",
	    "not found: model \"gemma\" has no \":voise\"" SUFFIXES);
	assert_means(LISTED DEFAULT, "qwen3:8b:voise",
	    "not found: model \"qwen3:8b\" has no \":voise\"" SUFFIXES);
	assert_means(
	    LISTED, "g:", "not found: model \"g\" has no \":\"" SUFFIXES);
	/* who may not use it learns nothing of it */
	assert_means_to(&t, LISTED, "gemma:voise",
	    "not found: the model \"gemma:voise\" does not exist or is not "
	    "yours to use");
}

static void
only_one_suffix_is_cut_off(void **state)
{
	(void)state;
	assert_means(LISTED, "gemma:voice:gpu",
	    "not found: model \"gemma\" has no \":voice:gpu\"" SUFFIXES);
}

static void
unknown_and_empty_names_mean_the_default(void **state)
{
	(void)state;
	assert_means(LISTED DEFAULT, "gpt-4o", "gemma gpt-4o");
	assert_means(LISTED DEFAULT, "gpt-4o:voice", "gemma gpt-4o voice");
	assert_means(LISTED DEFAULT, "", "gemma ");
	assert_means(LISTED DEFAULT, ":voice", "gemma  voice");
	assert_means(LISTED, "",
	    "invalid value: no model is named, and there is no default "
	    "model");
}

static void
the_wildcard_takes_unlisted_names_without_their_suffix(void **state)
{
	const char *text = TWO_BACKENDS WITH_WILDCARD CLASS DEFAULT;

	(void)state;
	assert_means(text, "gemma", "gemma gemma");
	assert_means(text, "org/llama", "* org/llama");
	assert_means(text, "llama:70b", "* llama:70b");
	assert_means(text, "llama:70b:voice", "* llama:70b voice");
	assert_means(text, "", "gemma ");
}

static void
pinning_is_a_right(void **state)
{
	struct conf_tenant t = { .name = "acme" };

	(void)state;
	assert_means_to(&t, LISTED, "gemma:gpu",
	    "unsupported: tenant acme may not choose a backend (\":gpu\"); "
	    "ask for the model alone");
	t.may_pin = true;
	assert_means_to(&t, LISTED, "gemma:gpu", "gemma gemma @gpu");
	assert_means_to(&t, LISTED, "gemma:hub",
	    "not found: model \"gemma\" is not served by backend hub");
}

static void
a_tenant_finds_only_its_own_models(void **state)
{
	static const char *const by_alias[] = { "g", NULL };
	static const char *const star[] = { "*", NULL };
	const char *wild = TWO_BACKENDS WITH_WILDCARD CLASS;
	struct conf_tenant t = { .name = "acme", .models = by_alias };

	(void)state;
	assert_means_to(&t, LISTED, "gemma", "gemma gemma");
	assert_means_to(&t, LISTED, "qwen3:8b",
	    "not found: the model \"qwen3:8b\" does not exist or is not "
	    "yours to use");
	t.models = star;
	assert_means_to(&t, wild, "llama", "* llama");
	assert_means_to(&t, wild, "gemma",
	    "not found: the model \"gemma\" does not exist or is not yours "
	    "to use");
}

static void
a_huge_name_is_not_repeated_whole(void **state)
{
	char name[4000];
	struct said said;

	(void)state;
	memset(name, 'm', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	said = meaning(LISTED, NULL, name);
	assert_true(strlen(said.text) < 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_listed_name_is_that_model_whatever_its_colons),
		cmocka_unit_test(a_suffix_names_a_class_a_backend_or_a_wish),
		cmocka_unit_test(what_is_no_suffix_stays_in_the_name),
		cmocka_unit_test(a_slip_in_a_suffix_is_not_the_default_model),
		cmocka_unit_test(only_one_suffix_is_cut_off),
		cmocka_unit_test(unknown_and_empty_names_mean_the_default),
		cmocka_unit_test(
		    the_wildcard_takes_unlisted_names_without_their_suffix),
		cmocka_unit_test(pinning_is_a_right),
		cmocka_unit_test(a_tenant_finds_only_its_own_models),
		cmocka_unit_test(a_huge_name_is_not_repeated_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
