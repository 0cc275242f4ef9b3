/* gateway/telemetry/otlp_test.c - what a collector reads of them, and whether
 * it is well-formed: tests/e2e/trace_test.py, by OpenTelemetry's own schema. */
#include <stdio.h>
#include <string.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/otlp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char room[OTLP_REQUEST_MAX];

static size_t
spans_of(const struct outcome *o, unsigned n_waits)
{
	static const struct trace_context context = {
		.trace = { 1 }, .span = { 2 }, .parent = { 3 }
	};
	static const struct wait_span waits[WAITS_KEPT] = { { 1, 2 } };
	const struct trace_record r = { .context = &context,
		.outcome = o,
		.ended = INT64_MAX / 2000,
		.waits = waits,
		.n_waits = n_waits };

	return otlp_spans(room, &r);
}

static bool
has(size_t n, const char *text)
{
	return memmem(room, n, text, strlen(text)) != NULL;
}

static void
the_longest_request_has_room(void **state)
{
	static char name[1000];
	struct outcome o = { .id = name,
		.tenant = name,
		.model = name,
		.slo = name,
		.reason = name,
		.path = name,
		.result = RESULT_ERROR,
		.status = 599,
		.slo_declared = true,
		.usage = { .known = true,
		    .input = UINT32_MAX,
		    .output = UINT32_MAX },
		.ttft = INT64_MAX,
		.cost = 1e300,
		.n_attempts = 1000 * 1000 };
	size_t n;

	memset(name, 'x', sizeof(name) - 1);
	for (unsigned i = 0; i < ATTEMPTS_KEPT; i++)
		o.attempts[i] = (struct attempt_report){ .backend = name,
			.model = name,
			.adapter = name,
			.fault = FAULT_CONNECT_TIMEOUT,
			.status = 599,
			.ttft = INT64_MAX };
	n = spans_of(&o, WAITS_KEPT);
	assert_in_range(n, sizeof(room) / 3, sizeof(room));
	name[OTLP_TEXT_MAX] = '\0';
	assert_true(has(n, name));
	assert_int_equal(spans_of(&o, WAITS_KEPT), n);
}

static void
a_name_is_cut_between_characters(void **state)
{
	char name[OTLP_TEXT_MAX + 10];
	struct outcome o = outcome_good();
	size_t n;

	memset(name, 'x', OTLP_TEXT_MAX - 1);
	memcpy(name + OTLP_TEXT_MAX - 1, "\xe2\x82\xac", 4);
	o.tenant = name;
	n = spans_of(&o, 0);
	assert_false(has(n, "\xe2") || has(n, "x?"));
	name[OTLP_TEXT_MAX - 1] = '\0';
	assert_true(has(n, name));
}

static void
what_is_not_utf8_becomes_a_question_mark(void **state)
{
	struct outcome o = outcome_good();
	size_t n;

	o.tenant = "caf\xc3\xa9, \xff\xc3 and more of it";
	o.model = "\x80";
	n = spans_of(&o, 0);
	assert_true(has(n, "caf\xc3\xa9, ?? and more of it"));
	assert_true(has(n, "chat ?"));
}

static void
what_is_not_there_is_not_told(void **state)
{
	struct outcome o = outcome_good();
	size_t n;

	o.tenant = "-";
	o.model = "-";
	o.ttft = -1;
	o.cost = -1;
	o.slo_declared = false;
	o.result = RESULT_CLIENT_GONE;
	n = spans_of(&o, 0);
	assert_false(has(n, "pointsman.tenant"));
	assert_true(has(n,
	    "\x2a\x04"
	    "chat\x30")); /* its name */
	assert_false(has(n, "pointsman.cost_usd"));
	assert_false(has(n, "pointsman.slo_met"));
	assert_false(has(n, "error.type"));
	assert_false(has(n, "pointsman.fault") || has(n, "pointsman.hedge"));
	assert_false(has(n, "pointsman.usage_estimated"));
	o.result = RESULT_REFUSED;
	o.reason = "limit";
	o.usage.known = false;
	o.attempts[0].hedge = true;
	o.attempts[0].fault = FAULT_CONNECT_TIMEOUT;
	n = spans_of(&o, 0);
	assert_true(has(n, "error.type"));
	assert_true(has(n, "pointsman.fault") && has(n, "pointsman.hedge"));
	assert_true(has(n, "pointsman.usage_estimated"));
}

/* Of a span's status, which has a message and a code. */
static bool
has_failed(size_t n, const char *why)
{
	char status[64] = { 0 };
	int len = snprintf(status, sizeof(status), "\x7a%c\x12%c%s\x18\x02",
	    (int)strlen(why) + 4, (int)strlen(why), why);

	return memmem(room, n, status, (size_t)len) != NULL;
}

static void
whom_the_status_blames(void **state)
{
	struct outcome o = outcome_good();

	o.n_attempts = 0;
	o.result = RESULT_REFUSED;
	o.reason = "rate_limit_exceeded";
	o.status = 429;
	assert_false(has_failed(spans_of(&o, 0), o.reason));
	assert_true(has(spans_of(&o, 0), "error.type"));
	o.status = 503;
	assert_true(has_failed(spans_of(&o, 0), o.reason));
	o.status = 0;
	assert_true(has_failed(spans_of(&o, 0), o.reason));
	o.status = 200;
	o.result = RESULT_BROKEN;
	assert_true(has_failed(spans_of(&o, 0), o.reason));
}

/* Length prefixes have one byte more at 128, 16,384, ... */
static void
the_head_says_how_much_follows(void **state)
{
	static const size_t sizes[] = { 1, 1000, 50000, 1000000 };
	char head[OTLP_HEAD_MAX];
	const unsigned char *p = (const unsigned char *)head;
	size_t n, said;

	for (unsigned i = 0; i < 4; i++) {
		unsigned at = 1;

		n = otlp_head(head, "0123456789abcdef", sizes[i]);
		said = p[1] & 127;
		for (; p[at] & 128; at++)
			said |= (size_t)(p[at + 1] & 127) << 7 * at;
		assert_int_equal(said, n - at - 1 + sizes[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_request_has_room),
		cmocka_unit_test(a_name_is_cut_between_characters),
		cmocka_unit_test(what_is_not_utf8_becomes_a_question_mark),
		cmocka_unit_test(what_is_not_there_is_not_told),
		cmocka_unit_test(whom_the_status_blames),
		cmocka_unit_test(the_head_says_how_much_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
