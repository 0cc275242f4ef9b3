/* gateway/admin/live_test.c - what the page is told of a trouble that came and
 * went, in a time of its own. */
#include "gateway/admin/live.h"
#include "gateway/admin/labels.h"
#include "gateway/conf/testing.h"
#include "gateway/telemetry/fixture.h"

#define START (1000 * USEC_SEC)
#define WALL ((usec)1700000000000 * USEC_MS)
#define STEP (5 * USEC_SEC)

struct bed {
	struct fixture f;
	struct labels *labels;
	struct telemetry *telemetry;
	struct live *live;
	struct serving_view view;
	struct admin_picture p;
};

static void
bed_init(struct bed *b)
{
	struct telemetry_label label = { .model = "gemma",
		.backend = "gpu",
		.upstream = "gemma",
		.adapter = "vllm",
		.region = "eu" };

	*b = (struct bed){ 0 };
	assert_loads(&b->f, BASE, 0);
	label.serving = b->f.conf->servings[0].id;
	b->labels = labels_new();
	b->telemetry = telemetry_new(1);
	b->live = live_new(START, WALL);
	assert_int_equal(labels_configure(b->labels, b->f.conf), OK);
	assert_int_equal(telemetry_configure(b->telemetry, &label, 1), OK);
	b->view =
	    (struct serving_view){ .serving = label.serving, .warm = true };
	b->p = (struct admin_picture){ .conf = b->f.conf,
		.telemetry = b->telemetry,
		.servings = &b->view,
		.n_servings = 1,
		.labels = b->labels,
		.listen = &b->f.conf->listen,
		.now = START,
		.wall = WALL };
}

static void
bed_fini(struct bed *b)
{
	live_free(&b->live);
	telemetry_free(&b->telemetry);
	labels_free(&b->labels);
	conf_unref(&b->f.conf);
	fixture_fini(&b->f);
	assert_null(b->live);
}

/* A request that costs so much: met, or late by the serving's own doing. */
static void
request(struct bed *b, const char *tenant, bool met, double cost)
{
	struct outcome o = outcome_good();

	o.tenant = tenant;
	o.cost = cost;
	o.attempts[0].serving = b->view.serving;
	o.targets.ttft = met ? o.ttft : o.ttft / 2;
	o.slo_met = met;
	o.slo_missed = met ? 0 : 1u << PHASE_TTFT;
	telemetry_finish(b->telemetry, 0, &o, b->p.now);
}

/* n steps in which `acme` asks ten times each, at that price. */
static void
pass(struct bed *b, unsigned n, unsigned met, double cost)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < 10; k++)
			request(b, "acme", k < met, cost);
		for (unsigned k = 0; k < 5; k++) {
			b->p.now += USEC_SEC;
			live_watch(b->live, b->telemetry, b->p.now);
		}
		b->p.wall += STEP;
		assert_true(live_due(b->live, b->p.now));
		live_sample(b->live, &b->p);
		assert_false(live_due(b->live, b->p.now));
	}
}

static json_t *
loaded(struct buf *out)
{
	json_error_t why;
	json_t *doc;

	assert_int_equal(buf_err(out), OK);
	doc = json_loadb(out->p, out->n, 0, &why);
	if (doc == NULL)
		fail_msg("%s: %.*s", why.text, (int)out->n, out->p);
	buf_fini(out);
	return doc;
}

static json_t *
now_of(struct bed *b)
{
	uint64_t filed = 0;
	struct buf out;

	buf_init(&out, 64 << 20);
	live_render_now(b->live, &b->p, &filed, &out);
	return loaded(&out);
}

static json_t *
history_of(struct bed *b)
{
	struct buf out;

	buf_init(&out, 64 << 20);
	live_render_history(b->live, &b->p, &out);
	return loaded(&out);
}

static double
number(const json_t *row, const char *name)
{
	const json_t *v = json_object_get(row, name);

	assert_true(json_is_number(v));
	return json_number_value(v);
}

static const json_t *
first_objective(const json_t *doc)
{
	const json_t *row =
	    json_array_get(json_object_get(doc, "objectives"), 0);

	assert_non_null(row);
	return row;
}

static long long
moment(const json_t *row, const char *name)
{
	const json_t *v = json_object_get(row, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v) * USEC_MS;
}

/* Ten cents a step, then a dollar: 72 USD an hour before, 720 now. */
static void
who_since_when_why_and_what_it_costs(void **state)
{
	struct bed b;
	const json_t *row, *cause;
	json_t *doc;

	bed_init(&b);
	pass(&b, 130, 10, 0.01);
	doc = now_of(&b);
	row = first_objective(doc);
	assert_true(json_is_null(json_object_get(row, "since_ms")));
	assert_float_equal(number(row, "cost_per_hour_usd"), 72, 0.01);
	assert_float_equal(number(row, "requests_per_s"), 2, 1e-6);
	json_decref(doc);

	pass(&b, 24, 2, 0.1);
	doc = now_of(&b);
	row = first_objective(doc);
	assert_string_equal(
	    json_string_value(json_object_get(row, "tenant")), "acme");
	assert_true(moment(row, "since_ms") == WALL + 130 * STEP);
	assert_float_equal(number(row, "cost_per_hour_usd"), 720, 0.1);
	assert_float_equal(number(row, "cost_per_hour_before_usd"), 72, 0.01);
	cause = json_array_get(json_object_get(row, "blame"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(cause, "backend")), "gpu");
	assert_string_equal(
	    json_string_value(json_object_get(cause, "cause")), "ttft");
	assert_float_equal(number(cause, "misses"), 24 * 8, 0);
	assert_float_equal(number(cause, "share"), 1, 0);
	json_decref(doc);

	/* after an hour of it one still knows */
	pass(&b, 720, 2, 0.1);
	doc = now_of(&b);
	row = first_objective(doc);
	assert_true(moment(row, "since_ms") == WALL + 130 * STEP);
	assert_float_equal(number(row, "cost_per_hour_before_usd"), 72, 0.01);
	json_decref(doc);

	/* a good minute ends it */
	pass(&b, 12, 10, 0.01);
	doc = now_of(&b);
	row = first_objective(doc);
	assert_true(json_is_null(json_object_get(row, "since_ms")));
	json_decref(doc);
	bed_fini(&b);
}

