/* gateway/lib/descriptors_test.c - as many as the hard limit allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/resource.h>

#include "gateway/lib/descriptors.h"

#include <cmocka.h>

static void
the_limit_is_raised_as_far_as_it_goes(void **state)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = l.rlim_max / 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	assert_int_equal(descriptors_raise(), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	assert_int_equal(l.rlim_cur, l.rlim_max);
}

static void
half_of_what_is_left_is_for_clients(void **state)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = 320;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	assert_int_equal(descriptors_for_clients(122), 96);
	assert_int_equal(descriptors_for_clients(319), 8);
	assert_int_equal(descriptors_for_clients(1000), 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_raised_as_far_as_it_goes),
		cmocka_unit_test(half_of_what_is_left_is_for_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
