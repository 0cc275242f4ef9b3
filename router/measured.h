/* router/measured.h - what has been measured of one serving, for others than
 * the router: for people, and for the simulator, which plays it.
 *
 * The profile is the one that predictions are made by, fitted to some 1,400
 * samples; the ratios say how far off it has been in the last ten minutes or
 * so. Both hold for the crowd that they were measured in. */
#ifndef ROUTER_MEASURED_H
#define ROUTER_MEASURED_H

#include <stdbool.h>
#include <stdint.h>

#define MEASURED_RANKS 9
extern const double measured_ranks[MEASURED_RANKS]; /* 0..1, rising */

struct measured_times {
	uint64_t samples; /* in all, since the router has known it */
	double recent; /* what they count for: half of it goes in 300 s */
	/* actual / predicted, at measured_ranks; 0: not known */
	double ratio[MEASURED_RANKS];
};

struct measured {
	double rtt, step, per_sequence, per_token; /* us (profile.h) */
	/* what its requests met in the mean: others at work, and prompt tokens
	 * ahead of the first token, with their own */
	double sequences, tokens;
	/* Of a prompt token that the backend told of, how many were reckoned
	 * with: fewer where prompts are cached, or more where it has more of
	 * them to a byte than is assumed. 0: it told of none. */
	double reckoned;
	struct measured_times ttft, itl;
	bool ailing; /* far slower than its habit, at the moment */
	double heard; /* us since the last of it; negative: never */
	unsigned slots; /* that it told of, or is said to have; 0: not known */
};

#endif
