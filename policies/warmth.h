/* policies/warmth.h - how many connections to a backend are kept open, and when
 * it is asked something so that they stay so.
 *
 * Of one backend, on one worker. Where premium requests came in the last five
 * minutes there are to be as many connections as they needed at once in the
 * last minute or two, as many more as were cut off with their requests between
 * two rounds, and one to spare; of these 16 idle at most. How long a backend
 * lets connections idle is learnt from those that it closes: two in a row that
 * lived alike tell it, and before it closes more it is asked a question over
 * those that it has. Rounds of questions are a quarter of a second apart at
 * least, and where they lead to nothing up to half a minute. */
#ifndef POLICIES_WARMTH_H
#define POLICIES_WARMTH_H

#include <stdbool.h>

#include "gateway/lib/clock.h"

#define WARMTH_MOST 16 /* connections kept idle for one backend */
#define WARMTH_SPARE 1

struct warmth { /* starts as zeroes */
	usec used; /* the last premium request began */
	usec period; /* began then */
	unsigned busy, peak, peak_before; /* requests now; the most at once, in
					     this period and in the last */
	usec idled; /* how long the last one had idled that was lost */
	usec lost; /* when that was */
	usec limit; /* what two in a row agreed on; 0: not known */
	usec asked; /* the last round */
	unsigned cut, cut_peak, cut_before; /* requests cut off since it last
					       looked; the most, as of peak */
	unsigned hoped; /* connections that were to come of it; 0: judged */
	unsigned failed; /* rounds in a row that led to nothing */
};

/* A premium request begins, and is over. Cut: by us, before its answer was, and
 * so with its connection. */
void warmth_begin(struct warmth *, usec now);
void warmth_end(struct warmth *, bool cut);
/* The backend has closed a connection that had idled for so long. */
void warmth_lost(struct warmth *, usec idled, usec now);
/* A question was not answered, or answered with a request to ask less. */
void warmth_failed(struct warmth *);
/* Whether there is anything to keep. */
bool warmth_active(const struct warmth *, usec now);

struct connections {
	unsigned open, idle; /* the latter among the former */
	usec used; /* when the last of the idle ones was; 0: none idles */
};
struct warmth_round {
	unsigned questions; /* to be asked all at once; 0: none now */
	bool fresh; /* each over a new connection, not over an idle one */
};
/* What is to be done now; no question of an earlier round is under way. */
struct warmth_round warmth_round(
    struct warmth *, const struct connections *, usec now);

#endif
