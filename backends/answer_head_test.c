/* backends/answer_head_test.c - what headers of an answer are taken to say. */
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
tell(struct answer_head *h, const char *name, const char *value)
{
	backend_find(SLICE("openai"))
	    ->read_header(slice_of(name), slice_of(value), h);
}

static usec
retry_after(const char *value)
{
	struct answer_head h = { .status = 429 };

	tell(&h, "Retry-After", value);
	return h.retry_after;
}

static void
the_content_type_is_copied(void **state)
{
	struct answer_head h = { 0 };
	char value[256] = "text/event-stream; charset=utf-8";

	tell(&h, "Content-Type", value);
	memset(value, 'x', sizeof(value) - 1);
	assert_string_equal(h.content_type, "text/event-stream; charset=utf-8");
	tell(&h, "content-type", value);
	assert_int_equal(strlen(h.content_type), sizeof(h.content_type) - 1);
}

static void
anthropic_names_its_limits_otherwise(void **state)
{
	const struct backend_ops *ops = backend_find(SLICE("anthropic"));
	struct answer_head h = { .status = 200 };

	ops->read_header(
	    SLICE("Anthropic-Ratelimit-Requests-Remaining"), SLICE("49"), &h);
	ops->read_header(
	    SLICE("anthropic-ratelimit-tokens-remaining"), SLICE("8000"), &h);
	ops->read_header(SLICE("anthropic-ratelimit-tokens-reset"),
	    SLICE("2026-11-22T15:00:00Z"), &h);
	ops->read_header(SLICE("anthropic-ratelimit-requests-reset"),
	    SLICE("2026-11-22T14:59:12.250Z"), &h);
	ops->read_header(SLICE("retry-after"), SLICE("3"), &h);
	ops->read_header(
	    SLICE("date"), SLICE("Sun, 22 Nov 2026 14:59:00 GMT"), &h);
	assert_int_equal(h.limits.reset_tokens, 60 * USEC_SEC);
	assert_int_equal(h.limits.reset_requests, 12 * USEC_SEC);
	assert_true(h.limits.left_requests == 49);
	assert_true(h.limits.left_tokens == 8000);
	assert_int_equal(h.retry_after, 3 * USEC_SEC);
}

static void
seconds_may_have_a_fraction(void **state)
{
	assert_int_equal(retry_after("2"), 2 * USEC_SEC);
	assert_int_equal(retry_after(" 0.5 "), USEC_SEC / 2);
	assert_int_equal(retry_after("1m30s"), 90 * USEC_SEC);
}

static void
nonsense_is_not_said(void **state)
{
	static const char *const cases[] = { "", "-5", "soon", "nan", "inf",
		"1x", "s", "1s2", "1e3", "0x10", "1.2.3",
		"Sun, 06 Nov 1994 08:49:37", "1994-11-06T08:49:37",
		"1994-11-06T08:49:37.Zx", "1994-11-06" };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(retry_after(cases[i]), 0);
}

static void
an_absurd_span_does_not_overflow(void **state)
{
	usec year = 366 * 86400 * USEC_SEC;

	assert_int_equal(retry_after("999999999"), year);
	assert_int_equal(retry_after("99999999999999999999999999"), year);
	assert_int_equal(retry_after("99999999999999999h"), year);
}

