/* gateway/conf/secret_test.c - keys and URLs that stand elsewhere. */
#include "gateway/conf/testing.h"

#define BACKEND(settings)                                                      \
	"backends = ( { name = \"gpu\"; price = { hourly = 1; }; " settings    \
	" } );\n" MODELS

static const struct conf_backend *
load_backend(struct fixture *f, const char *text)
{
	fixture_load(f, text, NULL);
	if (f->rc != OK)
		print_message("%s", f->text);
	assert_int_equal(f->rc, OK);
	return &f->conf->backends[0];
}

static void
a_key_comes_from_the_environment(void **state)
{
	struct fixture f;
	const struct conf_backend *b;

	setenv("TEST_KEY", "sk-hunter2", 1);
	fixture_init(&f);
	b = load_backend(
	    &f, BACKEND("adapter = \"openai\"; api_key = \"env:TEST_KEY\";"));
	assert_string_equal(b->api_key, "sk-hunter2");
	assert_string_equal(b->url, "https://api.openai.com/v1");
	assert_null(b->off);
	fixture_fini(&f);
}

static void
a_key_comes_from_a_file_beside_the_configuration(void **state)
{
	struct fixture f;
	char key[96];

	fixture_init(&f);
	fixture_write(&f, "key", "sk-hunter2\r\n");
	assert_string_equal(
	    load_backend(
		&f, BACKEND("adapter = \"openai\"; api_key = \"file:key\";"))
		->api_key,
	    "sk-hunter2");
	snprintf(key, sizeof(key), "%s/key", f.folder);
	unlink(key);
	fixture_fini(&f);
}

static void
a_backend_whose_variable_is_unset_is_off(void **state)
{
	static const char *const settings[] = {
		BACKEND("adapter = \"openai\"; api_key = \"env:TEST_KEY\";"),
		BACKEND("adapter = \"ollama\"; api_key = \"env:TEST_KEY\";"),
		BACKEND("adapter = \"vllm\"; url = \"env:TEST_KEY\";"),
	};
	struct fixture f;

	for (size_t i = 0; i < 2 * COUNT(settings); i++) {
		if (i % 2 == 0)
			unsetenv("TEST_KEY");
		else
			setenv("TEST_KEY", "", 1);
		fixture_init(&f);
		assert_string_equal(load_backend(&f, settings[i / 2])->off,
		    "TEST_KEY is not set: export it to turn this backend on");
		fixture_fini(&f);
	}
}

#define TWO_KEYS                                                               \
	"backends = ( { name = \"gpu\"; adapter = \"openai\";\n"               \
	"price = { hourly = 1; };\n"                                           \
	"api_key = [ \"env:TEST_KEY\", \"env:TEST_KEY_TYPO\" ]; } );\n" MODELS

static void
one_of_several_keys_that_is_unset_is_warned_of(void **state)
{
	struct fixture f;

	unsetenv("TEST_KEY_TYPO");
	setenv("TEST_KEY", "sk-1", 1);
	assert_warned(TWO_KEYS,
	    "gateway.conf:3: warning: backends.gpu.api_key[1]: want "
	    "TEST_KEY_TYPO to be set in the environment, got nothing: the "
	    "backend does without this key");
	/* Of none the backend is off, which says the first. */
	unsetenv("TEST_KEY");
	fixture_init(&f);
	assert_string_equal(load_backend(&f, TWO_KEYS)->off,
	    "TEST_KEY is not set: export it to turn this backend on");
	assert_int_equal(f.conf->backends[0].off_line, 3);
	fixture_fini(&f);
}

static void
a_hosted_service_is_off_without_a_key(void **state)
{
	struct fixture f;

	fixture_init(&f);
	assert_string_equal(
	    load_backend(&f, BACKEND("adapter = \"openai\";"))->off,
	    "api_key is not set: add api_key = \"env:NAME\" to turn this "
	    "backend on");
	fixture_fini(&f);
	/* Another service of that kind may do without. */
	fixture_init(&f);
	assert_null(load_backend(
	    &f, BACKEND("adapter = \"openai\"; url = \"http://h/v1\";"))
			->off);
	fixture_fini(&f);
}

