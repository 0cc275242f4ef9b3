/* router/breaker.h - whether a backend may be sent requests.
 *
 *	          half of >= 10 calls in 10 s failed, or
 *	          one connection failed outright
 *	 CLOSED --------------------------------------------> OPEN
 *	   ^                                                  |  ^
 *	   | 3 successes          time is up, or a probe of   |  | a failure:
 *	   |                      its health went well        v  | twice as long
 *	   +---------------------------------------------- HALF_OPEN
 *
 * Open lasts 1 s, doubled with each opening in a row up to 30 s, 20 % more or
 * less. A row ends when the breaker stays closed for 30 s. One that has closed
 * and opened again twice in a row waits its time out, whatever its probes say:
 * each opening cuts off those who were at work there. Half-open lets one
 * request through, and three at a time once one has gone well. Constants after
 * Envoy's outlier detection and resilience4j, shortened for few backends.
 *
 * How long it stayed closed between two openings of a row tells how soon it
 * will open again: relapses per time up, as of a Poisson process.
 *
 * An attempt remembers the epoch in which it began. What it has to say once
 * the breaker has opened since is old news and ignored. */
#ifndef ROUTER_BREAKER_H
#define ROUTER_BREAKER_H

#include "gateway/lib/rng.h"
#include "policies/window.h"
#include "router/router.h"

#define BREAKER_CALLS_MIN 10
#define BREAKER_FAILED_SHARE 0.5
#define BREAKER_OPEN_MIN USEC_SEC
#define BREAKER_OPEN_MAX (30 * USEC_SEC)
#define BREAKER_JITTER 0.2
#define BREAKER_FORGIVE (30 * USEC_SEC)
#define BREAKER_PROBES 3
#define BREAKER_RELAPSES 2

/* All zeros is closed. */
struct breaker {
	enum breaker_state state; /* as last touched: ask breaker_state() */
	uint32_t epoch; /* counts openings */
	unsigned streak; /* openings in a row */
	unsigned relapses; /* of them, those after it had closed again */
	usec until; /* open until then */
	usec since; /* it has not closed since then */
	usec closed_at;
	usec lived; /* closed for so long before the relapses, together */
	unsigned probes, successes; /* half-open: in flight, gone well */
	struct window calls, failures;
};

static inline enum breaker_state
breaker_state(const struct breaker *b, usec now)
{
	if (b->state == BREAKER_OPEN && now >= b->until)
		return BREAKER_HALF_OPEN;
	return b->state;
}
/* Whether one more request may go. */
bool breaker_permits(const struct breaker *, usec now);

/* Openings to be expected, a us: 0 unless it has relapsed of late. The longer
 * it has been up since, the fewer. */
double breaker_hazard(const struct breaker *, usec now);

/* An attempt begins; returns its epoch. Where it is not breaker_permits() that
 * let it, it is the trial that ends being open. */
uint32_t breaker_enter(struct breaker *, usec now);
/* It has begun to answer, which counts as a success while half-open: that
 * need not wait for the end. At most once per attempt. */
void breaker_vouch(struct breaker *, uint32_t epoch, usec now);
/* It ended: in a way that says nothing of the backend, well, or badly.
 * `vouched`: breaker_vouch() was called for it. `outright`: opens at once.
 * True: this opened it. */
void breaker_leave(struct breaker *, uint32_t epoch);
void breaker_success(struct breaker *, uint32_t epoch, bool vouched, usec now);
bool breaker_failure(
    struct breaker *, uint32_t epoch, bool outright, usec now, struct rng *);

/* From a probe of its health, outside any attempt. True: this ended its being
 * open; this opened it. */
bool breaker_probe_well(struct breaker *, usec now);
bool breaker_probe_failed(struct breaker *, usec now, struct rng *);

#endif
