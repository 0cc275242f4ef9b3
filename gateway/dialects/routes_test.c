/* gateway/dialects/routes_test.c - paths to formats. */
#include "gateway/dialects/dialect_test.h"

static void
every_route_is_found(void **state)
{
	const struct route *r;
	bool known;
	size_t n;

	r = routes(&n);
	assert_true(n >= DIALECT_COUNT);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(route_find(slice_of(r[i].method),
				     slice_of(r[i].path), &known),
		    &r[i]);
		/* upstream paths follow a base URL that ends in /v1 */
		assert_true(slice_is(
		    slice_make(r[i].path + 3, slice_of(r[i].path).n - 3),
		    r[i].upstream_path));
		assert_int_equal(dialect_get(r[i].dialect)->id, r[i].dialect);
		assert_string_equal(dialect_get(r[i].dialect)->name,
		    dialect_name(r[i].dialect));
	}
}

static void
other_methods_and_paths_are_told_apart(void **state)
{
	bool known;

	assert_null(
	    route_find(SLICE("GET"), SLICE("/v1/chat/completions"), &known));
	assert_true(known);
	assert_null(route_find(SLICE("POST"), SLICE("/v1/chat"), &known));
	assert_false(known);
	assert_null(
	    route_find(SLICE("POST"), SLICE("/v1/chat/completions/"), &known));
	assert_false(known);
}

static void
a_forgotten_v1_is_noticed(void **state)
{
	assert_true(route_lacks_v1(SLICE("/chat/completions")));
	assert_true(route_lacks_v1(SLICE("/messages")));
	assert_true(route_lacks_v1(SLICE("/models")));
	assert_true(route_lacks_v1(SLICE("/models/org/name")));
	assert_false(route_lacks_v1(SLICE("/v1/chat/completions")));
	assert_false(route_lacks_v1(SLICE("/v1/models")));
	assert_false(route_lacks_v1(SLICE("/modelsx")));
	assert_false(route_lacks_v1(SLICE("/")));
}

static void
slashes_too_many_are_noticed(void **state)
{
	static const char chat[] = "/v1/chat/completions";

	assert_string_equal(
	    route_but_for_slashes(SLICE("/v1/chat/completions/")), chat);
	assert_string_equal(
	    route_but_for_slashes(SLICE("//v1///chat/completions//")), chat);
	assert_string_equal(
	    route_but_for_slashes(SLICE("/v1//models")), "/v1/models");
	assert_null(route_but_for_slashes(SLICE("/v1/chat/completions/x")));
	assert_null(route_but_for_slashes(SLICE("/v1/chat/completionsx")));
	assert_null(route_but_for_slashes(SLICE("/v1/chat/")));
	assert_null(route_but_for_slashes(SLICE("v1/models")));
	assert_null(route_but_for_slashes(SLICE("/")));
	assert_null(route_but_for_slashes(SLICE("")));
}

static void
azure_names_the_model_in_the_path(void **state)
{
	static const struct {
		const char *path, *route, *deployment;
	} all[] = {
		{ "/openai/deployments/gpt-4o/chat/completions",
		    "/v1/chat/completions", "gpt-4o" },
		{ "/openai/deployments/a%2Fb/embeddings", "/v1/embeddings",
		    "a%2Fb" },
		{ "/openai/responses", "/v1/responses", "" },
		{ "/openai/v1/chat/completions", "/v1/chat/completions", "" },
		{ "/openai/deployments//chat/completions", NULL, "" },
		{ "/openai/deployments/m", NULL, "m" },
		{ "/openai/deployments/", NULL, "" },
		{ "/openai", NULL, "" },
		{ "/deployments/m/chat/completions", NULL, "" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct slice path = slice_of(all[i].path);
		bool known;
		const struct route *r = route_find(SLICE("POST"), path, &known);

		assert_true((r == NULL) == (all[i].route == NULL));
		if (r != NULL)
			assert_string_equal(r->path, all[i].route);
		assert_true(
		    slice_is(route_deployment(path), all[i].deployment));
	}
}

static void
models_are_listed_under_each_base(void **state)
{
	static const struct {
		const char *path, *id; /* NULL: not the list */
	} all[] = {
		{ "/v1/models", "" },
		{ "/v1/models/", "" },
		{ "/v1/models/org/a%20b", "org/a%20b" },
		{ "/openai/models", "" },
		{ "/openai/models/m", "m" },
		{ "/openai/v1/models/m", "m" },
		{ "/openai/deployments", "" },
		{ "/openai/deployments/d/models", "" },
		{ "/openai/deployments/d", NULL },
		{ "/v1/modelsx", NULL },
		{ "/models", NULL },
	};
	struct slice id;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_true(route_is_models(slice_of(all[i].path), &id) ==
		    (all[i].id != NULL));
		if (all[i].id != NULL)
			assert_true(slice_is(id, all[i].id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_found),
		cmocka_unit_test(other_methods_and_paths_are_told_apart),
		cmocka_unit_test(slashes_too_many_are_noticed),
		cmocka_unit_test(azure_names_the_model_in_the_path),
		cmocka_unit_test(models_are_listed_under_each_base),
		cmocka_unit_test(a_forgotten_v1_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
