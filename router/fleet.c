/* router/fleet.c - the backends and servings, and how each stands.
 *
 * Invariant: a site's in_flight is the sum of its cells'; what is in flight
 * keeps its cell, and a cell its site. */
#include "router/fleet.h"

#include <assert.h>
#include <math.h>

#include "router/bound.h"

struct site *
fleet_site(const struct fleet *f, uint32_t id)
{
	return id < f->n_sites ? f->sites[id] : NULL;
}

/* --- standing --- */

#define WARMING_LEAST 0.1

double
site_slots_warming(const struct site *s, usec now)
{
	double slots = site_slots(s), part;

	if (s->usable_since == 0 || now - s->usable_since >= SITE_WARMING)
		return slots;
	part = (double)(now - s->usable_since) / SITE_WARMING;
	return fmax(slots * fmax(part, WARMING_LEAST), 1);
}

static double
allowance_left(const struct allowance *a, usec now)
{
	return lesser(a->left + a->per_us * (double)(now - a->at), a->most);
}

double
cell_allowance(const struct cell *c, usec now)
{
	const struct allowance *a = &c->allowance;

	return a->at > 0 && a->most > 0 ? allowance_left(a, now) / a->most : 1;
}

/* The share of it that an operator holds back. */
static double
withheld(const struct cell *c)
{
	double all = c->site->restraint.withheld, own = c->restraint.withheld;

	return all + own - all * own;
}

bool
cell_has_allowance(const struct cell *c, double reserve, usec now)
{
	const struct allowance *a = &c->allowance;
	double kept = greater(reserve, withheld(c)) * a->most;

	/* of a full one anybody has a call: only an answer tells of more */
	kept = lesser(kept, a->most - 1);
	return a->at == 0 || allowance_left(a, now) - 1 >= kept;
}

static usec
later(usec a, usec b)
{
	return a > b ? a : b;
}

/* As far as an operator lets it be filled, which binds everybody. */
static bool
is_full(const struct cell *c, usec now)
{
	unsigned most = c->restraint.withheld > 0 ? cell_ceiling(c) : 0;

	return (most > 0 && c->in_flight >= most) ||
	    (withheld(c) > 0 && !cell_has_allowance(c, 0, now));
}

static bool
is_shut_for_another(const struct site *s, const struct author *who)
{
	return who != NULL && s->shut_for != 0 &&
	    s->shut_for != who->by[AUTHOR_TENANT];
}

enum standing
cell_standing(const struct cell *c, usec now, usec *until)
{
	return cell_standing_for(c, NULL, now, until);
}

enum standing
cell_standing_for(
    const struct cell *c, const struct author *who, usec now, usec *until)
{
	const struct site *s = c->site;
	unsigned slots = site_slots(s);
	enum breaker_state breaker = breaker_state(&s->breaker, now);

	*until = USEC_NEVER;
	if (restraint_drains(&s->restraint) || restraint_drains(&c->restraint))
		return STANDING_DRAINED;
	if (c->conf == NULL || s->conf == NULL || s->conf->off != NULL ||
	    s->key_off_until > now)
		return STANDING_OUT;
	*until = c->gone_until;
	if (breaker == BREAKER_OPEN && !is_shut_for_another(s, who))
		*until = later(*until, s->breaker.until);
	if (who != NULL && s->shut_for == who->by[AUTHOR_TENANT])
		*until = later(*until, s->shut_until);
	if (*until > now)
		return STANDING_OUT;
	*until = later(c->blocked_until, c->limited_until);
	if (*until > now)
		return STANDING_LIMITED;
	if (s->cold_until > now)
		return STANDING_COLD;
	if ((breaker == BREAKER_HALF_OPEN &&
		!breaker_permits(&s->breaker, now)) ||
	    (slots > 0 && s->in_flight >= slots) || is_full(c, now))
		return STANDING_BUSY;
	return STANDING_FREE;
}

#define RETURN_MIN (2 * USEC_SEC)
#define RETURN_SHARE 0.7 /* of the time that it has been out */

usec
site_returns(const struct site *s, usec now)
{
	const struct breaker *b = &s->breaker;
	usec span = (usec)(RETURN_SHARE * (double)(now - b->since));
	usec back = now + later(span, RETURN_MIN);

	if (!s->gone || s->probe_pause == 0 || b->relapses >= BREAKER_RELAPSES)
		return b->until;
	back = later(back, s->probed_at + s->probe_pause);
	return back < b->until ? back : b->until;
}

/* --- places --- */

#define WANTED_LEARN 0.05
#define WANTED_MEMORY (10.0 * USEC_SEC)
#define FAILURES_HALVE (20.0 * USEC_SEC)
#define PREFILL_MEMORY (3.0 * USEC_SEC) /* mean age of what `prefill` counts */

