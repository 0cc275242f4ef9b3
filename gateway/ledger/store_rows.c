/* gateway/ledger/store_rows.c - rows into the file, and out of it again when
 * they are old. */
#include <stdio.h>
#include <string.h>

#include "gateway/ledger/store.h"
#include "gateway/lib/arena.h"
#include "gateway/lib/map.h"

#define PRUNE_ROWS 2000 /* at a time: others may write in between */
#define SPENT_DAYS 62 /* this month and the last one, at least */
#define NEAR USEC_MS /* a row may be as much later than its request */
#define TIES_MAX 100000 /* rows that ended in the same microsecond */
#define TALLIES_MAX ((size_t)64 << 20) /* bytes */

/* --- one row --- */

static void
bind_text(sqlite3_stmt *q, int at, const char *p, size_t n)
{
	sqlite3_bind_text(q, at, p, (int)n, SQLITE_STATIC);
}

static void
bind_name(sqlite3_stmt *q, int at, const char *name)
{
	sqlite3_bind_text(q, at, name, -1, SQLITE_STATIC);
}

static void
bind_span(sqlite3_stmt *q, int at, usec span)
{
	if (span < 0)
		sqlite3_bind_null(q, at);
	else
		sqlite3_bind_int64(q, at, span);
}

static void
bind_names(sqlite3_stmt *q, const struct entry *e)
{
	static const int column[TEXT_COUNT] = { [TEXT_RECEIPT] = 2,
		[TEXT_TENANT] = 3,
		[TEXT_KEY] = 4,
		[TEXT_MODEL] = 5,
		[TEXT_BACKEND] = 6,
		[TEXT_UPSTREAM] = 7,
		[TEXT_SLO] = 8 };
	const char *p = entry_names(e);

	for (int i = 0; i < TEXT_COUNT; i++) {
		if (e->text[i] == 0)
			sqlite3_bind_null(q, column[i]);
		else
			bind_text(q, column[i], p, e->text[i]);
		p += e->text[i];
	}
}

/* Which targets were missed, "ttft,total"; of one that was not answered, and
 * therefore missed all that it was not measured by, at least "answer". */
static void
bind_slo(sqlite3_stmt *q, const struct entry *e, char *text, size_t cap)
{
	size_t n = 0;

	sqlite3_bind_null(q, 15);
	sqlite3_bind_null(q, 16);
	if (!e->declared)
		return;
	sqlite3_bind_int(q, 15, e->met);
	if (e->met)
		return;
	for (enum phase p = 0; p < PHASE_COUNT; p++)
		if (e->missed & (1u << p))
			n += (size_t)snprintf(text + n, cap - n, "%s%s",
			    n > 0 ? "," : "", phase_name(p));
	if (n == 0)
		n = (size_t)snprintf(text, cap, "answer");
	bind_text(q, 16, text, n);
}

static void
bind_numbers(sqlite3_stmt *q, const struct entry *e)
{
	bind_name(q, 9, dialect_name((enum dialect)e->dialect));
	sqlite3_bind_int(q, 10, e->stream);
	bind_name(q, 11, result_name((enum result)e->result));
	if (e->fault == FAULT_NONE)
		sqlite3_bind_null(q, 12);
	else
		bind_name(q, 12, fault_rule((enum fault_kind)e->fault)->name);
	if (e->status == 0)
		sqlite3_bind_null(q, 13);
	else
		sqlite3_bind_int(q, 13, e->status);
	sqlite3_bind_int64(q, 14, e->attempts);
	sqlite3_bind_int64(q, 17, e->input);
	sqlite3_bind_int64(q, 18, e->output);
	sqlite3_bind_int64(q, 19, e->cached);
	sqlite3_bind_int(q, 20, e->estimated);
	if (e->cost < 0)
		sqlite3_bind_null(q, 21);
	else
		sqlite3_bind_double(q, 21, e->cost);
	bind_span(q, 22, e->queue);
	bind_span(q, 23, e->ttft);
	bind_span(q, 24, e->itl);
	sqlite3_bind_int64(q, 25, e->total);
	sqlite3_bind_double(q, 26, e->charged);
}

/* Two workers' requests may end in the same microsecond, and a clock may be
 * set back: the row then takes the next free place. */
static bool
insert(struct store *s, const struct entry *e, usec *last)
{
	bool tied = e->ended <= *last && *last - e->ended < NEAR;
	usec at = tied ? *last + 1 : e->ended;
	sqlite3_stmt *q = s->insert;
	char missed[64];
	int rc = SQLITE_CONSTRAINT;

	bind_names(q, e);
	bind_slo(q, e, missed, sizeof(missed));
	bind_numbers(q, e);
	for (int i = 0; i < TIES_MAX && rc == SQLITE_CONSTRAINT; i++) {
		sqlite3_bind_int64(q, 1, at);
		rc = sqlite3_step(q);
		sqlite3_reset(q);
		if (rc == SQLITE_CONSTRAINT)
			at = i == 0 && at < *last ? *last + 1 : at + 1;
	}
	*last = at;
	return rc == SQLITE_DONE;
}

/* --- sums per day --- */

struct tally {
	struct tally *next;
	const struct entry *first; /* lends its names */
	int64_t day, requests;
	double cost;
};

