/* gateway/ledger/batch_test.c - the time that a row gets. */
#include "gateway/ledger/batch.h"

#include "gateway/ledger/testing.h"
#include "gateway/lib/count.h"

static void
requests_that_end_at_once_are_all_there(void **state)
{
	struct outcome o = answered("a");
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	store_added(&s, &o, NOON + 3);
	for (int i = 0; i < 5; i++)
		store_added(&s, &o, NOON);
	store_close(&s);
	assert_int_equal(written_rows(p.path), 6);
	assert_int_equal(
	    number(p.path, "SELECT max(time) - min(time) FROM requests"), 5);
	place_fini(&p);
}

/* In one transaction, in this order. */
static void
added_at(struct store *s, const usec *at, size_t n)
{
	static union entry_room rooms[8];
	struct outcome o = answered("a");
	struct errmsg why = { "" };
	char *p = rooms[0].bytes;

	assert_true(n <= COUNT(rooms));
	for (size_t i = 0; i < n; i++) {
		union entry_room *room = (union entry_room *)(void *)p;

		entry_write(room, &o, at[i]);
		p += room->entry.size;
	}
	assert_int_equal(
	    store_add(s, rooms[0].bytes, (size_t)(p - rooms[0].bytes), &why),
	    OK);
}

static void
assert_time_near(const char *path, usec at)
{
	char is[96];

	snprintf(is, sizeof(is), "time BETWEEN %lld AND %lld",
	    (long long)(at - BATCH_NEAR), (long long)(at + BATCH_NEAR));
	assert_row(path, is);
}

static void
a_time_is_right_to_a_millisecond(void **state)
{
	const usec first[] = { NOON, NOON + 3000, NOON + 7500, NOON + 7500 },
		   back[] = { NOON - USEC_SEC, NOON - 700000, NOON + 9600,
			   NOON - 500000, NOON + 12000 };
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	added_at(&s, first, COUNT(first));
	added_at(&s, back, COUNT(back));
	store_close(&s);
	assert_int_equal(written_rows(p.path), 9);
	for (size_t i = 0; i < 2; i++)
		assert_time_near(p.path, first[i]);
	for (size_t i = 0; i < COUNT(back); i++)
		assert_time_near(p.path, back[i]);
	assert_int_equal(number(p.path,
			     "SELECT count(*) FROM requests WHERE time - "
			     "1728043200007500 BETWEEN 0 AND 1"),
	    2);
	place_fini(&p);
}

/* What follows another near enough is appended: it may be earlier than its
 * request's end, and it comes after what was there. */
static void
rows_stand_in_the_order_of_their_ends(void **state)
{
	const usec at[] = { NOON, NOON + 100, NOON + 900, NOON + 899 };
	struct place p;
	struct store s;

	place_init(&p);
	store_opened(&s, p.path);
	added_at(&s, at, COUNT(at));
	added_at(&s, at, COUNT(at));
	store_close(&s);
	assert_int_equal(written_rows(p.path), 8);
	assert_int_equal(
	    number(p.path, "SELECT max(time) FROM requests") - NOON, 7);
	place_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_that_end_at_once_are_all_there),
		cmocka_unit_test(a_time_is_right_to_a_millisecond),
		cmocka_unit_test(rows_stand_in_the_order_of_their_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
