/* gateway/telemetry/expose_slo_test.c - what alerts and autoscalers read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW (500000 * USEC_SEC)
#define PAGE_MAX ((size_t)4 << 20)

static const struct telemetry_label servings[] = {
	{ 1, "gemma", "cerebras", "gemma-4-31b", "cerebras", "us" },
	{ 2, "gemma", "gpu", "google/gemma", "vllm", "" },
	{ 3, "qwen", "gpu", "qwen", "vllm", "" },
};

static struct telemetry *
telemetry_of(void)
{
	struct telemetry *t = telemetry_new(2);

	assert_non_null(t);
	assert_int_equal(telemetry_configure(t, servings, 3), OK);
	return t;
}

static char *
page_at(
    struct telemetry *t, const struct telemetry_serving *now, size_t n, usec at)
{
	const struct telemetry_gauges gauges = { 0 };
	struct buf b;
	char *text;

	buf_init(&b, PAGE_MAX);
	telemetry_expose(t, &gauges, now, n, at, &b);
	text = buf_take(&b, NULL);
	assert_non_null(text);
	return text;
}

static void
assert_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (at == NULL || at == text || at[-1] != '\n' ||
	    at[strlen(line)] != '\n')
		fail_msg("no line %s in:\n%s", line, text);
}

/* 90 good ones long ago, then 5 good and 5 bad ones, of a class for 75 %. */
static struct telemetry *
after_a_bad_moment(void)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();

	o.slo_target = 0.75;
	for (unsigned i = 0; i < 90; i++)
		telemetry_finish(t, i % 2, &o, NOW - 3000 * USEC_SEC);
	for (unsigned i = 0; i < 10; i++) {
		o.slo_met = i % 2 == 0;
		telemetry_finish(t, i % 2, &o, NOW);
	}
	return t;
}

/* By whatever worker, and for whatever model, the last request came. */
static void
the_target_is_the_one_that_was_last_declared(void **state)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();
	char *text;

	telemetry_finish(t, 1, &o, NOW);
	o.model = "qwen";
	telemetry_finish(t, 0, &o, NOW);
	o.model = "gemma";
	o.slo_target = 0.99;
	telemetry_finish(t, 0, &o, NOW + 1);
	text = page_at(t, NULL, 0, NOW + 1);
	assert_line(text,
	    "pointsman_slo_target_ratio{tenant=\"acme\",slo=\"voice\"} 0.99");
	free(text);
	telemetry_free(&t);
}

static void
attainment_and_burn_are_told_by_window(void **state)
{
#define WHO "{tenant=\"acme\",slo=\"voice\""
	struct telemetry *t = after_a_bad_moment();
	char *text = page_at(t, NULL, 0, NOW);

	assert_line(text, "pointsman_slo_target_ratio" WHO "} 0.75");
	assert_line(
	    text, "pointsman_slo_attainment_ratio" WHO ",window=\"5m\"} 0.5");
	assert_line(
	    text, "pointsman_slo_attainment_ratio" WHO ",window=\"1h\"} 0.95");
	assert_line(text, "pointsman_slo_burn_rate" WHO ",window=\"5m\"} 2");
	assert_line(text, "pointsman_slo_burn_rate" WHO ",window=\"3d\"} 0.2");
	free(text);
	/* an hour later nothing has come: no window of 5 minutes */
	text = page_at(t, NULL, 0, NOW + 3660 * USEC_SEC);
	assert_null(strstr(text, "window=\"5m\""));
	assert_null(strstr(text, "window=\"1h\""));
	assert_line(
	    text, "pointsman_slo_attainment_ratio" WHO ",window=\"6h\"} 0.95");
	free(text);
	telemetry_free(&t);
}

static void
what_is_left_of_the_budget_may_be_less_than_nothing(void **state)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();
	char *text;

	o.slo_met = false;
	o.slo_target = 0.75;
	telemetry_finish(t, 0, &o, NOW);
	text = page_at(t, NULL, 0, NOW);
	assert_line(text, "pointsman_slo_error_budget_ratio" WHO "} -3");
	free(text);
	telemetry_free(&t);
}

