/* gateway/ledger/usage_test.c - sums of rows, as they are asked for. */
#include "gateway/ledger/testing.h"

#include "gateway/ledger/usage.h"

struct stage {
	struct place place;
	struct usage_query q;
	json_t *doc;
};

static void
add(struct store *s, const struct outcome *o, usec wall)
{
	union entry_room room;

	entry_write(&room, o, wall);
	assert_int_equal(
	    store_add(s, room.bytes, room.entry.size, &(struct errmsg){ "" }),
	    OK);
}

/* acme: two met at 0.5 USD, one that missed; open: one without a price or
 * targets, a day later, and one refused. */
static void
stage_init(struct stage *st)
{
	struct outcome o = answered("acme");
	struct store s;

	*st = (struct stage){ .q = { .since = 0, .until = USEC_NEVER } };
	place_init(&st->place);
	assert_int_equal(
	    store_open(&s, st->place.path, &(struct errmsg){ "" }), OK);
	add(&s, &o, NOON);
	o.ttft = 4000;
	add(&s, &o, NOON + 1);
	o.slo_met = false;
	o.slo_missed = 1u << PHASE_TTFT;
	o.ttft = 9000;
	add(&s, &o, NOON + 2);
	o = answered("open");
	o.model = "other";
	o.slo_declared = o.slo_met = false;
	o.cost = -1;
	o.ttft = -1;
	add(&s, &o, NOON + STORE_DAY);
	o.result = RESULT_REFUSED;
	o.n_attempts = 0;
	o.cost = 0;
	o.usage = (struct usage){ .known = false };
	add(&s, &o, NOON + STORE_DAY + 1);
	store_close(&s);
}

static void
stage_fini(struct stage *st)
{
	json_decref(st->doc);
	place_fini(&st->place);
}

static void
sum(struct stage *st, const char *by)
{
	struct errmsg why = { "" };

	json_decref(st->doc);
	st->doc = NULL;
	assert_int_equal(usage_by_parse(slice_of(by), &st->q, &why), OK);
	if (usage_sum(st->place.path, &st->q, 10 * USEC_SEC, NULL, &st->doc,
		&why) != OK)
		fail_msg("%s", why.text);
}

static const json_t *
row(const struct stage *st, size_t i)
{
	return json_array_get(json_object_get(st->doc, "rows"), i);
}

static size_t
rows(const struct stage *st)
{
	return json_array_size(json_object_get(st->doc, "rows"));
}

static double
figure(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	assert_non_null(v);
	return json_is_null(v) ? -1 : json_number_value(v);
}

static void
assert_text(const json_t *o, const char *name, const char *is)
{
	assert_string_equal(json_string_value(json_object_get(o, name)), is);
}

static void
rows_are_summed_by_name(void **state)
{
	struct stage st;
	const json_t *a, *b;

	stage_init(&st);
	sum(&st, "tenant,model");
	assert_int_equal(rows(&st), 2);
	a = row(&st, 0); /* the dearest first */
	b = row(&st, 1);
	assert_text(a, "tenant", "acme");
	assert_text(a, "model", "m");
	assert_text(b, "tenant", "open");
	assert_true(figure(a, "requests") == 3);
	assert_true(figure(a, "tokens_in") == 30);
	assert_true(figure(a, "tokens_out") == 9);
	assert_true(figure(a, "tokens_cached") == 12);
	assert_true(figure(a, "cost_usd") == 1.5);
	assert_true(figure(a, "unpriced") == 0);
	assert_true(figure(a, "slo_met") == 2);
	assert_true(figure(a, "missed_ttft") == 1);
	assert_true(figure(a, "missed_total") == 0);
	assert_true(figure(a, "cost_usd_per_met") == 0.75);
	assert_true(figure(a, "ttft_ms") == 5);
	assert_true(figure(b, "requests") == 2);
	assert_true(figure(b, "refused") == 1);
	assert_true(figure(b, "unpriced") == 1);
	stage_fini(&st);
}

/* Their backends have a price: nobody said what was used of it. */
static void
what_was_cut_is_charged_and_not_unpriced(void **state)
{
	struct outcome o = answered("acme");
	struct errmsg why = { "" };
	struct stage st;
	struct store s;

	stage_init(&st);
	o.cost = -1;
	o.charged = 0.25;
	assert_int_equal(store_open(&s, st.place.path, &why), OK);
	o.result = RESULT_BROKEN;
	add(&s, &o, NOON + 3);
	o.result = RESULT_CLIENT_GONE;
	add(&s, &o, NOON + 4);
	store_close(&s);
	sum(&st, "tenant");
	assert_true(figure(row(&st, 0), "cost_usd") == 1.5);
	assert_true(figure(row(&st, 0), "unpriced") == 0);
	assert_true(figure(row(&st, 0), "cut") == 2);
	assert_true(figure(row(&st, 0), "charged_usd") == 2);
	stage_fini(&st);
}

