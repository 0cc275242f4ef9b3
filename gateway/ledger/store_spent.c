/* gateway/ledger/store_spent.c - what was spent this day and month, by the sums
 * per day. */
#include <time.h>

#include "gateway/ledger/store.h"

static int64_t
first_of_month(usec wall)
{
	time_t sec = (time_t)(wall / USEC_SEC);
	struct tm tm;

	gmtime_r(&sec, &tm);
	return wall / STORE_DAY - (tm.tm_mday - 1);
}

static int
ask(sqlite3 *db, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg)
{
	static const char sql[] =
	    "SELECT tenant, key, sum(CASE day WHEN ?1 THEN cost_usd ELSE 0 "
	    "END), sum(cost_usd) FROM spent WHERE day BETWEEN ?2 AND ?1 "
	    "GROUP BY tenant, key";
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(q, 1, wall / STORE_DAY);
		sqlite3_bind_int64(q, 2, first_of_month(wall));
		while ((rc = sqlite3_step(q)) == SQLITE_ROW)
			each(arg,
			    &(struct ledger_spent){
				(const char *)sqlite3_column_text(q, 0),
				(const char *)sqlite3_column_text(q, 1),
				sqlite3_column_double(q, 2),
				sqlite3_column_double(q, 3) });
	}
	sqlite3_finalize(q);
	return rc;
}

enum err
store_spent(const char *path, usec wall,
    void (*each)(void *arg, const struct ledger_spent *), void *arg,
    struct errmsg *why)
{
	sqlite3 *db = NULL;
	enum err rc = store_open_reader(path, &db, why);

	if (rc != OK)
		return rc;
	if (ask(db, wall, each, arg) != SQLITE_DONE)
		rc = store_fail(db, path, why);
	sqlite3_close(db);
	return rc;
}
