/* router/fleet.h - the backends and servings, and how each stands.
 *
 * A site is a backend, a cell is a serving, found by the stable ids of the
 * configuration. Both outlive a reload: one that is gone stays until a later
 * reload finds it idle, so that what is in flight can end. */
#ifndef ROUTER_FLEET_H
#define ROUTER_FLEET_H

#include <stdbool.h>

#include "router/breaker.h"
#include "router/forecast.h"
#include "router/hush.h"
#include "router/learn.h"
#include "router/router.h"
#include "router/stake.h"
#include "router/suspect.h"

/* ITL targets of requests at work, so that newcomers do not break them. Where
 * there are more than fit, a new one is counted as the next tighter. */
#define PLEDGES 6
struct pledges {
	usec tightest; /* of those; 0: there are none */
	unsigned n_tightest;
	unsigned n[PLEDGES];
	usec itl[PLEDGES];
};

/* What premium would want of a backend that could give it: room is kept for
 * its next request, not only for those at work. */
struct wanted {
	usec at; /* last time; 0: never */
	usec ttft, itl; /* 0: no target */
	double tokens; /* of its prompts, fading mean */
	double rate; /* requests a us, of late, at `at` */
};

/* What was last held against a backend or a serving. */
struct charge {
	enum fault_kind fault; /* FAULT_NONE: nothing yet */
	usec at;
};

/* A rate limit, as reply headers tell of it: of the serving that was asked, as
 * most providers count each model by itself. */
struct allowance {
	usec at; /* 0: no limit is known */
	double left,
	    most; /* requests: left at `at`, the most seen left of late */
	double most_since; /* of that, since then */
	usec since;
	double per_us; /* refill */
	bool far; /* no refill that anybody could wait for, or none known */
};

/* What every decision asks of it stands first, within a few cache lines. */
struct site {
	const struct conf_backend *conf; /* NULL: gone */
	bool kept; /* by the configuration that is being adopted */
	unsigned in_flight;
	usec key_off_until; /* its key was refused */
	usec worked_at; /* when something was answered last by its present key;
			   0: never */
	double prompt_tokens; /* of those without a first token yet */
	double prefill; /* prompt tokens per us sent here of late */
	double fill; /* the same in the last second */
	double prefilled; /* prompt tokens, of all that had a first token */
	usec usable_since; /* last time it was not: for its slow start */
	struct restraint restraint;
	usec cold_until; /* 0: warm; USEC_NEVER: until it says so */
	double calls, failures; /* fading */
	unsigned failed_in_a_row; /* since the last whole answer */
	unsigned load_in_flight; /* ours, at load_at */
	usec load_at; /* of load.running; 0: never */
	struct wanted wanted;
	struct stake stakes[PRIORITY_BATCH]; /* by priority; batch has none */
	struct breaker breaker;
	struct load load;
	struct pledges pledges;
	uint32_t id; /* of the backend */
	struct charge charge; /* concerning all its servings */
	enum fault_kind broken_by; /* what opened the breaker last */
	struct latest failed; /* tenants, of late */
	/* the tenant whose failures alone opened the breaker, 0: others did;
	 * until when it is out, where another was let in */
	uint64_t shut_for;
	usec shut_until;
	usec cold_since; /* the last time that it was */
	usec key_refused_since; /* nothing sent since was answered; 0: it was */
	usec failed_at; /* last time */
	bool gone; /* its last failure: nobody was there at all */
	bool back; /* it was gone, and a probe has found it well since */
	usec probed_at,
	    probe_pause; /* the last time, and since the one before */
	usec explored_at; /* when somebody was last sent to find out */
};

#define FILL_MEMORY USEC_SEC /* mean age of what `fill` counts */

/* Which prompts were seen here: the beginnings of the latest ones, each in the
 * one place where it may stand. An approximation of the backend's own prefix
 * cache, fed by where we sent what. */
#define PREFIXES 512
struct prefix {
	uint64_t hash; /* 0: none */
	usec at;
};

