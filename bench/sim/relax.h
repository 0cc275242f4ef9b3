/* bench/sim/relax.h - choices under shared capacity, bounded from one side.
 *
 * A problem has requests, each of a class; choices, of which a request takes
 * one at most, each at a cost; and resources of a capacity that the choices
 * taken use up. Wanted are the most requests (by weights of their classes) for
 * a budget, or the least cost of so many of each class. What comes back is
 * never on the wrong side of the optimum, even of that over fractions of
 * choices: it is the value of the Lagrangian dual at some multipliers, and
 * weak duality holds at any (Geoffrion, "Lagrangean relaxation for integer
 * programming", 1974). Subgradient steps after Duchi, Hazan and Singer,
 * "Adaptive subgradient methods", JMLR 2011, make it close. */
#ifndef BENCH_SIM_RELAX_H
#define BENCH_SIM_RELAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/lib/err.h"

#define RELAX_CLASSES 3

struct relax_use {
	uint32_t resource;
	float amount; /* not above the true one */
};
struct relax_choice {
	float cost;
	uint32_t uses; /* where its uses end; they begin where the last
			  choice's do */
};
struct relax_request {
	unsigned class;
	uint32_t choices; /* where its choices end */
};

/* All zeros is empty. */
struct relax {
	struct relax_request *request;
	struct relax_choice *choice;
	struct relax_use *use;
	double *capacity;
	size_t n_requests, n_choices, n_uses, n_resources;
	size_t cap_requests, cap_choices, cap_uses, cap_resources;
	bool failed; /* out of memory: what was added is incomplete */
};

void relax_fini(struct relax *);
uint32_t relax_resource(struct relax *, double capacity);
/* A request, then its choices, each followed by its uses. */
void relax_request(struct relax *, unsigned class);
void relax_choice(struct relax *, double cost);
void relax_use(struct relax *, uint32_t resource, double amount);

/* At given multipliers, all >= 0: of the value of a request by class, of money,
 * of each resource. The gain is what the requests are worth beyond what they
 * use; the other members are what the choices that give it come to. */
struct relax_dual {
	double value[RELAX_CLASSES], money;
	double *price; /* by resource */

	double gain, spent, met[RELAX_CLASSES];
	double *used; /* by resource */
};
enum err relax_dual_init(struct relax_dual *, const struct relax *) MUST_USE;
void relax_dual_fini(struct relax_dual *);
void relax_evaluate(const struct relax *, struct relax_dual *);

/* What is asked of a choice beside its weight. */
struct relax_terms {
	double budget; /* INFINITY: none */
	double floor[RELAX_CLASSES]; /* so many of each class, at least */
};
/* An upper bound of the weight that can be met; -INFINITY where the floors are
 * shown to be out of reach; NAN without memory. */
double relax_most(const struct relax *, const double weight[RELAX_CLASSES],
    const struct relax_terms *, unsigned rounds);
/* A lower bound of the cost of meeting so many of each class; INFINITY where
 * they are shown to be out of reach; NAN without memory. */
double relax_least(
    const struct relax *, const double need[RELAX_CLASSES], unsigned rounds);

#endif
