/* router/queue.c - requests that wait for a serving. */
#include "router/queue.h"

#include <math.h>
#include <stdlib.h>

#include "gateway/lib/hash.h"
#include "policies/fairness.h"

static void
init_lists(struct list *lists, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		list_init(&lists[i]);
}

void
queue_init(struct queue *q)
{
	*q = (struct queue){ 0 };
	init_lists(q->kinds, QUEUE_RANKS);
	init_lists(&q->spare_kinds, 1);
	init_lists(&q->spare_lanes, 1);
	init_lists(q->by_kind, QUEUE_KIND_BUCKETS);
	init_lists(q->by_tenant, QUEUE_BUCKETS);
	for (unsigned p = 0; p < QUEUE_RANKS; p++)
		init_lists(q->by_length[p], QUEUE_LENGTHS);
}

static struct lane *
lane_of(struct list *hash)
{
	return CONTAINER_OF(hash, struct lane, hash);
}

static struct kind *
kind_of(struct list *link)
{
	return CONTAINER_OF(link, struct kind, link);
}

static void
free_lanes(struct list *lanes)
{
	struct list *node;

	while ((node = list_pop(lanes)) != NULL)
		free(lane_of(node));
}

void
queue_fini(struct queue *q)
{
	for (unsigned p = 0; p < QUEUE_RANKS; p++)
		kinds_free(&q->kinds[p]);
	kinds_free(&q->spare_kinds);
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++)
		free_lanes(&q->by_tenant[i]);
	free_lanes(&q->spare_lanes);
}

/* --- lanes --- */

static struct list *
lane_bucket(
    struct queue *q, const struct kind *k, const struct account *account)
{
	uint64_t key = hash_mix(0, (uint64_t)(uintptr_t)k);

	key = hash_mix(key, (uint64_t)(uintptr_t)account);
	return &q->by_tenant[key % QUEUE_BUCKETS];
}

static void
lift(struct queue *q, struct account *account)
{
	double least;

	if (account->waiting > 0)
		return;
	least = queue_least_served(q);
	if (least < HUGE_VAL)
		account->served = fair_lift(account->served, least);
}

static struct lane *
open_lane(struct queue *q, struct kind *k, struct account *account,
    bool promised, struct list *bucket)
{
	struct list *node;
	struct lane *l;

	for (unsigned i = 0; i < LANE_HEAPS; i++)
		if (!lanes_reserve(&k->lanes[i], k->n_lanes + 1))
			return NULL;
	node = list_pop(&q->spare_lanes);
	l = node != NULL ? lane_of(node) : malloc(sizeof(*l));
	if (l == NULL)
		return NULL;
	*l = (struct lane){
		.kind = k, .account = account, .promised = promised
	};
	for (unsigned i = 0; i < LANE_HEAPS; i++)
		l->slot[i] = LANE_NOWHERE;
	list_init(&l->hash);
	list_init(&l->peers);
	list_init(&l->aside);
	list_append(bucket, &l->hash);
	lift(q, account);
	k->n_lanes++;
	return l;
}

static struct lane *
find_lane(struct queue *q, struct kind *k, struct account *a, bool promised)
{
	struct list *bucket = lane_bucket(q, k, a);

	for (struct list *n = bucket->next; n != bucket; n = n->next) {
		struct lane *l = lane_of(n);

		if (l->kind == k && l->account == a && l->promised == promised)
			return l;
	}
	return open_lane(q, k, a, promised, bucket);
}

static unsigned
length_of(unsigned n)
{
	return 31 - (unsigned)__builtin_clz(n);
}

/* Among those of about its length, where it may be sent away. */
static void
resize(struct queue *q, struct lane *l, unsigned was)
{
	unsigned p = l->kind->rank;
	struct list *peers = q->by_length[p];
	unsigned old = was > 0 ? length_of(was) : QUEUE_LENGTHS;
	unsigned new = l->n > 0 ? length_of(l->n) : QUEUE_LENGTHS;

	if (l->promised || old == new)
		return;
	list_remove(&l->peers);
	if (old < QUEUE_LENGTHS && list_empty(&peers[old]))
		q->lengths[p] &= ~(UINT32_C(1) << old);
	if (new == QUEUE_LENGTHS)
		return;
	list_append(&peers[new], &l->peers);
	q->lengths[p] |= UINT32_C(1) << new;
}

static void
led_by_another(struct lane *l)
{
	for (unsigned i = 0; i < LANE_HEAPS; i++) {
		struct lanes *heap = &l->kind->lanes[i];

		if (l->n == 0)
			lanes_remove(heap, i, l);
		else if (l->slot[i] == LANE_NOWHERE)
			lanes_push(heap, i, l);
		else
			lanes_move(heap, i, l);
	}
}

