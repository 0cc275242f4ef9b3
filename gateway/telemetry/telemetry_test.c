/* gateway/telemetry/telemetry_test.c - what is counted, and for whom. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/telemetry/fixture.h"
#include "gateway/telemetry/telemetry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW (500 * USEC_SEC)
#define PAGE_MAX ((size_t)16 << 20)

static const struct telemetry_label servings[] = {
	{ 1, "gemma", "cerebras", "gemma-4-31b", "cerebras", "us" },
	{ 2, "gemma", "gpu", "google/gemma", "vllm", "eu" },
};

static struct telemetry *
telemetry_of(unsigned shards)
{
	struct telemetry *t = telemetry_new(shards);

	assert_non_null(t);
	assert_int_equal(telemetry_configure(t, servings, 2), OK);
	return t;
}

static struct telemetry_view
view_of(struct telemetry *t, uint32_t serving, usec now)
{
	struct telemetry_view v;

	assert_true(telemetry_view(t, serving, now, &v));
	return v;
}

static char *
page_of(struct telemetry *t)
{
	const struct telemetry_gauges gauges = { 0 };
	struct buf b;
	char *text;

	buf_init(&b, PAGE_MAX);
	telemetry_expose(t, &gauges, NULL, 0, NOW, &b);
	assert_int_equal(buf_err(&b), OK);
	text = buf_take(&b, NULL);
	assert_non_null(text);
	return text;
}

static void
assert_sample(struct telemetry *t, const char *sample)
{
	char *text = page_of(t), *at = strstr(text, sample);

	if (at == NULL || (at > text && at[-1] != '\n') ||
	    at[strlen(sample)] != '\n')
		fail_msg("no sample %s in:\n%s", sample, text);
	free(text);
}

static void
an_unknown_serving_has_no_view(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct telemetry_view v;

	assert_false(telemetry_view(t, 0, NOW, &v));
	assert_false(telemetry_view(t, 3, NOW, &v));
	assert_false(telemetry_view(t, UINT32_MAX, NOW, &v));
	telemetry_free(&t);
}

static void
no_samples_is_not_zero(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct telemetry_view v = view_of(t, 1, NOW);

	assert_int_equal(v.attempts, 0);
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		assert_int_equal(v.phase[i].n, 0);
		assert_int_equal(v.phase[i].p50, -1);
		assert_int_equal(v.phase[i].p99, -1);
	}
	telemetry_free(&t);
}

static void
an_answer_counts_for_its_serving(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();
	struct telemetry_view v;

	telemetry_finish(t, 0, &o, NOW);
	v = view_of(t, 1, NOW);
	assert_int_equal(v.attempts, 1);
	assert_int_equal(v.errors, 0);
	assert_int_equal(v.faults[FAULT_NONE], 1);
	assert_int_equal(v.tokens_in, 100);
	assert_int_equal(v.tokens_out, 50);
	assert_int_equal(v.phase[PHASE_TTFT].n, 1);
	assert_in_range(v.phase[PHASE_TTFT].p50, 77800, 80200);
	assert_int_equal(v.phase[PHASE_CONNECT].n, 0); /* reused one */
	assert_int_equal(view_of(t, 2, NOW).attempts, 0);
	telemetry_free(&t);
}

static void
a_failed_attempt_counts_for_its_own_serving(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_after(FAULT_REFUSED);
	struct telemetry_view v;

	telemetry_finish(t, 0, &o, NOW);
	v = view_of(t, 2, NOW);
	assert_int_equal(v.attempts, 1);
	assert_int_equal(v.errors, 1);
	assert_int_equal(v.faults[FAULT_REFUSED], 1);
	assert_int_equal(v.tokens_in, 0);
	assert_int_equal(v.phase[PHASE_TTFT].n, 0);
	assert_int_equal(v.phase[PHASE_CONNECT].n, 1);
	v = view_of(t, 1, NOW);
	assert_int_equal(v.attempts, 1);
	assert_int_equal(v.errors, 0);
	assert_int_equal(v.tokens_in, 100);
	assert_sample(t, "pointsman_retries_total{model=\"gemma\"} 1");
	telemetry_free(&t);
}

