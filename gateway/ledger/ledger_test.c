/* gateway/ledger/ledger_test.c - rows on their way to the file, by its own
 * thread. */
#include "gateway/ledger/testing.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "gateway/lib/log.h"

#define WRITERS 4
#define EACH 2000
#define PATIENCE (20 * USEC_SEC)

static struct ledger *
opened(const char *path)
{
	struct ledger *l = NULL;
	struct errmsg why = { "" };

	assert_int_equal(ledger_open(path, 0, &l, &why), OK);
	return l;
}

static struct ledger_stats
stats(const struct ledger *l)
{
	struct ledger_stats s;

	ledger_stats(l, &s);
	return s;
}

static void
rest(void)
{
	clock_pause(5 * USEC_MS);
}

static void *
write_many(void *arg)
{
	struct outcome o = answered("acme");

	for (int i = 0; i < EACH; i++)
		ledger_write(arg, &o, clock_wall());
	return NULL;
}

static void
await_rows(const struct ledger *l, uint64_t n)
{
	usec until = clock_now() + PATIENCE;

	while (stats(l).written < n && clock_now() < until)
		rest();
	assert_int_equal(stats(l).written, n);
}

static void
closing_loses_nothing(void **state)
{
	pthread_t writers[WRITERS];
	struct ledger *l;
	struct place p;

	place_init(&p);
	l = opened(p.path);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(
		    pthread_create(&writers[i], NULL, write_many, l), 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	ledger_close(&l);
	assert_null(l);
	assert_int_equal(written_rows(p.path), WRITERS * EACH);
	assert_int_equal(number(p.path, "SELECT sum(tokens_in) FROM requests"),
	    10 * WRITERS * EACH);
	assert_int_equal(
	    number(p.path, "SELECT sum(requests) FROM spent"), WRITERS * EACH);
	place_fini(&p);
}

static void
rows_are_written_while_it_is_open(void **state)
{
	struct outcome o = answered("acme");
	usec until = clock_now() + PATIENCE;
	struct ledger *l;
	struct place p;

	place_init(&p);
	l = opened(p.path);
	ledger_write(l, &o, clock_wall());
	while (stats(l).written == 0 && clock_now() < until)
		rest();
	assert_int_equal(written_rows(p.path), 1);
	ledger_close(&l);
	place_fini(&p);
}

/* However many were waiting for more to come; and of none there is nothing to
 * wait for. */
static void
who_asks_has_rows_written_at_once(void **state)
{
	struct outcome o = answered("acme");
	struct ledger *l;
	struct place p;

	place_init(&p);
	l = opened(p.path);
	ledger_flush(l);
	for (unsigned n = 1; n <= 3; n++) {
		ledger_write(l, &o, clock_wall());
		ledger_flush(l);
		assert_int_equal(stats(l).written, n);
	}
	assert_int_equal(written_rows(p.path), 3);
	ledger_close(&l);
	place_fini(&p);
}

/* Another process that holds the file stands for a disk that hangs. */
static void
a_full_queue_drops_and_counts(void **state)
{
	struct outcome o = answered("acme");
	uint64_t tried = 0, dropped;
	struct ledger *l;
	struct place p;
	sqlite3 *other = NULL;

	place_init(&p);
	l = opened(p.path);
	assert_int_equal(sqlite3_open(p.path, &other), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	while (stats(l).dropped == 0 && tried < 1000000) {
		ledger_write(l, &o, clock_wall());
		tried++;
	}
	dropped = stats(l).dropped;
	assert_int_equal(dropped, 1);
	assert_int_equal(
	    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	ledger_close(&l);
	assert_int_equal(written_rows(p.path), tried - dropped);
	place_fini(&p);
}

static void
a_full_disk_is_waited_for(void **state)
{
	const struct rlimit tight = { 96 << 10, RLIM_INFINITY };
	struct outcome o = answered("acme");
	usec until = clock_now() + PATIENCE;
	struct rlimit before;
	struct ledger *l;
	struct place p;

	place_init(&p);
	l = opened(p.path);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (int i = 0; i < EACH; i++)
		ledger_write(l, &o, clock_wall());
	while (stats(l).failures == 0 && clock_now() < until)
		rest();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(stats(l).failures > 0);
	assert_int_equal(stats(l).written, 0);
	assert_int_equal(written_rows(p.path), 0);
	ledger_close(&l);
	assert_int_equal(written_rows(p.path), EACH);
	assert_int_equal(
	    number(p.path, "SELECT sum(requests) FROM spent"), EACH);
	place_fini(&p);
}

static void
old_rows_are_deleted_by_themselves(void **state)
{
	struct outcome o = answered("acme");
	usec until = clock_now() + PATIENCE;
	struct ledger *l;
	struct place p;

	place_init(&p);
	l = opened(p.path);
	ledger_write(l, &o, clock_wall());
	ledger_close(&l);
	execute(p.path, "UPDATE rows SET time = 5");
	assert_int_equal(
	    ledger_open(p.path, STORE_DAY, &l, &(struct errmsg){ "" }), OK);
	while (written_rows(p.path) > 0 && clock_now() < until)
		rest();
	assert_int_equal(written_rows(p.path), 0);
	ledger_close(&l);
	place_fini(&p);
}

/* Or a file would grow for ever where more come. */
static void
old_rows_are_deleted_faster_than_others_come(void **state)
{
	struct outcome o = answered("acme");
	const uint64_t n = 40000, at_once = 4 * EACH; /* the queue has room */
	struct ledger *l;
	struct place p;
	usec until;

	place_init(&p);
	l = opened(p.path);
	for (uint64_t i = 0; i < n; i += at_once) {
		for (uint64_t j = 0; j < at_once; j++)
			ledger_write(l, &o, clock_wall());
		await_rows(l, i + at_once);
	}
	ledger_close(&l);
	execute(p.path, "UPDATE rows SET time = time - 200000000000");
	assert_int_equal(
	    ledger_open(p.path, STORE_DAY, &l, &(struct errmsg){ "" }), OK);
	until = clock_now() + 6 * USEC_SEC;
	while (written_rows(p.path) > (int64_t)stats(l).written + EACH &&
	    clock_now() < until) {
		ledger_write(l, &o, clock_wall());
		rest();
	}
	assert_true(clock_now() < until);
	ledger_close(&l);
	place_fini(&p);
}

/* All that was written before is in it, though SQLite keeps the latest in a
 * file beside it, by the name that it had. */
static void
a_file_that_is_moved_away_is_whole(void **state)
{
	struct outcome o = answered("acme");
	char old[sizeof(((struct place *)0)->path) + 8];
	struct ledger *l;
	struct place p;

	log_set_level(LOG_ERROR);
	place_init(&p);
	snprintf(old, sizeof(old), "%s.old", p.path);
	l = opened(p.path);
	for (int i = 0; i < 3; i++)
		ledger_write(l, &o, clock_wall());
	await_rows(l, 3);
	assert_int_equal(rename(p.path, old), 0);
	for (int i = 0; i < 4; i++)
		ledger_write(l, &o, clock_wall());
	await_rows(l, 7);
	assert_int_equal(written_rows(old), 3);
	assert_int_equal(written_rows(p.path), 4);
	assert_int_equal(unlink(p.path), 0);
	ledger_write(l, &o, clock_wall());
	await_rows(l, 8);
	assert_int_equal(rename(p.path, old), 0);
	ledger_close(&l);
	assert_int_equal(written_rows(old), 1);
	remove_file(old);
	place_fini(&p);
}

static void
cut(const char *path, const char *end)
{
	char name[sizeof(((struct place *)0)->path) + 8];

	snprintf(name, sizeof(name), "%s%s", path, end);
	assert_int_equal(truncate(name, 0), 0);
}

static void
take_away(const char *path, const char *end)
{
	char name[sizeof(((struct place *)0)->path) + 8];

	snprintf(name, sizeof(name), "%s%s", path, end);
	assert_int_equal(unlink(name), 0);
}

/* Rows that nobody could ever read were counted as written before. */
static void
files_that_others_empty_or_delete_cost_no_later_row(void **state)
{
	struct outcome o = answered("acme");
	struct ledger *l;
	struct place p;

	log_set_level(LOG_ERROR);
	place_init(&p);
	l = opened(p.path);
	ledger_write(l, &o, clock_wall());
	await_rows(l, 1);
	take_away(p.path, "-wal");
	take_away(p.path, "-shm");
	ledger_write(l, &o, clock_wall());
	await_rows(l, 2);
	assert_int_equal(written_rows(p.path), 2);

	cut(p.path, "-shm"); /* SQLite has it mapped */
	ledger_write(l, &o, clock_wall());
	await_rows(l, 3);
	assert_int_equal(written_rows(p.path), 3);

	cut(p.path, "");
	cut(p.path, "-shm");
	cut(p.path, "-wal");
	ledger_write(l, &o, clock_wall());
	await_rows(l, 4);
	assert_int_equal(written_rows(p.path), 1);

	cut(p.path, "");
	ledger_write(l, &o, clock_wall());
	await_rows(l, 5);
	assert_int_equal(written_rows(p.path), 1);
	ledger_close(&l);
	assert_int_equal(written_rows(p.path), 1);
	place_fini(&p);
}

static void
a_place_that_cannot_be_had_is_named(void **state)
{
	struct ledger *l = NULL;
	struct errmsg why = { "" };

	assert_int_equal(
	    ledger_open("/nowhere/at/all.db", 0, &l, &why), ERR_IO);
	assert_null(l);
	assert_string_equal(why.text,
	    "ledger: cannot open /nowhere/at/all.db: No such file or "
	    "directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_loses_nothing),
		cmocka_unit_test(rows_are_written_while_it_is_open),
		cmocka_unit_test(who_asks_has_rows_written_at_once),
		cmocka_unit_test(a_full_queue_drops_and_counts),
		cmocka_unit_test(a_full_disk_is_waited_for),
		cmocka_unit_test(old_rows_are_deleted_by_themselves),
		cmocka_unit_test(old_rows_are_deleted_faster_than_others_come),
		cmocka_unit_test(a_file_that_is_moved_away_is_whole),
		cmocka_unit_test(
		    files_that_others_empty_or_delete_cost_no_later_row),
		cmocka_unit_test(a_place_that_cannot_be_had_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
