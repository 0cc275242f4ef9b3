/* router/fleet.h - the backends and servings, and how each stands.
 *
 * A site is a backend, a cell is a serving, found by the stable ids of the
 * configuration. Both outlive a reload: one that is gone stays until a later
 * reload finds it idle, so that what is in flight can end. */
#ifndef ROUTER_FLEET_H
#define ROUTER_FLEET_H

#include "router/breaker.h"
#include "router/forecast.h"
#include "router/learn.h"

struct site {
	uint32_t id; /* of the backend */
	const struct conf_backend *conf; /* NULL: gone */
	struct breaker breaker;
	enum fault_kind last_fault;
	unsigned in_flight;
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

struct cell {
	uint32_t id; /* of the serving */
	const struct conf_serving *conf; /* NULL: gone */
	struct site *site;
	unsigned in_flight;
	usec gone_until; /* its model, from that backend */
	double outputs, output_tokens; /* answers and their tokens, fading */
	struct forecast forecast;
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

/* A request goes there; returns the breaker's epoch. It ended; the breaker
 * hears of that apart. */
uint32_t cell_enter(struct cell *, usec now);
void cell_leave(struct cell *);

#endif
