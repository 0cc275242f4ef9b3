/* gateway/admin/labels.c - the names of servings, by id. */
#include "gateway/admin/labels.h"

#include <stdlib.h>

struct names {
	char *backend, *model;
};

struct labels {
	struct names *by_id;
	size_t n;
};

struct labels *
labels_new(void)
{
	return calloc(1, sizeof(struct labels));
}

void
labels_free(struct labels **lp)
{
	struct labels *l = *lp;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		free(l->by_id[i].backend);
		free(l->by_id[i].model);
	}
	free(l->by_id);
	free(l);
	*lp = NULL;
}

static enum err
reach(struct labels *l, uint32_t id)
{
	size_t n = (size_t)id + 1;
	struct names *p;

	if (n <= l->n)
		return OK;
	p = realloc(l->by_id, n * sizeof(*p));
	if (p == NULL)
		return ERR_MEMORY;
	for (size_t i = l->n; i < n; i++)
		p[i] = (struct names){ NULL, NULL };
	l->by_id = p;
	l->n = n;
	return OK;
}

enum err
labels_configure(struct labels *l, const struct conf *c)
{
	for (size_t i = 0; i < c->n_servings; i++) {
		const struct conf_serving *s = &c->servings[i];
		struct names *names;

		if (reach(l, s->id) != OK)
			return ERR_MEMORY;
		names = &l->by_id[s->id];
		if (names->backend == NULL)
			names->backend = slice_dup(slice_of(s->backend->name));
		if (names->model == NULL)
			names->model = slice_dup(slice_of(s->upstream));
		if (names->backend == NULL || names->model == NULL)
			return ERR_MEMORY;
	}
	return OK;
}

struct label
label_of(const struct labels *l, uint32_t serving)
{
	struct label dashes = { "-", "-" };

	if (serving >= l->n || l->by_id[serving].backend == NULL ||
	    l->by_id[serving].model == NULL)
		return dashes;
	return (
	    struct label){ l->by_id[serving].backend, l->by_id[serving].model };
}
