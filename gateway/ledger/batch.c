/* gateway/ledger/batch.c - a virtual table, read once from its first entry to
 * its last. */
#include "gateway/ledger/batch.h"

#include <stdlib.h>

#define ROWS_MANY 1e4 /* whatever the planner thinks of it */

/* How a column is made of an entry. */
enum how {
	TIME,
	RECEIPT,
	FACTS,
	COUNT, /* uint32_t */
	WHOLE, /* int64_t */
	SPAN, /* the same; negative: not known */
	SUM, /* double */
	COST, /* the same; negative: not known */
};

#define OF(member) offsetof(struct entry, member)

/* As in `rows`. */
static const struct {
	enum how how;
	unsigned at; /* in struct entry */
} columns[] = {
	{ TIME, 0 },
	{ RECEIPT, 0 },
	{ WHOLE, OF(names) },
	{ FACTS, 0 },
	{ COUNT, OF(input) },
	{ COUNT, OF(output) },
	{ COUNT, OF(cached) },
	{ COST, OF(cost) },
	{ SPAN, OF(queue) },
	{ SPAN, OF(ttft) },
	{ SPAN, OF(itl) },
	{ WHOLE, OF(total) },
	{ SUM, OF(charged) },
};
static const char schema[] =
    "CREATE TABLE batch (time, receipt, names, facts, tokens_in, tokens_out, "
    "tokens_cached, cost_usd, queue_us, ttft_us, itl_us, total_us, "
    "charged_usd)";

struct table {
	sqlite3_vtab base;
	const struct batch *batch;
};

struct cursor {
	sqlite3_vtab_cursor base;
	const struct entry *entry; /* NULL: at the end */
	const char *end;
	usec at; /* the entry's `time` */
	usec newest; /* of the file and of those that came before */
	bool follows; /* the newest: SQLite makes its `time`, 1 more */
};

/* --- where it stands --- */

/* What stands near the newest row follows it: SQLite appends such a row, and
 * would look for the place of one that says its time. */
static void
place(struct cursor *c, usec ended)
{
	usec since = ended - c->at;

	c->follows =
	    c->at == c->newest && since < BATCH_NEAR && since > -BATCH_NEAR;
	c->at = c->follows ? c->at + 1 : batch_time(ended, c->at);
	if (c->newest < c->at)
		c->newest = c->at;
}

static void
show(struct cursor *c, const char *p)
{
	c->entry = NULL;
	if (p == c->end)
		return;
	c->entry = (const struct entry *)(const void *)p;
	place(c, c->entry->ended);
}

static int
on_filter(
    sqlite3_vtab_cursor *base, int i, const char *s, int n, sqlite3_value **v)
{
	struct cursor *c = (struct cursor *)base;
	const struct batch *b = ((struct table *)base->pVtab)->batch;

	(void)i, (void)s, (void)n, (void)v;
	c->end = b->end;
	c->at = c->newest = b->newest;
	show(c, b->p);
	if (b->at != 0) {
		c->at = b->at;
		c->follows = false;
	}
	return SQLITE_OK;
}

static int
on_next(sqlite3_vtab_cursor *base)
{
	struct cursor *c = (struct cursor *)base;

	show(c, (const char *)c->entry + c->entry->size);
	return SQLITE_OK;
}

static int
on_eof(sqlite3_vtab_cursor *base)
{
	return ((struct cursor *)base)->entry == NULL;
}

static int
on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
	*out = ((struct cursor *)base)->at;
	return SQLITE_OK;
}

/* --- what stands there --- */

_Static_assert(DIALECT_COUNT <= 1 << FACT_DIALECT_N, "more than fit");

static int64_t
facts_of(const struct entry *e)
{
	const uint32_t many = (1u << FACT_ATTEMPTS_N) - 1;
	uint64_t attempts = e->attempts < many ? e->attempts : many;

	return (int64_t)((uint64_t)e->dialect << FACT_DIALECT |
	    (uint64_t)e->result << FACT_RESULT |
	    (uint64_t)e->fault << FACT_FAULT |
	    (uint64_t)e->missed << FACT_MISSED |
	    (uint64_t)e->stream << FACT_STREAM |
	    (uint64_t)e->declared << FACT_DECLARED |
	    (uint64_t)e->met << FACT_MET |
	    (uint64_t)e->estimated << FACT_ESTIMATED |
	    (uint64_t)e->status << FACT_STATUS | attempts << FACT_ATTEMPTS);
}

/* What is not told is NULL. */
static int
on_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	const struct entry *e = c->entry;
	const void *at = (const char *)e + columns[i].at;

	switch (columns[i].how) {
	case TIME:
		if (!c->follows)
			sqlite3_result_int64(to, c->at);
		break;
	case RECEIPT:
		sqlite3_result_text(
		    to, entry_names(e), e->text[TEXT_RECEIPT], SQLITE_STATIC);
		break;
	case FACTS:
		sqlite3_result_int64(to, facts_of(e));
		break;
	case COUNT:
		sqlite3_result_int64(to, *(const uint32_t *)at);
		break;
	case SPAN:
		if (*(const usec *)at < 0)
			break;
		/* fall through */
	case WHOLE:
		sqlite3_result_int64(to, *(const usec *)at);
		break;
	case COST:
		if (*(const double *)at < 0)
			break;
		/* fall through */
	case SUM:
		sqlite3_result_double(to, *(const double *)at);
		break;
	}
	return SQLITE_OK;
}

/* --- the table --- */

static int
on_connect(sqlite3 *db, void *batch, int n, const char *const *v,
    sqlite3_vtab **out, char **why)
{
	struct table *t = calloc(1, sizeof(*t));
	int rc;

	(void)n, (void)v, (void)why;
	if (t == NULL)
		return SQLITE_NOMEM;
	t->batch = batch;
	*out = &t->base;
	rc = sqlite3_declare_vtab(db, schema);
	if (rc != SQLITE_OK)
		free(t);
	return rc;
}

static int
on_disconnect(sqlite3_vtab *base)
{
	free((struct table *)base);
	return SQLITE_OK;
}

static int
on_plan(sqlite3_vtab *base, sqlite3_index_info *plan)
{
	(void)base;
	plan->estimatedCost = ROWS_MANY;
	return SQLITE_OK;
}

static int
on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = calloc(1, sizeof(*c));

	(void)base;
	if (c == NULL)
		return SQLITE_NOMEM;
	*out = &c->base;
	return SQLITE_OK;
}

static int
on_close(sqlite3_vtab_cursor *base)
{
	free((struct cursor *)base);
	return SQLITE_OK;
}

int
batch_register(sqlite3 *db, struct batch *b)
{
	static const sqlite3_module module = { .iVersion = 1,
		.xConnect = on_connect,
		.xDisconnect = on_disconnect,
		.xBestIndex = on_plan,
		.xOpen = on_open,
		.xClose = on_close,
		.xFilter = on_filter,
		.xNext = on_next,
		.xEof = on_eof,
		.xColumn = on_column,
		.xRowid = on_rowid };

	return sqlite3_create_module_v2(db, "batch", &module, b, NULL);
}
