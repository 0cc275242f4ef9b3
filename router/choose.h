/* router/choose.h - one of several servings that could take a request now.
 *
 * Adequate is what is expected to meet every target. Of the adequate the
 * cheapest wins; prices within 2 % are equal, and then quality decides, then
 * the lower load of two drawn at random (Mitzenmacher, "The power of two
 * choices in randomized load balancing", TPDS 2001). Where none is adequate
 * the class says: the least violation, or none at all.
 *
 * A serving of which too little is known might be adequate: it is chosen as if
 * it were, at its price, by two requests at a time, so that a new backend gets
 * traffic but not all of it. And one in a hundred standard requests goes to a
 * cheaper serving that misses the target at its percentile but meets it by its
 * median, lest one bad minute be remembered for ever. */
#ifndef ROUTER_CHOOSE_H
#define ROUTER_CHOOSE_H

#include "router/predict.h"

#define CHOOSE_TIE 1.02
#define EXPLORE_AT_ONCE 2
#define EXPLORE_SHARE 0.01

struct candidate {
	struct cell *cell;
	unsigned at; /* in the model's servings */
	double price; /* of the request, USD; INFINITY: unknown */
	struct outlook outlook;
};

struct choice {
	unsigned index; /* of the candidate */
	enum plan_reason reason;
};

/* How a request reads to this room. `output` is what an answer of this model
 * usually has; the request's own cap bounds it. */
void demand_of(
    const struct route_request *, double output, usec now, struct demand *);

/* Fills in prices and outlooks. 1 <= n <= 64. False: none is adequate, and
 * the class would rather be refused. */
bool choose(struct candidate *, unsigned n, const struct route_request *,
    const struct demand *, usec now, struct rng *, struct choice *);

#endif
