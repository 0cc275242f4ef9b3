/* gateway/secrecy_test.c - nobody reads the memory of the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "gateway/secrecy.h"

#include <cmocka.h>

static void
no_core_and_no_debugger(void **state)
{
	struct rlimit before, l;

	assert_int_equal(getrlimit(RLIMIT_CORE, &before), 0);
	secrecy_begin();
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &l), 0);
	assert_int_equal(l.rlim_cur, 0);
	secrecy_end();
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	assert_int_equal(getrlimit(RLIMIT_CORE, &l), 0);
	assert_int_equal(l.rlim_cur, before.rlim_max);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_core_and_no_debugger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