struct tallies {
	struct arena arena;
	struct map by_key;
	struct tally *all;
	struct tally *last; /* that was added to */
};

static struct slice
name_of(const struct entry *e, enum entry_text which)
{
	const char *p = entry_names(e);

	for (int i = 0; i < (int)which; i++)
		p += e->text[i];
	return slice_make(p, e->text[which]);
}

static struct slice
tally_key(const struct entry *e, int64_t day, char *room, size_t cap)
{
	int n = snprintf(room, cap, "%lld\n%.*s\n%.*s", (long long)day,
	    SLICE_ARG(name_of(e, TEXT_TENANT)),
	    SLICE_ARG(name_of(e, TEXT_KEY)));

	return slice_make(room, (size_t)n);
}

static struct tally *
new_tally(struct tallies *t, struct slice key)
{
	struct tally *new = arena_alloc(&t->arena, sizeof(*new));
	char *copy = arena_dup(&t->arena, key);

	if (new == NULL || copy == NULL ||
	    map_put(&t->by_key, slice_make(copy, key.n), new) != OK)
		return NULL;
	new->next = t->all;
	t->all = new;
	return new;
}

static bool
is_of(const struct tally *t, const struct entry *e, int64_t day)
{
	return t != NULL && t->day == day &&
	    slice_eq(name_of(t->first, TEXT_TENANT), name_of(e, TEXT_TENANT)) &&
	    slice_eq(name_of(t->first, TEXT_KEY), name_of(e, TEXT_KEY));
}

static struct tally *
find_tally(struct tallies *t, const struct entry *e, int64_t day)
{
	char room[2 * ENTRY_TEXT_MAX + 32];
	struct slice key = tally_key(e, day, room, sizeof(room));
	struct tally *found = map_get(&t->by_key, key);

	return found != NULL ? found : new_tally(t, key);
}

static bool
count(struct tallies *t, const struct entry *e)
{
	int64_t day = e->ended / STORE_DAY;

	if (!is_of(t->last, e, day))
		t->last = find_tally(t, e, day);
	if (t->last == NULL)
		return false;
	t->last->first = e;
	t->last->day = day;
	t->last->requests++;
	if (e->charged > 0)
		t->last->cost += e->charged;
	return true;
}

static bool
add_tallies(struct store *s, const struct tallies *t)
{
	sqlite3_stmt *q = s->add_spent;
	bool good = true;

	for (const struct tally *one = t->all; one != NULL && good;
	     one = one->next) {
		struct slice tenant = name_of(one->first, TEXT_TENANT);
		struct slice key = name_of(one->first, TEXT_KEY);

		sqlite3_bind_int64(q, 1, one->day);
		bind_text(q, 2, tenant.p, tenant.n);
		bind_text(q, 3, key.p, key.n);
		sqlite3_bind_int64(q, 4, one->requests);
		sqlite3_bind_double(q, 5, one->cost);
		good = sqlite3_step(q) == SQLITE_DONE;
		sqlite3_reset(q);
	}
	return good;
}

/* --- a batch --- */

static bool
step(sqlite3_stmt *q)
{
	bool done = sqlite3_step(q) == SQLITE_DONE;

	sqlite3_reset(q);
	return done;
}

static enum err
add_all(struct store *s, struct tallies *t, const char *p, size_t n,
    struct errmsg *why)
{
	const struct entry *e;
	usec last = 0;

	for (const char *end = p + n; p < end; p += e->size) {
		e = (const struct entry *)(const void *)p;
		if (!insert(s, e, &last))
			return store_fail(s->db, s->path, why);
		if (!count(t, e))
			return fail(why, ERR_MEMORY, "ledger: out of memory");
	}
	if (!add_tallies(s, t) || !step(s->commit))
		return store_fail(s->db, s->path, why);
	return OK;
}

enum err
store_add(struct store *s, const char *entries, size_t n, struct errmsg *why)
{
	struct tallies t = { .all = NULL };
	enum err rc;

	if (!step(s->begin))
		return store_fail(s->db, s->path, why);
	arena_init(&t.arena, TALLIES_MAX);
	map_init(&t.by_key);
	rc = add_all(s, &t, entries, n, why);
	if (rc != OK && !sqlite3_get_autocommit(s->db))
		step(s->rollback);
	sqlite3_clear_bindings(s->insert);
	sqlite3_clear_bindings(s->add_spent);
	map_fini(&t.by_key);
	arena_fini(&t.arena);
	return rc;
}

/* --- what is old --- */

enum err
store_prune(
    struct store *s, usec before, usec wall, bool *more, struct errmsg *why)
{
	*more = false;
	sqlite3_bind_int64(s->prune, 1, before);
	sqlite3_bind_int(s->prune, 2, PRUNE_ROWS);
	if (!step(s->prune))
		return store_fail(s->db, s->path, why);
	*more = sqlite3_changes(s->db) == PRUNE_ROWS;
	sqlite3_bind_int64(s->prune_spent, 1, wall / STORE_DAY - SPENT_DAYS);
	if (!step(s->prune_spent))
		return store_fail(s->db, s->path, why);
	return OK;
}
