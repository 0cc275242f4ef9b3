/* router/choose.h - one of several servings that could take a request now.
 *
 * Adequate is a serving whose chance to meet the SLO is not far below what the
 * SLO asks of all requests together, that this priority may fill further, and
 * where it breaks nobody else's target. Of the adequate the least score wins:
 * the price, weighed up by how full the backend is, and what a probable miss is
 * worth (policies/confidence.h). Scores within 2 % are equal, and then quality
 * decides, then the lower load of two drawn at random (Mitzenmacher, "The power
 * of two choices in randomized load balancing", TPDS 2001).
 *
 * Where none is adequate: premium goes where its chance is best, unless that is
 * next to none and a wait may help; the others go where it is nearly good
 * enough or all but idle, else wait as long as waiting may help, then take what
 * leaves the higher ones unharmed. Batch also waits a while for something much
 * cheaper than what is adequate now.
 *
 * Ailing servings are left alone but for those who find out how they are. A
 * small share of standard requests goes to a cheaper serving that is less
 * certain but usually good enough, lest one bad minute be remembered for
 * ever. */
#ifndef ROUTER_CHOOSE_H
#define ROUTER_CHOOSE_H

#include "router/weigh.h"

#define CHOOSE_TIE 1.02
#define CHOOSE_CHANCE_TIE 0.02 /* chances closer than this are equal */
#define CHOOSE_IDLE 2 /* fewer at work than this */

enum choice_kind { CHOICE_GO, CHOICE_WAIT, CHOICE_REFUSE };

struct choice {
	enum choice_kind kind;
	unsigned index; /* of the candidate; CHOICE_GO */
	enum plan_reason reason;
};

/* What the choice is for. */
struct quest {
	const struct route_request *req;
	const struct demand *demand;
	bool may_wait;
	/* Servings of the model that are usable, or will be when somebody
	 * leaves: what there is to wait for. */
	const struct cell *const *hopes;
	unsigned n_hopes;
	double explore; /* the share of standard requests that may */
};

/* Fills the candidates in. 1 <= n <= CONF_SERVINGS_MAX. */
struct choice choose(struct candidate *, unsigned n, const struct quest *,
    usec now, struct rng *);

/* --- doubt.c --- */

/* Somebody has to see whether an ailing one has recovered: batch now and then,
 * a standard request seldom, premium never. Which one it is now, of those that
 * have been weighed; false: none. */
bool choose_doubtful(const struct candidate *, unsigned n,
    const struct demand *, usec now, unsigned *out);

#endif
