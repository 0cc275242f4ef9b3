/* router/latest.h - of several, who was the last, and who of the others.
 *
 * Two are enough to say of anybody when another than he was. */
#ifndef ROUTER_LATEST_H
#define ROUTER_LATEST_H

#include <stdint.h>

#include "gateway/lib/clock.h"

/* All zeros: nobody. */
struct latest {
	uint64_t who[2];
	usec at[2]; /* > 0 */
};

static inline void
latest_note(struct latest *l, uint64_t who, usec at)
{
	unsigned i = l->who[0] == who ? 0 : 1;

	if (l->who[i] != who && l->at[0] < l->at[1])
		i = 0;
	if (l->at[i] >= at)
		return;
	l->who[i] = who;
	l->at[i] = at;
}

static inline uint64_t
latest_who(const struct latest *l)
{
	return l->who[l->at[0] < l->at[1]];
}

/* When another than he last was; 0: never. */
static inline usec
latest_of_others(const struct latest *l, uint64_t who)
{
	usec at = 0;

	for (unsigned i = 0; i < 2; i++)
		if (l->who[i] != who && l->at[i] > at)
			at = l->at[i];
	return at;
}

#endif
