/* gateway/ledger/schema.h - the tables of the file, and what is said to them.
 *
 * `requests` is what everybody reads: a view of `rows`, in which all that is
 * small about a request is one number (`facts`, in batch.h), and its names are
 * another (of the table `names`, store_names.c): a column takes more time to
 * write than what is in it. */
#ifndef GATEWAY_LEDGER_SCHEMA_H
#define GATEWAY_LEDGER_SCHEMA_H

#include "gateway/lib/buf.h"

#define SCHEMA_APPLICATION 0x504d4c47 /* application_id: "PMLG" */
#define SCHEMA_VERSION 4 /* user_version in the file */
#define SCHEMA_VIEW_MAX 4096

/* What makes a ledger of nothing, but for the view. */
extern const char schema_tables[];
/* "CREATE VIEW requests ...", with the names of now. */
void schema_view(struct buf *);

#endif
