/* policies/admit_test.c - how much of a backend each priority may fill. */
#include "gateway/conf/testing.h"

#include "policies/admit.h"

static void
lower_priorities_leave_more_room(void **state)
{
	for (int p = PRIORITY_STANDARD; p <= PRIORITY_BATCH; p++) {
		enum priority low = (enum priority)p;
		enum priority high = (enum priority)(p - 1);

		assert_true(
		    admit_ceiling(low, true) < admit_ceiling(high, true));
		assert_true(admit_ceiling(low, true) > 0);
		assert_true(admit_reserve(low) > admit_reserve(high));
		assert_true(admit_reserve(low) < 1);
		assert_true(admit_courtesy(low) >= admit_courtesy(high));
		assert_true(admit_courtesy(low) < 1);
	}
}

static void
where_nobody_is_to_be_protected_all_may_be_filled(void **state)
{
	for (int p = PRIORITY_PREMIUM; p <= PRIORITY_BATCH; p++)
		assert_true(admit_ceiling((enum priority)p, false) >= 1);
}

static void
premium_steps_back_for_nobody_and_does_not_wait(void **state)
{
	assert_true(admit_ceiling(PRIORITY_PREMIUM, true) >= 1);
	assert_true(admit_reserve(PRIORITY_PREMIUM) <= 0);
	assert_true(admit_courtesy(PRIORITY_PREMIUM) <= 0);
	assert_true(admit_patience(PRIORITY_PREMIUM) <= 0);
}

static void
waiting_leaves_time_to_be_served(void **state)
{
	for (int p = PRIORITY_STANDARD; p <= PRIORITY_BATCH; p++) {
		assert_true(admit_patience((enum priority)p) > 0);
		assert_true(admit_patience((enum priority)p) < 1);
	}
}

static void
a_toll_is_measured_by_what_the_own_miss_is_worth(void **state)
{
	assert_true(admit_toll(1, 1) < 1);
	assert_true(admit_toll(2, 1) > admit_toll(1, 1));
	/* ever more misses do not make it worth ever more */
	assert_true(admit_toll(1000, 1000) < 2 * admit_toll(20, 20));
}

static void
the_last_calls_of_a_rate_limit_are_dear(void **state)
{
	assert_true(admit_call(1) <= 0);
	assert_true(admit_call(0.5) <= 0);
	assert_true(admit_call(0.2) > admit_call(0.4));
	assert_true(admit_call(0.4) > 0);
	/* less than the own miss, for there is nobody else yet */
	assert_true(admit_call(0) < 1);
}

static void
courtesy_ends_while_there_is_time_to_be_served(void **state)
{
	assert_false(admit_is_due(0));
	assert_true(admit_is_due(0.5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lower_priorities_leave_more_room),
		cmocka_unit_test(
		    where_nobody_is_to_be_protected_all_may_be_filled),
		cmocka_unit_test(
		    premium_steps_back_for_nobody_and_does_not_wait),
		cmocka_unit_test(waiting_leaves_time_to_be_served),
		cmocka_unit_test(the_last_calls_of_a_rate_limit_are_dear),
		cmocka_unit_test(
		    courtesy_ends_while_there_is_time_to_be_served),
		cmocka_unit_test(
		    a_toll_is_measured_by_what_the_own_miss_is_worth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