struct cell {
	uint32_t id; /* of the serving */
	unsigned in_flight;
	const struct conf_serving *conf; /* NULL: gone */
	struct site *site;
	struct forecast *forecast; /* never NULL */
	usec gone_until; /* its model, from that backend */
	usec blocked_until; /* by a 429 */
	usec limited_until; /* by rate-limit headers */
	struct restraint restraint; /* its own */
	struct allowance allowance;
	usec answered_at; /* by it last; 0: never */
	struct {
		usec since, until; /* 0: never */
		usec least; /* that counts, by what was known at first */
		unsigned n; /* late ones that were given up */
		usec waited; /* the least of them; 0: not known */
		usec ended; /* when it was heard again last; 0: never */
		bool again; /* this silence began soon after that */
	} vain; /* it was waited for, and nothing came (measure.c) */
	struct {
		usec since; /* the first of them was sent */
		usec until; /* the last one left; 0: never */
		unsigned n; /* in a row */
	} stalled; /* clients left in a silence after the first token */
	double cached_share; /* of a prompt whose beginning is known here */
	double told, reckoned; /* prompt tokens: by it, and with; fading */
	double each; /* tokens for one that progress tells of; 0: not known */
	double
	    odds[PRIORITY_BATCH + 1]; /* policies/confidence.h, by priority */
	usec used_at; /* when a request with targets was last sent there */
	usec heard_at; /* when an attempt last told of it; 0: never */
	unsigned asked; /* by us, since others came: at most so often */
	enum dialect work; /* that its times are known by (measure.c) */
	unsigned blocks; /* 429s in a row */
	struct charge charge; /* its own */
	struct load limits; /* LOAD_LIMIT_*: as headers told last */
	struct suspects suspects; /* whose failures blame nobody */
	struct hush hush; /* nor whose silence does */
	usec gone_since; /* the first of the 404s since it answered */
	struct lessons *lessons; /* read by the tick outside the lock */
	struct prefix prefixes[PREFIXES]; /* last: the rest is read more */
};

/* All zeros is empty. */
struct fleet {
	struct site **sites; /* by id; NULL where there is none */
	struct cell **cells;
	size_t n_sites, n_cells;
};

/* --- change.c --- */

/* Whether what is known of the health of one holds for the other. */
bool same_place(const struct conf_backend *, const struct conf_backend *);
/* Frees all of it but what the other one has, too. */
void fleet_forget(struct fleet *, const struct fleet *kept);

/* --- restraint.c --- */

/* As router_restrain(). */
void fleet_restrain(struct fleet *, uint32_t backend, uint32_t serving,
    const struct restraint *, usec now);
/* Before a configuration is taken over: new servings of a model that had some
 * at the same backend are restrained as those. */
void restraints_inherit(struct fleet *, const struct conf *);
static inline bool
restraint_drains(const struct restraint *r)
{
	return r->drained || r->withheld >= 1;
}

/* Once per tick: what counts only for a while fades. */
void fleet_fade(struct fleet *, usec span);

/* NULL: no such id. */
static inline struct cell *
fleet_cell(const struct fleet *f, uint32_t serving)
{
	return serving < f->n_cells ? f->cells[serving] : NULL;
}
struct site *fleet_site(const struct fleet *, uint32_t backend);

/* How a serving stands; the first that holds. */
enum standing {
	STANDING_DRAINED, /* by an operator */
	STANDING_OUT, /* off, gone, key refused, breaker open */
	STANDING_LIMITED, /* over its rate limit */
	STANDING_COLD,
	STANDING_BUSY, /* no free slot, or being tried half-open */
	STANDING_FREE,
};
/* *until: when DRAINED, OUT or LIMITED ends by itself; USEC_NEVER: it does
 * not. */
enum standing cell_standing(const struct cell *, usec now, usec *until);
/* The same for that one: a breaker that another tenant's failures alone have
 * opened is not open for it; it is the trial. */
enum standing cell_standing_for(
    const struct cell *, const struct author *, usec now, usec *until);

/* When to come back to one whose breaker is open: where nobody was there, a
 * probe may find it back before anybody may try. What has been out for long
 * will be for a while, and clients do not come back for ever. */
usec site_returns(const struct site *, usec now);

/* The same for people: what is behind it. (plight.c) */
void cell_plight(const struct cell *, usec now, struct plight *);