static void
a_mean_of_nothing_is_null(void **state)
{
	struct stage st;

	stage_init(&st);
	sum(&st, "model");
	assert_true(figure(row(&st, 1), "attainment") == -1);
	assert_true(figure(row(&st, 1), "cost_usd_per_met") == -1);
	assert_true(figure(row(&st, 1), "ttft_ms") == -1);
	stage_fini(&st);
}

static void
the_total_is_of_all(void **state)
{
	struct stage st;
	const json_t *t;

	stage_init(&st);
	sum(&st, "");
	assert_int_equal(rows(&st), 0);
	t = json_object_get(st.doc, "total");
	assert_true(figure(t, "requests") == 5);
	assert_true(figure(t, "attainment") == 2.0 / 3);
	sum(&st, "tenant,result");
	assert_true(figure(json_object_get(st.doc, "total"), "requests") == 5);
	stage_fini(&st);
}

static void
days_come_in_their_order(void **state)
{
	struct stage st;

	stage_init(&st);
	sum(&st, "day,key");
	assert_int_equal(rows(&st), 2);
	assert_text(row(&st, 0), "day", "2024-10-04");
	assert_text(row(&st, 1), "day", "2024-10-05");
	assert_text(row(&st, 0), "key", "laptop");
	stage_fini(&st);
}

static void
only_what_is_asked_for_counts(void **state)
{
	struct stage st;
	const json_t *t;

	stage_init(&st);
	st.q.since = NOON + 1;
	st.q.until = NOON + STORE_DAY;
	sum(&st, "");
	t = json_object_get(st.doc, "total");
	assert_true(figure(t, "requests") == 2);
	st.q.since = 0;
	st.q.until = USEC_NEVER;
	snprintf(st.q.tenant, sizeof(st.q.tenant), "open");
	snprintf(st.q.model, sizeof(st.q.model), "other");
	snprintf(st.q.key, sizeof(st.q.key), "laptop");
	sum(&st, "");
	assert_true(figure(json_object_get(st.doc, "total"), "requests") == 2);
	snprintf(st.q.model, sizeof(st.q.model), "' OR 1 OR '");
	sum(&st, "");
	assert_true(figure(json_object_get(st.doc, "total"), "requests") == 0);
	stage_fini(&st);
}

static void
assert_refused_by(const char *list, const char *words)
{
	struct usage_query q;
	struct errmsg why = { "" };

	assert_int_equal(usage_by_parse(slice_of(list), &q, &why), ERR_INVALID);
	if (strstr(why.text, words) == NULL ||
	    strstr(why.text, "upstream") == NULL)
		fail_msg("want \"%s\", got \"%s\"", words, why.text);
}

static void
a_wrong_name_is_told_the_right_ones(void **state)
{
	assert_refused_by("tenant,prompt", "unknown \"prompt\"");
	assert_refused_by("day,tenant,day", "a second \"day\"");
	assert_refused_by(
	    "day,hour,tenant,key,model,slo,result", "one more: \"result\"");
}

static void
it_ends_when_it_is_told_to(void **state)
{
	atomic_bool cancel = true;
	struct stage st;
	struct errmsg why = { "" };
	struct store s;
	struct outcome o = answered("acme");

	stage_init(&st);
	assert_int_equal(store_open(&s, st.place.path, &why), OK);
	/* as many as take some thousand steps */
	for (int i = 0; i < 500; i++)
		add(&s, &o, NOON + 10 + i);
	store_close(&s);
	assert_int_equal(usage_sum(st.place.path, &st.q, 10 * USEC_SEC, &cancel,
			     &st.doc, &why),
	    ERR_AGAIN);
	assert_null(st.doc);
	stage_fini(&st);
}

struct seen {
	unsigned n;
	struct usage_arrival all[8];
	char names[8][32];
};

static void
see(void *arg, const struct usage_arrival *a)
{
	struct seen *seen = arg;

	assert_true(seen->n < 8);
	snprintf(
	    seen->names[seen->n], 32, "%s %s %s", a->tenant, a->model, a->slo);
	seen->all[seen->n++] = *a;
}

