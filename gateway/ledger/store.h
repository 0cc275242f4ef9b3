/* gateway/ledger/store.h - the file: its schema, and what is written to it.
 *
 * For one thread at a time. `why` gets SQLite's own words and the path. */
#ifndef GATEWAY_LEDGER_STORE_H
#define GATEWAY_LEDGER_STORE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "gateway/ledger/batch.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/arena.h"
#include "gateway/lib/err.h"
#include "gateway/lib/map.h"

#define STORE_DAY (24 * 3600 * USEC_SEC)
#define STORE_PATH 512

/* Numbers of names that are in the file. */
struct store_names {
	struct arena arena;
	struct map by_names;
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert, *newest, *add_spent, *begin, *commit, *rollback,
	    *prune, *prune_spent, *find_names, *add_names, *date_names,
	    *prune_names;
	struct store_names names;
	struct batch batch; /* what `insert` reads */
	char path[STORE_PATH];
	ino_t log, index; /* SQLite's files beside it, as it has them open */
};

/* As ledger_open(). Zeroed on failure. */
enum err store_open(
    struct store *, const char *path, struct errmsg *why) MUST_USE;
void store_close(struct store *);
/* Whether what is open is no more what stands there: the file has another name
 * by now, or none, somebody has emptied it, or taken away what SQLite keeps
 * beside it; or nothing is open. */
bool store_moved(struct store *);

/* n bytes of entries, in one transaction: all are on the disk, or none. They
 * get their number of names. */
enum err store_add(
    struct store *, char *entries, size_t n, struct errmsg *why) MUST_USE;
/* Deletes some rows that ended before then, and sums per day of two months ago;
 * *more: there are others. */
enum err store_prune(struct store *, usec before, usec wall, bool *more,
    struct errmsg *why) MUST_USE;
/* As ledger_spent(). */
enum err store_spent(const char *path, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg,
    struct errmsg *why) MUST_USE;

/* --- store_names.c --- */

void store_names_init(struct store_names *);
/* What is in the file may be another's now, or gone. */
void store_names_forget(struct store_names *);
/* Numbers the entries up to `end`, within a transaction; false: an error of
 * SQLite's, or no memory. */
bool store_names_number(struct store *, char *entries, const char *end);

/* --- */

/* Opens a file to read it, beside whoever writes. */
enum err store_open_reader(
    const char *path, sqlite3 **, struct errmsg *why) MUST_USE;
enum err store_fail(sqlite3 *, const char *path, struct errmsg *why);

#endif
