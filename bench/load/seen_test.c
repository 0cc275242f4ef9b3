/* bench/load/seen_test.c - what became of a request, from outside. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bench/load/seen.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char voice_name[] = "voice";
static const struct load_class voice = { .name = voice_name,
	.slo = { .name = "voice",
	    .ttft = 250 * USEC_MS,
	    .priority = PRIORITY_PREMIUM } };

/* Due at 1 s, sent at once, eleven tokens from 1.2 s to 1.3 s. */
static struct seen
good(void)
{
	return (struct seen){ .class = &voice,
		.prompt = 100,
		.due = USEC_SEC,
		.sent = USEC_SEC,
		.first = 1200 * USEC_MS,
		.last = 1300 * USEC_MS,
		.ended = 1310 * USEC_MS,
		.events = 11,
		.status = 200,
		.complete = true,
		.backend = "gpu" };
}

static void
times_count_from_when_it_was_due(void **state)
{
	struct seen s = good();
	struct scored r;

	s.due -= 100 * USEC_MS; /* we were late */
	seen_score(&s, NULL, 0, &r);
	assert_int_equal(r.ending, ENDING_WHOLE);
	assert_int_equal(r.ttft, 300 * USEC_MS);
	assert_int_equal(r.itl, 10 * USEC_MS);
	assert_int_equal(r.total, 410 * USEC_MS);
	assert_int_equal(r.priority, PRIORITY_PREMIUM);
	assert_false(score_met(&r));
	assert_true(r.cost < 0);
}

static void
tokens_are_those_that_the_server_counts(void **state)
{
	struct seen s = good();

	s.usage_out = 21;
	assert_int_equal(seen_itl(&s), 5 * USEC_MS);
	s.usage_out = 3; /* fewer than were seen */
	assert_int_equal(seen_itl(&s), 10 * USEC_MS);
	s.usage_out = 0;
	s.events = 1;
	assert_int_equal(seen_itl(&s), -1);
}

static void
endings_are_told_apart(void **state)
{
	struct seen s = good();

	s.complete = false;
	assert_int_equal(seen_ending(&s), ENDING_FAILED);
	s = good();
	s.fault = FAULT_CUT;
	assert_int_equal(seen_ending(&s), ENDING_FAILED);
	s = good();
	s.status = 503;
	assert_int_equal(seen_ending(&s), ENDING_SHED);
	s.status = 429;
	assert_int_equal(seen_ending(&s), ENDING_SHED);
	s.status = 500;
	assert_int_equal(seen_ending(&s), ENDING_FAILED);
	s.gave_up = true;
	assert_int_equal(seen_ending(&s), ENDING_CANCELLED);
}

static void
a_price_is_that_of_the_backend(void **state)
{
	struct load_price prices[2];
	struct errmsg why;
	struct seen s = good();
	struct scored r;

	assert_int_equal(
	    load_price_parse(slice_of("gpu=1/2"), &prices[0], &why), OK);
	assert_int_equal(
	    load_price_parse(slice_of("*=10/20"), &prices[1], &why), OK);
	seen_score(&s, prices, 2, &r);
	assert_int_equal(lround(1e6 * r.cost), 100 * 1 + 11 * 2);
	s.usage_in = 120;
	seen_score(&s, prices, 2, &r);
	assert_int_equal(lround(1e6 * r.cost), 120 * 1 + 11 * 2);
	s.backend[0] = '\0';
	seen_score(&s, prices, 2, &r);
	assert_int_equal(lround(1e6 * r.cost), 120 * 10 + 11 * 20);
	seen_score(&s, prices, 1, &r);
	assert_true(r.cost < 0);
	/* nobody is paid for saying no */
	for (s.status = 400; s.status < 600; s.status++) {
		seen_score(&s, prices, 1, &r);
		assert_float_equal(r.cost, 0, 0);
		seen_score(&s, prices, 2, &r);
		assert_float_equal(r.cost, 0, 0);
	}
	/* what never came was perhaps read */
	s.status = 0;
	s.fault = FAULT_CUT;
	seen_score(&s, prices, 1, &r);
	assert_true(r.cost < 0);
}

static void
bad_prices_are_refused(void **state)
{
	static const char *const bad[] = { "gpu", "gpu=1", "=1/2", "gpu=a/2",
		"gpu=1/-2", "gpu=/" };
	struct load_price p;
	struct errmsg why;

	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_not_equal(
		    load_price_parse(slice_of(bad[i]), &p, &why), OK);
}

static void
a_line_has_every_column(void **state)
{
	struct seen s = good();
	struct buf b;

	buf_init(&b, 4096);
	seen_header(&s, SLICE("X-Pointsman-Backend"), SLICE("a,\"b\""));
	seen_header(&s, SLICE("x-pointsman-receipt"), SLICE("r1"));
	seen_csv(&s, USEC_SEC, &b);
	s = (struct seen){ .class = &voice,
		.due = USEC_SEC,
		.sent = USEC_SEC,
		.ended = 2 * USEC_SEC,
		.fault = FAULT_REFUSED };
	seen_csv(&s, 0, &b);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p,
	    "voice,0.000,0.000,200,\"a,\"\"b\"\"\",200.000,10.000,310.000,11,"
	    "1,r1,1,whole,none\n"
	    "voice,1000.000,0.000,0,,,,1000.000,0,0,,0,failed,refused\n");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_count_from_when_it_was_due),
		cmocka_unit_test(tokens_are_those_that_the_server_counts),
		cmocka_unit_test(endings_are_told_apart),
		cmocka_unit_test(a_price_is_that_of_the_backend),
		cmocka_unit_test(bad_prices_are_refused),
		cmocka_unit_test(a_line_has_every_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
