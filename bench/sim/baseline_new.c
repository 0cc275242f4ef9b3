/* bench/sim/baseline_new.c - a compared router comes and goes. */
#include <stdlib.h>

#include "bench/sim/baseline.h"

void *
base_create(const struct base_kind *kind, const struct pilot_setup *setup,
    struct errmsg *why)
{
	struct base *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->kind = kind;
	b->conf = conf_ref(setup->conf);
	rng_init(&b->rng, setup->seed, 0xba5e);
	list_init(&b->free);
	for (unsigned i = 0; i < BASE_LANES; i++)
		list_init(&b->lane[i]);
	b->n_sites = b->conf->next_backend_id;
	b->sites = calloc(b->n_sites + 1, sizeof(*b->sites));
	b->turn = calloc(b->conf->n_models + 1, sizeof(*b->turn));
	if (b->sites == NULL || b->turn == NULL)
		goto out;
	for (size_t i = 0; i < b->conf->n_backends; i++) {
		struct base_site *s = &b->sites[b->conf->backends[i].id];

		s->conf = &b->conf->backends[i];
		s->own = calloc(1, kind->site_size + 1);
		if (s->own == NULL)
			goto out;
	}
	if (kind->start == NULL || kind->start(b, setup, why) == OK)
		return b;
out:
	base_destroy(b);
	return NULL;
}

void
base_destroy(void *self)
{
	struct base *b = self;

	if (b == NULL)
		return;
	if (b->kind->stop != NULL)
		b->kind->stop(b);
	for (size_t i = 0; i < b->n_orders; i++)
		free(b->orders[i]);
	for (size_t i = 0; b->sites != NULL && i < b->n_sites; i++)
		free(b->sites[i].own);
	free(b->orders);
	free(b->sites);
	free(b->turn);
	conf_unref(&b->conf);
	free(b);
}
