/* gateway/conf/check_servers_test.c - mistakes in what is said of servers
 * beside the backends: a collector of traces, and where limits are shared. */
#include <stdlib.h>

#include "gateway/conf/testing.h"

static void
a_collector_has_a_whole_url(void **state)
{
	struct fixture f;

	assert_refused(BASE "otlp = { url = \"127.0.0.1:4318\"; };",
	    "gateway.conf:3: otlp.url: want a URL such as "
	    "\"http://127.0.0.1:4318/v1/traces\", got \"127.0.0.1:4318\"");
	assert_refused(BASE "otlp = { url = \"http://me:secret@otel/\"; };",
	    "gateway.conf:3: otlp.url: want a URL without a user's name or "
	    "password (not shown)");
	assert_refused(BASE "otlp = { url = \"http://\"; };",
	    "gateway.conf:3: otlp.url: want a URL with a host, got "
	    "\"http://\"");
	assert_refused(BASE "otlp = { url = \"http://otel:0/v1/traces\"; };",
	    "gateway.conf:3: otlp.url: want a URL whose port is 1..65535, got "
	    "\"http://otel:0/v1/traces\"");
	assert_refused(BASE "otlp = { url = \"http://a::1/v1/traces\"; };",
	    "gateway.conf:3: otlp.url: want a URL with \"[\" and \"]\" around "
	    "an IPv6 address, got \"http://a::1/v1/traces\"");
	assert_loads(&f, BASE "otlp = { url = \"http://otel:4318\"; };", 1);
	fixture_fini(&f);
	assert_loads(&f, BASE "otlp = { url = \"http://otel:4318/\"; };", 1);
	fixture_fini(&f);
	assert_loads(
	    &f, BASE "otlp = { url = \"http://otel/v1/traces?a=b\"; };", 0);
	fixture_fini(&f);
	assert_refused(BASE "otlp = { sample = 2; };",
	    "gateway.conf:3: otlp.sample: want 0..1, got 2");
	assert_loads(&f,
	    BASE "otlp = { url = \"https://otel.example/v1/traces\"; };", 0);
	assert_string_equal(f.conf->otlp.url, "https://otel.example/v1/traces");
	assert_null(f.conf->otlp.headers);
	fixture_fini(&f);
}

/* Like all other paths, from the folder of the file. */
static void
a_socket_of_redis_is_beside_the_file(void **state)
{
	char want[160];
	struct fixture f;

	assert_loads(
	    &f, BASE "shared_limits = { address = \"unix:redis.sock\"; };", 0);
	snprintf(want, sizeof(want), "unix:%s/redis.sock", f.folder);
	assert_string_equal(f.conf->shared_limits.address, want);
	fixture_fini(&f);
	assert_loads(&f,
	    BASE "shared_limits = { address = \"unix:/run/redis.sock\"; };", 0);
	assert_string_equal(
	    f.conf->shared_limits.address, "unix:/run/redis.sock");
	fixture_fini(&f);
}

static void
limits_are_shared_at_a_host(void **state)
{
	struct fixture f;

	assert_refused(BASE "shared_limits = { address = \"a:6379\"; };",
	    "gateway.conf:3: shared_limits.address: want a host, as "
	    "\"10.0.0.5\" or \"redis.internal\", or \"unix:/path\", got "
	    "\"a:6379\"");
	assert_refused(BASE "shared_limits = { address = \"redis://a/0\"; };",
	    "gateway.conf:3: shared_limits.address: want a host, as "
	    "\"10.0.0.5\" or \"redis.internal\", or \"unix:/path\", got "
	    "\"redis://a/0\"");
	assert_refused(BASE "shared_limits = { address = \"unix:\"; };",
	    "gateway.conf:3: shared_limits.address: want a path after "
	    "\"unix:\", of 1..107 bytes in all, got \"unix:\"");
	assert_refused(BASE
	    "shared_limits = { address = \"a\"; user = \"me\"; };",
	    "gateway.conf:3: shared_limits.user: want a password with it, got "
	    "none");
	assert_refused(BASE
	    "shared_limits = { address = \"a\"; password = \"x\"; };",
	    "gateway.conf:3: shared_limits.password: want \"env:NAME\" or "
	    "\"file:PATH\", got other text (not shown)");
	assert_loads(&f, BASE "shared_limits = { port = 6380; };", 1);
	assert_null(f.conf->shared_limits.address);
	fixture_fini(&f);
	setenv("TEST_REDIS", "pass", 1);
	assert_loads(&f,
	    BASE "shared_limits = { address = \"::1\"; user = \"me\"; "
		 "password = \"env:TEST_REDIS\"; };",
	    0);
	assert_string_equal(f.conf->shared_limits.address, "::1");
	assert_int_equal(f.conf->shared_limits.port, 6379);
	assert_string_equal(f.conf->shared_limits.user, "me");
	assert_string_equal(f.conf->shared_limits.password, "pass");
	assert_string_equal(f.conf->shared_limits.prefix, "pointsman");
	fixture_fini(&f);
	unsetenv("TEST_REDIS");
}

static void
a_collector_may_be_sent_headers(void **state)
{
	struct fixture f;

	setenv("TEST_OTLP", "Bearer hunter2", 1);
	assert_loads(&f,
	    BASE "otlp = { headers = { authorization = \"env:TEST_OTLP\"; "
		 "x-scope-orgid = \"my team\"; }; };",
	    0);
	assert_string_equal(f.conf->otlp.headers,
	    "authorization: Bearer hunter2\nx-scope-orgid: my team\n");
	assert_true(conf_withholds(f.conf, 1, SLICE("TEST_OTLP")));
	fixture_fini(&f);
	assert_refused(BASE "otlp = { headers = [ \"a\" ]; };",
	    "gateway.conf:3: otlp.headers: want a group { name = \"value\"; "
	    "}, got a list");
	assert_refused(BASE
	    "otlp = { headers = { authorization = \"Bearer x\"; }; };",
	    "gateway.conf:3: otlp.headers.authorization: want \"env:NAME\" or "
	    "\"file:PATH\", got other text (not shown)");
	assert_refused(BASE "otlp = { headers = { x-key = \"a\\nb: c\"; }; };",
	    "gateway.conf:3: otlp.headers.x-key: want visible characters, got "
	    "other text (not shown)");
	assert_refused(BASE "otlp = { headers = { x-key = 5; }; };",
	    "gateway.conf:3: otlp.headers.x-key: want \"env:NAME\" or "
	    "\"file:PATH\", got a number (not shown)");
	assert_refused(BASE "otlp = { headers = { Host = \"x\"; }; };",
	    "gateway.conf:3: otlp.headers.Host: want the name of a header "
	    "that is not HTTP's own, got Host");
	unsetenv("TEST_OTLP");
	assert_refused(BASE
	    "otlp = { headers = { x-key = \"env:TEST_OTLP\"; }; };",
	    "gateway.conf:3: otlp.headers.x-key: want TEST_OTLP to be set in "
	    "the environment, got nothing");
	setenv("TEST_OTLP", "two\nlines: hunter2", 1);
	assert_refused(BASE
	    "otlp = { headers = { x-key = \"env:TEST_OTLP\"; }; };",
	    "gateway.conf:3: otlp.headers.x-key: want one word of visible "
	    "characters in $TEST_OTLP, got something else (not shown)");
	unsetenv("TEST_OTLP");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_collector_has_a_whole_url),
		cmocka_unit_test(a_socket_of_redis_is_beside_the_file),
		cmocka_unit_test(limits_are_shared_at_a_host),
		cmocka_unit_test(a_collector_may_be_sent_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
