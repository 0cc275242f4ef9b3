/* router/courtesy.c - what one more would leave of the targets of those who are
 * there, and of premium that may come. */
#include <math.h>

#include "policies/shortage.h"
#include "router/bound.h"
#include "router/predict.h"

/* The chance that no usual request of premium comes while the prompts are read
 * that then misses its first token behind them. */
static double
none_comes_late(const struct cell *c, const struct crowd *with, usec now)
{
	const struct forecast *f = c->forecast;
	const struct wanted *w = &c->site->wanted;
	struct crowd next = *with;
	double ttft, comes;

	next.tokens += w->tokens;
	ttft = fmax(profile_ttft(&f->profile, &next), 1);
	comes = 1 - exp(-site_wanted_rate(c->site, now) * ttft);
	return 1 - comes * (1 - spread_share(&f->ttft, (double)w->ttft / ttft));
}

/* The tightest ITL target at work, or that premium wants; 0: none. */
static usec
tightest_itl(const struct site *s, usec now)
{
	usec tightest = site_tightest(s, NULL);

	if (site_is_wanted(s, now) && s->wanted.itl > 0 &&
	    (tightest == 0 || s->wanted.itl < tightest))
		return s->wanted.itl;
	return tightest;
}

double
predict_courtesy(const struct cell *c, const struct demand *d,
    const struct outlook *o, usec now)
{
	const struct forecast *f = c->forecast;
	const struct wanted *w = &c->site->wanted;
	double felt =
	    f->profile.per_token * uncached(c, d, now) / PREDICT_FELT_BY;
	double p = 1;
	usec tightest = tightest_itl(c->site, now);

	if (tightest > 0)
		p = spread_share(&f->itl, (double)tightest / (o->paced + felt));
	if (site_is_wanted(c->site, now) && w->ttft > 0)
		p = lesser(p, none_comes_late(c, &o->crowd, now));
	return p;
}

/* As if prompts came on as in the last second, and its own among them. */
bool
predict_room(const struct cell *c, const struct demand *d,
    const struct outlook *o, usec now)
{
	const struct forecast *f = c->forecast;
	struct crowd with = o->crowd;
	double itl = (double)tightest_itl(c->site, now);

	with.prefill = c->site->fill + uncached(c, d, now) / FILL_MEMORY;
	if (itl > 0 &&
	    profile_itl(&f->profile, &with) * f->itl_typical >
		SHORTAGE_FILL * itl)
		return false;
	return !site_is_wanted(c->site, now) || c->site->wanted.ttft <= 0 ||
	    none_comes_late(c, &o->crowd, now) >= SHORTAGE_FIRST;
}
