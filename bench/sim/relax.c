/* bench/sim/relax.c - choices under shared capacity, bounded from one side. */
#include "bench/sim/relax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- building --- */

static bool
room(struct relax *p, void **array, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap > 0 ? 2 * *cap : 64;
	void *q;

	if (n < *cap)
		return true;
	q = realloc(*array, more * size);
	if (q == NULL) {
		p->failed = true;
		return false;
	}
	*array = q;
	*cap = more;
	return true;
}

#define ROOM(p, what)                                                          \
	room(p, (void **)&(p)->what, (p)->n_##what##s, &(p)->cap_##what##s,    \
	    sizeof(*(p)->what))

void
relax_fini(struct relax *p)
{
	free(p->request);
	free(p->choice);
	free(p->use);
	free(p->capacity);
	*p = (struct relax){ 0 };
}

uint32_t
relax_resource(struct relax *p, double capacity)
{
	if (!room(p, (void **)&p->capacity, p->n_resources, &p->cap_resources,
		sizeof(*p->capacity)))
		return 0;
	p->capacity[p->n_resources] = capacity;
	return (uint32_t)p->n_resources++;
}

void
relax_request(struct relax *p, unsigned class)
{
	if (ROOM(p, request))
		p->request[p->n_requests++] =
		    (struct relax_request){ .class = class,
			    .choices = (uint32_t)p->n_choices };
}

void
relax_choice(struct relax *p, double cost)
{
	if (!ROOM(p, choice))
		return;
	p->choice[p->n_choices++] =
	    (struct relax_choice){ .cost = nextafterf((float)cost, 0),
		    .uses = (uint32_t)p->n_uses };
	p->request[p->n_requests - 1].choices = (uint32_t)p->n_choices;
}

void
relax_use(struct relax *p, uint32_t resource, double amount)
{
	if (!ROOM(p, use))
		return;
	p->use[p->n_uses++] = (struct relax_use){ .resource = resource,
		.amount = nextafterf((float)amount, 0) };
	p->choice[p->n_choices - 1].uses = (uint32_t)p->n_uses;
}

/* --- the dual --- */

enum err
relax_dual_init(struct relax_dual *d, const struct relax *p)
{
	*d = (struct relax_dual){ 0 };
	d->price = calloc(p->n_resources + 1, sizeof(*d->price));
	d->used = calloc(p->n_resources + 1, sizeof(*d->used));
	if (d->price != NULL && d->used != NULL)
		return OK;
	relax_dual_fini(d);
	return ERR_MEMORY;
}

void
relax_dual_fini(struct relax_dual *d)
{
	free(d->price);
	free(d->used);
	*d = (struct relax_dual){ 0 };
}

static void
take(const struct relax *p, struct relax_dual *d, unsigned class, uint32_t at)
{
	uint32_t begin = at > 0 ? p->choice[at - 1].uses : 0;

	d->met[class]++;
	d->spent += (double)p->choice[at].cost;
	for (uint32_t u = begin; u < p->choice[at].uses; u++)
		d->used[p->use[u].resource] += (double)p->use[u].amount;
}

void
relax_evaluate(const struct relax *p, struct relax_dual *d)
{
	uint32_t c = 0, u = 0;

	d->gain = d->spent = 0;
	memset(d->met, 0, sizeof(d->met));
	memset(d->used, 0, p->n_resources * sizeof(*d->used));
	for (size_t r = 0; r < p->n_requests; r++) {
		unsigned class = p->request[r].class;
		double best = 0;
		uint32_t which = UINT32_MAX;

		if (d->value[class] <= 0) /* not even what is free */
			c = p->request[r].choices;
		u = c > 0 ? p->choice[c - 1].uses : 0;
		for (; c < p->request[r].choices; c++) {
			double v = d->value[class] -
			    d->money * (double)p->choice[c].cost;

			for (; u < p->choice[c].uses; u++)
				v -= d->price[p->use[u].resource] *
				    (double)p->use[u].amount;
			if (v > best) {
				best = v;
				which = c;
			}
		}
		d->gain += best;
		if (which != UINT32_MAX)
			take(p, d, class, which);
	}
}
