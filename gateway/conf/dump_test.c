/* gateway/conf/dump_test.c - the configuration shown, without its secrets. */
#include "gateway/conf/settings.h"
#include "gateway/conf/testing.h"

#include <jansson.h>

static json_t *
dump(const struct conf *c)
{
	struct buf b;
	json_t *o;

	buf_init(&b, 1 << 20);
	conf_dump(c, &b);
	assert_int_equal(buf_err(&b), OK);
	assert_null(memmem(b.p, b.n, "hunter2", 7));
	o = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	buf_fini(&b);
	return o;
}

static const char *
text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void
secrets_are_masked(void **state)
{
	struct fixture f;
	json_t *o, *b, *t;

	setenv("TEST_KEY", "hunter2", 1);
	assert_loads(&f,
	    MODELS "backends = ( { name = \"gpu\"; adapter = \"openai\"; price "
		   "= { hourly = 1; }; api_key = \"env:TEST_KEY\"; } );tenants "
		   "= ( { name = \"a\"; keys = [ \"env:TEST_KEY\" ]; } );"
		   "otlp = { url = \"https://otel/v1/traces?key=hunter2\"; };",
	    0);
	o = dump(f.conf);
	b = json_array_get(json_object_get(o, "backends"), 0);
	assert_string_equal(text(b, "api_key"), "***");
	t = json_array_get(json_object_get(o, "tenants"), 0);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(t, "keys"), 0)),
	    "***");
	assert_string_equal(text(json_object_get(o, "otlp"), "url"),
	    "https://otel/v1/traces?***");
	json_decref(o);
	fixture_fini(&f);
}

static void
values_are_in_the_units_of_the_file(void **state)
{
	struct fixture f;
	json_t *o, *b, *slo;

	unsetenv("TEST_URL");
	assert_loads(&f,
	    MODELS "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price = "
		   "{ input = 0.25; output = 0; }; url = \"env:TEST_URL\"; } "
		   "); slo = ( { name = \"fast\"; ttft = \"100ms\"; priority = "
		   "\"premium\"; } ); body_limit = \"1MiB\"; default_slo = "
		   "\"fast\";",
	    1); /* no backend is on */
	o = dump(f.conf);
	assert_string_equal(text(o, "body_limit"), "1MiB");
	assert_string_equal(text(o, "deadline"), "10m");
	assert_string_equal(text(o, "default_slo"), "fast");
	slo = json_array_get(json_object_get(o, "slo"), 0);
	assert_string_equal(text(slo, "ttft"), "100ms");
	assert_string_equal(text(slo, "priority"), "premium");
	assert_true(json_is_null(json_object_get(slo, "itl")));
	b = json_array_get(json_object_get(o, "backends"), 0);
	assert_true(json_is_null(json_object_get(b, "slots")));
	assert_non_null(strstr(text(b, "off"), "TEST_URL"));
	b = json_object_get(b, "price");
	assert_true(json_real_value(json_object_get(b, "input")) == 0.25);
	assert_true(json_real_value(json_object_get(b, "output")) == 0.0);
	assert_true(json_is_null(json_object_get(b, "hourly")));
	json_decref(o);
	fixture_fini(&f);
}

/* Every row of the table, at whatever depth. */
static void
assert_complete(const struct setting_group *g, const json_t *o)
{
	for (size_t i = 0; i < g->n; i++) {
		const json_t *v = json_object_get(o, g->rows[i].name);

		if (v == NULL)
			fail_msg("missing: %s.%s", g->title, g->rows[i].name);
		if (json_is_array(v) && g->rows[i].group != NULL)
			v = json_array_get(v, 0);
		if (g->rows[i].group != NULL)
			assert_complete(g->rows[i].group, v);
	}
}

static void
every_setting_is_shown(void **state)
{
	struct fixture f;
	json_t *o;

	setenv("TEST_KEY", "hunter2", 1);
	assert_loads(&f,
	    BASE "tenants = ( { name = \"a\"; keys = [ \"env:TEST_KEY\" ]; } "
		 "); admin_keys = ( { key = \"sha256:0123456789abcdef0123456789"
		 "abcdef0123456789abcdef0123456789abcdef\"; role = \"read\"; "
		 "name = \"ci\"; } );",
	    0);
	o = dump(f.conf);
	assert_complete(&settings_top, o);
	json_decref(o);
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(values_are_in_the_units_of_the_file),
		cmocka_unit_test(every_setting_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
