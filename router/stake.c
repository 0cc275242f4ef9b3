/* router/stake.c - what is at stake at a backend. */
#include "router/stake.h"

#include <math.h>

#define MEMORY (3.0 * USEC_SEC) /* mean age of what `usual` counts */
#define COMING (10.0 * USEC_SEC) /* the same of `coming` */
#define LEARN 0.05

void
stake_enter(struct stake *s, double worth, double tokens, usec ttft, usec itl)
{
	if (ttft > 0) {
		if (s->ttft == 0)
			s->tokens = tokens;
		s->tokens += LEARN * (tokens - s->tokens);
		s->ttft = ttft;
		s->coming += worth / COMING;
	}
	if (itl > 0) {
		s->itl = itl;
		s->at_work += worth;
	}
}

void
stake_leave(struct stake *s, double worth, usec itl)
{
	s->at_work = fmax(s->at_work - (itl > 0 ? worth : 0), 0);
}

void
stake_fade(struct stake *s, usec span)
{
	s->coming *= exp(-(double)span / COMING);
	s->usual =
	    s->at_work + (s->usual - s->at_work) * exp(-(double)span / MEMORY);
}
