/* gateway/admin/receipts_test.c - the store: what is kept, found, overwritten;
 * and a receipt's own arithmetic. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admin/receipts.h"

#include <cmocka.h>

static void
file_one(struct receipts *s, unsigned worker, unsigned number,
    const char *tenant, bool met)
{
	struct receipt *r = receipt_take(s, worker, 2);
	char id[32];

	assert_non_null(r);
	snprintf(id, sizeof(id), "req_%024u", number);
	receipt_name(r->id, id);
	snprintf(r->tenant, sizeof(r->tenant), "%s", tenant);
	r->result = RESULT_OK;
	r->slo_declared = true;
	r->slo_met = met;
	receipt_file(s, worker, &r);
	assert_null(r);
}

static bool
is_there(struct receipts *s, const char *prefix, unsigned number)
{
	struct receipt *r;
	char id[48];
	bool found;

	snprintf(id, sizeof(id), "%s%024u", prefix, number);
	r = receipts_find(s, slice_of(id));
	found = r != NULL;
	free(r);
	return found;
}

static void
the_last_n_are_kept(void **state)
{
	struct receipts *s = receipts_new(3, 1);

	assert_false(is_there(s, "rcpt_", 0));
	for (unsigned i = 0; i < 5; i++)
		file_one(s, 0, i, "acme", true);
	assert_false(is_there(s, "rcpt_", 0));
	assert_false(is_there(s, "rcpt_", 1));
	for (unsigned i = 2; i < 5; i++)
		assert_true(is_there(s, "rcpt_", i));
	assert_int_equal(receipts_filed(s), 5);
	receipts_free(&s);
	assert_null(s);
}

/* The setting's help says how much memory one takes. */
static void
a_receipt_takes_two_and_a_half_kibibytes(void **state)
{
	size_t bytes = sizeof(struct receipt) +
	    (size_t)RECEIPT_SETS * RECEIPT_SERVINGS * sizeof(struct route_row);

	assert_in_range(bytes, 2304, 2560);
}

static void
the_request_id_finds_it_too(void **state)
{
	struct receipts *s = receipts_new(4, 1);

	file_one(s, 0, 7, "acme", true);
	assert_true(is_there(s, "req_", 7));
	assert_true(is_there(s, "", 7));
	assert_false(is_there(s, "req_", 8));
	receipts_free(&s);
}

static void
the_list_is_newest_first_and_filtered(void **state)
{
	struct receipts *s = receipts_new(4, 2);
	struct receipt_filter all = { .missed = false };
	struct receipt_filter missed = { .tenant = SLICE("acme"),
		.missed = true };
	uint64_t cursor = 0;
	struct receipt *r;

	for (unsigned i = 0; i < 6; i++)
		file_one(s, i % 2, i, i % 2 ? "acme" : "other", i != 3);
	for (unsigned i = 6; i-- > 2;) {
		char id[32];

		r = receipts_next(s, &cursor, &all);
		snprintf(id, sizeof(id), "rcpt_%024u", i);
		assert_string_equal(r->id, id);
		free(r);
	}
	assert_null(receipts_next(s, &cursor, &all));
	cursor = 0;
	r = receipts_next(s, &cursor, &missed);
	assert_string_equal(r->id, "rcpt_000000000000000000000003");
	free(r);
	assert_null(receipts_next(s, &cursor, &missed));
	receipts_free(&s);
}

/* Where nothing has been filed yet, there is nothing to read either. */
static void
a_cursor_beyond_the_newest_finds_nothing(void **state)
{
	static const uint64_t beyond[] = { 3, 4, 5, UINT64_MAX - 1,
		UINT64_MAX };
	struct receipts *s = receipts_new(4, 1);
	struct receipt_filter all = { .missed = false };
	uint64_t cursor;

	file_one(s, 0, 0, "acme", true);
	for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		cursor = beyond[i];
		assert_null(receipts_next(s, &cursor, &all));
	}
	receipts_free(&s);
}

