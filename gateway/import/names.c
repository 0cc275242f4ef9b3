/* gateway/import/names.c - names that mean one thing: "gpt:azure" is a model of
 * that name, or the model "gpt" on the backend "azure". */
#include <stdio.h>
#include <string.h>

#include "gateway/import/inner.h"
#include "gateway/lib/count.h"

/* What comes behind the last colon; empty where there is none. */
static struct slice
suffix_of(const char *name)
{
	struct slice s = slice_of(name);
	ptrdiff_t colon = slice_rfind(s, ':');

	return colon >= 0 ? slice_make(s.p + colon + 1, s.n - (size_t)colon - 1)
			  : slice_make(NULL, 0);
}

/* --- models --- */

/* Whether it asks for another model, by a suffix that always has a meaning. */
static bool
means_another(const struct import *im, const char *name)
{
	static const char *const words[] = { "fastest", "cheapest", "default" };
	struct slice suffix = suffix_of(name);

	for (size_t i = 0; i < COUNT(words); i++)
		if (slice_is(suffix, words[i]))
			return find_model(im,
				   slice_make(name,
				       (size_t)(suffix.p - name) - 1)) != NULL;
	return false;
}

static void
tell(struct import *im, const yaml_node_t *at, const char *name)
{
	note(im, at, "",
	    "%s: means another model here, with a word for how to choose: give "
	    "it another name",
	    name);
}

static void
settle_aliases(struct import *im, struct im_model *m)
{
	struct im_name *alias;

	for (struct list *l = m->aliases.next, *next; l != &m->aliases;
	     l = next) {
		next = l->next;
		alias = CONTAINER_OF(l, struct im_name, node);
		if (!means_another(im, alias->text))
			continue;
		tell(im, alias->at, alias->text);
		list_remove(l);
	}
}

static void
settle_models(struct import *im)
{
	struct im_model *m;

	for (struct list *l = im->models.next, *next; l != &im->models;
	     l = next) {
		next = l->next;
		m = CONTAINER_OF(l, struct im_model, node);
		settle_aliases(im, m);
		if (!means_another(im, m->name))
			continue;
		tell(im, m->at, m->name);
		list_remove(l);
		im->out->models--;
		im->out->servings -= (unsigned)m->n_servings;
	}
}

/* --- backends --- */

static void
take_suffix(struct import *im, struct map *taken, const char *name)
{
	struct slice suffix = suffix_of(name);

	if (suffix.n > 0)
		im->out_of_memory |= map_put(taken, suffix, im) != OK;
}

static void
take_suffixes(struct import *im, struct map *taken)
{
	struct im_model *m;

	for (struct list *l = im->models.next; l != &im->models; l = l->next) {
		m = CONTAINER_OF(l, struct im_model, node);
		take_suffix(im, taken, m->name);
		for (struct list *a = m->aliases.next; a != &m->aliases;
		     a = a->next)
			take_suffix(im, taken,
			    CONTAINER_OF(a, struct im_name, node)->text);
	}
}

/* How many names have been tried for the provider's backends. */
static unsigned *
counter(struct import *im, struct map *counters, const char *provider)
{
	unsigned *n = map_get(counters, slice_of(provider));

	if (n != NULL)
		return n;
	n = im_alloc(im, sizeof(*n));
	if (n != NULL)
		im->out_of_memory |=
		    map_put(counters, slice_of(provider), n) != OK;
	return n;
}

/* "azure_ai", then "azure_ai-2", ...: what is no model's suffix. */
static void
give_name(struct im_backend *b, unsigned *n, const struct map *taken)
{
	do {
		if (++*n == 1)
			snprintf(b->name, sizeof(b->name), "%s", b->provider);
		else
			snprintf(
			    b->name, sizeof(b->name), "%s-%u", b->provider, *n);
	} while (map_get(taken, slice_of(b->name)) != NULL);
}

void
settle_names(struct import *im)
{
	struct map taken, counters;
	struct im_backend *b;
	unsigned *n;

	map_init(&taken);
	map_init(&counters);
	settle_models(im);
	take_suffixes(im, &taken);
	for (struct list *l = im->backends.next; l != &im->backends;
	     l = l->next) {
		b = CONTAINER_OF(l, struct im_backend, node);
		n = counter(im, &counters, b->provider);
		if (n != NULL)
			give_name(b, n, &taken);
	}
	map_fini(&counters);
	map_fini(&taken);
}
