/* gateway/ledger/store_rows.c - rows into the file, and out of it again when
 * they are old. */
#include <string.h>

#include "gateway/ledger/store.h"
#include "gateway/lib/arena.h"
#include "gateway/lib/map.h"

#define PRUNE_ROWS 2000 /* at a time: others may write in between */
#define SPENT_DAYS 62 /* this month and the last one, at least */
#define TIES_MAX 100000 /* rows that ended in the same microsecond */
#define TALLIES_MAX ((size_t)64 << 20) /* bytes */
#define TALLY_KEY_MAX (sizeof(int64_t) + 2 * (ENTRY_TEXT_MAX + 1))

static bool
step(sqlite3_stmt *q)
{
	bool done = sqlite3_step(q) == SQLITE_DONE;

	sqlite3_reset(q);
	return done;
}

/* --- rows --- */

static usec
newest(struct store *s)
{
	usec time = 0;

	if (sqlite3_step(s->newest) == SQLITE_ROW)
		time = sqlite3_column_int64(s->newest, 0);
	sqlite3_reset(s->newest);
	return time;
}

static int
insert(struct store *s, const char *p, const char *end, usec at)
{
	int rc;

	s->batch = (struct batch){ p, end, at, newest(s) };
	rc = sqlite3_step(s->insert);
	sqlite3_reset(s->insert);
	return rc;
}

/* A clock was set back, to where rows stand: the row then takes the next free
 * place. */
static bool
insert_somewhere(struct store *s, const struct entry *e, usec *last)
{
	const char *p = (const char *)e;
	usec at = batch_time(e->ended, *last);
	int rc = insert(s, p, p + e->size, at);

	if (rc == SQLITE_CONSTRAINT && at < *last)
		at = *last;
	for (int i = 0; i < TIES_MAX && rc == SQLITE_CONSTRAINT; i++)
		rc = insert(s, p, p + e->size, ++at);
	*last = at;
	return rc == SQLITE_DONE;
}

static bool
insert_all(struct store *s, const char *p, const char *end)
{
	const struct entry *e;
	usec last = 0;
	int rc = insert(s, p, end, 0);

	if (rc != SQLITE_CONSTRAINT)
		return rc == SQLITE_DONE;
	for (; p < end; p += e->size) {
		e = (const struct entry *)(const void *)p;
		if (!insert_somewhere(s, e, &last))
			return false;
	}
	return true;
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
		p += e->text[i] + 1;
	return slice_make(p, e->text[which]);
}

/* The day, and the names of tenant and key as they lie there. */
static struct slice
tally_key(const struct entry *e, int64_t day, char room[TALLY_KEY_MAX])
{
	struct slice tenant = name_of(e, TEXT_TENANT);
	size_t n = tenant.n + 1 + e->text[TEXT_KEY];

	memcpy(room, &day, sizeof(day));
	memcpy(room + sizeof(day), tenant.p, n);
	return slice_make(room, sizeof(day) + n);
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

/* Known without a look at them. */
static bool
is_named_alike(const struct entry *a, const struct entry *b)
{
	return a->names == b->names && a->names != 0;
}

static bool
is_of(const struct tally *t, const struct entry *e, int64_t day)
{
	return t != NULL && t->day == day &&
	    (is_named_alike(t->first, e) ||
		(slice_eq(
		     name_of(t->first, TEXT_TENANT), name_of(e, TEXT_TENANT)) &&
		    slice_eq(
			name_of(t->first, TEXT_KEY), name_of(e, TEXT_KEY))));
}

static struct tally *
find_tally(struct tallies *t, const struct entry *e, int64_t day)
{
	char room[TALLY_KEY_MAX];
	struct slice key = tally_key(e, day, room);
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
		sqlite3_bind_text(q, 2, tenant.p, (int)tenant.n, SQLITE_STATIC);
		sqlite3_bind_text(q, 3, key.p, (int)key.n, SQLITE_STATIC);
		sqlite3_bind_int64(q, 4, one->requests);
		sqlite3_bind_double(q, 5, one->cost);
		good = sqlite3_step(q) == SQLITE_DONE;
		sqlite3_reset(q);
	}
	return good;
}

/* --- a batch --- */

static enum err
add_all(
    struct store *s, struct tallies *t, char *p, size_t n, struct errmsg *why)
{
	const char *end = p + n;
	const struct entry *e;

	if (!store_names_number(s, p, end))
		return sqlite3_errcode(s->db) != SQLITE_OK
		    ? store_fail(s->db, s->path, why)
		    : fail(why, ERR_MEMORY, "ledger: out of memory");
	if (!insert_all(s, p, end))
		return store_fail(s->db, s->path, why);
	for (; p < end; p += e->size) {
		e = (const struct entry *)(const void *)p;
		if (!count(t, e))
			return fail(why, ERR_MEMORY, "ledger: out of memory");
	}
	if (!add_tallies(s, t) || !step(s->commit))
		return store_fail(s->db, s->path, why);
	return OK;
}

enum err
store_add(struct store *s, char *entries, size_t n, struct errmsg *why)
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
	if (rc != OK)
		store_names_forget(&s->names);
	sqlite3_clear_bindings(s->add_spent);
	map_fini(&t.by_key);
	arena_fini(&t.arena);
	return rc;
}

/* --- what is old --- */

/* Of days that no row is of any more; a day later, as a row may be of a later
 * time than its request. */
static bool
prune_names(struct store *s, usec before, bool *more)
{
	int n;

	if (before == 0)
		return true;
	sqlite3_bind_int64(s->prune_names, 1, before / STORE_DAY - 1);
	sqlite3_bind_int(s->prune_names, 2, PRUNE_ROWS);
	if (!step(s->prune_names))
		return false;
	n = sqlite3_changes(s->db);
	if (n > 0)
		store_names_forget(&s->names);
	*more = n == PRUNE_ROWS;
	return true;
}

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
	if (!*more && !prune_names(s, before, more))
		return store_fail(s->db, s->path, why);
	sqlite3_bind_int64(s->prune_spent, 1, wall / STORE_DAY - SPENT_DAYS);
	if (!step(s->prune_spent))
		return store_fail(s->db, s->path, why);
	return OK;
}
