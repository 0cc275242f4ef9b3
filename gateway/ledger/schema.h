/* gateway/ledger/schema.h - the tables of the file, and what is said to them.
 *
 * `requests` is what everybody reads: until version 2 a table, since then a
 * view of `rows`, in which all that is small about a request is one number
 * (`facts`, in batch.h), and since version 4 its names are another (of the
 * table `names`, store_names.c): a column takes more time to write than what is
 * in it. A file stays as it was made; readers see no difference. */
#ifndef GATEWAY_LEDGER_SCHEMA_H
#define GATEWAY_LEDGER_SCHEMA_H

#include "gateway/lib/buf.h"

#define SCHEMA_APPLICATION 0x504d4c47 /* application_id: "PMLG" */
#define SCHEMA_VERSION 4 /* user_version in the file */
#define SCHEMA_WIDE 2 /* of the last one with the table `requests` */
#define SCHEMA_NAMED 3 /* of the last one with names in its rows */
#define SCHEMA_VIEW_MAX 4096

/* What makes this version of nothing, but for the view. */
extern const char schema_tables[];
/* What makes SCHEMA_WIDE of the one before. */
extern const char schema_widen[];
/* "CREATE VIEW requests ...", with the names of now. */
void schema_view(int64_t version, struct buf *);
/* Statements that differ by the file's version. */
const char *schema_insert(int64_t version);
const char *schema_prune(int64_t version);
const char *schema_newest(int64_t version);
const char *schema_latest(int64_t version);

#endif
