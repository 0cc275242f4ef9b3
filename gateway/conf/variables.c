/* gateway/conf/variables.c - environment variables that hold secrets: a child
 * has none of others in its environment.
 *
 * The environment is that of the start, so what a file has named once stays
 * withheld when a reload no longer names it. */
#include "gateway/conf/loader.h"
#include "gateway/lib/count.h"

void
variables_note(struct loader *l, const char *name, const struct conf_backend *b)
{
	struct conf_variable *v = loader_alloc(l, sizeof(*v));

	if (v == NULL)
		return;
	v->name = loader_dup(l, slice_of(name));
	v->backend = b;
	v->next = l->conf->variables;
	if (v->name != NULL)
		l->conf->variables = v;
}

static bool
is_named(const struct conf *c, struct slice name)
{
	for (const struct conf_variable *v = c->variables; v != NULL;
	     v = v->next)
		if (slice_is(name, v->name))
			return true;
	return false;
}

void
variables_keep(struct loader *l, const struct conf *previous)
{
	const struct conf_variable *v =
	    previous != NULL ? previous->variables : NULL;

	for (; v != NULL; v = v->next)
		if (!is_named(l->conf, slice_of(v->name)))
			variables_note(l, v->name, NULL);
}

bool
conf_withholds(const struct conf *c, uint32_t backend, struct slice variable)
{
	/* of the subcommands: whoever has it in a shell starts a gateway */
	static const char *const usual[] = { "POINTSMAN_ADMIN_KEY",
		"POINTSMAN_API_KEY" };
	bool named = false;

	for (size_t i = 0; i < COUNT(usual); i++)
		named |= slice_is(variable, usual[i]);
	for (const struct conf_variable *v = c->variables; v != NULL;
	     v = v->next) {
		if (!slice_is(variable, v->name))
			continue;
		if (v->backend != NULL && v->backend->id == backend)
			return false;
		named = true;
	}
	return named;
}