static void
a_block_grows_with_its_model_and_is_used_again(void **state)
{
	struct receipts *s = receipts_new(1, 1);
	struct receipt *r = receipt_take(s, 0, 40), *first = r;

	assert_true(r->set_cap >= 40);
	receipt_file(s, 0, &r);
	file_one(s, 0, 1, "acme", true);
	r = receipt_take(s, 0, 3);
	assert_ptr_equal(r, first);
	assert_int_equal(r->n_plans, 0);
	receipt_file(s, 0, &r);
	receipts_free(&s);
}

static void
a_draft_is_used_again_empty(void **state)
{
	struct receipts *s = receipts_new(1, 1);
	struct receipt_draft *d = draft_take(s, 0, 40), *first = d;
	const struct plan p = { .kind = PLAN_NO };

	assert_true(d->set_cap >= 40);
	draft_add_plan(d, &p, NULL, 0, false);
	draft_drop(s, 0, &d);
	assert_null(d);
	d = draft_take(s, 0, 40);
	assert_ptr_equal(d, first);
	assert_int_equal(d->n_plans, 0);
	draft_drop(s, 0, &d);
	receipts_free(&s);
}

/* What each request at work holds of it, thousands at once. */
static void
a_draft_takes_less_than_a_kibibyte(void **state)
{
	size_t bytes = sizeof(struct receipt_draft) +
	    (size_t)RECEIPT_SETS * RECEIPT_SERVINGS * sizeof(struct route_row);

	assert_in_range(bytes, 512, 1000);
}

static void
plan_of(struct plan *p, enum plan_kind kind, uint32_t serving)
{
	*p = (struct plan){ .kind = kind,
		.reason = REASON_CHEAPEST_ADEQUATE,
		.serving = serving,
		.confidence = 0.5 };
}

static void
trace_of(struct route_trace *t, unsigned n, float price)
{
	t->n = n;
	t->engine = 1;
	t->required = 0.97f;
	for (unsigned i = 0; i < n; i++)
		t->row[i] = (struct route_row){ .serving = i, .price = price };
}

static void
first_and_last_plans_keep_their_candidates(void **state)
{
	struct receipts *s = receipts_new(1, 1);
	struct receipt_draft *d = draft_take(s, 0, 2);
	struct receipt *r = receipt_take(s, 0, 2);
	struct route_trace *t = trace_take(s, 0);
	struct plan p;

	for (unsigned i = 0; i < 9; i++) {
		trace_of(t, 2, (float)i);
		plan_of(&p, PLAN_GO, i % 2);
		draft_add_plan(d, &p, t, (usec)i, i == 8);
	}
	receipt_add_plans(r, d);
	draft_drop(s, 0, &d);
	assert_int_equal(r->n_plans, 9);
	assert_int_equal(receipt_plans(r), RECEIPT_PLANS);
	assert_int_equal(r->plan[0].n_rows, 2);
	assert_true(r->row[r->plan[0].rows_at].price == 0);
	for (unsigned i = 1; i < RECEIPT_PLANS - 1; i++)
		assert_int_equal(r->plan[i].n_rows, 0);
	/* the last one is the hedge, and so not the decision */
	assert_true(r->plan[RECEIPT_PLANS - 1].hedge);
	assert_int_equal(r->plan[RECEIPT_PLANS - 1].at, 8);
	assert_true(receipt_row(r, &r->plan[RECEIPT_PLANS - 1], 1)->price == 8);
	assert_int_equal(receipt_decision(r)->at, RECEIPT_PLANS - 2);
	assert_int_equal(receipt_first_go(r)->at, 0);
	trace_give(s, 0, &t);
	receipt_file(s, 0, &r);
	receipts_free(&s);
}

static void
without_a_trace_a_plan_is_the_engines(void **state)
{
	struct receipts *s = receipts_new(1, 1);
	struct receipt_draft *d = draft_take(s, 0, 2);
	struct route_trace *t = trace_take(s, 0);
	struct plan p;

	assert_int_equal(t->n, 0); /* the router may leave it so */
	plan_of(&p, PLAN_GO, 5);
	draft_add_plan(d, &p, t, 0, false);
	draft_add_plan(d, &p, NULL, 1, false);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(d->plan[i].engine, 5);
		assert_int_equal(d->plan[i].n_rows, 0);
		assert_true(d->plan[i].required < 0);
	}
	trace_give(s, 0, &t);
	draft_drop(s, 0, &d);
	receipts_free(&s);
}

