/* gateway/lib/map.c - from names to pointers. */
#include "gateway/lib/map.h"

#include <stdlib.h>

#define MAP_FIRST 16

void
map_init(struct map *m)
{
	*m = (struct map){ 0 };
}

void
map_fini(struct map *m)
{
	free(m->entries);
	map_init(m);
}

/* The key's entry, or the empty place where it belongs. */
static struct map_entry *
find(const struct map *m, struct slice key, uint64_t hash)
{
	size_t i = hash & (m->cap - 1);

	while (m->entries[i].value != NULL &&
	    (m->entries[i].hash != hash || !slice_eq(m->entries[i].key, key)))
		i = (i + 1) & (m->cap - 1);
	return &m->entries[i];
}

static enum err
grow(struct map *m)
{
	struct map bigger = { .cap = m->cap > 0 ? m->cap * 2 : MAP_FIRST };

	bigger.entries = calloc(bigger.cap, sizeof(*bigger.entries));
	if (bigger.entries == NULL)
		return ERR_MEMORY;
	for (size_t i = 0; i < m->cap; i++)
		if (m->entries[i].value != NULL)
			*find(&bigger, m->entries[i].key, m->entries[i].hash) =
			    m->entries[i];
	bigger.n = m->n;
	free(m->entries);
	*m = bigger;
	return OK;
}

enum err
map_put(struct map *m, struct slice key, void *value)
{
	uint64_t hash = slice_hash(key);
	struct map_entry *e;
	enum err rc;

	if ((m->n + 1) * 4 > m->cap * 3) {
		rc = grow(m);
		if (rc != OK)
			return rc;
	}
	e = find(m, key, hash);
	m->n += e->value == NULL;
	*e = (struct map_entry){ key, hash, value };
	return OK;
}

void *
map_get(const struct map *m, struct slice key)
{
	return m->cap > 0 ? find(m, key, slice_hash(key))->value : NULL;
}
