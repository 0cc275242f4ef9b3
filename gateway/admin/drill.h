/* gateway/admin/drill.h - a rehearsed failure: for a while every attempt on one
 * backend, of all requests or of one tenant's, fails before anything is sent.
 *
 * The fault is FAULT_DRILL: another serving is tried as after a refusal, but
 * nobody is to blame, so breaker, lessons and error counts of the backend stay
 * as they are, and it is back in the moment the drill ends. Only attempts of
 * clients' requests fail; probes and questions of our own go on.
 *
 * One at a time. It ends by itself; what became of the requests that it met is
 * kept until the next one begins. */
#ifndef GATEWAY_ADMIN_DRILL_H
#define GATEWAY_ADMIN_DRILL_H

#include "gateway/conf/conf.h"

#define DRILL_MIN USEC_SEC
#define DRILL_MAX (3600 * USEC_SEC)
#define DRILL_USUAL (60 * USEC_SEC)
#define DRILL_NAME_MAX 128

struct drill;

enum drill_end { DRILL_RUNNING, DRILL_TIME, DRILL_STOPPED, DRILL_RELOADED };
const char *drill_end_name(enum drill_end);

struct drill_view {
	unsigned id; /* 1, 2, ...; 0: there has been none, the rest is zero */
	char backend[DRILL_NAME_MAX], tenant[DRILL_NAME_MAX]; /* "": all */
	usec span, left;
	enum drill_end end;
	uint64_t attempts; /* that it made fail */
	uint64_t requests; /* of which those were */
	/* how they ended; the others are still at work */
	uint64_t moved, failed, gone;
	/* Means over `timed` of the moved ones: first token of streams, all of
	 * other answers. What the router expected of the backend, and what was
	 * measured of the answer, from the request's arrival. */
	uint64_t timed;
	usec expected, measured;
};

/* NULL without memory. */
struct drill *drill_new(void);
void drill_free(struct drill **);

/* --- main thread --- */

/* tenant NULL: all. ERR_AGAIN: one is running. ERR_LIMIT: a name is longer
 * than can be kept. */
enum err drill_begin(struct drill *, const struct conf_backend *,
    const struct conf_tenant *, usec span, usec now) MUST_USE;
/* False: none was running. */
bool drill_stop(struct drill *, enum drill_end, usec now);
/* Says so in the log once its time is over. */
void drill_tick(struct drill *, usec now);
/* Once after each end. */
bool drill_was_over(struct drill *);

/* --- from any thread --- */

/* Whether an attempt on that backend is to fail; the drill's id, or 0. `met` is
 * the id that the request had from an earlier attempt, or 0. */
unsigned drill_meets(struct drill *, uint32_t backend,
    const struct conf_tenant *, unsigned met, usec now);
/* A request that met it is over. expected, measured: -1: not known. */
void drill_note(
    struct drill *, unsigned id, enum result, usec expected, usec measured);
void drill_read(struct drill *, usec now, struct drill_view *);

#endif
