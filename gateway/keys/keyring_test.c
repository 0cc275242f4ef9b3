/* gateway/keys/keyring_test.c - keys made and revoked at run time: who gets in.
 */
#include "gateway/keys/testing.h"
#include "gateway/lib/count.h"

static void
a_key_that_was_made_lets_in(void **state)
{
	struct bench *b = *state;
	char one[KEY_BYTES], two[KEY_BYTES], text[4096];
	struct stat st;

	assert_null(find(b, "sk-pm-"));
	assert_int_equal(add(b, "acme", "ci", one), OK);
	assert_int_equal(add(b, "acme", "laptop", two), OK);
	assert_string_not_equal(one, two);
	assert_memory_equal(one, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
	assert_int_equal(strlen(one), KEY_BYTES - 1);
	assert_string_equal(find(b, one)->key.name, "ci");
	assert_string_equal(find(b, one)->tenant, "acme");
	assert_string_equal(find(b, two)->key.name, "laptop");
	one[KEY_BYTES - 2] ^= 1;
	assert_null(find(b, one));
	one[KEY_BYTES - 2] ^= 1;
	assert_null(find(b, ""));
	/* nobody but its owner reads the file, and no key is in it */
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	read_file(b, text, sizeof(text));
	assert_null(strstr(text, one + sizeof(KEY_PREFIX) - 1));
	open_again(b);
	assert_string_equal(find(b, one)->key.name, "ci");
	assert_string_equal(find(b, two)->key.name, "laptop");
}

static void
a_name_is_a_tenants_own(void **state)
{
	struct bench *b = *state;
	char key[KEY_BYTES];

	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(add(b, "acme", "ci", key), ERR_AGAIN);
	assert_non_null(strstr(b->why.text, "got \"ci\", which tenant acme"));
	assert_int_equal(add(b, "other", "ci", key), OK);
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("other"), SLICE("c"), &b->why),
	    ERR_NOT_FOUND);
}

static void
who_is_revoked_stays_out(void **state)
{
	struct bench *b = *state;
	char key[KEY_BYTES], again[KEY_BYTES];
	const struct grant *g;

	assert_int_equal(add(b, "acme", "ci", key), OK);
	g = find(b, key);
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("acme"), SLICE("ci"), &b->why), OK);
	assert_null(find(b, key));
	/* a request under way still has it */
	assert_string_equal(g->key.name, "ci");
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("acme"), SLICE("ci"), &b->why),
	    ERR_NOT_FOUND);
	assert_int_equal(add(b, "acme", "ci", again), OK);
	open_again(b);
	assert_null(find(b, key));
	assert_non_null(find(b, again));
}

static void
it_ends_when_it_was_to(void **state)
{
	struct bench *b = *state;
	const struct grant wish = { .tenant = "acme",
		.key.name = "brief",
		.created = WALL,
		.expires = WALL + 10 * USEC_SEC };
	struct slice text;
	char key[KEY_BYTES];

	assert_int_equal(keyring_add(b->ring, &wish, key, &b->why), OK);
	text = slice_of(key);
	for (int again = 0; again < 2; again++) {
		assert_non_null(
		    keyring_find(b->ring, text, WALL + 10 * USEC_SEC - 1));
		assert_null(keyring_find(b->ring, text, WALL + 10 * USEC_SEC));
		open_again(b);
	}
}

static void
what_it_may_outlives_a_start(void **state)
{
	static const char *const models[] = { "a", "b", NULL };
	static const struct conf_model a = { .name = "a" }, c = { .name = "c" };
	struct bench *b = *state;
	struct grant wish = { .tenant = "acme",
		.key.name = "narrow",
		.created = WALL,
		.models = models,
		.limited = true };
	const struct grant *g;
	char key[KEY_BYTES];

	for (size_t i = 0; grant_limit_at(i) != NULL; i++)
		grant_limit_set(
		    &wish.limits, grant_limit_at(i), (double)(i + 2));
	assert_int_equal(keyring_add(b->ring, &wish, key, &b->why), OK);
	for (int again = 0; again < 2; again++) {
		g = find(b, key);
		assert_true(grant_allows(g, &a));
		assert_false(grant_allows(g, &c));
		assert_true(g->limited);
		for (size_t i = 0; grant_limit_at(i) != NULL; i++)
			assert_true(setting_number(grant_limit_at(i),
					&g->limits) == (double)(i + 2));
		open_again(b);
	}
	wish.models = NULL;
	wish.key.name = "wide";
	wish.limited = false;
	assert_int_equal(keyring_add(b->ring, &wish, key, &b->why), OK);
	assert_true(grant_allows(find(b, key), &c));
	assert_false(find(b, key)->limited);
}

static void
limits_are_those_of_the_configuration(void **state)
{
	static const char *const names[] = { "requests_per_minute",
		"tokens_per_minute", "concurrent", "max_tokens", "daily_budget",
		"monthly_budget" };
	const size_t n = COUNT(names);
	struct conf_quota q = { 0 };

	for (size_t i = 0; i < n; i++)
		assert_string_equal(grant_limit_at(i)->name, names[i]);
	assert_null(grant_limit_at(n));
	grant_limit_set(&q, grant_limit_at(2), 7);
	assert_int_equal(q.concurrent, 7);
	assert_int_equal(q.burst, 5 * USEC_SEC);
	assert_true(q.soft == 0.8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_was_made_lets_in),
		TEST(a_name_is_a_tenants_own),
		TEST(who_is_revoked_stays_out),
		TEST(it_ends_when_it_was_to),
		TEST(what_it_may_outlives_a_start),
		cmocka_unit_test(limits_are_those_of_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
