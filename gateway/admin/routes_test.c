/* gateway/admin/routes_test.c - requests find their routes, and what is said
 * about routes follows the table. Runs from the root of the repository. */
#include "gateway/admin/routes.h"
#include "gateway/conf/testing.h"

static const char *
found(const char *method, const char *path)
{
	bool other;
	const struct admin_route *r =
	    admin_route_find(slice_of(method), slice_of(path), &other);

	return r != NULL ? r->id : other ? "another method" : "none";
}

static void
a_request_finds_its_route(void **state)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);

	for (size_t i = 0; i < n; i++)
		if (strchr(list[i].path, '{') == NULL)
			assert_string_equal(
			    found(list[i].method, list[i].path), list[i].id);
	assert_string_equal(
	    found("GET", "/admin/v1/receipts/abc"), "getReceipt");
	assert_string_equal(found("GET", "/admin/v1/receipts"), "getReceipts");
	assert_string_equal(found("GET", "/admin/v1/receipts/"), "none");
	assert_string_equal(found("GET", "/admin/v1/receipts/a/b"), "none");
	assert_string_equal(found("DELETE", "/admin/v1/receipts/a/"), "none");
	assert_string_equal(
	    found("DELETE", "/admin/v1/receipts/abc"), "another method");
	assert_string_equal(found("PUT", "/healthz"), "another method");
	assert_string_equal(found("GET", "/healthz/"), "none");
	assert_string_equal(found("GET", "/admin/v1/Status"), "none");
}

/* Whatever changes something is nobody's who may only look. */
static void
only_looking_is_for_everybody(void **state)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
		    admin_route_acts(&list[i]), list[i].role != ROLE_READ);
		assert_false(list[i].open && admin_route_acts(&list[i]));
	}
}

static bool
tells(const char *path)
{
	bool other;

	return admin_route_find(slice_of("GET"), slice_of(path), &other)->tells;
}

/* Who only asks whether it lives waits for no worker. */
static void
what_was_answered_is_told_where_it_is_read(void **state)
{
	assert_true(tells("/metrics"));
	assert_true(tells("/admin/v1/receipts/abc"));
	assert_true(tells("/admin/v1/backends"));
	assert_true(tells("/admin/v1/drill"));
	assert_false(tells("/healthz"));
	assert_false(tells("/readyz"));
	assert_false(tells("/"));
	assert_false(tells("/admin/v1/config"));
}

static void
every_route_is_in_the_document(void **state)
{
	size_t n;
	const struct admin_route *list = admin_routes(&n);
	json_t *doc = admin_openapi(), *paths = json_object_get(doc, "paths");
	const char *key;
	size_t operations = 0;
	json_t *item;

	assert_non_null(doc);
	for (size_t i = 0; i < n; i++)
		assert_non_null(json_object_get(paths, list[i].path));
	json_object_foreach (paths, key, item)
		operations += json_object_size(item);
	assert_int_equal(operations, n);
	json_decref(doc);
}

static void
the_documentation_has_not_drifted(void **state)
{
	char *file = read_whole("docs/admin-api.md");
	char *fresh = NULL;
	size_t n;
	FILE *f = open_memstream(&fresh, &n);

	assert_non_null(f);
	admin_write_docs(f);
	assert_int_equal(fclose(f), 0);
	if (strcmp(file, fresh) != 0)
		fail_msg("docs/admin-api.md has drifted; run: make docs");
	free(file);
	free(fresh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_finds_its_route),
		cmocka_unit_test(only_looking_is_for_everybody),
		cmocka_unit_test(what_was_answered_is_told_where_it_is_read),
		cmocka_unit_test(every_route_is_in_the_document),
		cmocka_unit_test(the_documentation_has_not_drifted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
