/* gateway/conf/patterns_test.c - names with a star at their end. */
#include "gateway/conf/testing.h"

#define SERVES(name, more)                                                     \
	"{ name = \"" name "\"; " more                                         \
	" serve = ( { backend = \"gpu\"; model = \"x\"; } ); }"

static void
the_longest_that_fits_counts(void **state)
{
	static const struct {
		const char *asked, *model; /* NULL: of none */
	} rows[] = {
		{ "gpt-5", "gpt-*" },
		{ "gpt-4o", "gpt-4*" },
		{ "gpt-4", "gpt-*" }, /* the star stands for something */
		{ "gpt-", NULL },
		{ "o1-mini", "gpt-*" }, /* by an alias */
		{ "GPT-5", NULL },
		{ "", NULL },
	};
	struct fixture f;

	assert_loads(&f,
	    BACKENDS "models = ( " SERVES(
		"gpt-*", "aliases = [ \"o1-*\" ];") ", " SERVES("gpt-4*",
		"") ", " SERVES("gpt-4o-mini", "") " );",
	    0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct conf_model *m =
		    conf_find_pattern(f.conf, slice_of(rows[i].asked));

		if (rows[i].model == NULL)
			assert_null(m);
		else
			assert_string_equal(m->name, rows[i].model);
	}
	fixture_fini(&f);
}

static void
a_backend_is_asked_for_what_its_own_star_says(void **state)
{
	static const struct {
		const char *name, *upstream, *asked, *sent;
	} rows[] = {
		{ "*", "*", "any", "any" },
		{ "openai/*", "*", "openai/gpt-5", "gpt-5" },
		{ "openai/*", "openai/*", "openai/gpt-5", "openai/gpt-5" },
		{ "my/openai/*", "openai/*", "my/openai/o1", "openai/o1" },
		{ "gpt-*", "gpt-*", "gpt-5", "gpt-5" },
		{ "gpt-*", "fixed", "gpt-5", "fixed" },
		{ "openai/*", "*", "gpt-5", "gpt-5" }, /* by an alias */
		{ "gpt-*", "openai/gpt-*", "gpt-5", "openai/gpt-5" },
		{ "*", "openai/*", "gpt-5", "openai/gpt-5" },
		{ "gpt-*", "openai/gpt-*", "o1", "openai/o1" }, /* by one */
		{ "my/*", "openai/*", "my/gpt-5", "openai/gpt-5" },
		{ "my-*", "gpt-*", "my-5", "gpt-5" },
		{ "my-*", "gpt-*", "mine", "mine" }, /* by an alias */
		{ "plain", "*", "plain", "plain" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_model m = { .name = rows[i].name };
		struct conf_serving s = { .model = &m,
			.upstream = rows[i].upstream };
		struct conf_sent sent =
		    conf_upstream_name(&s, slice_of(rows[i].asked));
		char text[64];

		snprintf(text, sizeof(text), "%.*s%.*s", SLICE_ARG(sent.start),
		    SLICE_ARG(sent.end));
		assert_string_equal(text, rows[i].sent);
	}
}

static void
what_no_star_can_stand_for_is_refused(void **state)
{
	static const char *const upstreams[] = { "gpt-*", "openai/*" };
	char text[512], want[256];

	for (size_t i = 0; i < COUNT(upstreams); i++) {
		snprintf(text, sizeof(text),
		    BACKENDS "models = ( { name = \"gpt-5\"; serve = ( { "
			     "backend = \"gpu\"; model = \"%s\"; } ); } );",
		    upstreams[i]);
		snprintf(want, sizeof(want),
		    "gateway.conf:2: models.gpt-5.serve[0].model: want a name "
		    "without a star, as \"gpt-5\" has none, or \"*\", got "
		    "\"%s\"",
		    upstreams[i]);
		assert_refused(text, want);
	}
}

static void
stars_elsewhere_and_two_are_refused(void **state)
{
	static const char *const upstreams[] = { "open*/gpt-*", "*gpt",
		"gpt-**" };
	char text[512], want[256];

	for (size_t i = 0; i < COUNT(upstreams); i++) {
		snprintf(text, sizeof(text),
		    BACKENDS "models = ( { name = \"gpt-*\"; serve = ( { "
			     "backend = \"gpu\"; model = \"%s\"; } ); } );",
		    upstreams[i]);
		snprintf(want, sizeof(want),
		    "gateway.conf:2: models.gpt-*.serve[0].model: want the "
		    "name of a model, of 1..255 visible characters of ASCII "
		    "without quotation marks and with no \"*\" but at its "
		    "end, got \"%s\"",
		    upstreams[i]);
		assert_refused(text, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_that_fits_counts),
		cmocka_unit_test(a_backend_is_asked_for_what_its_own_star_says),
		cmocka_unit_test(what_no_star_can_stand_for_is_refused),
		cmocka_unit_test(stars_elsewhere_and_two_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
