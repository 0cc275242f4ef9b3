/* gateway/lib/pool.h - blocks of one size, used again and again.
 *
 * For what is larger than malloc() is quick with. One thread's own. With a
 * sanitizer nothing is kept, so that it sees each use after the end. */
#ifndef GATEWAY_LIB_POOL_H
#define GATEWAY_LIB_POOL_H

#include <stddef.h>

struct pool {
	size_t size; /* of a block, bytes */
	unsigned n, max; /* idle ones, and how many are kept */
	void *first; /* each begins with the address of the next */
};

void pool_init(struct pool *, size_t size, unsigned max);
void pool_fini(struct pool *); /* the idle ones */
/* As malloc() would; NULL without memory. */
void *pool_take(struct pool *);
void pool_give(struct pool *, void *); /* or NULL */

#endif
