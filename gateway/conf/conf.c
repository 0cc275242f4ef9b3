/* gateway/conf/conf.c - the snapshot's lifetime and its look-ups. */
#include "gateway/conf/conf.h"

#include <stdlib.h>

struct conf *
conf_ref(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
conf_unref(struct conf **c)
{
	struct conf *old = *c;

	*c = NULL;
	if (old == NULL ||
	    atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) > 1)
		return;
	map_fini(&old->model_names);
	map_fini(&old->slo_names);
	map_fini(&old->backend_names);
	map_fini(&old->tenant_names);
	map_fini(&old->certificates);
	arena_fini(&old->arena);
	free(old);
}

const struct conf_model *
conf_find_model(const struct conf *c, struct slice name)
{
	return map_get(&c->model_names, name);
}

const struct slo *
conf_find_slo(const struct conf *c, struct slice name)
{
	return map_get(&c->slo_names, name);
}

const struct conf_backend *
conf_find_backend(const struct conf *c, struct slice name)
{
	return map_get(&c->backend_names, name);
}

const struct conf_tenant *
conf_find_tenant(const struct conf *c, struct slice name)
{
	return map_get(&c->tenant_names, name);
}

const struct conf_serving *
conf_find_serving(const struct conf *c, uint32_t id)
{
	size_t low = 0, high = c->n_servings, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c->servings_by_id[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == c->n_servings || c->servings_by_id[low]->id != id)
		return NULL;
	return c->servings_by_id[low];
}
