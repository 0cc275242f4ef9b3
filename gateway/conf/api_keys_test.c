/* gateway/conf/api_keys_test.c - which of a backend's keys is used, and what is
 * remembered of the others. */
#include "gateway/conf/testing.h"

#define NOW (1000 * USEC_SEC)

/* A backend with three keys, and two models there. */
struct three {
	struct conf_api_key keys[3];
	struct conf_backend backend;
	atomic_llong limited[2][3];
	struct conf_serving m, n;
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
	t->m.backend = t->n.backend = &t->backend;
	t->m.keys_limited = t->limited[0];
	t->n.keys_limited = t->limited[1];
}

static const char *
used(const struct three *t, const struct conf_serving *s, usec now)
{
	return conf_api_key_now(&t->backend, s, now)->text;
}

static bool
has_spare(const struct three *t, const struct conf_serving *s, unsigned but)
{
	return conf_api_key_spare(&t->backend, s, &t->keys[but], NOW);
}

static void
the_first_good_one_is_used(void **state)
{
	struct three t;

	three_init(&t);
	assert_string_equal(used(&t, &t.m, NOW), "a");
	assert_true(has_spare(&t, &t.m, 0));
	conf_api_key_limit(&t.m, &t.keys[0], NOW + 10);
	assert_string_equal(used(&t, &t.m, NOW), "b");
	assert_true(has_spare(&t, &t.m, 1));
	conf_api_key_refuse(&t.keys[1], NOW + 90);
	assert_string_equal(used(&t, &t.m, NOW), "c");
	assert_false(has_spare(&t, &t.m, 2));
	assert_string_equal(used(&t, &t.m, NOW + 10), "a");
}

static void
a_limit_is_of_the_model_that_met_it(void **state)
{
	struct three t;

	three_init(&t);
	for (unsigned i = 0; i < 3; i++)
		conf_api_key_limit(&t.m, &t.keys[i], NOW + 10 + i);
	assert_string_equal(used(&t, &t.n, NOW), "a");
	assert_true(has_spare(&t, &t.n, 0));
	assert_int_equal(conf_api_key_limited(&t.n, &t.keys[2], NOW), 0);
	/* and of none in particular */
	assert_string_equal(used(&t, NULL, NOW), "a");
	/* what is refused is refused for all */
	conf_api_key_refuse(&t.keys[0], NOW + 300);
	assert_string_equal(used(&t, &t.n, NOW), "b");
	assert_string_equal(used(&t, &t.m, NOW), "b");
	assert_string_equal(used(&t, NULL, NOW), "b");
}

static void
where_none_is_good_the_next_to_be_is(void **state)
{
	struct three t;

	three_init(&t);
	conf_api_key_refuse(&t.keys[0], NOW + 300);
	conf_api_key_limit(&t.m, &t.keys[1], NOW + 20);
	conf_api_key_limit(&t.m, &t.keys[2], NOW + 30);
	assert_string_equal(used(&t, &t.m, NOW), "b");
	t.backend.n_api_keys = 0;
	assert_null(conf_api_key_now(&t.backend, &t.m, NOW));
}

/* One that was refused is no reason to wait for it. */
static void
who_is_at_its_limit_will_be_back(void **state)
{
	struct three t;

	three_init(&t);
	assert_int_equal(conf_api_key_limited(&t.m, &t.keys[0], NOW), 0);
	conf_api_key_refuse(&t.keys[0], NOW + 5);
	conf_api_key_limit(&t.m, &t.keys[1], NOW + 30);
	assert_int_equal(conf_api_key_limited(&t.m, &t.keys[2], NOW), NOW + 30);
	conf_api_key_limit(&t.m, &t.keys[2], NOW + 20);
	assert_int_equal(conf_api_key_limited(&t.m, &t.keys[0], NOW), NOW + 20);
	assert_int_equal(conf_api_key_limited(&t.m, &t.keys[2], NOW), NOW + 30);
	assert_int_equal(conf_api_key_limited(&t.m, &t.keys[0], NOW + 30), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_good_one_is_used),
		cmocka_unit_test(a_limit_is_of_the_model_that_met_it),
		cmocka_unit_test(where_none_is_good_the_next_to_be_is),
		cmocka_unit_test(who_is_at_its_limit_will_be_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