static void
a_literal_secret_is_refused_and_never_shown(void **state)
{
	static const char *const texts[] = {
		BACKEND("adapter = \"openai\"; api_key = \"hunter2\";"),
		BACKEND("adapter = \"openai\"; api_key = \"env:hunter2-\";"),
		BACKEND("adapter = \"openai\"; api_key = \"file:\"; apikey = "
			"\"hunter2\";"),
		BACKEND("adapter = \"openai\"; api_key = [ \"hunter2\" ];"),
		BACKEND("adapter = \"openai\"; api_key = { hunter2 = 1; };"),
		BACKEND("adapter = \"openai\"; api_key = \"sha256:hunter2\";"),
		BACKEND("adapter = \"openai\"; url = \"hunter2\";"),
		BACKEND("adapter = \"openai\"; url = \"http://u:hunter2@h\";"),
		BACKEND("adapter = \"openai\"; url = \"http://h/?k=hunter2\";"),
		BASE "tenants = ( { name = \"a\"; keys = [ \"hunter2\" ]; } );",
		BASE "tenants = ( { name = \"a\"; keys = \"hunter2\"; } );",
		BASE "tenants = ( { name = \"a\"; keys = [ \"sha256:hunter2\" "
		     "]; } );",
		BASE "tenants = ( { name = \"a\"; keys = ( ( \"hunter2\" ) ); "
		     "} );",
		BASE "tenants = ( { name = \"a\"; keys = [ \"env:TEST_KEY\" ]; "
		     "} );",
		BACKEND("adapter = \"openai\"; api_key = \"env:TEST_KEY\";"),
		BACKEND("adapter = \"openai\"; url = \"env:TEST_KEY\";"),
	};
	struct fixture f;

	setenv("TEST_KEY", "two words: hunter2", 1);
	for (size_t i = 0; i < COUNT(texts); i++) {
		fixture_init(&f);
		fixture_load(&f, texts[i], NULL);
		assert_int_equal(f.rc, ERR_INVALID);
		if (strstr(f.text, "hunter2") != NULL)
			fail_msg("%zu: shown: %s", i, f.text);
		fixture_fini(&f);
	}
	unsetenv("TEST_KEY");
}

static void
complaints_about_secrets_say_what_is_wanted(void **state)
{
	unsetenv("TEST_KEY");
	assert_refused(BACKEND("adapter = \"openai\"; api_key = \"sk-1\";"),
	    "gateway.conf:1: backends.gpu.api_key: want \"env:NAME\" or "
	    "\"file:PATH\", got other text (not shown)");
	assert_refused(BACKEND("adapter = \"openai\"; api_key = 12345;"),
	    "gateway.conf:1: backends.gpu.api_key: want \"env:NAME\" or "
	    "\"file:PATH\", got a number (not shown)");
	assert_refused(
	    BACKEND("adapter = \"openai\"; api_key = \"file:/nonexistent\";"),
	    "gateway.conf:1: backends.gpu.api_key: want a secret in the file "
	    "/nonexistent, got an error: cannot open: No such file or "
	    "directory");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ "
			    "\"env:TEST_KEY\" ]; } );",
	    "gateway.conf:3: tenants.a.keys[0]: want TEST_KEY to be set in the "
	    "environment, got nothing");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ "
			    "\"sha256:12\" ]; } );",
	    "gateway.conf:3: tenants.a.keys[0]: want 64 hexadecimal digits "
	    "after \"sha256:\", got other text (not shown)");
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ ]; } );",
	    "gateway.conf:3: tenants.a.keys: want a list of \"env:NAME\", "
	    "\"file:PATH\" or \"sha256:HEX\", got an empty list");
	assert_refused(BACKEND("adapter = \"openai\"; url = \"ftp://h/v1\";"),
	    "gateway.conf:1: backends.gpu.url: want \"http://...\", "
	    "\"https://...\", \"unix:/path\" or \"env:NAME\", got other text "
	    "(not shown)");
	assert_refused(BACKEND("adapter = \"openai\"; url = \"http://:1/v1\";"),
	    "gateway.conf:1: backends.gpu.url: want a URL with a host, got "
	    "other text (not shown)");
}

