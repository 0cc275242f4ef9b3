/* gateway/ledger/usage.c - what to group by, what to sum, and the question that
 * it makes. */
#include "gateway/ledger/usage.h"

#include "gateway/ledger/store.h"
#include "gateway/ledger/usage_where.h"
#include "gateway/lib/buf.h"
#include "gateway/lib/count.h"

#define SQL_MAX 8192
#define LOOK_STEPS 10000 /* of SQLite's machine, between looks at the clock */

static const struct {
	const char *name, *sql;
	bool time; /* comes before the dearest */
} dimensions[] = {
	{ "day", "date(time / 1000000, 'unixepoch')", true },
	{ "hour", "strftime('%Y-%m-%dT%H:00Z', time / 1000000, 'unixepoch')",
	    true },
	{ "tenant", "tenant", false },
	{ "key", "key", false },
	{ "model", "model", false },
	{ "backend", "ifnull(backend, '-')", false },
	{ "upstream", "ifnull(upstream, '-')", false },
	{ "slo", "slo", false },
	{ "dialect", "dialect", false },
	{ "result", "result", false },
	{ "fault", "ifnull(fault, '-')", false },
	{ "missed", "ifnull(missed, '-')", false },
};

/* What SQLite adds up. */
enum sum {
	SUM_REQUESTS,
	SUM_OK,
	SUM_REFUSED,
	SUM_FAILED,
	SUM_LEFT,
	SUM_ATTEMPTS,
	SUM_IN,
	SUM_OUT,
	SUM_CACHED,
	SUM_ESTIMATED,
	SUM_COST,
	SUM_UNPRICED,
	SUM_CUT,
	SUM_CHARGED,
	SUM_DECLARED,
	SUM_MET,
	SUM_MISSED_TTFT,
	SUM_MISSED_ITL,
	SUM_MISSED_TOTAL,
	SUM_DECLARED_COST,
	SUM_TTFT,
	SUM_TTFT_N,
	SUM_TOTAL,
	SUM_COUNT
};

static const char *const sums[SUM_COUNT] = {
	[SUM_REQUESTS] = "count(*)",
	[SUM_OK] = "sum(result = 'ok')",
	[SUM_REFUSED] = "sum(result = 'refused')",
	[SUM_FAILED] = "sum(result IN ('error', 'broken'))",
	[SUM_LEFT] = "sum(result = 'client_gone')",
	[SUM_ATTEMPTS] = "sum(attempts)",
	[SUM_IN] = "sum(tokens_in)",
	[SUM_OUT] = "sum(tokens_out)",
	[SUM_CACHED] = "sum(tokens_cached)",
	[SUM_ESTIMATED] = "sum(estimated)",
	[SUM_COST] = "total(cost_usd)",
	[SUM_UNPRICED] = "sum(cost_usd IS NULL AND result NOT IN "
			 "('error', 'broken', 'client_gone'))",
	[SUM_CUT] =
	    "sum(cost_usd IS NULL AND result IN ('broken', 'client_gone'))",
	[SUM_CHARGED] = "total(charged_usd)",
	[SUM_DECLARED] = "count(slo_met)",
	[SUM_MET] = "total(slo_met)",
	[SUM_MISSED_TTFT] = "total(missed LIKE '%ttft%')",
	[SUM_MISSED_ITL] = "total(missed LIKE '%itl%')",
	[SUM_MISSED_TOTAL] = "total(missed LIKE '%total%')",
	[SUM_DECLARED_COST] =
	    "total(CASE WHEN slo_met IS NOT NULL THEN cost_usd END)",
	[SUM_TTFT] = "total(ttft_us)",
	[SUM_TTFT_N] = "count(ttft_us)",
	[SUM_TOTAL] = "sum(total_us)",
};

/* What is shown: a sum, or one divided by another. docs/operations.md says what
 * each of them means. */