static void
history_is_half_an_hour(void **state)
{
	struct bed b;
	json_t *doc;
	const json_t *steps;

	bed_init(&b);
	pass(&b, 400, 10, 0.01);
	doc = history_of(&b);
	assert_float_equal(number(doc, "n"), 360, 0);
	assert_true(moment(doc, "first_ms") == WALL + 40 * STEP);
	steps = json_object_get(first_objective(doc), "steps");
	assert_int_equal(
	    json_array_size(json_object_get(steps, "requests")), 360);
	for (size_t i = 0; i < 360; i++)
		assert_int_equal(json_integer_value(json_array_get(
				     json_object_get(steps, "met"), i)),
		    10);
	json_decref(doc);
	bed_fini(&b);
}

/* It is dated to the second, though judged when its step is over. */
static void
trouble_is_dated_to_the_second(void **state)
{
	struct bed b;
	json_t *doc;

	bed_init(&b);
	pass(&b, 20, 10, 0.01);
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned k = 0; k < 10; k++)
			request(&b, "acme", i < 3, 0.01);
		b.p.now += USEC_SEC;
		b.p.wall += USEC_SEC;
		live_watch(b.live, b.telemetry, b.p.now);
	}
	live_sample(b.live, &b.p);
	doc = now_of(&b);
	assert_true(moment(first_objective(doc), "since_ms") ==
	    WALL + 20 * STEP + 3 * USEC_SEC);
	json_decref(doc);
	bed_fini(&b);
}

/* The machine slept: those steps are unknown, and the counts are not lost. */
static void
steps_without_a_sample_are_unknown(void **state)
{
	struct bed b;
	const json_t *steps;
	json_t *doc;

	bed_init(&b);
	pass(&b, 2, 10, 0);
	b.p.now += 3 * STEP;
	b.p.wall += 3 * STEP;
	pass(&b, 1, 10, 0);
	doc = history_of(&b);
	assert_float_equal(number(doc, "n"), 6, 0);
	steps = json_object_get(
	    json_object_get(first_objective(doc), "steps"), "requests");
	assert_int_equal(json_integer_value(json_array_get(steps, 1)), 10);
	for (size_t i = 2; i < 5; i++)
		assert_true(json_is_null(json_array_get(steps, i)));
	assert_int_equal(json_integer_value(json_array_get(steps, 5)), 10);
	json_decref(doc);
	bed_fini(&b);
}

/* A clock that is set takes the steps' times along; a slow one does not move
 * them. */
static void
a_clock_that_is_set_is_followed(void **state)
{
	struct bed b;
	json_t *doc;

	bed_init(&b);
	pass(&b, 2, 10, 0);
	b.p.wall += 900 * USEC_MS;
	pass(&b, 1, 10, 0);
	doc = history_of(&b);
	assert_true(moment(doc, "first_ms") == WALL);
	json_decref(doc);
	b.p.wall += 3600 * USEC_SEC;
	pass(&b, 1, 10, 0);
	doc = history_of(&b);
	assert_true(
	    moment(doc, "first_ms") == WALL + 3600 * USEC_SEC + 900 * USEC_MS);
	json_decref(doc);
	bed_fini(&b);
}

/* More tenants than there are rows: the worst are listed. */
static void
the_worst_are_listed(void **state)
{
	struct bed b;
	char name[16];
	json_t *doc;
	const json_t *list;

	bed_init(&b);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		for (unsigned k = 0; k < 5; k++)
			request(&b, name, i != 299, 0.01);
	}
	pass(&b, 1, 10, 0.01);
	doc = now_of(&b);
	list = json_object_get(doc, "objectives");
	assert_int_equal(json_array_size(list), 100);
	assert_float_equal(number(doc, "objectives_total"), 301, 0);
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(list, 0), "tenant")),
	    "t299");
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(list, 1), "tenant")),
	    "acme");
	json_decref(doc);
	/* nor do more than the bound get a series */
	doc = history_of(&b);
	assert_int_equal(
	    json_array_size(json_object_get(doc, "objectives")), 128);
	json_decref(doc);
	bed_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_since_when_why_and_what_it_costs),
		cmocka_unit_test(trouble_is_dated_to_the_second),
		cmocka_unit_test(history_is_half_an_hour),
		cmocka_unit_test(steps_without_a_sample_are_unknown),
		cmocka_unit_test(a_clock_that_is_set_is_followed),
		cmocka_unit_test(the_worst_are_listed),
	};

	return cmocka_run_group_tests_name("admin/live", tests, NULL, NULL);
}
