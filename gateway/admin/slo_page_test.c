/* gateway/admin/slo_page_test.c - which of several servings is said to be
 * outdone. */
#include "router/testing.h"

#include "gateway/admin/slo_book.h"
#include "gateway/admin/slo_page.h"

#define TWO(a, b)                                                              \
	CONF(BACKEND("a", a) ", " BACKEND("b", b),                             \
	    SERVING("a", "") ", " SERVING("b", ""))

/* "a" is as fast as "b", or faster. Whether "b" is said to be outdone. */
static bool
is_outdone(const char *text, usec a, usec b)
{
	struct serving_view views[2];
	struct admin_picture p = { .servings = views, .n_servings = 2 };
	struct receipts *store = receipts_new(1, 1);
	struct receipt *r = receipt_take(store, 0, 2);
	struct receipt_draft *draft = draft_take(store, 0, 2);
	const struct plan plan = { .kind = PLAN_GO };
	bool outdone = false;
	json_t *doc, *list, *o;
	struct rig g;
	size_t i;

	rig_init(&g, text);
	p.conf = g.conf;
	p.book = slo_book_new();
	for (i = 0; i < 2; i++) {
		views[i] = rig_view(&g, i == 0 ? "a" : "b");
		for (unsigned k = 0; k < PHASE_COUNT; k++)
			views[i].live[k].p95 = views[i].live[k].p99 =
			    i == 0 ? a : b;
	}
	snprintf(r->model, sizeof(r->model), "m");
	r->usage = (struct usage){ .known = true, .input = 100, .output = 20 };
	draft_add_plan(draft, &plan, NULL, 0, false);
	receipt_add_plans(r, draft);
	draft_drop(store, 0, &draft);
	slo_book_record(p.book, r);
	doc = slo_page_json(&p);
	list = json_object_get(
	    json_array_get(json_object_get(doc, "groups"), 0), "could_hold");
	assert_int_equal(json_array_size(list), 2);
	json_array_foreach (list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "backend")),
			"b") == 0)
			outdone = json_is_true(json_object_get(o, "outdone"));
	json_decref(doc);
	receipt_file(store, 0, &r);
	slo_book_free(&p.book);
	receipts_free(&store);
	rig_fini(&g);
	return outdone;
}

static void
only_what_costs_more_is_outdone(void **state)
{
	assert_true(is_outdone(TWO(PRICE(1, 1), PRICE(2, 2)), 100, 100));
	assert_true(is_outdone(TWO(PRICE(1, 1), PRICE(2, 2)), 100, 200));
	assert_false(is_outdone(TWO(PRICE(1, 1), PRICE(2, 2)), 200, 100));
	/* as dear, or nobody knows */
	assert_false(is_outdone(TWO(PRICE(1, 1), PRICE(1, 1)), 100, 200));
	assert_false(is_outdone(TWO("", ""), 100, 200));
	assert_false(is_outdone(TWO(PRICE(1, 1), ""), 100, 200));
	/* machines cost by the hour */
	assert_true(is_outdone(
	    TWO("price = { hourly = 2.0; };", "price = { hourly = 3.0; };"),
	    100, 200));
	assert_false(is_outdone(
	    TWO("price = { hourly = 3.0; };", "price = { hourly = 2.0; };"),
	    100, 200));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_costs_more_is_outdone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
