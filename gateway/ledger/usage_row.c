/* gateway/ledger/usage_row.c - the row of one request, whole. */
#include "gateway/ledger/usage_where.h"

/* No index: it would cost each row more than a look through them takes, once in
 * a while. */
static const char question[] = "SELECT * FROM requests WHERE receipt = ?1 "
			       "ORDER BY time DESC LIMIT 1";

static json_t *
value_json(sqlite3_stmt *s, int i)
{
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(s, i));
	case SQLITE_FLOAT:
		return json_real(sqlite3_column_double(s, i));
	case SQLITE_TEXT:
		return json_string((const char *)sqlite3_column_text(s, i));
	default:
		return json_null();
	}
}

static json_t *
row_json(sqlite3_stmt *s)
{
	json_t *o = json_object();

	for (int i = 0; i < sqlite3_column_count(s); i++)
		json_object_set_new(
		    o, sqlite3_column_name(s, i), value_json(s, i));
	return o;
}

static enum err
find(sqlite3 *db, const char *path, const char *receipt, json_t **out,
    struct errmsg *why)
{
	sqlite3_stmt *s = NULL;
	enum err err = OK;
	int rc = sqlite3_prepare_v2(db, question, -1, &s, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_text(s, 1, receipt, -1, SQLITE_STATIC);
		rc = sqlite3_step(s);
	}
	if (rc == SQLITE_ROW)
		*out = row_json(s);
	else if (rc == SQLITE_DONE)
		err = fail(why, ERR_NOT_FOUND,
		    "no row of the ledger is of that id: it is unknown, its "
		    "request is still running, or the row has been deleted "
		    "(the setting `ledger_keep` says when)");
	else
		err = usage_fail(db, path, rc, why);
	sqlite3_finalize(s);
	return err;
}

enum err
usage_row(const char *path, const char *receipt, usec limit,
    const atomic_bool *cancel, json_t **out, struct errmsg *why)
{
	struct usage_watch w = { cancel, clock_now() + limit };
	sqlite3 *db = NULL;
	enum err rc = usage_open(path, &w, &db, why);

	if (rc != OK)
		return rc;
	rc = find(db, path, receipt, out, why);
	sqlite3_close(db);
	return rc;
}