bool
queue_add(struct queue *q, struct order *o, struct account *account)
{
	struct kind *k = kind_find(q, o);
	struct lane *l =
	    k != NULL ? find_lane(q, k, account, o->promised) : NULL;

	if (l == NULL) {
		if (k != NULL && k->n == 0)
			kind_close(q, k);
		return false;
	}
	o->sequence = q->sequence++;
	o->lane = l;
	if (lane_push(l, o))
		led_by_another(l);
	resize(q, l, l->n - 1);
	k->n++;
	q->last += k->rank >= PRIORITY_BATCH;
	q->late += k->rank == QUEUE_LATE;
	account->waiting++;
	q->promised += l->promised;
	q->n++;
	return true;
}

void
queue_remove(struct queue *q, struct order *o)
{
	struct lane *l = o->lane;
	struct kind *k = l->kind;

	if (lane_cut(l, o))
		led_by_another(l);
	resize(q, l, l->n + 1);
	o->lane = NULL;
	k->n--;
	q->last -= k->rank >= PRIORITY_BATCH;
	q->late -= k->rank == QUEUE_LATE;
	l->account->waiting--;
	q->promised -= l->promised;
	q->n--;
	if (l->n > 0)
		return;
	list_remove(&l->hash);
	list_append(&q->spare_lanes, &l->hash);
	k->n_lanes--;
	if (k->n == 0)
		kind_close(q, k);
}

/* --- what there is --- */

double
queue_least_served(struct queue *q)
{
	double least = HUGE_VAL;

	for (unsigned p = 0; p < QUEUE_RANKS; p++) {
		struct list *all = &q->kinds[p];

		for (struct list *n = all->next; n != all; n = n->next) {
			struct lane *l =
			    lanes_top(&kind_of(n)->lanes[LANE_TURN], LANE_TURN);

			if (l != NULL)
				least = fmin(least, l->served);
		}
	}
	return least;
}

void
queue_scale(struct queue *q, double by)
{
	for (unsigned p = 0; p < QUEUE_RANKS; p++) {
		struct list *all = &q->kinds[p];

		for (struct list *n = all->next; n != all; n = n->next) {
			struct lanes *h = &kind_of(n)->lanes[LANE_TURN];

			for (uint32_t i = 0; i < h->n; i++)
				h->list[i]->served *= by;
		}
	}
}

struct order *
queue_victim(const struct queue *q, enum priority p)
{
	for (unsigned low = QUEUE_LATE; low > p; low--) {
		const struct list *longest;

		if (q->lengths[low] == 0)
			continue;
		longest = &q->by_length[low][length_of(q->lengths[low])];
		return CONTAINER_OF(longest->next, struct lane, peers)
		    ->head[LANE_DUE];
	}
	return NULL;
}

struct order *
queue_late(struct queue *q, usec now)
{
	for (unsigned p = 0; p < QUEUE_LATE; p++) {
		struct list *all = &q->kinds[p];

		for (struct list *n = all->next; n != all; n = n->next) {
			struct lane *l =
			    lanes_top(&kind_of(n)->lanes[LANE_DUE], LANE_DUE);

			if (l != NULL && l->head[LANE_DUE]->due <= now)
				return l->head[LANE_DUE];
		}
	}
	return NULL;
}

bool
queue_waits_for(const struct queue *q, uint32_t site, enum priority p)
{
	for (unsigned i = 0; i <= p; i++) {
		const struct list *all = &q->kinds[i];

		for (struct list *n = all->next; n != all; n = n->next)
			if (kind_fits(kind_of(n), site))
				return true;
	}
	return false;
}

bool
queue_waits_in_time(const struct queue *q, const struct conf_model *m)
{
	for (unsigned p = 0; p < QUEUE_LATE; p++) {
		const struct list *all = &q->kinds[p];

		for (struct list *n = all->next; n != all; n = n->next)
			if (kind_of(n)->model == m)
				return true;
	}
	return false;
}

unsigned
queue_waiting(const struct queue *q, uint32_t serving)
{
	unsigned n = 0;

	for (unsigned p = 0; p < QUEUE_RANKS; p++) {
		const struct list *all = &q->kinds[p];

		for (struct list *i = all->next; i != all; i = i->next) {
			const struct kind *k = kind_of(i);
			const struct conf_serving *s = k->model->servings;

			SET_EACH (at, &k->eligible)
				if (s[at].id == serving)
					n += k->n;
		}
	}
	return n;
}
