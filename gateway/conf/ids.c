/* gateway/conf/ids.c - numbers that outlive a reload.
 *
 * A backend or tenant keeps its id as long as its name is there, a serving as
 * long as its model, backend and upstream name are. An id is never given to
 * something else. */
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/loader.h"

/* Model and backend names hold no line feed. */
static struct slice
serving_key(struct loader *l, const struct conf_serving *s)
{
	const char *parts[] = { s->model->name, s->backend->name, s->upstream };
	size_t n = 0, len;
	char *key;

	for (size_t i = 0; i < 3; i++)
		n += strlen(parts[i]) + 1;
	key = loader_scratch(l, n);
	if (key == NULL)
		return SLICE("");
	n = 0;
	for (size_t i = 0; i < 3; i++) {
		len = strlen(parts[i]);
		memcpy(key + n, parts[i], len);
		key[n + len] = '\n';
		n += len + 1;
	}
	return slice_make(key, n);
}

static void
put(struct loader *l, struct map *m, struct slice key, const void *value)
{
	if (map_put(m, key, UNCONST(value)) != OK)
		l->err = ERR_MEMORY;
}

static void
backend_ids(struct loader *l, const struct conf *previous)
{
	struct conf_backend *backends = UNCONST(l->conf->backends);
	const struct conf_backend *old;

	for (size_t i = 0; i < l->conf->n_backends; i++) {
		old = previous != NULL
		    ? conf_find_backend(previous, slice_of(backends[i].name))
		    : NULL;
		backends[i].id =
		    old != NULL ? old->id : l->conf->next_backend_id++;
	}
}

static void
tenant_ids(struct loader *l, const struct conf *previous)
{
	struct conf_tenant *tenants = UNCONST(l->conf->tenants);
	const struct conf_tenant *old;
	struct map olds;

	map_init(&olds);
	for (size_t i = 0; previous != NULL && i < previous->n_tenants; i++)
		put(l, &olds, slice_of(previous->tenants[i].name),
		    &previous->tenants[i]);
	for (size_t i = 0; i < l->conf->n_tenants; i++) {
		old = map_get(&olds, slice_of(tenants[i].name));
		tenants[i].id =
		    old != NULL ? old->id : l->conf->next_tenant_id++;
	}
	map_fini(&olds);
}

static void
serving_ids(struct loader *l, const struct conf *previous)
{
	struct conf_serving *servings = UNCONST(l->conf->servings);
	const struct conf_serving *old;
	struct map olds;

	map_init(&olds);
	for (size_t i = 0; previous != NULL && i < previous->n_servings; i++)
		put(l, &olds, serving_key(l, &previous->servings[i]),
		    &previous->servings[i]);
	for (size_t i = 0; i < l->conf->n_servings; i++) {
		old = map_get(&olds, serving_key(l, &servings[i]));
		servings[i].id =
		    old != NULL ? old->id : l->conf->next_serving_id++;
	}
	map_fini(&olds);
}

static int
by_id(const void *a, const void *b)
{
	const struct conf_serving *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static void
index_servings(struct loader *l)
{
	struct conf *c = l->conf;
	const struct conf_serving **index;

	index = loader_alloc(l, (c->n_servings + 1) * sizeof(*index));
	if (index == NULL)
		return;
	for (size_t i = 0; i < c->n_servings; i++)
		index[i] = &c->servings[i];
	qsort(index, c->n_servings, sizeof(*index), by_id);
	c->servings_by_id = index;
}

/* Only for a configuration in which nothing is wrong. */
void
ids_assign(struct loader *l, const struct conf *previous)
{
	struct conf *c = l->conf;

	c->version = previous != NULL ? previous->version + 1 : 1;
	c->next_backend_id = previous != NULL ? previous->next_backend_id : 1;
	c->next_serving_id = previous != NULL ? previous->next_serving_id : 1;
	c->next_tenant_id = previous != NULL ? previous->next_tenant_id : 1;
	backend_ids(l, previous);
	tenant_ids(l, previous);
	serving_ids(l, previous);
	index_servings(l);
}
