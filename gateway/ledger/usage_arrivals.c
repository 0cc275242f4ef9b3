/* gateway/ledger/usage_arrivals.c - who came when, to be played again: of what
 * is counted in tokens, asked for and answered. */
#include "gateway/ledger/store.h"
#include "gateway/ledger/usage_where.h"

#define SQL_MAX 2048

/* clang-format off */
#define QUESTION \
	"SELECT time - ifnull(total_us, 0) AS at, " \
	"CASE WHEN tokens_in > 0 THEN tokens_in " \
	"ELSE ifnull(" MEAN("tokens_in") ", 1) END, " \
	"CASE WHEN result = 'ok' AND attempts > 0 THEN tokens_out " \
	"ELSE max(tokens_out, ifnull(" MEAN("tokens_out") ", 1)) END, " \
	"tenant, model, slo"

/* Of a column, over the model's whole answers. */
#define MEAN(column) \
	"avg(CASE WHEN result = 'ok' AND attempts > 0 THEN " column " END) " \
	"OVER (PARTITION BY model)"

/* Without an attempt: 4xx were at fault themselves, or beyond their limits; who
 * left did wait, if the whole of the request had come, with its model. */
#define WANTED \
	" AND dialect IN ('chat', 'completions', 'responses', 'messages') " \
	"AND model <> '-' AND CASE WHEN attempts > 0 " \
	"THEN ifnull(fault, '') NOT IN ('request', 'unsuited') " \
	"ELSE status IN (503, 504) OR result = 'client_gone' END " \
	"ORDER BY at"
/* clang-format on */

static const char *
text_at(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text != NULL ? text : "-";
}

enum err
usage_arrivals(const char *path, const struct usage_query *q,
    void (*each)(void *arg, const struct usage_arrival *), void *arg,
    struct errmsg *why)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	struct usage_arrival a;
	struct buf sql;
	enum err rc = store_open_reader(path, &db, why);
	int step = SQLITE_NOMEM;

	if (rc != OK)
		return rc;
	buf_init(&sql, SQL_MAX);
	buf_add_str(&sql, QUESTION);
	usage_where(q, &sql);
	buf_add_str(&sql, WANTED);
	buf_add_char(&sql, '\0');
	if (buf_err(&sql) == OK)
		step = sqlite3_prepare_v2(db, sql.p, -1, &s, NULL);
	if (step == SQLITE_OK)
		usage_bind(s, q);
	while (s != NULL && (step = sqlite3_step(s)) == SQLITE_ROW) {
		a.at = sqlite3_column_int64(s, 0);
		a.prompt = (unsigned)(sqlite3_column_double(s, 1) + 0.5);
		a.output = (unsigned)(sqlite3_column_double(s, 2) + 0.5);
		a.tenant = text_at(s, 3);
		a.model = text_at(s, 4);
		a.slo = text_at(s, 5);
		each(arg, &a);
	}
	if (step != SQLITE_DONE)
		rc = store_fail(db, path, why);
	sqlite3_finalize(s);
	buf_fini(&sql);
	sqlite3_close(db);
	return rc;
}
