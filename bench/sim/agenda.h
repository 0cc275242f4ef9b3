/* bench/sim/agenda.h - what happens when, in virtual time.
 *
 * A binary heap on (time, rank, order of setting), so that equal runs are
 * equal to the byte. An event lies inside what it belongs to, all zeros to
 * begin with; setting one that is set moves it. Only the heap's array is
 * allocated. */
#ifndef BENCH_SIM_AGENDA_H
#define BENCH_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/lib/clock.h"

/* What goes first at the same microsecond. */
enum rank { RANK_INCIDENT, RANK_MACHINE, RANK_TRIAL, RANK_ARRIVAL, RANK_TICK };

struct moment {
	usec at;
	uint64_t order; /* rank, then a count */
	size_t place; /* in the heap, from 1; 0: not set */
	void (*run)(void *arg, usec now);
	void *arg;
};

struct agenda {
	usec now;
	uint64_t count;
	struct moment **heap; /* from 1 */
	size_t n, cap;
	bool failed; /* out of memory: an event is lost */
};

void agenda_init(struct agenda *);
void agenda_fini(struct agenda *);

/* A time that has passed means now. */
void agenda_set(struct agenda *, struct moment *, enum rank, usec at);
void agenda_drop(struct agenda *, struct moment *);
/* Moves on to the next event and runs it; false: there is none. */
bool agenda_step(struct agenda *);

static inline bool
moment_is_set(const struct moment *e)
{
	return e->place != 0;
}

#endif
