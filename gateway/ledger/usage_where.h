/* gateway/ledger/usage_where.h - the rows a query is about, for this folder. */
#ifndef GATEWAY_LEDGER_USAGE_WHERE_H
#define GATEWAY_LEDGER_USAGE_WHERE_H

#include <sqlite3.h>

#include "gateway/ledger/usage.h"
#include "gateway/lib/buf.h"

/* " FROM requests WHERE ...", and what its parameters are. */
void usage_where(const struct usage_query *, struct buf *sql);
void usage_bind(sqlite3_stmt *, const struct usage_query *);

#endif
