/* gateway/admin/usage_page.h - the ledger's sums: what was asked for, and the
 * answer as JSON, CSV or a table. */
#ifndef GATEWAY_ADMIN_USAGE_PAGE_H
#define GATEWAY_ADMIN_USAGE_PAGE_H

#include "gateway/admin/receipts.h"
#include "gateway/ledger/usage.h"
#include "gateway/lib/buf.h"

struct admin_reply;

enum usage_format { USAGE_JSON, USAGE_CSV, USAGE_TABLE };

struct usage_question {
	struct usage_query query;
	enum usage_format format;
	char receipt[RECEIPT_ID_BYTES]; /* this row, as JSON; empty: sums */
};

/* From a query string: by=tenant,model, since= and until= ("24h" ago, or
 * "2026-11-21", "2026-11-21T08:00:00Z"), tenant=, key=, model=, format=json,
 * csv or table. `wall` is now. What is not said: the last 24 hours, all of
 * them together, as JSON. */
enum err usage_read_question(struct slice query, usec wall,
    struct usage_question *, struct errmsg *why) MUST_USE;

/* Sums up, or finds the row, and words the answer: any thread, and not a quick
 * thing. */
void usage_answer(const char *path, const struct usage_question *,
    const atomic_bool *cancel, struct admin_reply *);

bool usage_format_parse(struct slice, enum usage_format *);
/* Of the document that usage_sum() makes. */
/* Whether it has all rows: a table says where it has not, CSV cannot. */
bool usage_is_whole(const json_t *doc, struct errmsg *why);
void usage_write_csv(const json_t *doc, struct buf *out);
void usage_write_table(const json_t *doc, struct buf *out);

#endif
