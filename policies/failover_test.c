/* policies/failover_test.c - when a failed attempt may be tried again. */
#include "gateway/conf/testing.h"

#include "policies/failover.h"

static unsigned
granted(struct retry_budget *b, usec now, unsigned wanted)
{
	unsigned n = 0;

	for (unsigned i = 0; i < wanted; i++)
		n += retry_budget_take(b, now);
	return n;
}

static void
a_quiet_gateway_may_retry_once_a_second(void **state)
{
	struct retry_budget b;

	(void)state;
	retry_budget_init(&b, 0.1);
	assert_int_equal(granted(&b, 100 * USEC_SEC, 50), 10);
	assert_int_equal(granted(&b, 105 * USEC_SEC, 50), 0);
	assert_int_equal(granted(&b, 111 * USEC_SEC, 50), 10);
}

static void
a_busy_one_may_retry_a_tenth(void **state)
{
	struct retry_budget b;

	(void)state;
	retry_budget_init(&b, 0.1);
	for (int i = 0; i < 1000; i++)
		retry_budget_request(&b, 5 * USEC_SEC);
	assert_int_equal(granted(&b, 6 * USEC_SEC, 1000), 100 + 10);
}

static void
retries_never_pass_the_budget_in_any_ten_seconds(void **state)
{
	struct retry_budget b;
	unsigned got[60] = { 0 };

	(void)state;
	retry_budget_init(&b, 0.1);
	for (int s = 0; s < 60; s++) {
		for (int i = 0; i < 50; i++) {
			retry_budget_request(&b, s * USEC_SEC);
			got[s] += retry_budget_take(&b, s * USEC_SEC);
		}
		if (s >= 9) {
			unsigned sum = 0;

			for (int i = s - 9; i <= s; i++)
				sum += got[i];
			assert_in_range(sum, 0, 50 + 10);
		}
	}
}

static void
without_a_share_only_the_reserve_is_left(void **state)
{
	struct retry_budget b;

	(void)state;
	retry_budget_init(&b, 0);
	for (int i = 0; i < 1000; i++)
		retry_budget_request(&b, 0);
	assert_int_equal(granted(&b, 0, 1000), 10);
}

static void
only_a_loading_model_may_be_asked_again(void **state)
{
	(void)state;
	for (int k = 0; k < FAULT_COUNT; k++)
		assert_true(failover_may_return((enum fault_kind)k) ==
		    (k == FAULT_LOADING));
}

static void
vectors_stay_with_their_model(void **state)
{
	struct conf_serving a = { .upstream = "nomic", .version = "" };
	struct conf_serving b = { .upstream = "bge", .version = "" };
	struct conf_serving c = { .upstream = "BAAI/bge", .version = "1.5" };
	struct conf_serving d = { .upstream = "bge", .version = "1.5" };

	(void)state;
	assert_false(failover_interchangeable(DIALECT_EMBEDDINGS, &a, &b));
	assert_true(failover_interchangeable(DIALECT_EMBEDDINGS, &b, &d));
	assert_true(failover_interchangeable(DIALECT_EMBEDDINGS, &c, &d));
	assert_false(failover_interchangeable(DIALECT_EMBEDDINGS, &b, &c));
	assert_true(failover_interchangeable(DIALECT_CHAT, &a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_gateway_may_retry_once_a_second),
		cmocka_unit_test(a_busy_one_may_retry_a_tenth),
		cmocka_unit_test(
		    retries_never_pass_the_budget_in_any_ten_seconds),
		cmocka_unit_test(without_a_share_only_the_reserve_is_left),
		cmocka_unit_test(only_a_loading_model_may_be_asked_again),
		cmocka_unit_test(vectors_stay_with_their_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