static void
without_targets_there_is_no_budget(void **state)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();
	char *text;

	o.slo_declared = o.slo_met = false;
	telemetry_finish(t, 0, &o, NOW);
	text = page_at(t, NULL, 0, NOW);
	assert_null(strstr(text, "pointsman_slo_"));
	free(text);
	telemetry_free(&t);
}

static void
decisions_are_counted_by_reason_and_there_is_a_cap(void **state)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();
	char reasons[40][16], *text;

	for (unsigned i = 0; i < 40; i++) {
		snprintf(reasons[i], sizeof(reasons[i]), "why-%u", i);
		o.reason = reasons[i];
		telemetry_finish(t, 0, &o, NOW);
		telemetry_finish(t, 1, &o, NOW);
	}
	text = page_at(t, NULL, 0, NOW);
	assert_line(text,
	    "pointsman_decisions_total{model=\"gemma\",reason=\"why-7\"} 2");
	assert_line(text,
	    "pointsman_decisions_total{model=\"gemma\",reason=\"other\"} 18");
	free(text);
	telemetry_free(&t);
}

static void
overhead_is_what_was_neither_queue_nor_backend(void **state)
{
	struct telemetry *t = telemetry_of();
	struct outcome o = outcome_good();
	char *text;

	telemetry_finish(t, 0, &o, NOW); /* auth 4, route 2 */
	o.queue = 5000;
	o.attempts[0].began = 5030;
	telemetry_finish(t, 1, &o, NOW); /* auth 4, and 30 */
	o = outcome_refused(401);
	telemetry_finish(t, 1, &o, NOW); /* none */
	text = page_at(t, NULL, 0, NOW);
	assert_line(text, "pointsman_overhead_seconds_bucket{le=\"1e-05\"} 1");
	assert_line(text, "pointsman_overhead_seconds_bucket{le=\"5e-05\"} 2");
	assert_line(text, "pointsman_overhead_seconds_sum 4e-05");
	assert_line(text, "pointsman_overhead_seconds_count 2");
	free(text);
	telemetry_free(&t);
}

static void
a_model_says_what_it_wants_and_what_it_has(void **state)
{
	static const struct telemetry_serving now[] = {
		{ .serving = 1,
		    .in_flight = 3,
		    .waiting = 2,
		    .usable = true,
		    .warm = true },
		{ .serving = 2,
		    .in_flight = 1,
		    .waiting = 2,
		    .usable = true,
		    .slots = 64 },
		{ .serving = 3, .warm = true, .slots = 8 },
	};
	struct telemetry *t = telemetry_of();
	char *text = page_at(t, now, 3, NOW);

#define MODEL(name, what) "{model=\"" name "\",state=\"" what "\"} "
	assert_line(text, "pointsman_model_wanted_slots{model=\"gemma\"} 6");
	assert_line(text, "pointsman_model_wanted_slots{model=\"qwen\"} 0");
	assert_line(
	    text, "pointsman_model_servings" MODEL("gemma", "warm") "1");
	assert_line(
	    text, "pointsman_model_servings" MODEL("gemma", "cold") "1");
	assert_line(text, "pointsman_model_servings" MODEL("gemma", "out") "0");
	assert_line(text, "pointsman_model_slots" MODEL("gemma", "cold") "64");
	assert_line(text, "pointsman_model_slots" MODEL("qwen", "out") "8");
	/* nobody knows how many a hosted one has */
	assert_null(strstr(text, "model_slots" MODEL("gemma", "warm")));
	free(text);
	telemetry_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_target_is_the_one_that_was_last_declared),
		cmocka_unit_test(attainment_and_burn_are_told_by_window),
		cmocka_unit_test(
		    what_is_left_of_the_budget_may_be_less_than_nothing),
		cmocka_unit_test(without_targets_there_is_no_budget),
		cmocka_unit_test(
		    decisions_are_counted_by_reason_and_there_is_a_cap),
		cmocka_unit_test(
		    overhead_is_what_was_neither_queue_nor_backend),
		cmocka_unit_test(a_model_says_what_it_wants_and_what_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
