/* gateway/lib/hash.h - one number of several, for tables and ids.
 *
 * The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014): of one h, different numbers
 * make different ones. */
#ifndef GATEWAY_LIB_HASH_H
#define GATEWAY_LIB_HASH_H

#include <stdint.h>

static inline uint64_t
hash_mix(uint64_t h, uint64_t x)
{
	x = (x ^ h) + UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif
