/* gateway/idempotency/idempotency.c - the table of idempotency keys, under one
 * lock.
 *
 * A search tree (libc's) by digest, and a list of the kept ones from the
 * oldest: with one window for all, that is also the order in which they
 * expire. */
#include "gateway/idempotency/idempotency.h"

#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct idempotent_key {
	unsigned char key[IDEMPOTENCY_DIGEST], request[IDEMPOTENCY_DIGEST];
	struct kept_answer *answer; /* NULL: the first is at work */
	usec kept_at;
	struct list on_kept, waiting;
};

struct idempotency {
	pthread_mutex_t lock;
	void *tree;
	struct list kept; /* the oldest first */
	struct conf_idempotency bounds;
	struct idempotency_stats stats;
	void (*wake)(void *arg, unsigned worker);
	void *arg;
	unsigned workers;
	struct list woken[];
};

/* What an answer takes here, all told. */
static size_t
answer_size(const struct kept_answer *a)
{
	return sizeof(struct idempotent_key) + kept_answer_size(a);
}

/* --- keys; these want the lock held --- */

static int
by_key(const void *a, const void *b)
{
	return memcmp(((const struct idempotent_key *)a)->key,
	    ((const struct idempotent_key *)b)->key, IDEMPOTENCY_DIGEST);
}

static struct idempotent_key *
find(const struct idempotency *t, const struct claim *c)
{
	struct idempotent_key wanted;
	void *node;

	memcpy(wanted.key, c->key, sizeof(wanted.key));
	node = tfind(&wanted, &t->tree, by_key);
	return node != NULL ? *(struct idempotent_key **)node : NULL;
}

