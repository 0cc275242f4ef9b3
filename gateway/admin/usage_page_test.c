/* gateway/admin/usage_page_test.c - what is asked for, and what is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Ours first: cmocka makes a macro of fail. */
#include "gateway/admin/usage_page.h"
#include "gateway/lib/count.h"

#include <cmocka.h>

#define HOUR (3600 * USEC_SEC)
#define WALL (20000 * 24 * HOUR) /* 2024-10-04 */

static struct usage_question
asked(const char *query)
{
	struct usage_question q;
	struct errmsg why = { "" };

	if (usage_read_question(slice_of(query), WALL, &q, &why) != OK)
		fail_msg("%s: %s", query, why.text);
	return q;
}

static void
assert_refused(const char *query, const char *words)
{
	struct usage_question q;
	struct errmsg why = { "" };

	assert_int_equal(
	    usage_read_question(slice_of(query), WALL, &q, &why), ERR_INVALID);
	if (strstr(why.text, words) == NULL)
		fail_msg("want \"%s\", got \"%s\"", words, why.text);
}

static void
the_last_day_unless_it_is_said(void **state)
{
	struct usage_question q = asked("");

	assert_int_equal(q.query.since, WALL - 24 * HOUR);
	assert_true(q.query.until > WALL);
	assert_int_equal(q.query.n_by, 0);
	assert_int_equal(q.format, USAGE_JSON);
	q = asked("until=2024-10-01");
	assert_int_equal(q.query.since, WALL - 96 * HOUR);
	assert_int_equal(q.query.until, WALL - 72 * HOUR);
	q = asked("until=2030-01-01");
	assert_int_equal(q.query.since, WALL - 24 * HOUR);
}

static void
times_are_spans_or_dates(void **state)
{
	assert_int_equal(
	    asked("since=90m").query.since, WALL - 90 * 60 * USEC_SEC);
	assert_int_equal(asked("since=7d").query.since, WALL - 168 * HOUR);
	assert_int_equal(asked("since=1000000d").query.since, 0);
	assert_int_equal(
	    asked("since=2024-10-02").query.since, WALL - 48 * HOUR);
	assert_int_equal(asked("since=2024-10-03T22%3A30Z").query.since,
	    WALL - HOUR - HOUR / 2);
	assert_int_equal(asked("until=2024-10-03T23:00:01Z").query.until,
	    WALL - HOUR + USEC_SEC);
	assert_refused("since=yesterday", "since: want a span until now");
	assert_refused("since=2024-13-40", "got \"2024-13-40\"");
	assert_refused("since=24h&until=2024-10-01", "want since before until");
}

static void
only_a_date_that_there_is_will_do(void **state)
{
	static const char *const wrong[] = { "2026-02-30", "2025-02-29",
		"2026-04-31T10:00Z", "2026-02-30T10:00:00Z", "26-11-22",
		"1969-12-31", "0026-11-22", "2026-%201-01", "2026-1-01",
		"%202026-01-01", "2026-01-01%20", "2026-01-01T%201:00Z",
		"2026-01-01T1:00Z", "2026-01-01T23:59:60Z", "%2B2026-01-01",
		"-2026-01-01" };
	char query[64];

	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(query, sizeof(query), "since=%s", wrong[i]);
		assert_refused(query, "since: want a span until now");
	}
	assert_int_equal(asked("since=1970-01-01").query.since, 0);
	assert_int_equal(
	    asked("since=2024-02-29").query.since, WALL - 218 * 24 * HOUR);
}

static void
names_are_unescaped(void **state)
{
	struct usage_question q =
	    asked("tenant=a%26b&&model=org/m&by=key&format=csv");

	assert_string_equal(q.query.tenant, "a&b");
	assert_string_equal(q.query.model, "org/m");
	assert_string_equal(q.query.key, "");
	assert_int_equal(q.query.n_by, 1);
	assert_int_equal(q.format, USAGE_CSV);
}

