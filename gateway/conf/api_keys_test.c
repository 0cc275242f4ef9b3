/* gateway/conf/api_keys_test.c - which of a backend's keys is used, and what is
 * remembered of the others. */
#include "gateway/conf/testing.h"

#define NOW (1000 * USEC_SEC)

struct three {
	struct conf_api_key keys[3];
	struct conf_backend backend;
};

static void
three_init(struct three *t)
{
	static const char *const texts[] = { "a", "b", "c" };

	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < 3; i++)
		t->keys[i].text = texts[i];
	t->backend.api_keys = t->keys;
	t->backend.n_api_keys = 3;
}

static const char *
used(const struct three *t, usec now)
{
	return conf_api_key_now(&t->backend, now)->text;
}

static void
the_first_good_one_is_used(void **state)
{
	struct three t;

	three_init(&t);
	assert_string_equal(used(&t, NOW), "a");
	assert_true(
	    conf_api_key_turn(&t.backend, &t.keys[0], false, NOW + 10, NOW));
	assert_string_equal(used(&t, NOW), "b");
	assert_true(
	    conf_api_key_turn(&t.backend, &t.keys[1], true, NOW + 90, NOW));
	assert_string_equal(used(&t, NOW), "c");
	/* the last one is not blocked, whatever it did */
	assert_false(
	    conf_api_key_turn(&t.backend, &t.keys[2], true, NOW + 90, NOW));
	assert_string_equal(used(&t, NOW), "c");
	assert_string_equal(used(&t, NOW + 10), "a");
}

static void
where_none_is_good_the_next_to_be_is(void **state)
{
	struct three t;

	three_init(&t);
	conf_api_key_block(&t.keys[0], true, NOW + 300);
	conf_api_key_block(&t.keys[1], false, NOW + 20);
	conf_api_key_block(&t.keys[2], false, NOW + 30);
	assert_string_equal(used(&t, NOW), "b");
	t.backend.n_api_keys = 0;
	assert_null(conf_api_key_now(&t.backend, NOW));
}

/* One that was refused is no reason to wait for it. */
static void
who_is_at_its_limit_will_be_back(void **state)
{
	struct three t;

	three_init(&t);
	assert_int_equal(conf_api_key_limited(&t.backend, &t.keys[0], NOW), 0);
	conf_api_key_block(&t.keys[0], true, NOW + 5);
	conf_api_key_block(&t.keys[1], false, NOW + 30);
	assert_int_equal(
	    conf_api_key_limited(&t.backend, &t.keys[2], NOW), NOW + 30);
	conf_api_key_block(&t.keys[2], false, NOW + 20);
	assert_int_equal(
	    conf_api_key_limited(&t.backend, &t.keys[0], NOW), NOW + 20);
	assert_int_equal(
	    conf_api_key_limited(&t.backend, &t.keys[2], NOW), NOW + 30);
	assert_int_equal(
	    conf_api_key_limited(&t.backend, &t.keys[0], NOW + 30), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_good_one_is_used),
		cmocka_unit_test(where_none_is_good_the_next_to_be_is),
		cmocka_unit_test(who_is_at_its_limit_will_be_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