static void
a_rate_limit_is_not_an_error(void **state)
{
	static const enum fault_kind harmless[] = { FAULT_RATE_LIMITED,
		FAULT_LOADING, FAULT_CLIENT_GONE, FAULT_REQUEST };
	struct telemetry *t = telemetry_of(1);
	struct outcome o;

	for (unsigned i = 0; i < 4; i++) {
		o = outcome_after(harmless[i]);
		telemetry_finish(t, 0, &o, NOW);
	}
	assert_int_equal(view_of(t, 2, NOW).attempts, 4);
	assert_int_equal(view_of(t, 2, NOW).errors, 0);
	assert_int_equal(view_of(t, 2, NOW).rate_limited, 1);
	telemetry_free(&t);
}

static void
a_lost_hedge_does_not_get_the_tokens(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_after(FAULT_NONE);
	struct attempt_report loser = o.attempts[0];

	loser.hedge = true;
	o.attempts[0] = o.attempts[1];
	o.attempts[1] = loser;
	o.answered = 1;
	telemetry_finish(t, 0, &o, NOW);
	assert_int_equal(view_of(t, 1, NOW).tokens_in, 100);
	assert_int_equal(view_of(t, 2, NOW).tokens_in, 0);
	assert_sample(t, "pointsman_retries_total{model=\"gemma\"} 0");
	assert_sample(t,
	    "pointsman_hedges_total{model=\"gemma\",backend=\"gpu\","
	    "upstream=\"google/gemma\"} 1");

	o.attempts[2] = o.attempts[0]; /* a hedge and a retry */
	o.attempts[0].fault = FAULT_RESET;
	o.n_attempts = 3;
	telemetry_finish(t, 0, &o, NOW);
	assert_sample(t, "pointsman_retries_total{model=\"gemma\"} 1");
	telemetry_free(&t);
}

static void
a_question_of_our_own_is_counted_apart(void **state)
{
	struct telemetry *t = telemetry_of(2);

	telemetry_probe(t, 2, FAULT_NONE, 0.25);
	telemetry_probe(t, 2, FAULT_RESET, 0);
	telemetry_probe(t, 77, FAULT_NONE, 1); /* no such serving */
	assert_sample(t,
	    "pointsman_probes_total{model=\"gemma\",backend=\"gpu\","
	    "upstream=\"google/gemma\",fault=\"none\"} 1");
	assert_sample(t,
	    "pointsman_probes_total{model=\"gemma\",backend=\"gpu\","
	    "upstream=\"google/gemma\",fault=\"reset\"} 1");
	assert_sample(t,
	    "pointsman_probe_cost_usd_total{model=\"gemma\",backend=\"gpu\","
	    "upstream=\"google/gemma\"} 0.25");
	assert_int_equal(view_of(t, 2, NOW).attempts, 0);
	telemetry_free(&t);
}

static void
more_attempts_than_are_kept_are_no_overrun(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();

	for (unsigned i = 0; i < ATTEMPTS_KEPT; i++) {
		o.attempts[i] = o.attempts[0];
		o.attempts[i].fault = FAULT_RESET;
	}
	o.n_attempts = ATTEMPTS_KEPT + 5;
	telemetry_finish(t, 0, &o, NOW);
	assert_int_equal(view_of(t, 1, NOW).attempts, ATTEMPTS_KEPT);
	assert_sample(t, "pointsman_retries_total{model=\"gemma\"} 12");
	telemetry_free(&t);
}

static void
quantiles_forget_and_totals_do_not(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();
	struct telemetry_view v;

	telemetry_finish(t, 0, &o, NOW);
	v = view_of(t, 1, NOW + 61 * USEC_SEC);
	assert_int_equal(v.attempts, 1);
	assert_int_equal(v.phase[PHASE_TOTAL].n, 0);
	assert_int_equal(v.phase[PHASE_TOTAL].p50, -1);
	telemetry_free(&t);
}

