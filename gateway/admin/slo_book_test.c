/* gateway/admin/slo_book_test.c - sums of what was served and of what the
 * engine would have done, from receipts written by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admin/slo_book.h"

#include <cmocka.h>

struct desk {
	struct receipts *store;
	struct slo_book *book;
	struct slo_group g;
};

static void
desk_init(struct desk *d)
{
	d->store = receipts_new(1, 1);
	d->book = slo_book_new();
	assert_non_null(d->store);
	assert_non_null(d->book);
}

static void
desk_fini(struct desk *d)
{
	receipts_free(&d->store);
	slo_book_free(&d->book);
	assert_null(d->book);
}

struct visit {
	const char *tenant;
	enum result result;
	uint32_t used, engine;
	float used_chance, engine_chance, used_price, engine_price;
	usec ttft; /* the target is 250 ms */
	double cost;
};

static void
visit_as(struct desk *d, const struct visit *v, enum dialect dialect)
{
	struct receipt_draft *draft = draft_take(d->store, 0, 2);
	struct receipt *r = receipt_take(d->store, 0, 2);
	struct route_trace *t = trace_take(d->store, 0);
	const struct plan p = { .kind = PLAN_GO, .serving = v->used };

	snprintf(r->tenant, sizeof(r->tenant), "%s", v->tenant);
	snprintf(r->model, sizeof(r->model), "m");
	snprintf(r->slo_name, sizeof(r->slo_name), "voice");
	r->slo.ttft = 250000;
	r->slo.itl = dialect_passes(dialect) ? 0 : 15000;
	r->dialect = dialect;
	/* before anything was due, or not */
	r->slo_declared = v->result != RESULT_CLIENT_GONE || v->ttft >= 0;
	r->slo_met = v->result == RESULT_OK && v->ttft <= 250000;
	r->result = v->result;
	r->ttft = v->ttft;
	r->itl = -1;
	r->cost = v->cost;
	r->usage = (struct usage){ .known = true, .input = 100, .output = 20 };
	t->n = 2;
	t->engine = v->engine;
	t->row[0] = (struct route_row){ .serving = 0 };
	t->row[1] = (struct route_row){ .serving = 1 };
	t->row[v->used].confidence = v->used_chance;
	t->row[v->used].price = v->used_price;
	if (v->engine < 2) {
		t->row[v->engine].confidence = v->engine_chance;
		t->row[v->engine].price = v->engine_price;
	}
	draft_add_plan(draft, &p, t, 0, false);
	receipt_add_plans(r, draft);
	draft_drop(d->store, 0, &draft);
	slo_book_record(d->book, r);
	trace_give(d->store, 0, &t);
	receipt_file(d->store, 0, &r);
}

static void
visit(struct desk *d, const struct visit *v)
{
	visit_as(d, v, DIALECT_CHAT);
}

static void
assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-6)
		print_message("%g is not %g\n", a, b);
	assert_true(fabs(a - b) <= 1e-6);
}

static void
measured_and_predicted_are_summed_apart(void **state)
{
	struct desk d;

	desk_init(&d);
	/* missed where the engine would have gone elsewhere */
	visit(&d,
	    &(struct visit){ "acme", RESULT_OK, 0, 1, 0.5f, 0.875f, 3e-4f,
		1e-4f, 300000, 4e-4 });
	/* met, and the engine agrees */
	visit(&d,
	    &(struct visit){ "acme", RESULT_OK, 0, 0, 0.5f, 0.5f, 3e-4f, 3e-4f,
		100000, 4e-4 });
	/* met, though it would have gone where a miss is likelier */
	visit(&d,
	    &(struct visit){ "acme", RESULT_OK, 0, 1, 0.75f, 0.25f, 3e-4f,
		1e-4f, 100000, -1 });
	assert_true(slo_book_group(d.book, 0, &d.g));
	assert_int_equal(d.g.requests, 3);
	assert_int_equal(d.g.declared, 3);
	assert_int_equal(d.g.met, 2);
	assert_int_equal(d.g.missed_ttft, 1);
	assert_near(d.g.cost, 8e-4);
	assert_int_equal(d.g.priced, 2); /* an unknown cost is not zero */
	assert_int_equal(d.g.tokens_in, 300);
	assert_int_equal(d.g.ttft.n, 3);

	assert_int_equal(d.g.same, 1);
	assert_int_equal(d.g.other, 2);
	assert_int_equal(d.g.confidence.n, 3);
	assert_near(d.g.confidence.sum, 1.75);
	assert_int_equal(d.g.confident_met, 2);
	assert_int_equal(d.g.compared_price, 3);
	assert_near(d.g.used_price, 9e-4);
	assert_near(d.g.engine_price, 5e-4);
	assert_near(d.g.used_misses, 1.25);
	assert_near(d.g.engine_misses, 1.375);
	assert_int_equal(d.g.missed_other, 1);
	assert_near(d.g.fixed, 0.875);
	assert_int_equal(d.g.met_other, 1);
	assert_near(d.g.broken, 0.75);
	assert_false(slo_book_group(d.book, 1, &d.g));
	desk_fini(&d);
}

