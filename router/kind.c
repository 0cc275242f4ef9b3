/* router/kind.c - the kinds of requests that wait.
 *
 * A kind lasts while anybody of it waits; what it had in memory is kept. */
#include <stdlib.h>

#include "gateway/lib/hash.h"
#include "router/queue.h"

static struct list *
kind_bucket(struct queue *q, const struct order *o)
{
	uint64_t key = order_rank(o);

	for (unsigned w = 0; w < SET_WORDS; w++)
		key = hash_mix(key, o->eligible.word[w]);
	key = hash_mix(key, (uint64_t)(uintptr_t)o->req->model);
	return &q->by_kind[key % QUEUE_KIND_BUCKETS];
}

static void
note_sites(struct kind *k)
{
	const struct conf_serving *s = k->model->servings;

	k->sites = (struct set){ 0 };
	SET_EACH (i, &k->eligible)
		set_add(&k->sites, s[i].backend->id % SET_END);
}

bool
kind_fits(const struct kind *k, uint32_t site)
{
	if (site >= SITE_NONE)
		return site == SITE_ANY;
	return set_has(&k->sites, site % SET_END);
}

static struct kind *
open_kind(struct queue *q, const struct order *o, struct list *bucket)
{
	struct list *node = list_pop(&q->spare_kinds);
	struct kind *k = node != NULL ? CONTAINER_OF(node, struct kind, link)
				      : calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->model = o->req->model;
	k->eligible = o->eligible;
	k->rank = order_rank(o);
	note_sites(k);
	list_init(&k->link);
	list_init(&k->hash);
	list_append(&q->kinds[k->rank], &k->link);
	list_append(bucket, &k->hash);
	return k;
}

void
kind_close(struct queue *q, struct kind *k)
{
	list_remove(&k->hash);
	list_remove(&k->link);
	list_append(&q->spare_kinds, &k->link);
}

struct kind *
kind_find(struct queue *q, const struct order *o)
{
	struct list *bucket = kind_bucket(q, o);

	for (struct list *n = bucket->next; n != bucket; n = n->next) {
		struct kind *k = CONTAINER_OF(n, struct kind, hash);

		if (k->model == o->req->model && k->rank == order_rank(o) &&
		    set_equal(&k->eligible, &o->eligible))
			return k;
	}
	return open_kind(q, o, bucket);
}

void
kinds_free(struct list *kinds)
{
	struct list *node;

	while ((node = list_pop(kinds)) != NULL) {
		struct kind *k = CONTAINER_OF(node, struct kind, link);

		for (unsigned i = 0; i < LANE_HEAPS; i++)
			free(k->lanes[i].list);
		free(k);
	}
}
