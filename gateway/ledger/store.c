/* gateway/ledger/store.c - the file opened: is it ours, is it whole, is it of
 * this version; if it is older, brought up to it. */
#include "gateway/ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/clock.h"

#define APPLICATION 0x504d4c47 /* application_id: "PMLG" */
#define BUSY_MS 1000
#define CHECK_FOR (250 * USEC_MS) /* looking for damage, at the start */
#define CHECK_STEPS 10000 /* of SQLite's machine, between looks at the clock */

/* steps[i] leads from version i to i + 1. */
static const char *const steps[STORE_VERSION] = {
	/* time: when the request had ended, in microseconds since 1970, or the
	 * next one that is free; the spans are microseconds as well. NULL is
	 * what is not known, or does not apply. */
	"CREATE TABLE requests ("
	" time INTEGER PRIMARY KEY,"
	" receipt TEXT NOT NULL,"
	" tenant TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" model TEXT NOT NULL,"
	" backend TEXT,"
	" upstream TEXT,"
	" slo TEXT NOT NULL,"
	" dialect TEXT NOT NULL,"
	" stream INTEGER NOT NULL,"
	" result TEXT NOT NULL,"
	" fault TEXT,"
	" status INTEGER,"
	" attempts INTEGER NOT NULL,"
	" slo_met INTEGER,"
	" missed TEXT,"
	" tokens_in INTEGER NOT NULL,"
	" tokens_out INTEGER NOT NULL,"
	" tokens_cached INTEGER NOT NULL,"
	" estimated INTEGER NOT NULL,"
	" cost_usd REAL,"
	" queue_us INTEGER,"
	" ttft_us INTEGER,"
	" itl_us INTEGER,"
	" total_us INTEGER NOT NULL);"
	/* day: since 1970, of UTC; kept longer than the rows are. */
	"CREATE TABLE spent ("
	" day INTEGER NOT NULL,"
	" tenant TEXT NOT NULL,"
	" key TEXT NOT NULL,"
	" requests INTEGER NOT NULL,"
	" cost_usd REAL NOT NULL,"
	" PRIMARY KEY (day, tenant, key)) WITHOUT ROWID;",
	/* charged_usd: to budgets; the cost, or an estimate where nobody said
	 * it. Sums per day are of it. */
	"ALTER TABLE requests ADD COLUMN charged_usd REAL;",
};

static const struct {
	size_t at; /* in struct store */
	const char *sql;
} statements[] = {
	{ offsetof(struct store, begin), "BEGIN IMMEDIATE" },
	{ offsetof(struct store, commit), "COMMIT" },
	{ offsetof(struct store, rollback), "ROLLBACK" },
	{ offsetof(struct store, insert),
	    "INSERT INTO requests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
	    "?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, "
	    "?23, ?24, ?25, ?26)" },
	{ offsetof(struct store, add_spent),
	    "INSERT INTO spent VALUES (?1, ?2, ?3, ?4, ?5) "
	    "ON CONFLICT (day, tenant, key) DO UPDATE SET "
	    "requests = requests + excluded.requests, "
	    "cost_usd = cost_usd + excluded.cost_usd" },
	{ offsetof(struct store, prune),
	    "DELETE FROM requests WHERE time IN (SELECT time FROM requests "
	    "WHERE time < ?1 ORDER BY time LIMIT ?2)" },
	{ offsetof(struct store, prune_spent),
	    "DELETE FROM spent WHERE day < ?1" },
};
#define N_STATEMENTS (sizeof(statements) / sizeof(statements[0]))

enum err
store_fail(sqlite3 *db, const char *path, struct errmsg *why)
{
	int code = db != NULL ? sqlite3_errcode(db) : SQLITE_NOMEM;
	enum err rc = ERR_IO;

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		rc = ERR_INVALID;
	else if (code == SQLITE_NOMEM)
		rc = ERR_MEMORY;
	return fail(why, rc, "ledger: %s: %s", path, sqlite3_errmsg(db));
}

static enum err
run(struct store *s, const char *sql, struct errmsg *why)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return OK;
	return store_fail(s->db, s->path, why);
}

/* The first number of the first row. */
static enum err
ask(struct store *s, const char *sql, int64_t *out, struct errmsg *why)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return rc == SQLITE_ROW ? OK : store_fail(s->db, s->path, why);
}

/* --- is it whole --- */

static int
is_late(void *arg)
{
	return clock_now() > *(const usec *)arg;
}

/* The latest rows, as many as can be read in a quarter of a second: a start must
 * not take as long as reading years of them, and PRAGMA quick_check walks
 * through the whole file before it can be interrupted (SQLite 3.40). What is
 * damaged further back is an error of whoever asks for that time. */
