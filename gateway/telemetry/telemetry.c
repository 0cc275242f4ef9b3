/* gateway/telemetry/telemetry.c - shards, and the names of what they count.
 *
 * A serving id leads to a slot, which stands for its names: a serving that
 * goes and comes back under another id goes on counting where it stopped, and
 * no two series ever have the same labels. */
#include <assert.h>
#include <string.h>

#include "gateway/telemetry/store.h"

#define SERVINGS_MAX 65536
#define OTHER "other"
#define IDS_MAX ((uint32_t)1 << 20) /* they index an array */

/* Index 0 of a table, that no serving and no request has by itself. */
static bool
intern_first(struct names_table *t, const char *name)
{
	char room[NAMES_KEY_MAX];
	struct slice key;

	return names_key(room, name, name, name, &key) &&
	    names_intern(t, key) != NULL;
}

struct telemetry *
telemetry_new(unsigned shards)
{
	struct telemetry *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	names_init(&t->servings, SERVINGS_MAX);
	names_init(&t->groups, GROUPS_MAX);
	names_init(&t->models, MODELS_MAX);
	pthread_mutex_init(&t->servings_lock, NULL);
	pthread_mutex_init(&t->groups_lock, NULL);
	t->shards = calloc(shards, sizeof(struct shard *));
	if (t->shards == NULL || !intern_first(&t->servings, "") ||
	    !intern_first(&t->groups, OTHER) ||
	    !intern_first(&t->models, OTHER))
		goto fail;
	for (; t->n_shards < shards; t->n_shards++) {
		t->shards[t->n_shards] = shard_new();
		if (t->shards[t->n_shards] == NULL)
			goto fail;
	}
	return t;
fail:
	telemetry_free(&t);
	return NULL;
}

void
telemetry_free(struct telemetry **tp)
{
	struct telemetry *t = *tp;

	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n_shards; i++)
		shard_free(&t->shards[i]);
	for (size_t i = 0; i < t->n_traits; i++) {
		free(t->traits[i].adapter);
		free(t->traits[i].region);
	}
	names_fini(&t->servings);
	names_fini(&t->groups);
	names_fini(&t->models);
	pthread_mutex_destroy(&t->servings_lock);
	pthread_mutex_destroy(&t->groups_lock);
	free(t->traits);
	free(t->slot_of);
	free(t->shards);
	free(t);
	*tp = NULL;
}

/* --- the servings there are --- */

static enum err
make_room(struct telemetry *t, const struct telemetry_label *labels, size_t n)
{
	size_t n_ids = t->n_ids > 0 ? t->n_ids : 1;
	uint32_t *slot_of;

	for (size_t i = 0; i < n; i++) {
		if (labels[i].serving >= IDS_MAX)
			return ERR_LIMIT;
		if (labels[i].serving >= n_ids)
			n_ids = labels[i].serving + 1;
	}
	slot_of = realloc(t->slot_of, n_ids * sizeof(*slot_of));
	if (slot_of == NULL)
		return ERR_MEMORY;
	t->slot_of = slot_of;
	for (; t->n_ids < n_ids; t->n_ids++)
		slot_of[t->n_ids] = 0;
	return OK;
}

static enum err
set_string(char **p, const char *value)
{
	char *copy;

	if (*p != NULL && strcmp(*p, value) == 0)
		return OK;
	copy = slice_dup(slice_of(value));
	if (copy == NULL)
		return ERR_MEMORY;
	free(*p);
	*p = copy;
	return OK;
}

static enum err
set_traits(
    struct telemetry *t, unsigned slot, const struct telemetry_label *label)
{
	struct serving_traits *traits;
	enum err rc;

	if (slot >= t->n_traits) {
		traits = realloc(t->traits, (slot + 1) * sizeof(*traits));
		if (traits == NULL)
			return ERR_MEMORY;
		t->traits = traits;
		for (; t->n_traits <= slot; t->n_traits++)
			traits[t->n_traits] = (struct serving_traits){ 0 };
	}
	rc = set_string(&t->traits[slot].adapter, label->adapter);
	if (rc == OK)
		rc = set_string(&t->traits[slot].region, label->region);
	return rc;
}

static enum err
add_serving(struct telemetry *t, const struct telemetry_label *label)
{
	char room[NAMES_KEY_MAX];
	struct names *names;
	struct slice key;
	enum err rc;

	if (!names_key(
		room, label->model, label->backend, label->upstream, &key))
		return ERR_LIMIT;
	names = names_intern(&t->servings, key);
	if (names == NULL)
		return ERR_MEMORY;
	rc = set_traits(t, names->index, label);
	if (rc == OK)
		t->slot_of[label->serving] = names->index;
	return rc;
}

enum err
telemetry_configure(
    struct telemetry *t, const struct telemetry_label *labels, size_t n)
{
	enum err rc;

	pthread_mutex_lock(&t->servings_lock);
	rc = make_room(t, labels, n);
	for (size_t i = 0; i < n && rc == OK; i++)
		rc = add_serving(t, &labels[i]);
	for (unsigned i = 0; i < t->n_shards && rc == OK; i++)
		rc = shard_configure(
		    t->shards[i], t->slot_of, t->n_ids, t->servings.n);
	pthread_mutex_unlock(&t->servings_lock);
	return rc;
}

/* --- counting --- */

/* Each reload may bring other names of models, and a model has the most
 * series: there is a cap, and the rest is "other", which leaves the tenant's
 * and the class's own figures whole. NULL: the groups have a cap, too. */
static struct names *
intern_group(struct telemetry *t, const struct outcome *o, struct slice key)
{
	char room[NAMES_KEY_MAX];
	struct slice other;
	struct names *names = map_get(&t->groups.by_key, key);

	if (names != NULL)
		return names;
	if (names_key(room, o->model, o->model, o->model, &other) &&
	    names_intern(&t->models, other) != NULL)
		return names_intern(&t->groups, key);
	if (!names_key(room, OTHER, o->tenant, o->slo, &other))
		return NULL;
	return names_intern(&t->groups, other);
}

/* The shard's group of an outcome's names. */
static struct group *
find_group(struct telemetry *t, struct shard *s, const struct outcome *o)
{
	char room[NAMES_KEY_MAX];
	struct names *names;
	struct slice key;
	struct group *g;

	if (!names_key(room, o->model, o->tenant, o->slo, &key))
		return shard_group(s, GROUP_OTHER);
	g = map_get(&s->by_key, key);
	if (g != NULL)
		return g;
	pthread_mutex_lock(&t->groups_lock);
	names = intern_group(t, o, key);
	pthread_mutex_unlock(&t->groups_lock);
	if (names == NULL)
		return shard_group(s, GROUP_OTHER);
	g = shard_group(s, names->index);
	if (g != NULL && slice_eq(names_slice(names), key) &&
	    map_put(&s->by_key, names_slice(names), g) != OK)
		return g; /* no memory: the long way next time, too */
	return g;
}

void
telemetry_finish(
    struct telemetry *t, unsigned shard, const struct outcome *o, usec now)
{
	struct shard *s;
	struct group *g;

	assert(shard < t->n_shards);
	s = t->shards[shard];
	pthread_mutex_lock(&s->lock);
	g = find_group(t, s, o);
	if (g != NULL)
		group_record(g, o, now);
	shard_record(s, o, now);
	pthread_mutex_unlock(&s->lock);
}

void
telemetry_attempt(struct telemetry *t, unsigned shard,
    const struct attempt_report *a, enum dialect dialect,
    enum priority priority, usec now)
{
	struct shard *s = t->shards[shard];

	pthread_mutex_lock(&s->lock);
	shard_record_attempt(s, a, operation_of(dialect), priority, now);
	pthread_mutex_unlock(&s->lock);
}

void
telemetry_probe(
    struct telemetry *t, uint32_t serving, enum fault_kind kind, double cost)
{
	struct shard *s = t->shards[0];

	pthread_mutex_lock(&s->lock);
	shard_record_probe(s, serving, kind, cost);
	pthread_mutex_unlock(&s->lock);
}