static struct idempotent_key *
add(struct idempotency *t, const struct claim *c)
{
	struct idempotent_key *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	memcpy(k->key, c->key, sizeof(k->key));
	memcpy(k->request, c->request, sizeof(k->request));
	list_init(&k->on_kept);
	list_init(&k->waiting);
	if (tsearch(k, &t->tree, by_key) == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

static void
forget(struct idempotency *t, struct idempotent_key *k)
{
	assert(list_empty(&k->waiting));
	if (k->answer != NULL) {
		list_remove(&k->on_kept);
		t->stats.answers--;
		t->stats.bytes -= answer_size(k->answer);
		kept_answer_unref(&k->answer);
	}
	tdelete(k, &t->tree, by_key);
	free(k);
}

static struct idempotent_key *
oldest(const struct idempotency *t)
{
	return list_empty(&t->kept)
	    ? NULL
	    : CONTAINER_OF(t->kept.next, struct idempotent_key, on_kept);
}

static void
expire(struct idempotency *t, usec now)
{
	struct idempotent_key *k;

	while ((k = oldest(t)) != NULL && now - k->kept_at >= t->bounds.window)
		forget(t, k);
}

/* Until there is room for as many answers, of as many bytes. */
static void
make_room(struct idempotency *t, uint64_t answers, uint64_t bytes)
{
	struct idempotent_key *k;

	while ((k = oldest(t)) != NULL &&
	    (t->stats.answers + answers > t->bounds.answers ||
		t->stats.bytes + bytes > t->bounds.memory)) {
		forget(t, k);
		t->stats.evicted++;
	}
}

static struct kept_answer *
share(struct idempotency *t, struct kept_answer *a)
{
	t->stats.replays++;
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
	return a;
}

/* With the answer, where there is one: whoever waited for it is not to depend
 * on its being kept. */
static uint64_t
wake_all(struct idempotency *t, struct idempotent_key *k, struct kept_answer *a)
{
	uint64_t mask = 0;
	struct list *node;
	struct claim *c;

	while ((node = list_pop(&k->waiting)) != NULL) {
		c = CONTAINER_OF(node, struct claim, on);
		c->of = NULL;
		c->answer = a != NULL ? share(t, a) : NULL;
		list_append(&t->woken[c->worker], &c->on);
		mask |= UINT64_C(1) << c->worker;
	}
	return mask;
}

static void
ring(const struct idempotency *t, uint64_t mask)
{
	for (unsigned i = 0; i < t->workers; i++)
		if ((mask & UINT64_C(1) << i) != 0)
			t->wake(t->arg, i);
}

/* --- the table --- */

struct idempotency *
idempotency_new(
    unsigned workers, void (*wake)(void *arg, unsigned worker), void *arg)
{
	struct idempotency *t =
	    calloc(1, sizeof(*t) + workers * sizeof(t->woken[0]));

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->kept);
	t->wake = wake;
	t->arg = arg;
	t->workers = workers;
	for (unsigned i = 0; i < workers; i++)
		list_init(&t->woken[i]);
	return t;
}

void
idempotency_free(struct idempotency **tp)
{
	struct idempotency *t = *tp;
	struct idempotent_key *k;

	if (t == NULL)
		return;
	while ((k = oldest(t)) != NULL)
		forget(t, k);
	assert(t->tree == NULL);
	pthread_mutex_destroy(&t->lock);
	free(t);
	*tp = NULL;
}

void
idempotency_configure(
    struct idempotency *t, const struct conf_idempotency *bounds, usec now)
{
	pthread_mutex_lock(&t->lock);
	t->bounds = *bounds;
	expire(t, now);
	make_room(t, 0, 0);
	pthread_mutex_unlock(&t->lock);
}

void
idempotency_tick(struct idempotency *t, usec now)
{
	pthread_mutex_lock(&t->lock);
	expire(t, now);
	pthread_mutex_unlock(&t->lock);
}

void
idempotency_stats(struct idempotency *t, struct idempotency_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	pthread_mutex_unlock(&t->lock);
}

/* --- claims --- */

static enum claim_verdict
become_first(struct idempotency *t, struct claim *c)
{
	c->of = add(t, c);
	c->first = c->of != NULL;
	return c->first ? CLAIM_FIRST : CLAIM_NONE;
}

static enum claim_verdict
join(struct idempotency *t, struct claim *c, struct idempotent_key *k,
    struct kept_answer **answer)
{
	if (memcmp(k->request, c->request, IDEMPOTENCY_DIGEST) != 0) {
		t->stats.conflicts++;
		return CLAIM_OTHER;
	}
	if (k->answer == NULL) {
		c->of = k;
		list_append(&k->waiting, &c->on);
		return CLAIM_WAIT;
	}
	*answer = share(t, k->answer);
	return CLAIM_REPLAY;
}

enum claim_verdict
claim_begin(struct idempotency *t, struct claim *c, usec now,
    struct kept_answer **answer)
{
	enum claim_verdict verdict = CLAIM_WAIT;
	struct idempotent_key *k;

	assert(c->named && !c->first);
	pthread_mutex_lock(&t->lock);
	if (c->of == NULL)
		list_remove(&c->on); /* woken, and not taken */
	if (c->answer != NULL) {
		*answer = c->answer;
		c->answer = NULL;
		verdict = CLAIM_REPLAY;
	} else if (c->of == NULL) {
		expire(t, now);
		k = find(t, c);
		verdict =
		    k != NULL ? join(t, c, k, answer) : become_first(t, c);
	}
	pthread_mutex_unlock(&t->lock);
	return verdict;
}

void
claim_keep(struct idempotency *t, struct claim *c,
    const struct kept_answer *from, usec now)
{
	struct idempotent_key *k = c->of;
	struct kept_answer *copy;
	uint64_t mask;

	if (!c->first)
		return;
	copy = kept_answer_copy(from); /* it may be long: before the lock */
	pthread_mutex_lock(&t->lock);
	mask = wake_all(t, k, copy);
	if (answer_size(from) > t->bounds.memory)
		kept_answer_unref(&copy);
	c->of = NULL;
	c->first = false;
	if (copy == NULL) {
		forget(t, k);
	} else {
		make_room(t, 1, answer_size(copy));
		k->answer = copy;
		k->kept_at = now;
		list_append(&t->kept, &k->on_kept);
		t->stats.answers++;
		t->stats.bytes += answer_size(copy);
	}
	pthread_mutex_unlock(&t->lock);
	ring(t, mask);
}

void
claim_drop(struct idempotency *t, struct claim *c)
{
	uint64_t mask = 0;

	claim_name_end(c);
	if (!c->named)
		return;
	pthread_mutex_lock(&t->lock);
	if (c->first) {
		mask = wake_all(t, c->of, NULL);
		forget(t, c->of);
	}
	list_remove(&c->on);
	c->of = NULL;
	c->first = false;
	kept_answer_unref(&c->answer);
	pthread_mutex_unlock(&t->lock);
	ring(t, mask);
}

void *
idempotency_next(struct idempotency *t, unsigned worker)
{
	struct list *node;

	pthread_mutex_lock(&t->lock);
	node = list_pop(&t->woken[worker]);
	pthread_mutex_unlock(&t->lock);
	return node != NULL ? CONTAINER_OF(node, struct claim, on)->owner
			    : NULL;
}
