/* gateway/conf/keys_test.c - whose key is it. */
#include "gateway/conf/testing.h"

#include <sys/stat.h>

static const char *
owner(const struct conf *c, const char *key)
{
	const struct conf_key *k = conf_find_key(c, slice_of(key));

	return k != NULL && k->tenant != NULL ? k->tenant->name : "nobody";
}

static void
the_hash_is_sha256(void **state)
{
	char hex[2 * CONF_KEY_BYTES + 1];

	conf_key_hash(SLICE("abc"), hex); /* FIPS 180-4, example 1 */
	assert_string_equal(hex,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	conf_key_hash(SLICE(""), hex);
	assert_string_equal(hex,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
keys_lead_to_their_tenants(void **state)
{
	struct fixture f;

	setenv("KEY_A", "alpha", 1);
	setenv("KEY_B", "beta", 1);
	assert_loads(&f,
	    BASE "tenants = ( { name = \"a\"; keys = [ \"env:KEY_A\", "
		 "\"env:KEY_B\" ]; },\n{ name = \"c\"; keys = [ "
		 "\"sha256:"
		 "BA7816BF8F01CFEA414140DE5DAE2223b00361a396177a9cb410ff61f2001"
		 "5ad\" "
		 "]; } );",
	    0);
	assert_string_equal(owner(f.conf, "alpha"), "a");
	assert_string_equal(owner(f.conf, "beta"), "a");
	assert_string_equal(owner(f.conf, "abc"), "c");
	assert_string_equal(owner(f.conf, "ab"), "nobody");
	assert_string_equal(owner(f.conf, "alpha "), "nobody");
	assert_string_equal(owner(f.conf, ""), "nobody");
	/* The digest is not the key. */
	assert_string_equal(owner(f.conf,
				"ba7816bf8f01cfea414140de5dae2223b00361a396177a"
				"9cb410ff61f20015ad"),
	    "nobody");
	fixture_fini(&f);
}

static void
an_open_gateway_knows_nobody(void **state)
{
	struct fixture f;

	assert_loads(&f, BASE, 0);
	assert_string_equal(owner(f.conf, "alpha"), "nobody");
	fixture_fini(&f);
}

static void
one_key_has_one_tenant(void **state)
{
	setenv("KEY_A", "alpha", 1);
	assert_refused(BASE
	    "tenants = ( { name = \"a\"; keys = [ \"env:KEY_A\" ]; },\n"
	    "{ name = \"b\"; keys = [ \"env:KEY_A\" ]; } );",
	    "gateway.conf:4: tenants.b.keys[0]: want a key of its own, got the "
	    "same as line 3");
}

static void
write_key(const char *folder, const char *name, const char *key)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/team.key", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(key, f) >= 0);
	fclose(f);
}

static void
remove_key(const char *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s/team.key", folder, name);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(rmdir(path), 0);
}

/* What its keys spend is told apart by it; another tenant's may have it. */
static void
a_name_is_one_key_of_a_tenant(void **state)
{
	static const char head[] = BASE "tenants = ( { name = \"a\"; keys = [ ";
	char folder[] = "/tmp/pointsman-keys-XXXXXX", text[1024];
	struct fixture f;

	assert_non_null(mkdtemp(folder));
	write_key(folder, "one", "alpha");
	write_key(folder, "two", "beta");
	snprintf(text, sizeof(text),
	    "%s\"file:%s/one/team.key\",\n\"file:%s/two/team.key\" ]; } );",
	    head, folder, folder);
	assert_refused(text,
	    "gateway.conf:4: tenants.a.keys[1]: want a name of its own, got "
	    "\"team.key\", as line 3: a key goes by its file, variable or 8 "
	    "digits; give it another file or variable");
	snprintf(text, sizeof(text),
	    "%s\"file:%s/one/team.key\" ]; },\n"
	    "{ name = \"b\"; keys = [ \"file:%s/two/team.key\" ]; } );",
	    head, folder, folder);
	assert_loads(&f, text, 0);
	fixture_fini(&f);
	snprintf(text, sizeof(text),
	    BASE "admin_keys = [ \"file:%s/one/team.key\", "
		 "\"file:%s/two/team.key\" ];",
	    folder, folder);
	assert_loads(&f, text, 0);
	fixture_fini(&f);
	remove_key(folder, "one");
	remove_key(folder, "two");
	assert_int_equal(rmdir(folder), 0);
}

static void
a_variable_is_one_key(void **state)
{
	setenv("KEY_A", "alpha", 1);
	assert_refused(BASE "tenants = ( { name = \"a\"; keys = [ "
			    "\"env:KEY_A\",\n\"env:KEY_A\" ]; } );",
	    "gateway.conf:4: tenants.a.keys[1]: want a key of its own, got the "
	    "same as line 3");
}

/* Few are compared one by one, many are searched; both, and where they meet. */
static void
every_key_is_found_among_many(void **state)
{
	struct fixture f;
	struct buf b;
	char hex[2 * CONF_KEY_BYTES + 1], key[16], name[16], *text;

	for (int n = 1; n < 300; n = n < 40 ? n + 1 : n + 53) {
		buf_init(&b, 1 << 20);
		buf_add_str(&b, BASE "tenants = (");
		for (int i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			conf_key_hash(slice_of(key), hex);
			buf_addf(&b,
			    "%s{ name = \"t%d\"; keys = [ \"sha256:%s\" ]; }",
			    i > 0 ? "," : "", i, hex);
		}
		buf_add_str(&b, ");");
		text = buf_take(&b, NULL);
		assert_loads(&f, text, 0);
		for (int i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			snprintf(name, sizeof(name), "t%d", i);
			assert_string_equal(owner(f.conf, key), name);
		}
		for (int i = 0; i < 50; i++) {
			snprintf(key, sizeof(key), "no%d", i);
			assert_string_equal(owner(f.conf, key), "nobody");
		}
		free(text);
		fixture_fini(&f);
	}
}

/* Also without tenants, and never the one for the other. */
static void
operators_have_keys_of_their_own(void **state)
{
	char text[1024], a[2 * CONF_KEY_BYTES + 1], t[2 * CONF_KEY_BYTES + 1];
	struct fixture f;

	conf_key_hash(SLICE("admin"), a);
	conf_key_hash(SLICE("tenant"), t);
	snprintf(text, sizeof(text), BASE "admin_keys = [ \"sha256:%s\" ];", a);
	assert_loads(&f, text, 0);
	assert_non_null(conf_authenticate_admin(f.conf, SLICE("admin")));
	assert_null(conf_authenticate_admin(f.conf, SLICE("")));
	assert_int_equal(f.conf->n_admin_keys, 1);
	fixture_fini(&f);
	snprintf(text, sizeof(text),
	    BASE "admin_keys = [ \"sha256:%s\" ];"
		 "tenants = ( { name = \"t\"; keys = [ \"sha256:%s\" ]; } );",
	    a, t);
	assert_loads(&f, text, 0);
	assert_non_null(conf_authenticate_admin(f.conf, SLICE("admin")));
	assert_null(conf_authenticate_admin(f.conf, SLICE("tenant")));
	assert_string_equal(owner(f.conf, "tenant"), "t");
	assert_string_equal(owner(f.conf, "admin"), "nobody");
	fixture_fini(&f);
}

/* What stands alone may do everything; a group, what it says. */
static void
operators_have_roles(void **state)
{
	static const char group[] =
	    BASE "admin_keys = ( \"sha256:%s\", { key = \"sha256:%s\"; "
		 "role = \"operate\"; name = \"ci\"; } );";
	char text[1024], a[2 * CONF_KEY_BYTES + 1], b[2 * CONF_KEY_BYTES + 1];
	const struct conf_key *k;
	struct fixture f;

	conf_key_hash(SLICE("all"), a);
	conf_key_hash(SLICE("some"), b);
	snprintf(text, sizeof(text), group, a, b);
	assert_loads(&f, text, 0);
	k = conf_authenticate_admin(f.conf, SLICE("all"));
	assert_non_null(k);
	assert_int_equal(k->role, ROLE_ADMIN);
	k = conf_authenticate_admin(f.conf, SLICE("some"));
	assert_non_null(k);
	assert_int_equal(k->role, ROLE_OPERATE);
	assert_string_equal(k->name, "ci");
	fixture_fini(&f);
}

#define A_HASH                                                                 \
	"sha256:"                                                              \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
a_narrower_key_is_written_in_full(void **state)
{
	assert_refused(BASE "admin_keys = ( { key = \"" A_HASH "\"; } );",
	    "gateway.conf:3: admin_keys[0].role: want \"read\", \"operate\" or "
	    "\"admin\", got nothing");
	assert_refused(BASE "admin_keys = ( { role = \"read\"; } );",
	    "gateway.conf:3: admin_keys[0].key: want \"env:NAME\", "
	    "\"file:PATH\" or \"sha256:HEX\", got nothing");
	assert_refused(BASE "admin_keys = ( { key = \"" A_HASH
			    "\"; role = \"all\"; } );",
	    "gateway.conf:3: admin_keys[0].role: want \"read\", \"operate\" or "
	    "\"admin\", got \"all\"");
	assert_refused(BASE "admin_keys = ( { key = \"hunter2\"; role = "
			    "\"read\"; name = \"ci\"; } );",
	    "gateway.conf:3: admin_keys.ci.key: want \"env:NAME\", "
	    "\"file:PATH\" or \"sha256:HEX\", got other text (not shown)");
	assert_refused(BASE
	    "tenants = ( { name = \"t\"; keys = ( { key = \"" A_HASH
	    "\"; role = \"read\"; } ); } );",
	    "gateway.conf:3: tenants.t.keys[0]: want \"env:NAME\", "
	    "\"file:PATH\" or \"sha256:HEX\", got a group");
}

/* As `sha256sum` prints it where a variable is not set. */
static void
nothing_is_no_key(void **state)
{
	static const char hash[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char said[] =
	    "want the digest of a key, got that of nothing: no key would be "
	    "needed";
	char text[512], want[512];

	snprintf(text, sizeof(text),
	    BASE "tenants = ( { name = \"t\"; keys = [ \"sha256:%s\" ]; } );",
	    hash);
	snprintf(
	    want, sizeof(want), "gateway.conf:3: tenants.t.keys[0]: %s", said);
	assert_refused(text, want);
	snprintf(
	    text, sizeof(text), BASE "admin_keys = [ \"sha256:%s\" ];", hash);
	snprintf(want, sizeof(want), "gateway.conf:3: admin_keys[0]: %s", said);
	assert_refused(text, want);
}

/* Digests alike in the bits that the search looks at. */
static void
equal_heads_are_told_apart(void **state)
{
	struct fixture f;
	struct buf b;
	char hex[2 * CONF_KEY_BYTES + 1], *text;

	conf_key_hash(SLICE("mine"), hex);
	buf_init(&b, 1 << 20);
	buf_add_str(&b, BASE "tenants = (");
	for (int i = 0; i < 60; i++)
		buf_addf(&b,
		    "{ name = \"t%d\"; keys = [ \"sha256:%.*s%046x%02x\" ]; },",
		    i, 16, hex, 0, i);
	buf_addf(&b, "{ name = \"me\"; keys = [ \"sha256:%s\" ]; } );", hex);
	text = buf_take(&b, NULL);
	assert_loads(&f, text, 0);
	assert_string_equal(owner(f.conf, "mine"), "me");
	free(text);
	fixture_fini(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_sha256),
		cmocka_unit_test(keys_lead_to_their_tenants),
		cmocka_unit_test(an_open_gateway_knows_nobody),
		cmocka_unit_test(one_key_has_one_tenant),
		cmocka_unit_test(a_name_is_one_key_of_a_tenant),
		cmocka_unit_test(a_variable_is_one_key),
		cmocka_unit_test(every_key_is_found_among_many),
		cmocka_unit_test(operators_have_keys_of_their_own),
		cmocka_unit_test(operators_have_roles),
		cmocka_unit_test(a_narrower_key_is_written_in_full),
		cmocka_unit_test(nothing_is_no_key),
		cmocka_unit_test(equal_heads_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
