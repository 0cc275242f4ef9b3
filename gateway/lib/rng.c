/* gateway/lib/rng.c - small, seedable random streams. */
#include "gateway/lib/rng.h"

#include <math.h>

void
rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
	r->state = 0;
	r->inc = stream << 1 | 1;
	rng_u32(r);
	r->state += seed;
	rng_u32(r);
}

uint32_t
rng_u32(struct rng *r)
{
	uint64_t old = r->state;
	uint32_t xorshifted = (uint32_t)(((old >> 18) ^ old) >> 27);
	uint32_t rot = (uint32_t)(old >> 59);

	r->state = old * UINT64_C(6364136223846793005) + r->inc;
	return xorshifted >> rot | xorshifted << (-rot & 31);
}

uint32_t
rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((uint64_t)rng_u32(r) * n >> 32);
}

double
rng_unit(struct rng *r)
{
	return rng_u32(r) * 0x1p-32;
}

double
rng_normal(struct rng *r)
{
	/* Box and Muller 1958, one of the pair. */
	double u = 1.0 - rng_unit(r), v = rng_unit(r);

	return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}

double
rng_exponential(struct rng *r, double mean)
{
	return -mean * log(1.0 - rng_unit(r));
}
