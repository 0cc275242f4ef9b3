/* gateway/conf/listen_test.c - where the gateway listens, and who can come. */
#include "gateway/conf/testing.h"

#include "gateway/conf/loader.h"

#define A_KEY                                                                  \
	"sha256:"                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define B_KEY                                                                  \
	"sha256:"                                                              \
	"1111111111111111111111111111111111111111111111111111111111111111"
#define TENANTS "tenants = ( { name = \"acme\"; keys = [ \"" A_KEY "\" ]; } );"

static void
an_open_gateway_listens_on_loopback_only(void **state)
{
	static const char *const good[] = { "127.0.0.1", "127.9.9.9", "::1",
		"localhost" };
	static const char *const bad[] = { "0.0.0.0", "::", "10.0.0.1",
		"128.0.0.1", "fe80::1" };
	struct fixture f;
	char text[1024], want[256];

	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(text, sizeof(text),
		    BASE "listen = { address = \"%s\"; };", good[i]);
		assert_loads(&f, text, 0);
		fixture_fini(&f);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text),
		    BASE "listen = { address = \"%s\"; };", bad[i]);
		snprintf(want, sizeof(want),
		    "gateway.conf:3: listen.address: want \"127.0.0.1\", "
		    "\"::1\" or a Unix socket where there are no tenants, got "
		    "\"%s\"",
		    bad[i]);
		assert_refused(text, want);
	}
	assert_refused(BASE "admin = { address = \"0.0.0.0\"; };",
	    "gateway.conf:3: admin.address: want \"127.0.0.1\", \"::1\" or a "
	    "Unix socket where there are no admin_keys, got \"0.0.0.0\"");
}

static void
with_tenants_it_may_listen_anywhere(void **state)
{
	struct fixture f;

	assert_loads(
	    &f, BASE "listen = { address = \"0.0.0.0\"; };" TENANTS, 0);
	fixture_fini(&f);
	assert_refused(BASE "admin = { address = \"0.0.0.0\"; };" TENANTS,
	    "gateway.conf:3: admin.address: want \"127.0.0.1\", \"::1\" or a "
	    "Unix socket where there are no admin_keys, got \"0.0.0.0\"");
	assert_loads(&f,
	    BASE "admin = { address = \"0.0.0.0\"; };"
		 "admin_keys = [ \"" A_KEY "\" ];",
	    0);
	fixture_fini(&f);
}

static void
an_operators_key_is_no_tenants(void **state)
{
	assert_refused(BASE TENANTS "\nadmin_keys = [ \"" A_KEY "\" ];",
	    "gateway.conf:4: admin_keys[0]: want a key of its own, got the "
	    "same as line 3");
}

static void
addresses_are_addresses(void **state)
{
	assert_refused(BASE "listen = { address = \"example.com\"; };",
	    "gateway.conf:3: listen.address: want an IP address such as "
	    "\"127.0.0.1\" or \"::1\", got \"example.com\"");
	assert_refused(BASE "listen = { address = \"127.0.0.1\"; path = "
			    "\"/run/x.sock\"; };",
	    "gateway.conf:3: listen: want address and port, or path, got both");
}

static void
two_listeners_need_two_places(void **state)
{
	struct fixture f;

	assert_refused(BASE "admin = { port = 7070; };",
	    "gateway.conf:3: admin: want a port of its own, got that of "
	    "listen, 7070");
	assert_refused(BASE "admin = { port = 7070; address = \"127.0.0.1\"; "
			    "}; listen = { address = \"0.0.0.0\"; };" TENANTS,
	    "gateway.conf:3: admin: want a port of its own, got that of "
	    "listen, 7070");
	assert_refused(BASE "listen = { path = \"/run/a\"; };\n"
			    "admin = { path = \"/run/a\"; };",
	    "gateway.conf:4: admin: want a socket of its own, got that of "
	    "listen, /run/a");
	assert_loads(
	    &f, BASE "admin = { address = \"::1\"; port = 7070; };", 0);
	fixture_fini(&f);
}

/* "::" is IPv4's, too, and so is an address of it that is mapped. */
static void
two_families_may_be_one_place(void **state)
{
	static const struct {
		const char *listen, *admin;
		bool clash;
	} rows[] = {
		{ "::", "127.0.0.1", true },
		{ "127.0.0.1", "::", true },
		{ "::", "0.0.0.0", true },
		{ "0.0.0.0", "::", true },
		{ "::ffff:127.0.0.1", "127.0.0.1", true },
		{ "::ffff:0.0.0.0", "127.0.0.1", true },
		{ "0.0.0.0", "::1", false },
		{ "::ffff:127.0.0.1", "127.0.0.2", false },
	};
	struct fixture f;
	char text[1024];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text),
		    BASE TENANTS " admin_keys = [ \"" B_KEY "\" ];"
				 " listen = { address = \"%s\"; };"
				 " admin = { address = \"%s\"; port = 7070; };",
		    rows[i].listen, rows[i].admin);
		if (rows[i].clash) {
			assert_refused(text,
			    "gateway.conf:3: admin: want a port of its own, "
			    "got that of listen, 7070");
			continue;
		}
		assert_loads(&f, text, 0);
		fixture_fini(&f);
	}
}

