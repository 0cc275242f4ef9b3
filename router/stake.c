/* router/stake.c - what is at stake at a backend. */
#include "router/stake.h"

#include <math.h>

#define MEMORY (3.0 * USEC_SEC) /* mean age of what `usual` counts */
#define COMING (10.0 * USEC_SEC) /* the same of `coming` */
#define DISPLACED (30.0 * USEC_SEC) /* of `came` and `displaced` */
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
		s->came++;
	}
}

void
stake_leave(struct stake *s, double worth, usec itl)
{
	s->at_work = fmax(s->at_work - (itl > 0 ? worth : 0), 0);
}

void
stake_displace(struct stake *s, double more)
{
	s->displaced += more;
}

/* Who has not been there for long may try what it would cost. */
double
stake_displaced(const struct stake *s)
{
	return s->displaced / fmax(s->came, 1);
}

void
stake_fade(struct stake *s, usec span)
{
	double left = exp(-(double)span / DISPLACED);

	s->came *= left;
	s->displaced *= left;
	s->coming *= exp(-(double)span / COMING);
	s->usual =
	    s->at_work + (s->usual - s->at_work) * exp(-(double)span / MEMORY);
}
