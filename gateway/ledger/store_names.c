/* gateway/ledger/store_names.c - who asked whom for what, once for all rows
 * that say the same: a row has the number of its names, from the table `names`.
 *
 * Invariant: `names` has a day on which, or after which, all requests with its
 * number ended, so that what is older than all rows can go. Numbers never come
 * again. What is known here is of a day on which it was seen in the file. */
#include "gateway/ledger/store.h"

#define KNOWN_MAX 10000 /* then all is asked again: models' names are endless */
#define KNOWN_BYTES ((size_t)32 << 20)

struct known {
	struct slice names;
	int64_t number, day;
};

void
store_names_init(struct store_names *n)
{
	arena_init(&n->arena, KNOWN_BYTES);
	map_init(&n->by_names);
}

void
store_names_forget(struct store_names *n)
{
	map_fini(&n->by_names);
	arena_fini(&n->arena);
	store_names_init(n);
}

/* From the tenant's to the last one's NUL. */
static struct slice
names_of(const struct entry *e)
{
	const char *p = entry_names(e) + e->text[TEXT_RECEIPT] + 1;
	size_t n = 0;

	for (int i = TEXT_TENANT; i < TEXT_COUNT; i++)
		n += (size_t)e->text[i] + 1;
	return slice_make(p, n);
}

/* As parameters 1 to 6; what is empty is NULL. */
static void
bind_names(sqlite3_stmt *q, const struct entry *e, const char *p)
{
	_Static_assert(TEXT_TENANT == 1, "parameters begin with 1");
	for (int i = TEXT_TENANT; i < TEXT_COUNT; p += e->text[i++] + 1)
		if (e->text[i] > 0)
			sqlite3_bind_text(q, i, p, e->text[i], SQLITE_STATIC);
		else
			sqlite3_bind_null(q, i);
}

static bool
run(sqlite3_stmt *q)
{
	bool good = sqlite3_step(q) == SQLITE_DONE;

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return good;
}

static bool
add(struct store *s, const struct entry *e, struct known *k)
{
	bind_names(s->add_names, e, k->names.p);
	sqlite3_bind_int64(s->add_names, TEXT_COUNT, k->day);
	if (!run(s->add_names))
		return false;
	k->number = sqlite3_last_insert_rowid(s->db);
	return true;
}

/* They were in the file on an earlier day. */
static bool
move_on(struct store *s, const struct known *k)
{
	sqlite3_bind_int64(s->date_names, 1, k->number);
	sqlite3_bind_int64(s->date_names, 2, k->day);
	return run(s->date_names);
}

/* Whether they are in the file; how many days ago they were last seen. */
static bool
find(struct store *s, const struct entry *e, struct known *k, int64_t *ago)
{
	sqlite3_stmt *q = s->find_names;
	bool found;

	bind_names(q, e, k->names.p);
	found = sqlite3_step(q) == SQLITE_ROW;
	if (found) {
		k->number = sqlite3_column_int64(q, 0);
		*ago = k->day - sqlite3_column_int64(q, 1);
	}
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return found;
}

/* Without a number yet. NULL: there is no memory. */
static struct known *
learn(struct store_names *n, struct slice names)
{
	struct known *k;

	if (n->by_names.n >= KNOWN_MAX)
		store_names_forget(n);
	k = arena_alloc(&n->arena, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->names = slice_make(arena_dup(&n->arena, names), names.n);
	return k->names.p != NULL && map_put(&n->by_names, k->names, k) == OK
	    ? k
	    : NULL;
}

/* Has it in the file, of this day. */
static bool
enter(struct store *s, const struct entry *e, struct known *k, int64_t day)
{
	int64_t ago = 0;

	k->day = day;
	return find(s, e, k, &ago) ? ago <= 0 || move_on(s, k) : add(s, e, k);
}

/* NULL: SQLite has an error, or there is no memory; then all is forgotten. */
static struct known *
look_up(struct store *s, const struct entry *e, struct slice names, int64_t day)
{
	struct known *k = map_get(&s->names.by_names, names);

	if (k != NULL && k->day >= day)
		return k;
	if (k == NULL)
		k = learn(&s->names, names);
	return k != NULL && enter(s, e, k, day) ? k : NULL;
}

bool
store_names_number(struct store *s, char *p, const char *end)
{
	struct known *k = NULL;
	struct entry *e;

	for (; p < end; p += e->size) {
		struct slice names;
		int64_t day;

		e = (struct entry *)(void *)p;
		names = names_of(e);
		day = e->ended / STORE_DAY;
		if (k == NULL || k->day < day || !slice_eq(k->names, names))
			k = look_up(s, e, names, day);
		if (k == NULL)
			return false;
		e->names = k->number;
	}
	return true;
}