static void
a_port_of_a_url_is_one_that_there_is(void **state)
{
	static const struct {
		const char *conf;
		bool good;
	} cases[] = {
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:1/v1\";"),
		    true },
		{ BACKEND("adapter = \"vllm\"; url = \"https://h:65535\";"),
		    true },
		{ BACKEND("adapter = \"vllm\"; url = \"http://[::1]/v1\";"),
		    true },
		{ BACKEND("adapter = \"vllm\"; url = \"http://[::1]:80/v1\";"),
		    true },
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:99999/v1\";"),
		    false },
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:65536\";"),
		    false },
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:0/v1\";"),
		    false },
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:/v1\";"),
		    false },
		{ BACKEND("adapter = \"vllm\"; url = \"http://h:x/v1\";"),
		    false },
		{ BACKEND("adapter = \"vllm\"; url = \"http://[::1]:0/v1\";"),
		    false },
	};
	struct fixture f;

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!cases[i].good) {
			assert_refused(cases[i].conf,
			    "gateway.conf:1: backends.gpu.url: want a URL "
			    "whose port is 1..65535, got other text (not "
			    "shown)");
			continue;
		}
		fixture_init(&f);
		fixture_load(&f, cases[i].conf, NULL);
		assert_int_equal(f.rc, OK);
		fixture_fini(&f);
	}
}

static void
brackets_of_a_url_are_around_an_address(void **state)
{
	static const char *const bad[] = { "http://[::1/v1", "http://::1]/v1",
		"http://[::1]x/v1", "http://[]/v1", "http://[host]/v1",
		"http://fe80::1/v1", "http://[::1]]/v1", "http://h]:80/v1",
		"http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0]/v1" };
	static const char *const good[] = { "http://[::1]/v1",
		"http://[::1]:80/v1", "http://[fe80::1%25eth0]:80/v1",
		"https://[2001:db8::1]" };
	struct fixture f;
	char text[512];

	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text),
		    BACKEND("adapter = \"vllm\"; url = \"%s\";"), bad[i]);
		fixture_init(&f);
		fixture_load(&f, text, NULL);
		if (f.complaints.errors != 1)
			fail_msg("%s: %s", bad[i], f.text);
		fixture_fini(&f);
	}
	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text),
		    BACKEND("adapter = \"vllm\"; url = \"%s\";"), good[i]);
		fixture_init(&f);
		load_backend(&f, text);
		fixture_fini(&f);
	}
	assert_refused(BACKEND("adapter = \"vllm\"; url = "
			       "\"http://[::1/v1\";"),
	    "gateway.conf:1: backends.gpu.url: want a URL with \"[\" and \"]\" "
	    "around an IPv6 address, got other text (not shown)");
}

static void
a_url_that_is_no_base_is_warned_of(void **state)
{
	assert_warned(BACKEND("adapter = \"vllm\"; url = "
			      "\"http://h/v1/chat/completions/\";"),
	    "gateway.conf:1: warning: backends.gpu.url: want a base URL, "
	    "without /chat/completions at its end: the gateway adds that");
}

static void
a_url_may_be_a_unix_socket(void **state)
{
	struct fixture f;
	const struct conf_backend *b;

	setenv("TEST_URL", "unix:/run/llm.sock", 1);
	for (int i = 0; i < 2; i++) {
		fixture_init(&f);
		b = load_backend(&f,
		    i == 0
			? BACKEND("adapter = \"vllm\"; url = \"env:TEST_URL\";")
			: BACKEND("adapter = \"vllm\"; url = "
				  "\"unix:/run/llm.sock\";"));
		assert_string_equal(b->unix_path, "/run/llm.sock");
		assert_string_equal(b->url, "http://localhost/v1");
		fixture_fini(&f);
	}
	unsetenv("TEST_URL");
	assert_refused(BACKEND("adapter = \"vllm\"; url = \"unix:\";"),
	    "gateway.conf:1: backends.gpu.url: want a path after \"unix:\", of "
	    "1..107 bytes in all, got other text (not shown)");
}

