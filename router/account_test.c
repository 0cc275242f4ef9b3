/* router/account_test.c - what is remembered of each tenant. */
#include "router/testing.h"

#include "gateway/lib/rng.h"
#include "router/account.h"

static const struct slo voice = { .percentile = 99,
	.priority = PRIORITY_PREMIUM };
static const struct slo chat = { .percentile = 90,
	.priority = PRIORITY_STANDARD };

static void
configure(struct accounts *a, uint32_t tenants)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct accounts old = *a;

	assert_non_null(c);
	c->next_tenant_id = tenants;
	assert_int_equal(accounts_prepare(&old, c, a), OK);
	accounts_forget(&old, a);
	free(c);
}

static void
dismiss(struct accounts *a)
{
	accounts_forget(a, &(struct accounts){ 0 });
}

static void
each_tenant_has_its_own_and_the_open_gateway_one(void **state)
{
	struct conf_tenant first = { .id = 0 }, second = { .id = 1 };
	struct accounts a = { 0 };

	configure(&a, 2);
	assert_non_null(accounts_of(&a, NULL));
	assert_ptr_not_equal(accounts_of(&a, &first), accounts_of(&a, NULL));
	assert_ptr_not_equal(accounts_of(&a, &first), accounts_of(&a, &second));
	dismiss(&a);
}

static void
a_reload_forgets_nobody(void **state)
{
	struct conf_tenant first = { .id = 0 }, late = { .id = 40 };
	struct account *before;
	struct accounts a = { 0 };

	configure(&a, 1);
	before = accounts_of(&a, &first);
	before->served = 7;
	configure(&a, 41);
	assert_ptr_equal(accounts_of(&a, &first), before);
	assert_true(before->served > 6);
	assert_ptr_not_equal(accounts_of(&a, &late), accounts_of(&a, NULL));
	configure(&a, 1); /* requests of those that went may still run */
	assert_ptr_not_equal(accounts_of(&a, &late), accounts_of(&a, NULL));
	dismiss(&a);
}

static void
who_is_not_known_is_nobody(void **state)
{
	struct conf_tenant stranger = { .id = 9 };
	struct accounts a = { 0 };

	configure(&a, 1);
	assert_ptr_equal(accounts_of(&a, &stranger), accounts_of(&a, NULL));
	dismiss(&a);
}

static void
misses_of_one_priority_do_not_burden_another(void **state)
{
	struct account a = { 0 };
	double standard = account_penalty(&a, &chat);
	double premium = account_penalty(&a, &voice);

	assert_true(standard > 0 && premium > 0);
	for (int i = 0; i < 20; i++)
		account_judged(&a, &chat, false);
	assert_true(account_penalty(&a, &chat) > standard);
	assert_true(account_penalty(&a, &voice) <= premium);
	account_judged(&a, &voice, true);
	assert_true(account_penalty(&a, &voice) < premium);
}

static void
nothing_is_believed_of_a_first_answer(void **state)
{
	struct account a = { 0 };

	account_answered(&a, 100, 9000);
	assert_true(account_output(&a, 100, 256) <= 256);
	assert_true(account_output_high(&a, 100, 512) <= 512);
}

static void
answers_are_expected_to_be_as_long_as_of_late(void **state)
{
	struct account a = { 0 };
	struct rng rng;
	double mean, high;

	rng_init(&rng, 5, 0);
	for (int i = 0; i < 1000; i++)
		account_answered(&a, 100, 5000);
	/* evenly from 1 to 400 */
	for (int i = 0; i < 1000; i++)
		account_answered(&a, 100, 1 + rng_below(&rng, 400));
	mean = account_output(&a, 100, 1);
	high = account_output_high(&a, 100, 1);
	assert_true(mean > 150 && mean < 250);
	assert_true(high >= 330 && high < 600);
}

static void
extreme_answers_are_counted_too(void **state)
{
	struct account a = { 0 };

	for (int i = 0; i < 100; i++)
		account_answered(&a, 100, 1e9);
	assert_true(account_output(&a, 100, 1) > 1e8);
	assert_true(account_output_high(&a, 100, 1) > 4000);
	a = (struct account){ 0 };
	for (int i = 0; i < 100; i++)
		account_answered(&a, 100, 0);
	assert_true(account_output_high(&a, 100, 99) < 2);
}

static void
a_prompt_tells_how_long_its_answer_will_be(void **state)
{
	struct account a = { 0 };

	for (int i = 0; i < 100; i++) {
		account_answered(&a, 300, 80);
		account_answered(&a, 1500, 400);
	}
	assert_in_range(account_output(&a, 310, 1), 75, 110);
	assert_in_range(account_output(&a, 1200, 1), 370, 405);
	assert_in_range(account_output_high(&a, 310, 1), 80, 130);
	assert_in_range(account_output_high(&a, 1200, 1), 400, 600);
	/* of such nothing is known */
	assert_in_range(account_output(&a, 20000, 1), 220, 260);
	account_answered(&a, 20000, 3000);
	assert_in_range(account_output(&a, 20000, 1), 600, 1500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_tenant_has_its_own_and_the_open_gateway_one),
		cmocka_unit_test(a_reload_forgets_nobody),
		cmocka_unit_test(who_is_not_known_is_nobody),
		cmocka_unit_test(misses_of_one_priority_do_not_burden_another),
		cmocka_unit_test(nothing_is_believed_of_a_first_answer),
		cmocka_unit_test(answers_are_expected_to_be_as_long_as_of_late),
		cmocka_unit_test(extreme_answers_are_counted_too),
		cmocka_unit_test(a_prompt_tells_how_long_its_answer_will_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
