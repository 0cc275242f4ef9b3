/* gateway/ledger/store_names_test.c - names are shared, and go with
 * their rows. */
#include "gateway/ledger/testing.h"
#include "gateway/lib/buf.h"

static void
assert_names(const char *path, int n)
{
	assert_int_equal(number(path, "SELECT count(*) FROM names"), n);
	/* each row has its own */
	assert_int_equal(number(path,
			     "SELECT count(*) FROM requests WHERE tenant IS "
			     "NULL OR receipt NOT LIKE 'rcpt_%'"),
	    0);
}

static void
rows_that_say_the_same_share_their_names(void **state)
{
	static const char *const models[] = { "m", "mm", "m" };
	struct outcome o = answered("acme");
	struct place p;
	struct store s;

	place_init(&p);
	for (int again = 0; again < 2; again++) {
		store_opened(&s, p.path); /* knows nothing any more */
		for (int i = 0; i < 12; i++) {
			o.model = models[i % 3];
			o.key = i % 2 ? "laptop" : NULL;
			o.n_attempts = i < 6 ? 1 : 0;
			store_added(&s, &o, NOON + again * 100 + i);
		}
		store_close(&s);
		assert_names(p.path, 8);
	}
	assert_int_equal(written_rows(p.path), 24);
	assert_int_equal(number(p.path,
			     "SELECT count(*) FROM requests WHERE model = 'm' "
			     "AND key = '-' AND backend IS NULL"),
	    4);
	place_fini(&p);
}

/* As far as they stand together, names that run into each other differ. */
static void
names_end_where_they_end(void **state)
{
	struct outcome o = answered("ab");
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	o.key = "c";
	store_added(&s, &o, NOON);
	o.tenant = "a";
	o.key = "bc";
	store_added(&s, &o, NOON + 1);
	store_close(&s);
	assert_names(p.path, 2);
	assert_row(p.path, "tenant = 'ab' AND key = 'c'");
	assert_row(p.path, "tenant = 'a' AND key = 'bc'");
	place_fini(&p);
}

/* Those that any row still has are kept, also where it is of a later day than
 * the first; what comes again afterwards has names as before. */
static void
names_go_with_the_last_of_their_rows(void **state)
{
	struct outcome o = answered("acme"), other = answered("other");
	struct errmsg why = { "" };
	struct place p;
	struct store s;
	bool more;

	place_init(&p);
	store_opened(&s, p.path);
	store_added(&s, &o, NOON);
	store_added(&s, &other, NOON + 1);
	store_added(&s, &o, NOON + 2 * STORE_DAY);
	store_added(&s, &o, NOON + 3); /* of an earlier day once more */
	assert_int_equal(store_prune(&s, NOON + 2, NOON, &more, &why), OK);
	assert_names(p.path, 2);
	assert_int_equal(
	    store_prune(&s, NOON + 2 * STORE_DAY, NOON, &more, &why), OK);
	assert_names(p.path, 1);
	assert_row(p.path, "tenant = 'acme' AND upstream = 'org/m'");
	store_added(&s, &other, NOON + 2 * STORE_DAY + 1);
	assert_names(p.path, 2);
	assert_row(p.path, "tenant = 'other' AND upstream = 'org/m'");
	assert_int_equal(
	    store_prune(&s, NOON + 4 * STORE_DAY, NOON, &more, &why), OK);
	store_close(&s);
	assert_names(p.path, 0);
	place_fini(&p);
}

/* Two that ended at midnight, in the order in which they were queued: the row
 * of the earlier one is of the next day, and keeps its names. */
static void
names_stay_with_a_row_of_the_next_day(void **state)
{
	const usec midnight = 20001 * STORE_DAY;
	struct outcome o = answered("acme"), other = answered("other");
	struct errmsg why = { "" };
	union entry_room room;
	struct place p;
	struct store s;
	struct buf all;
	bool more;

	place_init(&p);
	store_opened(&s, p.path);
	buf_init(&all, 2 * sizeof(room));
	entry_write(&room, &o, midnight + 5);
	buf_add(&all, slice_make(room.bytes, room.entry.size));
	entry_write(&room, &other, midnight - 5);
	buf_add(&all, slice_make(room.bytes, room.entry.size));
	assert_int_equal(store_add(&s, all.p, all.n, &why), OK);
	buf_fini(&all);
	assert_int_equal(
	    store_prune(&s, midnight + 1, midnight, &more, &why), OK);
	store_close(&s);
	assert_names(p.path, 2);
	assert_row(p.path, "tenant = 'other'");
	place_fini(&p);
}

