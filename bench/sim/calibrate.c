/* bench/sim/calibrate.c - machines on which a gateway measures what it has
 * measured. */
#include "bench/sim/calibrate.h"

#include <math.h>
#include <stdlib.h>

#include "bench/sim/fleet.h"
#include "bench/sim/slo.h"
#include "bench/sim/world.h"

#define ROUNDS 5
#define WINDOW (2 * BIN)
#define BIN (300 * USEC_SEC)
#define REQUESTS 20000
#define FASTER 8.0 /* or slower, at most */

/* Where the most arrive. */
static enum err
busiest(const struct scenario *s, usec *from, struct errmsg *why)
{
	struct workload w;
	struct workload_request q;
	uint64_t n = 0, most = 0;
	usec bin = 0;
	enum err rc = workload_init(&w, &s->traffic, s->told, why);

	if (rc != OK)
		return rc;
	*from = 0;
	while (workload_next(&w, &q)) {
		if (q.due / BIN != bin)
			n = 0;
		bin = q.due / BIN;
		if (++n > most) {
			most = n;
			*from = bin * BIN;
		}
	}
	workload_fini(&w);
	return OK;
}

/* By how much the real ones had more company than the played ones; 1 where
 * that is not known. */
static double
learn(struct scenario *s, const struct world *w)
{
	const struct router *r = slo_router(w->self);
	const struct conf *c = s->fleet;
	struct serving_view v;
	double real = 0, played = 0;

	for (size_t i = 0; i < c->n_servings; i++) {
		struct serving_speed *speed = &s->speeds[i];

		if (speed->from == NULL ||
		    !router_view(r, c->servings[i].id, w->agenda.now, &v))
			continue;
		speed_correct(speed, &v.measured);
		real +=
		    v.measured.ttft.recent * speed->from->measured.sequences;
		played += v.measured.ttft.recent * v.measured.sequences;
	}
	speeds_build(c, s->speeds, s->truth);
	return played > 0 ? real / played : 1;
}

static enum err
play(struct scenario *s, usec from, double *more, struct errmsg *why)
{
	const struct world_options o = { .pilot = &pilot_slo,
		.scenario = s,
		.from = from,
		.until = from + WINDOW,
		.requests_most = REQUESTS };
	struct world *w = malloc(sizeof(*w));
	enum err rc;

	if (w == NULL)
		return fail(why, ERR_MEMORY, "out of memory");
	rc = world_run(w, &o, why);
	if (rc == OK) {
		*more = learn(s, w);
		world_fini(w);
	}
	free(w);
	return rc;
}

enum err
calibrate(struct scenario *whole, struct errmsg *why)
{
	struct scenario s = *whole; /* its machines and speeds are the same */
	const double speed = s.traffic.speed;
	usec busy = 0;
	double more = 1;
	enum err rc = busiest(&s, &busy, why);

	s.n_incidents = 0;
	for (unsigned i = 0; i < ROUNDS && rc == OK; i++) {
		s.traffic.speed *= more;
		s.traffic.speed =
		    fmin(fmax(s.traffic.speed, speed / FASTER), speed * FASTER);
		rc = play(&s, (usec)((double)busy * speed / s.traffic.speed),
		    &more, why);
	}
	fleet_tell(whole);
	return rc;
}
