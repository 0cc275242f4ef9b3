/* router/filter.h - which servings may take a request at all.
 *
 * What depends on the request alone, not on the moment: asked once, when it is
 * submitted, and kept as a set of its model's servings. */
#ifndef ROUTER_FILTER_H
#define ROUTER_FILTER_H

#include "router/router.h"
#include "router/set.h"

struct sieve {
	struct set eligible;
	struct set fallbacks; /* of these: only where no other can be used */
	enum plan_reason why_none; /* where none is eligible */
};

/* Pin, abilities, the tenant's boundaries, quality, context length. A context
 * that looks too short for the prompt is only a guess: it is believed as long
 * as somebody is left. Fallbacks for embeddings must be the same upstream
 * model as a serving that is none. */
void filter(const struct route_request *, struct sieve *);

/* Why the model's serving `at` is not among them. */
struct plight filter_why(const struct route_request *, unsigned at);

#endif
