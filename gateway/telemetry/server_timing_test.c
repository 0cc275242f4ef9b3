/* gateway/telemetry/server_timing_test.c - the header's value. */
#include <string.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
assert_timing(const struct outcome *o, const char *want)
{
	struct buf b;

	buf_init(&b, 1024);
	server_timing(o, &b);
	buf_add_char(&b, '\0');
	assert_int_equal(buf_err(&b), OK);
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void
all_parts_in_milliseconds(void **state)
{
	struct outcome o = outcome_good();

	o.recv = 1234567;
	o.connect = 650;
	o.tls = 12000;
	assert_timing(&o,
	    "recv;dur=1234.567, auth;dur=0.004, queue;dur=0.000, "
	    "route;dur=0.002;desc=\"cheapest_adequate\", connect;dur=0.650, "
	    "tls;dur=12.000, "
	    "upstream;dur=79.000");
}

static void
what_did_not_happen_is_left_out(void **state)
{
	struct outcome o = outcome_refused(401);

	assert_timing(&o, "recv;dur=0.090, auth;dur=0.004");
	o.recv = o.auth = -1;
	assert_timing(&o, "");
}

static void
upstream_is_the_attempt_that_answered(void **state)
{
	struct outcome o = outcome_after(FAULT_TTFT_TIMEOUT);

	assert_timing(&o,
	    "recv;dur=0.090, auth;dur=0.004, queue;dur=0.000, "
	    "route;dur=0.002;desc=\"cheapest_adequate\", upstream;dur=79.000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_in_milliseconds),
		cmocka_unit_test(what_did_not_happen_is_left_out),
		cmocka_unit_test(upstream_is_the_attempt_that_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
