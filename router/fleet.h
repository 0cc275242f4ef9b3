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
#include "router/learn.h"

/* ITL targets of requests at work, so that newcomers do not break them. Where
 * there are more than fit, a new one is counted as the next tighter. */
#define PLEDGES 6
struct pledges {
	usec itl[PLEDGES];
	unsigned n[PLEDGES];
};

/* What premium would want of a backend that could give it: room is kept for
 * its next request, not only for those at work. */
struct wanted {
	usec at; /* last time; 0: never */
	usec ttft, itl; /* 0: no target */
	double tokens; /* of its prompts, fading mean */
};

/* A rate limit, as reply headers tell of it. */
struct allowance {
	double left, most; /* requests: left at `at`, the most ever seen left */
	double per_us; /* refill */
	usec at; /* 0: no limit is known */
};

struct site {
	uint32_t id; /* of the backend */
	const struct conf_backend *conf; /* NULL: gone */
	struct breaker breaker;
	enum fault_kind last_fault;
	unsigned in_flight;
	double prompt_tokens; /* of those without a first token yet */
	double prefill; /* prompt tokens per us sent here of late */
	struct pledges pledges;
	struct wanted wanted;
	struct allowance allowance;
	double calls, failures; /* fading */
	unsigned failed_in_a_row; /* since the last whole answer */
	usec failed_at; /* last time */
	bool gone; /* its last failure: nobody was there at all */
	bool back; /* it was gone, and a probe has found it well since */
	usec explored_at; /* when somebody was last sent to find out */
	usec usable_since; /* last time it was not: for its slow start */
	unsigned n_cells; /* that point here */
	usec blocked_until; /* by a 429 */
	unsigned blocks; /* 429s in a row */
	usec limited_until; /* by rate-limit headers */
	usec cold_until; /* 0: warm; USEC_NEVER: until it says so */
	bool key_off;
	struct load load;
	usec load_at; /* of load.running; 0: never */
	unsigned load_in_flight; /* ours, at that time */
};

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
	const struct conf_serving *conf; /* NULL: gone */
	struct site *site;
	unsigned in_flight;
	usec gone_until; /* its model, from that backend */
	struct prefix prefixes[PREFIXES];
	double cached_share; /* of a prompt whose beginning is known here */
	double outputs, output_tokens; /* answers and their tokens, fading */
	struct forecast *forecast; /* never NULL */
	struct lessons *lessons; /* read by the tick outside the lock */
	struct cell *next_retired;
};

struct fleet {
	struct site **sites; /* by id; NULL where there is none */
	struct cell **cells;
	size_t n_sites, n_cells;
	struct cell *retired; /* gone and idle, for fleet_reap() */
};

void fleet_init(struct fleet *);
void fleet_fini(struct fleet *);
/* The snapshot must live until the next call or the end. ERR_MEMORY leaves
 * everything as it was. */
enum err fleet_configure(
    struct fleet *, const struct conf *, usec now) MUST_USE;
/* Frees retired cells. Not while a tick is building: it reads lessons. */
void fleet_reap(struct fleet *);

/* Once per tick: what counts only for a while fades. */
void fleet_fade(struct fleet *, usec span);

/* NULL: no such id. */
struct cell *fleet_cell(const struct fleet *, uint32_t serving);
struct site *fleet_site(const struct fleet *, uint32_t backend);

/* How a serving stands; the first that holds. */
enum standing {
	STANDING_OUT, /* off, gone, key refused, breaker open */
	STANDING_LIMITED, /* over its rate limit */
	STANDING_COLD,
	STANDING_BUSY, /* no free slot, or being tried half-open */
	STANDING_FREE,
};
/* *until: when OUT or LIMITED ends by itself; USEC_NEVER: it does not. */
enum standing cell_standing(const struct cell *, usec now, usec *until);

/* Concurrent requests that it takes; 0: not known, so not limited. */
unsigned site_slots(const struct site *);
/* The same, fewer while it warms up after an outage (Envoy's slow start). */
double site_slots_warming(const struct site *, usec now);
/* Whether its rate limit has room for one more request and, beyond that, for
 * that share of its burst. True where no limit is known. */
bool site_has_allowance(const struct site *, double reserve, usec now);

/* One attempt's time at a serving. */
struct stay {
	double tokens; /* of its prompt that are to be prefilled */
	usec itl; /* its target; 0: none */
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
 * slower than its habit, or failing every time. */
bool cell_is_ailing(const struct cell *);

/* Premium with these targets and so many prompt tokens needs it; whether that
 * has been so of late. */
void site_want(struct site *, const struct slo *, double tokens, usec now);
bool site_is_wanted(const struct site *, usec now);

/* The tightest ITL target at work there, and how many have it (may be NULL); 0:
 * none. */
usec site_tightest(const struct site *, unsigned *n);

/* The share of a prompt that is probably cached there, 0..1, from what backends
 * reported of such prompts; and that such a prompt was sent, or reported. */
double cell_prefix_share(const struct cell *, uint64_t prefix, usec now);
void cell_prefix_sent(struct cell *, uint64_t prefix, usec now);
void cell_prefix_reported(struct cell *, double share);

#endif
