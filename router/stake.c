/* router/stake.c - what is at stake at a backend. */
#include "router/stake.h"

#include <math.h>

#define MEMORY (3.0 * USEC_SEC) /* mean age of what `usual` counts */

void
stake_enter(struct stake *s, double worth, usec itl)
{
	s->at_work += worth;
	s->itl = itl;
}

void
stake_leave(struct stake *s, double worth)
{
	s->at_work = fmax(s->at_work - worth, 0);
}

void
stake_fade(struct stake *s, usec span)
{
	s->usual =
	    s->at_work + (s->usual - s->at_work) * exp(-(double)span / MEMORY);
}