static void
shards_add_up(void **state)
{
	struct telemetry *t = telemetry_of(3);
	struct outcome o = outcome_good();
	struct telemetry_view v;

	for (unsigned i = 0; i < 30; i++) {
		o.attempts[0].ttft = i < 20 ? 1000 : 9000;
		telemetry_finish(t, i % 3, &o, NOW);
	}
	v = view_of(t, 1, NOW);
	assert_int_equal(v.attempts, 30);
	assert_int_equal(v.phase[PHASE_TTFT].n, 30);
	assert_in_range(v.phase[PHASE_TTFT].p50, 985, 1016);
	assert_in_range(v.phase[PHASE_TTFT].p95, 8860, 9141);
	assert_sample(t,
	    "pointsman_requests_total{model=\"gemma\",tenant=\"acme\","
	    "slo=\"voice\",code=\"200\",result=\"ok\"} 30");
	telemetry_free(&t);
}

static void
a_serving_under_a_new_id_goes_on_counting(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct telemetry_label again = servings[0];
	struct outcome o = outcome_good();

	telemetry_finish(t, 0, &o, NOW);
	again.serving = 70;
	again.region = "eu";
	assert_int_equal(telemetry_configure(t, &again, 1), OK);
	o.attempts[0].serving = 70;
	telemetry_finish(t, 0, &o, NOW);
	assert_int_equal(view_of(t, 70, NOW).attempts, 2);
	assert_int_equal(view_of(t, 1, NOW).attempts, 2);
	assert_sample(t,
	    "pointsman_attempts_total{model=\"gemma\",backend=\"cerebras\","
	    "upstream=\"gemma-4-31b\",fault=\"none\"} 2");
	telemetry_free(&t);
}

static void
an_attempt_on_an_unknown_serving_is_left_out(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();

	o.attempts[0].serving = 99;
	telemetry_finish(t, 0, &o, NOW);
	o.attempts[0].serving = 0;
	telemetry_finish(t, 0, &o, NOW);
	assert_int_equal(view_of(t, 1, NOW).attempts, 0);
	telemetry_free(&t);
}

static void
an_absurd_serving_id_is_refused(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct telemetry_label absurd = servings[0];

	absurd.serving = UINT32_MAX;
	assert_int_equal(telemetry_configure(t, &absurd, 1), ERR_LIMIT);
	assert_int_equal(telemetry_configure(t, NULL, 0), OK);
	telemetry_free(&t);
}

/* How often a line of the page begins so. */
static unsigned
lines_starting(struct telemetry *t, const char *prefix)
{
	char *text = page_of(t);
	struct slice rest = slice_of(text), line;
	unsigned n = 0;

	while (slice_next(&rest, '\n', &line))
		n += slice_starts(line, slice_of(prefix));
	free(text);
	return n;
}

static void
strangers_names_do_not_grow_the_page_for_ever(void **state)
{
	struct telemetry *t = telemetry_of(2);
	struct outcome o = outcome_good();
	char model[32];

	o.model = model;
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(model, sizeof(model), "model-%u", i);
		telemetry_finish(t, i % 2, &o, NOW);
	}
	/* of 500 names one is "other" */
	assert_int_equal(lines_starting(t, "pointsman_requests_total"), 500);
	assert_sample(t,
	    "pointsman_requests_total{model=\"other\",tenant=\"acme\","
	    "slo=\"voice\",code=\"200\",result=\"ok\"} 2501");
	assert_sample(
	    t, "pointsman_slo_met_total{tenant=\"acme\",slo=\"voice\"} 3000");
	/* whoever was there before is counted as before */
	snprintf(model, sizeof(model), "model-7");
	telemetry_finish(t, 0, &o, NOW);
	assert_sample(t,
	    "pointsman_requests_total{model=\"model-7\",tenant=\"acme\","
	    "slo=\"voice\",code=\"200\",result=\"ok\"} 2");
	telemetry_free(&t);
}

