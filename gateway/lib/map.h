/* gateway/lib/map.h - from names to pointers.
 *
 * Open addressing, linear probing; keys and values are borrowed and must
 * outlive the map. Built once, read often: there is no removal. */
#ifndef GATEWAY_LIB_MAP_H
#define GATEWAY_LIB_MAP_H

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

struct map_entry {
	struct slice key;
	uint64_t hash;
	void *value; /* NULL: an empty place */
};

struct map {
	struct map_entry *entries;
	size_t n, cap; /* cap is a power of two, or 0 */
};

void map_init(struct map *);
void map_fini(struct map *);

/* Adds or replaces; value must not be NULL. */
enum err map_put(struct map *, struct slice key, void *value) MUST_USE;
void *map_get(const struct map *, struct slice key); /* NULL: not there */

#endif