/* There is room for so many where it is used: a longer one would be cut. */
static void
a_url_is_as_long_as_there_is_room_for(void **state)
{
	const char *conf =
	    BACKEND("adapter = \"vllm\"; url = \"env:TEST_URL\";");
	char url[CONF_URL_MAX + 3];
	struct fixture f;

	memset(url, 'a', sizeof(url));
	memcpy(url, "http://h/", 9);
	url[CONF_URL_MAX] = '/'; /* is dropped */
	url[CONF_URL_MAX + 1] = '\0';
	setenv("TEST_URL", url, 1);
	fixture_init(&f);
	assert_int_equal(strlen(load_backend(&f, conf)->url), CONF_URL_MAX);
	fixture_fini(&f);
	url[CONF_URL_MAX] = 'a';
	setenv("TEST_URL", url, 1);
	assert_refused(conf,
	    "gateway.conf:1: backends.gpu.url: want a URL of at most 383 "
	    "bytes, got 384");
	unsetenv("TEST_URL");
}

static void
a_slash_at_the_end_of_a_url_is_dropped(void **state)
{
	struct fixture f;

	fixture_init(&f);
	assert_string_equal(
	    load_backend(&f,
		BACKEND(
		    "adapter = \"vllm\"; url = \"HTTPS://[::1]:8000/v1//\";"))
		->url,
	    "HTTPS://[::1]:8000/v1");
	fixture_fini(&f);
}

/* A child needs its own backend's key, and nobody else's. */
static void
keys_are_withheld_from_other_backends(void **state)
{
	static const struct {
		const char *variable;
		uint32_t backend;
		bool withheld;
	} cases[] = { { "KEY_A", 0, false }, { "KEY_A", 1, true },
		{ "KEY_B", 0, true }, { "KEY_B", 1, false },
		{ "KEY_TENANT", 0, true }, { "KEY_TENANT", 1, true },
		{ "KEY_UNSET", 0, true }, { "URL_A", 1, false },
		{ "KEY", 1, false }, { "PATH", 0, false } };
	struct fixture f;

	setenv("KEY_A", "sk-a", 1);
	setenv("KEY_B", "sk-b", 1);
	setenv("KEY_TENANT", "sk-t", 1);
	setenv("URL_A", "http://127.0.0.1:1/v1", 1);
	fixture_init(&f);
	load_backend(&f,
	    "backends = ( { name = \"gpu\"; adapter = \"vllm\"; url = "
	    "\"env:URL_A\"; api_key = \"env:KEY_A\"; price = { hourly = 1; "
	    "}; }, { name = \"b\"; adapter = \"openai\"; api_key = "
	    "\"env:KEY_B\"; }, { name = \"c\"; adapter = \"openai\"; "
	    "api_key = \"env:KEY_UNSET\"; } );\n" MODELS
	    "tenants = ( { name = \"a\"; keys = [ \"env:KEY_TENANT\" ]; } );");
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(conf_withholds(f.conf,
				     f.conf->backends[cases[i].backend].id,
				     slice_of(cases[i].variable)),
		    cases[i].withheld);
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_comes_from_the_environment),
		cmocka_unit_test(
		    a_key_comes_from_a_file_beside_the_configuration),
		cmocka_unit_test(a_backend_whose_variable_is_unset_is_off),
		cmocka_unit_test(
		    one_of_several_keys_that_is_unset_is_warned_of),
		cmocka_unit_test(a_hosted_service_is_off_without_a_key),
		cmocka_unit_test(a_literal_secret_is_refused_and_never_shown),
		cmocka_unit_test(complaints_about_secrets_say_what_is_wanted),
		cmocka_unit_test(keys_are_withheld_from_other_backends),
		cmocka_unit_test(a_port_of_a_url_is_one_that_there_is),
		cmocka_unit_test(brackets_of_a_url_are_around_an_address),
		cmocka_unit_test(a_url_that_is_no_base_is_warned_of),
		cmocka_unit_test(a_url_may_be_a_unix_socket),
		cmocka_unit_test(a_url_is_as_long_as_there_is_room_for),
		cmocka_unit_test(a_slash_at_the_end_of_a_url_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
