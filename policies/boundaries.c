/* policies/boundaries.c - what a tenant may never leave. */
#include "policies/boundaries.h"

#include "gateway/lib/text.h"

bool
boundary_model(const struct conf_tenant *t, const struct conf_model *m)
{
	if (t == NULL || text_listed(t->models, m->name))
		return true;
	for (size_t i = 0; m->aliases != NULL && m->aliases[i] != NULL; i++)
		if (text_listed(t->models, m->aliases[i]))
			return true;
	return false;
}

bool
boundary_backend(const struct conf_tenant *t, const struct conf_backend *b)
{
	return t == NULL ||
	    (text_listed(t->backends, b->name) &&
		text_listed(t->regions, b->region));
}

bool
boundary_serving(const struct conf_tenant *t, const struct slo *slo,
    const struct conf_serving *s)
{
	return s->quality >= slo->min_quality &&
	    (t == NULL || s->quality >= t->min_quality) &&
	    boundary_backend(t, s->backend);
}
