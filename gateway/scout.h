/* gateway/scout.h - asks the questions that the router wants asked
 * (router_probe()), from the main thread.
 *
 * Their times go to the router, their cost and results to the metrics. No
 * tenant is charged for them, and none of what tenants sent is in them. */
#ifndef GATEWAY_SCOUT_H
#define GATEWAY_SCOUT_H

#include "gateway/app.h"

struct scout;

struct scout *scout_new(struct app *);
/* After each tick of the router. */
void scout_tick(struct scout *, usec now);
/* Ends what is being asked; handles close with the loop's next turns. */
void scout_free(struct scout **);

#endif
