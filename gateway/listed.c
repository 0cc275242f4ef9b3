/* gateway/listed.c - see listed.h. */
#include "gateway/listed.h"

#include <pthread.h>
#include <stdlib.h>

struct list_of {
	struct list_of *next;
	uint32_t backend;
	char *names;
};

/* Backends are few, and ids are never used again: one that is gone costs its
 * entry until the end. */
struct listed {
	pthread_mutex_t lock;
	struct list_of *lists;
};

struct listed *
listed_new(void)
{
	struct listed *l = calloc(1, sizeof(*l));

	if (l != NULL)
		pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
listed_free(struct listed **lp)
{
	struct list_of *of, *next;

	if (*lp == NULL)
		return;
	for (of = (*lp)->lists; of != NULL; of = next) {
		next = of->next;
		free(of->names);
		free(of);
	}
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}

static struct list_of *
find(struct listed *l, uint32_t backend)
{
	struct list_of *of = l->lists;

	while (of != NULL && of->backend != backend)
		of = of->next;
	return of;
}

static struct list_of *
find_or_add(struct listed *l, uint32_t backend)
{
	struct list_of *of = find(l, backend);

	if (of != NULL)
		return of;
	of = calloc(1, sizeof(*of));
	if (of == NULL)
		return NULL;
	of->backend = backend;
	of->next = l->lists;
	l->lists = of;
	return of;
}

void
listed_set(struct listed *l, uint32_t backend, struct slice names)
{
	char *copy = slice_dup(names);
	struct list_of *of;

	if (copy == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	of = find_or_add(l, backend);
	if (of != NULL) {
		char *old = of->names;

		of->names = copy;
		copy = old;
	}
	pthread_mutex_unlock(&l->lock);
	free(copy);
}

void
listed_add(struct listed *l, uint32_t backend, struct buf *out)
{
	const struct list_of *of;

	pthread_mutex_lock(&l->lock);
	of = find(l, backend);
	if (of != NULL)
		buf_add_str(out, of->names);
	pthread_mutex_unlock(&l->lock);
}
