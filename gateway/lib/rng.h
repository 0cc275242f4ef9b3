/* gateway/lib/rng.h - small, seedable random streams.
 *
 * PCG-XSH-RR 64/32 (O'Neill 2014, pcg-random.org). Not for secrets: ids and
 * keys come from OpenSSL. */
#ifndef GATEWAY_LIB_RNG_H
#define GATEWAY_LIB_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state, inc;
};

/* Equal (seed, stream) give equal numbers; streams are independent. */
void rng_init(struct rng *, uint64_t seed, uint64_t stream);
uint32_t rng_u32(struct rng *);
uint32_t rng_below(struct rng *, uint32_t n); /* [0, n), n > 0 */
double rng_unit(struct rng *); /* [0, 1) */
double rng_normal(struct rng *); /* mean 0, deviation 1 */
double rng_exponential(struct rng *, double mean);

#endif
