/* policies/boundaries.c - what a tenant may never leave. */
#include "policies/boundaries.h"

#include <string.h>

static bool
listed(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

bool
boundary_model(const struct conf_tenant *t, const struct conf_model *m)
{
	if (t == NULL || t->models == NULL || listed(t->models, m->name))
		return true;
	for (size_t i = 0; m->aliases != NULL && m->aliases[i] != NULL; i++)
		if (listed(t->models, m->aliases[i]))
			return true;
	return false;
}

bool
boundary_backend(const struct conf_tenant *t, const struct conf_backend *b)
{
	if (t == NULL)
		return true;
	return (t->backends == NULL || listed(t->backends, b->name)) &&
	    (t->regions == NULL || listed(t->regions, b->region));
}

bool
boundary_serving(const struct conf_tenant *t, const struct slo *slo,
    const struct conf_serving *s)
{
	return s->quality >= slo->min_quality &&
	    (t == NULL || s->quality >= t->min_quality) &&
	    boundary_backend(t, s->backend);
}
