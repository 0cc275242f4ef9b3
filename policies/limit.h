/* policies/limit.h - how much a tenant or a key may use: a rate, a budget.
 *
 * Pure arithmetic over numbers that the caller keeps. Rates follow the generic
 * cell rate algorithm in its form of virtual scheduling (ITU-T I.371, annex A):
 * all that is kept of a rate is its theoretical arrival time, the moment at
 * which what was taken will have been earned back. Whatever is taken moves it
 * on by its span; it may lie ahead of now by the burst at most. So in any span
 * of time no more is admitted than the rate allows, and one burst.
 *
 * What was reserved and not used is given back by moving it back. That admits
 * nothing twice: an arrival time in the past counts as now. */
#ifndef POLICIES_LIMIT_H
#define POLICIES_LIMIT_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

typedef int64_t nsec; /* a point in time, or a span of it */

struct limit_rate {
	double unit; /* nanoseconds in which one is earned; 0: not limited */
	nsec burst; /* how far ahead of now it may be */
};

/* So many a minute, of which `burst` worth may be taken at once; one always
 * may. 0 a minute: not limited. */
struct limit_rate limit_rate_of(uint64_t per_minute, usec burst);
/* What so many units take: a day at most, whatever number a backend has
 * made up. */
nsec limit_span(const struct limit_rate *, double units);
/* Whether a span may be taken now: then *next is the arrival time that follows.
 * Else *wait is how long until it may, if nobody else takes any. What is more
 * than the burst has to wait until nothing is owed. */
bool limit_take(const struct limit_rate *, nsec arrival, nsec now, nsec span,
    nsec *next, nsec *wait);
/* How many units may be taken now. */
double limit_left(const struct limit_rate *, nsec arrival, nsec now);
/* How long until as many may be taken as ever. */
nsec limit_refill(nsec arrival, nsec now);

/* --- budgets, in nano-USD; days and months are UTC's --- */

#define NANO_USD 1e9

enum budget_state { BUDGET_LEFT, BUDGET_SOFT, BUDGET_SPENT };

/* `hard` is in USD, 0: none; `soft` is a share of it. */
enum budget_state budget_state(int64_t spent, double hard, double soft);

struct budget_period {
	int64_t day, month; /* numbers that change with them */
	usec day_ends, month_ends; /* wall clock */
};
void budget_period_at(usec wall, struct budget_period *);

#endif
