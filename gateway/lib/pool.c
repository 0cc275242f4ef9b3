/* gateway/lib/pool.c - blocks of one size, used again and again. */
#include "gateway/lib/pool.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

void
pool_init(struct pool *p, size_t size, unsigned max)
{
	size_t least = sizeof(p->first);

	*p = (struct pool){ .size = size > least ? size : least,
		.max = WATCHED ? 0 : max };
}

static void *
pop(struct pool *p)
{
	void *block = p->first;

	if (block != NULL) {
		memcpy(&p->first, block, sizeof(p->first));
		p->n--;
	}
	return block;
}

void
pool_fini(struct pool *p)
{
	void *block;

	while ((block = pop(p)) != NULL)
		free(block);
}

void *
pool_take(struct pool *p)
{
	void *block = pop(p);

	return block != NULL ? block : malloc(p->size);
}

void
pool_give(struct pool *p, void *block)
{
	if (block == NULL)
		return;
	if (p->n >= p->max) {
		free(block);
		return;
	}
	memcpy(block, &p->first, sizeof(p->first));
	p->first = block;
	p->n++;
}
