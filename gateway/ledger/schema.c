/* gateway/ledger/schema.c - see schema.h. */
#include "gateway/ledger/schema.h"

#include "gateway/ledger/batch.h"

/* time: when the request had ended, in microseconds since 1970, to within a
 * millisecond: no two rows share one. The spans are microseconds as well. NULL
 * is what is not known, or does not apply. charged_usd: to budgets; the cost,
 * or an estimate where nobody said it; the sums per day are of it. day: since
 * 1970, of UTC; sums are kept longer than the rows are, names until no row is
 * of that day. Rows have no types: SQLite would look at each value for them. */
const char schema_tables[] = "CREATE TABLE rows ("
			     " time INTEGER PRIMARY KEY,"
			     " receipt,"
			     " names,"
			     " facts,"
			     " tokens_in,"
			     " tokens_out,"
			     " tokens_cached,"
			     " cost_usd,"
			     " queue_us,"
			     " ttft_us,"
			     " itl_us,"
			     " total_us,"
			     " charged_usd);"
			     "CREATE TABLE names ("
			     " number INTEGER PRIMARY KEY AUTOINCREMENT,"
			     " tenant TEXT,"
			     " key TEXT,"
			     " model TEXT,"
			     " backend TEXT,"
			     " upstream TEXT,"
			     " slo TEXT,"
			     " day INTEGER NOT NULL);"
			     "CREATE INDEX by_names ON names (model, tenant, "
			     "key, upstream, backend, slo);"
			     "CREATE TABLE spent ("
			     " day INTEGER NOT NULL,"
			     " tenant TEXT NOT NULL,"
			     " key TEXT NOT NULL,"
			     " requests INTEGER NOT NULL,"
			     " cost_usd REAL NOT NULL,"
			     " PRIMARY KEY (day, tenant, key)) WITHOUT ROWID;";

/* --- the view --- */

static const char *
name_of_dialect(unsigned i)
{
	return i < DIALECT_COUNT ? dialect_name((enum dialect)i) : NULL;
}

static const char *
name_of_result(unsigned i)
{
	return i <= RESULT_CLIENT_GONE ? result_name((enum result)i) : NULL;
}

static const char *
name_of_fault(unsigned i)
{
	return i < FAULT_COUNT ? fault_rule((enum fault_kind)i)->name : NULL;
}

/* Bits `at` to `at` + `n` - 1, from `first` on, by their names. */
static void
add_names(struct buf *sql, unsigned at, unsigned n, unsigned first,
    const char *(*name)(unsigned), const char *as)
{
	buf_addf(sql, "CASE facts >> %u & %u", at, (1u << n) - 1);
	for (unsigned i = first; name(i) != NULL; i++)
		buf_addf(sql, " WHEN %u THEN '%s'", i, name(i));
	buf_addf(sql, " END AS %s, ", as);
}

static void
add_bit(struct buf *sql, unsigned at, const char *as)
{
	buf_addf(sql, "facts >> %u & 1 AS %s, ", at, as);
}

/* Which targets were missed, "ttft,total"; of one that was not answered, and
 * therefore missed all that it was not measured by, at least "answer". */
static void
add_missed(struct buf *sql)
{
	buf_addf(sql,
	    "CASE WHEN NOT facts >> %u & 1 OR facts >> %u & 1 THEN NULL "
	    "WHEN facts >> %u & %u = 0 THEN 'answer' ELSE substr(",
	    FACT_DECLARED, FACT_MET, FACT_MISSED, (1u << FACT_MISSED_N) - 1);
	for (enum phase p = 0; p < PHASE_COUNT; p++)
		buf_addf(sql,
		    "%sCASE WHEN facts >> %u & 1 THEN ',%s' ELSE '' END",
		    p > 0 ? " || " : "", FACT_MISSED + p, phase_name(p));
	buf_add_str(sql, ", 2) END AS missed, ");
}

void
schema_view(struct buf *sql)
{
	buf_add_str(sql,
	    "CREATE VIEW requests AS SELECT time, receipt, tenant, key, model, "
	    "backend, upstream, slo, ");
	add_names(
	    sql, FACT_DIALECT, FACT_DIALECT_N, 0, name_of_dialect, "dialect");
	add_bit(sql, FACT_STREAM, "stream");
	add_names(sql, FACT_RESULT, FACT_RESULT_N, 0, name_of_result, "result");
	add_names(sql, FACT_FAULT, FACT_FAULT_N, 1, name_of_fault, "fault");
	buf_addf(sql,
	    "nullif(facts >> %u & %u, 0) AS status, facts >> %u AS attempts, "
	    "CASE WHEN facts >> %u & 1 THEN facts >> %u & 1 END AS slo_met, ",
	    FACT_STATUS, (1u << FACT_STATUS_N) - 1, FACT_ATTEMPTS,
	    FACT_DECLARED, FACT_MET);
	add_missed(sql);
	buf_add_str(sql, "tokens_in, tokens_out, tokens_cached, ");
	add_bit(sql, FACT_ESTIMATED, "estimated");
	buf_add_str(sql,
	    "cost_usd, queue_us, ttft_us, itl_us, total_us, charged_usd "
	    /* or SQLite would walk through all rows for each of a model's
	     * names; by their number they are found */
	    "FROM rows LEFT JOIN names NOT INDEXED ON number = rows.names");
}