static void
what_is_wrong_is_said(void **state)
{
	assert_refused("group=tenant", "got \"group\"");
	assert_refused("by=prompt", "unknown \"prompt\"");
	assert_refused("format=xml", "want json, csv or table, got \"xml\"");
	assert_refused("tenant=", "tenant: want a name");
	assert_refused("since=", "since: want a span until now");
}

/* --- the texts --- */

static const char document[] =
    "{\"by\": [\"tenant\", \"day\"], \"truncated\": false, \"rows\": ["
    "{\"tenant\": \"a,b \\\"c\\\"\", \"day\": \"2024-10-04\","
    " \"requests\": 3, \"cost_usd\": 0.25, \"attainment\": 0.5,"
    " \"cost_usd_per_met\": null}],"
    " \"total\": {\"requests\": 3, \"cost_usd\": 0.25}}";

static const char *
written(const char *text, void (*write)(const json_t *, struct buf *),
    struct buf *out)
{
	json_t *doc = json_loads(text, 0, NULL);

	assert_non_null(doc);
	buf_init(out, 65536);
	write(doc, out);
	buf_add_char(out, '\0');
	assert_int_equal(buf_err(out), OK);
	json_decref(doc);
	return out->p;
}

static void
csv_quotes_what_it_must(void **state)
{
	struct buf out;
	const char *text = written(document, usage_write_csv, &out);

	assert_non_null(strstr(text, "tenant,day,requests,ok,"));
	assert_non_null(strstr(text, "\r\n\"a,b \"\"c\"\"\",2024-10-04,3,,,"));
	assert_null(strstr(text, "\ntotal"));
	buf_fini(&out);
}

static void
a_table_has_a_total(void **state)
{
	struct buf out;
	const char *text = written(document, usage_write_table, &out);

	assert_int_equal(strncmp(text, "TENANT ", 7), 0);
	assert_non_null(strstr(text, "50.00%"));
	assert_non_null(strstr(text, "\ntotal "));
	buf_fini(&out);
}

static void
csv_is_whole_or_is_not(void **state)
{
	json_t *doc = json_pack("{s:b}", "truncated", 0);
	struct errmsg why = { "" };

	assert_true(usage_is_whole(doc, &why));
	json_object_set_new(doc, "truncated", json_true());
	assert_false(usage_is_whole(doc, &why));
	assert_non_null(strstr(why.text, "more than 10000 rows"));
	json_decref(doc);
}

static void
a_name_commands_no_terminal(void **state)
{
	static const char doc[] =
	    "{\"by\": [\"model\"], \"rows\": [{\"model\": "
	    "\"a\\u001b[2Jb\\nc\\u009b1md\"}]}";
	struct buf out;
	const char *text = written(doc, usage_write_table, &out);

	assert_non_null(strstr(text, "\na?[2Jb?c??1md "));
	buf_fini(&out);
}

static void
a_strange_document_does_no_harm(void **state)
{
	static const char *const strange[] = { "{}", "{\"by\": 3}",
		"{\"by\": [1, 2], \"rows\": [4]}",
		"{\"by\": [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"],"
		" \"rows\": [{\"a\": 1}, {}]}" };
	struct buf out;

	for (size_t i = 0; i < COUNT(strange); i++) {
		written(strange[i], usage_write_csv, &out);
		buf_fini(&out);
		written(strange[i], usage_write_table, &out);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_day_unless_it_is_said),
		cmocka_unit_test(times_are_spans_or_dates),
		cmocka_unit_test(only_a_date_that_there_is_will_do),
		cmocka_unit_test(names_are_unescaped),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(csv_quotes_what_it_must),
		cmocka_unit_test(a_table_has_a_total),
		cmocka_unit_test(csv_is_whole_or_is_not),
		cmocka_unit_test(a_name_commands_no_terminal),
		cmocka_unit_test(a_strange_document_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
