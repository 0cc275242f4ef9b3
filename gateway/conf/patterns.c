/* gateway/conf/patterns.c - names of models that end in a star: which names
 * they stand for, and what a backend is asked for in their place. */
#include <string.h>

#include "gateway/conf/loader.h"

bool
conf_is_pattern(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && name[n - 1] == '*';
}

/* --- which names --- */

/* The longest comes first. */
static void
add_pattern(struct conf *c, struct conf_pattern *all, const char *name,
    const struct conf_model *m)
{
	struct slice start;
	size_t i;

	if (name == NULL || !conf_is_pattern(name))
		return;
	start = slice_make(name, strlen(name) - 1);
	for (i = c->n_patterns++; i > 0 && all[i - 1].start.n < start.n; i--)
		all[i] = all[i - 1];
	all[i] = (struct conf_pattern){ start, m };
}

static size_t
count_aliases(const struct conf_model *m)
{
	size_t n = 0;

	while (m->aliases != NULL && m->aliases[n] != NULL)
		n++;
	return n;
}

void
settle_patterns(struct loader *l)
{
	struct conf *c = l->conf;
	struct conf_pattern *all;
	size_t n = 0;

	for (size_t i = 0; i < c->n_models; i++)
		n += 1 + count_aliases(&c->models[i]);
	all = n > 0 ? loader_alloc(l, n * sizeof(*all)) : NULL;
	if (all == NULL)
		return;
	for (size_t i = 0; i < c->n_models; i++) {
		const struct conf_model *m = &c->models[i];

		add_pattern(c, all, m->name, m);
		for (size_t j = count_aliases(m); j-- > 0;)
			add_pattern(c, all, m->aliases[j], m);
	}
	c->patterns = all;
}

const struct conf_model *
conf_find_pattern(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->n_patterns; i++)
		if (name.n > c->patterns[i].start.n &&
		    slice_starts(name, c->patterns[i].start))
			return c->patterns[i].model;
	return NULL;
}

/* --- what is asked for --- */

/* All before the star, but for an end that is the whole of the other. */
struct conf_starts
conf_starts(const struct conf_serving *s)
{
	struct slice here = slice_of(s->model->name),
		     there = slice_of(s->upstream);
	size_t same = 1;

	if (!conf_is_pattern(here.p) || !conf_is_pattern(there.p))
		return (struct conf_starts){ SLICE(""), SLICE("") };
	if (slice_ends(here, there))
		same = there.n;
	else if (slice_ends(there, here))
		same = here.n;
	return (struct conf_starts){ slice_make(here.p, here.n - same),
		slice_make(there.p, there.n - same) };
}

struct conf_sent
conf_upstream_name(const struct conf_serving *s, struct slice asked)
{
	struct conf_starts starts;

	if (!conf_is_pattern(s->upstream))
		return (struct conf_sent){ SLICE(""), slice_of(s->upstream) };
	starts = conf_starts(s);
	if (!slice_starts(asked, starts.here)) /* by an alias */
		return (struct conf_sent){ SLICE(""), asked };
	return (struct conf_sent){ starts.there,
		slice_make(asked.p + starts.here.n, asked.n - starts.here.n) };
}