static enum err
check_rows(struct store *s, struct errmsg *why)
{
	static const char sql[] =
	    "SELECT total_us FROM requests ORDER BY time DESC";
	usec until = clock_now() + CHECK_FOR;
	sqlite3_stmt *q = NULL;
	enum err err = OK;
	int rc;

	sqlite3_progress_handler(s->db, CHECK_STEPS, is_late, &until);
	rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW)
		rc = sqlite3_step(q);
	if (rc == SQLITE_CORRUPT)
		err = fail(why, ERR_INVALID,
		    "ledger: %s is damaged: %s; move it away, or restore a "
		    "copy",
		    s->path, sqlite3_errmsg(s->db));
	else if (rc != SQLITE_DONE && rc != SQLITE_INTERRUPT)
		err = store_fail(s->db, s->path, why);
	sqlite3_finalize(q);
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
	return err;
}

/* --- is it ours, and how old --- */

static enum err
read_version(struct store *s, int64_t *version, struct errmsg *why)
{
	int64_t application = 0, tables = 0;
	enum err rc;

	rc = ask(s, "PRAGMA application_id", &application, why);
	if (rc == OK)
		rc = ask(s, "PRAGMA user_version", version, why);
	if (rc == OK)
		rc = ask(s, "SELECT count(*) FROM sqlite_master", &tables, why);
	if (rc != OK)
		return rc;
	if (application != APPLICATION &&
	    (application != 0 || *version != 0 || tables != 0))
		return fail(why, ERR_INVALID,
		    "ledger: %s is another program's database: want a ledger "
		    "or no file",
		    s->path);
	if (*version > STORE_VERSION)
		return fail(why, ERR_INVALID,
		    "ledger: %s was written by a later version (schema %lld, "
		    "this one knows %d)",
		    s->path, (long long)*version, STORE_VERSION);
	return OK;
}

static enum err
migrate(struct store *s, struct errmsg *why)
{
	char pragma[96];
	int64_t version = 0;
	enum err rc;

	rc = run(s, "BEGIN IMMEDIATE", why);
	if (rc == OK) /* by now another process may have done it */
		rc = read_version(s, &version, why);
	for (; rc == OK && version < STORE_VERSION; version++)
		rc = run(s, steps[version], why);
	snprintf(pragma, sizeof(pragma),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
	    STORE_VERSION);
	if (rc == OK)
		rc = run(s, pragma, why);
	if (rc == OK)
		rc = run(s, "COMMIT", why);
	if (rc != OK)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* FULL: a commit is on the disk, not only with the system. */
static enum err
set_up(struct store *s, struct errmsg *why)
{
	int64_t version = 0;
	enum err rc;

	sqlite3_busy_timeout(s->db, BUSY_MS);
	rc = read_version(s, &version, why);
	if (rc == OK && version > 0)
		rc = check_rows(s, why);
	if (rc == OK)
		rc = run(s,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
		    "PRAGMA journal_size_limit = 16777216",
		    why);
	if (rc == OK && version < STORE_VERSION)
		rc = migrate(s, why);
	return rc;
}

static enum err
prepare(struct store *s, struct errmsg *why)
{
	for (size_t i = 0; i < N_STATEMENTS; i++) {
		sqlite3_stmt **to =
		    (sqlite3_stmt **)((char *)s + statements[i].at);

		if (sqlite3_prepare_v3(s->db, statements[i].sql, -1,
			SQLITE_PREPARE_PERSISTENT, to, NULL) != SQLITE_OK)
			return store_fail(s->db, s->path, why);
	}
	return OK;
}

/* SQLite would let everybody read it; and the system says better than SQLite
 * why a file cannot be had. */
static enum err
make_file(const char *path, struct errmsg *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd < 0)
		return fail(why, ERR_IO, "ledger: cannot open %s: %s", path,
		    strerror(errno));
	close(fd);
	return OK;
}

enum err
store_open(struct store *s, const char *path, struct errmsg *why)
{
	enum err rc;

	*s = (struct store){ NULL };
	if (strlen(path) >= sizeof(s->path))
		return fail(why, ERR_LIMIT,
		    "ledger: the path is too long: want at most %zu bytes",
		    sizeof(s->path) - 1);
	snprintf(s->path, sizeof(s->path), "%s", path);
	rc = make_file(path, why);
	if (rc != OK)
		return rc;
	if (sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = store_fail(s->db, path, why);
	if (rc == OK)
		rc = set_up(s, why);
	if (rc == OK)
		rc = prepare(s, why);
	if (rc != OK)
		store_close(s);
	return rc;
}

void
store_close(struct store *s)
{
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(
		    *(sqlite3_stmt **)((char *)s + statements[i].at));
	sqlite3_close(s->db);
	*s = (struct store){ NULL };
}

enum err
store_open_reader(const char *path, sqlite3 **out, struct errmsg *why)
{
	sqlite3 *db = NULL;
	enum err rc;

	if (sqlite3_open_v2(path, &db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK) {
		rc = store_fail(db, path, why);
		sqlite3_close(db);
		return rc;
	}
	sqlite3_busy_timeout(db, BUSY_MS);
	*out = db;
	return OK;
}
