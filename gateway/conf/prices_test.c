/* gateway/conf/prices_test.c - prices that are none, are missing or are hardly
 * meant. */
#include "gateway/conf/testing.h"

#include <math.h>

static void
what_has_no_price_is_warned_of(void **state)
{
	assert_warned("backends = ( { name = \"gpu\"; adapter = \"ollama\"; } "
		      ");\n" MODELS,
	    "gateway.conf:1: warning: backends.gpu: want price.input and "
	    "price.output, or price.hourly, got nothing: unknown counts as "
	    "dearest");
	assert_warned("backends = ( { name = \"gpu\"; adapter = \"ollama\"; } "
		      ");\nmodels = ( { name = \"m\"; serve = ( { backend = "
		      "\"gpu\"; price = { output = 1.0; }; } ); } );",
	    "gateway.conf:2: warning: models.m.serve[0].price: want input and "
	    "output, got one of two: unknown counts as dearest");
}

#define SOLD(caps, price)                                                      \
	"backends = ( { name = \"x\"; adapter = \"vllm\";\n"                   \
	"url = \"http://x/v1\"; } );\n"                                        \
	"models = ( { name = \"m\"; serve = ( { backend = \"x\";\n"            \
	"caps = [ \"" caps "\" ]; price = { " price "; }; } ); } );"
#define NEVER(member, cap)                                                     \
	"gateway.conf:4: warning: models.m.serve[0].price." member             \
	": want \"" cap                                                        \
	"\" among its caps, got none: nothing is charged by it"

static void
what_is_never_charged_is_warned_of(void **state)
{
	struct fixture f;

	assert_warned(
	    SOLD("speech", "minute = 0.015"), NEVER("minute", "transcription"));
	assert_warned(SOLD("image_generation", "characters = 15"),
	    NEVER("characters", "speech"));
	assert_warned(SOLD("chat", "input = 1; output = 1; image = 1"),
	    NEVER("image", "image_generation"));
	assert_loads(&f, SOLD("speech", "characters = 15"), 0);
	fixture_fini(&f);
	/* free */
	assert_loads(&f, SOLD("image_generation", "image = 0"), 0);
	fixture_fini(&f);
}

/* Its backend then needs none. */
static void
a_serving_has_a_price_of_its_own(void **state)
{
	struct fixture f;

	assert_loads(&f,
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; } );\n"
	    "models = ( { name = \"a\"; serve = ( { backend = \"gpu\"; price = "
	    "{ input = 1; output = 2; }; } ); }, { name = \"b\"; serve = ( { "
	    "backend = \"gpu\"; price = { request = 0.04; }; } ); } );",
	    0);
	fixture_fini(&f);
}

/* All of it, but what the machine costs by the hour. */
static void
a_servings_price_is_all_its_own(void **state)
{
	struct fixture f;
	const struct conf_price *own, *same;

	assert_loads(&f,
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 3; input = 1; output = 2; }; } );\n"
	    "models = ( { name = \"a\"; serve = ( { backend = \"gpu\"; price = "
	    "{ input = 5; request = 0.5; }; } ); }, { name = \"b\"; serve = ( "
	    "{ "
	    "backend = \"gpu\"; } ); } );",
	    0);
	own = &f.conf->models[0].servings[0].price;
	assert_true(fabs(own->input - 5) + fabs(own->cached - 5) +
		fabs(own->request - 0.5) + fabs(own->hourly - 3) <
	    1e-9);
	assert_true(own->output < 0 && own->minute < 0);
	same = &f.conf->models[1].servings[0].price;
	assert_true(fabs(same->output - 2) + fabs(same->hourly - 3) < 1e-9);
	assert_true(same->request < 0);
	fixture_fini(&f);
}

static void
what_is_hardly_meant_is_warned_of(void **state)
{
	assert_warned(
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\";\n"
	    "price = { input = 0.0025; output = 0.01; }; } );\n" MODELS,
	    "gateway.conf:2: warning: backends.gpu.price.input: want USD per "
	    "million tokens, got 0.0025: is that per thousand, or per token?");
	assert_warned("backends = ( { name = \"gpu\"; adapter = \"ollama\"; } "
		      ");\nmodels = ( { name = \"m\"; serve = ( { backend = "
		      "\"gpu\"; price = { input = 0.0001; output = 1.0; }; } "
		      "); } );",
	    "gateway.conf:2: warning: models.m.serve[0].price.input: want USD "
	    "per million tokens, got 0.0001: is that per thousand, or per "
	    "token?");
}

static void
dates_have_a_form(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} dates[] = { { "2026-01", true }, { "2026-12-31", true },
		{ "2024-02-29", true }, { "2000-02-29", true },
		{ "2026-13", false }, { "2026-00", false },
		{ "2026-02-29", false }, { "2026-02-31", false },
		{ "1900-02-29", false }, { "2026-11-00", false },
		{ "2026-04-31", false } };
	struct fixture f;
	char text[512];

	assert_refused(
	    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; as_of = \"Nov 2026\"; }; } );\n" MODELS,
	    "gateway.conf:1: backends.gpu.price.as_of: want a month such as "
	    "\"2026-11\" or a day, got \"Nov 2026\"");
	for (size_t i = 0; i < COUNT(dates); i++) {
		snprintf(text, sizeof(text),
		    "backends = ( { name = \"gpu\"; adapter = \"ollama\"; "
		    "price = { hourly = 1; as_of = \"%s\"; }; } );\n" MODELS,
		    dates[i].text);
		fixture_init(&f);
		fixture_load(&f, text, NULL);
		if ((f.rc == OK) != dates[i].good)
			fail_msg("%s: %s", dates[i].text, f.text);
		fixture_fini(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_price_is_warned_of),
		cmocka_unit_test(what_is_never_charged_is_warned_of),
		cmocka_unit_test(a_serving_has_a_price_of_its_own),
		cmocka_unit_test(a_servings_price_is_all_its_own),
		cmocka_unit_test(what_is_hardly_meant_is_warned_of),
		cmocka_unit_test(dates_have_a_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