/* As rows do, so that nobody waits long. */
static void
many_names_go_a_few_at_a_time(void **state)
{
	struct errmsg why = { "" };
	struct place p;
	struct store s;
	bool more;

	place_init(&p);
	store_opened(&s, p.path);
	execute(p.path,
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	    "WHERE i < 2500) INSERT INTO names SELECT i, 't', 'k', 'm', 'b', "
	    "'u' || i, 's', 1 FROM n");
	assert_int_equal(store_prune(&s, NOON, NOON, &more, &why), OK);
	assert_true(more);
	assert_names(p.path, 500);
	assert_int_equal(store_prune(&s, NOON, NOON, &more, &why), OK);
	assert_false(more);
	store_close(&s);
	assert_names(p.path, 0);
	place_fini(&p);
}

/* The same ones, day after day. */
static void
known_names_take_no_more_memory(void **state)
{
	struct outcome o = answered("acme");
	struct place p;
	struct store s;
	size_t used;

	place_init(&p);
	store_opened(&s, p.path);
	store_added(&s, &o, NOON);
	used = s.names.arena.used;
	for (int day = 1; day < 100; day++)
		store_added(&s, &o, NOON + day * STORE_DAY);
	assert_int_equal(s.names.arena.used, used);
	assert_int_equal(
	    number(p.path, "SELECT day FROM names"), NOON / STORE_DAY + 99);
	store_close(&s);
	assert_names(p.path, 1);
	place_fini(&p);
}

/* Not once for each of a model's names. */
static void
who_asks_for_a_model_reads_the_rows_once(void **state)
{
	static const char sql[] =
	    "EXPLAIN QUERY PLAN SELECT tenant, count(*) FROM requests WHERE "
	    "time >= ?1 AND time < ?2 AND model = ?3 GROUP BY 1";
	sqlite3_stmt *q = NULL;
	const char *first;
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	assert_int_equal(
	    sqlite3_prepare_v2(s.db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	first = (const char *)sqlite3_column_text(q, 3);
	assert_non_null(strstr(first, " rows "));
	sqlite3_finalize(q);
	store_close(&s);
	place_fini(&p);
}

/* More of them than are remembered. */
static void
names_without_end_are_asked_again(void **state)
{
	const int many = 10010;
	struct outcome o = answered("acme");
	struct errmsg why = { "" };
	union entry_room room;
	struct place p;
	struct store s;
	char model[32];
	struct buf all;

	place_init(&p);
	store_opened(&s, p.path);
	buf_init(&all, (size_t)16 << 20);
	o.model = model;
	for (int i = 0; i < 2 * many; i++) {
		snprintf(model, sizeof(model), "m%d", i % many);
		entry_write(&room, &o, NOON + i);
		buf_add(&all, slice_make(room.bytes, room.entry.size));
	}
	assert_int_equal(store_add(&s, all.p, all.n, &why), OK);
	buf_fini(&all);
	store_close(&s);
	assert_names(p.path, many);
	assert_int_equal(
	    number(p.path, "SELECT count(DISTINCT model) FROM requests"), many);
	place_fini(&p);
}

/* What was taken back is not known any more. */
static void
names_of_a_batch_that_failed_are_written_again(void **state)
{
	struct outcome o = answered("acme");
	struct errmsg why = { "" };
	union entry_room room;
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	execute(p.path,
	    "CREATE TRIGGER no BEFORE INSERT ON rows BEGIN SELECT "
	    "RAISE(ABORT, 'no'); END");
	entry_write(&room, &o, NOON);
	assert_int_equal(
	    store_add(&s, room.bytes, room.entry.size, &why), ERR_IO);
	assert_names(p.path, 0);
	execute(p.path, "DROP TRIGGER no");
	assert_int_equal(store_add(&s, room.bytes, room.entry.size, &why), OK);
	store_close(&s);
	assert_names(p.path, 1);
	assert_row(p.path, "tenant = 'acme' AND slo = 'voice'");
	place_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_that_say_the_same_share_their_names),
		cmocka_unit_test(names_end_where_they_end),
		cmocka_unit_test(names_go_with_the_last_of_their_rows),
		cmocka_unit_test(names_stay_with_a_row_of_the_next_day),
		cmocka_unit_test(many_names_go_a_few_at_a_time),
		cmocka_unit_test(known_names_take_no_more_memory),
		cmocka_unit_test(who_asks_for_a_model_reads_the_rows_once),
		cmocka_unit_test(names_without_end_are_asked_again),
		cmocka_unit_test(
		    names_of_a_batch_that_failed_are_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