void
fleet_fade(struct fleet *f, usec span)
{
	double failures = exp2(-(double)span / FAILURES_HALVE);
	double prefill = exp(-(double)span / PREFILL_MEMORY);
	double fill = exp(-(double)span / FILL_MEMORY);

	for (size_t i = 0; i < f->n_sites; i++) {
		struct site *s = f->sites[i];

		if (s == NULL)
			continue;
		s->calls *= failures;
		s->failures *= failures;
		s->prefill *= prefill;
		s->fill *= fill;
		for (unsigned p = 0; p < PRIORITY_BATCH; p++)
			stake_fade(&s->stakes[p], span);
	}
}

/* Whether `a` stands better than `b` for a target that has no place: the next
 * tighter, else the tightest there is. */
static bool
stands_better(usec a, usec b, usec itl)
{
	if (a > itl)
		return a < b;
	return b > itl || a > b;
}

/* The target's place: its own, a free one, or another's that will do. */
static unsigned
pledge_place(const struct pledges *p, usec itl)
{
	unsigned other = 0, free_place = PLEDGES;

	for (unsigned i = 0; i < PLEDGES; i++) {
		if (p->n[i] == 0)
			free_place = i;
		else if (p->itl[i] == itl)
			return i;
		else if (stands_better(p->itl[i], p->itl[other], itl))
			other = i;
	}
	return free_place < PLEDGES ? free_place : other;
}

static void
note_tightest(struct pledges *p)
{
	p->tightest = 0;
	p->n_tightest = 0;
	for (unsigned i = 0; i < PLEDGES; i++)
		if (p->n[i] > 0 &&
		    (p->tightest == 0 || p->itl[i] < p->tightest)) {
			p->tightest = p->itl[i];
			p->n_tightest = p->n[i];
		}
}

static unsigned
pledge(struct pledges *p, usec itl)
{
	unsigned i;

	if (itl <= 0)
		return PLEDGES;
	i = pledge_place(p, itl);
	if (p->n[i]++ == 0 || itl < p->itl[i])
		p->itl[i] = itl;
	note_tightest(p);
	return i;
}

double
site_wanted_rate(const struct site *s, usec now)
{
	const struct wanted *w = &s->wanted;

	return w->rate * exp(-(double)(now - w->at) / WANTED_MEMORY);
}

void
site_want(struct site *s, const struct slo *slo, double tokens, usec now)
{
	struct wanted *w = &s->wanted;

	w->rate = site_wanted_rate(s, now) + 1 / WANTED_MEMORY;
	w->tokens += WANTED_LEARN * (tokens - w->tokens);
	w->ttft = slo->ttft;
	w->itl = slo->itl;
	w->at = now;
}

void
cell_enter(struct cell *c, struct stay *stay, usec now)
{
	struct site *s = c->site;

	c->in_flight++;
	s->in_flight++;
	s->prompt_tokens += stay->tokens;
	s->prefill += stay->tokens / PREFILL_MEMORY;
	s->fill += stay->tokens / FILL_MEMORY;
	if (c->allowance.at > 0) {
		c->allowance.left = allowance_left(&c->allowance, now) - 1;
		c->allowance.at = now;
	}
	stay->pledge = pledge(&s->pledges, stay->itl);
	if (stay->priority < PRIORITY_BATCH)
		stake_enter(&s->stakes[stay->priority], stay->stake,
		    stay->tokens, stay->ttft, stay->itl);
	stay->prefilling = true;
	if (breaker_state(&s->breaker, now) == BREAKER_OPEN)
		s->shut_until = s->breaker.until;
	stay->epoch = breaker_enter(&s->breaker, now);
}

void
cell_prefilled(struct cell *c, struct stay *stay)
{
	if (!stay->prefilling)
		return;
	stay->prefilling = false;
	c->site->prefilled += stay->tokens;
	c->site->prompt_tokens = fmax(c->site->prompt_tokens - stay->tokens, 0);
}

void
cell_leave(struct cell *c, struct stay *stay)
{
	assert(c->in_flight > 0 && c->site->in_flight > 0);
	cell_prefilled(c, stay);
	if (stay->pledge < PLEDGES) {
		c->site->pledges.n[stay->pledge]--;
		note_tightest(&c->site->pledges);
	}
	if (stay->priority < PRIORITY_BATCH)
		stake_leave(
		    &c->site->stakes[stay->priority], stay->stake, stay->itl);
	c->in_flight--;
	c->site->in_flight--;
	if (c->site->in_flight == 0)
		c->site->prompt_tokens = 0; /* no drift of rounding */
}

/* --- prefixes --- */

#define PREFIX_KEPT (120 * USEC_SEC)
#define PREFIX_LEARN 0.1

double
cell_prefix_share(const struct cell *c, uint64_t prefix, usec now)
{
	const struct prefix *p = &c->prefixes[prefix % PREFIXES];

	if (prefix == 0 || p->hash != prefix || now - p->at > PREFIX_KEPT)
		return 0;
	return c->cached_share;
}

void
cell_prefix_sent(struct cell *c, uint64_t prefix, usec now)
{
	if (prefix != 0)
		c->prefixes[prefix % PREFIXES] = (struct prefix){ prefix, now };
}

void
cell_prefix_reported(struct cell *c, double share)
{
	c->cached_share += PREFIX_LEARN * (share - c->cached_share);
}
