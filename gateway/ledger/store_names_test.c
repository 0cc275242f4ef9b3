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
	    store_prune(&s, NOON + STORE_DAY, NOON, &more, &why), OK);
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
		cmocka_unit_test(names_without_end_are_asked_again),
		cmocka_unit_test(
		    names_of_a_batch_that_failed_are_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
