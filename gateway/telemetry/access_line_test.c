/* gateway/telemetry/access_line_test.c - one request, one honest line. */
#include <string.h>

#include "gateway/lib/slice.h"
#include "gateway/telemetry/access_line.h"
#include "gateway/telemetry/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* 2026-11-21T03:47:12.012345Z */
#define WALL ((usec)1795232832012345)

static void
assert_has(const struct outcome *o, const char *part)
{
	struct access_line l;

	access_line(o, WALL, &l);
	l.p[l.n - 1] = '\0';
	if (strstr(l.p, part) == NULL)
		fail_msg("no %s in %s", part, l.p);
}

static void
assert_lacks(const struct outcome *o, const char *part)
{
	struct access_line l;

	access_line(o, WALL, &l);
	l.p[l.n - 1] = '\0';
	if (strstr(l.p, part) != NULL)
		fail_msg("%s in %s", part, l.p);
}

static void
a_good_request_reads_well(void **state)
{
	static const char want[] =
	    "time=2026-11-21T03:47:12.012Z id=req-1 tenant=acme model=gemma "
	    "backend=cerebras upstream=gemma-4-31b slo=voice slo_met=yes "
	    "status=200 result=ok reason=cheapest_adequate "
	    "path=/v1/chat/completions stream=yes attempts=1 queue_ms=0.000 "
	    "ttft_ms=80.000 itl_ms=4.000 total_ms=280.000 bytes_in=1000 "
	    "bytes_out=4000 tokens_in=100 tokens_out=50 usage=reported "
	    "cost=0.25\n";
	struct outcome o = outcome_good();
	struct access_line l;

	access_line(&o, WALL, &l);
	assert_int_equal(l.n, strlen(want));
	assert_memory_equal(l.p, want, l.n);
}

static void
what_is_not_known_is_left_out(void **state)
{
	struct outcome o = outcome_refused(401);

	assert_has(&o, " status=401 result=refused reason=unknown_key ");
	assert_lacks(&o, "backend=");
	assert_lacks(&o, "ttft_ms");
	assert_lacks(&o, "tokens");
	assert_lacks(&o, "cost");
	assert_lacks(&o, "slo_met");
	o.status = 0;
	assert_lacks(&o, "status");
}

static void
the_serving_that_answered_is_named(void **state)
{
	struct outcome o = outcome_after(FAULT_RESET);

	o.connect = 1234;
	assert_has(&o, " backend=cerebras upstream=gemma-4-31b ");
	assert_has(&o, " attempts=2 queue_ms=0.000 connect_ms=1.234 ");
	o.result = RESULT_ERROR;
	o.fault = o.attempts[1].fault = FAULT_TTFT_TIMEOUT;
	assert_has(&o,
	    " result=error reason=cheapest_adequate "
	    "fault=ttft_timeout ");
}

static void
who_was_asked_in_chat_for_another_format_is_said_to_be(void **state)
{
	struct outcome o = outcome_good();

	assert_lacks(&o, " as=");
	o.attempts[0].translated = true;
	assert_has(&o, " upstream=gemma-4-31b as=chat slo=");
}

static void
a_client_that_stalled_is_said_to_have(void **state)
{
	struct outcome o = outcome_good();

	assert_lacks(&o, "stalled_ms");
	o.stalled = 2500;
	assert_has(&o, " stalled_ms=2.500 ");
}

static void
a_guess_is_called_one(void **state)
{
	struct outcome o = outcome_good();

	o.usage.known = false;
	o.cost = -1;
	assert_has(&o, " usage=estimated\0");
	o.dialect = DIALECT_SPEECH; /* nobody guesses at sound */
	assert_lacks(&o, "usage=");
	assert_lacks(&o, "tokens_");
	assert_lacks(&o, "cost");
}

/* As in its traceparent. */
static void
the_callers_trace_is_there(void **state)
{
	static const unsigned char trace[16] = { 0x0a, 0xf7, 0x65, [15] = 1 };
	struct outcome o = outcome_good();

	assert_lacks(&o, "trace=");
	o.trace = trace;
	assert_has(&o,
	    " id=req-1 trace=0af76500000000000000000000000001 tenant=acme ");
}

static void
a_name_cannot_forge_a_line(void **state)
{
	struct outcome o = outcome_good();
	struct access_line l;

	o.model = "x\" status=500\ntime=now \\ \r\t\x1b[2J\x7f\xc2\x85";
	access_line(&o, WALL, &l);
	assert_int_equal(
	    slice_find(slice_make(l.p, l.n), '\n'), (ptrdiff_t)l.n - 1);
	assert_has(&o,
	    " model=\"x\\\" status=500\\x0atime=now \\\\ "
	    "\\x0d\\x09\\x1b[2J\\x7f\\xc2\\x85\" backend=");
}

static void
odd_names_are_quoted(void **state)
{
	struct outcome o = outcome_good();

	o.tenant = "";
	assert_has(&o, " tenant=\"\" ");
	o.tenant = "a=b";
	assert_has(&o, " tenant=\"a=b\" ");
	o.tenant = "-";
	assert_has(&o, " tenant=- ");
	o.tenant = "google/gemma-3:8b@x+y_z";
	assert_has(&o, " tenant=google/gemma-3:8b@x+y_z ");
}

static void
long_names_are_cut_and_the_rest_is_there(void **state)
{
	char long_plain[4000], long_odd[4000];
	struct outcome o = outcome_good();
	struct access_line l;

	memset(long_plain, 'a', sizeof(long_plain) - 1);
	long_plain[sizeof(long_plain) - 1] = '\0';
	memset(long_odd, '\n', sizeof(long_odd) - 1);
	long_odd[sizeof(long_odd) - 1] = '\0';
	o.tenant = o.slo = o.reason = o.path = long_odd;
	o.model = long_plain;
	o.attempts[0].backend = o.attempts[0].model = long_odd;
	o.fault = FAULT_CONNECT_TIMEOUT;
	o.n_attempts = SIZE_MAX;
	o.queue = o.connect = o.ttft = o.itl = o.total = USEC_NEVER;
	o.bytes_in = o.bytes_out = UINT64_MAX;
	o.usage.input = o.usage.output = UINT32_MAX;
	o.cost = -1.0 / -3.0;
	access_line(&o, WALL, &l);
	assert_true(l.n <= ACCESS_LINE_MAX);
	assert_int_equal(l.p[l.n - 1], '\n');
	assert_has(&o, "aaa...\" ");
	assert_has(&o, "\\x0a...\" ");
	assert_has(&o, " cost=0.333333333");
}

static void
a_name_of_just_the_cap_is_whole(void **state)
{
	struct outcome o = outcome_good();
	char name[121];

	memset(name, 'a', 120);
	name[120] = '\0';
	o.model = name;
	assert_has(&o, "aaa backend=");
	assert_lacks(&o, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_request_reads_well),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(the_serving_that_answered_is_named),
		cmocka_unit_test(
		    who_was_asked_in_chat_for_another_format_is_said_to_be),
		cmocka_unit_test(a_client_that_stalled_is_said_to_have),
		cmocka_unit_test(a_guess_is_called_one),
		cmocka_unit_test(the_callers_trace_is_there),
		cmocka_unit_test(a_name_cannot_forge_a_line),
		cmocka_unit_test(odd_names_are_quoted),
		cmocka_unit_test(long_names_are_cut_and_the_rest_is_there),
		cmocka_unit_test(a_name_of_just_the_cap_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
