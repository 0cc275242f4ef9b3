/* router/trace.h - what a plan was made from, for people: a row for each
 * serving of the model. */
#ifndef ROUTER_TRACE_H
#define ROUTER_TRACE_H

#include "router/order.h"
#include "router/weigh.h"

/* Sets of servings by how they stand. */
struct survey {
	struct set is[STANDING_FREE + 1];
	struct set trial; /* of the free: to be tried after an outage */
	usec reopens; /* the earliest of the limited and out */
};

/* Every serving, as it stood; a plan has yet to be made. */
void route_trace_begin(const struct fleet *, const struct order *,
    const struct survey *, usec now, struct route_trace *);
/* Those that it was made from, as they were weighed. */
void route_trace_candidates(const struct order *, const struct candidate *,
    unsigned n, const struct demand *, usec now, struct route_trace *);
/* To the request's trace, if it has one: that no serving is eligible. */
void route_trace_unfit(
    const struct fleet *, const struct route_request *, usec now);

#endif