static void
beyond_the_cap_of_groups_all_is_other(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();
	char tenant[32];

	o.tenant = tenant;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(tenant, sizeof(tenant), "tenant-%u", i);
		telemetry_finish(t, 0, &o, NOW);
	}
	assert_int_equal(lines_starting(t, "pointsman_slo_met_total"), 4000);
	assert_sample(
	    t, "pointsman_slo_met_total{tenant=\"other\",slo=\"other\"} 1001");
	telemetry_free(&t);
}

static void
an_endless_name_is_other(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();
	char model[5000];

	memset(model, 'm', sizeof(model) - 1);
	model[sizeof(model) - 1] = '\0';
	o.model = model;
	telemetry_finish(t, 0, &o, NOW);
	assert_sample(t,
	    "pointsman_requests_total{model=\"other\",tenant=\"other\","
	    "slo=\"other\",code=\"200\",result=\"ok\"} 1");
	telemetry_free(&t);
}

static void
strange_statuses_do_not_grow_the_page_for_ever(void **state)
{
	struct telemetry *t = telemetry_of(1);
	struct outcome o = outcome_good();

	o.result = RESULT_ERROR;
	for (int i = 0; i < 200; i++) {
		o.status = i == 199 ? -7 : 400 + i;
		telemetry_finish(t, 0, &o, NOW);
	}
	assert_true(lines_starting(t, "pointsman_requests_total") <= 24);
	assert_sample(t,
	    "pointsman_requests_total{model=\"gemma\",tenant=\"acme\","
	    "slo=\"voice\",code=\"other\",result=\"error\"} 181");
	telemetry_free(&t);
}

/* --- workers at work while others read --- */

#define ROUNDS 2000

struct worker {
	struct telemetry *t;
	unsigned shard;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct outcome o = outcome_after(FAULT_RESET);
	char model[32];

	o.model = model;
	for (unsigned i = 0; i < ROUNDS; i++) {
		snprintf(model, sizeof(model), "model-%u", i % 50);
		telemetry_finish(w->t, w->shard, &o, NOW + i * USEC_MS);
	}
	return NULL;
}

static void
nothing_is_lost_between_threads(void **state)
{
	struct telemetry *t = telemetry_of(2);
	struct worker workers[2] = { { t, 0 }, { t, 1 } };
	struct telemetry_label more[40];
	char backend[40][16];
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(backend[i], sizeof(backend[i]), "b%u", i);
		more[i] = (struct telemetry_label){ 10 + i, "gemma", backend[i],
			"up", "vllm", "eu" };
		assert_int_equal(telemetry_configure(t, more, i + 1), OK);
		free(page_of(t));
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(view_of(t, 1, NOW).attempts, 2 * ROUNDS);
	assert_int_equal(view_of(t, 2, NOW).errors, 2 * ROUNDS);
	assert_sample(t, "pointsman_retries_total{model=\"model-7\"} 80");
	telemetry_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_serving_has_no_view),
		cmocka_unit_test(no_samples_is_not_zero),
		cmocka_unit_test(an_answer_counts_for_its_serving),
		cmocka_unit_test(a_failed_attempt_counts_for_its_own_serving),
		cmocka_unit_test(a_rate_limit_is_not_an_error),
		cmocka_unit_test(a_lost_hedge_does_not_get_the_tokens),
		cmocka_unit_test(a_question_of_our_own_is_counted_apart),
		cmocka_unit_test(more_attempts_than_are_kept_are_no_overrun),
		cmocka_unit_test(quantiles_forget_and_totals_do_not),
		cmocka_unit_test(shards_add_up),
		cmocka_unit_test(a_serving_under_a_new_id_goes_on_counting),
		cmocka_unit_test(an_attempt_on_an_unknown_serving_is_left_out),
		cmocka_unit_test(an_absurd_serving_id_is_refused),
		cmocka_unit_test(strangers_names_do_not_grow_the_page_for_ever),
		cmocka_unit_test(beyond_the_cap_of_groups_all_is_other),
		cmocka_unit_test(an_endless_name_is_other),
		cmocka_unit_test(
		    strange_statuses_do_not_grow_the_page_for_ever),
		cmocka_unit_test(nothing_is_lost_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
