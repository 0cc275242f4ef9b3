/* policies/limit.c - how much a tenant or a key may use: a rate, a budget. */
#include "policies/limit.h"

#include <math.h>
#include <time.h>

#define MINUTE 60e9
#define DAY (24 * 60 * MINUTE)
#define NSEC_USEC 1000
#define MONTHS 12

struct limit_rate
limit_rate_of(uint64_t per_minute, usec burst)
{
	struct limit_rate r = { 0 };

	if (per_minute == 0)
		return r;
	r.unit = MINUTE / (double)per_minute;
	r.burst = burst * NSEC_USEC;
	if (r.burst < limit_span(&r, 1))
		r.burst = limit_span(&r, 1);
	return r;
}

nsec
limit_span(const struct limit_rate *r, double units)
{
	return (nsec)llround(fmin(r->unit * units, DAY));
}

static nsec
later(nsec a, nsec b)
{
	return a > b ? a : b;
}

bool
limit_take(const struct limit_rate *r, nsec arrival, nsec now, nsec span,
    nsec *next, nsec *wait)
{
	nsec from = later(arrival, now);

	*next = from + span;
	*wait = *next - now - later(r->burst, span);
	return *wait <= 0;
}

double
limit_left(const struct limit_rate *r, nsec arrival, nsec now)
{
	nsec room = r->burst - limit_refill(arrival, now);

	return r->unit > 0 && room > 0 ? floor((double)room / r->unit) : 0;
}

nsec
limit_refill(nsec arrival, nsec now)
{
	return later(arrival, now) - now;
}

enum budget_state
budget_state(int64_t spent, double hard, double soft)
{
	double usd = (double)spent / NANO_USD;

	if (hard <= 0 || usd < hard * soft)
		return BUDGET_LEFT;
	return usd < hard ? BUDGET_SOFT : BUDGET_SPENT;
}

static usec
midnight(struct tm *day)
{
	day->tm_hour = day->tm_min = day->tm_sec = 0;
	return (usec)timegm(day) * USEC_SEC;
}

void
budget_period_at(usec wall, struct budget_period *p)
{
	const time_t seconds = (time_t)(wall / USEC_SEC);
	struct tm day;

	gmtime_r(&seconds, &day);
	p->month = (int64_t)day.tm_year * MONTHS + day.tm_mon;
	p->day = seconds / (24 * 60 * 60);
	day.tm_mday++;
	p->day_ends = midnight(&day);
	gmtime_r(&seconds, &day);
	day.tm_mday = 1;
	day.tm_mon++;
	p->month_ends = midnight(&day);
}
