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
a_backend_is_asked_for_an_end_of_the_name(void **state)
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
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_model m = { .name = rows[i].name };
		struct conf_serving s = { .model = &m,
			.upstream = rows[i].upstream };
		struct slice sent =
		    conf_upstream_name(&s, slice_of(rows[i].asked));

		assert_int_equal(sent.n, strlen(rows[i].sent));
		assert_memory_equal(sent.p, rows[i].sent, sent.n);
	}
}

#define WANT "want a name without a star, \"*\""

static void
what_no_star_can_stand_for_is_refused(void **state)
{
	static const struct {
		const char *name, *upstream, *want;
	} rows[] = {
		{ "gpt-5", "gpt-*", WANT },
		{ "gpt-*", "o1-*", WANT ", or an end of \"gpt-*\"" },
		{ "openai/*", "gpt-*", WANT ", or an end of \"openai/*\"" },
		{ "gpt-*", "my-gpt-*", WANT ", or an end of \"gpt-*\"" },
	};
	char text[512], want[256];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    BACKENDS "models = ( { name = \"%s\"; serve = ( { backend "
			     "= \"gpu\"; model = \"%s\"; } ); } );",
		    rows[i].name, rows[i].upstream);
		snprintf(want, sizeof(want),
		    "gateway.conf:2: models.%s.serve[0].model: %s, got \"%s\"",
		    rows[i].name, rows[i].want, rows[i].upstream);
		assert_refused(text, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_that_fits_counts),
		cmocka_unit_test(a_backend_is_asked_for_an_end_of_the_name),
		cmocka_unit_test(what_no_star_can_stand_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
