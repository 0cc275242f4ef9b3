/* bench/sim/bound_report_test.c - the bound, in the words of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "bench/sim/bound_report.h"

#include <cmocka.h>

#define N 200

static const struct bound_span well[] = { { 0, 1, true } };

static const struct bound_terms unlimited = { .spend = INFINITY };

/* Twenty a second of standard for one machine, whose steps are that long. */
static json_t *
answered(double step, const struct bound_terms *terms, struct bound_answer *a)
{
	const struct bound_run run = { .scenario = "quiet \"s\"",
		.seed = 4,
		.seconds = 10,
		.terms = *terms };
	struct bound_backend m = { .facts = { step, 100, 20, 32, 512, 100000,
				       0 },
		.spans = well,
		.n_spans = 1 };
	static const struct conf_price price = { .input = 1, .output = 2 };
	static struct bound_request r[N];
	struct relax p = { 0 };
	struct buf b;
	json_t *j;

	for (unsigned i = 0; i < N; i++)
		r[i] = (struct bound_request){ .due = i * 50 * USEC_MS,
			.prompt = 100,
			.output = 50,
			.class = PRIORITY_STANDARD,
			.slo = { .total = 2 * USEC_SEC, .percentile = 90 },
			.deadline = 60 * USEC_SEC,
			.able = 1,
			.price = &price };
	assert_int_equal(bound_build(&p, &m, 1, r, N), OK);
	assert_int_equal(bound_solve(&p, r, N, terms, a), OK);
	relax_fini(&p);
	buf_init(&b, 1 << 16);
	bound_json(a, &run, &b);
	j = json_loadb(b.p, b.n, 0, NULL);
	assert_non_null(j);
	buf_fini(&b);
	return j;
}

static double
number(json_t *j, const char *name)
{
	json_t *v = json_object_get(j, name);

	assert_non_null(v);
	return json_is_null(v) ? NAN : json_number_value(v);
}

static void
all_can_be_met_by_a_quick_machine(void **state)
{
	struct bound_answer a;
	json_t *j = answered(1000, &unlimited, &a);
	json_t *k = json_object_get(json_object_get(j, "classes"), "standard");

	assert_string_equal(
	    json_string_value(json_object_get(j, "scenario")), "quiet \"s\"");
	assert_true(number(j, "met") == N);
	assert_true(number(k, "attainment") == 1);
	assert_true(number(j, "goodput_rps") == N / 10.0);
	assert_true(isnan(number(k, "shed")));
	/* 100 and twice 50 tokens each, at a dollar a million */
	assert_true(number(j, "cost_per_met") <= 200e-6);
	assert_true(number(j, "cost_per_met") >= 198e-6);
	json_decref(j);
}

static void
money_is_a_limit(void **state)
{
	static const struct bound_terms terms = { .spend = 50 * 200e-6 };
	struct bound_answer a;
	json_t *j = answered(1000, &terms, &a);

	assert_true(a.met_all >= 50 && a.met_all <= 51);
	assert_true(a.met[PRIORITY_STANDARD] == N);
	json_decref(j);
}

static void
a_floor_may_be_out_of_reach(void **state)
{
	struct bound_terms terms = { .spend = 50 * 200e-6,
		.floor = { [PRIORITY_STANDARD] = 0.2 } };
	struct bound_answer a;
	json_t *j = answered(1000, &terms, &a);
	json_t *f = json_object_get(j, "floors");

	assert_true(a.met_all >= 50 && a.met_all <= 51);
	assert_int_equal(json_object_size(f), 1);
	assert_true(number(f, "standard") == 0.2);
	json_decref(j);
	terms.floor[PRIORITY_STANDARD] = 0.4;
	j = answered(1000, &terms, &a);
	assert_true(isnan(number(j, "met")));
	assert_true(isnan(number(j, "goodput_rps")));
	json_decref(j);
}

static void
what_is_out_of_reach_costs_null(void **state)
{
	struct bound_answer a;
	/* 20 a second, each of which takes 49 steps of 40 ms; 30 or so at
	 * once */
	json_t *j = answered(39000, &unlimited, &a);

	assert_true(a.met[PRIORITY_STANDARD] < N);
	assert_true(isnan(number(j, "cost_per_met")));
	json_decref(j);
}

static void
a_class_that_nobody_asked_for_has_no_share(void **state)
{
	struct bound_answer a = { .requests = { [PRIORITY_STANDARD] = 4 },
		.met = { [PRIORITY_STANDARD] = 3 },
		.met_all = 3,
		.cost = INFINITY };
	const struct bound_run run = { .scenario = "s", .terms = unlimited };
	struct buf out;

	buf_init(&out, SIZE_MAX);
	bound_table(&a, &run, &out);
	buf_add_char(&out, '\0');
	assert_int_equal(buf_err(&out), OK);
	assert_non_null(strstr(out.p, "premium           0        -\n"));
	assert_non_null(
	    strstr(out.p, "standard          4    75.00  at most, alone\n"));
	assert_null(strstr(out.p, "nan"));
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_can_be_met_by_a_quick_machine),
		cmocka_unit_test(money_is_a_limit),
		cmocka_unit_test(a_floor_may_be_out_of_reach),
		cmocka_unit_test(what_is_out_of_reach_costs_null),
		cmocka_unit_test(a_class_that_nobody_asked_for_has_no_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
