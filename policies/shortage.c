/* policies/shortage.c - whether there is less than is asked for, and then
 * what. */
#include "policies/shortage.h"

#include <math.h>

#define MEMORY (30.0 * USEC_SEC) /* mean age of what is counted */
#define SHARE 0.01 /* lost, of those asked for */
#define SHARE_DIRE 0.1 /* the same of premium */
#define PER_TOKEN (10.0 * USEC_MS)

void
shortage_asked(struct shortage *s, double work)
{
	s->asked++;
	s->work += work;
}

void
shortage_lost(struct shortage *s)
{
	s->lost++;
}

void
shortage_fade(struct shortage *s, usec span)
{
	double left = exp(-(double)span / MEMORY);

	s->asked *= left;
	s->lost *= left;
	s->work *= left;
}

bool
shortage_is(const struct shortage *s)
{
	/* one alone is chance */
	return s->lost > 1 && s->lost > SHARE * s->asked;
}

bool
shortage_is_dire(const struct shortage *s)
{
	return s->lost > 1 && s->lost > SHARE_DIRE * s->asked;
}

usec
shortage_turn(usec due, double work)
{
	return due + (usec)(PER_TOKEN * work);
}

bool
shortage_is_much(const struct shortage *s, double work)
{
	return work * s->asked >= s->work;
}
