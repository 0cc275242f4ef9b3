/* gateway/conf/docs_test.c - the documentation follows the table. Runs from
 * the root of the repository. */
#include "gateway/conf/settings.h"
#include "gateway/conf/testing.h"

static char *
write_all(void)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	conf_write_docs(f);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void
the_documentation_has_not_drifted(void **state)
{
	char *file = read_whole("docs/configuration.md");
	char *fresh = write_all();

	if (strcmp(file, fresh) != 0)
		fail_msg("docs/configuration.md has drifted; run: make docs");
	free(file);
	free(fresh);
}

static void
assert_explained(const struct setting_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct setting *row = &g->rows[i];

		assert_non_null(row->help);
		/* A setting is required, has a default, or is a group with
		 * defaults of its own. */
		if (!(row->flags & SETTING_REQUIRED) && row->value == NULL &&
		    row->otherwise == NULL && row->type != SETTING_GROUP)
			fail_msg("no default: %s.%s", g->title, row->name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(row->name, g->rows[j].name);
		if (row->group != NULL)
			assert_explained(row->group);
	}
}

static void
every_setting_is_explained(void **state)
{
	assert_explained(&settings_top);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documentation_has_not_drifted),
		cmocka_unit_test(every_setting_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