static void
a_date_is_read_against_the_answers_own(void **state)
{
	static const char now[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	static const char then[] = "Sun, 06 Nov 1994 08:50:00 GMT";
	struct answer_head h = { 0 }, reversed = { 0 }, past = { 0 };

	tell(&h, "date", now);
	tell(&h, "retry-after", then);
	assert_int_equal(h.retry_after, 23 * USEC_SEC);
	tell(&reversed, "retry-after", then);
	assert_int_equal(reversed.retry_after, 0);
	tell(&reversed, "date", now);
	assert_int_equal(reversed.retry_after, 23 * USEC_SEC);
	tell(&past, "date", then);
	tell(&past, "retry-after", now);
	assert_int_equal(past.retry_after, 0);
}

/* OpenRouter writes milliseconds since 1970, others seconds. */
static void
a_large_number_is_a_moment(void **state)
{
	static const char now[] = "Sun, 22 Nov 2026 15:00:00 GMT";
	static const char *const then[] = { "1795359623", "1795359623000",
		"1795359623.25", "1795359623250" };
	struct answer_head undated = { 0 };

	for (size_t i = 0; i < COUNT(then); i++) {
		struct answer_head h = { 0 }, reversed = { 0 };

		tell(&h, "date", now);
		tell(&h, "retry-after", then[i]);
		assert_int_equal(h.retry_after, 23 * USEC_SEC);
		tell(&h, "x-ratelimit-remaining-requests", "0");
		tell(&h, "x-ratelimit-reset-requests", then[i]);
		assert_int_equal(h.limits.reset_requests, 23 * USEC_SEC);
		tell(&reversed, "x-ratelimit-remaining-tokens-minute", "0");
		tell(&reversed, "x-ratelimit-reset-tokens-minute", then[i]);
		assert_int_equal(reversed.limits.reset_tokens, 0);
		tell(&reversed, "date", now);
		assert_int_equal(reversed.limits.reset_tokens, 23 * USEC_SEC);
	}
	tell(&undated, "retry-after", then[0]);
	assert_int_equal(undated.retry_after, 0);
}

static void
mistral_counts_requests_by_another_name(void **state)
{
	struct answer_head h = { 0 };

	tell(&h, "x-ratelimit-remaining-req-minute", "59");
	tell(&h, "x-ratelimit-remaining-tokens-minute", "47196");
	tell(&h, "x-ratelimit-remaining-tokens-month", "3");
	assert_true(h.limits.left_requests == 59);
	assert_true(h.limits.left_tokens == 47196);
}

static void
milliseconds_win_in_either_order(void **state)
{
	struct answer_head h = { 0 }, reversed = { 0 };

	tell(&h, "retry-after", "1");
	tell(&h, "retry-after-ms", "250");
	assert_int_equal(h.retry_after, 250 * USEC_MS);
	tell(&reversed, "retry-after-ms", "250");
	tell(&reversed, "retry-after", "1");
	assert_int_equal(reversed.retry_after, 250 * USEC_MS);
}

static void
openais_limits_are_read(void **state)
{
	struct answer_head h = { 0 };

	tell(&h, "x-ratelimit-limit-requests", "60");
	assert_int_equal(h.limits.has, 0);
	tell(&h, "x-ratelimit-remaining-requests", "59");
	tell(&h, "x-ratelimit-reset-requests", "1s");
	tell(&h, "X-RateLimit-Remaining-Tokens", "149984");
	tell(&h, "X-RateLimit-Reset-Tokens", "6m0s");
	assert_int_equal(h.limits.has, LOAD_LIMIT_REQUESTS | LOAD_LIMIT_TOKENS);
	assert_true(h.limits.left_requests == 59);
	assert_int_equal(h.limits.reset_requests, USEC_SEC);
	assert_true(h.limits.left_tokens == 149984);
	assert_int_equal(h.limits.reset_tokens, 360 * USEC_SEC);
}

static void
a_reset_alone_limits_nothing(void **state)
{
	struct answer_head h = { 0 };

	tell(&h, "x-ratelimit-reset-requests", "250ms");
	assert_int_equal(h.limits.has, 0);
	tell(&h, "x-ratelimit-remaining-requests", "0");
	assert_int_equal(h.limits.reset_requests, 250 * USEC_MS);
}

static void
of_several_windows_the_tightest_counts(void **state)
{
	struct answer_head h = { 0 };

	tell(&h, "x-ratelimit-remaining-requests-day", "14000");
	tell(&h, "x-ratelimit-remaining-requests-minute", "3");
	tell(&h, "x-ratelimit-reset-requests-day", "33011.38");
	tell(&h, "x-ratelimit-reset-requests-minute", "11.5");
	tell(&h, "x-ratelimit-remaining-tokens-minute", "100");
	assert_true(h.limits.left_requests == 3);
	assert_int_equal(h.limits.reset_requests, 11500 * USEC_MS);
	assert_true(h.limits.left_tokens == 100);
}

static void
unknown_limits_are_ignored(void **state)
{
	struct answer_head h = { 0 };

	tell(&h, "x-ratelimit-remaining-requests-fortnight", "1");
	tell(&h, "x-ratelimit-remaining-images", "1");
	tell(&h, "x-ratelimit-remaining-tokens", "many");
	tell(&h, "x-ratelimit-", "1");
	tell(&h, "x-request-id", "1");
	assert_int_equal(h.limits.has, 0);
	tell(&h, "x-ratelimit-remaining-requests", "-1");
	tell(&h, "x-ratelimit-remaining-tokens-minute", "-1");
	assert_int_equal(h.limits.has, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_content_type_is_copied),
		cmocka_unit_test(anthropic_names_its_limits_otherwise),
		cmocka_unit_test(seconds_may_have_a_fraction),
		cmocka_unit_test(nonsense_is_not_said),
		cmocka_unit_test(an_absurd_span_does_not_overflow),
		cmocka_unit_test(a_date_is_read_against_the_answers_own),
		cmocka_unit_test(a_large_number_is_a_moment),
		cmocka_unit_test(mistral_counts_requests_by_another_name),
		cmocka_unit_test(milliseconds_win_in_either_order),
		cmocka_unit_test(openais_limits_are_read),
		cmocka_unit_test(a_reset_alone_limits_nothing),
		cmocka_unit_test(of_several_windows_the_tightest_counts),
		cmocka_unit_test(unknown_limits_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
