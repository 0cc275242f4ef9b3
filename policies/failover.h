/* policies/failover.h - when a failed attempt may be tried again.
 *
 * One attempt on each other serving that can do it is always allowed. The
 * budget bounds what goes beyond that: retries that would have to wait for a
 * serving without a free slot, which is how a failure of one backend becomes
 * an overload of all. A tenth of the requests may (by default), and one a
 * second in any case, within any window of policies/window.h. */
#ifndef POLICIES_FAILOVER_H
#define POLICIES_FAILOVER_H

#include "gateway/lib/inference.h"
#include "gateway/conf/conf.h"
#include "policies/window.h"

struct retry_budget {
	double share; /* of requests, 0..1 */
	struct window requests, retries;
};

void retry_budget_init(struct retry_budget *, double share);
void retry_budget_request(struct retry_budget *, usec now);
/* Takes one retry; false: none is left. */
bool retry_budget_take(struct retry_budget *, usec now);

/* Whether the same serving may get the request again after that fault: only
 * where it has not begun on it, because its model is still loading. */
bool failover_may_return(enum fault_kind);

/* Whether what was asked may have caused it: whoever is asked the same would
 * then fail, too. */
bool failover_may_be_the_request(enum fault_kind);

/* Whether an answer of either serving can stand for the other's. Vectors of
 * different embedding models cannot be compared: only the same upstream model,
 * or the same stated version, will do. */
bool failover_interchangeable(
    enum dialect, const struct conf_serving *, const struct conf_serving *);

#endif