static const struct {
	struct usage_figure shown;
	enum sum of;
	enum sum by; /* SUM_COUNT: not divided */
	double scale; /* 0: a whole number */
} figures[] = {
	{ { "requests", "REQUESTS", 9, 0 }, SUM_REQUESTS, SUM_COUNT, 0 },
	{ { "ok", NULL, 0, 0 }, SUM_OK, SUM_COUNT, 0 },
	{ { "refused", "REFUSED", 8, 0 }, SUM_REFUSED, SUM_COUNT, 0 },
	{ { "failed", "FAILED", 7, 0 }, SUM_FAILED, SUM_COUNT, 0 },
	{ { "left", NULL, 0, 0 }, SUM_LEFT, SUM_COUNT, 0 },
	{ { "attempts", NULL, 0, 0 }, SUM_ATTEMPTS, SUM_COUNT, 0 },
	{ { "tokens_in", "TOKENS IN", 11, 0 }, SUM_IN, SUM_COUNT, 0 },
	{ { "tokens_out", "OUT", 11, 0 }, SUM_OUT, SUM_COUNT, 0 },
	{ { "tokens_cached", "CACHED", 11, 0 }, SUM_CACHED, SUM_COUNT, 0 },
	{ { "estimated", NULL, 0, 0 }, SUM_ESTIMATED, SUM_COUNT, 0 },
	{ { "cost_usd", "COST USD", 13, 6 }, SUM_COST, SUM_COUNT, 1 },
	{ { "unpriced", "UNPRICED", 9, 0 }, SUM_UNPRICED, SUM_COUNT, 0 },
	{ { "cut", "CUT", 6, 0 }, SUM_CUT, SUM_COUNT, 0 },
	{ { "charged_usd", "CHARGED USD", 13, 6 }, SUM_CHARGED, SUM_COUNT, 1 },
	{ { "slo_requests", NULL, 0, 0 }, SUM_DECLARED, SUM_COUNT, 0 },
	{ { "slo_met", NULL, 0, 0 }, SUM_MET, SUM_COUNT, 0 },
	{ { "attainment", "SLO MET", 8, -1 }, SUM_MET, SUM_DECLARED, 1 },
	{ { "missed_ttft", NULL, 0, 0 }, SUM_MISSED_TTFT, SUM_COUNT, 0 },
	{ { "missed_itl", NULL, 0, 0 }, SUM_MISSED_ITL, SUM_COUNT, 0 },
	{ { "missed_total", NULL, 0, 0 }, SUM_MISSED_TOTAL, SUM_COUNT, 0 },
	{ { "cost_usd_per_met", "USD PER MET", 13, 7 }, SUM_DECLARED_COST,
	    SUM_MET, 1 },
	{ { "ttft_ms", "TTFT ms", 9, 1 }, SUM_TTFT, SUM_TTFT_N, 1e-3 },
	{ { "total_ms", NULL, 0, 1 }, SUM_TOTAL, SUM_REQUESTS, 1e-3 },
};

const struct usage_figure *
usage_figure(unsigned i)
{
	return i < COUNT(figures) ? &figures[i].shown : NULL;
}

/* --- what to group by --- */

static enum err
refuse_by(struct slice name, const char *wrong, struct errmsg *why)
{
	struct buf list;
	char text[256];

	buf_on(&list, text, sizeof(text));
	for (size_t i = 0; i < COUNT(dimensions); i++)
		buf_addf(&list, "%s%s", i > 0 ? ", " : "", dimensions[i].name);
	return fail(why, ERR_INVALID,
	    "by: want up to %d of %.*s, each once; got %s \"%.*s\"",
	    USAGE_BY_MAX, SLICE_ARG(buf_slice(&list)), wrong,
	    SLICE_SHORT(name, 64));
}

enum err
usage_by_parse(struct slice list, struct usage_query *q, struct errmsg *why)
{
	struct slice name;
	size_t d;

	q->n_by = 0;
	while (list.n > 0 && slice_next(&list, ',', &name)) {
		for (d = 0; d < COUNT(dimensions); d++)
			if (slice_is(name, dimensions[d].name))
				break;
		if (d == COUNT(dimensions))
			return refuse_by(name, "unknown", why);
		if (q->n_by == USAGE_BY_MAX)
			return refuse_by(name, "one more:", why);
		for (unsigned i = 0; i < q->n_by; i++)
			if (q->by[i] == d)
				return refuse_by(name, "a second", why);
		q->by[q->n_by++] = (unsigned)d;
	}
	return OK;
}

/* --- the question --- */

void
usage_where(const struct usage_query *q, struct buf *sql)
{
	buf_add_str(sql, " FROM requests WHERE time >= ?1 AND time < ?2");
	if (q->tenant[0] != '\0')
		buf_add_str(sql, " AND tenant = ?3");
	if (q->key[0] != '\0')
		buf_add_str(sql, " AND key = ?4");
	if (q->model[0] != '\0')
		buf_add_str(sql, " AND model = ?5");
}

static void
write_order(const struct usage_query *q, struct buf *sql)
{
	if (q->n_by == 0)
		return;
	for (unsigned i = 0; i < q->n_by; i++)
		buf_addf(sql, "%s%u", i == 0 ? " GROUP BY " : ", ", i + 1);
	buf_add_str(sql, " ORDER BY ");
	for (unsigned i = 0; i < q->n_by; i++)
		if (dimensions[q->by[i]].time)
			buf_addf(sql, "%u, ", i + 1);
	buf_addf(sql, "%u DESC", q->n_by + SUM_COST + 1);
	for (unsigned i = 0; i < q->n_by; i++)
		buf_addf(sql, ", %u", i + 1);
}

static void
write_question(const struct usage_query *q, struct buf *sql)
{
	buf_add_str(sql, "SELECT ");
	for (unsigned i = 0; i < q->n_by; i++)
		buf_addf(sql, "%s, ", dimensions[q->by[i]].sql);
	for (unsigned i = 0; i < SUM_COUNT; i++)
		buf_addf(sql, "%s%s", i > 0 ? ", " : "", sums[i]);
	usage_where(q, sql);
	write_order(q, sql);
	buf_add_char(sql, '\0');
}

