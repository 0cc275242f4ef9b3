/* gateway/lib/arena.h - many small allocations, freed at once.
 *
 * Memory is zeroed and aligned for any type. A cap bounds the whole. */
#ifndef GATEWAY_LIB_ARENA_H
#define GATEWAY_LIB_ARENA_H

#include "gateway/lib/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes handed out and kept in blocks */
	size_t max;
};

void arena_init(struct arena *, size_t max);
void arena_fini(struct arena *);

/* NULL without memory or past the cap. */
void *arena_alloc(struct arena *, size_t n);
/* A copy that ends in NUL. */
char *arena_dup(struct arena *, struct slice);

#endif