static void
misses_say_which_term_and_by_how_much(void **state)
{
	struct receipt r = { .result = RESULT_OK,
		.stream = true,
		.slo_declared = true,
		.slo = { .ttft = 250000, .itl = 15000, .total = 0 },
		.ttft = 312000,
		.itl = 15000,
		.total = 900000 };
	usec by;

	assert_true(receipt_missed(&r, PHASE_TTFT, &by));
	assert_int_equal(by, 62000);
	assert_false(receipt_missed(&r, PHASE_ITL, &by)); /* just met */
	assert_false(receipt_missed(&r, PHASE_TOTAL, &by)); /* no target */
	r.ttft = -1; /* not measured: not missed ... */
	assert_false(receipt_missed(&r, PHASE_TTFT, &by));
	r.result = RESULT_ERROR; /* ... unless there was no answer at all */
	assert_true(receipt_missed(&r, PHASE_TTFT, &by));
	assert_int_equal(by, -1);
	r.result = RESULT_OK; /* all of it, when a stream would have ended */
	r.stream = false;
	r.usage.output = 41;
	assert_true(receipt_missed(&r, PHASE_TOTAL, &by));
	assert_int_equal(by, 50000);
}

static void
of_many_attempts_the_last_are_kept_in_order(void **state)
{
	struct receipt r = { .n_attempts = ATTEMPTS_KEPT + 3 };
	unsigned number;

	for (unsigned i = 0; i < r.n_attempts; i++)
		r.attempt[i % ATTEMPTS_KEPT].serving = i;
	assert_int_equal(receipt_attempts(&r), ATTEMPTS_KEPT);
	assert_int_equal(receipt_attempt(&r, 0, &number)->serving, 3);
	assert_int_equal(number, 4);
	assert_int_equal(
	    receipt_attempt(&r, ATTEMPTS_KEPT - 1, &number)->serving,
	    r.n_attempts - 1);
	assert_int_equal(number, r.n_attempts);
}

/* --- writers and a reader at once; for the thread sanitizer too --- */

#define STORM 2000

struct writer {
	struct receipts *store;
	unsigned worker;
};

static void *
storm(void *arg)
{
	const struct writer *w = arg;

	for (unsigned i = 0; i < STORM; i++) {
		struct receipt *r = receipt_take(w->store, w->worker, 2);
		char id[32];

		snprintf(id, sizeof(id), "req_%024u", w->worker * STORM + i);
		receipt_name(r->id, id);
		/* torn copies would show */
		memset(r->tenant, 'a' + (int)(i % 26), 40);
		receipt_file(w->store, w->worker, &r);
	}
	return NULL;
}

static void
readers_see_whole_receipts(void **state)
{
	struct receipt_filter all = { .missed = false };
	struct receipts *s = receipts_new(16, 2);
	struct writer w[2] = { { s, 0 }, { s, 1 } };
	pthread_t t[2];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, storm, &w[i]), 0);
	while (receipts_filed(s) < 2 * STORM) {
		uint64_t cursor = 0;
		struct receipt *r;

		while ((r = receipts_next(s, &cursor, &all)) != NULL) {
			for (unsigned i = 1; i < 40; i++)
				assert_int_equal(r->tenant[i], r->tenant[0]);
			free(r);
		}
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	receipts_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_n_are_kept),
		cmocka_unit_test(a_receipt_takes_two_and_a_half_kibibytes),
		cmocka_unit_test(the_request_id_finds_it_too),
		cmocka_unit_test(the_list_is_newest_first_and_filtered),
		cmocka_unit_test(a_cursor_beyond_the_newest_finds_nothing),
		cmocka_unit_test(
		    a_block_grows_with_its_model_and_is_used_again),
		cmocka_unit_test(a_draft_is_used_again_empty),
		cmocka_unit_test(a_draft_takes_less_than_a_kibibyte),
		cmocka_unit_test(first_and_last_plans_keep_their_candidates),
		cmocka_unit_test(without_a_trace_a_plan_is_the_engines),
		cmocka_unit_test(misses_say_which_term_and_by_how_much),
		cmocka_unit_test(of_many_attempts_the_last_are_kept_in_order),
		cmocka_unit_test(readers_see_whole_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