/* Concurrent requests that it takes; 0: not known, so not limited. */
static inline unsigned
site_capacity(const struct site *s)
{
	if (s->conf != NULL && s->conf->slots > 0)
		return s->conf->slots;
	return (s->load.has & LOAD_SLOTS) != 0 ? s->load.slots : 0;
}
/* What an operator leaves of so many slots: one at least. */
unsigned slots_left(unsigned slots, double withheld);
/* Those that may be used. */
static inline unsigned
site_slots(const struct site *s)
{
	unsigned n = site_capacity(s);

	return s->restraint.withheld > 0 ? slots_left(n, s->restraint.withheld)
					 : n;
}
/* The same of one serving; 0: not limited. */
static inline unsigned
cell_ceiling(const struct cell *c)
{
	unsigned n = site_slots(c->site);

	return c->restraint.withheld > 0 ? slots_left(n, c->restraint.withheld)
					 : n;
}
/* The same, fewer while it warms up after an outage (Envoy's slow start). */
#define SITE_WARMING (30 * USEC_SEC)
double site_slots_warming(const struct site *, usec now);
/* The share of its rate limit's burst that is left; 1: no limit is known. */
double cell_allowance(const struct cell *, usec now);
/* Whether its rate limit has room for one more request and, beyond that, for
 * that share of its burst. True where no limit is known. */
bool cell_has_allowance(const struct cell *, double reserve, usec now);

/* One attempt's time at a serving. */
struct stay {
	double tokens; /* of its prompt that are to be prefilled */
	usec ttft, itl; /* its targets; 0: none */
	enum priority priority;
	double stake; /* what a miss of it is worth, USD */
	/* kept by these calls */
	unsigned pledge;
	uint32_t epoch; /* of the breaker */
	bool prefilling;
};

/* A request goes there. Its first token came. It ended; the breaker hears of
 * that apart. */
void cell_enter(struct cell *, struct stay *, usec now);
void cell_prefilled(struct cell *, struct stay *);
void cell_leave(struct cell *, struct stay *);

/* Whether it is to be left alone but for those who find out how it is: far
 * slower than its habit, failing every time, or silent while hedges of what
 * it was sent were answered, or until clients left. */
#define FAILS_ALWAYS 5
#define VAIN_ALWAYS 3
/* Three who leave in vain make it mute (measure.c). It is left alone then; the
 * router asks (probe.c), and hardly any client does (doubt.c). A client's first
 * token ends that, or an answer to us that came sooner than they left, and what
 * was learned of the silence goes with it (learn.c). Where it is mute again
 * within a minute, a client has to have that first token. */
static inline bool
cell_is_mute(const struct cell *c)
{
	return c->vain.n >= VAIN_ALWAYS;
}

static inline bool
cell_is_silent(const struct cell *c)
{
	return cell_is_mute(c) || c->stalled.n >= VAIN_ALWAYS;
}

#define RELAPSE_WITHIN (60 * USEC_SEC)
#define RELAPSE_FOR (300 * USEC_SEC)
static inline bool
cell_has_relapsed(const struct cell *c, usec now)
{
	return c->vain.again && now - c->vain.ended < RELAPSE_FOR;
}

static inline bool
cell_is_ailing(const struct cell *c)
{
	return c->forecast->ailing ||
	    c->site->failed_in_a_row >= FAILS_ALWAYS || cell_is_silent(c);
}

/* Of premium requests that would want it; a us. */
double site_wanted_rate(const struct site *, usec now);
/* Premium with these targets and so many prompt tokens needs it; whether that
 * has been so of late. */
void site_want(struct site *, const struct slo *, double tokens, usec now);
#define WANTED_FRESH (30 * USEC_SEC)
static inline bool
site_is_wanted(const struct site *s, usec now)
{
	return s->wanted.at > 0 && now - s->wanted.at < WANTED_FRESH;
}

/* The tightest ITL target at work there, and how many have it (may be NULL); 0:
 * none. */
static inline usec
site_tightest(const struct site *s, unsigned *n)
{
	if (n != NULL)
		*n = s->pledges.n_tightest;
	return s->pledges.tightest;
}

/* The share of a prompt that is probably cached there, 0..1, from what backends
 * reported of such prompts; and that such a prompt was sent, or reported. */
double cell_prefix_share(const struct cell *, uint64_t prefix, usec now);
void cell_prefix_sent(struct cell *, uint64_t prefix, usec now);
void cell_prefix_reported(struct cell *, double share);

#endif
