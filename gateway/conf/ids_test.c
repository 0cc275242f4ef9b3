/* gateway/conf/ids_test.c - what a reload keeps. */
#include "gateway/conf/testing.h"

#define B(name)                                                                \
	"{ name = \"" name "\"; adapter = \"ollama\"; url = \"http://" name    \
	"/v1\"; price = { hourly = 1; }; }"
#define S(backend, model)                                                      \
	"{ backend = \"" backend "\"; model = \"" model "\"; }"
#define M(name, serve) "{ name = \"" name "\"; serve = ( " serve " ); }"
#define T(name, digit)                                                         \
	"{ name = \"" name "\"; keys = [ \"sha256:" digit                      \
	"000000000000000000000000000000000000000000000000000000000000000\" "   \
	"]; }"

static uint32_t
serving_id(const struct conf *c, const char *model, const char *backend)
{
	const struct conf_model *m = conf_find_model(c, slice_of(model));

	for (size_t i = 0; i < m->n_servings; i++)
		if (strcmp(m->servings[i].backend->name, backend) == 0)
			return m->servings[i].id;
	return 0;
}

static uint32_t
backend_id(const struct conf *c, const char *name)
{
	return conf_find_backend(c, slice_of(name))->id;
}

static void
ids_stay_with_what_stays(void **state)
{
	struct fixture one, two;

	assert_loads(&one,
	    "backends = (" B("a") "," B("b") ");models = (" M(
		"m", S("a", "x") "," S("b", "x")) "," M("n",
		S("a", "x")) ");tenants = (" T("t", "1") "," T("u", "2") ");",
	    0);
	fixture_init(&two);
	/* Another order, one of each gone, one of each new. */
	fixture_load(&two,
	    "backends = (" B("c") "," B("b") ");models = (" M(
		"o", S("b", "x")) "," M("m",
		S("c", "x") "," S("b", "x")) ");tenants = "
					     "(" T("v", "3") "," T(
						 "u", "2") ");",
	    one.conf);
	assert_int_equal(two.rc, OK);
	assert_int_equal(two.conf->version, 2);

	assert_int_equal(backend_id(two.conf, "b"), backend_id(one.conf, "b"));
	assert_int_equal(backend_id(two.conf, "c"), 3);
	assert_int_equal(
	    serving_id(two.conf, "m", "b"), serving_id(one.conf, "m", "b"));
	assert_int_equal(serving_id(two.conf, "o", "b"), 4);
	assert_int_equal(serving_id(two.conf, "m", "c"), 5);
	assert_int_equal(two.conf->tenants[1].id, one.conf->tenants[1].id);
	assert_int_equal(two.conf->tenants[0].id, 3);
	for (size_t i = 0; i < two.conf->n_servings; i++)
		assert_ptr_equal(
		    conf_find_serving(two.conf, two.conf->servings[i].id),
		    &two.conf->servings[i]);
	assert_null(
	    conf_find_serving(two.conf, serving_id(one.conf, "m", "a")));
	fixture_fini(&two);
	fixture_fini(&one);
}

static void
another_upstream_model_is_another_serving(void **state)
{
	struct fixture one, two;

	assert_loads(&one,
	    "backends = (" B("a") "); models = (" M("m", S("a", "x")) ");", 0);
	fixture_init(&two);
	fixture_load(&two,
	    "backends = (" B("a") "); models = (" M("m", S("a", "y")) ");",
	    one.conf);
	assert_int_equal(two.rc, OK);
	assert_int_not_equal(
	    serving_id(two.conf, "m", "a"), serving_id(one.conf, "m", "a"));
	fixture_fini(&two);
	fixture_fini(&one);
}

static void
a_bad_file_changes_nothing(void **state)
{
	struct fixture one, two;

	assert_loads(&one, BASE, 0);
	fixture_init(&two);
	fixture_load(&two, BASE "workers = 0;", one.conf);
	assert_int_equal(two.rc, ERR_INVALID);
	assert_null(two.conf);
	assert_int_equal(one.conf->version, 1);
	fixture_fini(&two);
	fixture_fini(&one);
}

static void
what_needs_a_restart_is_named(void **state)
{
	struct fixture one, two;
	struct buf names;

	assert_loads(&one, BASE "workers = 1;", 0);
	assert_loads(&two,
	    BASE "workers = 2; admin = { port = 9; }; deadline = \"1s\";", 0);
	buf_init(&names, 256);
	conf_restart_needed(one.conf, one.conf, &names);
	assert_int_equal(names.n, 0);
	conf_restart_needed(one.conf, two.conf, &names);
	assert_true(slice_is(buf_slice(&names), "admin, workers"));
	buf_reset(&names);
	/* new connections there speak TLS, or do not, as of now */
	fixture_fini(&two);
	assert_loads(&two, BASE "workers = 1;", 0);
	two.conf->admin.tls = true;
	conf_restart_needed(one.conf, two.conf, &names);
	assert_int_equal(names.n, 0);
	buf_fini(&names);
	fixture_fini(&two);
	fixture_fini(&one);
}

static void
references_keep_a_snapshot(void **state)
{
	struct fixture f;
	struct conf *second;

	assert_loads(&f, BASE, 0);
	second = conf_ref(f.conf);
	conf_unref(&f.conf);
	assert_null(f.conf);
	assert_string_equal(second->models[0].name, "gemma");
	conf_unref(&second);
	conf_unref(&second); /* nothing to give back */
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_stay_with_what_stays),
		cmocka_unit_test(another_upstream_model_is_another_serving),
		cmocka_unit_test(a_bad_file_changes_nothing),
		cmocka_unit_test(what_needs_a_restart_is_named),
		cmocka_unit_test(references_keep_a_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