static void
a_socket_path_has_to_fit(void **state)
{
	char text[1024], path[130];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	snprintf(text, sizeof(text), BASE "listen = { path = \"%s\"; };", path);
	assert_refused(text,
	    "gateway.conf:3: listen.path: want a path of 1..107 bytes, got 108 "
	    "bytes");
}

static void
only_this_machine_is_local(void **state)
{
	assert_true(conf_url_is_local("http://localhost:8080/v1"));
	assert_true(conf_url_is_local("HTTPS://LocalHost"));
	assert_true(conf_url_is_local("http://127.0.0.2/v1"));
	assert_true(conf_url_is_local("http://[::1]:80/v1"));
	assert_false(conf_url_is_local("http://localhost.example.com/v1"));
	assert_false(conf_url_is_local("http://127.example.com/v1"));
	assert_false(conf_url_is_local("http://[::2]/v1"));
	assert_false(conf_url_is_local("https://api.example.com/v1"));
	assert_false(conf_url_is_local("localhost"));
	assert_false(conf_url_is_local("ftp"));
	assert_false(conf_url_is_local(NULL));
}

static void
what_the_internet_does_not_route_is_private(void **state)
{
	static const char *const private[] = { "http://localhost:8080/v1",
		"http://127.0.0.2/v1", "http://10.1.2.3:8000/v1",
		"https://172.16.0.1/v1", "http://172.31.255.254/v1",
		"http://192.168.1.2/v1", "http://169.254.3.4/v1",
		"http://[::1]/v1", "http://[fd12::3]:8000/v1",
		"http://[fe80::1]/v1" };
	static const char *const public[] = { "http://11.0.0.1/v1",
		"http://172.32.0.1/v1", "http://172.15.0.1/v1",
		"http://192.169.1.2/v1", "http://[2001:db8::1]/v1",
		"http://[fec0::1]/v1", "https://api.example.com/v1",
		"http://10.example.com/v1", "10.1.2.3" };

	for (size_t i = 0; i < COUNT(private); i++)
		assert_true(conf_url_is_private(private[i]));
	for (size_t i = 0; i < COUNT(public); i++)
		assert_false(conf_url_is_private(public[i]));
	assert_false(conf_url_is_private(NULL));
}

static void
what_leads_back_here_is_told(void **state)
{
	static const struct {
		const char *here, *url;
		bool back;
	} rows[] = {
		{ "127.0.0.1", "http://127.0.0.1:7070/v1", true },
		{ "127.0.0.1", "http://localhost:7070", true },
		{ "127.0.0.1", "http://0.0.0.0:7070", true },
		{ "127.0.0.1", "http://[::ffff:127.0.0.1]:7070", true },
		{ "127.0.0.1", "http://127.0.0.1:7071", false },
		{ "127.0.0.1", "http://127.0.0.2:7070", false },
		{ "127.0.0.1", "http://[::1]:7070", false },
		{ "::1", "http://[::1]:7070", true },
		{ "::1", "http://[::]:7070", true },
		{ "::1", "http://[fd00::1]:7070", false },
		{ "fd00::1", "http://[fd00::1]:7070", true },
		{ "0.0.0.0", "http://127.0.0.3:7070", true },
		{ "0.0.0.0", "http://10.0.0.1:7070", false },
		{ "0.0.0.0", "http://[::1]:7070", false },
		{ "::", "http://127.0.0.3:7070", true },
		{ "::", "http://[::1]:7070", true },
		{ "10.0.0.1", "http://example.com:7070", false },
		{ "10.0.0.1", "10.0.0.1:7070", false },
		{ "10.0.0.1", NULL, false },
	};
	struct conf_listen at = { .port = 7070 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		at.address = rows[i].here;
		if (listens_at(&at, rows[i].url) != rows[i].back)
			fail_msg("%s: %s", rows[i].here, rows[i].url);
	}
	at = (struct conf_listen){ .path = "/run/x.sock", .port = 80 };
	assert_false(listens_at(&at, "http://127.0.0.1"));
}

static void
a_socket_is_local_and_no_address_at_all(void **state)
{
	struct conf_listen at = { .address = "127.0.0.1" };

	assert_true(conf_listen_is_local(&at));
	assert_false(conf_listen_is_any(&at));
	at.address = "::";
	assert_false(conf_listen_is_local(&at));
	assert_true(conf_listen_is_any(&at));
	at.address = "0.0.0.0";
	assert_true(conf_listen_is_any(&at));
	at.path = "/run/x.sock";
	assert_true(conf_listen_is_local(&at));
	assert_false(conf_listen_is_any(&at));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_gateway_listens_on_loopback_only),
		cmocka_unit_test(with_tenants_it_may_listen_anywhere),
		cmocka_unit_test(an_operators_key_is_no_tenants),
		cmocka_unit_test(addresses_are_addresses),
		cmocka_unit_test(two_listeners_need_two_places),
		cmocka_unit_test(two_families_may_be_one_place),
		cmocka_unit_test(a_socket_path_has_to_fit),
		cmocka_unit_test(only_this_machine_is_local),
		cmocka_unit_test(what_the_internet_does_not_route_is_private),
		cmocka_unit_test(what_leads_back_here_is_told),
		cmocka_unit_test(a_socket_is_local_and_no_address_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
