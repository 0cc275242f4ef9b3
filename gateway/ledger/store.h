/* gateway/ledger/store.h - the file: its schema, and what is written to it.
 *
 * For one thread at a time. `why` gets SQLite's own words and the path. */
#ifndef GATEWAY_LEDGER_STORE_H
#define GATEWAY_LEDGER_STORE_H

#include <sqlite3.h>

#include "gateway/ledger/batch.h"
#include "gateway/ledger/ledger.h"
#include "gateway/lib/err.h"

#define STORE_DAY (24 * 3600 * USEC_SEC)

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert, *add_spent, *begin, *commit, *rollback, *prune,
	    *prune_spent;
	struct batch batch; /* what `insert` reads */
	int version; /* of the file's schema */
	char path[512];
};

/* As ledger_open(). Zeroed on failure. */
enum err store_open(
    struct store *, const char *path, struct errmsg *why) MUST_USE;
void store_close(struct store *);

/* n bytes of entries, in one transaction: all are on the disk, or none. */
enum err store_add(
    struct store *, const char *entries, size_t n, struct errmsg *why) MUST_USE;
/* Deletes some rows that ended before then, and sums per day of two months ago;
 * *more: there are others. */
enum err store_prune(struct store *, usec before, usec wall, bool *more,
    struct errmsg *why) MUST_USE;
/* As ledger_spent(). */
enum err store_spent(const char *path, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg,
    struct errmsg *why) MUST_USE;

/* Opens a file to read it, beside whoever writes. */
enum err store_open_reader(
    const char *path, sqlite3 **, struct errmsg *why) MUST_USE;
enum err store_fail(sqlite3 *, const char *path, struct errmsg *why);

#endif
