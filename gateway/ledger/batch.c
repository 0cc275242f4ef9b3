/* gateway/ledger/batch.c - a virtual table, read once from its first entry to
 * its last. */
#include "gateway/ledger/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MANY 1e4 /* whatever the planner thinks of it */

/* How a column is made of an entry. */
enum how {
	TIME,
	TEXT,
	COUNT, /* uint32_t */
	FLAG,
	WHOLE, /* int64_t */
	SPAN, /* the same; negative: not known */
	SUM, /* double */
	COST, /* the same; negative: not known */
	DIALECT,
	RESULT,
	FAULT,
	STATUS,
	SLO_MET,
	MISSED,
	FACTS
};

#define OF(member) offsetof(struct entry, member)

/* As in `requests`. */
static const struct {
	enum how how;
	unsigned at; /* in struct entry, or which text */
} columns[] = {
	{ TIME, 0 },
	{ TEXT, TEXT_RECEIPT },
	{ TEXT, TEXT_TENANT },
	{ TEXT, TEXT_KEY },
	{ TEXT, TEXT_MODEL },
	{ TEXT, TEXT_BACKEND },
	{ TEXT, TEXT_UPSTREAM },
	{ TEXT, TEXT_SLO },
	{ DIALECT, 0 },
	{ FLAG, OF(stream) },
	{ RESULT, 0 },
	{ FAULT, 0 },
	{ STATUS, 0 },
	{ COUNT, OF(attempts) },
	{ SLO_MET, 0 },
	{ MISSED, 0 },
	{ COUNT, OF(input) },
	{ COUNT, OF(output) },
	{ COUNT, OF(cached) },
	{ FLAG, OF(estimated) },
	{ COST, OF(cost) },
	{ SPAN, OF(queue) },
	{ SPAN, OF(ttft) },
	{ SPAN, OF(itl) },
	{ WHOLE, OF(total) },
	{ SUM, OF(charged) },
	{ FACTS, 0 },
	{ WHOLE, OF(names) },
};
static const char schema[] =
    "CREATE TABLE batch (time, receipt, tenant, key, model, backend, upstream, "
    "slo, dialect, stream, result, fault, status, attempts, slo_met, missed, "
    "tokens_in, tokens_out, tokens_cached, estimated, cost_usd, queue_us, "
    "ttft_us, itl_us, total_us, charged_usd, facts HIDDEN, names HIDDEN)";

struct table {
	sqlite3_vtab base;
	const struct batch *batch;
};

struct cursor {
	sqlite3_vtab_cursor base;
	const struct entry *entry; /* NULL: at the end */
	const char *end;
	const char *text[TEXT_COUNT]; /* of the entry */
	char missed[64];
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
	const struct entry *e = NULL;

	if (p < c->end)
		e = (const struct entry *)(const void *)p;
	c->entry = e;
	if (e == NULL)
		return;
	p = entry_names(e);
	for (int i = 0; i < TEXT_COUNT; p += e->text[i++] + 1)
		c->text[i] = p;
	place(c, e->ended);
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

static void
tell_name(sqlite3_context *to, const char *name)
{
	sqlite3_result_text(to, name, -1, SQLITE_STATIC);
}

static void
tell_text(sqlite3_context *to, const struct cursor *c, enum entry_text which)
{
	if (c->entry->text[which] > 0)
		sqlite3_result_text(
		    to, c->text[which], c->entry->text[which], SQLITE_STATIC);
}

/* Which targets were missed, "ttft,total"; of one that was not answered, and
 * therefore missed all that it was not measured by, at least "answer". */
static void
tell_missed(sqlite3_context *to, struct cursor *c)
{
	const struct entry *e = c->entry;
	const size_t cap = sizeof(c->missed);
	size_t n = 0;

	if (!e->declared || e->met)
		return;
	for (enum phase p = 0; p < PHASE_COUNT; p++)
		if (e->missed & (1u << p))
			n += (size_t)snprintf(c->missed + n, cap - n, "%s%s",
			    n > 0 ? "," : "", phase_name(p));
	tell_name(to, n > 0 ? c->missed : "answer");
}

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

static void
tell_fact(sqlite3_context *to, struct cursor *c, enum how how)
{
	const struct entry *e = c->entry;

	if (how == FACTS)
		sqlite3_result_int64(to, facts_of(e));
	else if (how == DIALECT)
		tell_name(to, dialect_name((enum dialect)e->dialect));
	else if (how == RESULT)
		tell_name(to, result_name((enum result)e->result));
	else if (how == FAULT && e->fault != FAULT_NONE)
		tell_name(to, fault_rule((enum fault_kind)e->fault)->name);
	else if (how == STATUS && e->status > 0)
		sqlite3_result_int(to, e->status);
	else if (how == SLO_MET && e->declared)
		sqlite3_result_int(to, e->met);
	else if (how == MISSED)
		tell_missed(to, c);
}

/* What is not told is NULL. */
static int
on_column(sqlite3_vtab_cursor *base, sqlite3_context *to, int i)
{
	struct cursor *c = (struct cursor *)base;
	const void *at = (const char *)c->entry + columns[i].at;

	switch (columns[i].how) {
	case TIME:
		if (!c->follows)
			sqlite3_result_int64(to, c->at);
		break;
	case TEXT:
		tell_text(to, c, columns[i].at);
		break;
	case COUNT:
		sqlite3_result_int64(to, *(const uint32_t *)at);
		break;
	case FLAG:
		sqlite3_result_int(to, *(const bool *)at);
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
	default:
		tell_fact(to, c, columns[i].how);
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
