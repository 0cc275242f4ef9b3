/* router/predict.h - what a serving would do for a request.
 *
 * The profile says what its load and the prompt's length explain, the spreads
 * how far off that has been:
 *
 *	chance = P(ratio <= (target - waited) / TTFT) * P(ratio <= target / ITL)
 *
 * times the share of answers that came whole, and the probability that a
 * breaker which has relapsed does not open before the end. Monotone: more load,
 * or slower measurements, never make it look better. */
#ifndef ROUTER_PREDICT_H
#define ROUTER_PREDICT_H

#include "router/fleet.h"

#define PREDICT_FELT_BY 64.0 /* tokens that share the delay of a new prompt */

/* A request in numbers. */
struct demand {
	const struct slo *slo; /* its targets; borrowed */
	enum priority priority; /* at which it is treated */
	bool stream;
	bool late; /* its SLO was lost while it waited */
	bool shortage; /* more is asked for than there is */
	bool dire; /* it is premium, and that is asked for more than there is */
	bool much; /* it takes more work than most */
	double input, output; /* tokens; output is expected */
	struct units units;
	double output_high, output_most; /* seldom more, hardly ever more */
	double waited; /* us since it arrived */
	double required; /* the chance that makes a serving adequate */
	double penalty; /* of a miss, in prices of the dearest serving */
	double courtesy; /* that premium asks for where it is in need */
	uint64_t prefix; /* of its prompt; 0: none */
	const struct author *author; /* borrowed; NULL: anybody */
};

/* Microseconds. */
struct outlook {
	double ttft, itl, total; /* typical */
	double chance; /* P(every target is met); -1: there are none */
	struct crowd crowd; /* that it would find */
	double paced; /* ITL by the profile alone */
};

/* Prompt tokens that would have to be prefilled there. */
double uncached(const struct cell *, const struct demand *, usec now);
void predict(
    const struct cell *, const struct demand *, usec now, struct outlook *);
/* Hardly ever in time. */
#define PREDICT_LOST 0.02
static inline bool
predict_is_lost(double chance)
{
	return chance >= 0 && chance < PREDICT_LOST;
}
/* Of one that is lost there: whether it would be even if nobody else were
 * there; whether it would not be, had it come first. */
void predict_loss(const struct cell *, const struct demand *, usec now,
    bool *lost, bool *beaten);
/* The worst of typical / target. */
double predict_excess(const struct demand *, const struct outlook *);
/* The chance that with this one there the tightest ITL target at work is still
 * met, and nobody of premium comes meanwhile who misses the first token. */
double predict_courtesy(const struct cell *, const struct demand *,
    const struct outlook *, usec now);
/* Whether the tightest ITL target there is still kept with it, with little to
 * spare, and premium's next first token likely in time: for a shortage, in
 * which all that this leaves is taken. */
bool predict_room(const struct cell *, const struct demand *,
    const struct outlook *, usec now);
/* What that one would make those of higher priority there likely to lose, in
 * USD (router/stake.h). */
double predict_toll(const struct cell *, const struct demand *,
    const struct outlook *, usec now);
/* The chance if nobody else were there. */
double predict_idle(const struct cell *, const struct demand *, usec now);
/* The same if it were well besides: as it was last when it did not ail, and
 * none of its answers failed. */
double predict_well(const struct cell *, const struct demand *, usec now);

#endif
