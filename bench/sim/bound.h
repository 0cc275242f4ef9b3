/* bench/sim/bound.h - what no router can beat, on a fleet whose truth is known.
 *
 * Turns a workload and the truth about the machines into a problem of choices
 * under capacity (relax.h) that every schedule of every router satisfies, so
 * that its optimum, and a bound of that, bounds them all. docs/simulator.md has
 * the proof. What is relaxed: whoever is not met costs nothing and uses
 * nothing; machines are idle when a request's own feasibility is judged; work
 * may be anywhere between a request's arrival and the last moment at which it
 * can still be in time. */
#ifndef BENCH_SIM_BOUND_H
#define BENCH_SIM_BOUND_H

#include "bench/sim/machine.h"
#include "bench/sim/relax.h"
#include "gateway/conf/conf.h"

/* From a time on, until the next span: all steps take `slow` times as long
 * (INFINITY: no step is done), and whether what is sent can be answered. */
struct bound_span {
	usec from;
	double slow; /* >= 1 only where that holds for each step */
	bool up;
};

/* What a machine's noise does to its pace, slice by slice. */
struct bound_noise {
	double *factor; /* of the steps that begin in the slice */
	double *work; /* engine time, in us, from 0 to the slice's begin */
	/* and, up to there, what the steps that began in earlier slices may
	 * have done beyond that; incidents counted */
	double *beyond;
	size_t n; /* slices; work and beyond have one more */
	double least; /* factor, of all slices */
};

struct bound_backend {
	struct machine_facts facts;
	const struct bound_noise *noise; /* NULL: none */
	usec rtt; /* at least */
	double rate, burst; /* requests a second; rate 0: not limited */
	const struct bound_span *spans; /* the first from 0; rising */
	size_t n_spans;
};

struct bound_request {
	usec due;
	unsigned prompt, output;
	enum priority class;
	struct slo slo;
	usec deadline; /* a span: nobody waits longer */
	uint64_t able; /* bits by backend */
	/* by backend, not above what any serving of its model costs there;
	 * NULL: nothing costs anything */
	const struct conf_price *price;
};

#define BOUND_BACKENDS 64

/* p is empty. ERR_MEMORY; ERR_LIMIT for too many backends. */
enum err bound_build(struct relax *p, const struct bound_backend *,
    size_t n_backends, const struct bound_request *,
    size_t n_requests) MUST_USE;

/* Whether that machine, idle and in luck, can meet its SLO; and then the least
 * engine time that it takes, in microseconds of a machine that is neither slow
 * nor lucky. */
bool bound_feasible(
    const struct bound_backend *, const struct bound_request *, double *work);
/* The most such engine time in steps that begin and end between two moments. */
double bound_capacity(const struct bound_backend *, usec from, usec to);

/* Engine time of the longest step. */
double bound_longest(const struct machine_facts *);

/* Of a machine with that seed and these facts and spans; all that is asked
 * beyond `until` is taken at the least factor. ERR_MEMORY. */
enum err bound_noise_init(struct bound_noise *, const struct bound_backend *,
    uint64_t seed, usec until) MUST_USE;
void bound_noise_fini(struct bound_noise *);
/* Engine time between two moments of a machine that no incident slows, and
 * what must be added for steps under way; noise may be NULL. */
double bound_noise_work(const struct bound_noise *, usec from, usec to);
double bound_noise_beyond(const struct bound_noise *, usec from, usec to);

#endif
