/* gateway/ledger/store.c - the file opened: is it ours, is it whole, is it of
 * this version. */
#include "gateway/ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/ledger/schema.h"
#include "gateway/lib/clock.h"
#include "gateway/lib/count.h"

#define BUSY_MS 1000
#define CHECK_FOR (250 * USEC_MS) /* looking for damage, at the start */
#define CHECK_STEPS 10000 /* of SQLite's machine, between looks at the clock */
#define INDEX_LEAST 32768 /* bytes of "-shm": WALINDEX_PGSZ in SQLite's wal.c */

static const struct {
	size_t at; /* in struct store */
	const char *sql;
} statements[] = {
	{ offsetof(struct store, insert),
	    "INSERT INTO rows SELECT * FROM batch" },
	{ offsetof(struct store, newest), "SELECT max(time) FROM rows" },
	{ offsetof(struct store, prune),
	    "DELETE FROM rows WHERE time IN (SELECT time FROM rows "
	    "WHERE time < ?1 ORDER BY time LIMIT ?2)" },
	{ offsetof(struct store, begin), "BEGIN IMMEDIATE" },
	{ offsetof(struct store, commit), "COMMIT" },
	{ offsetof(struct store, rollback), "ROLLBACK" },
	{ offsetof(struct store, add_spent),
	    "INSERT INTO spent VALUES (?1, ?2, ?3, ?4, ?5) "
	    "ON CONFLICT (day, tenant, key) DO UPDATE SET "
	    "requests = requests + excluded.requests, "
	    "cost_usd = cost_usd + excluded.cost_usd" },
	{ offsetof(struct store, prune_spent),
	    "DELETE FROM spent WHERE day < ?1" },
	{ offsetof(struct store, find_names),
	    "SELECT number, day FROM names WHERE model IS ?3 AND "
	    "tenant IS ?1 AND key IS ?2 AND upstream IS ?5 AND "
	    "backend IS ?4 AND slo IS ?6" },
	{ offsetof(struct store, add_names),
	    "INSERT INTO names VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7)" },
	{ offsetof(struct store, date_names),
	    "UPDATE names SET day = ?2 WHERE number = ?1" },
	{ offsetof(struct store, prune_names),
	    "DELETE FROM names WHERE number IN (SELECT number FROM names "
	    "WHERE day < ?1 LIMIT ?2)" },
};
#define N_STATEMENTS COUNT(statements)

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

/* The latest rows, as many as can be read in a quarter of a second: a start
 * must not take as long as reading years of them, and PRAGMA quick_check walks
 * through the whole file before it can be interrupted (SQLite 3.40). What is
 * damaged further back is an error of whoever asks for that time. */
static enum err
check_rows(struct store *s, struct errmsg *why)
{
	const char *sql = "SELECT total_us FROM rows ORDER BY time DESC";
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

/* --- is it ours, and of this version --- */

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
	if (application != SCHEMA_APPLICATION &&
	    (application != 0 || *version != 0 || tables != 0))
		return fail(why, ERR_INVALID,
		    "ledger: %s is another program's database: want a ledger "
		    "or no file",
		    s->path);
	if (*version != 0 && *version != SCHEMA_VERSION)
		return fail(why, ERR_INVALID,
		    "ledger: %s was written by another version (schema %lld, "
		    "this one knows %d)",
		    s->path, (long long)*version, SCHEMA_VERSION);
	return OK;
}

/* Is `requests` as it is now? Another version of ours may have had fewer
 * names. */
static enum err
check_view(struct store *s, const char *view, bool *same, struct errmsg *why)
{
	char sql[SCHEMA_VIEW_MAX + 256];
	int64_t n = 0;
	enum err rc;

	sqlite3_snprintf(sizeof(sql), sql,
	    "SELECT count(*) FROM sqlite_master WHERE sql = %Q", view);
	rc = ask(s, sql, &n, why);
	*same = n > 0;
	return rc;
}

static enum err
make_view(struct store *s, const char *view, struct errmsg *why)
{
	enum err rc = run(s, "DROP VIEW IF EXISTS requests", why);

	return rc == OK ? run(s, view, why) : rc;
}

