/* gateway/admin/receipt_why_test.c - the sentence that says why, from receipts
 * written by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admin/receipt_render.h"

#include <cmocka.h>

struct desk {
	struct labels *labels;
	struct receipts *store;
	struct receipt *r;
	struct route_trace trace;
	struct buf text;
};

static const struct conf_backend backends[] = { { .id = 0, .name = "gpu-a" },
	{ .id = 1, .name = "fast" }, { .id = 2, .name = "gpu-b" } };
static const struct conf_serving servings[] = {
	{ .id = 0, .backend = &backends[0], .upstream = "m" },
	{ .id = 1, .backend = &backends[1], .upstream = "m" },
	{ .id = 2, .backend = &backends[2], .upstream = "m" },
};

static void
desk_init(struct desk *d)
{
	const struct conf c = { .servings = servings, .n_servings = 3 };

	*d = (struct desk){ .labels = labels_new(),
		.store = receipts_new(1, 1) };
	d->r = receipt_take(d->store, 0, 3);
	assert_int_equal(labels_configure(d->labels, &c), OK);
	d->r->slo = (struct slo){
		.ttft = 250000, .percentile = 97, .priority = PRIORITY_PREMIUM
	};
	snprintf(d->r->policy, sizeof(d->r->policy), "slo");
	buf_init(&d->text, 4096);
	d->trace.n = 3;
	d->trace.required = 0.97f;
	d->trace.engine = 1;
	for (uint32_t i = 0; i < 3; i++)
		d->trace.row[i] = (struct route_row){ .serving = i,
			.verdict = VERDICT_INELIGIBLE,
			.confidence = -1,
			.price = -1,
			.score = INFINITY };
}

static void
weigh(struct desk *d, uint32_t i, enum verdict v, float chance, float price)
{
	d->trace.row[i].verdict = v;
	d->trace.row[i].confidence = chance;
	d->trace.row[i].price = price;
	d->trace.row[i].in_flight = 12;
}

static void
decide(struct desk *d, enum plan_kind kind, enum plan_reason reason,
    uint32_t serving, double confidence)
{
	const struct plan p = { .kind = kind,
		.reason = reason,
		.serving = serving,
		.confidence = confidence };
	struct receipt_draft *draft = draft_take(d->store, 0, 3);

	draft_add_plan(draft, &p, &d->trace, 0, false);
	receipt_add_plans(d->r, draft);
	draft_drop(d->store, 0, &draft);
}

static void
desk_says(struct desk *d, const char *words)
{
	receipt_why(d->r, d->labels, &d->text);
	buf_add_char(&d->text, '\0');
	if (strstr(d->text.p, words) == NULL)
		print_message("want: %s\nsaid: %s\n", words, d->text.p);
	assert_non_null(strstr(d->text.p, words));
	buf_fini(&d->text);
	receipt_file(d->store, 0, &d->r);
	receipts_free(&d->store);
	labels_free(&d->labels);
}

static void
a_cheaper_one_was_not_likely_enough(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_UNLIKELY, 0.91f, 1e-4f);
	weigh(&d, 1, VERDICT_CHOSEN, 0.995f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 1, 0.995);
	desk_says(&d,
	    "gpu-a was cheaper but its chance of the first token within 250 ms "
	    "was 91 %, 97 % is required");
}

static void
ail(struct desk *d, uint32_t i, enum verdict v, struct plight p)
{
	weigh(d, i, v, -1, -1);
	d->trace.row[i].plight = p;
}

static void
each_is_told_why_none_could_be_used(void **state)
{
	struct desk d;

	desk_init(&d);
	ail(&d, 0, VERDICT_OUT,
	    (struct plight){ .cause = CAUSE_BREAKER,
		.fault = FAULT_REFUSED,
		.since = 12.4e6F,
		.until = 1.6e6F });
	ail(&d, 1, VERDICT_INELIGIBLE,
	    (struct plight){ .cause = CAUSE_ABILITY,
		.lacks = CAP_TOOLS | CAP_IMAGES,
		.since = -1,
		.until = -1 });
	ail(&d, 2, VERDICT_DRAINED,
	    (struct plight){
		.cause = CAUSE_DRAINED, .since = 840e6F, .until = -1 });
	decide(&d, PLAN_NO, REASON_UNAVAILABLE, UINT32_MAX, -1);
	desk_says(&d,
	    "every serving was out of use - gpu-a: its breaker is open "
	    "(refused), for 12 s, 1.6 s to go; fast: it lacks tools, images; "
	    "gpu-b: an operator has drained it, for 14 min");
}

static void
a_best_effort_names_who_was_out(void **state)
{
	struct desk d;

	desk_init(&d);
	ail(&d, 0, VERDICT_OUT,
	    (struct plight){ .cause = CAUSE_BREAKER,
		.fault = FAULT_REFUSED,
		.since = 12.4e6F,
		.until = 1.6e6F });
	weigh(&d, 1, VERDICT_CHOSEN, 0.1f, 5e-4f);
	decide(&d, PLAN_GO, REASON_BEST_EFFORT, 1, 0.1);
	desk_says(&d,
	    "with a chance of 10 % - gpu-a: its breaker is open (refused), "
	    "for 12 s, 1.6 s to go");
}

static void
a_cheaper_one_was_out_of_use(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_OUT, -1, 1e-4f);
	d.trace.row[0].plight = (struct plight){
		.cause = CAUSE_KEY, .since = 3e6F, .until = 297e6F
	};
	weigh(&d, 1, VERDICT_CHOSEN, 0.995f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 1, 0.995);
	desk_says(&d,
	    "gpu-a was cheaper but its key is refused, for 3.0 s, 5 min to "
	    "go; of the rest fast had the least score");
}

static void
a_cheaper_one_was_full(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_CROWDED, 0.99f, 1e-4f);
	weigh(&d, 1, VERDICT_CHOSEN, 0.995f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 1, 0.995);
	desk_says(&d,
	    "gpu-a was cheaper but it is as full as premium traffic may make "
	    "it (12 in flight)");
}

static void
a_cheaper_one_scored_worse(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_DEARER, 0.975f, 1e-4f);
	weigh(&d, 1, VERDICT_CHOSEN, 0.995f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 1, 0.995);
	desk_says(&d,
	    "gpu-a was cheaper but it scored worse, counting its load and its "
	    "chance of 97.5 %; of the rest fast had the least score");
}

static void
the_cheapest_of_all_says_what_another_would_cost(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_CHOSEN, 0.98f, 1e-4f);
	weigh(&d, 1, VERDICT_DEARER, 0.999f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 0, 0.98);
	desk_says(&d,
	    "gpu-a was the cheapest that could serve it, with a chance of 98 % "
	    "of the first token within 250 ms where 97 % is required; fast "
	    "would have cost 5 times as much");
}

static void
of_those_that_miss_the_least(void **state)
{
	struct desk d;

	desk_init(&d);
	d.r->slo.itl = 15000;
	weigh(&d, 0, VERDICT_UNLIKELY, 0.2f, 1e-4f);
	weigh(&d, 1, VERDICT_CHOSEN, 0.45f, 5e-4f);
	decide(&d, PLAN_GO, REASON_BEST_EFFORT, 1, 0.45);
	desk_says(&d,
	    "no serving was likely enough to meet the first token within 250 "
	    "ms and 15 ms a token (97 % is required), and fast was expected to "
	    "miss least, with a chance of 45 %");
}

static void
failed_attempts_come_first(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_CHOSEN, 0.98f, 1e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 0, 0.98);
	weigh(&d, 0, VERDICT_TRIED, -1, -1);
	weigh(&d, 1, VERDICT_CHOSEN, 0.99f, 5e-4f);
	decide(&d, PLAN_GO, REASON_ONLY, 1, 0.99);
	d.r->n_attempts = 2;
	d.r->attempt[0].fault = FAULT_REFUSED;
	d.r->attempt[1].serving = 1;
	desk_says(&d,
	    "gpu-a failed (refused), then fast was the only one that could "
	    "serve it");
}

static void
observing_says_where_the_engine_would_go(void **state)
{
	struct desk d;

	desk_init(&d);
	snprintf(d.r->policy, sizeof(d.r->policy), "observe");
	d.trace.engine = 1;
	d.trace.reason = REASON_CHEAPEST_ADEQUATE;
	weigh(&d, 0, VERDICT_CHOSEN, 0.5f, 1e-4f);
	weigh(&d, 1, VERDICT_CHOSEN, 0.99f, 5e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 0, 0.5);
	desk_says(&d,
	    "policy observe used gpu-a, the first in the file that was usable; "
	    "the engine would have chosen fast (cheapest_adequate, with a "
	    "chance of 99 %)");
}

static void
hardly_certain_is_not_certain(void **state)
{
	struct desk d;

	desk_init(&d);
	weigh(&d, 0, VERDICT_CHOSEN, 0.99999f, 1e-4f);
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 0, 0.99999);
	desk_says(&d, "with a chance of 99.99 % of");
}

static void
a_refusal_says_why(void **state)
{
	struct desk d;

	desk_init(&d);
	decide(&d, PLAN_NO, REASON_RATE_LIMITED, 0, -1);
	desk_says(&d, "every serving was over its rate limit");
}

static void
an_empty_answer_that_is_passed_on_is_told(void **state)
{
	struct desk d;

	desk_init(&d);
	d.r->result = RESULT_OK;
	d.r->n_attempts = 2;
	d.r->attempt[0].fault = FAULT_BAD_ANSWER;
	d.r->attempt[1].serving = 1;
	ail(&d, 2, VERDICT_DRAINED,
	    (struct plight){
		.cause = CAUSE_DRAINED, .since = 840e6F, .until = -1 });
	decide(&d, PLAN_NO, REASON_UNAVAILABLE, UINT32_MAX, -1);
	desk_says(&d,
	    "gpu-a failed (bad_answer), then fast answered without a token, "
	    "and that was passed on, as every other serving was out of use - "
	    "gpu-b: an operator has drained it, for 14 min");
}

static void
without_a_plan_the_error_is_the_reason(void **state)
{
	struct desk d;

	desk_init(&d);
	snprintf(d.r->reason, sizeof(d.r->reason), "model_not_found");
	d.r->result = RESULT_REFUSED;
	desk_says(&d, "refused before any plan was made (model_not_found)");
}

static void
an_answer_without_a_plan_was_a_kept_one(void **state)
{
	struct desk d;

	desk_init(&d);
	d.r->result = RESULT_OK;
	desk_says(&d, "kept under its Idempotency-Key");
}

static void
without_candidates_it_still_says_something(void **state)
{
	struct desk d;

	desk_init(&d);
	d.trace.n = 0;
	decide(&d, PLAN_GO, REASON_CHEAPEST_ADEQUATE, 0, 0.98);
	desk_says(&d, "gpu-a was the cheapest that could serve it");
}

/* Every reason and verdict has words, and none is a crash. */
static void
everything_can_be_said(void **state)
{
	for (int reason = 0; reason < REASON_COUNT; reason++)
		for (int v = 0; v < VERDICT_COUNT; v++) {
			struct desk d;
			enum plan_kind kind = reason % 2 ? PLAN_GO : PLAN_NO;

			desk_init(&d);
			weigh(&d, 0, (enum verdict)v, 0.9f, 1e-4f);
			weigh(&d, 1, VERDICT_CHOSEN, 0.9f, 2e-4f);
			decide(&d, kind, (enum plan_reason)reason, 1, 0.9);
			desk_says(&d, "");
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cheaper_one_was_not_likely_enough),
		cmocka_unit_test(each_is_told_why_none_could_be_used),
		cmocka_unit_test(a_best_effort_names_who_was_out),
		cmocka_unit_test(a_cheaper_one_was_out_of_use),
		cmocka_unit_test(a_cheaper_one_was_full),
		cmocka_unit_test(a_cheaper_one_scored_worse),
		cmocka_unit_test(
		    the_cheapest_of_all_says_what_another_would_cost),
		cmocka_unit_test(of_those_that_miss_the_least),
		cmocka_unit_test(failed_attempts_come_first),
		cmocka_unit_test(observing_says_where_the_engine_would_go),
		cmocka_unit_test(hardly_certain_is_not_certain),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(an_empty_answer_that_is_passed_on_is_told),
		cmocka_unit_test(without_a_plan_the_error_is_the_reason),
		cmocka_unit_test(an_answer_without_a_plan_was_a_kept_one),
		cmocka_unit_test(without_candidates_it_still_says_something),
		cmocka_unit_test(everything_can_be_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
