/* gateway/conf/names.c - tables of names, and names turned into pointers. */
#include <string.h>

#include "gateway/conf/loader.h"

static void
put(struct loader *l, struct map *m, const char *name, const void *value)
{
	if (map_put(m, slice_of(name), UNCONST(value)) != OK)
		l->err = ERR_MEMORY;
}

/* Adds a name to a table, unless another has it. A NULL name has been
 * complained about. */
static void
add(struct loader *l, struct map *m, const char *name, const void *value,
    const config_setting_t *at)
{
	if (name == NULL)
		return;
	if (map_get(m, slice_of(name)) != NULL)
		complain(l, at,
		    "want a name of its own, got \"%s\", which is taken", name);
	else
		put(l, m, name, value);
}

static void
add_models(struct loader *l)
{
	struct conf *c = l->conf;

	/* Names first: where an alias clashes it is the alias that is wrong. */
	for (size_t i = 0; i < c->n_models; i++)
		add(l, &c->model_names, c->models[i].name, &c->models[i],
		    loader_at(l, "models", i, "name"));
	for (size_t i = 0; i < c->n_models; i++) {
		const config_setting_t *at =
		    loader_at(l, "models", i, "aliases");
		const char *const *alias = c->models[i].aliases;

		for (unsigned j = 0; alias != NULL && alias[j] != NULL; j++)
			add(l, &c->model_names, alias[j], &c->models[i],
			    config_setting_get_elem(at, j));
	}
}

static void
add_tenants(struct loader *l)
{
	struct conf *c = l->conf;

	for (size_t i = 0; i < c->n_tenants; i++)
		add(l, &c->tenant_names, c->tenants[i].name, &c->tenants[i],
		    loader_at(l, "tenants", i, "name"));
}

static void
build_tables(struct loader *l)
{
	struct conf *c = l->conf;

	for (size_t i = 0; i < c->n_slos; i++)
		if (&c->slos[i] != c->default_slo) /* ours is in already */
			add(l, &c->slo_names, c->slos[i].name, &c->slos[i],
			    loader_at(l, "slo", i, "name"));
	for (size_t i = 0; i < c->n_backends; i++) {
		const struct conf_backend *b = &c->backends[i];

		add(l, &c->backend_names, b->name, b,
		    loader_at(l, "backends", i, "name"));
		if (b->region != NULL && b->region[0] != '\0')
			put(l, &l->regions, b->region, b->region);
	}
	add_models(l);
	add_tenants(l);
}

/* --- references --- */

/* What the reference's field is to point to, or NULL. */
static const void *
target(struct loader *l, const struct setting *row, const char *name)
{
	const struct conf_adapter *adapter;
	struct slice key = slice_of(name);

	switch (row->ref) {
	case REF_ADAPTER:
		adapter = loader_adapter(l, name);
		return adapter != NULL ? loader_dup(l, key) : NULL;
	case REF_SLO:
		return map_get(&l->conf->slo_names, key);
	case REF_BACKEND:
		return map_get(&l->conf->backend_names, key);
	case REF_MODEL:
		return map_get(&l->conf->model_names, key);
	case REF_REGION:
		return map_get(&l->regions, key);
	}
	return NULL;
}

static const char *
canonical(const struct setting *row, const void *found)
{
	switch (row->ref) {
	case REF_MODEL:
		return ((const struct conf_model *)found)->name;
	case REF_BACKEND:
		return ((const struct conf_backend *)found)->name;
	case REF_SLO:
		return ((const struct slo *)found)->name;
	case REF_ADAPTER:
	case REF_REGION:
		break;
	}
	return found;
}

static void
offer_table(struct suggest *near, const struct map *m)
{
	struct slice key;

	for (size_t i = 0; i < m->cap; i++) {
		key = m->entries[i].key; /* these end in NUL */
		if (m->entries[i].value != NULL)
			suggest_offer(near, key.p);
	}
}

static void
complain_name(struct loader *l, const struct ref *r, const char *name)
{
	struct suggest near;

	suggest_init(&near, slice_of(name));
	switch (r->row->ref) {
	case REF_ADAPTER:
		for (size_t i = 0; i < l->env->n_adapters; i++)
			suggest_offer(&near, l->env->adapters[i].name);
		break;
	case REF_SLO:
		offer_table(&near, &l->conf->slo_names);
		break;
	case REF_BACKEND:
		offer_table(&near, &l->conf->backend_names);
		break;
	case REF_MODEL:
		offer_table(&near, &l->conf->model_names);
		break;
	case REF_REGION:
		offer_table(&near, &l->regions);
		break;
	}
	complain_unknown(l, r->at, r->row, &near);
}

void
names_resolve(struct loader *l)
{
	const char *name;
	const void *p;

	build_tables(l);
	for (const struct ref *r = l->refs; r != NULL && l->err == OK;
	     r = r->next) {
		name = config_setting_get_string(r->at);
		p = target(l, r->row, name);
		if (p == NULL) {
			complain_name(l, r, name);
			continue;
		}
		/* A list keeps names, those that the things go by. */
		if (r->row->type == SETTING_REFS)
			p = canonical(r->row, p);
		memcpy(r->field, &p, sizeof(p));
	}
}
