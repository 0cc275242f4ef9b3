/* bench/traffic/score_test.c - who met an SLO, and what the sheet says. */
#include <jansson.h>
#include <string.h>

#include "bench/traffic/score.h"
#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct slo voice = { .name = "voice",
	.ttft = 250 * USEC_MS,
	.itl = 15 * USEC_MS,
	.percentile = 99,
	.priority = PRIORITY_PREMIUM };

/* Well within the terms of voice. */
static struct scored
good(void)
{
	return (struct scored){ .priority = PRIORITY_PREMIUM,
		.slo = &voice,
		.ttft = 100 * USEC_MS,
		.itl = 10 * USEC_MS,
		.total = USEC_SEC,
		.cost = 2,
		.confidence = 0.9 };
}

static const struct score_run a_run = { .scenario = "steady",
	.router = "slo",
	.seed = 7,
	.seconds = 2,
	.detect_s = -1,
	.decisions = 3 };

static json_t *
sheet(const struct score *s, const struct score_run *run)
{
	struct buf b;
	json_t *doc;

	buf_init(&b, 1 << 16);
	score_json(s, run, &b);
	assert_int_equal(buf_err(&b), OK);
	assert_int_equal(b.p[b.n - 1], '\n');
	doc = json_loadb(b.p, b.n, 0, NULL);
	assert_non_null(doc);
	buf_fini(&b);
	return doc;
}

/* classes.premium.ttft_ms.p50 and the like */
static const json_t *
at(const json_t *doc, const char *path)
{
	struct slice rest = slice_of(path), part;

	while (slice_next(&rest, '.', &part)) {
		char name[32];

		snprintf(name, sizeof(name), "%.*s", SLICE_ARG(part));
		doc = json_object_get(doc, name);
		assert_non_null(doc);
	}
	return doc;
}

static double
number(const json_t *doc, const char *path)
{
	assert_true(json_is_number(at(doc, path)));
	return json_number_value(at(doc, path));
}

static void
every_declared_term_counts(void **state)
{
	struct scored r = good();

	assert_true(score_met(&r));
	r.ttft = voice.ttft;
	assert_true(score_met(&r));
	r.ttft++;
	assert_false(score_met(&r));
	r = good();
	r.itl = voice.itl + 1;
	assert_false(score_met(&r));
	r.itl = -1; /* one token */
	assert_true(score_met(&r));
	r.total = 1000 * USEC_SEC; /* not declared */
	assert_true(score_met(&r));
}

static void
only_a_whole_answer_meets_anything(void **state)
{
	static const struct slo none = { .name = "none" };
	static const enum ending bad[] = { ENDING_SHED, ENDING_FAILED,
		ENDING_CANCELLED };
	struct scored r = good();

	r.slo = &none;
	assert_true(score_met(&r));
	for (size_t i = 0; i < COUNT(bad); i++) {
		r.ending = bad[i];
		assert_false(score_met(&r));
	}
}

static void
misses_of_all_kinds_are_in_the_attainment(void **state)
{
	static const enum ending endings[] = { ENDING_WHOLE, ENDING_SHED,
		ENDING_FAILED, ENDING_CANCELLED };
	struct score s;
	struct scored r = good();
	json_t *doc;

	score_init(&s);
	for (size_t i = 0; i < 4; i++) {
		r.ending = endings[i];
		score_add(&s, &r);
	}
	r = good();
	r.ttft = USEC_SEC;
	score_add(&s, &r);
	doc = sheet(&s, &a_run);
	assert_float_equal(number(doc, "classes.premium.requests"), 5, 0);
	assert_float_equal(number(doc, "classes.premium.attainment"), 0.2, 0);
	assert_float_equal(number(doc, "classes.premium.shed"), 1, 0);
	assert_float_equal(number(doc, "classes.premium.failed"), 1, 0);
	assert_float_equal(number(doc, "classes.premium.cancelled"), 1, 0);
	/* all that was spent, over what it bought */
	assert_float_equal(number(doc, "classes.premium.cost_per_met"), 10, 0);
	assert_float_equal(number(doc, "cost_per_met"), 10, 0);
	assert_float_equal(number(doc, "goodput_rps"), 0.5, 0);
	assert_float_equal(number(doc, "classes.premium.foreseen"), 0.9, 1e-9);
	assert_float_equal(number(doc, "classes.premium.happened"), 0.2, 0);
	/* of the two whole answers: cut ones have no say */
	assert_float_equal(
	    number(doc, "classes.premium.ttft_ms.p50"), 100, 1.6);
	assert_float_equal(
	    number(doc, "classes.premium.ttft_ms.p99"), 1000, 16);
	json_decref(doc);
}

