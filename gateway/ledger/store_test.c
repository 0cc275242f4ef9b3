/* gateway/ledger/store_test.c - the file: new, damaged, of another. */
#include "gateway/ledger/schema.h"
#include "gateway/ledger/testing.h"

#include <sys/stat.h>

#define PAGE 16384 /* bytes */

static void
assert_refused(const char *path, enum err rc, const char *words)
{
	struct errmsg why = { "" };
	struct store s;

	assert_int_equal(store_open(&s, path, &why), rc);
	if (strstr(why.text, words) == NULL || strstr(why.text, path) == NULL)
		fail_msg(
		    "want \"%s\" and the path, got \"%s\"", words, why.text);
}

/* A row, by a process of its own. */
static void
written(const char *path, const struct outcome *o, usec at)
{
	struct store s;

	store_opened(&s, path);
	store_added(&s, o, at);
	store_close(&s);
}

static void
a_new_file_is_ours_alone(void **state)
{
	struct place p;
	struct store s;
	struct stat st;

	place_init(&p);
	store_opened(&s, p.path);
	store_close(&s);
	assert_int_equal(number(p.path, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(number(p.path, "PRAGMA page_size"), PAGE);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 07, 0);
	store_opened(&s, p.path);
	store_close(&s);
	place_fini(&p);
}

static void
a_row_says_what_became_of_a_request(void **state)
{
	struct outcome o = answered("acme");
	struct place p;

	place_init(&p);
	written(p.path, &o, NOON);
	assert_row(p.path, "receipt = 'rcpt_0123456789abcdef01234567'");
	assert_row(p.path, "time = 1728043200000000");
	assert_row(p.path,
	    "tenant = 'acme' AND key = 'laptop' AND model = 'm' AND backend = "
	    "'gpu' AND upstream = 'org/m' AND slo = 'voice'");
	assert_row(p.path,
	    "dialect = 'chat' AND stream AND result = 'ok' AND fault IS NULL "
	    "AND status = 200 AND attempts = 1");
	assert_row(p.path,
	    "tokens_in = 10 AND tokens_out = 3 AND tokens_cached = 4 AND NOT "
	    "estimated AND cost_usd = 0.5");
	assert_row(p.path, "slo_met AND missed IS NULL");
	assert_row(p.path,
	    "queue_us = 0 AND ttft_us = 2000 AND itl_us = 300 AND total_us = "
	    "9000");
	place_fini(&p);
}

static void
what_is_not_known_is_null(void **state)
{
	struct outcome o = answered(NULL);
	struct place p;
	struct store s;

	o.key = NULL;
	o.result = RESULT_REFUSED;
	o.fault = FAULT_DEADLINE;
	o.slo_met = false;
	o.slo_missed = 1u << PHASE_TTFT | 1u << PHASE_TOTAL;
	o.n_attempts = 0;
	o.cost = 0;
	o.ttft = o.itl = -1;
	place_init(&p);
	store_opened(&s, p.path);
	store_added(&s, &o, NOON);
	o.n_attempts = 1;
	o.cost = -1;
	o.result = RESULT_ERROR;
	o.slo_missed = 0;
	o.usage = (struct usage){ .known = false };
	store_added(&s, &o, NOON + 1);
	store_close(&s);
	assert_row(p.path,
	    "result = 'refused' AND tenant = '-' AND key = '-' AND backend IS "
	    "NULL AND upstream IS NULL AND fault = 'deadline'");
	assert_row(p.path,
	    "result = 'refused' AND cost_usd = 0 AND ttft_us IS NULL AND "
	    "itl_us IS NULL AND NOT slo_met AND missed = 'ttft,total'");
	assert_row(p.path,
	    "result = 'error' AND cost_usd IS NULL AND missed = 'answer' AND "
	    "NOT estimated");
	place_fini(&p);
}

static void
a_long_name_is_cut_between_characters(void **state)
{
	struct outcome o = answered("acme");
	char name[301];
	struct place p;

	for (size_t i = 0; i < 300; i += 2) /* two bytes each */
		memcpy(name + i, "\xc3\xa4", 2);
	name[300] = '\0';
	o.model = name;
	place_init(&p);
	written(p.path, &o, NOON);
	assert_row(p.path, "length(model) = 127 AND backend = 'gpu'");
	place_fini(&p);
}

/* --- what was spent --- */

struct sums {
	int n;
	double day, month;
};

static void
sum_up(void *arg, const struct ledger_spent *one)
{
	struct sums *s = arg;

	assert_string_equal(one->key, "laptop");
	if (strcmp(one->tenant, "acme") != 0)
		return;
	s->n++;
	s->day += one->day;
	s->month += one->month;
}

static void
assert_spent(const char *path, usec wall, double day, double month)
{
	struct sums sums = { 0 };
	struct errmsg why = { "" };

	assert_int_equal(store_spent(path, wall, sum_up, &sums, &why), OK);
	assert_true(sums.n <= 1);
	if (sums.day != day || sums.month != month)
		fail_msg("want %g and %g, got %g and %g", day, month, sums.day,
		    sums.month);
}

static void
what_was_spent_outlives_the_rows(void **state)
{
	struct outcome o = answered("acme"), other = answered("other");
	struct errmsg why = { "" };
	struct place p;
	struct store s;
	bool more;

	place_init(&p);
	store_opened(&s, p.path);
	store_added(&s, &o, NOON - 4 * STORE_DAY); /* the month before */
	store_added(&s, &o, NOON - 2 * STORE_DAY);
	store_added(&s, &o, NOON);
	store_added(&s, &o, NOON + 1);
	store_added(&s, &other, NOON);
	assert_int_equal(
	    store_prune(&s, NOON + STORE_DAY, NOON, &more, &why), OK);
	assert_false(more);
	store_close(&s);
	assert_int_equal(written_rows(p.path), 0);
	store_opened(&s, p.path);
	assert_spent(p.path, NOON, 1.0, 1.5);
	assert_spent(p.path, NOON + STORE_DAY, 0, 1.5);
	assert_spent(p.path, NOON + 40 * STORE_DAY, 0, 0);
	store_close(&s);
	place_fini(&p);
}

static void
old_rows_go_and_others_stay(void **state)
{
	struct outcome o = answered("acme");
	struct errmsg why = { "" };
	struct place p;
	struct store s;
	bool more;

	place_init(&p);
	store_opened(&s, p.path);
	for (int i = 0; i < 10; i++)
		store_added(&s, &o, NOON + i);
	assert_int_equal(store_prune(&s, NOON + 4, NOON, &more, &why), OK);
	store_close(&s);
	assert_int_equal(
	    number(p.path, "SELECT min(time) FROM requests") - NOON, 4);
	assert_int_equal(written_rows(p.path), 6);
	place_fini(&p);
}

/* --- files that are none --- */

static void
a_file_of_another_kind_is_left_alone(void **state)
{
	struct place p;
	FILE *f;

	place_init(&p);
	f = fopen(p.path, "w");
	assert_non_null(f);
	for (int i = 0; i < 500; i++)
		assert_true(fputs("listen = { port = 7070; };\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_refused(p.path, ERR_INVALID, "not a database");
	unlink(p.path);

	execute(p.path, "CREATE TABLE bookmarks (url TEXT)");
	assert_refused(p.path, ERR_INVALID, "another program's");
	assert_int_equal(number(p.path, "SELECT count(*) FROM bookmarks"), 0);
	assert_refused(p.folder, ERR_IO, "Is a directory");
	place_fini(&p);
}

/* What `missed` of it is to be, in SQL. */
static const char *
missed(const struct outcome *o, char room[64])
{
	size_t n = 0;

	if (!o->slo_declared || o->slo_met)
		return "NULL";
	for (enum phase p = 0; p < PHASE_COUNT; p++)
		if (o->slo_missed & 1u << p)
			n += (size_t)snprintf(room + n, 64 - n, "%s%s",
			    n > 0 ? "," : "'", phase_name(p));
	snprintf(room + n, 64 - n, "%s", n > 0 ? "'" : "'answer'");
	return room;
}

static void
assert_facts(const char *path, const struct outcome *o, usec at)
{
	char is[400], room[64];

	snprintf(is, sizeof(is),
	    "time = %lld AND dialect = '%s' AND result = '%s' AND "
	    "ifnull(fault, 'none') = '%s' AND ifnull(status, 0) = %d AND "
	    "attempts = %zu AND stream = %d AND slo_met IS %s AND "
	    "missed IS %s AND estimated = %d",
	    (long long)at, dialect_name(o->dialect), result_name(o->result),
	    fault_rule(o->fault)->name, o->status, o->n_attempts, o->stream,
	    !o->slo_declared ? "NULL"
		: o->slo_met ? "1"
			     : "0",
	    missed(o, room), !o->usage.known);
	assert_row(path, is);
}

/* All that `facts` packs, each beside the others. */
static void
facts_are_read_as_they_were_written(void **state)
{
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	for (unsigned i = 0; i < 64; i++) {
		struct outcome o = answered("acme");

		o.dialect = i % DIALECT_COUNT;
		o.result = i % (RESULT_CLIENT_GONE + 1);
		o.fault = i % FAULT_COUNT;
		o.status = i % 3 == 0 ? 0 : 200 + (int)i;
		o.stream = i & 1;
		o.slo_declared = i & 2;
		o.slo_met = i & 4;
		o.slo_missed = i % (1u << PHASE_COUNT);
		o.usage.known = i & 8;
		o.n_attempts = i == 63 ? 1000000 : i % 3;
		store_added(&s, &o, NOON + i);
		assert_facts(p.path, &o, NOON + i);
	}
	store_close(&s);
	place_fini(&p);
}

/* Files have the numbers of these names: one that goes or moves changes what
 * was written long ago. */
static void
names_keep_their_numbers(void **state)
{
	static const char *const faults[] = { "refused", "unreachable", "dns",
		"tls", "reset", "cut", "framing", "connect_timeout",
		"ttft_timeout", "gap_timeout", "total_timeout", "server_error",
		"bad_answer", "too_large", "loading", "rate_limited", "key",
		"model", "unsuited", "request", "client_gone", "deadline",
		"internal", "memory", "outrun", "drill" };
	static const char *const dialects[] = { "chat", "completions",
		"embeddings", "responses", "messages" };
	static const char *const results[] = { "ok", "error", "broken",
		"refused", "client_gone" };
	static const char *const phases[] = { "queue", "connect", "tls", "ttft",
		"itl", "total" };

	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		assert_string_equal(
		    fault_rule((enum fault_kind)(i + 1))->name, faults[i]);
	for (unsigned i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		assert_string_equal(dialect_name((enum dialect)i), dialects[i]);
	for (unsigned i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		assert_string_equal(result_name((enum result)i), results[i]);
	for (unsigned i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
		assert_string_equal(phase_name((enum phase)i), phases[i]);
}

/* One that was written before there was a name for something. */
static void
a_view_of_fewer_names_is_renewed(void **state)
{
	struct outcome o = answered("acme");
	struct place p;

	place_init(&p);
	written(p.path, &o, NOON);
	execute(p.path,
	    "DROP VIEW requests; CREATE VIEW requests AS SELECT time FROM "
	    "rows");
	written(p.path, &o, NOON + 1);
	assert_int_equal(number(p.path,
			     "SELECT count(*) FROM requests WHERE result = "
			     "'ok' AND dialect = 'chat'"),
	    2);
	place_fini(&p);
}

/* Budgets are restored from what was charged, be the cost known or not. */
static void
an_estimate_is_charged_and_no_cost(void **state)
{
	struct outcome o = answered("acme");
	struct place p;

	o.cost = -1;
	o.charged = 0.25;
	place_init(&p);
	written(p.path, &o, NOON);
	assert_row(p.path, "cost_usd IS NULL AND charged_usd = 0.25");
	assert_int_equal(
	    number(p.path, "SELECT cost_usd * 100 FROM spent"), 25);
	place_fini(&p);
}

static void
another_version_is_refused(void **state)
{
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	store_close(&s);
	execute(p.path, "PRAGMA user_version = 9");
	assert_refused(p.path, ERR_INVALID,
	    "by another version (schema 9, this one knows 4)");
	assert_int_equal(number(p.path, "PRAGMA user_version"), 9);
	place_fini(&p);
}

static void
a_damaged_file_is_refused(void **state)
{
	static const char junk[PAGE] = { 1, 2, 3 };
	struct outcome o = answered("acme");
	struct place p;
	struct store s;
	FILE *f;

	place_init(&p);
	store_opened(&s, p.path);
	for (int i = 0; i < 200; i++)
		store_added(&s, &o, NOON + i);
	store_close(&s);
	f = fopen(p.path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, PAGE, SEEK_SET), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fwrite(junk, sizeof(junk), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	assert_refused(p.path, ERR_INVALID, "move it away, or restore a copy");
	place_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file_is_ours_alone),
		cmocka_unit_test(a_row_says_what_became_of_a_request),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(a_long_name_is_cut_between_characters),
		cmocka_unit_test(what_was_spent_outlives_the_rows),
		cmocka_unit_test(old_rows_go_and_others_stay),
		cmocka_unit_test(a_file_of_another_kind_is_left_alone),
		cmocka_unit_test(facts_are_read_as_they_were_written),
		cmocka_unit_test(names_keep_their_numbers),
		cmocka_unit_test(a_view_of_fewer_names_is_renewed),
		cmocka_unit_test(an_estimate_is_charged_and_no_cost),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(a_damaged_file_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