/* One after the other a second apart, each having taken 9 ms. */
static void
who_wanted_an_answer_can_be_played_again(void **state)
{
	struct outcome o = answered("acme");
	struct seen seen = { 0 };
	struct stage st;
	struct store s;

	st = (struct stage){ .q = { .since = 0, .until = USEC_NEVER } };
	place_init(&st.place);
	store_opened(&s, st.place.path);
	add(&s, &o, NOON);
	o.usage.output = 8;
	o.total = 3 * USEC_SEC; /* it came before the one before */
	add(&s, &o, NOON + USEC_SEC);
	o = answered("b"); /* half an answer says no length */
	o.result = RESULT_BROKEN;
	o.fault = FAULT_CUT;
	o.usage.output = 1;
	add(&s, &o, NOON + 2 * USEC_SEC);
	o = answered("b"); /* nor does what a client has waited for */
	o.result = RESULT_CLIENT_GONE;
	o.fault = FAULT_CLIENT_GONE;
	o.usage.output = 0;
	add(&s, &o, NOON + 2 * USEC_SEC + 1);
	o.model = "-"; /* whose request was never read is not one, */
	o.n_attempts = 0;
	add(&s, &o, NOON + 2 * USEC_SEC + 2);
	o = answered("c"); /* shed */
	o.slo = "night";
	o.result = RESULT_REFUSED;
	o.status = 503;
	o.n_attempts = 0;
	o.usage = (struct usage){ .known = false };
	add(&s, &o, NOON + 3 * USEC_SEC);
	o.status = 429; /* beyond a limit, */
	add(&s, &o, NOON + 4 * USEC_SEC);
	o = answered("d"); /* an embedding, */
	o.dialect = DIALECT_EMBEDDINGS;
	add(&s, &o, NOON + 5 * USEC_SEC);
	o = answered("e"); /* and at fault itself: none of these */
	o.result = RESULT_ERROR;
	o.status = 400;
	o.fault = FAULT_REQUEST;
	add(&s, &o, NOON + 6 * USEC_SEC);
	store_close(&s);

	assert_int_equal(usage_arrivals(st.place.path, &st.q, see, &seen,
			     &(struct errmsg){ "" }),
	    OK);
	assert_int_equal(seen.n, 5);
	assert_true(seen.all[0].at == NOON - 2 * USEC_SEC);
	assert_int_equal(seen.all[0].output, 8);
	assert_true(seen.all[1].at == NOON - 9000);
	assert_string_equal(seen.names[1], "acme m voice");
	assert_int_equal(seen.all[1].prompt, 10);
	assert_int_equal(seen.all[1].output, 3);
	assert_string_equal(seen.names[2], "b m voice");
	assert_int_equal(seen.all[2].output, 6); /* of 8 and 3, rounded */
	assert_string_equal(seen.names[3], "b m voice");
	assert_int_equal(seen.all[3].output, 6);
	assert_string_equal(seen.names[4], "c m night");
	assert_int_equal(seen.all[4].prompt, 10);
	assert_int_equal(seen.all[4].output, 6);
	stage_fini(&st);
}

static void
a_row_is_found_by_its_receipt(void **state)
{
	struct outcome o = answered("late");
	struct errmsg why = { "" };
	struct stage st;
	struct store s;

	stage_init(&st);
	o.id = "req_9923456789abcdef01234567";
	store_opened(&s, st.place.path);
	add(&s, &o, NOON + 7);
	store_close(&s);
	assert_int_equal(
	    usage_row(st.place.path, "rcpt_9923456789abcdef01234567", USEC_SEC,
		NULL, &st.doc, &why),
	    OK);
	assert_text(st.doc, "tenant", "late");
	assert_true(figure(st.doc, "time") == NOON + 7);
	assert_true(json_is_null(json_object_get(st.doc, "fault")));
	json_decref(st.doc);
	st.doc = NULL;
	assert_int_equal(
	    usage_row(st.place.path, "rcpt_1", USEC_SEC, NULL, &st.doc, &why),
	    ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "ledger_keep"));
	stage_fini(&st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_summed_by_name),
		cmocka_unit_test(what_was_cut_is_charged_and_not_unpriced),
		cmocka_unit_test(a_mean_of_nothing_is_null),
		cmocka_unit_test(the_total_is_of_all),
		cmocka_unit_test(days_come_in_their_order),
		cmocka_unit_test(only_what_is_asked_for_counts),
		cmocka_unit_test(a_wrong_name_is_told_the_right_ones),
		cmocka_unit_test(it_ends_when_it_is_told_to),
		cmocka_unit_test(who_wanted_an_answer_can_be_played_again),
		cmocka_unit_test(a_row_is_found_by_its_receipt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
