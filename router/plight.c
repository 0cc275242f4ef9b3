/* router/plight.c - what is behind the way a serving stands, for people.
 *
 * Invariant: cell_standing() decides, here is only why. Called under the lock
 * for servings that a plan could not use, so it reads the cell and its site,
 * and nothing else. */
#include "router/fleet.h"

static const struct plight none = { .since = -1, .until = -1 };

/* Since then (0: not known), until then (USEC_NEVER: for good). */
static struct plight
of(enum cause cause, usec since, usec until, usec now)
{
	struct plight p = none;

	p.cause = (uint8_t)cause;
	if (since > 0 && since <= now)
		p.since = (float)(now - since);
	if (until > now && until < USEC_NEVER)
		p.until = (float)(until - now);
	return p;
}

static struct plight
by(enum fault_kind fault, struct plight p)
{
	p.fault = (uint8_t)fault;
	return p;
}

static struct plight
when_drained(const struct cell *c, usec now)
{
	const struct restraint *r = restraint_drains(&c->site->restraint)
	    ? &c->site->restraint
	    : &c->restraint;

	return of(r->drained ? CAUSE_DRAINED : CAUSE_WEIGHT_ZERO, r->since,
	    USEC_NEVER, now);
}

static struct plight
on_trial(const struct site *s, usec now)
{
	return by(
	    s->broken_by, of(CAUSE_TRIAL, s->breaker.since, USEC_NEVER, now));
}

/* The last word of it; it may be used all the same: health.c. */
static bool
is_key_refused(const struct site *s)
{
	return s->key_refused_since > 0;
}

static struct plight
key_refused(const struct site *s, usec until, usec now)
{
	return of(CAUSE_KEY, s->key_refused_since, until, now);
}

/* The first of these in which nothing but somebody's doing helps. */
static struct plight
when_out(const struct cell *c, usec now)
{
	const struct site *s = c->site;

	if (c->conf == NULL || s->conf == NULL)
		return of(CAUSE_REMOVED, 0, USEC_NEVER, now);
	if (s->conf->off != NULL)
		return of(CAUSE_OFF, 0, USEC_NEVER, now);
	if (s->key_off_until > now)
		return key_refused(s, s->key_off_until, now);
	if (c->gone_until > now)
		return of(CAUSE_MODEL, c->gone_since, c->gone_until, now);
	if (is_key_refused(s) && s->broken_by == FAULT_KEY)
		return key_refused(s, s->breaker.until, now);
	return by(s->broken_by,
	    of(CAUSE_BREAKER, s->breaker.since, s->breaker.until, now));
}

static struct plight
when_limited(const struct cell *c, usec now)
{
	if (c->blocked_until > now && c->blocked_until >= c->limited_until)
		return of(CAUSE_ANSWERED_429, 0, c->blocked_until, now);
	return of(CAUSE_RATE_USED_UP, 0, c->limited_until, now);
}

static struct plight
when_busy(const struct cell *c, usec now)
{
	const struct site *s = c->site;
	unsigned slots = site_capacity(s);

	if (is_key_refused(s))
		return key_refused(s, USEC_NEVER, now);
	if (s->breaker.state != BREAKER_CLOSED &&
	    !breaker_permits(&s->breaker, now))
		return on_trial(s, now);
	if (slots > 0 && s->in_flight >= slots)
		return of(CAUSE_SLOTS, 0, USEC_NEVER, now);
	return of(CAUSE_WEIGHT, 0, USEC_NEVER, now);
}

/* Usable, and yet not like any other. */
static struct plight
when_free(const struct cell *c, usec now)
{
	const struct site *s = c->site;

	if (is_key_refused(s))
		return key_refused(s, USEC_NEVER, now);
	if (breaker_state(&s->breaker, now) == BREAKER_HALF_OPEN)
		return on_trial(s, now);
	if (s->failed_in_a_row >= FAILS_ALWAYS)
		return by(
		    s->charge.fault, of(CAUSE_FAILING, 0, USEC_NEVER, now));
	if (c->forecast->ailing)
		return of(CAUSE_SLOWED, 0, USEC_NEVER, now);
	if (cell_is_silent(c))
		return of(CAUSE_SILENT, 0, USEC_NEVER, now);
	if (s->usable_since > 0 && now - s->usable_since < SITE_WARMING)
		return of(CAUSE_SLOW_START, s->usable_since,
		    s->usable_since + SITE_WARMING, now);
	return none;
}

void
cell_plight(const struct cell *c, usec now, struct plight *p)
{
	usec until;

	switch (cell_standing(c, now, &until)) {
	case STANDING_DRAINED:
		*p = when_drained(c, now);
		break;
	case STANDING_OUT:
		*p = when_out(c, now);
		break;
	case STANDING_LIMITED:
		*p = when_limited(c, now);
		break;
	case STANDING_COLD:
		*p = of(CAUSE_LOADING, c->site->cold_since, c->site->cold_until,
		    now);
		break;
	case STANDING_BUSY:
		*p = when_busy(c, now);
		break;
	case STANDING_FREE:
		*p = when_free(c, now);
		break;
	}
}
