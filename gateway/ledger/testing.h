/* gateway/ledger/testing.h - for this folder's unit tests: a file of one's own,
 * outcomes, and questions to the file. */
#ifndef GATEWAY_LEDGER_TESTING_H
#define GATEWAY_LEDGER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ours first: cmocka makes a macro of fail. */
#include "gateway/ledger/ledger.h"
#include "gateway/ledger/store.h"

#include <cmocka.h>

#define NOON (20000 * STORE_DAY + 43200 * USEC_SEC) /* 2024-10-04 12:00 UTC */

struct place {
	char folder[64], path[96];
};

static inline void
place_init(struct place *p)
{
	*p = (struct place){ .folder = "/tmp/pointsman-ledger-XXXXXX" };
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/usage.db", p->folder);
}

/* With what SQLite leaves beside it. */
static inline void
remove_file(const char *file)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[128];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		unlink(path);
	}
}

static inline void
place_fini(struct place *p)
{
	remove_file(p->path);
	assert_int_equal(rmdir(p->folder), 0);
}

/* A good answer: 10 tokens in, 4 of them cached, 3 out, 0.5 USD. */
static inline struct outcome
answered(const char *tenant)
{
	struct outcome o = { .id = "req_0123456789abcdef01234567",
		.tenant = tenant,
		.key = "laptop",
		.model = "m",
		.slo = "voice",
		.dialect = DIALECT_CHAT,
		.result = RESULT_OK,
		.status = 200,
		.inference = true,
		.stream = true,
		.slo_declared = true,
		.slo_met = true,
		.usage = { .known = true,
		    .input = 10,
		    .output = 3,
		    .cached = 4 },
		.ttft = 2000,
		.itl = 300,
		.total = 9000,
		.cost = 0.5,
		.charged = 0.5,
		.n_attempts = 1 };

	o.attempts[0] = (struct attempt_report){
		.backend = "gpu", .model = "org/m", .status = 200
	};
	return o;
}

/* The first number of the first row; the file may be written meanwhile. */
static inline double
number(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	struct errmsg why;
	double v;

	assert_int_equal(store_open_reader(path, &db, &why), OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	v = sqlite3_column_double(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

static inline unsigned
written_rows(const char *path)
{
	return (unsigned)number(path, "SELECT count(*) FROM requests");
}

static inline void
execute(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static inline void
store_opened(struct store *s, const char *path)
{
	struct errmsg why = { "" };

	assert_int_equal(store_open(s, path, &why), OK);
}

static inline void
store_added(struct store *s, const struct outcome *o, usec wall)
{
	union entry_room room;
	struct errmsg why = { "" };

	entry_write(&room, o, wall);
	assert_int_equal(store_add(s, room.bytes, room.entry.size, &why), OK);
}

static inline void
assert_row(const char *path, const char *is)
{
	char sql[512];

	snprintf(
	    sql, sizeof(sql), "SELECT count(*) FROM requests WHERE %s", is);
	if (number(path, sql) != 1)
		fail_msg("no row of which %s", is);
}

#endif
