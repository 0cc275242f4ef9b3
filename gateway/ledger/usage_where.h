/* gateway/ledger/usage_where.h - the rows a query is about, and how long one
 * may look for them, for this folder. */
#ifndef GATEWAY_LEDGER_USAGE_WHERE_H
#define GATEWAY_LEDGER_USAGE_WHERE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "gateway/ledger/usage.h"
#include "gateway/lib/buf.h"

/* " FROM requests WHERE ...", and what its parameters are. */
void usage_where(const struct usage_query *, struct buf *sql);
void usage_bind(sqlite3_stmt *, const struct usage_query *);

/* A reader of the file that stops by itself (SQLITE_INTERRUPT): it has its
 * limits until it is closed. */
struct usage_watch {
	const atomic_bool *cancel; /* NULL: nobody will */
	usec until;
};
enum err usage_open(const char *path, struct usage_watch *, sqlite3 **,
    struct errmsg *why) MUST_USE;
/* Of a statement that has failed: ERR_AGAIN where it was stopped. */
enum err usage_fail(sqlite3 *, const char *path, int rc, struct errmsg *why);

#endif
