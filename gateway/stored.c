/* gateway/stored.c - see stored.h.
 *
 * A table of sets: an id has its place in one of them, and a new one takes that
 * of the set's oldest. */
#include "gateway/stored.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 2048 /* a power of two */
#define WAYS 8
#define ID_MAX 512 /* bytes: none that a backend makes is nearly as long */

struct place {
	uint64_t id; /* its hash; 0: free */
	uint32_t backend;
};

struct stored {
	pthread_mutex_t lock;
	struct place sets[SETS][WAYS]; /* each the newest first */
};

struct stored *
stored_new(void)
{
	struct stored *s = calloc(1, sizeof(*s));

	if (s != NULL)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
stored_free(struct stored **sp)
{
	if (*sp == NULL)
		return;
	pthread_mutex_destroy(&(*sp)->lock);
	free(*sp);
	*sp = NULL;
}

/* Backends choose the ids: whoever sends one that means another's place is sent
 * where it is not known. */
static uint64_t
hash_of(struct slice id)
{
	uint64_t h = slice_hash(id);

	return h != 0 ? h : 1;
}

static unsigned
way_of(const struct place *set, uint64_t id)
{
	unsigned i = 0;

	while (i < WAYS && set[i].id != id)
		i++;
	return i;
}

void
stored_note(struct stored *s, struct slice id, uint32_t backend)
{
	struct place p = { .backend = backend };
	struct place *set;
	unsigned older;

	if (id.n > ID_MAX)
		return;
	p.id = hash_of(id);
	set = s->sets[p.id % SETS];
	pthread_mutex_lock(&s->lock);
	older = way_of(set, p.id);
	if (older == WAYS)
		older--;
	memmove(set + 1, set, older * sizeof(*set));
	set[0] = p;
	pthread_mutex_unlock(&s->lock);
}

bool
stored_find(struct stored *s, struct slice id, uint32_t *backend)
{
	const struct place *set;
	unsigned way;
	uint64_t h;

	if (id.n > ID_MAX)
		return false;
	h = hash_of(id);
	set = s->sets[h % SETS];
	pthread_mutex_lock(&s->lock);
	way = way_of(set, h);
	if (way < WAYS)
		*backend = set[way].backend;
	pthread_mutex_unlock(&s->lock);
	return way < WAYS;
}
