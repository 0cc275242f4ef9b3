/* gateway/conf/doubts_test.c - what can be meant, but hardly is. */
#include "gateway/conf/testing.h"

#define A_KEY                                                                  \
	"sha256:"                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define TENANTS "tenants = ( { name = \"acme\"; keys = [ \"" A_KEY "\" ]; } );"

static void
what_is_hardly_meant_is_warned_of(void **state)
{
	assert_warned(
	    "backends = ( { name = \"a\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; }, { name = \"b\"; adapter = \"ollama\"; price = "
	    "{ hourly = 2; }; } );\n"
	    "models = ( { name = \"m\"; serve = ( { backend = \"a\"; },\n"
	    "{ backend = \"b\"; } ); }, { name = \"n\"; serve = ( { backend "
	    "= \"b\"; } ); } );",
	    "gateway.conf:3: warning: models.m.serve[1]: want another place "
	    "than serve[0], got its url, key and model: what fails at one is "
	    "tried again there");
	assert_warned(
	    "backends = ( { name = \"a\"; adapter = \"ollama\"; region = "
	    "\"eu\"; price = { hourly = 1; }; }, { name = \"b\"; adapter = "
	    "\"llamacpp\"; url = \"http://h/v1\"; region = \"us\"; price = { "
	    "hourly = 2; }; } );\n"
	    "models = ( { name = \"m\"; serve = ( { backend = \"a\"; }, { "
	    "backend = \"b\"; } ); } );\n"
	    "tenants = ( { name = \"t\"; keys = [ \"env:HOME\" ]; regions = [ "
	    "\"eu\" ]; backends = [ \"b\" ]; } );",
	    "gateway.conf:3: warning: tenants.t: want boundaries within which "
	    "something serves its models, got none: its requests will get a "
	    "403");
	assert_warned(
	    "backends = ( { name = \"a\"; adapter = \"ollama\"; price = { "
	    "hourly = 1; }; },\n{ name = \"b\"; adapter = \"llamacpp\"; url "
	    "= \"http://h/v1\"; price = { hourly = 2; }; } );\n"
	    "models = ( { name = \"m\"; serve = ( { backend = \"a\"; } ); } "
	    ");",
	    "gateway.conf:2: warning: backends.b: want a model that it serves, "
	    "got none: nothing is sent there");
}

static void
a_backend_is_not_the_gateway_itself(void **state)
{
	static const struct {
		const char *listen, *url, *own; /* NULL: neither */
	} rows[] = {
		{ "port = 7070;", "http://127.0.0.1:7070/v1", "listen" },
		{ "port = 7070;", "http://localhost:7070/v1", "listen" },
		{ "port = 7070;", "http://127.0.0.1:7071/v1", NULL },
		{ "port = 7070;", "http://10.0.0.1:7070/v1", NULL },
		{ "port = 80;", "http://localhost/v1", "listen" },
		{ "address = \"::1\"; port = 443;", "https://[::1]/v1",
		    "listen" },
		{ "address = \"::1\"; port = 7070;", "http://localhost:7070/v1",
		    NULL },
		{ "address = \"::\"; port = 7070;", "http://[::1]:7070/v1",
		    "listen" },
		{ "path = \"/run/a\";", "unix:/run/a", "listen" },
		{ "path = \"/run/a\";", "unix:/run/b", NULL },
		{ "port = 7070;", "http://0.0.0.0:7070/v1", "listen" },
		{ "port = 7070;", "http://[::ffff:127.0.0.1]:7070", "listen" },
		{ "port = 7070;", "http://127.0.0.2:7070/v1", NULL },
		{ "port = 7070;", "http://[::1]:7070/v1", NULL },
		{ "port = 7070;", "http://gpu:7070/v1", NULL },
		{ "address = \"0.0.0.0\"; port = 7070;",
		    "http://127.0.0.2:7070/v1", "listen" },
		{ "address = \"0.0.0.0\"; port = 7070;", "http://[::1]:7070/v1",
		    NULL },
		{ "address = \"10.0.0.1\"; port = 7070;",
		    "http://10.0.0.1:7070/v1", "listen" },
		{ "address = \"::1\"; port = 7070;", "http://[0:0::1]:7070/v1",
		    "listen" },
		{ "address = \"::1\"; port = 7070;", "http://[::]:7070/v1",
		    "listen" },
		{ "address = \"::\"; port = 7070;", "http://localhost:7070",
		    "listen" },
		{ "port = 7070;", "http://localhost:9901/v1", "admin" },
	};
	char text[1024], want[128];
	struct fixture f;

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    "backends = ( { name = \"gpu\"; adapter = \"vllm\"; price "
		    "= { hourly = 1; };\nurl = \"%s\"; } );\n" MODELS
		    "listen = { %s };\nadmin = { port = 9901; };" TENANTS,
		    rows[i].url, rows[i].listen);
		fixture_init(&f);
		fixture_load(&f, text, NULL);
		assert_int_equal(f.complaints.errors, rows[i].own != NULL);
		snprintf(want, sizeof(want),
		    "gateway.conf:2: backends.gpu.url: want a backend, got the "
		    "gateway's own address, that of %s",
		    rows[i].own);
		assert_true(rows[i].own == NULL || fixture_says(&f, want));
		fixture_fini(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_hardly_meant_is_warned_of),
		cmocka_unit_test(a_backend_is_not_the_gateway_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