static void
what_failed_is_a_miss(void **state)
{
	struct visit v = { "acme", RESULT_ERROR, 0, 0, 0.5f, 0.5f, 1, 1, -1,
		-1 };
	struct desk d;

	desk_init(&d);
	visit(&d, &v);
	assert_true(slo_book_group(d.book, 0, &d.g));
	assert_int_equal(d.g.requests, 1);
	assert_int_equal(d.g.failed, 1);
	assert_int_equal(d.g.declared, 1);
	assert_int_equal(d.g.met, 0);
	assert_int_equal(d.g.missed_ttft, 1);
	assert_int_equal(d.g.answered, 0);
	desk_fini(&d);
}

static void
who_left_is_judged_by_what_was_due(void **state)
{
	struct visit v = { "acme", RESULT_CLIENT_GONE, 0, 0, 0.5f, 0.5f, 1, 1,
		300000, -1 };
	struct desk d;

	desk_init(&d);
	visit(&d, &v);
	v.ttft = -1;
	visit(&d, &v);
	assert_true(slo_book_group(d.book, 0, &d.g));
	assert_int_equal(d.g.requests, 1);
	assert_int_equal(d.g.declared, 1);
	assert_int_equal(d.g.met, 0);
	assert_int_equal(d.g.missed_ttft, 1);
	assert_int_equal(d.g.ttft.n, 1);
	assert_int_equal(d.g.answered, 0); /* nobody knows how long it was */
	assert_int_equal(d.g.left, 1);
	desk_fini(&d);
}

static void
an_engine_that_chose_none_is_compared_with_nothing(void **state)
{
	const struct visit v = { "acme", RESULT_OK, 0, UINT32_MAX, 0.5f, 0, 1,
		0, 1000, 0 };
	struct desk d;

	desk_init(&d);
	visit(&d, &v);
	assert_true(slo_book_group(d.book, 0, &d.g));
	assert_int_equal(d.g.none, 1);
	assert_int_equal(d.g.same + d.g.other, 0);
	assert_int_equal(d.g.compared_price, 0);
	assert_int_equal(d.g.engine_confidence.n, 0);
	assert_int_equal(d.g.confidence.n, 1);
	desk_fini(&d);
}

static void
groups_are_bounded_and_none_is_lost(void **state)
{
	struct visit v = { "", RESULT_OK, 0, 0, 0.5f, 0.5f, 1, 1, 1000, 0 };
	uint64_t requests = 0;
	struct desk d;
	char tenant[16];
	size_t n = 0;

	desk_init(&d);
	v.tenant = tenant;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < SLO_GROUPS_MAX + 10; i++) {
			snprintf(tenant, sizeof(tenant), "t%u", i);
			visit(&d, &v);
		}
	while (slo_book_group(d.book, n, &d.g)) {
		requests += d.g.requests;
		n++;
	}
	assert_int_equal(n, SLO_GROUPS_MAX + 1);
	assert_int_equal(requests, 2 * (SLO_GROUPS_MAX + 10));
	assert_string_equal(d.g.tenant, "(others)");
	assert_int_equal(d.g.requests, 20);
	desk_fini(&d);
}

/* Its class has no ITL target for it, and no word on counting. */
static void
what_passes_changes_no_target(void **state)
{
	static const enum dialect dialects[] = { DIALECT_SPEECH, DIALECT_CHAT,
		DIALECT_SPEECH, DIALECT_COUNTING };
	struct desk d;

	desk_init(&d);
	for (unsigned i = 0; i < 4; i++)
		visit_as(&d,
		    &(struct visit){ "acme", RESULT_OK, 0, 0, 0.5f, 0.5f, 1e-4f,
			1e-4f, 100000, -1 },
		    dialects[i]);
	assert_true(slo_book_group(d.book, 0, &d.g));
	assert_int_equal(d.g.requests, 3);
	assert_int_equal(d.g.slo.itl, 15000);
	desk_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measured_and_predicted_are_summed_apart),
		cmocka_unit_test(what_failed_is_a_miss),
		cmocka_unit_test(who_left_is_judged_by_what_was_due),
		cmocka_unit_test(
		    an_engine_that_chose_none_is_compared_with_nothing),
		cmocka_unit_test(groups_are_bounded_and_none_is_lost),
		cmocka_unit_test(what_passes_changes_no_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