void
usage_bind(sqlite3_stmt *s, const struct usage_query *q)
{
	sqlite3_bind_int64(s, 1, q->since);
	sqlite3_bind_int64(s, 2, q->until);
	sqlite3_bind_text(s, 3, q->tenant, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, q->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, q->model, -1, SQLITE_STATIC);
}

/* --- the answer --- */

static json_t *
figure_json(unsigned i, const double *values)
{
	double v = values[figures[i].of];

	if (figures[i].scale == 0)
		return json_integer((json_int_t)v);
	if (figures[i].by != SUM_COUNT && values[figures[i].by] == 0)
		return json_null();
	if (figures[i].by != SUM_COUNT)
		v /= values[figures[i].by];
	return json_real(v * figures[i].scale);
}

static json_t *
figures_json(json_t *o, const double *values)
{
	for (unsigned i = 0; i < COUNT(figures); i++)
		json_object_set_new(
		    o, figures[i].shown.name, figure_json(i, values));
	return o;
}

static json_t *
row_json(const struct usage_query *q, sqlite3_stmt *s, const double *values)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < q->n_by; i++)
		json_object_set_new(o, dimensions[q->by[i]].name,
		    json_string((const char *)sqlite3_column_text(s, (int)i)));
	return figures_json(o, values);
}

static json_t *
document(const struct usage_query *q, const double *total, json_t *rows,
    bool truncated)
{
	json_t *o = json_object(), *by = json_array();

	for (unsigned i = 0; i < q->n_by; i++)
		json_array_append_new(
		    by, json_string(dimensions[q->by[i]].name));
	json_object_set_new(o, "since_us", json_integer(q->since));
	json_object_set_new(o, "until_us", json_integer(q->until));
	json_object_set_new(o, "by", by);
	json_object_set_new(o, "truncated", json_boolean(truncated));
	json_object_set_new(o, "rows", rows);
	json_object_set_new(o, "total", figures_json(json_object(), total));
	return o;
}

static json_t *
read_rows(const struct usage_query *q, sqlite3_stmt *s, int *rc)
{
	double values[SUM_COUNT], total[SUM_COUNT] = { 0 };
	json_t *rows = json_array();
	bool truncated = false;

	while ((*rc = sqlite3_step(s)) == SQLITE_ROW) {
		for (unsigned i = 0; i < SUM_COUNT; i++) {
			values[i] =
			    sqlite3_column_double(s, (int)(q->n_by + i));
			total[i] += values[i];
		}
		truncated = json_array_size(rows) == USAGE_ROWS_MAX;
		if (q->n_by > 0 && !truncated)
			json_array_append_new(rows, row_json(q, s, values));
	}
	return document(q, total, rows, truncated);
}

static int
is_over(void *arg)
{
	const struct usage_watch *w = arg;

	return (w->cancel != NULL && atomic_load(w->cancel)) ||
	    clock_now() > w->until;
}

enum err
usage_open(
    const char *path, struct usage_watch *w, sqlite3 **out, struct errmsg *why)
{
	enum err rc = store_open_reader(path, out, why);

	if (rc == OK)
		sqlite3_progress_handler(*out, LOOK_STEPS, is_over, w);
	return rc;
}

enum err
usage_fail(sqlite3 *db, const char *path, int rc, struct errmsg *why)
{
	if (rc == SQLITE_INTERRUPT)
		return fail(why, ERR_AGAIN,
		    "there are too many rows to read in time: ask for fewer "
		    "(since, until)");
	return store_fail(db, path, why);
}

static enum err
ask(sqlite3 *db, const char *path, const struct usage_query *q, json_t **out,
    struct errmsg *why)
{
	sqlite3_stmt *s = NULL;
	json_t *doc = NULL;
	struct buf sql;
	int rc;

	buf_init(&sql, SQL_MAX);
	write_question(q, &sql);
	rc = buf_err(&sql) != OK ? SQLITE_NOMEM
				 : sqlite3_prepare_v2(db, sql.p, -1, &s, NULL);
	if (rc == SQLITE_OK) {
		usage_bind(s, q);
		doc = read_rows(q, s, &rc);
	}
	sqlite3_finalize(s);
	buf_fini(&sql);
	if (rc == SQLITE_DONE) {
		*out = doc;
		return OK;
	}
	json_decref(doc);
	return usage_fail(db, path, rc, why);
}

enum err
usage_sum(const char *path, const struct usage_query *q, usec limit,
    const atomic_bool *cancel, json_t **out, struct errmsg *why)
{
	struct usage_watch w = { cancel, clock_now() + limit };
	sqlite3 *db = NULL;
	enum err rc = usage_open(path, &w, &db, why);

	if (rc != OK)
		return rc;
	rc = ask(db, path, q, out, why);
	sqlite3_close(db);
	return rc;
}