static void
what_was_not_measured_is_null(void **state)
{
	static const char *const nulls[] = { "classes.batch.attainment",
		"classes.batch.cost_per_met", "classes.batch.ttft_ms.p50",
		"classes.batch.total_ms.p99", "classes.batch.foreseen",
		"classes.batch.happened", "cost_per_met", "goodput_rps",
		"hedges", "detect_s" };
	struct score_run run = a_run;
	struct score s;
	json_t *doc;

	score_init(&s);
	run.seconds = 0;
	run.hedges = SCORE_UNKNOWN;
	doc = sheet(&s, &run);
	for (size_t i = 0; i < COUNT(nulls); i++)
		assert_true(json_is_null(at(doc, nulls[i])));
	assert_float_equal(number(doc, "classes.batch.requests"), 0, 0);
	assert_float_equal(number(doc, "requests"), 0, 0);
	assert_float_equal(number(doc, "seed"), 7, 0);
	assert_float_equal(number(doc, "probes"), 0, 0);
	json_decref(doc);
}

static void
a_cost_that_is_not_known_is_not_free(void **state)
{
	struct score s;
	struct scored r = good();
	json_t *doc;

	score_init(&s);
	score_add(&s, &r);
	r.cost = -1;
	score_add(&s, &r);
	r.priority = PRIORITY_BATCH;
	r.cost = 0;
	score_add(&s, &r);
	doc = sheet(&s, &a_run);
	assert_true(json_is_null(at(doc, "classes.premium.cost_per_met")));
	assert_true(json_is_null(at(doc, "cost_per_met")));
	assert_float_equal(number(doc, "classes.batch.cost_per_met"), 0, 0);
	json_decref(doc);
}

static void
members_stand_in_their_order(void **state)
{
	static const char *const names[] = { "scenario", "router", "seed",
		"requests", "classes", "cost_per_met", "goodput_rps", "hedges",
		"probes", "decisions", "detect_s" };
	struct score_run run = a_run;
	struct score s;
	json_t *doc, *value;
	const char *name;
	size_t n = 0;

	score_init(&s);
	run.scenario = "a \"quoted\" one";
	run.detect_s = 1.25;
	doc = sheet(&s, &run);
	json_object_foreach (doc, name, value)
		assert_string_equal(name, names[n++]);
	assert_int_equal(n, COUNT(names));
	assert_string_equal(
	    json_string_value(at(doc, "scenario")), run.scenario);
	assert_float_equal(number(doc, "detect_s"), 1.25, 0);
	json_decref(doc);
}

static void
senders_have_figures_of_their_own(void **state)
{
	struct score_class one = { 0 }, none = { 0 };
	const struct score_named named[] = { { "a \"voice\"", &one },
		{ "b", &none } };
	struct score_run run = a_run;
	struct scored r = good();
	struct score s;
	json_t *doc;

	score_init(&s);
	score_class_add(&one, &r);
	run.named = named;
	run.n_named = 2;
	doc = sheet(&s, &run);
	assert_float_equal(number(doc, "named.a \"voice\".met"), 1, 0);
	assert_true(json_is_null(at(doc, "named.b.attainment")));
	json_decref(doc);
}

static void
the_table_has_a_row_for_each_class(void **state)
{
	struct score s;
	struct scored r = good();
	struct buf b;

	score_init(&s);
	score_add(&s, &r);
	buf_init(&b, 1 << 16);
	score_table(&s, &a_run, &b);
	buf_add_char(&b, '\0');
	assert_int_equal(buf_err(&b), OK);
	assert_non_null(strstr(b.p, "steady by slo, seed 7\n"));
	assert_non_null(strstr(b.p, "\npremium           1    100"));
	assert_non_null(strstr(b.p, "\nstandard          0      -"));
	assert_non_null(strstr(b.p, "\nbatch             0      -"));
	assert_non_null(strstr(b.p, "decisions 3"));
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_declared_term_counts),
		cmocka_unit_test(only_a_whole_answer_meets_anything),
		cmocka_unit_test(misses_of_all_kinds_are_in_the_attainment),
		cmocka_unit_test(what_was_not_measured_is_null),
		cmocka_unit_test(a_cost_that_is_not_known_is_not_free),
		cmocka_unit_test(members_stand_in_their_order),
		cmocka_unit_test(senders_have_figures_of_their_own),
		cmocka_unit_test(the_table_has_a_row_for_each_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
