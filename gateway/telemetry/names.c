/* gateway/telemetry/names.c - triples of names, each with a number. */
#include "gateway/telemetry/names.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_FIRST 16

void
names_init(struct names_table *t, unsigned max)
{
	*t = (struct names_table){ .max = max };
	map_init(&t->by_key);
}

void
names_fini(struct names_table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free(t->list[i]);
	free(t->list);
	map_fini(&t->by_key);
	names_init(t, t->max);
}

bool
names_key(char room[NAMES_KEY_MAX], const char *a, const char *b, const char *c,
    struct slice *key)
{
	const char *const parts[] = { a, b, c };
	size_t n = 0, length;

	for (unsigned i = 0; i < 3; i++) {
		length = strlen(parts[i]) + 1;
		if (length > NAMES_KEY_MAX - n)
			return false;
		memcpy(room + n, parts[i], length);
		n += length;
	}
	*key = slice_make(room, n);
	return true;
}

struct slice
names_slice(const struct names *n)
{
	return slice_make(n->key, n->key_length);
}

static struct names *
names_new(struct slice key, unsigned index)
{
	struct names *n = malloc(sizeof(*n) + key.n);
	const char *p;

	if (n == NULL)
		return NULL;
	n->index = index;
	n->key_length = key.n;
	memcpy(n->key, key.p, key.n);
	p = n->key;
	for (unsigned i = 0; i < 3; i++) {
		n->part[i] = p;
		p += strlen(p) + 1;
	}
	return n;
}

static bool
make_room(struct names_table *t)
{
	unsigned cap = t->cap > 0 ? t->cap * 2 : TABLE_FIRST;
	struct names **list;

	if (t->n < t->cap)
		return true;
	list = realloc(t->list, cap * sizeof(*list));
	if (list == NULL)
		return false;
	t->list = list;
	t->cap = cap;
	return true;
}

struct names *
names_intern(struct names_table *t, struct slice key)
{
	struct names *n = map_get(&t->by_key, key);

	if (n != NULL)
		return n;
	if (t->n >= t->max || !make_room(t))
		return NULL;
	n = names_new(key, t->n);
	if (n == NULL || map_put(&t->by_key, names_slice(n), n) != OK) {
		free(n);
		return NULL;
	}
	t->list[t->n++] = n;
	return n;
}