/* Makes what is missing: all of it, or the view. */
static enum err
make(struct store *s, const char *view, struct errmsg *why)
{
	char pragma[96];
	int64_t version = 0;
	enum err rc;

	rc = run(s, "BEGIN IMMEDIATE", why);
	if (rc == OK) /* by now another process may have done it */
		rc = read_version(s, &version, why);
	if (rc == OK && version == 0)
		rc = run(s, schema_tables, why);
	if (rc == OK)
		rc = make_view(s, view, why);
	snprintf(pragma, sizeof(pragma),
	    "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    SCHEMA_APPLICATION, SCHEMA_VERSION);
	if (rc == OK)
		rc = run(s, pragma, why);
	if (rc == OK)
		rc = run(s, "COMMIT", why);
	if (rc != OK)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static enum err
bring_up_to_date(struct store *s, int64_t version, struct errmsg *why)
{
	char view[SCHEMA_VIEW_MAX];
	bool good = false;
	enum err rc = OK;
	struct buf sql;

	buf_on(&sql, view, sizeof(view));
	schema_view(&sql);
	buf_add_char(&sql, '\0');
	if (buf_err(&sql) != OK)
		abort();
	if (version > 0)
		rc = check_view(s, view, &good, why);
	return rc != OK || good ? rc : make(s, view, why);
}

/* A new file's pages are large: rows are appended by the thousand. FULL: a
 * commit is on the disk, not only with the system. The log is written back at 4
 * MB. */
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
		    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; "
		    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = "
		    "250; PRAGMA journal_size_limit = 16777216",
		    why);
	if (rc == OK)
		rc = bring_up_to_date(s, version, why);
	return rc;
}

static sqlite3_stmt **
statement(struct store *s, size_t i)
{
	return (sqlite3_stmt **)((char *)s + statements[i].at);
}

static enum err
prepare(struct store *s, struct errmsg *why)
{
	for (size_t i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, statements[i].sql, -1,
			SQLITE_PREPARE_PERSISTENT, statement(s, i),
			NULL) != SQLITE_OK)
			return store_fail(s->db, s->path, why);
	return OK;
}

/* --- what others have done to our files --- */

/* "-wal" and "-shm"; without them, zeros. */
static struct stat
beside(const char *path, const char *end, char name[STORE_PATH + 8])
{
	struct stat st = { 0 };

	snprintf(name, STORE_PATH + 8, "%s%s", path, end);
	if (stat(name, &st) != 0)
		st = (struct stat){ 0 };
	return st;
}

static ino_t
inode_beside(const struct store *s, const char *end)
{
	char name[STORE_PATH + 8];

	return beside(s->path, end, name).st_ino;
}

/* SQLite has its index mapped: where somebody has cut that off, a look at it
 * would end the process. Of zeros it makes the index anew. By the path: to
 * close a descriptor of it would give up SQLite's locks. */
static void
mend_index(const char *path)
{
	char name[STORE_PATH + 8];
	struct stat st = beside(path, "-shm", name);

	if (st.st_ino != 0 && st.st_size < INDEX_LEAST)
		(void)!truncate(name, INDEX_LEAST);
}

static bool
has_moved(struct store *s)
{
	int moved = 0;

	return sqlite3_file_control(
		   s->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	    moved;
}

/* Ours is never empty: what is in the log would be written to its place in a
 * file that lacks all the rest. */
static bool
is_emptied(struct store *s)
{
	struct stat st;

	return !has_moved(s) && stat(s->path, &st) == 0 && st.st_size == 0;
}

bool
store_moved(struct store *s)
{
	if (s->db == NULL)
		return true;
	mend_index(s->path);
	return has_moved(s) || is_emptied(s) ||
	    inode_beside(s, "-wal") != s->log ||
	    inode_beside(s, "-shm") != s->index;
}

/* --- opening and closing --- */

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
	rc = make_file(path, why);
	if (rc != OK)
		return rc;
	snprintf(s->path, sizeof(s->path), "%s", path);
	store_names_init(&s->names);
	if (sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = store_fail(s->db, path, why);
	else if (batch_register(s->db, &s->batch) != SQLITE_OK)
		rc = store_fail(s->db, path, why);
	if (rc == OK)
		rc = set_up(s, why);
	if (rc == OK)
		rc = prepare(s, why);
	s->log = inode_beside(s, "-wal");
	s->index = inode_beside(s, "-shm");
	if (rc != OK)
		store_close(s);
	return rc;
}

/* SQLite would leave what is in the log there, under the old name. */
void
store_close(struct store *s)
{
	const bool moved = s->db != NULL && store_moved(s);

	if (moved && is_emptied(s))
		(void)sqlite3_db_config(
		    s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	else if (moved)
		(void)sqlite3_wal_checkpoint_v2(
		    s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	for (size_t i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(*statement(s, i));
	sqlite3_close(s->db);
	store_names_forget(&s->names);
	*s = (struct store){ NULL };
}

enum err
store_open_reader(const char *path, sqlite3 **out, struct errmsg *why)
{
	sqlite3 *db = NULL;
	enum err rc;

	mend_index(path);
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
